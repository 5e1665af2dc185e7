import type { Collection, Declaration, Journal, Store } from '../port.ts';
import { createCache } from './cache.ts';
import { openCollection } from './collection.ts';
import { openConnection } from './connection.ts';
import { openJournal } from './journal.ts';
import { createReader } from './reader.ts';
import { createWriter } from './writer.ts';

/** How long a call waits for a file that another process (the command line, a backup) is writing to. */
const LOCK_TIMEOUT_MS = 5000;

/** The embedded store: one file that is read and written in this process. */
export async function openSqlite(path: string, lockTimeoutMs = LOCK_TIMEOUT_MS): Promise<Store> {
  const connection = await openConnection(path, lockTimeoutMs);
  const cache = createCache(connection);
  const reader = createReader(connection, cache);
  const writer = createWriter(connection);
  const journals: { end(): void }[] = [];

  function collection<R extends { id: string }>(declaration: Declaration<R>): Promise<Collection<R>> {
    return openCollection(declaration, connection, { cache, reader, writer });
  }

  return {
    engine: 'sqlite',
    collection,

    async journal<R extends { id: string }>(declaration: Declaration<R>): Promise<Journal<R>> {
      await collection(declaration);
      const journal = openJournal(declaration, connection, writer);
      journals.push(journal);
      return journal;
    },

    async ping() {
      connection.confirm();
      await reader.read(() => connection.statement('SELECT count(*) FROM sqlite_schema').get());
    },

    async close() {
      await writer.close();
      connection.close();
      for (const journal of journals) journal.end();
    },
  };
}
