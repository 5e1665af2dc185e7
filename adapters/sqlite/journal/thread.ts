import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Unavailable } from '../../port.ts';

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
 * of the call that it tells of, and nobody waits for it. The thread begins with the first file.
 */
export function createJournalThread(workerData: ThreadData) {
  let thread: Worker | undefined;
  let isOver = false;

  function start(): Worker {
    const started = new Worker(new URL('./worker.ts', import.meta.url), { workerData });
    const forget = () => {
      if (thread === started) thread = undefined;
    };
    started.once('error', forget).once('exit', forget);
    return started;
  }

  return {
    /** One file at a time. Throws `Unavailable` when its rows are not in their place, none of them. */
    async place(file: string): Promise<void> {
      if (isOver) throw new Unavailable('the database was closed');
      thread ??= start();
      // Only while it works does it keep the process from ending.
      thread.ref();
      thread.postMessage(file);
      const fault = await answerOf(thread);
      thread?.unref();
      if (fault === undefined) return;
      const message = `a journal cannot be put in its place now: ${fault.what}`;
      throw fault.isLocked ? new Locked(message) : new Unavailable(message);
    },

    /** For good: what is not in its place by then waits for the next start. */
    async end(): Promise<void> {
      isOver = true;
      await thread?.terminate();
    },
  };
}

/** What went wrong, if anything. A thread that ends while it has something to do has not done it. */
async function answerOf(thread: Worker): Promise<Fault | undefined> {
  const answered = new AbortController();
  const gone = once(thread, 'exit', { signal: answered.signal }).then(() => [
    { what: 'its thread ended', isLocked: false },
  ]);
  gone.catch(() => undefined);
  try {
    const [fault] = await Promise.race([once(thread, 'message'), gone]);
    return fault;
  } finally {
    answered.abort();
  }
}
