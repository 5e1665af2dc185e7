import { setImmediate as nextTurn } from 'node:timers/promises';
import { Unavailable } from '../port.ts';
import type { Connection } from './connection.ts';
import { isBusy } from './failures.ts';

/**
 * Writes of one turn of the event loop, and those that come while the disk is waited for, share one transaction,
 * because it costs far more than a row does (group commit). Each write hears its outcome after the commit that holds
 * it; a write that is refused (`Taken`) leaves the others of its transaction alone.
 */
export type Writer = ReturnType<typeof createWriter>;

/** Bounds how long one transaction keeps the event loop and other processes waiting: some tens of milliseconds. */
const BATCH_MAX = 500;

type Write = {
  /** When it was asked for, of `performance.now`. */
  since: number;
  toDisk: boolean;
  run: () => unknown;
  refusal: (error: unknown) => unknown;
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
};

export function createWriter(connection: Connection, lockTimeoutMs: number) {
  const waiting: Write[] = [];
  let draining: Promise<void> | undefined;
  let closed = false;

  /** All writes of the batch or none: answers what to tell each write once the commit holds. */
  function commit(batch: readonly Write[]): (() => void)[] {
    const outcomes: (() => void)[] = [];
    connection.transaction(() => {
      for (const { run, refusal, resolve, reject } of batch) {
        try {
          const value = run() as never;
          outcomes.push(() => resolve(value));
        } catch (error) {
          const refused = refusal(error);
          // Then it is not this write that failed but the file, and with it the whole transaction.
          if (refused instanceof Unavailable || !connection.inTransaction()) throw error;
          outcomes.push(() => reject(refused));
        }
      }
    });
    return outcomes;
  }

  async function drain(): Promise<void> {
    for (;;) {
      await nextTurn();
      const batch = waiting.splice(0, BATCH_MAX);
      if (batch.length === 0) break;
      try {
        const outcomes = await connection.attempt(() => commit(batch), batch[0]?.since);
        const opening = connection.openings();
        // What comes meanwhile waits for it too, and then shares the next transaction.
        if (batch.some(({ toDisk }) => toDisk)) await connection.sync();
        connection.requireKept(opening);
        for (const tell of outcomes) tell();
      } catch (error) {
        giveUp(batch, error);
      }
    }
    draining = undefined;
  }

  /** None of the batch was done. Where the file is merely busy, those that came later than the first wait on. */
  function giveUp(batch: readonly Write[], error: unknown): void {
    const isLocked = error instanceof Unavailable && isBusy(error.cause);
    const over = performance.now() - lockTimeoutMs;
    const waitOn = isLocked ? batch.filter(({ since }) => since > over) : [];
    for (const write of batch) if (!waitOn.includes(write)) write.reject(error);
    waiting.unshift(...waitOn);
  }

  return {
    /** Queues a synchronous change. `refusal` makes the port's error of what it throws. */
    write<T>(toDisk: boolean, run: () => T, refusal: (error: unknown) => unknown): Promise<T> {
      if (closed) return Promise.reject(new Unavailable('the database was closed'));
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      waiting.push({
        since: performance.now(),
        toDisk,
        run,
        refusal,
        resolve: resolve as Write['resolve'],
        reject,
      });
      draining ??= drain();
      return promise;
    },

    /** Takes no more and waits until all that was taken is written. */
    async close(): Promise<void> {
      closed = true;
      await draining;
    },
  };
}
