import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { defineWorkflow } from '../../server/workflows/workflow.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';

const ADMIN = '/api/1.1/admin';

const plan = defineWorkflow({
  name: 'plan',
  description: 'says what is noted of its caller',
  callers: 'account',
  parameters: {},
  returns: z.object({
    metadata: z.record(z.string(), z.string()),
    odd: z.string(),
    known_as: z.string().optional(),
  }),
  run: ({ caller }) => ({
    metadata: caller.metadata,
    odd: typeof caller.metadata.constructor,
    ...(caller.externalId === undefined ? {} : { known_as: caller.externalId }),
  }),
});

describe('metadata in the management API', () => {
  let server: ApiServer;
  let admin: string;
  before(async () => {
    server = await startApiServer({ workflows: [plan] });
    admin = (await server.serviceToken(['admin:manage'])).value;
  });
  after(() => server.stop());

  const put = (path: string, metadata: unknown, token = admin) =>
    server.call(`${ADMIN}${path}`, { method: 'PUT', token, json: { metadata } });
  const seen = async (token: string) =>
    (await server.call('/api/1.1/wf/plan', { method: 'POST', token, json: {} })).body.response;

  test('reaches a workflow, that of the token over that of the account, and is set whole', async () => {
    const { value, credential } = await server.token({ scopes: ['wf:plan'] });
    assert.deepEqual(await seen(value), { metadata: {}, odd: 'undefined' });
    await put(`/accounts/${credential.accountId}/metadata`, { plan: 'free', tenant: '42' });
    const set = await put(`/tokens/${credential.id}/metadata`, { plan: 'pro' });
    assert.deepEqual(
      [set.status, set.body.response],
      [200, { id: credential.id, metadata: { plan: 'pro' } }],
    );
    assert.deepEqual(await seen(value), { metadata: { plan: 'pro', tenant: '42' }, odd: 'undefined' });
    await put(`/tokens/${credential.id}/metadata`, { seats: '3' });
    const { body } = await server.call(`${ADMIN}/tokens/${credential.id}/metadata`, { token: admin });
    assert.deepEqual(body.response.metadata, { seats: '3' });
    const account = (await server.domain.accounts.get(credential.accountId)) ?? assert.fail();
    let taken = '';
    for await (const piece of await server.domain.accountData.take(account, { kind: 'account' }))
      taken += piece;
    const data = JSON.parse(taken);
    assert.deepEqual(
      [data.account.metadata, data.tokens[0].metadata],
      [{ plan: 'free', tenant: '42' }, { seats: '3' }],
    );
    await put(`/tokens/${credential.id}/metadata`, {});
    const named = { method: 'PUT', token: admin, json: { external_id: 'shop:17' } };
    await server.call(`${ADMIN}/accounts/${credential.accountId}/external-id`, named);
    assert.equal((await seen(value)).known_as, 'shop:17');
    assert.deepEqual((await seen(value)).metadata, { plan: 'free', tenant: '42' });
    const audit = await server.domain.rows.audit.list({
      where: [['accountId', '=', credential.accountId]],
      limit: 10,
    });
    assert.deepEqual(audit.map(({ action, actor }) => `${action} ${actor.kind}`).sort(), [
      'account.data_taken account',
      'account.external_id_set client',
      'account.metadata_set client',
      ...Array(3).fill('token.metadata_set client'),
    ]);
  });

  test('is kept by a rotation, and not set on the old value', async () => {
    const { value, credential } = await server.token({ scopes: ['wf:plan'] });
    await put(`/tokens/${credential.id}/metadata`, { plan: 'pro' });
    const rotated = await server.call('/api/1.1/me/token/rotate', { method: 'POST', token: value, json: {} });
    const { token, id } = rotated.body.response;
    assert.deepEqual((await seen(token)).metadata, { plan: 'pro' });
    const { status, body } = await put(`/tokens/${credential.id}/metadata`, { plan: 'free' });
    assert.deepEqual([status, body.body.status], [409, 'NOT_LIVE']);
    assert.match(body.body.hint ?? body.hint, new RegExp(id));
  });

  test('is short keys with short texts and nothing else', async () => {
    const { credential } = await server.token();
    const path = `/tokens/${credential.id}/metadata`;
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, '']));
    const bodies = [
      '{"metadata":{"__proto__":"x"}}',
      '{"metadata":{"__proto__":{"plan":"x"}}}',
      '{"metadata":{"constructor":"x"}}',
      '{"metadata":{"plan":{"$ne":"x"}}}',
      '{"metadata":{"plan":["x"]}}',
      '{"metadata":{"plan":1}}',
      '{"metadata":{"plan":null}}',
      '{"metadata":{"Plan":"x"}}',
      '{"metadata":{"a.b":"x"}}',
      '{"metadata":{"$set":"x"}}',
      '{"metadata":{"":"x"}}',
      `{"metadata":{"${'k'.repeat(41)}":"x"}}`,
      `{"metadata":{"plan":"${'x'.repeat(201)}"}}`,
      '{"metadata":{"plan":"a\\nb"}}',
      '{"metadata":["plan"]}',
      '{"metadata":null}',
      '{"metadata":"plan"}',
      '{}',
      '{"metadata":{},"more":1}',
      JSON.stringify({ metadata: many(21) }),
    ];
    const headers = { 'content-type': 'application/json' };
    for (const body of bodies) {
      const { status } = await server.call(`${ADMIN}${path}`, { method: 'PUT', token: admin, body, headers });
      assert.equal(status, 400, body);
    }
    assert.equal((await server.domain.rows.credentials.get(credential.id))?.metadata, undefined);
    assert.equal(({} as Record<string, unknown>).plan, undefined);
    const most = { ...many(19), ['k'.repeat(40)]: 'x'.repeat(200) };
    assert.equal((await put(path, most)).status, 200);
  });

  test("is nobody else's to set", async () => {
    const own = await server.token();
    const path = `/tokens/${own.credential.id}/metadata`;
    for (const token of [
      own.value,
      (await server.serviceToken(['admin:portal-links'])).value,
      (await server.serviceToken(['admin'], { admin: false })).value,
    ])
      assert.equal((await put(path, { plan: 'pro' }, token)).status, 404);
    for (const missing of ['/tokens/tok_none/metadata', '/accounts/acc_none/metadata'])
      assert.equal((await put(missing, {})).status, 404);
    const secret = await server.token({ kind: 'client_secret', clientId: 'svc_x' });
    assert.equal((await put(`/tokens/${secret.credential.id}/metadata`, {})).status, 404);
    const ended = await server.token({ revokedAt: 1 });
    assert.equal((await put(`/tokens/${ended.credential.id}/metadata`, {})).body.body.status, 'NOT_LIVE');
  });
});
