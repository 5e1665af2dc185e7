import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startRunProcess } from '../../server/workflows/run-process.ts';
import { makeConfigFolder } from '../support/config-folder.ts';
import { runOf } from '../support/run-task.ts';

const MARKS = `
import { writeFileSync } from 'node:fs';
import { defineWorkflow } from 'latchkey';
import { z } from 'zod';
export const workflow = defineWorkflow({
  name: 'marks', description: 'Marks', callers: 'anyone',
  parameters: { file: { schema: z.string(), description: 'File', example: 'x' } },
  returns: z.object({}),
  run({ parameters: { file } }) {
    writeFileSync(file, '');
    return {};
  },
});
`;

const NOTE = `
import { always, defineType } from 'latchkey';
import { z } from 'zod';
export const note = defineType({
  name: 'note', description: 'A note', fields: { text: z.string() },
  rules: () => [{ name: 'Everybody', when: always, find: true, view: true, constrain: true, create: true }],
});
`;

/** A process that has loaded this folder, for as long as the test takes. */
async function startedProcess(t: TestContext, config: ReturnType<typeof makeConfigFolder>) {
  const runProcess = startRunProcess({ folder: config.folder, log: { error: assert.fail } });
  t.after(async () => {
    runProcess.end(new Error('over'));
    await runProcess.gone;
    config.remove();
  });
  await runProcess.ready;
  return runProcess;
}

test('a run is not done twice where the server was held up while it began', async (t) => {
  const config = makeConfigFolder({ 'workflows/marks.ts': MARKS });
  const runProcess = await startedProcess(t, config);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const file = join(config.folder, 'begun');
  const running = runOf(runProcess, 'marks', { file });
  // As a computer that slept: the timer is due before the server has read what its process said meanwhile.
  const pause = new Int32Array(new SharedArrayBuffer(4));
  while (!existsSync(file)) Atomics.wait(pause, 0, 0, 10);
  t.mock.timers.tick(5000);
  assert.deepEqual(await running, {});
});

test('a process whose server went before it could hear of it ends', async (t) => {
  const config = makeConfigFolder({ 'workflows/stays.ts': `setInterval(() => {}, 1000);\n${MARKS}` });
  t.after(config.remove);
  const program = join(import.meta.dirname, '../../server/start/workflows.js');
  const child = fork(program, [config.folder], { detached: true, serialization: 'advanced' });
  child.disconnect();
  const timer = setTimeout(() => child.kill('SIGTERM'), 5000);
  const [, signal] = await once(child, 'exit');
  clearTimeout(timer);
  assert.equal(signal, 'SIGKILL');
});

test('what a run asks when it is over is not answered as a question of the next one', async (t) => {
  const config = makeConfigFolder({
    'types/note.ts': NOTE,
    'workflows/late.ts': `
import { defineWorkflow } from 'latchkey';
import { z } from 'zod';
import { note } from '../types/note.ts';
let kept;
export const workflow = defineWorkflow({
  name: 'late', description: 'Late', callers: 'anyone', types: { note }, parameters: {},
  returns: z.object({ count: z.number().optional(), failed: z.string().optional() }),
  async run({ data }) {
    if (kept !== undefined) return kept.note.count().then((count) => ({ count }), (error) => ({ failed: error.message }));
    kept = data;
    return { count: await data.note.count() };
  },
});
`,
  });
  const runProcess = await startedProcess(t, config);
  const countBy = (answer: number) => runOf(runProcess, 'late', {}, async () => answer);
  assert.deepEqual(await countBy(1), { count: 1 });
  // By what it kept of the first one, whose caller may see other records.
  assert.deepEqual(await countBy(2), { failed: 'the run is over; await what it starts' });
});

test('what a run cannot ask takes no place from what it and later ones ask', async (t) => {
  const config = makeConfigFolder({
    'types/note.ts': NOTE,
    'workflows/asks.ts': `
import { defineWorkflow } from 'latchkey';
import { z } from 'zod';
import { note } from '../types/note.ts';
export const workflow = defineWorkflow({
  name: 'asks', description: 'Asks', callers: 'anyone', types: { note }, parameters: {},
  returns: z.object({ count: z.number(), failed: z.number() }),
  async run({ data }) {
    const asked = Array.from({ length: 40 }, () => data.note.count({ where: [['text', 'filled', () => 1]] }));
    const failed = (await Promise.allSettled(asked)).filter(({ status }) => status === 'rejected').length;
    return { count: await data.note.count(), failed };
  },
});
`,
  });
  const runProcess = await startedProcess(t, config);
  assert.deepEqual(await runOf(runProcess, 'asks', {}, async () => 1), { count: 1, failed: 40 });
});
