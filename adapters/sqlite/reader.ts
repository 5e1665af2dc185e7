import type { Cache } from './cache.ts';
import type { Connection } from './connection.ts';

/**
 * When a read may be answered: reads of one turn of the event loop share one look whether another connection changed
 * the file (cache.ts), taken after all of them were asked. So a row that the cache gives is never older than the
 * question.
 */
export type Reader = ReturnType<typeof createReader>;

export function createReader(connection: Pick<Connection, 'attempt'>, cache: Pick<Cache, 'refresh'>) {
  let look: Promise<void> | undefined;

  /** Waits for the look that the reads of this turn share. */
  function untilFresh(): Promise<void> {
    look ??= new Promise((resolve) => {
      setImmediate(() => {
        look = undefined;
        cache.refresh();
        resolve();
      });
    });
    return look;
  }

  return {
    untilFresh,

    /** Runs a synchronous read of the file, again and again while it is busy. */
    async read<T>(run: () => T): Promise<T> {
      await untilFresh();
      return connection.attempt(run);
    },
  };
}
