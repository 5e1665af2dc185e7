import assert from 'node:assert/strict';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { syncedFile } from '../../adapters/sqlite/sync.ts';

const DESCRIPTOR = 4_000_000;
const EIO = new Error('EIO');

describe('a file that is synced', () => {
  /** What ends each sync that runs. */
  let running: ((error: Error | null) => void)[];
  let closed: number[];
  let close: () => void;
  let forgetCalls: () => void;

  beforeEach(() => {
    running = [];
    closed = [];
    close = () => undefined;
    const { closeSync } = fs;
    const synced = mock.method(fs, 'fdatasync', (descriptor: number, done: (error: Error | null) => void) => {
      assert.equal(descriptor, DESCRIPTOR);
      running.push(done);
    });
    forgetCalls = () => synced.mock.resetCalls();
    mock.method(fs, 'closeSync', (descriptor: number) => {
      if (descriptor !== DESCRIPTOR) return closeSync(descriptor);
      closed.push(descriptor);
      close();
    });
    syncBuiltinESMExports();
  });

  afterEach(() => {
    mock.restoreAll();
    syncBuiltinESMExports();
  });

  async function begun(): Promise<(error: Error | null) => void> {
    for (let turn = 0; turn < 10 && running.length === 0; turn += 1) await nextTurn();
    return running.shift() ?? assert.fail('no sync has begun');
  }

  async function outcome(asked: Promise<void>): Promise<unknown> {
    return Promise.race([asked.then(() => 'on disk').catch((error) => error), nextTurn('waits')]);
  }

  it('runs one sync at a time, and the next for all that ask meanwhile', async () => {
    const file = syncedFile(DESCRIPTOR);
    const first = file.sync();
    const endFirst = await begun();
    const [second, third] = [file.sync(), file.sync()];
    assert.deepEqual([await outcome(first), await outcome(second), running.length], ['waits', 'waits', 0]);
    endFirst(null);
    const endNext = await begun();
    assert.deepEqual([await outcome(first), await outcome(second)], ['on disk', 'waits']);
    endNext(null);
    assert.deepEqual([await outcome(second), await outcome(third)], ['on disk', 'on disk']);
    const fourth = file.sync();
    (await begun())(null);
    assert.deepEqual([await outcome(fourth), running.length], ['on disk', 0]);
  });

  it('answers for nothing any more after a sync that failed', async () => {
    const file = syncedFile(DESCRIPTOR);
    const first = file.sync();
    const endFirst = await begun();
    const beside = file.sync();
    endFirst(EIO);
    assert.deepEqual(
      [await outcome(first), await outcome(beside), await outcome(file.sync())],
      [EIO, EIO, EIO],
    );
    assert.equal(running.length, 0);
    file.close();
    await nextTurn();
    assert.deepEqual(closed, [DESCRIPTOR]);
  });

  it('is closed behind the syncs that were asked for, and what closing says harms nobody', async () => {
    const unhandled = mock.fn();
    process.on('unhandledRejection', unhandled);
    close = () => {
      throw EIO;
    };
    const file = syncedFile(DESCRIPTOR);
    const first = file.sync();
    const endFirst = await begun();
    const second = file.sync();
    file.close();
    endFirst(null);
    const endSecond = await begun();
    assert.deepEqual([await outcome(first), closed], ['on disk', []]);
    endSecond(null);
    assert.equal(await outcome(second), 'on disk');
    await nextTurn();
    assert.deepEqual(closed, [DESCRIPTOR]);
    await nextTurn();
    process.off('unhandledRejection', unhandled);
    assert.equal(unhandled.mock.callCount(), 0);
  });

  it('keeps nothing of the syncs that are over', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const file = syncedFile(DESCRIPTOR);
    const heapAfter = async (syncs: number) => {
      for (let count = 0; count < syncs; count += 1) {
        const asked = file.sync();
        await null;
        running.pop()?.(null);
        await asked;
      }
      forgetCalls();
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = await heapAfter(20_000);
    const grown = (await heapAfter(60_000)) - before;
    assert.ok(grown < 5_000_000, `${grown} bytes more`);
  });
});
