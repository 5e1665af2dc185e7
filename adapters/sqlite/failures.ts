import { Taken, Unavailable } from '../port.ts';

/** What SQLite's result codes (sqlite.org/rescode.html) mean to a caller of the port. */
type DriverError = Error & { code?: string; errcode?: number };

const ERROR = 1;
const BUSY = 5;
const LOCKED = 6;
const CONSTRAINT_UNIQUE = 2067;
const CONSTRAINT_PRIMARY_KEY = 1555;

/** Out of memory, read-only, interrupted, I/O, corrupt, full, cannot open, protocol, no database, moved. */
const UNAVAILABLE: ReadonlySet<number> = new Set([BUSY, LOCKED, 7, 8, 9, 10, 11, 13, 14, 15, 26]);

/** Extended codes carry the primary one in their low byte. */
function primaryCode(error: unknown): number | undefined {
  const { code, errcode } = (error ?? {}) as DriverError;
  return code === 'ERR_SQLITE_ERROR' && errcode !== undefined ? errcode & 0xff : undefined;
}

/** Another process holds the lock; worth another try in a moment. */
export function isBusy(error: unknown): boolean {
  const code = primaryCode(error);
  return code === BUSY || code === LOCKED;
}

/** What a caller gets instead of the driver's error. `fieldOfIndex` tells the field that a unique index stands for. */
export function portError(
  error: unknown,
  collection: string,
  fieldOfIndex: (index: string) => string,
): unknown {
  if (!(error instanceof Error) || error instanceof Unavailable) return error;
  const { errcode } = error as DriverError;
  if (errcode === CONSTRAINT_PRIMARY_KEY) return new Taken(collection, 'id');
  if (errcode === CONSTRAINT_UNIQUE) {
    return new Taken(collection, fieldOfIndex(/index '([^']+)'/.exec(error.message)?.[1] ?? ''));
  }
  return unavailableFrom(error);
}

/** The error itself where it is a mistake of ours and not a state of the database. `file` is the one that is meant. */
export function unavailableFrom(error: unknown, file = 'the database file'): unknown {
  const code = primaryCode(error);
  const { message } = error as Error;
  // Tables are made at opening: where one is missing, the file was replaced.
  const isReplaced = code === ERROR && message.startsWith('no such table');
  if (code !== undefined && (UNAVAILABLE.has(code) || isReplaced)) {
    return new Unavailable(`${file} cannot be used now: ${message}`, { cause: error });
  }
  return code === undefined ? error : new Error(`SQLite refused a statement: ${message}`, { cause: error });
}
