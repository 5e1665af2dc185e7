import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { eachStore } from '../support/stores.ts';
import { CALL, TRANSACTION } from '../support/workflows.ts';

eachStore(({ engine, url }) => {
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
      assert.deepEqual(me.token.scopes, ['wf:create_transaction', 'profile']);
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

    test('says the same of an unknown user, a wrong password, one of Google only and a suspended one', async () => {
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
      assert.match(answers[0]?.body.hint, /Google .*\/tokens/);
      for (const answer of answers) assert.deepEqual(answer, answers[0]);
    });

    test('guesses of one e-mail are counted, wherever they come from', async () => {
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

    test('is for admin tokens of admins only', async () => {
      const json = { email: 'user@example.com', password: PASSWORD };
      for (const scopes of [['profile'], ['wf:issue_token'], ['wf:create_transaction', 'profile']]) {
        const { value } = await server.serviceToken(scopes);
        const { status, headers } = await server.call(ISSUE, { method: 'POST', token: value, json });
        assert.equal(status, 403);
        assert.match(headers.get('www-authenticate') ?? '', /scope="admin"/);
      }
      const { value } = await server.serviceToken(['admin'], { admin: false });
      assert.equal((await server.call(ISSUE, { method: 'POST', token: value, json })).status, 403);
    });
  });
});
