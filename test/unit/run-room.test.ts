import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRunRoom } from '../../server/workflows/run-room.ts';

test('few are let in at once, more of them when they have waited, and none beyond all places', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const inRoom = createRunRoom({
    atOnceSoon: 2,
    patienceMs: 100,
    atOnceMax: 3,
    waitingMax: 1,
    waitMsMax: 5000,
    full: () => new Error('full'),
  });
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const come = (number: number) =>
    inRoom(() => {
      begun.push(number);
      return new Promise<void>((resolve) => ends.push(resolve));
    });
  const turn = () => new Promise((resolve) => setImmediate(resolve));

  const all = [1, 2, 3, 4].map(come);
  await assert.rejects(come(5), /full/);
  await turn();
  assert.deepEqual(begun, [1, 2]);
  t.mock.timers.tick(100);
  await turn();
  assert.deepEqual(begun, [1, 2, 3], 'the fourth waits on');
  ends[0]?.();
  await turn();
  assert.deepEqual(begun, [1, 2, 3, 4]);
  for (const end of ends) end();
  await Promise.all(all);

  const again = [6, 7].map(come);
  await turn();
  assert.deepEqual(begun.slice(4), [6, 7]);
  for (const end of ends) end();
  await Promise.all(again);
});
