import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type ApiServer, startApiServer } from '../support/api-server.ts';

const PATH = '/api/1.1/admin/mail';

describe('mail in the management API', () => {
  let server: ApiServer;
  let token: string;
  before(async () => {
    server = await startApiServer();
    ({ value: token } = await server.serviceToken(['admin:manage']));
    const mail = {
      to: 'ann@example.com',
      text: 'sesame',
      html: 'sesame',
      createdAt: 1_900_000_000,
      attempts: 3,
    };
    const rows = ['one', 'two', 'three'].map((id, at) => ({ ...mail, id, subject: id, failedAt: 9 + at }));
    await server.domain.rows.outbox.insertMany(rows.map((row) => ({ ...row, error: 'ECONNECTION' })));
  });
  after(() => server.stop());

  const post = (path: string, json: unknown) =>
    server.call(`${PATH}${path}`, { method: 'POST', token, json });

  test('is listed by cursor, without texts', async () => {
    const first = await server.call(`${PATH}?limit=2`, { token });
    const rest = await server.call(`${PATH}?limit=2&cursor=${first.body.response.next_cursor}`, { token });
    const items = [...first.body.response.items, ...rest.body.response.items];
    assert.deepEqual(
      items.map(({ id, state, fault, given_up_at: at }) => [id, state, fault, at]),
      [
        ['three', 'given_up', 'ECONNECTION', 11],
        ['two', 'given_up', 'ECONNECTION', 10],
        ['one', 'given_up', 'ECONNECTION', 9],
      ],
    );
    assert.ok(!JSON.stringify(items).includes('sesame'));
    assert.equal((await server.call(`${PATH}?state=lost`, { token })).status, 400);
  });

  test('is sent again, one or all of a fault, with a reason', async () => {
    assert.equal((await post('/one/retry', {})).body.body.parameter, 'reason');
    assert.equal((await post('/gone/retry', { reason: 'Test' })).status, 404);
    assert.equal((await post('/one/retry', { reason: 'Test' })).body.response.state, 'waiting');
    assert.equal((await post('/retry', { reason: 'Test' })).body.body.parameter, 'fault');
    const all = await post('/retry', { reason: 'Test', fault: 'ECONNECTION' });
    assert.deepEqual(all.body.response, { retried: 2, more: false });
  });
});
