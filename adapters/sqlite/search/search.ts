import type { Connection } from '../connection.ts';
import type { Sql } from '../queries.ts';
import type { Reader } from '../reader.ts';
import { endingAt, OutOfTime } from './deadline.ts';
import { createSearchThreads, type Row, type Take } from './threads.ts';

/**
 * Lists and counts of rows that are `searched`. No plan of a query tells how many rows it will look at: an index leads to
 * five of them, or to all that have the value. So each begins in the main thread, where the many that are short cost
 * nothing more and wait for nobody, and what is not over in a moment begins anew in a thread of its own (threads.ts).
 */
export type Searches = ReturnType<typeof createSearches>;

export type SearchOptions = {
  /** So long everybody else may wait for one of them. */
  searchHereMs: number;
  /** So long one may take in its thread, and so long it waits for one. */
  searchMsMax: number;
};

export function createSearches(
  { connection, reader }: { connection: Connection; reader: Reader },
  { searchHereMs, searchMsMax }: SearchOptions,
) {
  const threads = createSearchThreads(connection.file, searchMsMax);

  function rowsHere({ text, values }: Sql): Row[] | undefined {
    const statement = connection.statement(text);
    try {
      return endingAt(performance.now() + searchHereMs, () => statement.all(...values));
    } catch (error) {
      if (error instanceof OutOfTime) return undefined;
      throw error;
    }
  }

  return {
    /**
     * Gives each row of the statement, whose conditions ask for `IN_TIME`, to `take`, until that answers no. `whose`: who asks.
     */
    async read(sql: Sql, whose: string, take: Take): Promise<void> {
      const rows = await reader.read(() => rowsHere(sql));
      if (rows === undefined) await threads.search(sql, whose, take);
      else rows.every(take);
    },

    end: threads.end,
  };
}
