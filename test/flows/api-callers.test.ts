import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { eachStore } from '../support/stores.ts';
import { CALL, openDoor, TRANSACTION } from '../support/workflows.ts';

eachStore(({ engine, url }) => {
  describe(`callers of the API (${engine})`, () => {
    const now = 1_800_000_000;
    let server: ApiServer;
    before(async () => {
      server = await startApiServer({
        storeUrl: await url(),
        clock: () => now,
        workflows: [openDoor],
      });
    });
    after(() => server.stop());

    const lastCall = async () => (await server.calls()).at(-1);
    const tokenFor = (...scopes: string[]) => server.token({ scopes });

    describe('who may call', () => {
      test('nobody learns a name without a token; with one the nearest name is suggested', async () => {
        for (const name of ['create_transaction', 'no_such', 'issue_token']) {
          const { status, body } = await server.call(`/api/1.1/wf/${name}`, { method: 'POST' });
          assert.deepEqual([status, body.body.status], [401, 'UNAUTHORIZED']);
        }
        const { value } = await server.token();
        const near = await server.call('/api/1.1/wf/createTransactions', { method: 'POST', token: value });
        assert.deepEqual([near.status, near.body.body.status], [404, 'NOT_FOUND']);
        assert.match(near.body.body.hint, /Did you mean create_transaction\?/);
        const far = await server.call('/api/1.1/wf/issue_tokens', { method: 'POST', token: value });
        assert.match(far.body.body.hint, /This token may call: create_transaction, open_door\./);
        assert.equal((await lastCall())?.result, 'NOT_FOUND');
      });

      test('a missing scope is 403 naming it, before anything is said of the parameters', async () => {
        const { value, credential } = await tokenFor('profile');
        const { status, headers, body } = await server.call(TRANSACTION, {
          method: 'POST',
          token: value,
          json: [],
        });
        assert.deepEqual([status, body.body.status], [403, 'insufficient_scope']);
        const challenge = headers.get('www-authenticate') ?? '';
        assert.match(challenge, /error="insufficient_scope"/);
        assert.match(challenge, /scope="wf:create_transaction"/);
        assert.match(challenge, /resource_metadata="[^"]+"/);
        const call = await lastCall();
        assert.deepEqual(
          [call?.tokenId, call?.status, call?.result],
          [credential.id, 403, 'insufficient_scope'],
        );
      });

      test('the wrong method is 405 and says the right one, to those who may know', async () => {
        assert.equal((await server.call(TRANSACTION)).status, 401);
        const { value } = await server.token();
        const { status, headers, body } = await server.call(TRANSACTION, { token: value });
        assert.deepEqual(
          [status, headers.get('allow'), body.body.status],
          [405, 'POST, OPTIONS', 'METHOD_NOT_ALLOWED'],
        );
        assert.match(body.body.hint, /POST/);
      });

      test('a workflow for anyone needs no token, knows its caller, and still refuses a bad one', async () => {
        assert.equal((await server.call('/api/1.1/wf/open_door')).body.response.who, 'nobody');
        const before = (await server.calls()).length;
        const { value, credential } = await tokenFor('profile');
        const known = await server.call('/api/1.1/wf/open_door', { token: value });
        assert.equal(known.body.response.who, `${credential.accountId}@example.com`);
        assert.equal((await server.calls()).length, before + 1);
        assert.equal((await server.call('/api/1.1/wf/open_door', { token: 'nonsense' })).status, 401);
        const head = await server.call('/api/1.1/wf/open_door', { method: 'HEAD' });
        assert.deepEqual([head.status, head.text], [200, '']);
      });
    });

    describe('dead tokens', () => {
      const deaths: [what: string, wanted: object, result: RegExp, hint: RegExp][] = [
        ['expired', { expiresAt: now - 60 }, /expired on 2027-01-15 07:59 UTC/, /\/tokens/],
        ['revoked', { revokedAt: now - 60 }, /revoked on 2027-01-15 07:59 UTC/, /\/tokens/],
      ];
      for (const [what, wanted, message, hint] of deaths) {
        test(`${what}: 401 that says when, and an entry of the refused call`, async () => {
          const { value, credential } = await server.token(wanted);
          const { status, headers, body } = await server.call('/api/1.1/me', { token: value });
          assert.deepEqual([status, body.body.status], [401, 'invalid_token']);
          assert.match(headers.get('www-authenticate') ?? '', message);
          assert.match(body.body.message, message);
          assert.match(body.body.hint, hint);
          const call = await lastCall();
          assert.deepEqual(
            [call?.accountId, call?.tokenId, call?.status, call?.result],
            [credential.accountId, credential.id, 401, 'invalid_token'],
          );
        });
      }

      test('of whichever the owner is mailed once, however often and at the same time it is used', async () => {
        const { value, credential } = await server.token({ revokedAt: now - 60, name: 'Leaked' });
        const use = () => server.call('/api/1.1/me', { token: value });
        await Promise.all(Array.from({ length: 8 }, use));
        await use();
        const to = `${credential.accountId}@example.com`;
        const mails = await server.domain.rows.outbox.list({ where: [['to', '=', to]], limit: 10 });
        assert.deepEqual(
          mails.map(({ subject }) => subject),
          ['A token that has ended was used: Leaked'],
        );
        assert.match(mails[0]?.text ?? '', /GET \/api\/1\.1\/me/);
      });

      test('a paused one is refused until it is resumed, and nobody is mailed', async () => {
        const { value, credential } = await server.token();
        const which = { accountId: credential.accountId, id: credential.id };
        await server.domain.tokens.pause(which, { kind: 'operator' });
        const { status, body } = await server.call('/api/1.1/me', { token: value });
        assert.deepEqual([status, body.body.status], [401, 'invalid_token']);
        assert.match(body.body.message, /paused on 2027-01-15/);
        assert.match(body.body.hint, /resume it at .*\/tokens/);
        await server.domain.tokens.resume(which, { kind: 'operator' });
        assert.equal((await server.call('/api/1.1/me', { token: value })).status, 200);
        const to = `${credential.accountId}@example.com`;
        assert.deepEqual(await server.domain.rows.outbox.list({ where: [['to', '=', to]], limit: 10 }), []);
      });

      test('of a paused service, whose owner is pointed to it', async () => {
        const { value, clientId } = await server.serviceToken(['profile']);
        await server.domain.rows.clients.update(clientId, { set: { pausedAt: now } }, []);
        const { status, body } = await server.call('/api/1.1/me', { token: value });
        assert.deepEqual([status, body.body.status], [401, 'invalid_token']);
        assert.match(body.body.message, /The service of this token was paused on 2027-01-15/);
        assert.match(body.body.hint, /resume it at .*\/services/);
      });

      test('of a suspended account', async () => {
        const { value, credential } = await server.token();
        assert.equal((await server.call('/api/1.1/me', { token: value })).status, 200);
        await server.domain.accounts.suspend(credential.accountId, { kind: 'operator' });
        const { status, body } = await server.call('/api/1.1/me', { token: value });
        assert.equal(status, 401);
        assert.match(body.body.message, /suspended/);
        assert.equal((await lastCall())?.tokenId, credential.id);
      });

      test('a revocation holds from the very next call on', async () => {
        const { value, credential } = await server.token();
        assert.equal((await server.call('/api/1.1/me', { token: value })).status, 200);
        await server.domain.tokens.revoke(
          { accountId: credential.accountId, id: credential.id },
          { kind: 'operator' },
        );
        assert.equal((await server.call('/api/1.1/me', { token: value })).status, 401);
        assert.equal(
          (await server.call(TRANSACTION, { method: 'POST', token: value, json: CALL })).status,
          401,
        );
      });
    });

    describe('GET /api/1.1/me', () => {
      test('says who the token is, what it may do and until when', async () => {
        const { value, credential } = await server.token({ name: 'Laptop' });
        const { body } = await server.call('/api/1.1/me', { token: value });
        assert.deepEqual(body, {
          status: 'success',
          response: {
            account: { id: credential.accountId, email: `${credential.accountId}@example.com` },
            token: {
              id: credential.id,
              kind: 'personal_access_token',
              name: 'Laptop',
              scopes: ['wf:create_transaction', 'profile'],
              created_at: now,
              created: '2027-01-15T08:00:00.000Z',
              expires_at: now + 3600,
              expires: '2027-01-15T09:00:00.000Z',
              expires_in: 3600,
            },
            acts_for: 'account',
          },
        });
      });

      test('says null where a token never expires, and keeps the e-mail from tokens that may not see it', async () => {
        const { value, credential } = await server.token({
          scopes: ['wf:create_transaction'],
          expiresAt: undefined,
        });
        const { response } = (await server.call('/api/1.1/me', { token: value })).body;
        assert.deepEqual(response.account, { id: credential.accountId });
        assert.deepEqual(
          [response.token.expires_at, response.token.expires, response.token.expires_in],
          [null, null, null],
        );
      });

      test('of a service names the client and for whom it acts', async () => {
        const { value, clientId, owner } = await server.serviceToken(['admin', 'wf:issue_token']);
        const { response } = (await server.call('/api/1.1/me', { token: value })).body;
        assert.deepEqual(response.client, { id: clientId, name: 'Sync service', kind: 'service' });
        assert.deepEqual(
          [response.account.id, response.acts_for, response.token.kind],
          [owner, 'app', 'access_token'],
        );
        const call = await lastCall();
        assert.deepEqual([call?.clientId, call?.privacyBypassed], [clientId, true]);
      });

      test('HEAD is GET without the body', async () => {
        const { value } = await server.token();
        const { status, text, headers } = await server.call('/api/1.1/me', { method: 'HEAD', token: value });
        assert.deepEqual([status, text], [200, '']);
        assert.ok(Number(headers.get('content-length')) > 100);
      });
    });

    test('OPTIONS says what an address is called with, and not which workflows an admin has', async () => {
      const allow: [path: string, status: number, allow: string | null][] = [
        ['/api/1.1/me', 204, 'GET, HEAD, OPTIONS'],
        ['/api/1.1/wf/create_transaction', 204, 'POST, OPTIONS'],
        ['/api/1.1/wf/open_door', 204, 'GET, HEAD, OPTIONS'],
        ['/api/1.1/wf/issue_token', 204, 'GET, HEAD, POST, OPTIONS'],
        ['/api/1.1/wf/no_such', 204, 'GET, HEAD, POST, OPTIONS'],
        ['/api/1.1/nowhere', 404, null],
      ];
      for (const [path, status, methods] of allow) {
        const answer = await server.call(path, { method: 'OPTIONS' });
        assert.deepEqual([answer.status, answer.headers.get('allow')], [status, methods], path);
      }
    });

    describe('pages of other origins', () => {
      test('may call, and may read what was refused', async () => {
        const preflight = await server.call('/api/1.1/wf/no_such', {
          method: 'OPTIONS',
          headers: {
            origin: 'https://app.example',
            'access-control-request-method': 'POST',
            'access-control-request-headers': 'authorization, content-type',
          },
        });
        assert.equal(preflight.status, 204);
        assert.equal(preflight.headers.get('access-control-allow-origin'), '*');
        assert.equal(preflight.headers.get('access-control-allow-credentials'), null);
        assert.match(
          preflight.headers.get('access-control-allow-headers') ?? '',
          /Authorization, Content-Type/,
        );
        const plain = await server.call('/api/1.1/me');
        assert.equal(plain.headers.get('access-control-allow-origin'), null);
        const refused = await server.call('/api/1.1/me', { headers: { origin: 'https://app.example' } });
        assert.equal(refused.headers.get('access-control-allow-origin'), '*');
        assert.match(refused.headers.get('access-control-expose-headers') ?? '', /WWW-Authenticate/);
      });
    });
  });
});
