import { Problem, type ProblemDetails } from '../../ground/errors.ts';
import type { RunCall, RunResult } from '../run-here.ts';
import type { Asked, SeenRecord } from '../stage.ts';

/**
 * What the server and the thread of a run say to each other, over a channel that each run has of its own. The thread says
 * that it has begun, and asks; the server answers. The result is what the thread's task returns.
 */

/** The task that a thread is given. `at`: when the run begins, by the server's clock. */
export type RunTask = { workflow: string; call: RunCall; timeLimitMs: number; at: number };

export type FromThread = { begun: true } | { ask: number; asked: Asked };

export type ToThread = { answerTo: number } & ({ found: SeenRecord[] | number } | { failed: Failure });

/** An error on its way from one thread to another: a refusal stays one. */
export type Failure =
  | { problem: ProblemDetails }
  | { name: string; message: string; stack: string | undefined };

/** How a run ended: what it did, or why it failed. */
export type RunOutcome = { result: RunResult } | { failed: Failure };

/** The error in a form that goes from thread to thread. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Problem) {
    const { status, code, message, hint, parameter, headers } = error;
    return {
      problem: { status, code, message, hint, headers, ...(parameter === undefined ? {} : { parameter }) },
    };
  }
  if (!(error instanceof Error))
    return { name: 'Error', message: `thrown: ${String(error)}`, stack: undefined };
  return { name: error.name, message: error.message, stack: error.stack };
}

/** The same error on this side. */
export function errorFrom(failure: Failure): Error {
  if ('problem' in failure) return new Problem(failure.problem);
  const error = new Error(failure.message);
  error.name = failure.name;
  if (failure.stack !== undefined) error.stack = failure.stack;
  return error;
}
