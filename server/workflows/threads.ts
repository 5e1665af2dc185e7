import { availableParallelism } from 'node:os';
import type { Logger } from 'pino';
import { Problem } from '../ground/errors.ts';
import {
  WORKFLOW_RUNS_WAITING_MAX,
  WORKFLOW_THREADS_MAX,
  WORKFLOW_WAIT_SECONDS_MAX,
} from '../ground/limits.ts';
import { createRoom } from './room.ts';
import type { RunResult } from './run-here.ts';
import type { Ask } from './run-protocol.ts';
import type { RunTask } from './thread/messages.ts';
import { createThreadPool, NotBegun } from './thread-pool.ts';

/**
 * Two threads a processor do as many short runs as more of them would, and hold 35 MB less for each that is not there. Who
 * has waited for so long stands behind runs that wait for something, and gets a thread of their own.
 */
const PATIENCE_MS = 100;

export type Threads = ReturnType<typeof createThreads>;

/**
 * Threads in which the owner's workflows run, so that what they do holds up nobody else. One run at a time in each, so that
 * ending a thread ends one run: at its time limit, at its memory limit, where it calls `process.exit`.
 */
export function createThreads(parts: { folder: string; log: Pick<Logger, 'error'> }) {
  const pool = createThreadPool(parts);
  const inRoom = createRoom({
    atOnceSoon: Math.min(2 * availableParallelism(), WORKFLOW_THREADS_MAX),
    patienceMs: PATIENCE_MS,
    atOnceMax: WORKFLOW_THREADS_MAX,
    waitingMax: WORKFLOW_RUNS_WAITING_MAX,
    waitMsMax: WORKFLOW_WAIT_SECONDS_MAX * 1000,
    full: tooBusy,
  });

  return {
    close: pool.close,

    /**
     * Runs it in a thread. Throws Problem 504 at its time limit, 503 where too many others run, and what the run throws.
     */
    run(task: RunTask, ask: Ask, tooSlow: () => Problem): Promise<RunResult> {
      return inRoom(async () => {
        try {
          return await pool.run(task, ask, tooSlow);
        } catch (error) {
          if (!(error instanceof NotBegun)) throw error;
        }
        // Its thread was in an endless loop that another run had left behind, or was ended by it.
        try {
          return await pool.run(task, ask, tooSlow);
        } catch (error) {
          throw error instanceof NotBegun ? tooBusy() : error;
        }
      });
    },
  };
}

function tooBusy(): Problem {
  return new Problem({
    status: 503,
    code: 'TOO_BUSY',
    message: 'Too many workflows are running.',
    hint: 'Nothing was stored or sent. Try again in a few seconds.',
    headers: { 'Retry-After': String(WORKFLOW_WAIT_SECONDS_MAX) },
  });
}
