import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { Account } from '../../server/accounts/account.ts';
import { stateOf } from '../../server/credentials/credential.ts';
import { ISSUED_NAMES_MAX, LIVE_TOKENS_MAX } from '../../server/ground/limits.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { eachStore } from '../support/stores.ts';
import { CALL, TRANSACTION } from '../support/workflows.ts';

eachStore(({ engine, url, once }) => {
  describe(`issue_token (${engine})`, () => {
    const ISSUE = '/api/1.1/wf/issue_token';
    const PASSWORD = 'correct horse battery staple';
    let server: ApiServer;
    let admin: string;
    let userId: string;
    before(async () => {
      server = await startApiServer({ storeUrl: await url(), clock: () => 1_800_000_000 });
      admin = (await server.serviceToken(['admin'])).value;
      const passwordHash = await server.domain.passwords.hash(PASSWORD);
      const user = await server.domain.accounts.create(
        { email: 'user@example.com', passwordHash, admin: false },
        { kind: 'operator' },
      );
      userId = user.id;
    });
    after(() => server.stop());

    test('gives the token of a user who knows the password, with all that the account may do by itself', async () => {
      const json = { email: 'User@example.com', password: PASSWORD };
      const { status, body, text } = await server.call(ISSUE, { method: 'POST', token: admin, json });
      assert.equal(status, 200, text);
      const { token, user_id, expires } = body.response;
      assert.deepEqual([body.status, user_id, expires], ['success', userId, 90 * 86_400]);
      const me = (await server.call('/api/1.1/me', { token })).body.response;
      assert.deepEqual(me.account, { id: userId, email: 'user@example.com' });
      const data = ['data:transaction:read', 'data:transaction:write'];
      assert.deepEqual(me.token.scopes, ['wf:create_transaction', ...data, 'profile']);
      assert.equal(me.token.expires_in, expires);
      assert.equal((await server.call(TRANSACTION, { method: 'POST', token, json: CALL })).status, 200);
      const [entry] = await server.domain.rows.audit.list({
        where: [
          ['accountId', '=', userId],
          ['action', '=', 'token.created'],
        ],
        limit: 1,
      });
      assert.equal(entry?.actor.kind, 'client');
      assert.ok(!JSON.stringify(await server.calls()).includes(PASSWORD));
      assert.ok(!server.logged().includes(PASSWORD) && !server.logged().includes(token));
    });

    test('lives as long as asked, within the settings, under the name asked for', async () => {
      const json = { email: 'user@example.com', password: PASSWORD, expires_in: 3600, name: 'Their phone' };
      const { body } = await server.call(ISSUE, { method: 'POST', token: admin, json });
      assert.equal(body.response.expires, 3600);
      assert.equal(
        (await server.call('/api/1.1/me', { token: body.response.token })).body.response.token.name,
        'Their phone',
      );
      for (const expires_in of [0, 59, 1.5, 401 * 86_400, '3600', null]) {
        const wrong = await server.call(ISSUE, {
          method: 'POST',
          token: admin,
          json: { ...json, expires_in },
        });
        assert.deepEqual([wrong.status, wrong.body.body.parameter], [400, 'expires_in']);
      }
    });

    describe('what the same service issued before under this name', () => {
      const now = 1_800_000_000;
      let clock = now;
      let own: ApiServer;
      let service: Awaited<ReturnType<ApiServer['serviceToken']>>;
      let user: Account;
      beforeEach(async () => {
        clock = now;
        own = await startApiServer({ storeUrl: await url(), clock: () => clock });
        service = await own.serviceToken(['admin']);
        const passwordHash = await own.domain.passwords.hash(PASSWORD);
        user = await own.domain.accounts.create(
          { email: 'user@example.com', passwordHash, admin: false },
          { kind: 'operator' },
        );
      });
      afterEach(() => own.stop());

      async function issue(wanted: object = {}, token = service.value): Promise<string> {
        const json = { email: 'user@example.com', password: PASSWORD, ...wanted };
        const { status, body, text } = await own.call(ISSUE, { method: 'POST', token, json });
        assert.equal(status, 200, text);
        return body.response.token;
      }
      const works = async (token: string) => (await own.call('/api/1.1/me', { token })).status === 200;
      const mails = async () => {
        const sent = await own.domain.rows.outbox.list({
          where: [['to', '=', 'user@example.com']],
          limit: 100,
        });
        // Not those that tell of calls with what was replaced.
        return sent.filter(({ subject }) => subject.startsWith('New personal access token')).length;
      };

      test('ends when a new one is issued, with one mail for all of them', async () => {
        const tokens = [await issue(), await issue(), await issue()];
        assert.deepEqual(await Promise.all(tokens.map(works)), [false, false, true]);
        assert.equal(
          (await own.call('/api/1.1/me', { token: tokens[2] ?? '' })).body.response.token.name,
          'Sync service',
        );
        assert.equal(await mails(), 1);
        const phone = await issue({ name: 'Phone' });
        assert.deepEqual(await Promise.all([tokens[2] ?? '', phone].map(works)), [true, true]);
        assert.equal(await mails(), 2);
        const audit = await own.domain.rows.audit.list({
          where: [
            ['accountId', '=', user.id],
            ['action', '=', 'token.replaced'],
          ],
          limit: 10,
        });
        assert.equal(audit.length, 2);
      });

      test('works on for the overlap, and no longer than it would have', async () => {
        const [first, short] = [
          await issue({ expires_in: 3600 }),
          await issue({ replace: false, expires_in: 60 }),
        ];
        const second = await issue({ overlap: 300 });
        assert.deepEqual(await Promise.all([first, short, second].map(works)), [true, true, true]);
        clock += 60;
        assert.deepEqual(await Promise.all([first, short, second].map(works)), [true, false, true]);
        clock += 240;
        assert.deepEqual(await Promise.all([first, second].map(works)), [false, true]);
        const third = await issue({ overlap: 300 });
        const fourth = await issue();
        assert.deepEqual(await Promise.all([second, third, fourth].map(works)), [false, false, true]);
        for (const overlap of [-1, 0.5, 30 * 86_400 + 1, '60', null]) {
          const json = { email: 'user@example.com', password: PASSWORD, overlap };
          const wrong = await own.call(ISSUE, { method: 'POST', token: service.value, json });
          assert.deepEqual([wrong.status, wrong.body.body.parameter], [400, 'overlap']);
        }
      });

      test('lives on where it is not to be replaced', async () => {
        const tokens = [await issue(), await issue({ replace: false }), await issue({ replace: false })];
        assert.deepEqual(await Promise.all(tokens.map(works)), [true, true, true]);
        const last = await issue();
        assert.deepEqual(await Promise.all([...tokens, last].map(works)), [false, false, false, true]);
        assert.equal(await mails(), 1);
      });

      once('is what no other service, no other user and no token of their own is touched by', async () => {
        const other = await own.serviceToken(['admin']);
        const passwordHash = await own.domain.passwords.hash(PASSWORD);
        await own.domain.accounts.create(
          { email: 'b@example.com', passwordHash, admin: false },
          { kind: 'operator' },
        );
        const { value: mine } = await own.domain.tokens.mint(
          { account: user, name: 'Sync service', scopes: ['profile'], expiresAt: clock + 3600 },
          { kind: 'account', id: user.id },
        );
        const tokens = [
          mine,
          await issue(),
          await issue({}, other.value),
          await issue({ email: 'b@example.com' }),
        ];
        assert.deepEqual(await Promise.all(tokens.map(works)), [true, true, true, true]);
      });

      test('of calls at the same moment one token is live in the end', async () => {
        const before = await issue();
        const wanted = {
          account: user,
          service: { id: service.clientId, name: 'Sync service' },
          name: 'Sync service',
          scopes: ['profile'],
          expiresAt: clock + 3600,
          replace: true,
          overlapSeconds: 0,
        };
        const made = await Promise.all(
          Array.from({ length: 12 }, () => own.domain.tokens.issue(wanted, { kind: 'client' })),
        );
        const working = await Promise.all([before, ...made.map(({ value }) => value)].map(works));
        assert.equal(working.filter(Boolean).length, 1);
        assert.equal(await mails(), 1);
        await Promise.all(
          [1, 2].map(() => own.domain.tokens.issue({ ...wanted, overlapSeconds: 60 }, { kind: 'client' })),
        );
        clock += 60;
        const live = (await own.domain.tokens.list(user.id)).filter((row) => stateOf(row, clock) === 'live');
        assert.equal(live.length, 1);
      });

      once('has ten names a service and user, whatever the user has made', async () => {
        for (let number = 0; number < LIVE_TOKENS_MAX; number += 1) {
          await own.token({ accountId: user.id, name: `Own ${number}` });
        }
        for (let number = 0; number < ISSUED_NAMES_MAX; number += 1) await issue({ name: `Phone ${number}` });
        const json = { email: 'user@example.com', password: PASSWORD, name: 'Phone more' };
        const { status, body } = await own.call(ISSUE, { method: 'POST', token: service.value, json });
        assert.deepEqual([status, body.body.status, body.body.parameter], [409, 'TOO_MANY_TOKENS', 'name']);
        assert.match(body.body.message, /Sync service has 10 /);
        await issue({ name: 'Phone 3' });
        const other = await own.serviceToken(['admin']);
        await issue({ name: 'Phone more' }, other.value);
        const all = await own.domain.tokens.list(user.id);
        const revoked = all.find(({ name }) => name === 'Phone 5');
        await own.domain.tokens.revoke({ accountId: user.id, id: revoked?.id ?? '' }, { kind: 'account' });
        await issue({ name: 'Phone more' });
      });

      test('piles up no more than a few where each is given an overlap', async () => {
        for (let turn = 0; turn < 14; turn += 1) {
          clock += 1;
          const wanted = { account: user, name: 'P', scopes: ['profile'], expiresAt: clock + 86_400 };
          const service = { id: 'svc_x', name: 'X' };
          await own.domain.tokens.issue(
            { ...wanted, service, replace: true, overlapSeconds: 3600 },
            { kind: 'client' },
          );
        }
        const live = (await own.domain.tokens.list(user.id)).filter((row) => stateOf(row, clock) === 'live');
        assert.equal(live.length, 11);
      });
    });

    once(
      'says the same of an unknown user, a wrong password, one of Google only and a suspended one',
      async () => {
        const accounts = server.domain.accounts;
        await accounts.create({ email: 'google@example.com', admin: false }, { kind: 'operator' });
        const passwordHash = await server.domain.passwords.hash(PASSWORD);
        const gone = await accounts.create(
          { email: 'gone@example.com', passwordHash, admin: false },
          { kind: 'operator' },
        );
        await accounts.suspend(gone.id, { kind: 'operator' });
        const attempts = [
          ['user@example.com', 'wrong password'],
          ['nobody@example.com', PASSWORD],
          ['google@example.com', PASSWORD],
          ['gone@example.com', PASSWORD],
          ['not an address', PASSWORD],
        ];
        const answers = [];
        for (const [email, password] of attempts) {
          const { status, body } = await server.call(ISSUE, {
            method: 'POST',
            token: admin,
            json: { email, password },
          });
          answers.push({ status, body: { ...body.body, requestId: '' } });
        }
        assert.deepEqual([answers[0]?.status, answers[0]?.body.status], [400, 'INVALID_DATA']);
        assert.match(answers[0]?.body.hint, /no password here .*\/tokens/);
        for (const answer of answers) assert.deepEqual(answer, answers[0]);
      },
    );

    once('guesses of one e-mail are counted, wherever they come from', async () => {
      // Each guess costs a hash, so all but the last two of the hour's hundred are only counted.
      const hour = { limit: 100, windowSeconds: 3600 };
      for (let turn = 0; turn < 98; turn += 1) {
        await server.domain.limiter.count('password:guessed@example.com', hour);
      }
      const json = { email: 'guessed@example.com', password: 'wrong password' };
      const statuses: number[] = [];
      for (let turn = 0; turn < 3; turn += 1) {
        statuses.push((await server.call(ISSUE, { method: 'POST', token: admin, json })).status);
      }
      assert.deepEqual(statuses, [400, 400, 429]);
    });

    once('is for admin tokens of admins only', async () => {
      const json = { email: 'user@example.com', password: PASSWORD };
      for (const scopes of [['profile'], ['wf:issue_token'], ['wf:create_transaction', 'profile']]) {
        const { value } = await server.serviceToken(scopes);
        const { status, headers } = await server.call(ISSUE, { method: 'POST', token: value, json });
        assert.equal(status, 403);
        assert.match(headers.get('www-authenticate') ?? '', /scope="admin:wf:issue_token"/);
      }
      const { value } = await server.serviceToken(['admin'], { admin: false });
      assert.equal((await server.call(ISSUE, { method: 'POST', token: value, json })).status, 403);
    });
  });
});
