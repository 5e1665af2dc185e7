import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { createCatalogue } from '../../server/workflows/catalogue.ts';
import { createDeclared } from '../../server/workflows/shown-declarations.ts';
import { defineWorkflow, oneLine } from '../../server/workflows/workflow.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { until } from '../support/until.ts';

const PATH = '/api/1.1/admin';

const sort = defineWorkflow({
  name: 'sort',
  description: 'Sort it',
  callers: 'admin',
  method: 'GET',
  parameters: {
    by: { schema: z.enum(['name', 'age']).default('name'), description: 'By what', example: 'age' },
    count: { schema: z.number().int().min(1).max(5), description: 'How many', example: 2 },
    names: { schema: z.array(oneLine(20)).max(3), description: 'Of whom', example: ['Ann'] },
    day: { schema: z.iso.date().transform((day) => new Date(day)), description: 'On', example: '2027-01-01' },
  },
  returns: z.object({}),
  run: () => ({}),
});

describe('workflows in the management API', () => {
  let server: ApiServer;
  let token: string;
  before(async () => {
    server = await startApiServer();
    ({ value: token } = await server.serviceToken(['admin:manage']));
  });
  after(() => server.stop());

  test('are told with scope, parameters, calls and errors, and with what is held in vain', async () => {
    const { clients } = server.domain.rows;
    const [holder] = await clients.list({ limit: 1 });
    await clients.update(holder?.id ?? '', { set: { scopes: [...(holder?.scopes ?? []), 'wf:renamed'] } });
    const pat = await server.token({ scopes: ['wf:create_transaction'] });
    await server.call('/api/1.1/wf/create_transaction', { method: 'POST', token: pat.value, json: {} });
    await server.domain.callCounts.flush();
    const { response } = (await server.call(`${PATH}/workflows`, { token })).body;
    const named = (name: string) => response.items.find((one: { name: string }) => one.name === name);
    const { scope, calls, errors } = named('create_transaction');
    assert.deepEqual(
      [scope, calls, errors],
      ['wf:create_transaction', 1, [{ result: 'MISSING_DATA', count: 1 }]],
    );
    assert.deepEqual(response.gone_scopes, [{ name: 'wf:renamed', services: 1, apps: 0, tokens: 0 }]);
    assert.equal((await server.call(`${PATH}/workflows?q=x`, { token })).status, 400);
  });

  test('look for what is held in vain once in some minutes', async () => {
    const { domain } = server;
    let now = domain.clock();
    const declared = createDeclared({ ...domain, clock: () => now });
    const held = async () => (await declared.goneScopes()).map(({ name, tokens }) => `${name} ${tokens}`);
    const before = await held();
    await server.token({ scopes: ['wf:moved'] });
    assert.deepEqual(await held(), before);
    now += 601;
    // A slow look is not waited for: until it is over, what was found before is told.
    const found = await until('the scopes that are gone', async () => {
      const seen = await held();
      return seen.length > before.length && seen;
    });
    assert.deepEqual(found, ['wf:moved 1', ...before]);
  });

  test('say what each parameter takes, in words', async () => {
    const { domain } = server;
    const declared = createDeclared({ ...domain, catalogue: createCatalogue([sort], server.url) });
    const one = (await declared.workflows()).find(({ name }) => name === 'sort');
    assert.deepEqual(
      one?.parameters.map(({ name, type, limits, required, places }) => [
        name,
        type,
        limits,
        required,
        places,
      ]),
      [
        ['by', '"name" or "age"', [], false, ['query']],
        ['count', 'whole number', ['at least 1', 'at most 5'], true, ['query']],
        ['names', 'list of text', ['at most 3 of them'], true, ['query']],
        ['day', 'text (date)', [], true, ['query']],
      ],
    );
    assert.deepEqual([one?.scope, one?.method], ['admin:wf:sort', 'GET']);
    const types = await server.call(`${PATH}/types`, { token });
    const { fields } = types.body.response.items[0];
    assert.deepEqual(fields[2], { name: 'amount_cents', type: 'whole number', limits: [], required: true });
  });
});
