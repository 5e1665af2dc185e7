import assert from 'node:assert/strict';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

type Done = (error: Error | null) => void;

export type SlowDisk = ReturnType<typeof slowDisk>;

/** A disk that takes its time: `untilWaiting` answers with what ends somebody's wait for it. */
export function slowDisk() {
  const { fdatasync } = fs;
  const waits: Done[] = [];
  const slow = (descriptor: number, done: Done) => {
    const ino = inoOf(descriptor);
    waits.push((error) => {
      const after = inoOf(descriptor);
      done(error);
      assert.equal(after, ino, 'it was closed under the sync');
    });
  };
  fs.fdatasync = slow as typeof fdatasync;
  syncBuiltinESMExports();
  const untilWaiting = async () => {
    for (let turn = 0; turn < 2000 && waits.length === 0; turn += 1) await sleep(1);
    return waits.shift() ?? assert.fail('nobody waits for the disk');
  };
  const restore = () => {
    fs.fdatasync = fdatasync;
    syncBuiltinESMExports();
  };
  return { waits, untilWaiting, restore };
}

/** Which file a number stands for; undefined for one that was closed. */
export function inoOf(descriptor: number): number | undefined {
  try {
    return fs.fstatSync(descriptor).ino;
  } catch {
    return undefined;
  }
}
