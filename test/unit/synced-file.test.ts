import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, it, mock } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { syncedFile } from '../../adapters/sqlite/synced-file.ts';
import { inoOf, slowDisk } from '../support/slow-disk.ts';

const EIO = new Error('EIO');

describe('a file that is synced', () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-sync-'));
  let descriptor: number;
  let disk: ReturnType<typeof slowDisk>;

  beforeEach(() => {
    descriptor = openSync(join(folder, 'file'), 'a');
    disk = slowDisk();
  });
  afterEach(() => {
    disk.restore();
    if (inoOf(descriptor) !== undefined) closeSync(descriptor);
  });
  after(() => rmSync(folder, { recursive: true }));

  async function outcome(asked: Promise<void>): Promise<unknown> {
    return Promise.race([asked.then(() => 'on disk').catch((error) => error), nextTurn('waits')]);
  }

  it('runs one sync at a time, and the next for all that ask meanwhile', async () => {
    const file = syncedFile(descriptor);
    const first = file.sync();
    const endFirst = await disk.untilWaiting();
    const [second, third] = [file.sync(), file.sync()];
    assert.deepEqual([await outcome(first), await outcome(second), disk.waits.length], ['waits', 'waits', 0]);
    endFirst(null);
    const endNext = await disk.untilWaiting();
    assert.deepEqual([await outcome(first), await outcome(second)], ['on disk', 'waits']);
    endNext(null);
    assert.deepEqual([await outcome(second), await outcome(third)], ['on disk', 'on disk']);
    const fourth = file.sync();
    (await disk.untilWaiting())(null);
    assert.deepEqual([await outcome(fourth), disk.waits.length], ['on disk', 0]);
  });

  it('answers for nothing any more after a sync that failed', async () => {
    const file = syncedFile(descriptor);
    const first = file.sync();
    const endFirst = await disk.untilWaiting();
    const beside = file.sync();
    endFirst(EIO);
    assert.deepEqual(
      [await outcome(first), await outcome(beside), await outcome(file.sync())],
      [EIO, EIO, EIO],
    );
    assert.equal(disk.waits.length, 0);
    file.close();
    await nextTurn();
    assert.equal(inoOf(descriptor), undefined);
  });

  it('is closed behind the syncs that were asked for', async () => {
    const file = syncedFile(descriptor);
    const first = file.sync();
    const endFirst = await disk.untilWaiting();
    const second = file.sync();
    file.close();
    endFirst(null);
    const endSecond = await disk.untilWaiting();
    assert.equal(await outcome(first), 'on disk');
    assert.notEqual(inoOf(descriptor), undefined);
    endSecond(null);
    assert.equal(await outcome(second), 'on disk');
    await nextTurn();
    assert.equal(inoOf(descriptor), undefined);
  });

  it('harms nobody by what closing says', async () => {
    const unhandled = mock.fn();
    process.on('unhandledRejection', unhandled);
    closeSync(descriptor);
    assert.throws(() => closeSync(descriptor), { code: 'EBADF' });
    syncedFile(descriptor).close();
    await nextTurn();
    await nextTurn();
    process.off('unhandledRejection', unhandled);
    assert.equal(unhandled.mock.callCount(), 0);
  });

  it('keeps nothing of the syncs that are over', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const file = syncedFile(descriptor);
    const heapAfter = async (syncs: number) => {
      for (let count = 0; count < syncs; count += 1) {
        const asked = file.sync();
        await null;
        disk.waits.pop()?.(null);
        await asked;
      }
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = await heapAfter(20_000);
    const grown = (await heapAfter(60_000)) - before;
    assert.ok(grown < 5_000_000, `${grown} bytes more`);
  });
});
