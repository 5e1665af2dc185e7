import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import type { Account } from '../../server/accounts/account.ts';
import { createApp } from '../../server/app.ts';
import { createAgent } from '../support/browserless.ts';
import { textOf } from '../support/page-text.ts';
import { PASSWORD, type Person } from '../support/people.ts';
import { siteOfBlock } from '../support/site.ts';
import { eachStore } from '../support/stores.ts';

const OPERATOR = { kind: 'operator' } as const;

eachStore(({ url: storeUrl, isFirst }) => {
  describe('all that can act for an account', () => {
    const site = siteOfBlock(storeUrl);

    const isIn = async ({ agent }: Pick<Person, 'agent'>) => (await agent.get('/account')).status === 200;

    async function equipped(account: Account) {
      const { domain } = site;
      const expiresAt = domain.clock() + 86_400;
      const wanted = { account, name: 'Backup script', scopes: ['profile'] };
      const token = await domain.tokens.mint({ ...wanted, expiresAt }, OPERATOR);
      const service = await domain.services.create(
        { ...wanted, name: 'Ledger sync', actsFor: 'account', resourceServer: false },
        OPERATOR,
      );
      const app = await domain.apps.create(
        { ...wanted, name: 'Own app', redirectUris: ['https://own.example/cb'], confidential: true },
        OPERATOR,
      );
      return { token, service, app };
    }

    const freshNeeded = /^\/sign-in\?fresh=1&/;

    async function later<T>(seconds: number, act: () => Promise<T>): Promise<T> {
      site.ahead = seconds;
      try {
        return await act();
      } finally {
        site.ahead = 0;
      }
    }

    test('stands on one page, and one button ends it all but this session', async () => {
      const person = await site.person();
      const { agent, account } = person;
      const { token, service, app } = await equipped(account);
      const third = await site.app();
      await third.connect(agent);
      const elsewhere = { agent: await site.signIn(account.email) };
      const stranger = await site.person();
      const theirs = await equipped(stranger.account);

      const text = textOf((await agent.get('/account/access')).text);
      for (const shown of [/tokens \(1\).*Backup script/, /Services \(1\).*Ledger sync/, /Sessions \(2\)/])
        assert.match(text, shown);
      assert.match(text, /Connected apps \(1\).*Ledger.*Apps of yours \(1\).*Own app/);
      assert.match(textOf((await agent.get('/account/access/end')).text), /End all access to your account\?/);
      assert.equal(await site.callMe(token.value), 200);

      // Long after the sign-in: ending asks for no fresh one, and does not count as one.
      await later(600, async () => {
        const ended = await agent.post('/account/access/end', { viewer: account.email });
        assert.equal((await agent.get(ended.location)).location, '/account/access?done=ended');
        assert.match((await agent.get('/account/password')).location, freshNeeded);
      });
      assert.match(
        textOf((await agent.get('/account/access?done=ended')).text),
        /other sessions and the secrets of your apps were ended.*tokens \(0\).*Services \(0\).*Connected apps \(0\).*Apps of yours \(1\).*Sessions \(1\)/,
      );
      assert.deepEqual(
        [await isIn(person), await isIn(elsewhere), await isIn(stranger)],
        [true, false, true],
      );
      assert.equal(await site.callMe(token.value), 401);
      assert.equal(await site.callMe(theirs.token.value), 200);
      for (const [clientId, secret] of [
        [service.client.id, service.secret.value],
        [app.client.id, app.secret?.value ?? ''],
      ])
        assert.equal(await site.domain.clients.checkSecret(clientId ?? '', secret ?? '', ''), undefined);
      await site.mail.waitFor({ to: account.email, subject: /^All access to your account/ });
      const row = await site.domain.accounts.get(account.id);
      assert.equal(row?.endAccessAt, undefined);
      assert.equal(row?.passwordHash, account.passwordHash);
    });

    test('a sweep ends what a process that died left', async (t) => {
      const account = await site.account();
      const { token } = await equipped(account);
      const { credentials } = site.domain.rows;
      const broken = t.mock.method(credentials, 'list', async () => {
        throw new Error('the process is gone');
      });
      await assert.rejects(site.domain.endings.endAccess(account, { kind: 'account', id: account.id }));
      broken.mock.restore();
      assert.equal(await site.callMe(token.value), 200);
      await site.domain.rows.accounts.update(account.id, {
        set: { endAccessAt: site.domain.clock() - 60 },
      });
      await site.domain.endings.sweep();
      assert.equal(await site.callMe(token.value), 401);
      assert.equal((await site.domain.accounts.get(account.id))?.endAccessAt, undefined);
    });

    test('an account is deleted by who typed its address, with words afterwards', async () => {
      const person = await site.person();
      const { agent, account } = person;
      const { token } = await equipped(account);
      assert.match(textOf((await agent.get('/account/delete')).text), /stays here for up to 400 days/);
      for (const email of ['', 'other@example.com', `${account.email}x`]) {
        const refused = await agent.post('/account/delete', { email });
        assert.equal(refused.status, 400);
        assert.match(refused.text, /aria-invalid="true"/);
      }
      await later(301, async () => {
        assert.match((await agent.get('/account/delete')).location, freshNeeded);
        const stale = await agent.post('/account/delete', { email: account.email });
        assert.match(stale.location, freshNeeded);
      });
      assert.equal(await site.callMe(token.value), 200);
      const done = await agent.post('/account/delete', { email: ` ${account.email.toUpperCase()} ` });
      assert.equal(done.location, '/sign-in?done=account-deleted');
      assert.match(textOf((await agent.get(done.location)).text), /Your account was deleted/);
      assert.ok(!(await isIn(person)));
      assert.equal(await site.callMe(token.value), 401);
      assert.equal(await site.domain.accounts.get(account.id), undefined);
      const mail = await site.mail.waitFor({ to: account.email, subject: /was deleted$/ });
      assert.match(mail.text ?? '', /From: 127\.0\.0\.1/);
      const again = createAgent(site.url);
      const form = { email: account.email, password: PASSWORD, return_to: '/tokens' };
      assert.equal((await again.post('/sign-in', form)).status, 400);
    });

    if (!isFirst) return;

    test('takes no ending from another site or for another viewer, and tells of a few within an hour', async () => {
      const { agent, account } = await site.person();
      const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
      for (const path of ['/account/access/end', '/account/data', '/account/delete']) {
        assert.equal((await agent.post(path, { email: account.email }, foreign)).status, 403, path);
        const form = { email: account.email, viewer: 'other@example.com' };
        assert.equal((await agent.post(path, form)).status, 409, path);
      }
      const answers = [];
      for (let count = 0; count < 11; count += 1)
        answers.push((await agent.post('/account/access/end', {})).status);
      assert.deepEqual(answers, Array(11).fill(303));
      const { audit } = site.domain.rows;
      const ofThis = ['accountId', '=', account.id] as const;
      const told = await audit.count([ofThis, ['action', '=', 'account.access_ended']]);
      assert.equal(told, 10);
      assert.ok(await isIn({ agent }));
    });

    test('the last admin stays', async () => {
      const admins = await site.domain.rows.accounts.list({ where: [['admin', '=', true]], limit: 10 });
      assert.deepEqual(admins, []);
      const { agent, account } = await site.person({ admin: true });
      assert.equal((await agent.get('/account/delete')).status, 409);
      const refused = await agent.post('/account/delete', { email: account.email });
      assert.equal(refused.status, 409);
      assert.ok(await isIn({ agent }));
    });
  });

  describe('the data of an account', () => {
    const site = siteOfBlock(storeUrl);

    test('has every page of a long list, the newest first', async () => {
      const account = await site.account();
      const at = site.domain.clock();
      const entries = Array.from({ length: 450 }, (_, index) => ({
        ...{ id: `e${String(index).padStart(5, '0')}`, at: at - index, accountId: account.id },
        ...{ actor: OPERATOR, action: 'token.created', targetId: 't', targetName: `T${index}` },
      }));
      const refused = {
        action: 'account.sign_in_refused',
        targetName: 'Wrong password',
        refused: true,
        count: 3,
      };
      const byAdmin = { actor: { kind: 'account', id: 'acc_admin', from: '203.0.113.9' } as const };
      await site.domain.rows.audit.insertMany([
        { ...(entries[0] ?? assert.fail()), ...refused, id: 'e9' },
        { ...(entries[0] ?? assert.fail()), ...byAdmin, id: 'e8' },
      ]);
      await site.domain.rows.audit.insertMany(entries);
      const actor = { kind: 'account', id: account.id } as const;
      const pieces = [];
      for await (const piece of await site.domain.accountData.take(account, actor)) pieces.push(piece);
      const { changes } = JSON.parse(pieces.join('')) as { changes: { id: string; target_name: string }[] };
      // What failed, and how often; and nothing of another person.
      const change = (wanted: string) => changes.find(({ id }) => id === wanted);
      assert.partialDeepStrictEqual(change('e9'), { refused: true, count: 3 });
      assert.deepEqual((change('e8') as { actor?: object } | undefined)?.actor, { kind: 'account' });
      const names = changes
        .filter(({ id }) => id.length > 2)
        .map(({ target_name }) => target_name)
        .filter((name) => /^T\d/.test(name));
      assert.deepEqual(
        names,
        entries.map(({ targetName }) => targetName),
      );
    });

    if (!isFirst) return;

    test('is taken out as JSON without a secret or a hash, by its owner alone', async () => {
      const { agent, account } = await site.person();
      const stranger = await site.person();
      const { domain } = site;
      const actor = { kind: 'account', id: account.id } as const;
      const expiresAt = domain.clock() + 86_400;
      const scopes = ['profile', 'wf:create_transaction'];
      const { value } = await domain.tokens.mint({ account, name: 'Script', scopes, expiresAt }, actor);
      const { secret } = await domain.services.create(
        { account, name: 'Sync', scopes: ['profile'], actsFor: 'account', resourceServer: false },
        actor,
      );
      await site.callMe(value);
      const body = JSON.stringify({ account: 'savings', phone: '+358 40 123 4567', amount: 49.9 });
      const headers = { authorization: `Bearer ${value}`, 'content-type': 'application/json' };
      const run = await fetch(`${site.url}/api/1.1/wf/create_transaction`, { method: 'POST', headers, body });
      assert.equal(run.status, 200);

      assert.match(textOf((await agent.get('/account/data')).text), /the newest 10,000 of each/);
      const taken = await agent.post('/account/data', { viewer: account.email });
      assert.equal(taken.status, 200);
      assert.match(
        taken.headers.get('content-disposition') ?? '',
        /^attachment; filename="account-\d{4}-\d\d-\d\d\.json"$/,
      );
      assert.equal(taken.headers.get('content-type'), 'application/json; charset=utf-8');
      assert.equal(taken.headers.get('cache-control'), 'no-store');
      const data = JSON.parse(taken.text) as Record<string, never>;
      assert.deepEqual(Object.keys(data), [
        ...['taken_at', 'account', 'sign_in_methods', 'sessions', 'tokens', 'services', 'apps'],
        ...['client_secrets', 'connected_apps', 'reviews', 'changes', 'calls', 'data'],
      ]);
      const { tokens, data: rows, calls, changes } = data as Record<string, { [key: string]: never }[]>;
      assert.equal(tokens?.[0]?.name, 'Script');
      assert.ok(calls?.every(({ ms }) => typeof ms === 'number'));
      const [transaction, ...more] = (rows as unknown as { transaction: Record<string, unknown>[] })
        .transaction;
      assert.deepEqual(more, []);
      assert.deepEqual(Object.keys(transaction ?? {}).toSorted(), [
        ...['account', 'amount_cents', 'created_at', 'id', 'modified_at', 'phone'],
      ]);
      assert.deepEqual(calls?.map(({ path }) => path).sort(), [
        '/api/1.1/me',
        '/api/1.1/wf/create_transaction',
      ]);
      assert.ok(changes?.some(({ action }) => action === 'account.data_taken'));
      const stored = await domain.rows.credentials.list({
        where: [['accountId', '=', account.id]],
        limit: 10,
      });
      const hidden = [value, secret.value, ...stored.map(({ hash }) => hash), account.passwordHash ?? 'none'];
      for (const one of [...hidden, ...Object.values(agent.cookies()), stranger.account.id, '$argon2'])
        assert.ok(!taken.text.includes(one), one);
      assert.equal((await createAgent(site.url).post('/account/data', {})).status, 303);
    });

    test('wants a fresh sign-in, and not too often', async () => {
      const { agent } = await site.person();
      site.ahead = 301;
      try {
        assert.match(
          (await agent.post('/account/data', {})).location,
          /^\/sign-in\?fresh=1&return_to=%2Faccount%2Fdata/,
        );
        assert.match((await agent.get('/account/data')).location, /^\/sign-in\?fresh=1&/);
      } finally {
        site.ahead = 0;
      }
      const answers = [];
      for (let count = 0; count < 11; count += 1)
        answers.push((await agent.post('/account/data', {})).status);
      assert.deepEqual(answers, [...Array(10).fill(200), 429]);
    });

    test('a document that cannot be read to its end does not look whole', async (t) => {
      const { agent } = await site.person();
      // Of a second process on the same store, where the calls cannot be read.
      t.mock.method(site.domain.rows.calls, 'list', async () => {
        throw new Error('the store is gone');
      });
      const { app } = await createApp(site.domain);
      const server = app.listen(0, '127.0.0.1');
      t.after(() => server.close());
      await once(server, 'listening');
      const cookies = Object.entries(agent.cookies()).map(
        ([name, value]) => `${name.split(' ')[0]}=${value}`,
      );
      const sent = request({
        ...{ port: (server.address() as AddressInfo).port, host: '127.0.0.1', path: '/account/data' },
        method: 'POST',
        headers: {
          ...{ host: new URL(site.url).host, origin: site.url, 'sec-fetch-site': 'same-origin' },
          ...{ cookie: cookies.join('; '), 'content-type': 'application/x-www-form-urlencoded' },
        },
      });
      sent.end();
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      assert.equal(answer.statusCode, 200);
      await assert.rejects(async () => {
        for await (const _piece of answer);
      }, /aborted/);
    });
  });
});
