import type { Change, Collection } from '../../adapters/port.ts';
import { MINUTE_SECONDS } from '../ground/time.ts';

/** So long is counted in memory: a write for each call would be felt by callers. A crash loses no more than that. */
const FLUSH_AFTER_MS = MINUTE_SECONDS * 1000;
/** Writes that share a commit, and hold up nobody noticeably. */
const BATCH_WRITES = 100;

/**
 * Rows with a count that any process adds to once a minute. `take` gives what was counted in memory since it was asked
 * last, and what could not be written is added to that.
 */
export function createCountRows<R extends { id: string; count: number }>(parts: {
  rows: Collection<R>;
  take: () => R[];
}) {
  const { rows, take } = parts;
  /** What of rows has not been added to them yet. */
  const unwritten = new Map<string, R>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  async function writeAll(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    take().forEach(hold);
    const held = [...unwritten.values()];
    for (let at = 0; at < held.length; at += BATCH_WRITES) {
      const batch = held.slice(at, at + BATCH_WRITES);
      for (const { id } of batch) unwritten.delete(id);
      const written = await Promise.allSettled(batch.map((row) => addTo(rows, row)));
      // What could not be written now is tried again.
      batch.filter((_, index) => written[index]?.status === 'rejected').forEach(hold);
    }
    if (unwritten.size > 0) wake();
  }

  function hold(row: R): void {
    const known = unwritten.get(row.id);
    unwritten.set(row.id, known === undefined ? row : { ...row, count: known.count + row.count });
  }

  function wake(): void {
    timer ??= setTimeout(() => void flush(), FLUSH_AFTER_MS).unref();
  }

  /** One after the other. */
  function flush(): Promise<void> {
    writing = writing.then(writeAll);
    return writing;
  }

  return {
    /** Has this added with the rest. */
    hold,

    /** Something was counted: it is written within a minute. */
    wake,

    /** Writes down what is counted. */
    flush,
  };
}

/** Adds to the row, which may not be there yet. */
async function addTo<R extends { id: string; count: number }>(rows: Collection<R>, row: R): Promise<void> {
  const change = { add: { count: row.count } } as unknown as Change<R>;
  if ((await rows.update(row.id, change)) !== undefined) return;
  // Another process may have made it meanwhile.
  if ((await rows.insertMany([row])) === 0) await rows.update(row.id, change);
}
