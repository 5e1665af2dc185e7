import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createProcessPool } from '../../server/workflows/process-pool.ts';
import { NotBegun } from '../../server/workflows/run-process.ts';
import { makeConfigFolder } from '../support/config-folder.ts';
import { runOf } from '../support/run-task.ts';
import { until } from '../support/until.ts';

test('a stop waits for no process that is still loading', async (t) => {
  const config = makeConfigFolder({
    'workflows/never.ts': 'await new Promise(() => setInterval(() => {}, 1000));',
  });
  t.after(config.remove);
  const pool = createProcessPool({ folder: config.folder, log: { error: assert.fail } });
  const refused = assert.rejects(runOf(pool, 'never'), NotBegun);
  const startedAt = performance.now();
  await pool.close();
  assert.ok(performance.now() - startedAt < 5000);
  await refused;
});

test('a process in which a run left ever more behind is ended', async (t) => {
  const config = makeConfigFolder({
    'workflows/leaves.ts': `
import { defineWorkflow } from 'latchkey';
import { z } from 'zod';
export const workflow = defineWorkflow({
  name: 'leaves', description: 'Leaves', callers: 'anyone',
  parameters: { much: { schema: z.boolean(), description: 'Much', example: true } },
  returns: z.object({ pid: z.number() }),
  run({ parameters: { much } }) {
    const held = [];
    if (much) setInterval(() => held.length < 40 && held.push(Buffer.alloc(1e7, 1)), 1);
    return { pid: process.pid };
  },
});
`,
  });
  const logged: string[] = [];
  const log = { error: (message: string) => void logged.push(message) };
  const pool = createProcessPool({ folder: config.folder, log: log as never });
  t.after(async () => {
    await pool.close();
    config.remove();
  });
  const pidOf = async (much: boolean) => (await runOf(pool, 'leaves', { much })).pid;
  const first = await pidOf(false);
  assert.equal(await pidOf(true), first);
  await until('it is told', () => logged.some((line) => line.includes('what a run had left behind')));
  await until('runs are in another process', async () => {
    try {
      return (await pidOf(false)) !== first;
    } catch (error) {
      // Handed to the one that is ended just then.
      assert.ok(error instanceof NotBegun);
      return false;
    }
  });
});

test('of processes that get idle at the same time one stays', async (t) => {
  const config = makeConfigFolder({
    'workflows/who.ts': `
import { defineWorkflow } from 'latchkey';
import { z } from 'zod';
export const workflow = defineWorkflow({
  name: 'who', description: 'Who', callers: 'anyone', parameters: {},
  returns: z.object({ pid: z.number() }),
  run: () => new Promise((resolve) => setTimeout(() => resolve({ pid: process.pid }), 300)),
});
`,
  });
  const pool = createProcessPool({ folder: config.folder, log: { error: assert.fail } }, { idleMs: 1000 });
  t.after(async () => {
    await pool.close();
    config.remove();
  });
  const pidOfRun = async () => Number((await runOf(pool, 'who')).pid);
  await Promise.all([pidOfRun(), pidOfRun()]);
  // Both are loaded by now.
  const both = await Promise.all([pidOfRun(), pidOfRun()]);
  assert.notEqual(both[0], both[1]);
  await until('one has ended', () => both.some((pid) => !isThere(pid)));
  assert.ok(both.includes(await pidOfRun()));
});

test('no more processes are started than runs are under way at once', async (t) => {
  const config = makeConfigFolder({
    'workflows/quick.ts': `
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineWorkflow } from 'latchkey';
import { z } from 'zod';
const started = join(import.meta.dirname, '../started');
appendFileSync(started, '.');
if (readFileSync(started, 'utf8').length > 1) await new Promise((resolve) => setTimeout(resolve, 500));
export const workflow = defineWorkflow({
  name: 'quick', description: 'Quick', callers: 'anyone', parameters: {}, returns: z.object({}),
  run: () => new Promise((resolve) => setTimeout(() => resolve({}), 50)),
});
`,
  });
  const pool = createProcessPool({ folder: config.folder, log: { error: assert.fail } });
  t.after(async () => {
    await pool.close();
    config.remove();
  });
  async function runOneByOne(): Promise<void> {
    for (let i = 0; i < 10; i += 1) await runOf(pool, 'quick');
  }
  // The second process loads while both share the first one.
  await Promise.all([runOneByOne(), runOneByOne()]);
  assert.ok(readFileSync(join(config.folder, 'started'), 'utf8').length <= 2);
});

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
