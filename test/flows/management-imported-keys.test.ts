import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { type ApiServer, startApiServer } from '../support/api-server.ts';

const PATH = '/api/1.1/admin/imported-keys';

describe('imported keys in the management API', () => {
  let server: ApiServer;
  let token: string;
  before(async () => {
    server = await startApiServer();
    token = (await server.serviceToken(['admin:manage'])).value;
  });
  after(() => server.stop());

  const post = (json: unknown, by = token) => server.call(PATH, { method: 'POST', token: by, json });
  const key = (value: string, more: object = {}) => ({
    sha256: createHash('sha256').update(value).digest('base64url'),
    email: `${value}@example.com`,
    name: 'Old key',
    scopes: ['profile'],
    expires: Math.floor(Date.now() / 1000) + 86_400,
    ...more,
  });

  test('are answered for one by one', async () => {
    const keys = [key('the-first-of-three'), { sha256: 1 }, key('the-third-of-three', { scopes: ['admin'] })];
    const refused = await post({ keys });
    assert.deepEqual(
      refused.body.response.items.map(({ error }: { error: { status: string } }) => error.status),
      ['NOT_FOUND', 'INVALID_DATA', 'NOT_FOUND'],
    );
    const dry = await post({ keys, make_accounts: true, dry_run: true });
    assert.equal(dry.body.response.imported, 1);
    assert.equal((await server.call('/api/1.1/me', { token: 'the-first-of-three' })).status, 401);
    const { status, body } = await post({ keys, make_accounts: true });
    const { items, imported, known, refused: count } = body.response;
    assert.deepEqual([status, imported, known, count], [200, 1, 0, 2]);
    assert.deepEqual(items[1], {
      number: 2,
      state: 'refused',
      error: { ...items[1].error, status: 'INVALID_DATA', parameter: 'sha256' },
    });
    const me = await server.call('/api/1.1/me', { token: 'the-first-of-three' });
    assert.deepEqual([me.status, me.body.response.token.id], [200, items[0].token_id]);
    assert.equal((await post({ keys, make_accounts: true })).body.response.known, 1);
    const entries = await server.domain.rows.audit.list({
      where: [['accountId', '=', items[0].account_id]],
      limit: 9,
    });
    assert.deepEqual(entries.map(({ action, actor }) => `${action} ${actor.kind}`).sort(), [
      'account.created client',
      'token.imported client',
    ]);
    const account = await server.domain.accounts.get(items[0].account_id);
    assert.match(account?.vouchedBy ?? '', /^svc_/);
  });

  test('are taken for nobody who signs in by themselves', async () => {
    const own = { email: 'own@example.com', passwordHash: 'x', admin: false };
    await server.domain.accounts.create(own, { kind: 'operator' });
    const { body } = await post({ keys: [key('of-somebody-else', { email: own.email })] });
    assert.equal(body.response.items[0].error.status, 'HAS_OWN_SIGN_IN');
  });

  test('are taken by the thousand and no more, by whoever may manage', async () => {
    const many = (count: number) => Array.from({ length: count }, (_, at) => key(`one-of-a-thousand-${at}`));
    for (const body of [{ keys: many(1001) }, { keys: [] }, {}, { keys: 'x' }, { keys: {}, more: 1 }])
      assert.equal((await post(body)).status, 400);
    const { body } = await post({ keys: many(1000), make_accounts: true });
    assert.deepEqual([body.response.imported, body.response.refused], [1000, 0]);
    for (const by of [
      (await server.token()).value,
      (await server.serviceToken(['admin:portal-links'])).value,
      (await server.serviceToken(['admin'], { admin: false })).value,
    ])
      assert.equal((await post({ keys: [key('x')] }, by)).status, 404);
  });
});
