import type { MessagePort } from 'node:worker_threads';
import { Unavailable } from '../../../adapters/port.ts';
import { Problem, type ProblemDetails } from '../../ground/errors.ts';
import type { RunCall, RunResult } from '../run-here.ts';
import type { Asked, FoundRecord } from '../run-protocol.ts';

/**
 * What the server and a thread say to each other, over a port that each thread greets with. The thread says which run it
 * has begun, asks for records, and tells what failed late; the server answers. The result of a run is what the task returns.
 */

/** The task that a thread is given: one run. `at`: when it begins, by the server's clock. */
export type RunTask = { workflow: string; call: RunCall; timeLimitMs: number; at: number };

/** The same with a number that tells it from other runs. */
export type NumberedTask = RunTask & { number: number };

/** What a thread says first, when it has loaded the owner's files or found that it cannot. */
export type Greeting = { threadId: number; port: MessagePort };

export type FromThread =
  | { begun: number }
  /** The run is over, and its thread must not be used again. */
  | { spent: number; outcome: RunOutcome }
  /** A program that the owner's code started, or that has ended. */
  | { program: { pid: number; runs: boolean } }
  | { ask: number; run: number; asked: Asked }
  | { late: { requestId: string; workflow: string }; failed: Failure; message: string };

export type ToThread = { answerTo: number } & ({ found: FoundRecord[] | number } | { failed: Failure });

/** An error on its way from one thread to another: a refusal stays one, and a store that is away is told as that. */
export type Failure =
  | { problem: ProblemDetails }
  | { unavailable: string }
  | { name: string; message: string; stack: string | undefined };

/** How a run ended: what it did, or why it failed. */
export type RunOutcome = { result: RunResult } | { failed: Failure };

/** Errors go into the log; nobody reads more of one. */
const TEXT_LENGTH_MAX = 10_000;

/** The error in a form that goes from thread to thread, whatever the owner's code threw. `prefix` says whose mistake it is. */
export function failureOf(error: unknown, prefix = ''): Failure {
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
  const error = new Error(failure.message);
  error.name = failure.name;
  if (failure.stack !== undefined) error.stack = failure.stack;
  return error;
}
