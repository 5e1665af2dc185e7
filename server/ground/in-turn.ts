import { Unavailable } from '../../adapters/port.ts';

/** The end of each line, by what they stand for: a collection of one store. */
const lines = new WeakMap<object, Map<string, Promise<void>>>();

/**
 * Runs works of one key one after the other within this process: those that would only get in each other's way at the
 * store. That they may be raced by other processes stays for the store to settle. Where it is away, all who wait hear
 * of it at once, and not each after a time-out of its own.
 */
export function inTurn<T>(scope: object, key: string, work: () => Promise<T>): Promise<T> {
  const ends = lines.get(scope) ?? new Map<string, Promise<void>>();
  lines.set(scope, ends);
  const before = ends.get(key);
  const result = before === undefined ? work() : before.then(work);
  const end = result.then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof Unavailable) throw error;
    },
  );
  ends.set(key, end);
  const leave = () => {
    if (ends.get(key) === end) ends.delete(key);
  };
  end.then(leave, leave);
  return result;
}
