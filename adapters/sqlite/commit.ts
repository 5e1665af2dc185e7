import { type CheckedWrite, createWriteChecks } from '../checked-writes.ts';
import { rowToJson } from '../json-text.ts';
import { type Declaration, type Store, Taken } from '../port.ts';
import type { Cache } from './cache.ts';
import type { Connection } from './connection.ts';
import { portError } from './failures.ts';
import { bound, changeSql, fieldOf, type Sql, whereSql } from './queries.ts';
import { fieldOfUnique } from './schema.ts';
import type { Writer } from './writer.ts';

/**
 * How writes stay whole: those of a commit are one step of the writer, within one transaction of the file. Others share
 * that transaction, so a savepoint around the step takes back a commit that is refused, and nothing else. There is
 * nothing to settle afterwards: SQLite itself rolls back what a process left undone when it died.
 */
export function createCommit(
  { connection, cache, writer }: { connection: Connection; cache: Cache; writer: Writer },
  /** Makes sure that the collection's table is there. */
  open: (declaration: Declaration<{ id: string }>) => Promise<unknown>,
): Store['commit'] {
  const checkedWrites = createWriteChecks();
  const opened = new Set<string>();

  async function openOnce(declaration: Declaration<{ id: string }>): Promise<void> {
    if (opened.has(declaration.name)) return;
    await open(declaration);
    opened.add(declaration.name);
  }

  /** The field whose value is in use, also where the row that has it is changed or removed by this very commit. */
  function takenField({ declaration, id, taken }: CheckedWrite): string | undefined {
    const found = taken.find(([field, value]) => {
      const text = `SELECT id FROM "${declaration.name}" WHERE ${fieldOf(field)} = ? AND id <> ?`;
      return connection.statement(text).get(bound(value), id) !== undefined;
    });
    return found?.[0];
  }

  function isHeld(write: CheckedWrite): boolean {
    if ('insert' in write) return true;
    const guard = whereSql(write.guard);
    const text = `SELECT id FROM "${write.declaration.name}" WHERE id = ? AND ${guard.text}`;
    return connection.statement(text).get(write.id, ...guard.values) !== undefined;
  }

  return async (writes) => {
    const all = checkedWrites(writes);
    for (const { declaration } of all) await openOnce(declaration);
    // New rows last: an id in use is told where all guards hold.
    const steps = [false, true].flatMap((isNew) =>
      all.filter((write) => 'insert' in write === isNew).map((write) => ({ ...write, sql: writeSql(write) })),
    );
    let current: CheckedWrite | undefined;

    function run(): boolean {
      for (current of steps) {
        const field = takenField(current);
        if (field === undefined) continue;
        // What saw other rows than there are may find that it wants another value.
        if (!steps.every(isHeld)) return false;
        throw new Taken(current.declaration.name, field);
      }
      for (const step of steps) {
        current = step;
        cache.table(step.declaration.name).forget(step.id);
        if (connection.statement(step.sql.text).run(...step.sql.values).changes === 0) return false;
      }
      return true;
    }

    return writer.write(
      all.some(({ declaration }) => declaration.durability !== 'process'),
      () => wholeOrNot(connection, run),
      (error) => {
        const name = current?.declaration.name ?? '';
        return error instanceof Taken ? error : portError(error, name, (index) => fieldOfUnique(name, index));
      },
    );
  };
}

/** Takes back what the step did where it answers false or throws. */
function wholeOrNot(connection: Connection, step: () => boolean): boolean {
  let isDone = false;
  connection.exec('SAVEPOINT whole');
  try {
    isDone = step();
  } finally {
    // After some failures SQLite has ended the transaction, and with it the savepoint.
    if (connection.inTransaction())
      connection.exec(isDone ? 'RELEASE whole' : 'ROLLBACK TO whole; RELEASE whole');
  }
  return isDone;
}

function writeSql(write: CheckedWrite): Sql {
  const table = `"${write.declaration.name}"`;
  if ('insert' in write) {
    return {
      text: `INSERT INTO ${table} (id, doc) VALUES (?, ?)`,
      values: [write.id, rowToJson(write.insert)],
    };
  }
  const guard = whereSql(write.guard);
  const where = `WHERE id = ? AND ${guard.text}`;
  if ('remove' in write)
    return { text: `DELETE FROM ${table} ${where}`, values: [write.id, ...guard.values] };
  const changed = changeSql(write.change);
  return {
    text: `UPDATE ${table} SET doc = ${changed.text} ${where}`,
    values: [...changed.values, write.id, ...guard.values],
  };
}
