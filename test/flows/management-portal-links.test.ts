import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type ApiServer, startApiServer } from '../support/api-server.ts';

const RETURN_URL = 'https://shop.example.com/account';

describe('portal links in the management API', () => {
  let server: ApiServer;
  let token: string;
  before(async () => {
    server = await startApiServer({ settings: { portalReturnUrls: [RETURN_URL] } });
    ({ value: token } = await server.serviceToken(['admin:portal-links']));
  });
  after(() => server.stop());

  const post = (json: unknown, by = token) =>
    server.call('/api/1.1/admin/portal-links', { method: 'POST', token: by, json });

  test('need no more than their own scope', async () => {
    const wanted = { email: 'ann@example.com', external_id: 'u1', return_url: RETURN_URL };
    const { status, body } = await post(wanted);
    assert.equal(status, 200);
    const { url, account_id: id, expires_at: expiresAt } = body.response;
    assert.match(url, new RegExp(`^${server.url}/portal\\?token=[\\w-]{49}$`));
    assert.match(id, /^acc_/);
    assert.ok(expiresAt - Date.now() / 1000 <= 300);
    assert.equal((await post(wanted, (await server.serviceToken(['admin'])).value)).status, 200);
    for (const scopes of [['profile'], ['admin:manage'], ['admin:wf:create_transaction']]) {
      assert.equal(
        (await post(wanted, (await server.serviceToken(scopes)).value)).status,
        404,
        scopes.join(),
      );
    }
  });

  test('name what is wrong', async () => {
    const good = { email: 'ben@example.com', return_url: RETURN_URL };
    for (const [more, status, parameter] of [
      [{ return_url: 'https://evil.example' }, 'INVALID_RETURN_URL', 'return_url'],
      [{ return_url: undefined }, 'INVALID_DATA', 'return_url'],
      [{ page: 'account' }, 'INVALID_DATA', 'page'],
      [{ admin: true }, 'INVALID_DATA', 'admin'],
      [{ email: 'ben' }, 'INVALID_EMAIL', 'email'],
      [{ email: { $ne: null } }, 'INVALID_DATA', 'email'],
      [{ email: undefined }, 'MISSING_DATA', 'email'],
      [{ external_id: ' x' }, 'INVALID_DATA', 'external_id'],
    ] as const) {
      const { body } = await post({ ...good, ...more });
      assert.deepEqual([body.body.status, body.body.parameter], [status, parameter]);
    }
  });
});
