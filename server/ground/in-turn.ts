import { Unavailable } from '../../adapters/port.ts';

/** A line: when the last one in it is done, and how many are in it. */
type Line = { end: Promise<void>; length: number };

/** The lines, by what they stand for: a collection of one store. */
const lines = new WeakMap<object, Map<string, Line>>();

/**
 * Runs works of one key one after the other within this process: those that would only get in each other's way at the
 * store. That they may be raced by other processes stays for the store to settle. Where it is away, all who wait hear
 * of it at once, and not each after a time-out of its own. Where a line is as long as it may be, `full` is thrown.
 */
export function inTurn<T>(
  scope: object,
  key: string,
  work: () => Promise<T>,
  bound?: { lengthMax: number; full: () => Error },
): Promise<T> {
  const ofScope = lines.get(scope) ?? new Map<string, Line>();
  lines.set(scope, ofScope);
  const line = ofScope.get(key);
  const length = line?.length ?? 0;
  if (bound !== undefined && length >= bound.lengthMax) return Promise.reject(bound.full());
  const result = line === undefined ? work() : line.end.then(work);
  const end = result.then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof Unavailable) throw error;
    },
  );
  ofScope.set(key, { end, length: length + 1 });
  const leave = () => {
    const current = ofScope.get(key);
    if (current?.end === end) ofScope.delete(key);
    else if (current !== undefined) current.length -= 1;
  };
  end.then(leave, leave);
  return result;
}
