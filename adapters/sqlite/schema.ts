import type { Checks } from '../checks.ts';
import type { Declaration } from '../port.ts';
import type { Connection } from './connection.ts';
import { fieldOf } from './queries.ts';

const UNIQUE = '_unique_';

/** The field that a unique index stands for; any other clash is one of ids. */
export function fieldOfUnique(table: string, index: string): string {
  return index.startsWith(table + UNIQUE) ? index.slice((table + UNIQUE).length) : 'id';
}

/** Creates what is missing of a declaration's table and indexes. */
export async function makeSchema<R extends { id: string }>(
  declaration: Declaration<R>,
  checks: Checks<R>,
  connection: Connection,
): Promise<void> {
  const { name, unique = [], indexes = [] } = declaration;
  // Rows without the leading field stay out of the index: they would only make every insert dearer.
  const present = (field: string) => (checks.isOptional(field) ? ` WHERE ${fieldOf(field)} IS NOT NULL` : '');
  const uniqueFields = unique.map((field) => [name + UNIQUE + field, field] as const);

  const wanted = new Map([
    [name, `TABLE IF NOT EXISTS "${name}" (id TEXT PRIMARY KEY NOT NULL, doc TEXT NOT NULL)`],
  ]);
  for (const [index, field] of uniqueFields) {
    wanted.set(
      index,
      `UNIQUE INDEX IF NOT EXISTS "${index}" ON "${name}" (${fieldOf(field)})${present(field)}`,
    );
  }
  for (const fields of indexes) {
    const index = `${name}_by_${fields.join('_')}`;
    // No id at the end, though pages are ordered by it within ties: SQLite sorts those few itself, and rows that
    // come one after another are written side by side. By random ids, each would dirty a page of its own.
    const columns = fields.map(fieldOf).join(', ');
    wanted.set(
      index,
      `INDEX IF NOT EXISTS "${index}" ON "${name}" (${columns})${present(fields[0] ?? 'id')}`,
    );
  }

  await connection.attempt(() => {
    const known = connection.statement('SELECT name FROM sqlite_schema WHERE tbl_name = ?').all(name);
    const names = new Set(known.map((entry) => entry.name));
    const missing = [...wanted].filter(([entry]) => !names.has(entry)).map(([, what]) => `CREATE ${what}`);
    if (missing.length > 0) connection.transaction(() => connection.exec(missing.join('; ')));
  });
}
