import { type Asker, CONDITIONS_MAX, type Order, type Where } from '../../adapters/port.ts';
import { Problem } from '../ground/errors.ts';
import type { Operand, Test } from './expressions.ts';
import { requireFit, requireOrder } from './field-tests.ts';
import { fieldsOf, type Privacy } from './privacy.ts';
import type { StoredRecord } from './record.ts';
import { allOf, implies, NOBODY, oppositeOf, type Resolved, resolve } from './resolve.ts';
import type { OpenType } from './rows.ts';
import { notConstrainable, notSortedLater } from './rule-refusals.ts';
import { type DataType, kindsOf } from './type.ts';

/** Lists and counts under the rules of a type: a constraint, and an order, tells nothing of what the caller may not ask for. */

/** One thing that a list is narrowed down by; the value is of the field's kind. */
export type Constraint = { field: string; test: Test; value?: unknown };

/** Part of a list. */
export type Wanted = {
  constraints: readonly Constraint[];
  order: readonly { by: string; descending: boolean }[];
  /** So many records are passed over first. */
  skip: number;
  limit: number;
  /** Asked of each record in turn: the list ends before the first for which it answers no. */
  takes?: (row: StoredRecord) => boolean;
};

/** What a caller may do with the records of a type. */
type Rights = { type: DataType; privacy: Privacy };

type Rows = OpenType['rows'];

/** One page under the rules. */
export function listRecords(
  rows: Rows,
  rights: Rights,
  wanted: Wanted,
  asker: Asker,
): Promise<StoredRecord[]> {
  const where = narrowed(wanted.constraints, rights);
  return listed(rows, segmentsOf(wanted, where, rights), wanted, asker);
}

/** How many there are under the rules. */
export function countRecords(
  rows: Rows,
  rights: Rights,
  constraints: readonly Constraint[],
  asker: Asker,
): Promise<number> {
  const where = narrowed(constraints, rights);
  return where === false ? Promise.resolve(0) : rows.count(whereOf(where), asker);
}

/** A constraint counts only where a rule lets the caller constrain its field. */
function narrowed(constraints: readonly Constraint[], rights: Rights): Resolved {
  const { type, privacy } = rights;
  const kinds = kindsOf(type);
  const where = constraints.map(({ field }) => whereConstrainable(field, rights));
  const parts = constraints.map(({ field, test, value }): Resolved => {
    requireFit(kinds, { field, test, value });
    return resolve({ left: { record: field }, test, right: value as Operand | undefined }, NOBODY, kinds);
  });
  const different = new Map(where.map((part) => [JSON.stringify(part), part]));
  return allOf([privacy.found, ...different.values(), ...parts]);
}

/** Where a constraint on the field counts, among the records that are found: mostly one rule gives both. */
export function constrainableAmong({ found, constrainable }: Privacy, field: string): Resolved {
  const part = constrainable(field);
  return part !== false && implies(found, part) ? true : part;
}

/** The same. Throws 403 where it counts in no record. */
function whereConstrainable(field: string, { type, privacy }: Rights): Exclude<Resolved, false> {
  const part = constrainableAmong(privacy, field);
  if (part !== false) return part;
  const others = fieldsOf(type).filter((one) => constrainableAmong(privacy, one) !== false);
  throw notConstrainable({ type: type.name }, field, others);
}

type Segment = { where: Where<StoredRecord>; order: readonly Order<StoredRecord>[] };

/**
 * Lists that make the wanted one when they are put behind each other. Where the caller may constrain the first field of
 * the order in some records only, the others are ordered as if they lacked it. A later field could not be
 * split off so: it must be one that may be constrained in all of them that are found.
 */
function segmentsOf({ order }: Wanted, where: Resolved, rights: Rights): Segment[] {
  const allowed = order.map(({ by }, index) => {
    const part = whereConstrainable(by, rights);
    if (index > 0 && part !== true) throw notSortedLater({ type: rights.type.name }, by);
    requireOrder(kindsOf(rights.type), by);
    return part;
  });
  const [first, ...others] = order as readonly Order<StoredRecord>[];
  const [part = true] = allowed;
  if (first === undefined || part === true) return segment(where, order as readonly Order<StoredRecord>[]);
  const isThere: Resolved = [[first.by, 'present']];
  const with_ = segment(allOf([where, part, isThere]), [first, ...others]);
  // Where nothing else orders them, ids do, in the direction of the whole.
  const tied = others.length > 0 ? others : [{ ...first, by: 'id' }];
  const without = segment(allOf([where, oppositeOf(allOf([part, isThere]))]), tied);
  return first.descending === true ? [...with_, ...without] : [...without, ...with_];
}

function segment(where: Resolved, order: readonly Order<StoredRecord>[]): Segment[] {
  return where === false ? [] : [{ where: whereOf(where), order }];
}

function whereOf(resolved: Exclude<Resolved, false>): Where<StoredRecord> {
  const where = resolved === true ? [] : resolved;
  if (conditionsIn(where) > CONDITIONS_MAX) throw tooManyConditions();
  return where;
}

/** As the store counts them: each condition, and each alternative. */
function conditionsIn(where: Where<StoredRecord>): number {
  return where.reduce((sum, condition) => {
    const alternatives: unknown = condition[1];
    if (!Array.isArray(alternatives)) return sum + 1;
    return alternatives.reduce((all, one) => all + 1 + conditionsIn(one), sum + 1);
  }, 0);
}

/** Each constraint brings the rules that let the caller constrain its field. */
function tooManyConditions(): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_DATA',
    message: 'These constraints, with the rules that they bring, are more than one question may hold.',
    hint: 'Send fewer constraints, or sort by another field.',
  });
}

async function listed(
  rows: Rows,
  segments: readonly Segment[],
  wanted: Pick<Wanted, 'skip' | 'limit' | 'takes'>,
  asker: Asker,
): Promise<StoredRecord[]> {
  const found: StoredRecord[] = [];
  let isOver = false;
  const takes = (row: StoredRecord): boolean => {
    isOver = wanted.takes?.(row) === false;
    return !isOver;
  };
  let { skip } = wanted;
  for (const [index, { where, order }] of segments.entries()) {
    const limit = wanted.limit - found.length;
    if (limit === 0 || isOver) break;
    const bound = wanted.takes === undefined ? {} : { takes };
    const some = await rows.list({ where, order, skip, limit, ...asker, ...bound });
    found.push(...some);
    const isLast = index === segments.length - 1;
    if (some.length > 0) skip = 0;
    else if (!isLast && skip > 0) skip -= Math.min(skip, await rows.count(where, asker));
  }
  return found;
}
