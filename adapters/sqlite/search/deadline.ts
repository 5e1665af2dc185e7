import type { DatabaseSync } from 'node:sqlite';
import type { Sql } from '../queries.ts';

/** A statement was ended because its time was over, or nobody waits for it. */
export class OutOfTime extends Error {}

/**
 * Always true; SQLite asks for it with each row that it looks at. There is no other way to end a statement: it runs in
 * machine code, where neither a timer nor the end of its thread can reach it.
 */
export const IN_TIME: Sql = { text: 'in_time()', values: [] };

export type Bounds = {
  /** Of `performance.now`. */
  end: number;
  /** So long the processor may be at it: on a machine that is busy with other things what is short takes long too. */
  workMs?: number;
  /** Another thread writes 1 into it to end the step. */
  ended?: Int32Array;
};

const NONE = { end: Number.POSITIVE_INFINITY, workEnd: Number.POSITIVE_INFINITY, ended: new Int32Array(1) };

/** SQLite does one thing at a time in a thread, so that these are the bounds of all files that are open in it. */
let { end, workEnd, ended }: { end: number; workEnd: number; ended: Int32Array } = NONE;
/** Before this time it is within all of them. */
let nextLook = NONE.end;

/** Teaches a database what `IN_TIME` is. */
export function teachDeadline(database: DatabaseSync): void {
  database.function('in_time', () => {
    requireWaited();
    const now = performance.now();
    if (now > nextLook) lookAgain(now);
    return 1;
  });
}

function requireWaited(): void {
  if (Atomics.load(ended, 0) === 1) throw new OutOfTime();
}

function lookAgain(now: number): void {
  const left = workEnd === NONE.workEnd ? workEnd : workEnd - workedMs();
  if (now > end || left < 0) throw new OutOfTime();
  nextLook = Math.min(end, now + left);
}

/** Runs a step whose statements ask for `IN_TIME`. Throws `OutOfTime` where they take longer. */
export function within<T>(bounds: Bounds, step: () => T): T {
  const { workMs } = bounds;
  ({ end, ended = NONE.ended } = bounds);
  workEnd = workMs === undefined ? NONE.workEnd : workedMs() + workMs;
  nextLook = Math.min(end, performance.now() + (workMs ?? NONE.workEnd));
  try {
    requireWaited();
    return step();
  } finally {
    ({ ended } = NONE);
    nextLook = NONE.end;
  }
}

/** So long the processor was at work in this thread. */
function workedMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
