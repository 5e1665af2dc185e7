import type { Logger } from 'pino';
import type { Problem } from '../ground/errors.ts';
import type { RunTask } from './process/messages.ts';
import type { RunResult } from './run-here.ts';
import { NotBegun, type RunProcess, startRunProcess } from './run-process.ts';
import type { Ask } from './run-protocol.ts';

/** A process that nobody needs is ended after this, as each holds memory; one stays. */
const IDLE_MS = 10_000;

/** Who waits for a process. */
type Waiting = { resolve(process: RunProcess): void; reject(error: Error): void };

/** The processes in which workflows run: one for each run at a time, kept for those that come after it. */
export function createProcessPool(
  parts: { folder: string; log: Pick<Logger, 'error'> },
  { idleMs = IDLE_MS } = {},
) {
  const all = new Set<RunProcess>();
  /** Those without a run; the one that was used last is used next. */
  const idle = new Map<RunProcess, NodeJS.Timeout>();
  const waiting: Waiting[] = [];
  /** So many load: never fewer than there are who wait. */
  let loading = 0;
  let isClosed = false;

  /** One that is idle, or the first that is ready or free: where too few load for all who wait, one more is started. */
  function take(): Promise<RunProcess> {
    const free = [...idle.keys()].at(-1);
    if (free !== undefined) {
      clearTimeout(idle.get(free));
      idle.delete(free);
      return Promise.resolve(free);
    }
    if (loading <= waiting.length) start();
    return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  }

  function start(): void {
    const started = startRunProcess(parts);
    all.add(started);
    void started.gone.then(() => {
      all.delete(started);
      clearTimeout(idle.get(started));
      idle.delete(started);
    });
    loading += 1;
    started.ready.then(
      () => {
        loading -= 1;
        hand(started);
      },
      (error: Error) => {
        loading -= 1;
        waiting.shift()?.reject(error);
      },
    );
  }

  function hand(free: RunProcess): void {
    if (free.isEnded()) return;
    const first = waiting.shift();
    if (first === undefined) idle.set(free, restOf(free));
    else first.resolve(free);
  }

  function restOf(free: RunProcess): NodeJS.Timeout {
    const timer = setTimeout(async () => {
      const isLast = [...all].every((one) => one === free || one.isEnded());
      const isWanted = isLast && (await free.isThere());
      // A run may have begun in it meanwhile.
      if (idle.get(free) !== timer) return;
      if (isWanted) idle.set(free, restOf(free));
      else free.end(new NotBegun());
    }, idleMs);
    return timer.unref();
  }

  return {
    /** Runs it in a process. Throws `NotBegun`, Problem 504 at its time limit, and what the run throws. */
    async run(task: RunTask, ask: Ask, tooSlow: () => Problem): Promise<RunResult> {
      if (isClosed) throw stopping();
      const taken = await take();
      try {
        return await taken.run(task, ask, tooSlow);
      } finally {
        hand(taken);
      }
    },

    /** Ends them all, with what runs in them. */
    async close(): Promise<void> {
      isClosed = true;
      for (const one of all) one.end(stopping());
      // One that had just loaded may have been meant for them.
      for (const one of waiting.splice(0)) one.reject(stopping());
      await Promise.all([...all].map(({ gone }) => gone));
    },
  };
}

function stopping(): NotBegun {
  return new NotBegun('the server stops');
}
