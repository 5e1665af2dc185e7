import { setTimeout as delay } from 'node:timers/promises';
import { MessagePort, type Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import type { Piscina } from 'piscina';
import { Problem } from '../ground/errors.ts';
import { WORKFLOW_MEGABYTES_MAX, WORKFLOW_THREADS_MAX } from '../ground/limits.ts';
import type { RunResult } from './run-here.ts';
import type { Ask } from './run-protocol.ts';
import type { ThreadData } from './thread/entry.ts';
import {
  errorFrom,
  type FromThread,
  failureOf,
  type Greeting,
  type NumberedTask,
  type RunOutcome,
  type RunTask,
  type ToThread,
} from './thread/messages.ts';
import { watchMemory } from './thread-memory.ts';
import { createPresence } from './thread-presence.ts';

/** A thread that does not begin within this is held up by what an earlier run left behind. */
const BEGIN_MS_MAX = 3000;
/** So often a run that no thread has taken waits for as long again: others are loading. */
const WAITS_MAX = 3;
/** Beyond the time limit of a run: so long its code may still do something about the signal that it gets. */
const GRACE_MS = 200;
/** A thread that nobody needs is ended after this, as each holds 27 MB; one stays. */
const IDLE_MS = 10_000;
/** The first thread loads for so long at most before runs are handed to it anyway. */
const LOAD_MS_MAX = 10_000;
/**
 * V8's own limit, far above that of thread-memory.ts: where V8 meets its own it may end the process. It takes none of this
 * before it is needed.
 */
const HEAP_MEGABYTES_MAX = 4096;
/** What was made last: all threads are busy with little, and should not hold much for it. */
const YOUNG_MEGABYTES_MAX = 8;

/** A run that was handed to a thread. */
type UnderWay = {
  ask: Ask;
  /** The thread that it was given to, which may be loading, or held up. */
  takenBy: number | undefined;
  /** Where it has begun. */
  threadId: number | undefined;
  hasBegun(threadId: number): void;
  /** It is over like that, and its thread has to go. */
  isSpent(outcome: RunOutcome): void;
  /** Ends its thread and fails it with this. */
  end(error: Error): void;
  /** Aborted by `end`. */
  signal: AbortSignal;
  /** How it ended where its thread has to go. */
  spent: Promise<RunOutcome>;
  stopTimer(): void;
};

/** Its thread did not begin it: nothing was done yet. */
export class NotBegun extends Error {}

/** The threads themselves, and the runs that are in them: one at a time in each. */
export function createThreadPool({ folder, log }: { folder: string; log: Pick<Logger, 'error'> }) {
  const underWay = new Map<number, UnderWay>();
  const closing = new AbortController();
  const presence = createPresence(log);
  let pool: Promise<Piscina> | undefined;
  let stopWatching = () => {};
  let last = 0;

  const runIn = ({ threadId }: { threadId: number }) =>
    [...underWay.values()].find((run) => run.threadId === threadId);

  function endThread(thread: Worker): void {
    const error = new Error(`it held more than ${WORKFLOW_MEGABYTES_MAX} MB`);
    const run = runIn(thread);
    if (run !== undefined) {
      run.end(error);
    } else {
      log.error({ err: error }, 'a thread of the workflows was ended for what a run had left behind');
      void thread.terminate();
    }
  }

  async function open(): Promise<Piscina> {
    const opened = await openPool(folder, closing.signal, {
      greeted: (thread) => {
        const programs = presence.enter(thread);
        thread.port.on('message', (message: FromThread) =>
          hear(message, thread, { underWay, programs, log }),
        );
        thread.port.unref();
      },
      failed: (error) => log.error({ err: error }, 'a thread of the workflows ended between two runs'),
    });
    const isBusy = (thread: Worker) => runIn(thread) !== undefined;
    stopWatching = watchMemory({ threads: () => opened.threads, isBusy, end: endThread });
    return opened;
  }

  const opened = () => (pool ??= open());

  return {
    /** Hands it to a thread. Throws `NotBegun`, Problem 504 at its time limit, and what the run throws. */
    async run(task: RunTask, ask: Ask, tooSlow: () => Problem): Promise<RunResult> {
      const threads = await opened();
      last += 1;
      const number = last;
      const run = createUnderWay({ ask, tooSlow, isReady: presence.has, timeLimitMs: task.timeLimitMs });
      underWay.set(number, run);
      try {
        const outcome = await outcomeOf(threads, { number, ...task }, run);
        if ('result' in outcome) return outcome.result;
        throw errorFrom(outcome.failed);
      } finally {
        run.stopTimer();
        underWay.delete(number);
      }
    },

    /** Ends them all, with what runs in them. */
    async close(): Promise<void> {
      closing.abort();
      stopWatching();
      const threads = await pool?.catch(() => undefined);
      await presence.allGone(threads?.destroy());
    },
  };
}

/** Throws where the run is ended, or its thread is. */
function outcomeOf(threads: Piscina, task: NumberedTask, run: UnderWay): Promise<RunOutcome> {
  const { queueOptionsSymbol } = threads.constructor as typeof Piscina;
  const given = { ...task, [queueOptionsSymbol]: run };
  const done: Promise<RunOutcome> = threads.run(given, { signal: run.signal });
  const lost = done.catch((error: Error) => {
    throw whyLost(error, task, run);
  });
  return Promise.race([run.spent, lost]);
}

function createUnderWay(parts: {
  ask: Ask;
  tooSlow: () => Problem;
  /** Whether a thread has loaded the owner's files. */
  isReady: (threadId: number) => boolean;
  timeLimitMs: number;
}): UnderWay {
  const { ask, tooSlow, isReady, timeLimitMs } = parts;
  const controller = new AbortController();
  const { promise: spent, resolve } = Promise.withResolvers<RunOutcome>();
  const end = (error: Error) => controller.abort(error);
  const isHeldUp = () => run.takenBy !== undefined && isReady(run.takenBy);
  let timer = untilBegun(isHeldUp, () => end(new NotBegun()));
  const run: UnderWay = {
    ask,
    takenBy: undefined,
    threadId: undefined,
    hasBegun(threadId) {
      run.threadId = threadId;
      timer.clear();
      timer = timerOf(timeLimitMs + GRACE_MS, () => end(tooSlow()));
    },
    isSpent(outcome) {
      resolve(outcome);
      end(new Error('something of its run goes on in it'));
    },
    end,
    signal: controller.signal,
    spent,
    stopTimer: () => timer.clear(),
  };
  return run;
}

type Timer = { clear(): void };

function timerOf(ms: number, over: () => void): Timer {
  const timer = setTimeout(over, ms);
  return { clear: () => clearTimeout(timer) };
}

/** Is over where the thread of a run does not begin with it; later where none has it yet, as they are loading. */
function untilBegun(isHeldUp: () => boolean, over: () => void): Timer {
  let waits = 0;
  const timer = setInterval(() => {
    waits += 1;
    if (!isHeldUp() && waits < WAITS_MAX) return;
    clearInterval(timer);
    over();
  }, BEGIN_MS_MAX);
  return { clear: () => clearInterval(timer) };
}

/** Opened with the first run, as a thread that is ready holds 40 MB with all that it takes. `closing` ends the wait for it. */
async function openPool(
  folder: string,
  closing: AbortSignal,
  heard: { greeted: (greeting: Greeting) => void; failed: (error: unknown) => void },
): Promise<Piscina> {
  const { Piscina: Pool } = await import('piscina');
  const workerData: ThreadData = { folder };
  const pool = new Pool({
    filename: import.meta.resolve('../start/thread.js'),
    name: 'runInThread',
    minThreads: 1,
    maxThreads: WORKFLOW_THREADS_MAX,
    idleTimeout: IDLE_MS,
    // With its faster way a thread stands still between two runs, and what one left behind would come up in the next.
    atomics: 'disabled',
    loadBalancer(task, workers) {
      const free = workers.find(({ currentUsage }) => currentUsage === 0) ?? null;
      const run = (task as unknown as Record<symbol, UnderWay>)[Pool.queueOptionsSymbol];
      if (free !== null && run !== undefined) run.takenBy = free.id;
      return free;
    },
    resourceLimits: {
      maxOldGenerationSizeMb: HEAP_MEGABYTES_MAX,
      maxYoungGenerationSizeMb: YOUNG_MEGABYTES_MAX,
    },
    workerData,
  });
  const { promise: first, resolve } = Promise.withResolvers<void>();
  pool.on('error', (error: unknown) => {
    heard.failed(error);
    resolve();
  });
  pool.on('message', (message: Greeting | undefined) => {
    // The owner's code may send something there too.
    if (!(message?.port instanceof MessagePort)) return;
    heard.greeted(message);
    resolve();
  });
  const enough = delay(LOAD_MS_MAX, undefined, { ref: false, signal: closing }).catch(() => undefined);
  await Promise.race([first, enough]);
  return pool;
}

function hear(
  message: FromThread,
  { threadId, port }: Greeting,
  heard: {
    underWay: ReadonlyMap<number, UnderWay>;
    programs: { note(program: { pid: number; runs: boolean }): void };
    log: Pick<Logger, 'error'>;
  },
): void {
  const { underWay, programs, log } = heard;
  if ('begun' in message) underWay.get(message.begun)?.hasBegun(threadId);
  else if ('spent' in message) underWay.get(message.spent)?.isSpent(message.outcome);
  else if ('program' in message) programs.note(message.program);
  else if ('ask' in message) {
    const { ask, run, asked } = message;
    const answered = answerTo(underWay.get(run)?.ask, asked);
    void answered.then((answer) => port.postMessage({ answerTo: ask, ...answer } satisfies ToThread));
  } else log.error({ ...message.late, err: errorFrom(message.failed) }, message.message);
}

async function answerTo(
  ask: Ask | undefined,
  asked: Parameters<Ask>[0],
): Promise<{ found: Awaited<ReturnType<Ask>> } | { failed: ReturnType<typeof failureOf> }> {
  try {
    if (ask === undefined) throw new TypeError('the run is over; await what it starts');
    return { found: await ask(asked) };
  } catch (error) {
    return { failed: failureOf(error) };
  }
}

/** Why a run has no outcome: it was ended from here, or its thread ended by itself. */
function whyLost(error: Error, { workflow }: RunTask, { signal, threadId }: UnderWay): Error {
  const { reason } = signal;
  if (signal.aborted && (reason instanceof Problem || reason instanceof NotBegun)) return reason;
  if (!signal.aborted && threadId === undefined) return new NotBegun();
  const cause: unknown = signal.aborted ? reason : error;
  return new Error(`workflow ${workflow}: its thread ended: ${(cause as Error).message}`, { cause });
}
