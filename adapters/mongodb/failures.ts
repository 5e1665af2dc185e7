import mongoose from 'mongoose';
import { Unavailable } from '../port.ts';

const DUPLICATE_KEY = 11000;

/**
 * Whether a write was refused for a value that another row has. FerretDB 1 says so with the code on inserts only;
 * on updates it passes on its own database's words under "internal error".
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
  return name === '_id' ? 'id' : name;
}

/** What a caller gets instead of the driver's errors; anything else is ours and passes as it is. */
export function portError(error: unknown): unknown {
  const { MongoError } = mongoose.mongo;
  if (!(error instanceof MongoError) && !(error instanceof mongoose.Error)) return error;
  return new Unavailable(`MongoDB cannot answer now (${error.name})`, { cause: error });
}

/** The places, in the list that was to be inserted, of rows refused as duplicates; undefined if anything else went wrong. */
export function duplicatesOf(error: unknown): number[] | undefined {
  if (!(error instanceof mongoose.mongo.MongoBulkWriteError)) return undefined;
  if (error.result.getWriteConcernError() !== undefined) return undefined;
  const refusals = [error.writeErrors].flat();
  return refusals.every(({ code }) => code === DUPLICATE_KEY)
    ? refusals.map(({ index }) => index)
    : undefined;
}
