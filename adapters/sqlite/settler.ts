import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Unavailable } from '../port.ts';

/** What the thread works on. */
export type Settling = {
  /** The database file, and the table in it. */
  database: string;
  table: string;
  /** The first field of the table's first index. */
  key: string;
  lockTimeoutMs: number;
};

/**
 * Puts the rows of journal files in their place, on a thread of its own: a row takes longer there than all the rest
 * of the call that it tells of, and nobody waits for it. The thread begins with the first file.
 */
export function createSettler(settling: Settling) {
  let thread: Worker | undefined;

  function start(): Worker {
    const started = new Worker(new URL('./settler-thread.ts', import.meta.url), { workerData: settling });
    const ended = () => {
      if (thread === started) thread = undefined;
    };
    started.once('error', ended).once('exit', ended);
    return started;
  }

  return {
    /** One file at a time. Throws `Unavailable` when its rows are not in their place, none of them. */
    async place(file: string): Promise<void> {
      thread ??= start();
      // Only while it works does it keep the process from ending.
      thread.ref();
      thread.postMessage(file);
      const [fault] = await once(thread, 'message');
      thread?.unref();
      if (fault !== undefined) throw new Unavailable(`a journal cannot be put in its place now: ${fault}`);
    },

    async end(): Promise<void> {
      await thread?.terminate();
    },
  };
}
