import { type CheckedCondition, type Checks, createChecks } from '../checks.ts';
import { frozen } from '../frozen.ts';
import { rowToJson } from '../json-text.ts';
import type { Collection, Declaration, Listing, Where } from '../port.ts';
import type { Cache, CachedTable } from './cache.ts';
import type { Connection } from './connection.ts';
import { portError } from './failures.ts';
import {
  allOf,
  type Bound,
  behindSql,
  bound,
  changeSql,
  conditionSql,
  fieldOf,
  type Sql,
} from './queries.ts';
import type { Reader } from './reader.ts';
import { fieldOfUnique, makeSchema } from './schema.ts';
import type { Writer } from './writer.ts';

/** What the methods of one collection share. */
type Shared<R extends { id: string }> = {
  /** Quoted, as it stands in SQL. */
  name: string;
  checks: Checks<R>;
  connection: Connection;
  cached: CachedTable;
  reader: Reader;
  /** Queues what adds rows. */
  write: <T>(run: () => T) => Promise<T>;
  /** Queues what changes or removes the row of this id, or any row: the cache forgets it then. */
  change: <T>(which: string | typeof ANY, run: () => T) => Promise<T>;
};

const ANY = Symbol('any row');

/** Makes ready the table of a declaration and gives the port's words for it. */
export async function openCollection<R extends { id: string }>(
  declaration: Declaration<R>,
  file: { connection: Connection; cache: Cache; reader: Reader; writer: Writer },
): Promise<Collection<R>> {
  const { name, durability } = declaration;
  const { connection, cache, reader, writer } = file;
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

  const shared = { name: `"${name}"`, checks, connection, cached, reader, write, change };
  return { ...readsOf(shared), ...insertsOf(shared), ...changesOf(shared), ...removalsOf(shared) };
}

function readsOf<R extends { id: string }>(
  shared: Shared<R>,
): Pick<Collection<R>, 'get' | 'find' | 'list' | 'count'> {
  const { name, checks, connection, cached, reader } = shared;
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

  return {
    get: (id) => one('id', id),
    find: (field, value) => one(field, value),

    async list(listing) {
      const { text, values } = listingSql(shared, listing);
      const { takes } = listing;
      return reader.read(() => {
        const statement = connection.statement(text);
        if (takes !== undefined) return taken<R>(statement.iterate(...values), takes);
        return statement.all(...values).map((found) => rowOf<R>(found) as R);
      });
    },

    async count(where, most) {
      const { text, values } = whereSql(shared, where);
      const some = most === undefined ? undefined : `(SELECT 1 FROM ${name} WHERE ${text} LIMIT ?)`;
      const statement = `SELECT count(*) AS rows FROM ${some ?? `${name} WHERE ${text}`}`;
      const bound = most === undefined ? values : [...values, most];
      return reader.read(() => connection.statement(statement).get(...bound)?.rows as number);
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
      const { text, values } = whereSql(shared, guard);
      const statement = `UPDATE ${name} SET doc = ${changed.text} WHERE id = ? AND ${text} RETURNING doc`;
      const all = [...changed.values, checks.checkId(id), ...values];
      return change(id, () => rowOf<R>(connection.statement(statement).get(...all)));
    },

    async updateMany(where, wanted) {
      const changed = changeSql(checks.checkChange(wanted));
      const { text, values } = whereSql(shared, where);
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
      const { text, values } = whereSql(shared, guard);
      const all = [checks.checkId(id), ...values];
      return change(id, () => run(shared, `DELETE FROM ${name} WHERE id = ? AND ${text}`, all) > 0);
    },

    async removeMany(where, limit) {
      const { text, values } = whereSql(shared, where);
      const all = [...values, checks.checkLimit(limit)];
      const statement = `DELETE FROM ${name} WHERE id IN (SELECT id FROM ${name} WHERE ${text} LIMIT ?)`;
      return change(ANY, () => run(shared, statement, all));
    },
  };
}

function run<R extends { id: string }>(shared: Shared<R>, text: string, values: readonly Bound[]): number {
  return Number(shared.connection.statement(text).run(...values).changes);
}

function taken<R>(found: Iterable<unknown>, takes: (row: R) => boolean): R[] {
  const rows: R[] = [];
  for (const one of found) {
    const row = rowOf<R>(one) as R;
    if (!takes(row)) break;
    rows.push(row);
  }
  return rows;
}

function rowOf<R>(found: unknown): R | undefined {
  return found === undefined ? undefined : frozen(JSON.parse((found as { doc: string }).doc) as R);
}

function whereSql<R extends { id: string }>(shared: Shared<R>, where: Where<R>): Sql {
  return allOf(shared.checks.checkWhere(where).map(conditionSql));
}

function listingSql<R extends { id: string }>(shared: Shared<R>, listing: Listing<R>): Sql {
  const { name, checks } = shared;
  const { where = [], after } = listing;
  const orders = checks.checkOrder(listing.order);
  const conditions = checks.checkWhere(where);
  const parts = conditions.map(conditionSql);
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
  const skipped = checks.checkLimit(listing.skip ?? 0);
  return {
    text: `SELECT doc FROM ${name} WHERE ${text} ORDER BY ${found ? '+' : ''}${terms} LIMIT ?${skipped > 0 ? ' OFFSET ?' : ''}`,
    values: [...values, checks.checkLimit(listing.limit), ...(skipped > 0 ? [skipped] : [])],
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
