import { availableParallelism } from 'node:os';
import type { Logger } from 'pino';
import { Problem } from '../ground/errors.ts';
import {
  WORKFLOW_PROCESSES_MAX,
  WORKFLOW_RUNS_WAITING_MAX,
  WORKFLOW_WAIT_SECONDS_MAX,
} from '../ground/limits.ts';
import type { RunTask } from './process/messages.ts';
import { createProcessPool } from './process-pool.ts';
import type { RunResult } from './run-here.ts';
import { NotBegun } from './run-process.ts';
import type { Ask } from './run-protocol.ts';
import { createRunRoom } from './run-room.ts';

/**
 * Two processes a processor do as many short runs as more of them would, and hold less. Who has waited for so long stands
 * behind runs that wait for something, and gets a process of their own.
 */
const PATIENCE_MS = 100;

export type Processes = ReturnType<typeof createProcesses>;

/**
 * Processes in which the owner's workflows run, so that what they do holds up nobody else. One run at a time in each, so that
 * ending a process ends one run: at its time limit, and at its memory limit.
 */
export function createProcesses(parts: { folder: string; log: Pick<Logger, 'error'> }) {
  const pool = createProcessPool(parts);
  const inRoom = createRunRoom({
    atOnceSoon: Math.min(2 * availableParallelism(), WORKFLOW_PROCESSES_MAX),
    patienceMs: PATIENCE_MS,
    atOnceMax: WORKFLOW_PROCESSES_MAX,
    waitingMax: WORKFLOW_RUNS_WAITING_MAX,
    waitMsMax: WORKFLOW_WAIT_SECONDS_MAX * 1000,
    full: tooBusy,
  });

  return {
    close: pool.close,

    /**
     * Runs it in a process. Throws Problem 504 at its time limit, 503 where too many others run, and what the run throws.
     */
    run(task: RunTask, ask: Ask, tooSlow: () => Problem): Promise<RunResult> {
      return inRoom(async () => {
        try {
          return await pool.run(task, ask, tooSlow);
        } catch (error) {
          if (!(error instanceof NotBegun)) throw error;
        }
        // Its process was in an endless loop that another run had left behind, or was ended by it.
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
