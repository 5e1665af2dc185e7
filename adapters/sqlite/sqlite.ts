import { join, parse } from 'node:path';
import type { Collection, Declaration, Journal, Store } from '../port.ts';
import { createCache } from './cache.ts';
import { openCollection } from './collection.ts';
import { openConnection } from './connection.ts';
import { openJournal } from './journal.ts';
import { createReader } from './reader.ts';
import { createWriter } from './writer.ts';

/** How long a call waits for a file that another process (the command line, a backup) is writing to. */
const LOCK_TIMEOUT_MS = 5000;

/**
 * The embedded store: a file that is read and written in this process, and beside it one for each collection whose
 * rows come through a journal. Those are written by a thread of their own, which in the same file would hold up every
 * other change, and have the cache forget everything each time.
 */
export async function openSqlite(path: string, lockTimeoutMs = LOCK_TIMEOUT_MS): Promise<Store> {
  const main = await openFile(path, lockTimeoutMs);
  const apart = new Map<string, Promise<DatabaseFile>>();
  const journals: { end(): Promise<void> }[] = [];

  async function fileOf({ name, journalled }: Pick<Declaration<never>, 'name' | 'journalled'>) {
    if (journalled !== true) return main;
    const known = apart.get(name) ?? openFile(pathApart(main.connection.file, name), lockTimeoutMs);
    apart.set(name, known);
    known.catch(() => apart.delete(name));
    return known;
  }

  const allFiles = async () => [main, ...(await Promise.all(apart.values()))];

  async function collection<R extends { id: string }>(declaration: Declaration<R>): Promise<Collection<R>> {
    const file = await fileOf(declaration);
    return openCollection(declaration, file.connection, file);
  }

  return {
    engine: 'sqlite',
    collection,

    async journal<R extends { id: string }>(declaration: Declaration<R>): Promise<Journal<R>> {
      await collection(declaration);
      const { connection } = await fileOf(declaration);
      const journal = openJournal(declaration, connection, lockTimeoutMs);
      journals.push(journal);
      return journal;
    },

    async ping() {
      for (const { connection, reader } of await allFiles()) {
        connection.confirm();
        await reader.read(() => connection.statement('SELECT count(*) FROM sqlite_schema').get());
      }
    },

    async close() {
      for (const journal of journals) await journal.end();
      const files = await allFiles();
      await Promise.all(files.map(({ writer }) => writer.close()));
      for (const { connection } of files) connection.close();
    },
  };
}

type DatabaseFile = Awaited<ReturnType<typeof openFile>>;

async function openFile(path: string, lockTimeoutMs: number) {
  const connection = await openConnection(path, lockTimeoutMs);
  const cache = createCache(connection);
  return { connection, cache, reader: createReader(connection, cache), writer: createWriter(connection) };
}

/** `latchkey-calls.db` for the calls of `latchkey.db`. */
function pathApart(file: string, collection: string): string {
  const { dir, name, ext } = parse(file);
  return join(dir, `${name}-${collection}${ext}`);
}
