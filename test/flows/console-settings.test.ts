import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPeople } from '../support/people.ts';
import { startTestServer } from '../support/server.ts';

test('settings in the console are those in force, without the secret', async () => {
  const server = await startTestServer();
  const people = await openPeople(server);
  const { agent } = await people.person({ admin: true });
  const { status, text } = await agent.get('/admin/settings');
  assert.equal(status, 200);
  for (const shown of [server.url, 'tokens.maxDays', 'set, not shown', 'who may make'])
    assert.ok(text.includes(shown), shown);
  assert.ok(!text.includes(people.domain.settings.secret));
  await people.close();
  await server.stop();
});
