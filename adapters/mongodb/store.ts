import mongoose from 'mongoose';
import { type Declaration, type Journal, SEARCH_SECONDS_MAX, type Store, Unavailable } from '../port.ts';
import { insertsWith, openCollection } from './collection.ts';
import { type CommitOptions, type Commits, createCommits } from './commit.ts';
import { EndingConnection } from './connection.ts';
import { openError, unavailableFrom } from './failures.ts';
import { journalOf } from './journal.ts';

const PATIENCE = {
  /** Long enough for an election's end to be noticed, short enough for a person to wait for the 503. */
  serverSelectionTimeoutMS: 2000,
  /** A machine under load takes its time over the first words; the wait of a request is bounded above. */
  connectTimeoutMS: 10_000,
  /** For a free connection, when all are in use. */
  waitQueueTimeoutMS: 2000,
  /** A server that takes a command and never answers counts as away after this: more than the longest search may take. */
  socketTimeoutMS: (SEARCH_SECONDS_MAX + 2) * 1000,
};
const SEARCH_MS_MAX = SEARCH_SECONDS_MAX * 1000;

/** The database when the URL names none (the driver's own choice would be `test`). */
const DATABASE = 'latchkey';

/**
 * The store for more than one machine: a replica set or sharded cluster that any number of processes share.
 */
export async function openMongodb(
  url: string,
  patience = PATIENCE,
  { searchMsMax = SEARCH_MS_MAX, ...commitOptions }: CommitOptions & { searchMsMax?: number } = {},
): Promise<Store> {
  const connection = mongoose.createConnection();
  try {
    await connection.openUri(url, {
      ...patience,
      // A token revoked a moment ago is refused: never ask a server that lags behind.
      readPreference: 'primary',
      autoIndex: false,
      autoCreate: false,
      bufferCommands: false,
      ...{ connectionType: EndingConnection },
      ...(/^[^/]+\/\/[^/]+\/[^?]/.test(url) ? {} : { dbName: DATABASE }),
    });
  } catch (error) {
    await connection.close();
    throw openError(error);
  }
  const { db } = connection;
  if (db === undefined) throw new Unavailable('MongoDB is not connected');

  const collections = await db
    .listCollections({}, { nameOnly: true })
    .toArray()
    .catch(async (error) => {
      await connection.close();
      throw unavailableFrom(error);
    });

  const open = <R extends { id: string }>(declaration: Declaration<R>) =>
    openCollection(declaration, db, { commits, searchMsMax });
  const commits: Commits = createCommits(db, open, commitOptions);

  return {
    engine: 'mongodb',
    isNew: collections.length === 0,

    collection: open,

    async journal<R extends { id: string }>(declaration: Declaration<R>): Promise<Journal<R>> {
      return journalOf(declaration, {
        process: await open(declaration),
        disk: insertsWith(declaration, db, 'disk'),
      });
    },

    commit: commits.commit,
    settleCommits: commits.settleCommits,

    async ping() {
      try {
        await db.command({ ping: 1 });
      } catch (error) {
        throw unavailableFrom(error);
      }
    },

    async close() {
      await connection.close();
    },
  };
}
