import { frozen } from '../frozen.ts';
import type { Connection } from './connection.ts';
import type { Bound } from './queries.ts';

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

/** The rows that can be found by one field. The row itself is the value: each step on the way to it costs. */
type Keyed = Map<Bound, Row>;

/** How large a row is, and where it can be found: by its own value of each of these fields. */
type Entry = { characters: number; byField: Map<string, Keyed> };

export function createCache(connection: Pick<Connection, 'version'>, charactersMax = CHARACTERS_MAX) {
  /** The oldest first. */
  const entries = new Map<Row, Entry>();
  const tables = new Map<string, Map<string, Keyed>>();
  let characters = 0;
  let version: number | undefined;

  function forget(row: Row): void {
    const entry = entries.get(row);
    if (entry === undefined) return;
    entries.delete(row);
    characters -= entry.characters;
    for (const [field, keyed] of entry.byField) keyed.delete(ownValue(row, field));
  }

  function forgetAll(): void {
    for (const row of entries.keys()) forget(row);
  }

  return {
    /**
     * Forgets everything if the file was changed by another connection. Called before the reads of a turn: what is
     * changed after that shows at the next call, so a row that was read in between is not kept for longer.
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

      return {
        /** The row with this value, if it is known. */
        get(field: string, value: Bound): unknown {
          return byField.get(field)?.get(value);
        },

        /** Keeps a row that was just found by this value; answers it, frozen. */
        keep(field: string, value: Bound, doc: string): unknown {
          const found = frozen(JSON.parse(doc) as Row);
          const row = keyed('id').get(found.id) ?? found;
          // By another value it would be found even when it is forgotten.
          if (ownValue(row, field) === value) keyed(field).set(value, row);
          if (row !== found) return found;
          entries.set(row, { characters: doc.length, byField });
          characters += doc.length;
          keyed('id').set(row.id, row);
          for (const oldest of entries.keys()) {
            if (characters <= charactersMax) break;
            forget(oldest);
          }
          return found;
        },

        /** The row of this id is about to change. */
        forget(id: string): void {
          const row = byField.get('id')?.get(id);
          if (row !== undefined) forget(row);
        },

        /** Any row of the table is about to change. */
        forgetAll(): void {
          for (const row of [...keyed('id').values()]) forget(row);
        },
      };
    },
  };
}

function ownValue(row: Row, field: string): Bound {
  return row[field as keyof Row];
}
