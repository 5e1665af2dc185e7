import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { hashOf } from '../../server/ground/opaque.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';

const PATH = '/api/1.1/admin';

describe('tokens and secrets in the management API', () => {
  let server: ApiServer;
  let token: string;
  let clientId: string;
  before(async () => {
    server = await startApiServer();
    ({ value: token, clientId } = await server.serviceToken(['admin:manage']));
  });
  after(() => server.stop());

  const get = (path: string) => server.call(`${PATH}${path}`, { token });
  const post = (path: string, json: unknown) =>
    server.call(`${PATH}${path}`, { method: 'POST', token, json });
  const opens = async (value: string) => (await server.call('/api/1.1/me', { token: value })).status;
  const mailsTo = (to: string) => server.domain.rows.outbox.list({ where: [['to', '=', to]], limit: 100 });

  test('are not there for whoever may not manage', async () => {
    const { value, credential } = await server.token();
    for (const path of ['/tokens', '/secrets', `/tokens/${credential.id}`]) {
      for (const asker of [value, (await server.serviceToken(['admin:portal-links'])).value])
        assert.equal((await server.call(`${PATH}${path}`, { token: asker })).status, 404, path);
    }
    const revoked = await server.call(`${PATH}/tokens/${credential.id}/revoke`, {
      method: 'POST',
      token: value,
      json: { reason: 'Mine' },
    });
    assert.equal(revoked.status, 404);
  });

  test('are listed by account, last four, state and client, and hold no value', async () => {
    const { value, credential } = await server.token();
    const { accountId, id, lastFour, hash } = credential;
    await server.token({ accountId, pausedAt: 1, name: 'Paused' });
    const found = async (query: string) => {
      const { status, body } = await get(query);
      assert.equal(status, 200, query);
      return body.response.items.map((item: { id: string }) => item.id);
    };
    assert.deepEqual(await found(`/tokens?account_id=${accountId}&state=live`), [id]);
    assert.deepEqual(await found(`/tokens?last_four=${lastFour}&account_id=${accountId}`), [id]);
    assert.deepEqual(await found(`/tokens?last_four=${lastFour}&state=revoked`), []);
    assert.equal((await found(`/secrets?client_id=${clientId}`)).length, 1);
    assert.deepEqual(await found(`/secrets?account_id=${accountId}`), []);
    const one = await get(`/tokens/${id}`);
    assert.equal(one.body.response.account_id, accountId);
    assert.ok(!one.text.includes(value) && !one.text.includes(hash));
    assert.equal((await get(`/secrets/${id}`)).status, 404);
    const first = await get(`/tokens?account_id=${accountId}&limit=1`);
    const rest = await found(
      `/tokens?account_id=${accountId}&limit=1&cursor=${first.body.response.next_cursor}`,
    );
    assert.deepEqual([first.body.response.items[0].id, ...rest].length, 2);
    for (const query of ['last_four=%25%25%25%25', 'state=dead', 'client_id=x', 'cursor=e30', 'owner=1']) {
      assert.equal((await get(`/tokens?${query}`)).status, 400, query);
    }
    assert.deepEqual(await found('/tokens?account_id=%24ne'), []);
  });

  test('are found by a whole value, which no answer repeats', async () => {
    const { value, credential } = await server.token({ name: 'Leaked' });
    const found = await post('/tokens/find', { value });
    const { id, accountId } = credential;
    assert.deepEqual(found.body.response, {
      ...{ kind: 'personal_access_token', name: 'Leaked', id, account_id: accountId },
      ...{ state: 'live', honey: false },
    });
    const access = await post('/tokens/find', { value: token });
    assert.deepEqual([access.body.response.kind, access.body.response.client_id], ['access_token', clientId]);
    const account = await server.domain.accounts.get(accountId);
    const key = 'sk_live_from-before/1234';
    await server.domain.tokens.takeOver(
      {
        ...{ account: account ?? assert.fail('it is gone'), name: 'Of before', scopes: ['profile'] },
        ...{ hash: hashOf(key), expiresAt: server.domain.clock() + 60 },
      },
      { kind: 'operator' },
    );
    assert.equal((await post('/tokens/find', { value: key })).body.response.name, 'Of before');
    for (const other of [`${value}0`, 'lk_pat_', '', '%']) {
      const { status, text } = await post('/tokens/find', { value: other });
      assert.equal(status, 404, other);
      assert.ok(!text.includes(value));
    }
    assert.equal((await post('/tokens/find', { value: { $ne: '' } })).status, 400);
    assert.ok(!server.logged().includes(value.slice(7)));
  });

  test('are made for an account, with its value once, and mailed with the reason', async () => {
    const account = await server.domain.accounts.create(
      { email: 'made@example.com', admin: false },
      { kind: 'operator' },
    );
    const wanted = {
      account_id: account.id,
      name: 'Made',
      scopes: ['profile'],
      reason: 'Asked for by phone',
    };
    for (const [json, code] of [
      [{ ...wanted, reason: undefined }, 'INVALID_REASON'],
      [{ ...wanted, scopes: ['admin'] }, 'invalid_scope'],
      [{ ...wanted, scopes: ['admin:manage'] }, 'invalid_scope'],
      [{ ...wanted, expires_at: 1 }, 'INVALID_EXPIRY'],
      [{ ...wanted, honey: 'yes' }, 'INVALID_DATA'],
      [{ ...wanted, expires_at: null }, 'INVALID_EXPIRY'],
      [{ ...wanted, ip_ranges: ['300.0.0.1'] }, 'INVALID_IP_RANGE'],
      [{ ...wanted, account_id: { $ne: '' } }, 'INVALID_DATA'],
      [{ ...wanted, account_id: 'acc_none' }, 'NOT_FOUND'],
    ] as const) {
      assert.equal((await post('/tokens', json)).body.body.status, code, JSON.stringify(json));
    }
    const { status, body } = await post('/tokens', wanted);
    assert.equal(status, 200);
    const { id, token: value } = body.response;
    assert.equal(await opens(value), 200);
    assert.ok(!(await get(`/tokens/${id}`)).text.includes(value));
    const [mail] = await mailsTo(account.email);
    assert.match(mail?.text ?? '', /a service of the admins of this site \(reason: Asked for by phone\)/);
    assert.equal((await post('/tokens', wanted)).body.body.status, 'NAME_TAKEN');
    await server.domain.accounts.suspend(account.id, { kind: 'operator' });
    assert.equal((await post('/tokens', { ...wanted, name: 'B' })).body.body.status, 'ACCOUNT_SUSPENDED');
  });

  test('are paused, resumed, rotated and revoked, each with a reason that the owner reads', async () => {
    const { value, credential } = await server.token({ name: 'Acted on' });
    const { id, accountId } = credential;
    const act = (what: string, json: object = { reason: 'Found in a log' }) =>
      post(`/tokens/${id}/${what}`, json);
    for (const what of ['pause', 'resume', 'rotate', 'revoke'])
      assert.equal((await act(what, {})).status, 400, what);
    assert.equal((await act('resume')).body.body.status, 'NOTHING_TO_DO');
    assert.equal((await act('pause')).body.response.state, 'paused');
    assert.equal((await act('pause')).body.body.status, 'NOTHING_TO_DO');
    assert.equal(await opens(value), 401);
    assert.equal((await act('resume')).body.response.state, 'live');
    const rotated = (await act('rotate', { reason: 'Found in a log', overlap: 0 })).body.response;
    assert.deepEqual([await opens(value), await opens(rotated.token)], [401, 200]);
    assert.equal(rotated.replaces, id);
    assert.equal((await act('rotate')).body.body.status, 'ROTATED_ALREADY');
    const revoked = await post(`/tokens/${rotated.id}/revoke`, { reason: 'Found in a log' });
    assert.equal(revoked.body.response.state, 'revoked');
    assert.equal(await opens(rotated.token), 401);
    assert.equal((await act('revoke')).body.body.status, 'NOTHING_TO_DO');
    const expired = (await server.token({ expiresAt: 1 })).credential.id;
    const late = await post(`/tokens/${expired}/revoke`, { reason: 'Too late' });
    assert.equal(late.body.body.status, 'NOTHING_TO_DO');
    const all = await mailsTo(`${accountId}@example.com`);
    const mails = all.filter(({ subject }) => subject.startsWith('Token '));
    assert.deepEqual(mails.map(({ subject }) => subject).sort(), [
      'Token paused: Acted on',
      'Token resumed: Acted on',
      'Token revoked: Acted on',
      'Token rotated: Acted on',
    ]);
    for (const { text } of mails) assert.match(text, /From: .*\(reason: Found in a log\)/);
    const audit = await server.domain.rows.audit.list({ where: [['accountId', '=', accountId]], limit: 10 });
    assert.deepEqual(
      audit.map(({ action, actor }) => [action, actor.kind, actor.reason]),
      ['token.paused', 'token.resumed', 'token.rotated', 'token.revoked'].map((action) => [
        action,
        'client',
        'Found in a log',
      ]),
    );
  });

  test('are revoked together, all of them or none', async () => {
    const [one, two] = [await server.token(), await server.token()];
    const own = await get(`/secrets?client_id=${clientId}`);
    const ids = [one.credential.id, two.credential.id];
    const reason = 'Clean up';
    for (const [json, status] of [
      [{ ids }, 400],
      [{ ids: [], reason }, 400],
      [{ ids: ids.join(), reason }, 400],
      [{ ids: [...ids, 'tok_none'], reason }, 404],
      [{ ids: [...ids, own.body.response.items[0].id], reason }, 404],
      [{ ids: Array.from({ length: 101 }, (_, index) => `tok_${index}`), reason }, 400],
    ] as const) {
      assert.equal((await post('/tokens/revoke', json)).status, status, JSON.stringify(json));
    }
    assert.deepEqual([await opens(one.value), await opens(two.value)], [200, 200]);
    const expired = (await server.token({ expiresAt: 1 })).credential.id;
    const { body } = await post('/tokens/revoke', { ids: [...ids, expired], reason });
    assert.equal(body.response.revoked, 2);
    assert.deepEqual([await opens(one.value), await opens(two.value)], [401, 401]);
    assert.equal((await post('/tokens/revoke', { ids, reason })).body.response.revoked, 0);
  });

  test('of a service are revoked, but not the last one that the caller itself has', async () => {
    const reason = 'Left the company';
    const other = await server.serviceToken(['profile']);
    const secretOf = async (client: string) => {
      const { body } = await get(`/secrets?client_id=${client}`);
      return body.response.items[0].id as string;
    };
    const id = await secretOf(other.clientId);
    assert.equal((await post(`/secrets/${id}/pause`, { reason })).status, 404);
    assert.equal((await post(`/tokens/${id}/revoke`, { reason })).status, 404);
    assert.equal((await post(`/secrets/${id}/revoke`, { reason })).body.response.state, 'revoked');
    assert.equal(await opens(other.value), 401);
    assert.equal((await mailsTo(`${other.owner}@example.com`)).length, 1);
    const own = await post(`/secrets/${await secretOf(clientId)}/revoke`, { reason });
    assert.equal(own.body.body.status, 'OWN_SECRET');
    assert.equal((await get('/tokens')).status, 200);
  });

  test('are narrow where that is asked for, and changed with a reason; bait opens nothing', async () => {
    const { id: accountId } = await server.domain.accounts.create(
      { email: 'narrow@example.com', admin: false },
      { kind: 'operator' },
    );
    const reason = 'Asked for by phone';
    const narrow = { ip_ranges: ['192.0.2.0/24'], idle_days: 30, bounds: ['create_transaction=20/day'] };
    const scopes = ['wf:create_transaction', 'profile'];
    const wanted = { account_id: accountId, name: 'Narrow', scopes, reason };
    const expired = await post('/tokens', { ...wanted, expires_at: 1 });
    assert.equal(expired.body.body.parameter, 'expires_at');
    const { id, token: value, ...shown } = (await post('/tokens', { ...wanted, ...narrow })).body.response;
    assert.deepEqual([shown.ip_ranges, shown.idle_days], [narrow.ip_ranges, 30]);
    assert.deepEqual(shown.bounds, ['create_transaction = 20/day']);
    assert.equal(await opens(value), 403);

    const edit = async (json: object) => (await post(`/tokens/${id}/edit`, { reason, ...json })).body;
    assert.equal((await post(`/tokens/${id}/edit`, { name: 'B' })).body.body.status, 'INVALID_REASON');
    assert.equal((await edit({})).body.status, 'NOTHING_TO_DO');
    assert.equal((await edit({ name: 'B', origin: null })).body.status, 'INVALID_DATA');
    assert.equal((await edit({ idle_days: 0 })).body.parameter, 'idle_days');
    assert.equal((await edit({ scopes: ['admin'] })).body.status, 'invalid_scope');
    const loose = (await edit({ ip_ranges: [], idle_days: null })).response;
    assert.deepEqual([loose.ip_ranges, loose.idle_days, loose.bounds], [undefined, undefined, shown.bounds]);
    assert.equal(await opens(value), 200);
    const named = (await edit({ name: 'Renamed', note: 'Of Ann' })).response;
    assert.deepEqual([named.name, named.note, named.scopes], ['Renamed', 'Of Ann', scopes]);
    assert.equal((await edit({ name: 'Renamed' })).body.status, 'NOTHING_TO_DO');
    const mails = await mailsTo('narrow@example.com');
    assert.ok(mails.every(({ text }) => text.includes(reason)) && mails.length === 3);

    const bait = (await post('/tokens', { ...wanted, name: 'Bait', honey: true })).body.response;
    assert.equal(bait.honey, true);
    assert.equal(await opens(bait.token), 401);
  });
});
