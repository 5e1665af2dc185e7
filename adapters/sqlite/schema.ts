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
    const starts = [indexName(name, []), ...ofUnique(name)];
    const outdated = known
      .filter(({ called, says }) => starts.some((start) => called.startsWith(start)) && !asked.has(says))
      .map(({ called }) => `DROP INDEX "${called}"`);
    const missing = wanted
      .filter(([kind, , what]) => !there.has(`CREATE ${kind} ${what}`))
      .map(([kind, called, what]) => `CREATE ${kind} IF NOT EXISTS "${called}" ${what}`);
    const steps = exact ? [...outdated, ...missing] : missing;
    try {
      if (steps.length > 0) connection.transaction(() => connection.exec(steps.join('; ')));
    } catch (error) {
      const clash = portError(error, name, (index) => fieldOfUnique(name, index));
      throw clash instanceof Taken ? clash : error;
    }
  });
}
