import { type CheckedCondition, type Checks, createChecks } from '../checks.ts';
import { frozen } from '../frozen.ts';
import { rowToJson } from '../json-text.ts';
import type { Asker, Collection, CountBounds, Declaration, Listing, Where } from '../port.ts';
import type { Cache, CachedTable } from './cache.ts';
import type { Connection } from './connection.ts';
import { portError } from './failures.ts';
import { allOf, type Bound, behindSql, bound, changeSql, fieldOf, type Sql, whereSql } from './queries.ts';
import type { Reader } from './reader.ts';
import { fieldOfUnique, makeSchema } from './schema.ts';
import { IN_TIME } from './search/deadline.ts';
import type { Searches } from './search/search.ts';
import type { FoundRow, Take } from './search/threads.ts';
import type { Writer } from './writer.ts';

/** What the methods of one collection share. */
type Shared<R extends { id: string }> = {
  /** Quoted, as it stands in SQL. */
  name: string;
  checks: Checks<R>;
  connection: Connection;
  cached: CachedTable;
  reader: Reader;
  /** Where its rows are searched. */
  searches: Searches | undefined;
  /** Queues what adds rows. */
  write: <T>(run: () => T) => Promise<T>;
  /** Queues what changes or removes the row of this id, or any row: the cache forgets it then. */
  change: <T>(which: string | typeof ANY, run: () => T) => Promise<T>;
};

const ANY = Symbol('any row');

/** Makes ready the table of a declaration and gives the port's words for it. */
export async function openCollection<R extends { id: string }>(
  declaration: Declaration<R>,
  file: { connection: Connection; cache: Cache; reader: Reader; writer: Writer; searches: Searches },
): Promise<Collection<R>> {
  const { name, durability } = declaration;
  const { connection, cache, reader, writer } = file;
  const searches = declaration.searched === true ? file.searches : undefined;
  const checks = createChecks(declaration);
  await makeSchema(declaration, checks, connection);
  const refusal = (error: unknown) => portError(error, name, (index) => fieldOfUnique(name, index));
  const toDisk = durability !== 'process';
  const write = <T>(run: () => T): Promise<T> => writer.write(toDisk, run, refusal);

  const cached = cache.table(name);
  const change: Shared<R>['change'] = (which, run) =>
    write(() => {
      if (which === ANY) cached.forgetAll();
      else cached.forget(which);
      return run();
    });

  const shared = { name: `"${name}"`, checks, connection, cached, reader, searches, write, change };
  return { ...readsOf(shared), ...insertsOf(shared), ...changesOf(shared), ...removalsOf(shared) };
}

function readsOf<R extends { id: string }>(
  shared: Shared<R>,
): Pick<Collection<R>, 'get' | 'find' | 'list' | 'count'> {
  const { name, checks, connection, cached, reader, searches } = shared;
  async function one(field: string, wanted: unknown): Promise<R | undefined> {
    const value = bound(checks.checkKey(field, wanted));
    const look = reader.untilFresh();
    // No wait where there is none: see reader.ts.
    if (look !== undefined) await look;
    const known = cached.get(field, value);
    if (known !== undefined) return known as R;
    const text = `SELECT doc FROM ${name} WHERE ${fieldOf(field)} = ?`;
    return connection.attempt(() => {
      const found = connection.statement(text).get(value);
      return found === undefined ? undefined : (cached.remember(field, value, found.doc as string) as R);
    });
  }

  async function read(sql: Sql, asker: Asker, take: Take): Promise<void> {
    if (searches !== undefined) return searches.read(sql, asker, take);
    const { text, values } = sql;
    await reader.read(() => {
      for (const row of connection.statement(text).iterate(...values)) if (!take(row as FoundRow)) break;
    });
  }

  return {
    get: (id) => one('id', id),
    find: (field, value) => one(field, value),

    async list(listing) {
      const rows: R[] = [];
      const { takes } = listing;
      await read(listingSql(shared, listing), listing, (found) => {
        const row = rowOf<R>(found) as R;
        return takes?.(row) !== false && rows.push(row) > 0;
      });
      return rows;
    },

    async count(where, bounds = {}) {
      let count = 0;
      await read(countSql(shared, where, bounds.most), bounds, ({ rows = 0 }) => {
        count = rows;
        return true;
      });
      return count;
    },
  };
}

function insertsOf<R extends { id: string }>(
  shared: Shared<R>,
): Pick<Collection<R>, 'insert' | 'insertMany' | 'put'> {
  const { name, checks, connection, write, change } = shared;
  const insertion = `INSERT INTO ${name} (id, doc) VALUES (?, ?)`;
  const valuesOf = (row: R): Bound[] => {
    checks.checkRow(row);
    return [row.id, rowToJson(row)];
  };

  return {
    async insert(row) {
      const values = valuesOf(row);
      await write(() => run(shared, insertion, values));
    },

    async insertMany(rows) {
      const all = rows.map(valuesOf);
      if (all.length === 0) return 0;
      const ignoring = `${insertion} ON CONFLICT (id) DO NOTHING`;
      return write(() => {
        // A prepared statement run for each row is faster than one that unfolds all rows from a JSON list.
        const statement = connection.statement(ignoring);
        return all.reduce((added, values) => added + Number(statement.run(...values).changes), 0);
      });
    },

    async put(row) {
      const values = valuesOf(row);
      const replacing = `${insertion} ON CONFLICT (id) DO UPDATE SET doc = excluded.doc`;
      await change(row.id, () => run(shared, replacing, values));
    },
  };
}

