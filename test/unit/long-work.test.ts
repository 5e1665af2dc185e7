import assert from 'node:assert/strict';
import { syncBuiltinESMExports } from 'node:module';
import { it } from 'node:test';
import { createLongWork } from '../../server/access/long-work.ts';

const log = { error: () => undefined };

it('what takes minutes is done once at a time, answered in seconds, and left where the process ends', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  // Those who have imported it by name see it too.
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.timers.reset();
    syncBuiltinESMExports();
  });
  const work = createLongWork({ log });
  let batches = 0;
  const gates: (() => void)[] = [];
  const step = async () => {
    batches += 1;
    await new Promise<void>((done) => gates.push(done));
    return true;
  };
  const asked = [1, 2].map(() => work.begin('app_1', step, 'not done'));
  t.mock.timers.tick(5000);
  assert.deepEqual(await Promise.all(asked), ['going on', 'going on']);
  assert.deepEqual([batches, work.isUnderWay('app_1')], [1, true]);
  const stopped = work.stop();
  gates[0]?.();
  await stopped;
  assert.deepEqual([batches, work.isUnderWay('app_1')], [1, false]);
  assert.equal(await work.begin('app_2', async () => false, 'not done'), 'done');
  await assert.rejects(
    work.begin('app_3', () => Promise.reject(new Error('away')), 'not done'),
    /away/,
  );
});
