import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startRunProcess } from '../../server/workflows/run-process.ts';
import { makeConfigFolder } from '../support/config-folder.ts';

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

test('a run is not done twice where the server was held up while it began', async (t) => {
  const config = makeConfigFolder({ 'workflows/marks.ts': MARKS });
  const runProcess = startRunProcess({ folder: config.folder, log: { error: assert.fail } });
  t.after(async () => {
    runProcess.end(new Error('over'));
    await runProcess.gone;
    config.remove();
  });
  await runProcess.ready;
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const file = join(config.folder, 'begun');
  const call = { parameters: { file }, known: [], caller: undefined, request: { id: 'r', from: '::1' } };
  const running = runProcess.run(
    { workflow: 'marks', timeLimitMs: 30_000, at: 0, call },
    async () => assert.fail(),
    () => assert.fail(),
  );
  // As a computer that slept: the timer is due before the server has read what its process said meanwhile.
  const pause = new Int32Array(new SharedArrayBuffer(4));
  while (!existsSync(file)) Atomics.wait(pause, 0, 0, 10);
  t.mock.timers.tick(5000);
  assert.deepEqual(JSON.parse((await running).body).response, {});
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
