import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newSecret } from '../../server/credentials/secret-format.ts';
import { openPeople, type People } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { readKeptMailTo } from '../support/smtp.ts';
import { eachStore } from '../support/stores.ts';
import { until } from '../support/until.ts';

const OPERATOR = { kind: 'operator' } as const;
const SUBJECT = 'A honey token was used: Bait';

eachStore(({ url: storeUrl, isFirst }) => {
  describe('a honey token', () => {
    let server: TestServer;
    let people: People;
    let admin: Awaited<ReturnType<People['account']>>;
    let now = Math.floor(Date.now() / 1000);
    before(async () => {
      server = await startTestServer({ storeUrl: await storeUrl(), clock: () => now });
      people = await openPeople(server);
      admin = await people.account({ admin: true });
    });
    after(async () => {
      await people.close();
      await server.stop();
    });

    async function bait(owner?: Awaited<ReturnType<People['account']>>) {
      const account = owner ?? (await people.account());
      const wanted = { account, name: 'Bait', scopes: ['profile'], expiresAt: now + 86_400, honey: true };
      return { account, ...(await people.domain.tokens.mint(wanted, OPERATOR)) };
    }

    async function told(to: string): Promise<string[]> {
      const mails = await readKeptMailTo(server.mailFolder, to);
      return mails.filter(({ subject }) => subject === SUBJECT).map(({ text }) => text ?? '');
    }

    /** How many uses a mail tells of. */
    const toldOf = (text: string) => Number(/last mail: (\d+)/.exec(text)?.[1]);

    const toldTimes = (to: string, times: number) =>
      until(`${times} mails`, async () => {
        const mails = await told(to);
        return mails.length === times && mails;
      });

    async function call(token: string) {
      const response = await fetch(`${server.url}/api/1.1/me`, {
        headers: { Authorization: `Bearer ${token}` },
      });
      const headers = Object.fromEntries(response.headers);
      for (const name of ['x-request-id', 'date']) delete headers[name];
      const text = (await response.text()).replace(/"requestId":"[^"]+"/, '');
      return { status: response.status, headers, text };
    }

    it('is answered like one that is not there, and told of to its owner and the admins', async () => {
      const { value, account, credential } = await bait();
      assert.deepEqual(await call(value), await call(newSecret('lk_pat_')));
      for (const to of [account.email, admin.email]) {
        const [text] = await toldTimes(to, 1);
        assert.match(
          text ?? '',
          /Times used since the last mail: 1\nCalled: GET \/api\/1\.1\/me\n[\s\S]*From: 127\.0\.0\.1/,
        );
      }
      const calls = await until('its call', async () => {
        const found = await people.domain.rows.calls.list({
          where: [['tokenId', '=', credential.id]],
          limit: 10,
        });
        return found.length > 0 && found;
      });
      assert.deepEqual([calls[0]?.status, calls[0]?.accountId], [401, account.id]);
      const audit = await people.domain.rows.audit.list({
        where: [['accountId', '=', account.id]],
        limit: 100,
      });
      const actions = audit.map(({ action, actor }) => `${action} ${actor.from ?? ''}`);
      assert.ok(actions.includes('honey.used 127.0.0.1'), actions.join());
      assert.ok(actions.includes('honey.created '));
    });

    it('is told of once an hour, with the number of its uses', async () => {
      const { value, account, credential } = await bait();
      await Promise.all(Array.from({ length: 20 }, () => call(value)));
      const [first = ''] = await toldTimes(account.email, 1);
      await call(value);
      now += 3599;
      await call(value);
      await until('all are counted', async () => {
        const { honeyUses = 0 } = await people.domain.tokens.get({
          accountId: account.id,
          id: credential.id,
        });
        return toldOf(first) + honeyUses === 22;
      });
      assert.equal((await told(account.email)).length, 1);
      now += 1;
      await call(value);
      const mails = await toldTimes(account.email, 2);
      const counts = mails.map(toldOf);
      assert.equal(
        counts.reduce((sum, count) => sum + count),
        23,
      );
    });

    if (!isFirst) return;

    it('opens nothing when it is rotated either', async () => {
      const { credential, account } = await bait();
      const which = { accountId: account.id, id: credential.id };
      const { value } = await people.domain.tokens.rotate(which, { account, overlapSeconds: 0 }, OPERATOR);
      assert.equal((await call(value)).status, 401);
      await toldTimes(account.email, 1);
    });

    it('is not active for a resource server, whose question is told of', async () => {
      const { value, account } = await bait();
      const service = await people.domain.services.create(
        {
          account: admin,
          name: `Shop ${now}`,
          scopes: ['profile'],
          actsFor: 'account',
          resourceServer: true,
        },
        OPERATOR,
      );
      const authorization = `Basic ${btoa(`${service.client.id}:${service.secret.value}`)}`;
      const answer = await fetch(`${server.url}/oauth/introspect`, {
        method: 'POST',
        body: new URLSearchParams({ token: value }),
        headers: { Authorization: authorization },
      });
      assert.deepEqual(await answer.json(), { active: false });
      const [text] = await toldTimes(account.email, 1);
      assert.match(text ?? '', /Called: POST \/oauth\/introspect/);
    });

    it('is not ended by a report of a leak, which is told of', async () => {
      const { value, account, credential } = await bait();
      const answer = await fetch(`${server.url}/credentials/revoke`, {
        method: 'POST',
        body: JSON.stringify({ credentials: [value] }),
        headers: { 'Content-Type': 'application/json' },
      });
      assert.equal(answer.status, 202);
      const [text] = await toldTimes(account.email, 1);
      assert.match(text ?? '', /Called: Reported as leaked/);
      const row = await people.domain.tokens.get({ accountId: account.id, id: credential.id });
      assert.equal(row.revokedAt, undefined);
    });

    it('is made on a page by admins only', async () => {
      const form = { name: 'Bait', scopes: 'profile', expires: '30', honey: 'yes' };
      const maker = await people.person({ admin: true });
      assert.match((await maker.agent.get('/tokens/new')).text, /name="honey"/);
      const made = await maker.agent.post('/tokens/new', form);
      assert.equal(made.status, 303, made.text);
      const [token] = await people.domain.tokens.list(maker.account.id);
      assert.equal(token?.honey, true);
      assert.match((await maker.agent.get('/tokens')).text, /Honey token: opens nothing/);

      const other = await people.person();
      assert.doesNotMatch((await other.agent.get('/tokens/new')).text, /name="honey"/);
      const refused = await other.agent.post('/tokens/new', form);
      assert.equal(refused.status, 403);
      assert.deepEqual(await people.domain.tokens.list(other.account.id), []);
    });

    it('is quiet when it was revoked, and answered as that', async () => {
      const { value, account, credential } = await bait();
      await people.domain.tokens.revoke({ accountId: account.id, id: credential.id }, OPERATOR);
      assert.match((await call(value)).text, /revoked/);
      const found = await people.domain.bearers.find(value);
      assert.deepEqual(['refused' in found && found.refused, 'honey' in found], ['revoked', false]);
    });
  });
});
