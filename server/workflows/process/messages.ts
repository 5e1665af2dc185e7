import { Unavailable } from '../../../adapters/port.ts';
import { Problem, type ProblemDetails } from '../../ground/errors.ts';
import type { RunCall, RunResult } from '../run-here.ts';
import type { Asked, FoundRecord } from '../run-protocol.ts';

/**
 * What the server and a process in which workflows run say to each other. The process says when it is ready, which run it has
 * begun, how that ended, and what failed late; in between it asks for records, which the server answers.
 */

/** One run. `at`: when it begins, by the server's clock. */
export type RunTask = { workflow: string; call: RunCall; timeLimitMs: number; at: number };

export type FromProcess =
  /** The owner's files are loaded. */
  | { ready: true }
  /** They do not load any more. */
  | { unready: Failure }
  | { begun: true }
  /** `isSpent`: the process must not be used again. */
  | { over: RunOutcome; isSpent: boolean }
  | { ask: number; run: number; asked: Asked }
  | { late: { requestId: string; workflow: string }; failed: Failure; message: string }
  /** The answer to `isThere`. */
  | { isThere: true };

/** `run` tells a run from others of the process. */
export type ToProcess =
  | { run: number; task: RunTask }
  | ({ answerTo: number } & ({ found: FoundRecord[] | number } | { failed: Failure }))
  /** Asked between two runs: who is in a loop does not answer. */
  | { isThere: true };

/** An error on its way from one process to the other: a refusal stays one, and a store that is away is told as that. */
export type Failure =
  | { problem: ProblemDetails }
  | { unavailable: string }
  | { name: string; message: string; stack: string | undefined };

/** How a run ended: what it did, or why it failed. */
export type RunOutcome = { result: RunResult } | { failed: Failure };

/** Errors go into the log; nobody reads more of one. */
const TEXT_LENGTH_MAX = 10_000;

/** The error in a form that goes from process to process, whatever the owner's code threw. `prefix` says whose mistake it is. */
export function failureOf(error: unknown, prefix = ''): Failure {
  try {
    return readFailure(error, prefix);
  } catch {
    return { name: 'Error', message: `${prefix}thrown: something that cannot be read`, stack: undefined };
  }
}

function readFailure(error: unknown, prefix: string): Failure {
  if (error instanceof Problem) {
    const { status, code, parameter, headers, refusedBy } = error;
    const [message, hint] = [textOf(error.message), textOf(error.hint)];
    const named = {
      ...(parameter === undefined ? {} : { parameter }),
      ...(refusedBy === undefined ? {} : { refusedBy }),
    };
    return { problem: { status, code, message, hint, headers, ...named } };
  }
  if (error instanceof Unavailable) return { unavailable: textOf(error.message) };
  if (!(error instanceof Error)) {
    return { name: 'Error', message: `${prefix}thrown: ${textOf(error)}`, stack: undefined };
  }
  const { name, message, stack, cause } = error;
  const because = cause instanceof Error ? `\ncaused by ${textOf(cause.stack ?? cause.message)}` : '';
  const text = textOf(message);
  return {
    name: textOf(name),
    message: text.startsWith(prefix) ? text : prefix + text,
    stack: `${textOf(stack)}${because}`,
  };
}

/** What the owner's code threw may be anything, also what has no text. */
function textOf(value: unknown): string {
  try {
    return String(value).slice(0, TEXT_LENGTH_MAX);
  } catch {
    return 'something that has no text';
  }
}

/** The same error on this side. */
export function errorFrom(failure: Failure): Error {
  if ('problem' in failure) return new Problem(failure.problem);
  if ('unavailable' in failure) return new Unavailable(failure.unavailable);
  const { name, message, stack = `${name}: ${message}` } = failure;
  return Object.assign(new Error(message), { name, stack });
}

/** What the owner's code threw on this side, as an error that can be read: it goes into the log of the server. */
export function readableError(error: unknown): Error {
  return errorFrom(failureOf(error));
}
