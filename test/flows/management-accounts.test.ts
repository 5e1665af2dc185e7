import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type ApiServer, startApiServer } from '../support/api-server.ts';

const PATH = '/api/1.1/admin/accounts';

describe('accounts in the management API', () => {
  let server: ApiServer;
  let owner: string;
  let token: string;
  before(async () => {
    server = await startApiServer();
    ({ value: token, owner } = await server.serviceToken(['admin']));
  });
  after(() => server.stop());

  const account = (email: string, admin = false) =>
    server.domain.accounts.create({ email, admin }, { kind: 'operator' });
  const post = (path: string, json: unknown) =>
    server.call(`${PATH}${path}`, { method: 'POST', token, json });

  test('is not there for whoever may not manage', async () => {
    const { id } = await account('not-there@example.com');
    const narrow = async (scopes: string[], admin = true) =>
      (await server.serviceToken(scopes, { admin })).value;
    for (const [value, expected] of [
      [(await server.token()).value, 404],
      [await narrow(['profile']), 404],
      [await narrow(['admin:wf:create_transaction']), 404],
      [await narrow(['admin:portal-links']), 404],
      [await narrow(['admin'], false), 404],
      [undefined, 401],
      [await narrow(['admin:manage']), 200],
    ] as const) {
      const asked = await server.call(`${PATH}/${id}`, value === undefined ? {} : { token: value });
      assert.equal(asked.status, expected);
    }
  });

  test('lists by cursor, filters, and names what it does not read', async () => {
    for (const name of ['list-a', 'list-b', 'list-c']) await account(`${name}@example.com`);
    const first = await server.call(`${PATH}?q=list-&limit=2`, { token });
    assert.equal(first.body.response.items.length, 2);
    const cursor = first.body.response.next_cursor;
    const rest = await server.call(`${PATH}?q=list-&limit=2&cursor=${cursor}`, { token });
    assert.deepEqual(
      [...first.body.response.items, ...rest.body.response.items].map(({ email }) => email),
      ['list-a@example.com', 'list-b@example.com', 'list-c@example.com'],
    );
    assert.equal(rest.body.response.next_cursor, null);
    for (const [query, code, parameter] of [
      ['cursor=mine', 'INVALID_CURSOR', 'cursor'],
      ['limit=0', 'INVALID_DATA', 'limit'],
      ['limit=101', 'INVALID_DATA', 'limit'],
      ['state=gone', 'INVALID_DATA', 'state'],
      ['page=2', 'INVALID_DATA', 'page'],
      ['q=a&q=b', 'INVALID_DATA', 'q'],
    ]) {
      const { status, body } = await server.call(`${PATH}?${query}`, { token });
      assert.deepEqual([status, body.body.status, body.body.parameter], [400, code, parameter], query);
    }
  });

  test('finds an account by the id that the app knows it by', async () => {
    const { id: one } = await account('ext-a@example.com');
    const { id: other } = await account('ext-b@example.com');
    for (const [id, externalId] of [
      [one, 'ext-'],
      [other, '17'],
    ] as const)
      await server.call(`${PATH}/${id}/external-id`, {
        method: 'PUT',
        token,
        json: { external_id: externalId },
      });
    const found = async (query: string) =>
      (await server.call(`${PATH}?${query}`, { token })).body.response.items.map(
        ({ id }: { id: string }) => id,
      );
    assert.deepEqual(await found('external_id=17'), [other]);
    assert.deepEqual(await found('external_id=17&state=suspended'), []);
    assert.deepEqual(await found('external_id=1'), []);
    assert.deepEqual(await found('external_id=ext-'), [one]);
    // What people search for is an e-mail address first.
    assert.deepEqual(await found('q=17'), [other]);
    assert.deepEqual(await found('q=ext-'), [one, other]);
  });

  test('refuses the cursor of another list, and of another filter', async () => {
    for (const name of ['mark-a', 'mark-b']) await account(`${name}@example.com`);
    const { body } = await server.call(`${PATH}?q=mark-&limit=1`, { token });
    const cursor = body.response.next_cursor;
    const other = PATH.replace('accounts', 'tokens');
    for (const path of [PATH, `${PATH}?q=mark-b`, `${PATH}?q=mark-&state=admin`, other]) {
      const asked = await server.call(`${path}${path.includes('?') ? '&' : '?'}cursor=${cursor}`, { token });
      assert.deepEqual([asked.status, asked.body.body.status], [400, 'INVALID_CURSOR'], path);
    }
    // How many rows a page has is no filter.
    const rest = await server.call(`${PATH}?limit=2&q=mark-&cursor=${cursor}`, { token });
    assert.equal(rest.body.response.items.length, 1);
  });

  test('says what to send instead of what is wrong', async () => {
    const { id } = await account('instead@example.com');
    for (const [json, code, hint] of [
      [{}, 'INVALID_REASON', /Say why/],
      [{ raeson: 'Unpaid' }, 'INVALID_DATA', /Did you mean reason\?/],
      [{ reason: { $ne: '' } }, 'INVALID_DATA', /Send one text\./],
    ] as const) {
      const { body } = (await post(`/${id}/suspend`, json)).body;
      assert.equal(body.status, code);
      assert.match(body.hint, hint);
    }
    const made = await post('', { emial: 'new@example.com' });
    assert.match(made.body.body.hint, /emial was sent: is it email that you mean\?/);
    const state = await server.call(`${PATH}?state=gone`, { token });
    assert.match(state.body.body.hint, /active, suspended, admin/);
    // What stands in the query is not passed over: it may say that this is only to be tried.
    const misplaced = await post(`/${id}/suspend?dry_run=true`, { reason: 'Unpaid' });
    assert.deepEqual([misplaced.status, misplaced.body.body.parameter], [400, 'dry_run']);
  });

  test('acts with a reason, on record with the service that did it', async () => {
    const { id } = await account('acts@example.com');
    for (const json of [{}, { reason: '' }, { reason: 1 }, { reason: 'x', admin: true }]) {
      assert.equal((await post(`/${id}/suspend`, json)).status, 400);
    }
    const { status, body } = await post(`/${id}/suspend`, { reason: 'Unpaid' });
    assert.deepEqual([status, body.response.state], [200, 'suspended']);
    assert.equal((await post(`/${id}/suspend`, { reason: 'Unpaid' })).body.body.status, 'NOTHING_TO_DO');
    const [, entry] = await server.domain.rows.audit.list({
      where: [['accountId', '=', id]],
      order: { by: 'at' },
      limit: 10,
    });
    assert.deepEqual(
      [entry?.action, entry?.actor.kind, entry?.actor.reason],
      ['account.suspended', 'client', 'Unpaid'],
    );
  });

  test('does not lock its own owner out, nor delete the last admin', async () => {
    for (const act of ['suspend', 'demote', 'delete', 'end-access']) {
      const { status, body } = await post(`/${owner}/${act}`, { reason: 'Oops' });
      assert.deepEqual([status, body.body.status], [409, 'OWN_ACCOUNT'], act);
    }
  });

  test('deletes an account, whose owner is mailed why', async () => {
    const { id, email } = await account('deleted@example.com');
    const { body } = await post(`/${id}/delete`, { reason: 'Asked for it by phone' });
    assert.deepEqual(body.response, { id, deleted: true });
    const [mail] = await server.domain.rows.outbox.list({ where: [['to', '=', email]], limit: 2 });
    assert.match(mail?.text ?? '', /a service of the admins of this site \(reason: Asked for it by phone\)/);
  });

  test('makes nobody an admin for a service that may do less', async () => {
    const { id } = await account('climber@example.com');
    const { value } = await server.serviceToken(['admin:manage']);
    const json = { reason: 'Mine' };
    const promote = `${PATH}/${id}/promote`;
    const refused = await server.call(promote, { method: 'POST', token: value, json });
    assert.deepEqual([refused.status, refused.body.body.status], [403, 'FORBIDDEN']);
    assert.equal((await server.domain.accounts.get(id))?.admin, false);
    assert.equal((await server.call(promote, { method: 'POST', token, json })).status, 200);
  });

  test('is called by no page of another site', async () => {
    const headers = { origin: 'https://shop.example.com', 'access-control-request-method': 'POST' };
    for (const init of [{ token, headers }, { headers, method: 'OPTIONS' }, { headers }]) {
      const answer = await server.call(PATH, init);
      assert.equal(answer.headers.get('access-control-allow-origin'), null);
    }
  });

  test('answers another method with 405 and what is not there with 404', async () => {
    const { id } = await account('methods@example.com');
    const { status, headers } = await server.call(`${PATH}/${id}`, { method: 'PUT', token, json: {} });
    assert.deepEqual([status, headers.get('allow')], [405, 'GET, HEAD']);
    for (const path of ['/acc_none', `/${id}/nothing`, `/${id}/`, '/%2e%2e%2fmail']) {
      assert.equal((await server.call(`${PATH}${path}`, { token })).status, 404, path);
    }
  });
});
