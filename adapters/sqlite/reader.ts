import { afterBurst } from '../burst.ts';
import type { Cache } from './cache.ts';
import type { Connection } from './connection.ts';

/**
 * Reads of one turn of the event loop run one after another, those that the cache does not know on one state of the
 * file: side by side each takes half the time that it takes between other work, because what SQLite needs is still at
 * hand from the last one. What their callers go on to read in the same burst runs at once, on that state or a newer one.
 */
export type Reader = ReturnType<typeof createReader>;

/** Bounds how long reads keep the event loop waiting: a few milliseconds. */
const BATCH_MAX = 500;
/** The same for those that follow from a batch: a chain of reads must let others have their turn. */
const FOLLOWING_MAX = 2000;

type Read = {
  /** The answer from the cache, if it has one. */
  known: () => unknown;
  /** The answer from the file. */
  run: () => unknown;
  resolve: (value: never) => void;
};

const unknown = () => undefined;

export function createReader(connection: Connection, cache: Cache) {
  const waiting: Read[] = [];
  /** How many more reads may follow in this burst without another look whether the cache is as the file is. */
  let following = 0;

  function drain(): void {
    const batch = waiting.splice(0, BATCH_MAX);
    if (waiting.length > 0) setImmediate(drain);
    afterBurst(endBurst);
    following = refreshCache() ? FOLLOWING_MAX : 0;
    const rest = batch.filter(({ known, resolve }) => {
      const answer = known();
      if (answer !== undefined) resolve(answer as never);
      return answer === undefined;
    });
    if (rest.length === 0) return;
    connection.atOnce(() => {
      // A read that fails, or is tried again because the file is busy, gives a promise of its own.
      for (const { run, resolve } of rest) resolve(connection.attempt(run) as never);
    });
  }

  function endBurst(): void {
    following = 0;
  }

  function refreshCache(): boolean {
    try {
      cache.refresh();
      return true;
    } catch {
      // The file cannot be asked: each read finds out for itself why.
      cache.forgetAll();
      return false;
    }
  }

  return {
    /** Queues a synchronous read, which `known` may answer from the cache. */
    read<T>(run: () => T, known: () => T | undefined = unknown): Promise<T> {
      if (following > 0) {
        following -= 1;
        return Promise.resolve(known() ?? connection.attempt(run));
      }
      return new Promise((resolve) => {
        if (waiting.length === 0) setImmediate(drain);
        waiting.push({ known, run, resolve });
      });
    },
  };
}
