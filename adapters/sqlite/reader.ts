import type { Connection } from './connection.ts';
import type { Bound } from './statements.ts';

/**
 * Reads of one turn of the event loop run one after another, on one state of the file: side by side each takes
 * half the time that it takes between other work, because what SQLite needs is still at hand from the last one.
 */
export type Reader = ReturnType<typeof createReader>;

/** Bounds how long reads keep the event loop waiting: a few milliseconds. */
const BATCH_MAX = 500;

/** What a batch has found so far: the documents by the text of their statement and its value. */
type Found = Map<string, Map<Bound, string | undefined>>;

type Read = { run: (found: Found) => unknown; resolve: (value: never) => void };

export function createReader(connection: Connection) {
  const waiting: Read[] = [];

  function drain(): void {
    const batch = waiting.splice(0, BATCH_MAX);
    if (waiting.length > 0) setImmediate(drain);
    const found: Found = new Map();
    connection.atOnce(() => {
      // A read that fails, or is tried again because the file is busy, gives a promise of its own.
      for (const { run, resolve } of batch) resolve(connection.attempt(() => run(found)) as never);
    });
  }

  /** Queues a synchronous read. */
  function read<T>(run: (found: Found) => T): Promise<T> {
    return new Promise((resolve) => {
      if (waiting.length === 0) setImmediate(drain);
      waiting.push({ run, resolve });
    });
  }

  return {
    read,

    /** The row that this statement gives for this value; asked by several callers at once, it is looked up once. */
    readOne<R>(text: string, value: Bound): Promise<R | undefined> {
      return read((found) => {
        const byValue = found.get(text) ?? new Map<Bound, string | undefined>();
        found.set(text, byValue);
        if (!byValue.has(value))
          byValue.set(value, connection.statement(text).get(value)?.doc as string | undefined);
        const doc = byValue.get(value);
        // Each caller has a copy of its own.
        return doc === undefined ? undefined : (JSON.parse(doc) as R);
      });
    },
  };
}
