import { Unavailable } from '../../port.ts';
import { createThread } from '../thread.ts';

/** What the thread is told when it starts. */
export type ThreadData = {
  /** The database file, and the table in it. */
  database: string;
  table: string;
  /** The first field of the table's first index. */
  key: string;
  lockTimeoutMs: number;
};

/** What it answers for a file whose rows are not in their place. */
export type Fault = { what: string; isLocked: boolean };

/** Another process holds the database: other files would wait for it as long, each. */
export class Locked extends Unavailable {}

export type JournalThread = ReturnType<typeof createJournalThread>;

/**
 * Puts the rows of journal files in their place, on a thread of its own: a row takes longer there than all the rest
 * of the call that it tells of, and nobody waits for it.
 */
export function createJournalThread(workerData: ThreadData) {
  const thread = createThread<string, Fault | undefined>(new URL('./worker.ts', import.meta.url), {
    workerData,
  });

  return {
    /** One file at a time. Throws `Unavailable` when its rows are not in their place, none of them. */
    async place(file: string): Promise<void> {
      const fault = await thread.ask(file);
      if (fault === undefined) return;
      const message = `a journal cannot be put in its place now: ${fault.what}`;
      throw fault.isLocked ? new Locked(message) : new Unavailable(message);
    },

    /** What is not in its place by then waits for the next start. */
    end: thread.end,
  };
}
