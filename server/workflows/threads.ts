import { availableParallelism } from 'node:os';
import { MessageChannel } from 'node:worker_threads';
import type { Logger } from 'pino';
import { Piscina } from 'piscina';
import { Problem } from '../ground/errors.ts';
import { WORKFLOW_MEGABYTES_MAX, WORKFLOW_THREADS_MAX } from '../ground/limits.ts';
import type { RunResult } from './run-here.ts';
import type { Ask } from './stage.ts';
import type { ThreadData } from './thread/entry.ts';
import {
  errorFrom,
  type FromThread,
  failureOf,
  type RunOutcome,
  type RunTask,
  type ToThread,
} from './thread/messages.ts';

/** A thread that does not begin within this is held up by what an earlier run left behind. */
const BEGIN_MS_MAX = 5000;
/** Beyond the time limit of a run, for its thread to say so itself. */
const GRACE_MS = 200;
/** A thread that nobody needs is ended after this. */
const IDLE_MS = 60_000;

export type Threads = ReturnType<typeof createThreads>;

/**
 * Threads in which the owner's workflows run, so that what they do holds up nobody else. One run at a time in each, so that
 * ending a thread ends one run: at its time limit, at its memory limit, where it calls `process.exit`.
 */
export function createThreads({ folder, log }: { folder: string; log: Pick<Logger, 'error'> }) {
  let pool: Piscina | undefined;

  function opened(): Piscina {
    if (pool !== undefined) return pool;
    const workerData: ThreadData = { folder };
    pool = new Piscina({
      filename: import.meta.resolve('./thread/entry.ts'),
      name: 'runInThread',
      minThreads: Math.min(availableParallelism(), WORKFLOW_THREADS_MAX),
      maxThreads: WORKFLOW_THREADS_MAX,
      idleTimeout: IDLE_MS,
      // With its faster way a thread stands still between two runs, and what one left behind would come up in the next.
      atomics: 'disabled',
      resourceLimits: { maxOldGenerationSizeMb: WORKFLOW_MEGABYTES_MAX },
      workerData,
    });
    pool.on('error', (error: unknown) =>
      log.error({ err: error }, 'a thread of the workflows ended between two runs'),
    );
    return pool;
  }

  /** Runs it in a thread. Throws Problem 504 at its time limit, and what the run throws. */
  async function run(task: RunTask, ask: Ask, tooSlow: () => Problem): Promise<RunResult> {
    const { port1: ours, port2: port } = new MessageChannel();
    const controller = new AbortController();
    let hasBegun = false;
    let timer = setTimeout(() => controller.abort(), BEGIN_MS_MAX);
    ours.on('message', (message: FromThread) => {
      if ('begun' in message) {
        hasBegun = true;
        clearTimeout(timer);
        timer = setTimeout(() => controller.abort(), task.timeLimitMs + GRACE_MS);
        return;
      }
      void answered(ask, message).then((answer) => ours.postMessage(answer));
    });
    try {
      const options = { transferList: [port], signal: controller.signal };
      const outcome: RunOutcome = await opened().run({ port, task }, options);
      if ('result' in outcome) return outcome.result;
      throw errorFrom(outcome.failed);
    } catch (error) {
      if (!controller.signal.aborted) throw error;
      throw hasBegun ? tooSlow() : notBegun();
    } finally {
      clearTimeout(timer);
      ours.close();
    }
  }

  return {
    async run(task: RunTask, ask: Ask, tooSlow: () => Problem): Promise<RunResult> {
      try {
        return await run(task, ask, tooSlow);
      } catch (error) {
        // Its thread was in somebody else's endless loop and is gone now: nothing was done yet.
        if (!(error instanceof Problem) || error.code !== 'TOO_BUSY') throw error;
        return run(task, ask, tooSlow);
      }
    },

    /** Ends them all, with what runs in them. */
    async close(): Promise<void> {
      await pool?.destroy();
    },
  };
}

async function answered(ask: Ask, message: Extract<FromThread, { ask: number }>): Promise<ToThread> {
  const answerTo = message.ask;
  try {
    return { answerTo, found: await ask(message.asked) };
  } catch (error) {
    return { answerTo, failed: failureOf(error) };
  }
}

function notBegun(): Problem {
  return new Problem({
    status: 503,
    code: 'TOO_BUSY',
    message: 'All threads of the workflows are busy.',
    hint: 'Nothing was stored or sent. Try again in a few seconds.',
    headers: { 'Retry-After': '5' },
  });
}
