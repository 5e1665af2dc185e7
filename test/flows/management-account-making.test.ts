import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type ApiServer, startApiServer } from '../support/api-server.ts';

const PATH = '/api/1.1/admin/accounts';

describe('accounts made by the management API', () => {
  let server: ApiServer;
  let token: string;
  before(async () => {
    server = await startApiServer();
    token = (await server.serviceToken(['admin:manage'])).value;
  });
  after(() => server.stop());

  const post = (json: unknown) => server.call(PATH, { method: 'POST', token, json });
  const name = (id: string, externalId: unknown) =>
    server.call(`${PATH}/${id}/external-id`, { method: 'PUT', token, json: { external_id: externalId } });

  test('have no password and no rights, and stand on the word of the service', async () => {
    const { status, body } = await post({ email: 'Ann@example.com', name: 'Ann', external_id: 'u1' });
    assert.equal(status, 200);
    const { id, ...shown } = body.response;
    assert.deepEqual(
      [shown.email, shown.name, shown.external_id, shown.admin],
      ['Ann@example.com', 'Ann', 'u1', false],
    );
    const row = await server.domain.accounts.get(id);
    assert.match(row?.vouchedBy ?? '', /^svc_/);
    assert.equal(row?.passwordHash, undefined);
    for (const [json, expected, code] of [
      [{ email: 'ann@EXAMPLE.com' }, 409, 'EMAIL_TAKEN'],
      [{ email: 'other@example.com', external_id: 'u1' }, 409, 'OTHER_EXTERNAL_ID'],
      [{ email: 'ann' }, 400, 'INVALID_EMAIL'],
      [{ name: 'Ann' }, 400, 'INVALID_DATA'],
      [{ email: 'b@example.com', admin: true }, 400, 'INVALID_DATA'],
      [{ email: 'b@example.com', external_id: '' }, 400, 'INVALID_DATA'],
      [{ email: { $ne: null } }, 400, 'INVALID_DATA'],
    ] as const) {
      const refused = await post(json);
      assert.deepEqual([refused.status, refused.body.body.status], [expected, code]);
    }
    assert.equal(await server.domain.accounts.findByEmail('other@example.com'), undefined);
  });

  test('have a password, or a link for one, only by a service with all of an admin', async () => {
    const json = { email: 'pass@example.com', password: 'four words nobody guesses' };
    assert.equal((await post(json)).body.body.status, 'FORBIDDEN');
    const all = (await server.serviceToken(['admin'])).value;
    const make = (wanted: object) => server.call(PATH, { method: 'POST', token: all, json: wanted });
    assert.equal((await make({ ...json, password: 'pass@example.com' })).status, 400);
    const { id } = (await make(json)).body.response;
    const row = await server.domain.accounts.get(id);
    assert.deepEqual([row?.vouchedBy, row?.admin], [undefined, false]);
    const { email, password } = json;
    const from = '192.0.2.1';
    assert.equal((await server.domain.accounts.checkPassword({ email, password, from })).id, id);

    const link = (value: string, reason: string) =>
      server.call(`${PATH}/${id}/reset-link`, { method: 'POST', token: value, json: { reason } });
    assert.equal((await link(token, 'Locked out')).body.body.status, 'FORBIDDEN');
    assert.equal((await link(all, ' ')).body.body.status, 'INVALID_REASON');
    const { response } = (await link(all, 'Locked out')).body;
    const secret = new URL(response.url).searchParams.get('token') ?? '';
    assert.equal((await server.domain.resets.find(secret)).account.id, id);
    const audit = await server.domain.rows.audit.list({ where: [['accountId', '=', id]], limit: 10 });
    const made = audit.find(({ action }) => action === 'account.reset_link_made');
    assert.equal(made?.actor.reason, 'Locked out');
  });

  test('of many at the same moment with one external id, one is made', async () => {
    const answers = await Promise.all(
      Array.from({ length: 5 }, (_, at) => post({ email: `race${at}@example.com`, external_id: 'race' })),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409, 409, 409, 409]);
  });

  test('are named by an id once', async () => {
    const { id } = (await post({ email: 'ben@example.com' })).body.response;
    assert.equal((await name(id, 'u2')).body.response.external_id, 'u2');
    assert.equal((await name(id, 'u2')).status, 200);
    assert.equal((await name(id, 'u3')).body.body.status, 'OTHER_EXTERNAL_ID');
    assert.equal((await name((await post({ email: 'c@example.com' })).body.response.id, 'u2')).status, 409);
    assert.equal((await name('acc_none', 'u9')).status, 404);
    assert.equal((await name(id, 7)).status, 400);
    const actions = await server.domain.rows.audit.list({ where: [['accountId', '=', id]], limit: 9 });
    assert.deepEqual(actions.map(({ action }) => action).sort(), [
      'account.created',
      'account.external_id_set',
    ]);
  });
});
