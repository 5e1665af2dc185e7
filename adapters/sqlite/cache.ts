import { frozen } from '../frozen.ts';
import type { Connection } from './connection.ts';
import type { Bound } from './queries.ts';

/**
 * Rows that were read before, each as it still stands in the file: what every request asks for (a credential, its
 * account) costs no look into the file, which saves 30 µs a call. SQLite itself tells whether any other connection,
 * of whichever process, has changed the file since: then all of it is forgotten, before anything is answered from
 * it. What this connection changes is forgotten row by row. So a row given out is never older than the question, or
 * the moment of the event loop in which it is asked (reader.ts).
 */
export type Cache = ReturnType<typeof createCache>;

/** The rows of one table. */
export type CachedTable = ReturnType<typeof tableOf>;

/** Of JSON, in all tables together: some 18,000 credentials, which take about 20 MB. */
const CHARACTERS_MAX = 8_000_000;

type Row = { id: string };

/** Rows by their own value of one field. The row itself is the value: each step on the way to it costs. */
type RowsByValue = Map<Bound, Row>;

/** How large a row is, and where it can be found. */
type Entry = { characters: number; byField: Map<string, RowsByValue> };

type Memory = {
  /** The oldest first. */
  entries: Map<Row, Entry>;
  characters: number;
  charactersMax: number;
};

export function createCache(connection: Pick<Connection, 'version'>, charactersMax = CHARACTERS_MAX) {
  const memory: Memory = { entries: new Map(), characters: 0, charactersMax };
  const tables = new Map<string, CachedTable>();
  let version: number | undefined;

  return {
    /**
     * Forgets everything if the file was changed by another connection, or cannot be asked. Called before reads: what
     * is changed after that shows at the next call, so a row that was read in between is not remembered for longer.
     */
    refresh(): void {
      const current = versionOf(connection);
      if (current === undefined || current !== version) {
        for (const row of memory.entries.keys()) forget(memory, row);
      }
      version = current;
    },

    /** The same rows for the same name, however often it is opened. */
    table(name: string): CachedTable {
      const table = tables.get(name) ?? tableOf(memory);
      tables.set(name, table);
      return table;
    },
  };
}

/** Undefined when the file cannot be asked: each read finds out for itself why. */
function versionOf(connection: Pick<Connection, 'version'>): number | undefined {
  try {
    return connection.version();
  } catch {
    return undefined;
  }
}

function tableOf(memory: Memory) {
  const byId: RowsByValue = new Map();
  const byField = new Map([['id', byId]]);

  return {
    /** The row with this value, if it is known. */
    get(field: string, value: Bound): unknown {
      return byField.get(field)?.get(value);
    },

    /** Remembers a row that was just found by this value; answers it, frozen. */
    remember(field: string, value: Bound, doc: string): unknown {
      const found = frozen(JSON.parse(doc) as Row);
      const row = byId.get(found.id) ?? found;
      // By another value it would be found even when it is forgotten.
      if (ownValue(row, field) === value) {
        const byValue = byField.get(field) ?? new Map();
        byField.set(field, byValue.set(value, row));
      }
      if (row !== found) return found;
      byId.set(row.id, row);
      memory.entries.set(row, { characters: doc.length, byField });
      memory.characters += doc.length;
      for (const oldest of memory.entries.keys()) {
        if (memory.characters <= memory.charactersMax) break;
        forget(memory, oldest);
      }
      return found;
    },

    /** The row of this id is about to change. */
    forget(id: string): void {
      const row = byId.get(id);
      if (row !== undefined) forget(memory, row);
    },

    /** Any row of the table is about to change. */
    forgetAll(): void {
      for (const row of [...byId.values()]) forget(memory, row);
    },
  };
}

function forget(memory: Memory, row: Row): void {
  const entry = memory.entries.get(row);
  if (entry === undefined) return;
  memory.entries.delete(row);
  memory.characters -= entry.characters;
  for (const [field, byValue] of entry.byField) byValue.delete(ownValue(row, field));
}

function ownValue(row: Row, field: string): Bound {
  return row[field as keyof Row];
}
