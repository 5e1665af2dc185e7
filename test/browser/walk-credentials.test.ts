import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Credential } from '../../server/credentials/credential.ts';
import { PASSWORD } from '../support/people.ts';
import { BROWSERS, openWalk, requestOf, type Visitor, type Walk } from './steps.ts';

/** A day as date inputs have it, this many from now. */
const dayIn = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

/** How much later than pressed a form reaches the server. */
const SLOW_LINE_MS = 300;

/** The value in a box to copy from. */
const valueIn = (visitor: Visitor, label: string) =>
  visitor.page.getByLabel(label, { exact: true }).inputValue();

/** The lines to try under a label. */
const linesUnder = async (visitor: Visitor, label: string) =>
  (await visitor.page.getByRole('group', { name: label }).textContent()) ?? '';

describe('credentials, in a browser', () => {
  let walk: Walk;
  before(async () => {
    walk = await openWalk();
  });
  after(() => walk?.close());

  /** Presses a copy button and answers what was copied; without JavaScript there is none. */
  async function copied(visitor: Visitor, label: string): Promise<string | undefined> {
    if (!visitor.javaScript) {
      assert.equal(await visitor.isOffered(/^Copy/), false);
      return undefined;
    }
    await visitor.press(`Copy ${label}`);
    await visitor.page.getByRole('button', { name: 'Copied', exact: true }).waitFor();
    return visitor.page.evaluate<string>('navigator.clipboard.readText()');
  }

  for (const { title, javaScript } of BROWSERS) {
    describe(title, () => {
      const options = { permissions: ['clipboard-read', 'clipboard-write'] };

      it('makes a token after a fresh sign-in, shows it once, lists and revokes it', async () => {
        const { account, agent } = await walk.people.person();
        walk.wait(301);
        await walk.visit({ javaScript, as: agent, options }, async (visitor) => {
          await visitor.open('/tokens');
          await visitor.press('Make a token');
          await visitor.arrive('Confirm that it is you');
          await visitor.reads(account.email);
          await visitor.look('confirm-it-is-you', 'main');
          await visitor.fill({ Password: PASSWORD });
          await visitor.press('Continue');

          await visitor.arrive('New personal access token');
          await visitor.look('token-new', 'main');
          await visitor.fill({ Name: 'Build server', 'Note (optional)': 'On the machine under the desk' });
          await visitor.press('Make the token');
          await visitor.page.getByText('Nothing was saved.').waitFor();
          await visitor.look('token-new-refused');
          await visitor.page.getByLabel(/^Record a transaction/).check();
          await visitor.page.getByLabel(/^See who you are/).check();
          assert.equal(await visitor.page.getByLabel('Date').isVisible(), false);
          await visitor.page.getByLabel('Expires in').selectOption('date');
          await visitor.fill({ Date: dayIn(30) });
          await visitor.press('Make the token');

          await visitor.arrive('Token “Build server” is ready');
          await visitor.look('token-made', 'main');
          const token = await valueIn(visitor, 'Token');
          assert.match(token, /^lk_pat_[0-9A-Za-z]{36}$/);
          const line = await linesUnder(visitor, 'Try it in a terminal');
          if (javaScript) {
            assert.equal(await copied(visitor, 'Token'), token);
            await visitor.page.getByRole('button', { name: 'Copy Token' }).waitFor();
            assert.equal(await copied(visitor, 'Try it in a terminal'), line);
          } else {
            await copied(visitor, 'Token');
          }
          const answer = await fetch(requestOf(line));
          assert.equal(answer.status, 200, await answer.text());

          await visitor.press('I have copied it');
          await visitor.arrive('Personal access tokens');
          await visitor.reads(`lk_pat_${token.slice(7, 11)}…${token.slice(-4)}`, /in 3[01] days/, 'desk');
          assert.ok(!(await visitor.page.content()).includes(token));
          const other = await walk.people.domain.tokens.mint(
            { account, name: 'Laptop', scopes: ['profile'], expiresAt: walk.now() + 5 * 86_400, note: '' },
            { kind: 'operator' },
          );
          await visitor.open('/tokens');
          await visitor.look('tokens', 'main');

          await visitor.press('Revoke… Build server');
          await visitor.arrive('Revoke the token “Build server”?');
          await visitor.look('token-revoke', 'main');
          assert.equal((await walk.callMe(token)).status, 200);
          await visitor.press('Revoke this token');
          await visitor.page.getByText('The token was revoked.').waitFor();
          assert.equal((await walk.callMe(token)).status, 401);
          assert.equal((await walk.callMe(other.value)).status, 200);
          await visitor.page.getByText('Expired and revoked tokens').first().click();
          await visitor.page.getByRole('cell', { name: /Revoked just now/ }).waitFor();
          await visitor.look('tokens-revoked');
        });
      });

      it('makes a service, whose secret is shown once, rotated and revoked', async () => {
        const { account, agent } = await walk.people.person();
        await walk.visit({ javaScript, as: agent, options }, async (visitor) => {
          await visitor.open('/services');
          await visitor.arrive('Services');
          await visitor.look('services-empty');
          await visitor.press('Make a service');
          await visitor.arrive('New service');
          await visitor.look('service-new');
          await visitor.fill({ Name: 'Bookkeeping Ltd' });
          await visitor.page.getByLabel(/^Record a transaction/).check();
          await visitor.page.getByLabel(/^See who you are/).check();
          // On a slow line the second click comes long before the first answer.
          await visitor.page.route('**/services/new', async (route) => {
            if (route.request().method() === 'POST') await delay(SLOW_LINE_MS);
            await route.continue();
          });
          await visitor.page.getByRole('button', { name: 'Make the service' }).dblclick();

          await visitor.arrive('Service “Bookkeeping Ltd” is ready');
          await visitor.page.unroute('**/services/new');
          assert.equal((await walk.people.domain.services.list(account.id)).length, 1);
          await visitor.look('service-made', 'main');
          const secret = await valueIn(visitor, 'Client secret');
          const line = await linesUnder(visitor, 'Get an access token');
          if (javaScript) assert.equal(await copied(visitor, 'Client secret'), secret);
          const token = await tokenFrom(line);
          assert.equal((await walk.callMe(token)).status, 200);

          await visitor.press('I have copied it');
          await visitor.arrive('Bookkeeping Ltd');
          await visitor.press('Services');
          await visitor.arrive('Services');
          await visitor.reads('Bookkeeping Ltd', 'Your own data');
          await visitor.look('services');
          await visitor.press('Bookkeeping Ltd');
          await visitor.arrive('Bookkeeping Ltd');
          assert.ok(!(await visitor.page.content()).includes(secret));
          await visitor.look('service', 'main');

          await visitor.press('Make a secret…');
          await visitor.arrive('New secret for “Bookkeeping Ltd”');
          await visitor.look('secret-new');
          await visitor.fill({ Name: 'Second machine' });
          await visitor.press('Make the secret');
          await visitor.arrive('A new secret of “Bookkeeping Ltd” is ready');
          const second = await linesUnder(visitor, 'Get an access token');
          await visitor.press('I have copied it');
          await visitor.press('Revoke… Second machine');
          await visitor.arrive('Revoke the secret “Second machine”?');
          await visitor.look('secret-revoke');
          await visitor.press('Revoke this secret');
          await visitor.page.getByText('The secret was revoked.').waitFor();
          assert.equal((await fetch(requestOf(second))).status, 401);

          await visitor.press('Rotate…');
          await visitor.arrive('Rotate the secrets of “Bookkeeping Ltd”');
          await visitor.look('secrets-rotate');
          await visitor.page.getByLabel('The older secrets stay good for').selectOption('0');
          await visitor.press('Rotate now');
          await visitor.arrive('The secrets of “Bookkeeping Ltd” were rotated');
          await visitor.look('secrets-rotated');
          assert.equal((await fetch(requestOf(line))).status, 401);
          assert.equal((await walk.callMe(token)).status, 401);
          const renewed = await tokenFrom(await linesUnder(visitor, 'Get an access token'));
          assert.equal((await walk.callMe(renewed)).status, 200);

          await visitor.press('I have copied it');
          await visitor.press('Revoke this service…');
          await visitor.arrive('Revoke the service “Bookkeeping Ltd”?');
          await visitor.look('service-revoke');
          await visitor.press('Revoke this service');
          await visitor.page.getByText('The service was revoked.').waitFor();
          assert.equal((await walk.callMe(renewed)).status, 401);
          await visitor.look('services-revoked');
        });
      });

      it('shows a person their calls and changes, refused ones marked, and filters them', async () => {
        const { account, agent } = await walk.people.person();
        const actor = { kind: 'account', id: account.id, from: '203.0.113.9', requestId: 'a1b2c3' } as const;
        const wanted = { account, scopes: ['profile'], expiresAt: walk.now() + 86_400 * 90, note: '' };
        const { value } = await walk.people.domain.tokens.mint({ ...wanted, name: 'Nightly export' }, actor);
        await walk.people.domain.tokens.mint({ ...wanted, name: 'Laptop' }, actor);
        await walk.callMe(value);
        await fetch(`${walk.server.url}/api/1.1/wf/create_transaction`, {
          method: 'POST',
          headers: { authorization: `Bearer ${value}` },
        });
        await walk.visit({ javaScript, as: agent }, async (visitor) => {
          await visitor.open('/activity');
          await visitor.arrive('Activity');
          await visitor.reads('GET /api/1.1/me', 'Refused insufficient scope (403)', 'Token made', 'Laptop');
          await visitor.look('activity', 'main');
          await visitor.page.getByLabel('Show').selectOption({ label: 'Token: Laptop' });
          await visitor.press('Filter');
          await visitor.page.waitForURL(/credential=/);
          const text = await visitor.text();
          assert.ok(text.includes('Token made') && !text.includes('/api/1.1/me'), text);
          await visitor.look('activity-filtered');
        });
      });
    });
  }

  async function tokenFrom(line: string): Promise<string> {
    const answer = await fetch(requestOf(line));
    assert.equal(answer.status, 200);
    return ((await answer.json()) as { access_token: string }).access_token;
  }

  it('offers an admin what only admins choose, and asks before all tokens are revoked', async () => {
    const { account, agent } = await walk.people.person({ admin: true });
    const wanted = { account, scopes: ['profile'], expiresAt: walk.now() + 86_400 * 90, note: '' };
    const made = await Promise.all(
      ['Laptop', 'Phone'].map((name) =>
        walk.people.domain.tokens.mint({ ...wanted, name }, { kind: 'operator' }),
      ),
    );
    await walk.visit({ javaScript: true, as: agent }, async (visitor) => {
      await visitor.open('/services/new');
      await visitor.arrive('New service');
      await visitor.look('service-new-admin');
      await visitor.fill({ Name: 'Warehouse' });
      await visitor.page.getByLabel('It is a resource server').check();
      await visitor.page.getByLabel('The whole app').check();
      await visitor.press('Make the service');
      await visitor.arrive('Service “Warehouse” is ready');
      await visitor.look('service-made-resource-server');

      await visitor.open('/tokens');
      await visitor.press('Revoke all tokens…');
      await visitor.arrive('Revoke all 2 tokens?');
      await visitor.look('tokens-revoke-all');
      await visitor.press('Revoke all tokens');
      await visitor.page.getByText('All your tokens were revoked.').waitFor();
      for (const { value } of made) assert.equal((await walk.callMe(value)).status, 401);
    });
  });

  it('fits a hundred tokens into three pages, of which each is three screens at most', async () => {
    const { account, agent } = await walk.people.person();
    const now = walk.now();
    const names = [
      'Nightly export',
      'a-name-from-an-older-system-that-nobody-ever-cut-down',
      'גיבוי לילי (v2)',
    ];
    const rows = Array.from({ length: 100 }, (_, index): Credential => {
      const { firstFour, lastFour } = { firstFour: '9fK2', lastFour: String(1000 + index) };
      return {
        id: `tok_${account.id.slice(4)}${index}`,
        kind: 'personal_access_token',
        hash: `${account.id}${index}`,
        firstFour,
        lastFour,
        name: `${names[index % 10] ?? 'Script'} ${index}`,
        accountId: account.id,
        scopes: ['wf:create_transaction', 'profile'],
        createdAt: now - 86_400,
        expiresAt: now + 86_400 * (index + 1),
        ...(index % 3 === 0 ? { lastUsedAt: now - 60 * index, lastUsedFrom: '203.0.113.7' } : {}),
        ...(index % 20 === 0 ? { note: 'On the machine under the desk', pausedAt: now } : {}),
        ...(index % 25 === 0 ? { narrowing: { ipRanges: ['203.0.113.0/24'] } } : {}),
      };
    });
    await walk.people.domain.rows.credentials.insertMany(rows);
    await walk.visit({ javaScript: true, as: agent }, async (visitor) => {
      await visitor.page.setViewportSize({ width: 1280, height: 800 });
      await visitor.open('/tokens');
      for (const number of [1, 2, 3]) {
        await visitor.page.getByText(`Page ${number} of 3`).waitFor();
        const high = await visitor.page.evaluate<number>('document.documentElement.scrollHeight');
        assert.ok(high <= 3 * 800, `page ${number} is ${high} px high`);
        if (number < 3) await visitor.press('Next');
      }
      await visitor.look('tokens-many', 'main');
    });
  });
});
