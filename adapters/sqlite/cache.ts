import type { Connection } from './connection.ts';
import type { Bound } from './statements.ts';

/**
 * Rows that were read before, each as it still stands in the file, so that what every request asks for (a
 * credential, its account) costs no look into the file. SQLite itself tells whether any other connection, of
 * whichever process, has changed the file since: then all of it is forgotten, before anything is answered from it.
 * What this connection changes is forgotten row by row. So a row given out is never older than the question, or
 * the burst in which it is asked (burst.ts).
 */
export type Cache = ReturnType<typeof createCache>;

/** The rows of one table. */
export type CachedTable = ReturnType<Cache['table']>;

/** Of JSON, in all tables together: some 18,000 credentials, which take about 20 MB. */
const CHARACTERS_MAX = 8_000_000;

type Row = { id: string };

/** A row, and by what it can be found. */
type Entry = {
  row: Row;
  characters: number;
  keys: [field: string, value: Bound][];
  table: Map<string, Keyed>;
};

type Keyed = Map<Bound, Entry>;

export function createCache(connection: Pick<Connection, 'version'>, charactersMax = CHARACTERS_MAX) {
  /** The oldest first. */
  const entries = new Set<Entry>();
  const tables = new Map<string, Map<string, Keyed>>();
  let characters = 0;
  let version: number | undefined;

  function forget(entry: Entry): void {
    if (!entries.delete(entry)) return;
    characters -= entry.characters;
    for (const [field, value] of entry.keys) entry.table.get(field)?.delete(value);
  }

  function forgetAll(): void {
    for (const entry of entries) forget(entry);
  }

  return {
    /**
     * Forgets everything if the file was changed by another connection. Called before the reads of a turn, in
     * their transaction.
     */
    refresh(): void {
      const current = connection.version();
      if (current !== version) forgetAll();
      version = current;
    },

    forgetAll,

    /** The same rows for the same name, however often it is opened. */
    table(name: string) {
      const byField = tables.get(name) ?? new Map<string, Keyed>();
      tables.set(name, byField);

      function keyed(field: string): Keyed {
        const known = byField.get(field);
        if (known !== undefined) return known;
        const added: Keyed = new Map();
        byField.set(field, added);
        return added;
      }

      function findable(entry: Entry, field: string, value: Bound): void {
        keyed(field).set(value, entry);
        entry.keys.push([field, value]);
      }

      return {
        /** A copy of the row with this value, if it is known. */
        get(field: string, value: Bound): unknown {
          const entry = byField.get(field)?.get(value);
          return entry === undefined ? undefined : copyOf(entry.row);
        },

        /** Keeps a row that was just found by this value; answers a copy of it. */
        keep(field: string, value: Bound, doc: string): unknown {
          const row = JSON.parse(doc) as Row;
          const known = keyed('id').get(row.id);
          if (known !== undefined) {
            findable(known, field, value);
            return row;
          }
          const entry: Entry = { row, characters: doc.length, keys: [], table: byField };
          entries.add(entry);
          characters += doc.length;
          findable(entry, 'id', row.id);
          if (field !== 'id') findable(entry, field, value);
          for (const oldest of entries) {
            if (characters <= charactersMax) break;
            forget(oldest);
          }
          return copyOf(row);
        },

        /** The row of this id is about to change. */
        forget(id: string): void {
          const entry = byField.get('id')?.get(id);
          if (entry !== undefined) forget(entry);
        },

        /** Any row of the table is about to change. */
        forgetAll(): void {
          for (const entry of [...keyed('id').values()]) forget(entry);
        },
      };
    },
  };
}

/** A copy of JSON; faster than parsing it again. */
function copyOf<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf) as T;
  const copy: Partial<T> = {};
  for (const name in value) {
    // An assignment to this name would change the prototype instead.
    if (name === '__proto__') Object.defineProperty(copy, name, { ...OWN_FIELD, value: copyOf(value[name]) });
    else copy[name] = copyOf(value[name]);
  }
  return copy as T;
}

/** As an assignment makes it. */
const OWN_FIELD = { configurable: true, enumerable: true, writable: true };
