import type { Connection } from './connection.ts';

/**
 * Reads of one turn of the event loop run one after another, on one state of the file: side by side each takes
 * half the time that it takes between other work, because what SQLite needs is still at hand from the last one.
 */
export type Reader = ReturnType<typeof createReader>;

/** Bounds how long reads keep the event loop waiting: a few milliseconds. */
const BATCH_MAX = 500;

type Read = { run: () => unknown; resolve: (value: never) => void };

export function createReader(connection: Connection) {
  const waiting: Read[] = [];

  function drain(): void {
    const batch = waiting.splice(0, BATCH_MAX);
    if (waiting.length > 0) setImmediate(drain);
    connection.atOnce(() => {
      // A read that fails, or is tried again because the file is busy, gives a promise of its own.
      for (const { run, resolve } of batch) resolve(connection.attempt(run) as never);
    });
  }

  return {
    /** Queues a synchronous read. */
    read<T>(run: () => T): Promise<T> {
      return new Promise((resolve) => {
        if (waiting.length === 0) setImmediate(drain);
        waiting.push({ run, resolve });
      });
    },
  };
}
