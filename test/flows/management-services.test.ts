import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type ApiServer, startApiServer } from '../support/api-server.ts';

const PATH = '/api/1.1/admin/services';

describe('services in the management API', () => {
  let server: ApiServer;
  let owner: string;
  let token: string;
  let clientId: string;
  before(async () => {
    server = await startApiServer();
    const scopes = ['admin:manage', 'admin:wf:create_transaction', 'profile'];
    ({ value: token, owner, clientId } = await server.serviceToken(scopes));
  });
  after(() => server.stop());

  const account = (email: string) =>
    server.domain.accounts.create({ email, admin: false }, { kind: 'operator' });
  const get = async (path: string) => (await server.call(`${PATH}${path}`, { token })).body.response;
  const post = (path: string, json: object) => server.call(`${PATH}${path}`, { method: 'POST', token, json });
  const made = async (json: object) => {
    const { status, body } = await post('', { reason: 'For the shop', name: 'Shop', ...json });
    assert.equal(status, 200, JSON.stringify(body));
    return body.response;
  };

  test('are made for an account and for the app, with a secret that is told once', async () => {
    const { id } = await account('ann@example.com');
    const end = server.domain.clock() + 3600;
    const shop = await made({ account_id: id, scopes: ['wf:create_transaction'], expires_at: end });
    assert.deepEqual(
      [shop.account_email, shop.acts_for, shop.admin, shop.state, shop.secrets.length],
      ['ann@example.com', 'account', false, 'live', 1],
    );
    assert.ok(await server.domain.clients.checkSecret(shop.id, shop.client_secret));
    assert.equal(shop.secret.expires_at, end);
    const app = await made({ scopes: ['admin:manage'] });
    assert.deepEqual(
      [app.account_id, app.acts_for, app.reason, app.admin],
      [owner, 'app', 'For the shop', true],
    );
    const shown = await get(`/${shop.id}`);
    assert.equal(shown.secrets[0].last_four, shop.client_secret.slice(-4));
    assert.ok(!JSON.stringify([shown, await get('')]).includes(shop.client_secret));
    const found = await get(`?q=ann@example.com&state=live`);
    assert.deepEqual(
      found.items.map((item: { id: string }) => item.id),
      [shop.id],
    );
    assert.ok((await get('?admin=true&limit=1')).next_cursor !== null);
  });

  test('never reach further than the service that makes them, nor by a secret', async () => {
    const { value: mighty } = await server.serviceToken(['admin']);
    const json = { reason: 'Import', name: 'Import', scopes: ['admin'] };
    const all = await server.call(PATH, { method: 'POST', token: mighty, json });
    assert.equal(all.status, 200);
    const { id } = await account('bea@example.com');
    const suspended = await account('suspended@example.com');
    const of = await made({ account_id: suspended.id, scopes: ['profile'] });
    await server.domain.accounts.suspend(suspended.id, { kind: 'operator' });
    for (const [path, wanted, code, parameter] of [
      ['', { scopes: ['admin'] }, 'FORBIDDEN', 'scopes'],
      ['', { scopes: ['admin:portal-links'] }, 'FORBIDDEN', 'scopes'],
      ['', { scopes: ['wf:issue_token'] }, 'FORBIDDEN', 'scopes'],
      ['', { account_id: id, scopes: ['profile'], acts_for: 'app' }, 'ADMINS_ONLY', 'account_id'],
      ['', { account_id: id, scopes: ['admin:manage'] }, 'ADMINS_ONLY', 'account_id'],
      ['', { resource_server: true }, 'FORBIDDEN', 'scopes'],
      ['', { scopes: ['admin:manage'], acts_for: 'account' }, 'INVALID_ACTS_FOR', 'acts_for'],
      ['', { scopes: ['admin:manage'], expires_at: 5_000_000_000 }, 'INVALID_EXPIRY', 'expires_at'],
      [`/${all.body.response.id}/secrets`, {}, 'FORBIDDEN', 'scopes'],
      ['', { account_id: 'acc_none', scopes: ['profile'] }, 'NOT_FOUND', undefined],
      ['', { account_id: suspended.id, scopes: ['profile'] }, 'ACCOUNT_SUSPENDED', undefined],
      [`/${of.id}/secrets`, {}, 'ACCOUNT_SUSPENDED', undefined],
    ] as const) {
      const { body } = await post(path, { reason: 'Why not', name: 'More', ...wanted });
      assert.deepEqual([body.body?.status, body.body?.parameter], [code, parameter], JSON.stringify(wanted));
    }
  });

  test('are paused, changed and ended with a reason, on record with the service that did it', async () => {
    const { id: accountId } = await account('cat@example.com');
    const { id } = await made({ account_id: accountId, scopes: ['wf:create_transaction'] });
    const reason = 'Unpaid';
    for (const act of ['pause', 'resume', 'revoke', 'edit', 'secrets', 'secrets/sec_1/revoke'])
      assert.equal((await post(`/${id}/${act}`, { name: 'X' })).status, 400, act);
    assert.equal((await post(`/${id}/pause`, { reason })).body.response.state, 'paused');
    assert.equal((await post(`/${id}/pause`, { reason })).body.body.status, 'NOTHING_TO_DO');
    assert.equal((await post(`/${id}/resume`, { reason })).body.response.state, 'live');
    const more = { reason, scopes: ['wf:create_transaction', 'profile'] };
    assert.deepEqual((await post(`/${id}/edit`, more)).body.response.scopes, more.scopes);
    const admin = await post(`/${id}/edit`, { reason, scopes: ['admin:manage'] });
    assert.equal(admin.body.body.status, 'invalid_scope');
    assert.equal((await post(`/${id}/edit`, { reason, name: 'Shop 2' })).body.response.name, 'Shop 2');
    const second = (await post(`/${id}/secrets`, { reason, name: 'Second' })).body.response;
    assert.ok(await server.domain.clients.checkSecret(id, second.client_secret));
    const end = `/${id}/secrets/${second.secret.id}/revoke`;
    assert.equal((await post(end, { reason })).status, 200);
    assert.equal(await server.domain.clients.checkSecret(id, second.client_secret), undefined);
    assert.equal((await post(`/${id}/revoke`, { reason })).body.response.state, 'revoked');
    assert.equal((await post(`/${id}/resume`, { reason })).status, 404);
    const audit = await server.domain.rows.audit.list({ where: [['accountId', '=', accountId]], limit: 50 });
    const acts = audit.filter(({ action }) => /^(service|secret)\./.test(action));
    assert.ok(acts.length >= 8);
    assert.ok(acts.every(({ actor }) => actor.id === clientId && actor.reason !== undefined));
    assert.equal((await post(`/${clientId}/revoke`, { reason })).body.body.status, 'OWN_SERVICE');
  });

  test('get the next secret, which ends with those of the service that makes it', async () => {
    const { id: accountId } = await account('rotates@example.com');
    const { id, client_secret: first } = await made({ account_id: accountId, scopes: ['profile'] });
    assert.equal((await post(`/${id}/rotate`, {})).body.body.status, 'INVALID_REASON');
    assert.equal((await post(`/${id}/rotate`, { reason: 'Leak', overlap: -1 })).status, 400);
    const second = (await post(`/${id}/rotate`, { reason: 'Leak', overlap: 0 })).body.response;
    assert.equal(second.client_id, id);
    assert.ok(await server.domain.clients.checkSecret(id, second.client_secret));
    assert.equal(await server.domain.clients.checkSecret(id, first), undefined);
    // With an admin scope it would else go on for ever by itself.
    const before = await get(`/${clientId}`);
    const end = server.domain.clock() + 1000;
    await server.domain.rows.credentials.update(before.secrets[0].id, { set: { expiresAt: end } });
    const own = (await post(`/${clientId}/rotate`, { reason: 'Monthly' })).body.response;
    assert.equal(own.secret.expires_at, end);
    const { value: mighty } = await server.serviceToken(['admin']);
    const json = { reason: 'Import', name: 'Import', scopes: ['admin'] };
    const all = await server.call(PATH, { method: 'POST', token: mighty, json });
    const beyond = await post(`/${all.body.response.id}/rotate`, { reason: 'Leak' });
    assert.equal(beyond.body.body.status, 'FORBIDDEN');
    const wider = { reason: 'More', scopes: [...all.body.response.scopes, 'wf:issue_token'] };
    assert.equal((await post(`/${all.body.response.id}/edit`, wider)).body.body.status, 'FORBIDDEN');
  });

  test('are not there for less than the management scope; what is asked wrongly is named', async () => {
    for (const scopes of [['admin:portal-links'], ['admin:wf:create_transaction', 'profile']]) {
      const { value } = await server.serviceToken(scopes);
      for (const path of ['', `/${clientId}`, '/../scopes'])
        assert.equal((await server.call(`${PATH}${path}`, { token: value })).status, 404);
    }
    for (const query of ['admin=1', 'state=gone', 'cursor=x', 'owner=x'])
      assert.equal((await server.call(`${PATH}?${query}`, { token })).status, 400, query);
    for (const q of ['%25', '$ne', 'Shop', '.*']) assert.deepEqual((await get(`?q=${q}`)).items, []);
    const { body } = await server.call('/api/1.1/admin/scopes', { token });
    assert.deepEqual(body.response.items.find(({ name }: { name: string }) => name === 'admin:manage').for, [
      'services of admins',
    ]);
  });
});
