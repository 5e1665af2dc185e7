import { join, parse } from 'node:path';
import { createChecks } from '../checks.ts';
import { type Collection, type Declaration, type Journal, SEARCH_SECONDS_MAX, type Store } from '../port.ts';
import { createCache } from './cache.ts';
import { openCollection } from './collection.ts';
import { createCommit } from './commit.ts';
import { type ConnectionOptions, openConnection } from './connection.ts';
import { type JournalOptions, journalOf, openJournal, settledFirst } from './journal/journal.ts';
import { createReader } from './reader.ts';
import { createSearches, type SearchOptions } from './search/search.ts';
import { createWriter } from './writer.ts';

type Options = ConnectionOptions & JournalOptions & SearchOptions;

const DEFAULTS: Options = {
  /** So long a person waits for a file that another process (the command line, a backup) is writing to. */
  lockTimeoutMs: 2000,
  /** What the server does after the file has gone is lost, so it is noticed within a second. */
  watchEveryMs: 500,
  onLost: () => undefined,
  onFault: () => undefined,
  /** Long enough that a busy server settles some thousand rows at a time. */
  settleAfterMs: 1000,
  settleEveryMs: 30_000,
  /** A page of a list takes a fifth of it. */
  searchHereMs: 5,
  searchMsMax: SEARCH_SECONDS_MAX * 1000,
  /** It holds some 15 MB. */
  searchIdleMs: 60_000,
  onTooSlow: () => undefined,
};

/**
 * The embedded store: a file that is read and written in this process, and beside it one for each journalled
 * collection. Those are written by a thread of their own, which in the same file would hold up every other change, and
 * have the cache forget everything each time.
 */
export async function openSqlite(path: string, given: Partial<Options> = {}): Promise<Store> {
  const options = { ...DEFAULTS, ...given };
  const main = await openFile(path, options);
  const tables = await main.connection.attempt(() =>
    main.connection.statement('SELECT count(*) AS count FROM sqlite_schema').get(),
  );
  const journalled = new Map<string, Promise<JournalledFile>>();

  /** Opened once for each name, so that its reads settle whatever this process appended. */
  function journalledFile<R extends { id: string }>(declaration: Declaration<R>): Promise<JournalledFile> {
    const { name } = declaration;
    const known = journalled.get(name) ?? openJournalled(main.connection.file, declaration, options);
    journalled.set(name, known);
    known.catch(() => journalled.delete(name));
    return known;
  }

  return {
    engine: 'sqlite',
    isNew: tables?.count === 0,

    async collection<R extends { id: string }>(declaration: Declaration<R>): Promise<Collection<R>> {
      if (declaration.journalled !== true) return openCollection(declaration, main);
      const { file, journal } = await journalledFile(declaration);
      return settledFirst(await openCollection(declaration, file), journal);
    },

    async journal<R extends { id: string }>(declaration: Declaration<R>): Promise<Journal<R>> {
      if (declaration.journalled !== true)
        createChecks(declaration).refuse('it is not declared as journalled');
      const { journal } = await journalledFile(declaration);
      return journalOf(declaration, journal);
    },

    commit: createCommit(main, (declaration) => openCollection(declaration, main)),

    // A transaction that was not committed is none.
    async settleCommits() {},

    async ping() {
      const beside = await Promise.all(journalled.values());
      for (const { connection, reader } of [main, ...beside.map(({ file }) => file)]) {
        connection.confirm();
        await reader.read(() => connection.statement('SELECT count(*) FROM sqlite_schema').get());
      }
      for (const { journal } of beside) journal.requireRoom();
    },

    async close() {
      for (const { file, journal } of await Promise.all(journalled.values())) {
        await journal.close();
        await closeFile(file);
      }
      await closeFile(main);
    },
  };
}

type DatabaseFile = Awaited<ReturnType<typeof openFile>>;

async function openFile(path: string, options: Options) {
  const connection = await openConnection(path, options);
  const cache = createCache(connection);
  const writer = createWriter(connection, options.lockTimeoutMs);
  const reader = createReader(connection, cache);
  const searches = createSearches({ connection, reader }, options);
  return { connection, cache, reader, writer, searches };
}

async function closeFile({ searches, writer, connection }: DatabaseFile): Promise<void> {
  await searches.end();
  await writer.close();
  connection.close();
}

type JournalledFile = Awaited<ReturnType<typeof openJournalled>>;

/** `latchkey-calls.db` for the calls of `latchkey.db`, and its journal. */
async function openJournalled<R extends { id: string }>(
  main: string,
  declaration: Declaration<R>,
  options: Options,
) {
  const { dir, name, ext } = parse(main);
  const file = await openFile(join(dir, `${name}-${declaration.name}${ext}`), options);
  try {
    // The table is there before the journal puts rows into it.
    await openCollection(declaration, file);
    return { file, journal: openJournal(declaration, file.connection, options) };
  } catch (error) {
    await closeFile(file);
    throw error;
  }
}
