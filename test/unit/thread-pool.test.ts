import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createThreadPool, NotBegun } from '../../server/workflows/thread-pool.ts';
import { makeConfigFolder } from '../support/config-folder.ts';

test('a stop waits for no thread that is still loading', async (t) => {
  const config = makeConfigFolder({
    'workflows/never.ts': 'await new Promise(() => setInterval(() => {}, 1000));',
  });
  t.after(config.remove);
  const pool = createThreadPool({ folder: config.folder, log: { error: assert.fail } });
  const task = { workflow: 'never', timeLimitMs: 1000, at: 0 } as Parameters<typeof pool.run>[0];
  const refused = assert.rejects(
    pool.run(
      task,
      async () => 0,
      () => assert.fail(),
    ),
    NotBegun,
  );
  const startedAt = performance.now();
  await pool.close();
  assert.ok(performance.now() - startedAt < 5000);
  await refused;
});
