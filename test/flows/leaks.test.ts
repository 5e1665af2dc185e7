import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { checksumOf } from '../../server/credentials/secret-format.ts';
import { LEAKS_REPORTED_MAX } from '../../server/ground/limits.ts';
import { openPeople, type People } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { readKeptMailTo } from '../support/smtp.ts';
import { eachStore } from '../support/stores.ts';
import { until } from '../support/until.ts';

const OPERATOR = { kind: 'operator' } as const;
/** Of our form, with a checksum that fits, and nobody's. */
const UNKNOWN = `lk_pat_${'0'.repeat(30)}${checksumOf('0'.repeat(30))}`;

eachStore(({ url: storeUrl, isFirst }) => {
  describe('a report of leaked credentials', () => {
    let server: TestServer;
    let people: People;
    before(async () => {
      // The proxy is this machine, so that each test comes from a network of its own.
      server = await startTestServer({ storeUrl: await storeUrl(), settings: { proxies: ['127.0.0.1'] } });
      people = await openPeople(server);
    });
    after(async () => {
      await people.close();
      await server.stop();
    });

    function post(body: string | object, headers: Record<string, string> = {}): Promise<Response> {
      return fetch(`${server.url}/credentials/revoke`, {
        method: 'POST',
        body: typeof body === 'string' ? body : JSON.stringify(body),
        headers: { 'Content-Type': 'application/json', 'X-Forwarded-For': '192.0.2.1', ...headers },
      });
    }

    async function report(values: string[], from = '192.0.2.1'): Promise<void> {
      const { status } = await post({ credentials: values }, { 'X-Forwarded-For': from });
      assert.equal(status, 202);
    }

    async function mint(account: Awaited<ReturnType<People['account']>>, name: string) {
      const expiresAt = people.domain.clock() + 86_400;
      return people.domain.tokens.mint({ account, name, scopes: ['profile'], expiresAt }, OPERATOR);
    }

    const me = async (token: string) =>
      (await fetch(`${server.url}/api/1.1/me`, { headers: { Authorization: `Bearer ${token}` } })).status;

    const toldOfLeaks = async (to: string) =>
      (await readKeptMailTo(server.mailFolder, to)).filter(({ subject }) => subject?.includes('as leaked'));

    it('ends live and paused tokens, tells their owner in one mail, and says who reported', async () => {
      const account = await people.account();
      const first = await mint(account, 'First');
      const paused = await mint(account, 'Second');
      const kept = await mint(account, 'Kept');
      await people.domain.tokens.pause(paused.credential, OPERATOR);
      await report([first.value, paused.value, first.value, UNKNOWN, 'nothing of ours']);
      await until('it is revoked', async () => (await me(first.value)) === 401);
      await until(
        'it is revoked',
        async () => (await people.domain.tokens.get(paused.credential)).revokedAt !== undefined,
      );
      assert.equal(await me(kept.value), 200);
      const told = await until('the mail', async () => {
        const mails = await toldOfLeaks(account.email);
        return mails.length > 0 && mails;
      });
      assert.equal(told.length, 1);
      assert.equal(told[0]?.subject, '2 of your credentials were reported as leaked, and are revoked');
      assert.match(told[0]?.text ?? '', /First: personal access token[\s\S]*From: 192\.0\.2\.1/);
      const where = [['accountId', '=', account.id]] as const;
      const leaked = await until('the audit', async () => {
        const audit = await people.domain.rows.audit.list({ where, limit: 100 });
        const some = audit.filter(({ action }) => action === 'token.leaked');
        return some.length === 2 && some;
      });
      assert.deepEqual(leaked.map(({ targetName }) => targetName).sort(), ['First', 'Second']);
      assert.deepEqual(
        leaked.map(({ actor }) => [actor.kind, actor.from]),
        [
          ['reporter', '192.0.2.1'],
          ['reporter', '192.0.2.1'],
        ],
      );
      // Reports are taken in turn: the second is done when what came with it is.
      const last = await mint(account, 'Last');
      await report([first.value, paused.value]);
      await report([last.value]);
      await until('it is revoked', async () => (await me(last.value)) === 401);
      await until('the mail', async () => (await toldOfLeaks(account.email)).length === 2);
    });

    it('ends client secrets, and the access tokens that were got with them', async () => {
      const account = await people.account();
      const service = await people.domain.services.create(
        { account, name: 'Shop', scopes: ['profile'], actsFor: 'account', resourceServer: false },
        OPERATOR,
      );
      const { value } = service.secret;
      const ask = () =>
        fetch(`${server.url}/oauth/token`, {
          method: 'POST',
          body: new URLSearchParams({ grant_type: 'client_credentials' }),
          headers: { Authorization: `Basic ${btoa(`${service.client.id}:${value}`)}` },
        });
      const got = (await (await ask()).json()) as { access_token: string };
      const other = (await (await ask()).json()) as { access_token: string };
      assert.equal(await me(got.access_token), 200);
      await report([got.access_token]);
      await until('it is revoked', async () => (await me(got.access_token)) === 401);
      assert.equal(await me(other.access_token), 200);
      await report([value]);
      await until('it is revoked', async () => (await ask()).status === 401);
      assert.equal(await me(other.access_token), 401);
      const told = await until('both mails', async () => {
        const mails = await toldOfLeaks(account.email);
        return mails.length === 2 && mails.map(({ subject }) => subject ?? '').sort();
      });
      assert.deepEqual(told, [
        'Reported as leaked, and revoked: Shop',
        'Reported as leaked, and revoked: Shop: Secret 1',
      ]);
    });

    it("ends an app's access with its refresh token, and an access token alone", async () => {
      const app = await people.app();
      const person = await people.person();
      const scope = 'openid offline_access wf:create_transaction';
      const tokens = await app.connect(person.agent, { scope, prompt: 'consent' });
      const refresh = tokens.refresh_token ?? assert.fail('no refresh token');
      await report([tokens.access_token]);
      await until('it is revoked', async () => (await me(tokens.access_token)) === 401);
      assert.equal((await people.domain.grants.list(person.account.id)).length, 1);
      await report([refresh]);
      await until(
        'it is revoked',
        async () => (await people.domain.grants.list(person.account.id)).length === 0,
      );
      await until('both mails', async () => (await toldOfLeaks(person.account.email)).length === 2);
    });

    if (!isFirst) return;

    it('answers the same, whatever the values were', async () => {
      const account = await people.account();
      const live = await mint(account, 'Live');
      const dead = await mint(account, 'Dead');
      await people.domain.tokens.revoke(dead.credential, OPERATOR);
      const answers = [];
      for (const value of [live.value, dead.value, UNKNOWN, `${live.value}x`, 'x', 'ghp_x']) {
        const answer = await post({ credentials: [value] }, { 'X-Forwarded-For': '192.0.2.2' });
        const headers = Object.fromEntries(answer.headers);
        for (const name of ['x-request-id', 'date']) delete headers[name];
        answers.push({ status: answer.status, headers, body: await answer.text() });
      }
      for (const answer of answers) assert.deepEqual(answer, answers[0]);
      assert.equal(answers[0]?.status, 202);
      assert.equal(answers[0]?.body, '{"status":"accepted"}');
      // The work is not done yet: no time is taken for what was found.
      await until('it is revoked', async () => (await me(live.value)) === 401);
    });

    it('ends what stands among values that cannot be ours, and between blanks', async () => {
      const { value } = await mint(await people.account(), 'Among others');
      const others = ['', '  ', 'x'.repeat(1001), '\0\ud800', `${value.slice(0, -1)}`];
      await report([...others, ` ${value}\r\n`]);
      await until('it is revoked', async () => (await me(value)) === 401);
    });

    it('is refused where it cannot be read, and revokes nothing then', async () => {
      const { value } = await mint(await people.account(), 'Stays');
      const many = Array.from({ length: LEAKS_REPORTED_MAX + 1 }, () => value);
      const bad: [number, string | object, Record<string, string>?][] = [
        [400, ''],
        [400, '{'],
        [400, '\ufeff{}'],
        [400, 'null'],
        [400, [value]],
        [400, {}],
        [400, { credentials: value }],
        [400, { credentials: [] }],
        [400, { credentials: [value, 1] }],
        [400, { credentials: [value, null] }],
        [400, { credentials: [value, [value]] }],
        [400, { credentials: [value, { $ne: null }] }],
        [400, { credentials: many }],
        [400, { credentials: [value], more: 1 }],
        [400, `${'['.repeat(100_000)}`],
        [413, { credentials: [value, 'x'.repeat(1_100_000)] }],
        [415, { credentials: [value] }, { 'Content-Type': 'text/plain' }],
        [415, `credentials=${value}`, { 'Content-Type': 'application/x-www-form-urlencoded' }],
        [415, { credentials: [value] }, { 'Content-Encoding': 'gzip' }],
      ];
      for (const [status, body, headers] of bad) {
        const answer = await post(body, { ...headers, 'X-Forwarded-For': '192.0.2.3' });
        const text = await answer.text();
        assert.equal(answer.status, status, `${JSON.stringify(body).slice(0, 100)}: ${text}`);
        assert.ok(!text.includes('lk_pat_'));
        assert.notEqual(JSON.parse(text).body.hint, '');
      }
      assert.equal(await me(value), 200);
      assert.ok(!server.logged().includes(value));
    });

    it('lets no page of another site read or send one', async () => {
      const headers = { Origin: 'https://evil.example', 'Access-Control-Request-Method': 'POST' };
      const preflight = await fetch(`${server.url}/credentials/revoke`, { method: 'OPTIONS', headers });
      assert.equal(preflight.headers.get('access-control-allow-origin'), null);
      const answer = await post({ credentials: ['x'] }, { ...headers, 'X-Forwarded-For': '192.0.2.4' });
      assert.equal(answer.headers.get('access-control-allow-origin'), null);
    });

    it('is counted by network: reports of any kind, and values', async () => {
      const from = { 'X-Forwarded-For': '192.0.2.5' };
      for (let count = 0; count < 60; count += 1) assert.equal((await post('{', from)).status, 400);
      const full = await post({ credentials: ['x'] }, from);
      assert.equal(full.status, 429);
      assert.ok(Number(full.headers.get('retry-after')) > 0);
      const values = Array.from({ length: LEAKS_REPORTED_MAX }, (_, index) => `value ${index}`);
      for (let count = 0; count < 10; count += 1) await report(values, '192.0.2.6');
      assert.equal((await post({ credentials: ['x'] }, { 'X-Forwarded-For': '192.0.2.6' })).status, 429);
      await report(['x'], '192.0.2.7');
    });
  });
});
