import { atEndOfTurn } from '../end-of-turn.ts';
import type { Cache } from './cache.ts';
import type { Connection } from './connection.ts';

/**
 * When a read may be answered: reads of one turn of the event loop share one look whether another connection changed
 * the file (`PRAGMA data_version`, cache.ts), taken after all of them were asked. Look-ups by a key that follow in the
 * same run of microtasks share it too, since nothing can reach this process in between: without that an introspection,
 * which reads four rows one after another, loses a third of its speed.
 */
export type Reader = ReturnType<typeof createReader>;

/** A chain of look-ups must let others have their turn. */
const FOLLOWING_MAX = 1000;

export function createReader(connection: Pick<Connection, 'attempt'>, cache: Pick<Cache, 'refresh'>) {
  let look: Promise<void> | undefined;
  /** How many look-ups the last look may still answer. */
  let following = 0;

  function begin(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(() => {
        look = undefined;
        cache.refresh();
        following = FOLLOWING_MAX;
        atEndOfTurn(endFollowing);
        resolve();
      });
    });
  }

  function endFollowing(): void {
    following = 0;
  }

  function nextLook(): Promise<void> {
    look ??= begin();
    return look;
  }

  return {
    /** Waits until a row may be looked up by a key; undefined where that is now. */
    untilFresh(): Promise<void> | undefined {
      if (following === 0) return nextLook();
      following -= 1;
      return undefined;
    },

    /** Runs a synchronous read of the file, again and again while it is busy. */
    async read<T>(run: () => T): Promise<T> {
      await nextLook();
      return connection.attempt(run);
    },
  };
}
