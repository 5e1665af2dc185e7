import mongoose from 'mongoose';
import { TooSlow, Unavailable } from '../port.ts';
import { ownField } from './reservations.ts';

const DUPLICATE_KEY = 11000;
const MAX_TIME_EXPIRED = 50;

/**
 * Whether a write was refused for a value that another row has. FerretDB 1 says so with the code on inserts
 * only; on updates it passes on its own database's words under "internal error".
 */
export function isDuplicate(error: unknown): error is mongoose.mongo.MongoServerError {
  if (!(error instanceof mongoose.mongo.MongoError)) return false;
  return error.code === DUPLICATE_KEY || /UNIQUE constraint failed/.test(error.message);
}

/** The field that MongoDB names as the taken one; FerretDB names none. */
export function duplicateField(error: mongoose.mongo.MongoServerError): string | undefined {
  const pattern: unknown = error.keyPattern;
  if (typeof pattern !== 'object' || pattern === null) return undefined;
  const [name] = Object.keys(pattern);
  return name === '_id' || name === undefined ? 'id' : ownField(name);
}

/** What a caller gets instead of the driver's errors; anything else is ours and passes as it is. */
export function unavailableFrom(error: unknown): unknown {
  const isDrivers = error instanceof mongoose.mongo.MongoError || error instanceof mongoose.Error;
  if (!isDrivers && !isOfConnection(error)) return error;
  if (isDrivers && 'code' in error && error.code === MAX_TIME_EXPIRED) return new TooSlow(error.message);
  return new Unavailable(`MongoDB cannot answer now: ${error.message}`, { cause: error });
}

/** What the driver passes on of a socket that the other end has just closed, such as EPIPE, as it is. */
function isOfConnection(error: unknown): error is NodeJS.ErrnoException {
  const { code } = error as NodeJS.ErrnoException;
  return error instanceof Error && /^(E[A-Z]+|ERR_STREAM_\w+|ERR_SOCKET_\w+)$/.test(code ?? '');
}

/**
 * Why there is no connection. Errors about the URL itself repeat parts of it, and with them the password, so
 * of those only the kind is told; errors about servers name hosts and reasons.
 */
export function openError(error: unknown): Unavailable {
  const { MongoServerError, MongoNetworkError } = mongoose.mongo;
  const aboutServers = [mongoose.Error.MongooseServerSelectionError, MongoServerError, MongoNetworkError];
  if (error instanceof Error && aboutServers.some((kind) => error instanceof kind)) {
    return new Unavailable(`MongoDB cannot be reached: ${error.message}`, { cause: error });
  }
  const { code, hostname } = error as { code?: string; hostname?: string };
  // mongodb+srv:// asks for the servers by name, before there is any connection.
  if (hostname !== undefined && /^E[A-Z]+$/.test(code ?? '')) {
    return new Unavailable(`MongoDB cannot be reached: no servers are known for ${hostname} (${code})`);
  }
  const [options] = /^options? [\w, ]+ (is|are) not supported$/.exec(String((error as Error).message)) ?? [];
  return new Unavailable(
    `MongoDB cannot be reached: the URL is not one like mongodb://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE${options === undefined ? '' : ` (${options})`}`,
  );
}

/**
 * The places, among `count` rows to be inserted, of those refused as duplicates; undefined unless all others
 * are known to be in. (An interrupted insert comes as the same kind of error, with fewer rows accounted for.)
 */
export function duplicatesOf(error: unknown, count: number): number[] | undefined {
  if (!(error instanceof mongoose.mongo.MongoBulkWriteError)) return undefined;
  if (error.result.getWriteConcernError() !== undefined) return undefined;
  const refusals = [error.writeErrors].flat();
  const accounted = error.insertedCount + refusals.length === count;
  const duplicates = refusals.every(({ code }) => code === DUPLICATE_KEY);
  return accounted && duplicates ? refusals.map(({ index }) => index) : undefined;
}
