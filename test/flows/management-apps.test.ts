import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Artifact } from '../../server/access/artifact.ts';
import { sessionRowId } from '../../server/access/session-list.ts';
import type { Account } from '../../server/accounts/account.ts';
import type { Client } from '../../server/credentials/client.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';

const PATH = '/api/1.1/admin';

describe('apps, grants and sessions in the management API', () => {
  let server: ApiServer;
  let token: string;
  let ann: Account;
  let app: Client;
  before(async () => {
    server = await startApiServer();
    token = (await server.serviceToken(['admin:manage'])).value;
    ann = await server.domain.accounts.create({ email: 'ann@example.com', admin: false }, OPERATOR);
    app = await register('Ledger');
  });
  after(() => server.stop());

  const OPERATOR = { kind: 'operator' } as const;
  const get = (path: string) => server.call(`${PATH}${path}`, { token });
  const post = (path: string, json: unknown = { reason: 'Test' }) =>
    server.call(`${PATH}${path}`, { method: 'POST', token, json });
  const items = async (path: string) => (await get(path)).body.response.items;

  async function register(name: string): Promise<Client> {
    const wanted = { account: ann, name, redirectUris: ['https://app.example.com/cb'], scopes: ['profile'] };
    return (await server.domain.apps.create({ ...wanted, confidential: false }, OPERATOR)).client;
  }

  /** As the engine writes it. */
  async function grant(id: string, { id: clientId }: Client, more: Partial<Artifact> = {}): Promise<string> {
    const now = server.domain.clock();
    await server.domain.rows.artifacts.insert({
      id,
      model: 'Grant',
      payload: { resources: { api: 'profile' } },
      accountId: ann.id,
      clientId,
      grantClientId: clientId,
      createdAt: now,
      expiresAt: now + 3600,
      ...more,
    });
    return id;
  }

  const audited = async () =>
    (
      await server.domain.rows.audit.list({
        where: [['accountId', '=', ann.id]],
        order: { by: 'at', descending: true },
        limit: 3,
      })
    ).map(({ action, actor }) => [action, actor.kind, actor.reason]);

  test('is not there for an ordinary token', async () => {
    const { value } = await server.token();
    for (const path of ['/apps', `/apps/${app.id}`, `/accounts/${ann.id}/sessions`]) {
      assert.equal((await server.call(`${PATH}${path}`, { token: value })).status, 404, path);
    }
    const json = { reason: 'Mine' };
    const asked = { method: 'POST', token: value, json };
    assert.equal((await server.call(`${PATH}/apps/${app.id}/delete`, asked)).status, 404);
  });

  test('lists apps by cursor, and finds them by id and by who registered them', async () => {
    const other = await register('Other');
    const first = (await get('/apps?limit=1')).body.response;
    const rest = (await get(`/apps?limit=1&cursor=${first.next_cursor}`)).body.response;
    const ids = [...first.items, ...rest.items].map(({ id }: { id: string }) => id);
    assert.deepEqual(ids.sort(), [app.id, other.id].sort());
    for (const q of [app.id, ann.id, 'ANN@example.com'])
      assert.equal((await items(`/apps?q=${q}`))[0] !== undefined, true, q);
    for (const q of ['%25', '$ne', 'app_']) assert.deepEqual(await items(`/apps?q=${q}`), [], q);
    for (const [query, code] of [
      ['cursor=mine', 'INVALID_CURSOR'],
      ['state=gone', 'INVALID_DATA'],
      ['owner=x', 'INVALID_DATA'],
    ]) {
      assert.equal((await get(`/apps?${query}`)).body.body.status, code, query);
    }
    // A service is no app.
    const { clientId } = await server.serviceToken(['profile']);
    assert.deepEqual(await items(`/apps?q=${clientId}`), []);
    assert.equal((await get(`/apps/${clientId}`)).status, 404);
    const { response } = (await get(`/apps/${app.id}`)).body;
    assert.deepEqual(
      [response.name, response.account_id, response.state, response.requires_pkce, response.people],
      ['Ledger', ann.id, 'live', true, 0],
    );
  });

  test('counts the people of each app in a list so far, and says where there are more', async () => {
    const popular = await register('Popular');
    for (let at = 0; at < 26; at += 1) await grant(`popular-${at}`, popular, { accountId: `acc_${at}` });
    const [listed] = await items(`/apps?q=${popular.id}`);
    assert.deepEqual([listed.people, listed.people_or_more], [25, true]);
    const { people, people_or_more: isMore } = (await get(`/apps/${popular.id}`)).body.response;
    assert.deepEqual([people, isMore], [26, false]);
  });

  test('ends a grant, with a reason, and all that an app has', async () => {
    const wanted = await register('Wanted');
    const first = await grant('grant-1', wanted);
    await grant('grant-2', wanted);
    await grant('over', wanted, { expiresAt: server.domain.clock() });
    assert.deepEqual((await items(`/apps/${wanted.id}/grants`)).length, 2);
    assert.equal((await get(`/apps/${wanted.id}`)).body.response.people, 1);
    const [own] = await items(`/accounts/${ann.id}/grants`);
    assert.deepEqual([own.app_id, own.scopes], [wanted.id, ['profile']]);
    assert.equal((await post(`/grants/${first}/end`, {})).status, 400);
    assert.equal((await post(`/grants/${first}/end`, { reason: 'Left us' })).body.response.ended, true);
    // The other browser's too: the app is cut off from the account.
    assert.deepEqual(await items(`/apps/${wanted.id}/grants`), []);
    assert.deepEqual((await audited())[0], ['app.ended', 'client', 'Left us']);
    assert.equal((await post(`/grants/${first}/end`)).status, 404);
    // What is no grant is none, whatever its id.
    const code = await grant('code', wanted, { model: 'AuthorizationCode' });
    for (const id of [code, 'over', 'none']) assert.equal((await post(`/grants/${id}/end`)).status, 404, id);

    await grant('grant-3', wanted);
    assert.equal((await post(`/apps/${wanted.id}/cut-off`)).body.response.people, 0);
    const deleted = await post(`/apps/${wanted.id}/delete`, { reason: 'Spam' });
    assert.equal(deleted.body.response.state, 'deleted');
    assert.deepEqual((await audited())[0], ['app.deleted', 'client', 'Spam']);
    assert.equal((await post(`/apps/${wanted.id}/delete`)).body.body.status, 'NOTHING_TO_DO');
    assert.equal((await get('/apps/app_none')).status, 404);
  });

  test('registers an app with a secret that is told once, and changes it', async () => {
    const reason = 'For the shop';
    const wanted = {
      account_id: ann.id,
      name: 'Shop',
      redirect_uris: ['https://shop.example.com/cb'],
      scopes: ['profile'],
    };
    for (const [json, code, parameter] of [
      [wanted, 'INVALID_REASON', 'reason'],
      [{ ...wanted, reason, account_id: 'acc_none' }, 'NOT_FOUND', undefined],
      [{ ...wanted, reason, redirect_uris: ['http://shop.example.com/cb'] }, undefined, 'redirect_uris'],
      [{ ...wanted, reason, redirect_uris: 'https://shop.example.com/cb' }, 'INVALID_DATA', 'redirect_uris'],
      [{ ...wanted, reason, scopes: ['admin'] }, 'invalid_scope', 'scopes'],
      [{ ...wanted, reason, confidential: false, requires_pkce: false }, 'PKCE_NEEDED', 'requires_pkce'],
    ] as const) {
      const { status, body } = await post('/apps', json);
      assert.ok(status >= 400, JSON.stringify(json));
      assert.equal(body.body.parameter, parameter, JSON.stringify(body));
      if (code !== undefined) assert.equal(body.body.status, code);
    }
    const made = (await post('/apps', { ...wanted, reason })).body.response;
    assert.deepEqual(
      [made.name, made.account_id, made.confidential, made.requires_pkce],
      ['Shop', ann.id, true, true],
    );
    assert.ok(await server.domain.clients.checkSecret(made.id, made.client_secret));
    assert.ok(!JSON.stringify((await get(`/apps/${made.id}`)).body).includes(made.client_secret));
    const edited = await post(`/apps/${made.id}/edit`, { reason, requires_pkce: false });
    assert.deepEqual(
      [edited.body.response.requires_pkce, edited.body.response.redirect_uris],
      [false, wanted.redirect_uris],
    );
    assert.deepEqual((await audited())[0], ['app.changed', 'client', reason]);
    assert.equal((await post(`/apps/${made.id}/edit`, { reason })).body.body.status, 'NOTHING_TO_DO');
    assert.equal((await post('/apps/app_none/edit', { reason, name: 'X' })).status, 404);
    const open = { ...wanted, name: 'Phone', reason, confidential: false };
    assert.equal((await post('/apps', open)).body.response.client_secret, undefined);
  });

  test('lists sessions and ways to sign in, and ends a session', async () => {
    const now = server.domain.clock();
    const session = { model: 'Session', payload: {}, accountId: ann.id, createdAt: now, expiresAt: now + 60 };
    await server.domain.rows.artifacts.insert({
      ...session,
      id: sessionRowId('uid1'),
      uid: 'uid1',
      seenFrom: '192.0.2.9',
    });
    const identity = {
      account: ann,
      issuer: 'https://accounts.google.com',
      subject: 'g1',
      email: 'g@example.com',
    };
    await server.domain.identities.link(identity, { kind: 'account', id: ann.id });
    const [linked] = await items(`/accounts/${ann.id}/identities`);
    assert.deepEqual([linked.provider, linked.subject, linked.email], ['Google', 'g1', 'g@example.com']);
    const remove = (of: string, reason: string) =>
      post(`/accounts/${of}/identities/${linked.id}/remove`, { reason });
    // The last way in of an account without a password.
    assert.equal((await remove(ann.id, 'Left Google')).status, 409);
    await server.domain.rows.accounts.update(ann.id, { set: { passwordHash: 'x' } });
    assert.equal((await remove(ann.id, '')).body.body.status, 'INVALID_REASON');
    assert.equal((await remove(ann.id, 'Left Google')).body.response.removed, true);
    assert.deepEqual(await items(`/accounts/${ann.id}/identities`), []);
    assert.equal((await remove(ann.id, 'Left Google')).status, 404);
    const [shown] = await items(`/accounts/${ann.id}/sessions`);
    assert.deepEqual([shown.id, shown.seen_from], ['uid1', '192.0.2.9']);

    const other = await server.domain.accounts.create({ email: 'bob@example.com', admin: false }, OPERATOR);
    assert.equal((await post(`/accounts/${other.id}/sessions/uid1/end`)).status, 404);
    assert.equal((await post(`/accounts/${ann.id}/sessions/uid1/end`, { reason: '' })).status, 400);
    assert.equal((await post(`/accounts/${ann.id}/sessions/uid1/end`, { reason: 'Lost it' })).status, 200);
    assert.deepEqual(await items(`/accounts/${ann.id}/sessions`), []);
    assert.deepEqual((await audited())[0], ['session.ended', 'client', 'Lost it']);
    assert.equal((await post(`/accounts/${ann.id}/sessions/uid1/end`)).status, 404);
    assert.equal((await get('/accounts/acc_none/grants')).status, 404);
    assert.equal((await get(`/accounts/${ann.id}/sessions?limit=2`)).status, 400);
  });

  test('invites somebody, lists that, and withdraws it', async () => {
    assert.equal((await post('/invitations', { email: 'new@example.com' })).status, 400);
    const { response } = (await post('/invitations', { email: 'new@example.com', reason: 'Hired' })).body;
    assert.deepEqual(await items('/invitations'), [response]);
    assert.equal((await post('/invitations', { email: 'ANN@example.com', reason: 'Hired' })).status, 409);
    assert.equal((await post(`/invitations/${response.id}/withdraw`)).body.response.withdrawn, true);
    assert.deepEqual(await items('/invitations'), []);
    assert.equal((await post(`/invitations/${response.id}/withdraw`)).status, 404);
    assert.equal((await get('/invitations?cursor=mine')).body.body.status, 'INVALID_CURSOR');
  });
});