function changesOf<R extends { id: string }>(
  shared: Shared<R>,
): Pick<Collection<R>, 'update' | 'updateMany'> {
  const { name, checks, connection, change } = shared;

  return {
    async update(id, wanted, guard = []) {
      const changed = changeSql(checks.checkChange(wanted));
      const { text, values } = whereSql(checks.checkWhere(guard));
      const statement = `UPDATE ${name} SET doc = ${changed.text} WHERE id = ? AND ${text} RETURNING doc`;
      const all = [...changed.values, checks.checkId(id), ...values];
      return change(id, () => rowOf<R>(connection.statement(statement).get(...all)));
    },

    async updateMany(where, wanted) {
      const changed = changeSql(checks.checkChange(wanted));
      const { text, values } = whereSql(checks.checkWhere(where));
      const statement = `UPDATE ${name} SET doc = ${changed.text} WHERE ${text}`;
      return change(ANY, () => run(shared, statement, [...changed.values, ...values]));
    },
  };
}

function removalsOf<R extends { id: string }>(
  shared: Shared<R>,
): Pick<Collection<R>, 'remove' | 'removeMany'> {
  const { name, checks, change } = shared;

  return {
    async remove(id, guard = []) {
      const { text, values } = whereSql(checks.checkWhere(guard));
      const all = [checks.checkId(id), ...values];
      return change(id, () => run(shared, `DELETE FROM ${name} WHERE id = ? AND ${text}`, all) > 0);
    },

    async removeMany(where, limit) {
      const { text, values } = whereSql(checks.checkWhere(where));
      const all = [...values, checks.checkLimit(limit)];
      const statement = `DELETE FROM ${name} WHERE id IN (SELECT id FROM ${name} WHERE ${text} LIMIT ?)`;
      return change(ANY, () => run(shared, statement, all));
    },
  };
}

function run<R extends { id: string }>(shared: Shared<R>, text: string, values: readonly Bound[]): number {
  return Number(shared.connection.statement(text).run(...values).changes);
}

function rowOf<R>(found: unknown): R | undefined {
  return found === undefined ? undefined : frozen(JSON.parse((found as { doc: string }).doc) as R);
}

/** What stands in front of the conditions of a read. */
function firstOf<R extends { id: string }>({ searches }: Shared<R>): Sql[] {
  return searches === undefined ? [] : [IN_TIME];
}

function countSql<R extends { id: string }>(
  shared: Shared<R>,
  where: Where<R>,
  most: CountBounds['most'],
): Sql {
  const { name, checks } = shared;
  const { text, values } = whereSql(checks.checkWhere(where), firstOf(shared));
  if (most === undefined) return { text: `SELECT count(*) AS rows FROM ${name} WHERE ${text}`, values };
  const some = `SELECT 1 FROM ${name} WHERE ${text} LIMIT ?`;
  return { text: `SELECT count(*) AS rows FROM (${some})`, values: [...values, checks.checkLimit(most)] };
}

function listingSql<R extends { id: string }>(shared: Shared<R>, listing: Listing<R>): Sql {
  const { name, checks } = shared;
  const { where = [], after } = listing;
  const orders = checks.checkOrder(listing.order);
  const conditions = checks.checkWhere(where);
  const parts = [whereSql(conditions, firstOf(shared))];
  if (after !== undefined) {
    const places = checks.checkPlaces(after, orders).map((order) => ({
      ...order,
      // Where a condition leaves out the rows without the field already, saying so again would keep SQLite from
      // beginning in the middle of the index.
      optional: checks.isOptional(order.by) && !conditions.some((one) => requires(one, order.by)),
    }));
    parts.push(behindSql(places));
  }
  const { text, values } = allOf(parts);
  // With its own choice SQLite would rather look at every row in the order of ids than sort what an index gives.
  const found = orders.length === 1 && conditions.some((one) => isFound(checks, one));
  const terms = orders
    .map(({ by, descending }) => `${fieldOf(by)} ${descending ? 'DESC' : 'ASC'}`)
    .join(', ');
  const rows = `FROM ${name} WHERE ${text} ORDER BY ${found ? '+' : ''}${terms} LIMIT ?`;
  const bounds = [...values, checks.checkLimit(listing.limit)];
  const skipped = checks.checkLimit(listing.skip ?? 0);
  if (skipped === 0) return { text: `SELECT doc ${rows}`, values: bounds };
  // Sorted by their places, whose order CROSS JOIN keeps: else the documents of all that is passed over are in memory at once.
  const places = `SELECT rowid AS place ${rows} OFFSET ?`;
  return {
    text: `SELECT doc FROM (${places}) CROSS JOIN ${name} ON ${name}.rowid = place`,
    values: [...bounds, skipped],
  };
}

/** The tests that an absent field fails. */
const OF_PRESENT: ReadonlySet<string> = new Set<CheckedCondition['test']>([
  ...(['=', '<', '<=', '>', '>=', 'in'] as const),
  ...(['contains', 'has', 'filled', 'present'] as const),
]);

/** The tests for which an index that begins with the field leads to the rows. */
const OF_INDEX: ReadonlySet<string> = new Set<CheckedCondition['test']>([
  ...(['=', '<', '<=', '>', '>=', 'in', 'present'] as const),
]);

function requires(condition: CheckedCondition, field: string): boolean {
  return 'field' in condition && condition.field === field && OF_PRESENT.has(condition.test);
}

/** Whether the rows that fit are found without looking at all. */
function isFound<R extends { id: string }>(checks: Checks<R>, condition: CheckedCondition): boolean {
  if ('alternatives' in condition)
    return (
      condition.test === 'any' &&
      condition.alternatives.every((all) => all.some((one) => isFound(checks, one)))
    );
  return OF_INDEX.has(condition.test) && checks.leadsIndex(condition.field);
}
