import { type Asker, TooSlow } from '../../port.ts';
import type { Connection } from '../connection.ts';
import type { Sql } from '../queries.ts';
import type { Reader } from '../reader.ts';
import { OutOfTime, within } from './deadline.ts';
import { createSearchThreads, type FoundRow, type Take } from './threads.ts';

/**
 * Lists and counts of rows that are `searched`. No plan of a query tells how many rows it will look at: an index leads to
 * five of them, or to all that have the value. So each begins in the main thread, where the many that are short cost
 * nothing more and wait for nobody, and what is not over in a moment begins anew in a thread of its own (threads.ts).
 */
export type Searches = ReturnType<typeof createSearches>;

export type SearchOptions = {
  /** So long the main thread may be at work with one of them. */
  searchHereMs: number;
  /** So long one may take in its thread, and so long it waits for one. */
  searchMsMax: number;
  /** A thread that nobody needs is ended after this. */
  searchIdleMs: number;
  /** Hears of each that was ended, for whoever gives a type its indexes. */
  onTooSlow: (error: TooSlow) => void;
};

/** So many times longer it may take, where the disk or others on the machine let it wait. */
const WAIT_TIMES_MAX = 20;

export function createSearches(
  { connection, reader }: { connection: Connection; reader: Reader },
  { searchHereMs, searchMsMax, searchIdleMs, onTooSlow }: SearchOptions,
) {
  const threads = createSearchThreads(connection.file, { msMax: searchMsMax, idleMs: searchIdleMs });
  /** How many long ones each has that are not over. */
  const long = new Map<string, number>();

  function countLong(whose: string, by: 1 | -1): void {
    const count = (long.get(whose) ?? 0) + by;
    if (count === 0) long.delete(whose);
    else long.set(whose, count);
  }

  /** Undefined where it is a long one, which counts from then on. */
  function rowsHere({ text, values }: Sql, whose: string): FoundRow[] | undefined {
    const statement = connection.statement(text);
    // Whoever asks for many at once has less time here for each.
    const workMs = searchHereMs / (1 + (long.get(whose) ?? 0));
    const end = performance.now() + WAIT_TIMES_MAX * workMs;
    try {
      return within({ end, workMs }, () => statement.all(...values));
    } catch (error) {
      if (!(error instanceof OutOfTime)) throw error;
      countLong(whose, 1);
      return undefined;
    }
  }

  return {
    /**
     * Gives each row of the statement, whose conditions ask for `IN_TIME`, to `take`, until that answers no.
     */
    async read(sql: Sql, { whose = '', signal }: Asker, take: Take): Promise<void> {
      const rows = await reader.read(() => {
        signal?.throwIfAborted();
        return rowsHere(sql, whose);
      });
      if (rows !== undefined) return void rows.every(take);
      try {
        await threads.search(sql, { whose, signal }, take);
      } catch (error) {
        if (error instanceof TooSlow) onTooSlow(error);
        throw error;
      } finally {
        countLong(whose, -1);
      }
    },

    end: threads.end,
  };
}
