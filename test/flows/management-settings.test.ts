import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApiServer } from '../support/api-server.ts';

test('settings in the management API are those in force, without the secret', async () => {
  const server = await startApiServer();
  const { value: token } = await server.serviceToken(['admin:manage']);
  const { status, text, body } = await server.call('/api/1.1/admin/settings', { token });
  assert.equal(status, 200);
  assert.ok(!text.includes(server.domain.settings.secret));
  const { items, advice } = body.response;
  const url = items.find(({ key }: { key: string }) => key === 'url');
  assert.deepEqual(url, { key: 'url', value: server.url, from: 'config/settings.ts' });
  assert.ok(advice.length > 1);
  await server.stop();
});
