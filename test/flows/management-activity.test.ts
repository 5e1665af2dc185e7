import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type ApiServer, startApiServer } from '../support/api-server.ts';

const PATH = '/api/1.1/admin';

describe('activity and audit of everybody in the management API', () => {
  let server: ApiServer;
  let token: string;
  let clientId: string;
  before(async () => {
    server = await startApiServer();
    ({ value: token, clientId } = await server.serviceToken(['admin:manage']));
  });
  after(() => server.stop());

  const items = async (path: string) => {
    const { status, body, text } = await server.call(`${PATH}${path}`, { token });
    assert.equal(status, 200, text);
    return body.response.items;
  };

  test('lists the calls of everybody by what is asked for, by cursor', async () => {
    const one = await server.token();
    const two = await server.token({ scopes: [] });
    await server.call('/api/1.1/me', { token: one.value });
    for (const _ of [1, 2])
      await server.call('/api/1.1/wf/create_transaction', { method: 'POST', token: two.value });
    const of = (query: string) => items(`/activity?${query}`);
    const [first] = await of(`credential=${one.credential.id}`);
    const { created, created_at: createdAt, id, ms, from, request_id: requestId, ...rest } = first;
    assert.deepEqual(rest, {
      ...{ account_id: one.credential.accountId, client_id: null, token_id: one.credential.id },
      ...{ token_kind: 'personal_access_token', token_name: 'Test token', method: 'GET' },
      ...{ path: '/api/1.1/me', status: 200, result: 'success', count: 1, privacy_bypassed: false },
      records_hidden: null,
    });
    assert.ok(id.startsWith('call_') && ms >= 0 && from !== '');
    assert.equal(Date.parse(created) / 1000, createdAt);
    assert.deepEqual(
      (await of(`request_id=${requestId}`)).map((call: { id: string }) => call.id),
      [id],
    );
    assert.equal((await of(`account=${two.credential.accountId}&result=refused`)).length, 2);
    assert.equal((await of(`account=${two.credential.accountId}@example.com&result=success`)).length, 0);
    const [own] = await of('admin_use=true');
    assert.deepEqual([own.client_id, own.path, own.privacy_bypassed], [clientId, `${PATH}/activity`, true]);
    assert.deepEqual(await of(`before=${createdAt - 60}`), []);
    const page = await server.call(`${PATH}/activity?credential=${two.credential.id}&limit=1`, { token });
    const cursor = page.body.response.next_cursor;
    const next = await of(`credential=${two.credential.id}&limit=1&cursor=${cursor}`);
    assert.notEqual(next[0].id, page.body.response.items[0].id);
  });

  test('lists the changes of everybody with who made them and why', async () => {
    const { id } = await server.domain.accounts.create(
      { email: 'changed@example.com', admin: false },
      { kind: 'operator' },
    );
    const json = { reason: 'Unpaid' };
    await server.call(`${PATH}/accounts/${id}/suspend`, { method: 'POST', token, json });
    const [entry, ...more] = await items(`/audit?account=changed@example.com`);
    assert.deepEqual(
      [entry.action, entry.actor, entry.reason, entry.account_id, entry.target_name, entry.refused],
      ['account.suspended', { kind: 'client', id: clientId }, 'Unpaid', id, 'changed@example.com', false],
    );
    assert.equal(more.length, 1);
    for (const query of [`actor=${clientId}`, 'with_reason=true', `action=account.suspended&target=${id}`])
      assert.deepEqual(await items(`/audit?${query}`), [entry], query);
    assert.equal((await items('/audit?actor=operator&action=account.created')).length, 1);
  });

  test('names what it does not read', async () => {
    for (const [path, parameter] of [
      ['activity?since=yesterday', 'since'],
      ['activity?before=2026-02-30', 'before'],
      ['activity?result=%25', 'result'],
      ['activity?admin_use=1', 'admin_use'],
      ['activity?action=x', 'action'],
      ['activity?cursor=mine', 'cursor'],
      ['audit?credential=x', 'credential'],
      ['audit?cursor=bWluZQ', 'cursor'],
      ['audit?account=a&account=b', 'account'],
    ]) {
      const { status, body } = await server.call(`${PATH}/${path}`, { token });
      assert.deepEqual([status, body.body.parameter], [400, parameter], path);
    }
    for (const value of ['%25', '$ne', '%7B%22%24ne%22%3A1%7D', 'acc_none'])
      for (const path of ['activity?credential', 'activity?address', 'audit?actor', 'audit?target'])
        assert.deepEqual(await items(`/${path}=${value}`), [], path);
  });

  test('is there for whoever may manage alone', async () => {
    for (const path of ['activity', 'audit']) {
      const { value } = await server.token();
      assert.equal((await server.call(`${PATH}/${path}`, { token: value })).status, 404);
      const { value: narrow } = await server.serviceToken(['admin:portal-links']);
      assert.equal((await server.call(`${PATH}/${path}`, { token: narrow })).status, 404);
      assert.equal((await server.call(`${PATH}/${path}`)).status, 401);
      assert.equal((await server.call(`${PATH}/${path}`, { method: 'POST', token, json: {} })).status, 405);
    }
  });
});
