import { afterBurst } from '../batch.ts';
import type { Cache } from './cache.ts';
import type { Connection } from './connection.ts';
import type { Bound } from './queries.ts';

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

/** Where one row is looked for by a value. */
type Source = {
  /** In the cache. */
  known(field: string, value: Bound): unknown;
  /** In the file. */
  find(field: string, value: Bound): unknown;
};

/** One row that is asked for, or any other read of the file. */
type Asked = { source: Source; field: string; value: Bound } | { run: () => unknown };

type Read = { asked: Asked; resolve: (value: never) => void };

function known(asked: Asked): unknown {
  return 'run' in asked ? undefined : asked.source.known(asked.field, asked.value);
}

function fromFile(asked: Asked): unknown {
  return 'run' in asked ? asked.run() : asked.source.find(asked.field, asked.value);
}

export function createReader(connection: Connection, cache: Cache) {
  const waiting: Read[] = [];
  /** How many more reads may follow in this burst without another look whether the cache is as the file is. */
  let following = 0;

  function drain(): void {
    const batch = waiting.splice(0, BATCH_MAX);
    if (waiting.length > 0) setImmediate(drain);
    afterBurst(endBurst);
    following = refreshCache() ? FOLLOWING_MAX : 0;
    const rest = batch.filter(({ asked, resolve }) => {
      const answer = known(asked);
      if (answer !== undefined) resolve(answer as never);
      return answer === undefined;
    });
    if (rest.length === 0) return;
    connection.atOnce(() => {
      // A read that fails, or is tried again because the file is busy, gives a promise of its own.
      for (const { asked, resolve } of rest) resolve(attempt(asked) as never);
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

  function attempt(asked: Asked): unknown {
    return connection.attempt(() => fromFile(asked));
  }

  function ask<T>(asked: Asked): Promise<T> {
    if (following > 0) {
      following -= 1;
      return Promise.resolve((known(asked) ?? attempt(asked)) as T);
    }
    return new Promise((resolve) => {
      if (waiting.length === 0) setImmediate(drain);
      waiting.push({ asked, resolve });
    });
  }

  return {
    /** Queues a synchronous read of the file. */
    read: <T>(run: () => T): Promise<T> => ask({ run }),

    /** Looks for one row, in the cache and then in the file. */
    one: <T>(source: Source, field: string, value: Bound): Promise<T> => ask({ source, field, value }),
  };
}
