import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { defineWorkflow } from '../../server/workflows/workflow.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';

const asWhom = defineWorkflow({
  name: 'as_whom',
  description: 'Say how it was called',
  callers: 'account',
  parameters: {},
  returns: z.object({ admin: z.boolean() }),
  run: ({ caller }) => ({ admin: caller.admin }),
});

const adminsOnly = defineWorkflow({ ...asWhom, name: 'admins_only', callers: 'admin', parameters: {} });

describe('admin scopes that are narrow', () => {
  let server: ApiServer;
  before(async () => {
    server = await startApiServer({ workflows: [asWhom, adminsOnly] });
  });
  after(() => server.stop());

  const call = (name: string, token: string) =>
    server.call(`/api/1.1/wf/${name}`, { method: 'POST', token, json: {} });

  async function answersOf(scopes: string[], options = {}) {
    const { value } = await server.serviceToken(scopes, options);
    const [whom, only] = [await call('as_whom', value), await call('admins_only', value)];
    return [whom.status === 200 ? whom.body.response.admin : whom.status, only.status];
  }

  test('open their one workflow, past privacy rules, and nothing beside it', async () => {
    for (const [scopes, expected] of [
      [['admin'], [true, 200]],
      [['admin:wf:as_whom'], [true, 403]],
      [['admin:wf:admins_only'], [403, 200]],
      [['wf:as_whom'], [false, 403]],
      [
        ['admin:wf:admins_only', 'wf:as_whom'],
        [false, 200],
      ],
      [
        ['admin:data:transaction:write', 'admin:data:transaction:read'],
        [403, 403],
      ],
      [['wf:admins_only'], [403, 403]],
      [['admin:wf:gone'], [403, 403]],
    ] as [string[], unknown[]][]) {
      assert.deepEqual(await answersOf(scopes), expected, scopes.join(' '));
    }
  });

  test('open nothing past privacy rules for who is no admin any more', async () => {
    assert.deepEqual(await answersOf(['admin:wf:as_whom', 'admin:wf:admins_only'], { admin: false }), [
      false,
      403,
    ]);
  });

  test('are named to who lacks one, the narrow one and not all', async () => {
    const { value } = await server.serviceToken(['admin:wf:as_whom']);
    const refused = await call('admins_only', value);
    assert.match(refused.headers.get('www-authenticate') ?? '', / scope="admin:wf:admins_only"/);
    assert.match(refused.body.body.hint, /an admin made/);
  });

  test('mark each call of a token that holds one', async () => {
    for (const [scopes, marked] of [
      [['admin:wf:as_whom'], true],
      [['wf:as_whom'], undefined],
    ] as const) {
      const { value, clientId } = await server.serviceToken([...scopes]);
      await server.call('/api/1.1/me', { token: value });
      await call('as_whom', value);
      await call('admins_only', value);
      const calls = (await server.calls()).filter((one) => one.clientId === clientId);
      assert.deepEqual(
        calls.map(({ privacyBypassed }) => privacyBypassed),
        [marked, marked, marked],
      );
    }
  });
});
