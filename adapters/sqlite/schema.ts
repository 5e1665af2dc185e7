import type { Checks } from '../checks.ts';
import { type Declaration, Taken } from '../port.ts';
import type { Connection } from './connection.ts';
import { portError } from './failures.ts';
import { fieldOf } from './queries.ts';

/**
 * A dot and commas, which stand in no name of a table or field: in one database no index has the name of another one, or
 * of a table.
 */
const indexName = (table: string, fields: readonly string[]) => `${table}.by.${fields.join()}`;
const uniqueName = (table: string, field: string) => `${table}.unique.${field}`;

const ofUnique = (table: string) => [uniqueName(table, ''), `${table}_unique_`];

/** The field that a unique index stands for, also one of a store that named them otherwise; any other clash is one of ids. */
export function fieldOfUnique(table: string, index: string): string {
  const found = ofUnique(table).find((start) => index.startsWith(start));
  return found === undefined ? 'id' : index.slice(found.length);
}

/** Creates what is missing of a declaration's table and indexes, and removes what an `exact` one has no more. */
export async function makeSchema<R extends { id: string }>(
  declaration: Declaration<R>,
  checks: Checks<R>,
  connection: Connection,
): Promise<void> {
  const { name, unique = [], indexes = [], exact = false } = declaration;
  // Rows without the leading field stay out of the index: they would only make every insert dearer.
  const present = (field: string) => (checks.isOptional(field) ? ` WHERE ${fieldOf(field)} IS NOT NULL` : '');
  const wanted = [
    ['TABLE', name, '(id TEXT PRIMARY KEY NOT NULL, doc TEXT NOT NULL)'],
    ...unique.map((field) => [
      'UNIQUE INDEX',
      uniqueName(name, field),
      `ON "${name}" (${fieldOf(field)})${present(field)}`,
    ]),
    // No id at the end, though pages are ordered by it within ties: SQLite sorts those few itself, and rows that
    // come one after another are written side by side. By random ids, each would dirty a page of its own.
    ...indexes.map((fields) => [
      'INDEX',
      indexName(name, fields),
      `ON "${name}" (${fields.map(fieldOf).join(', ')})${present(fields[0] ?? 'id')}`,
    ]),
  ] as const;

  await connection.attempt(() => {
    const rows = connection.statement('SELECT name, sql FROM sqlite_schema WHERE tbl_name = ?').all(name);
    // What says the same is the same, whatever it is called: older stores had other names.
    const known = rows.map((row) => ({
      called: String(row.name),
      says: String(row.sql).replace(/ "[^"]*"/, ''),
    }));
    const there = new Set(known.map(({ says }) => says));
    const asked = new Set(wanted.map(([kind, , what]) => `CREATE ${kind} ${what}`));
    const starts = [indexName(name, []), `${name}_by_`, ...ofUnique(name)];
    const outdated = known
      .filter(({ called, says }) => starts.some((start) => called.startsWith(start)) && !asked.has(says))
      .map(({ called }) => `DROP INDEX "${called}"`);
    const missing = wanted
      .filter(([kind, , what]) => !there.has(`CREATE ${kind} ${what}`))
      .map(([kind, called, what]) => `CREATE ${kind} IF NOT EXISTS "${called}" ${what}`);
    const freed = known.length === 0 ? namedToday(connection, name) : [];
    const steps = [...freed, ...(exact ? outdated : []), ...missing];
    try {
      if (steps.length > 0) connection.transaction(() => connection.exec(steps.join('; ')));
    } catch (error) {
      const clash = portError(error, name, (index) => fieldOfUnique(name, index));
      throw clash instanceof Taken ? clash : error;
    }
  });
}

/**
 * Gives another table's index, which an older store called as this table is to be called, the name that it has today: in
 * SQLite a table cannot be called like an index.
 */
function namedToday(connection: Connection, table: string): string[] {
  const text = "SELECT tbl_name AS other, sql FROM sqlite_schema WHERE type = 'index' AND name = ?";
  const found = connection.statement(text).get(table);
  if (found === undefined) return [];
  const [other, sql] = [String(found.other), String(found.sql)];
  const [columns = ''] = sql.slice(sql.indexOf('(')).split(' WHERE ');
  const fields = [...columns.matchAll(/json_extract\(doc, '\$\.([^']+)'\)|\bid\b/g)].map(
    ([, one]) => one ?? 'id',
  );
  const called = sql.startsWith('CREATE UNIQUE ')
    ? uniqueName(other, fields.join())
    : indexName(other, fields);
  return [
    `DROP INDEX IF EXISTS "${table}"`,
    sql.replace(`INDEX "${table}"`, `INDEX IF NOT EXISTS "${called}"`),
  ];
}
