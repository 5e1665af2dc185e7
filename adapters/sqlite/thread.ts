import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Unavailable } from '../port.ts';

export type Thread<Question, Answer> = ReturnType<typeof createThread<Question, Answer>>;

/** A thread that is asked one thing at a time. It begins with the first, and again after it was left `idleMs` without. */
export function createThread<Question, Answer>(
  script: URL,
  { workerData, idleMs }: { workerData?: unknown; idleMs?: number },
) {
  let thread: Worker | undefined;
  let isOver = false;
  let idle: NodeJS.Timeout | undefined;

  function rest(): void {
    const resting = thread;
    thread = undefined;
    void resting?.terminate();
  }

  function start(): Worker {
    const started = new Worker(script, { workerData });
    const forget = () => {
      if (thread === started) thread = undefined;
    };
    started.once('error', forget).once('exit', forget);
    return started;
  }

  return {
    /** Throws `Unavailable` where the thread ends before it has answered; the next question begins another. */
    async ask(question: Question): Promise<Answer> {
      if (isOver) throw new Unavailable('the database was closed');
      clearTimeout(idle);
      thread ??= start();
      // Only while it works does it keep the process from ending.
      thread.ref();
      try {
        thread.postMessage(question);
        return await answerOf<Answer>(thread);
      } finally {
        thread?.unref();
        if (idleMs !== undefined) idle = setTimeout(rest, idleMs).unref();
      }
    },

    /** For good. */
    async end(): Promise<void> {
      isOver = true;
      clearTimeout(idle);
      await thread?.terminate();
    },
  };
}

async function answerOf<Answer>(thread: Worker): Promise<Answer> {
  const over = new AbortController();
  const { signal } = over;
  const gone = once(thread, 'exit', { signal }).then(() => {
    throw new Error('it ended');
  });
  gone.catch(() => undefined);
  try {
    const [answer] = await Promise.race([once(thread, 'message', { signal }), gone]);
    return answer;
  } catch (error) {
    throw new Unavailable(`a thread of the database has not answered: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    over.abort();
  }
}
