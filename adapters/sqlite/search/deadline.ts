import type { DatabaseSync } from 'node:sqlite';
import type { Sql } from '../queries.ts';

/** A statement was ended because its time was over. */
export class OutOfTime extends Error {}

/**
 * Always true; SQLite asks for it with each row that it looks at. There is no other way to end a statement: it runs in
 * machine code, where neither a timer nor the end of its thread can reach it.
 */
export const IN_TIME: Sql = { text: 'in_time()', values: [] };

/** Of `performance.now`. SQLite does one thing at a time in a thread, so one deadline is enough for all files that are open in it. */
let deadline = Number.POSITIVE_INFINITY;

/** Teaches a database what `IN_TIME` is. */
export function teachDeadline(database: DatabaseSync): void {
  database.function('in_time', () => {
    if (performance.now() > deadline) throw new OutOfTime();
    return 1;
  });
}

/** Runs a step whose statements ask for `IN_TIME`. Throws `OutOfTime` where they take longer than until then. */
export function endingAt<T>(time: number, step: () => T): T {
  deadline = time;
  try {
    return step();
  } finally {
    deadline = Number.POSITIVE_INFINITY;
  }
}
