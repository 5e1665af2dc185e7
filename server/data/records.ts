import { type Change, CONDITIONS_MAX, type Collection, type Order, type Where } from '../../adapters/port.ts';
import type { Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import { newId } from '../ground/opaque.ts';
import type { Operand, Test } from './expressions.ts';
import { fits, requireFit, requireOrder } from './field-tests.ts';
import { fieldsOf, meets, type Privacy } from './privacy.ts';
import type { SeenRecord, StoredRecord } from './record.ts';
import { allOf, implies, NOBODY, oppositeOf, type Resolved, resolve } from './resolve.ts';
import type { OpenType } from './rows.ts';
import { notAllowed, notChangeable, notConstrainable, notMakable, notSortedLater } from './rule-refusals.ts';
import { type DataType, kindsOf } from './type.ts';

/** One thing that a list is narrowed down by; the value is of the field's kind. */
export type Constraint = { field: string; test: Test; value?: unknown };

export type Wanted = {
  constraints: readonly Constraint[];
  order: readonly { by: string; descending: boolean }[];
  /** So many records are passed over first. */
  skip: number;
  limit: number;
  /** Asked of each record in turn: the list ends before the first for which it answers no. */
  takes?: (row: StoredRecord) => boolean;
};

/** The records of one type as one caller sees them. */
export type Records = ReturnType<typeof createRecords>;

/**
 * Reads under the rules of the type, and holds changes to them. What the rules hide is as if it were not there: in lists,
 * counts, orders and the words of a refusal. Constraints and orders on a field that the caller may not constrain are
 * refused by its name.
 */
export function createRecords(
  { type, rows }: OpenType,
  privacy: Privacy,
  {
    clock,
    ...asked
  }: {
    clock: Clock;
    /** Those of the type for this caller, also where it passes them. */
    rules: Privacy;
    /** Who asks, among all for whom the store looks through records. */
    whose: string;
  },
) {
  return { type, ...readsOf(type, privacy, { rows, ...asked }), ...writesOf(type, privacy, clock) };
}

function readsOf(
  type: DataType,
  privacy: Privacy,
  { rows, rules, whose }: { rows: OpenType['rows']; rules: Privacy; whose: string },
) {
  const rights: Rights = { type, privacy };
  // What the store keeps beside them is nobody's business.
  const shown = new Set(fieldsOf(type));
  const seen = (row: StoredRecord): SeenRecord => {
    const maySee = privacy.maySeeIn(row);
    const fields = Object.entries(row).filter(([field]) => shown.has(field) && maySee(field));
    return Object.fromEntries(fields) as SeenRecord;
  };

  return {
    /** One page. Each record as it is stored: what the caller may see of it, `seen` tells. */
    list(wanted: Wanted): Promise<StoredRecord[]> {
      const where = narrowed(wanted.constraints, rights);
      return listed(rows, segmentsOf(wanted, where, rights), { ...wanted, whose });
    },

    /** How many there are. */
    count(constraints: readonly Constraint[]): Promise<number> {
      const where = narrowed(constraints, rights);
      return where === false ? Promise.resolve(0) : rows.count(whereOf(where), { whose });
    },

    /** Undefined where there is none, or none for this caller. */
    async get(id: string): Promise<StoredRecord | undefined> {
      const row = await rows.get(id);
      return row !== undefined && meets(row, privacy.there) ? row : undefined;
    },

    /** Whether it is there for this caller. */
    isThere: (row: StoredRecord): boolean => meets(row, privacy.there),

    /** The record with the fields that this caller may see. */
    seen,

    /** Whether this caller may see the field of the record, also where it is absent. */
    maySee: (row: StoredRecord, field: string): boolean => privacy.maySeeIn(row)(field),

    /** Whether the caller passes the rules. */
    passes: privacy !== rules,

    /** How many of these the rules would have hidden, where the caller passes them. */
    hiddenAmong: (some: readonly StoredRecord[]): number =>
      some.filter((row) => !meets(row, rules.there)).length,

    /** Whether lists may be narrowed down and sorted by this field: in all records that they have, in some of them, or not at all. */
    constrains: (field: string): 'all' | 'some' | 'none' => extentOf(constrainableAmong(privacy, field)),
  };
}

function writesOf(type: DataType, privacy: Privacy, clock: Clock) {
  const named = ({ id }: StoredRecord) => ({ type: type.name, id });

  return {
    /** Whether the caller may change the field, as far as the record as it is goes. */
    mayChange: (row: StoredRecord, field: string): boolean => privacy.mayChange(row, field),

    /** A new record of these fields, which fit the type. Throws 403 where no rule lets the caller make it. */
    made(
      fields: Readonly<Record<string, unknown>>,
      own: { id?: string; createdAt?: number; createdBy: string | undefined },
    ): StoredRecord {
      const now = own.createdAt ?? clock();
      const row = {
        ...written(type, fields),
        id: newId('obj_'),
        ...own,
        createdAt: now,
        modifiedAt: now,
      };
      if (!privacy.mayCreate(row)) throw notMakable({ type: type.name }, privacy.mayEverCreate);
      return row;
    },

    /**
     * The change that makes these of the record's fields (undefined: none), and the guard under which it may be written.
     * Throws 403 where the rules do not allow it, for the record as it is or as it would be.
     */
    changed(
      row: StoredRecord,
      fields: Readonly<Record<string, unknown>>,
    ): { change: Change<StoredRecord>; guard: Where<StoredRecord> } {
      const version = (row.version ?? 0) + 1;
      const set = { ...written(type, fields), modifiedAt: clock(), version };
      const next: StoredRecord = { ...row, ...set };
      for (const field of Object.keys(fields)) {
        if (!privacy.mayChange(row, field) || !privacy.mayChange(next, field))
          throw notChangeable(named(row), field);
      }
      // A change of nothing is one too: it would show in the time of the last one.
      const mayChangeSome = Object.keys(type.fields).some((field) => privacy.mayChange(row, field));
      if (!mayChangeSome) throw notAllowed(named(row), 'change');
      return { change: { set }, guard: asSeen(row) };
    },

    /** The guard that holds while nobody has changed the record since it was read. */
    asSeen,

    /** The guard under which the record may be removed. Throws 403 where no rule lets the caller do it. */
    removed(row: StoredRecord): { guard: Where<StoredRecord> } {
      if (!privacy.mayRemove(row)) throw notAllowed(named(row), 'delete');
      // What the row still carries of an earlier change would go down with it.
      return { guard: [...asSeen(row), ['pendingId', 'absent']] };
    },
  };
}

/**
 * The fields as they will be stored, for rules to be held to: in a text, halves of surrogate pairs become U+FFFD. They come
 * from where owner's code runs or from a caller, and were checked there: what is no field of the type, or cannot be
 * in it, is a mistake of ours.
 */
function written(type: DataType, fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const kinds = kindsOf(type);
  for (const [field, value] of Object.entries(fields)) {
    const schema = Object.hasOwn(type.fields, field) ? type.fields[field] : undefined;
    const isFit =
      value === undefined
        ? schema?.safeParse(value).success
        : schema !== undefined && fits(kinds.get(field) ?? 'other', value);
    if (isFit !== true) throw new TypeError(`${type.name}: ${field} cannot hold that`);
  }
  return Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, wellFormed(value)]));
}

function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name.toWellFormed(), wellFormed(one)]),
  );
}

function extentOf(where: Resolved): 'all' | 'some' | 'none' {
  if (where === false) return 'none';
  return where === true ? 'all' : 'some';
}

function asSeen({ version }: StoredRecord): Where<StoredRecord> {
  return [version === undefined ? ['version', 'absent'] : ['version', '=', version]];
}

/** What a caller may do with the records of a type. */
type Rights = { type: DataType; privacy: Privacy };

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
function constrainableAmong({ found, constrainable }: Privacy, field: string): Resolved {
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
  rows: Collection<StoredRecord>,
  segments: readonly Segment[],
  wanted: Pick<Wanted, 'skip' | 'limit' | 'takes'> & { whose: string },
): Promise<StoredRecord[]> {
  const found: StoredRecord[] = [];
  let isOver = false;
  const takes = (row: StoredRecord): boolean => {
    isOver = wanted.takes?.(row) === false;
    return !isOver;
  };
  const { whose } = wanted;
  let { skip } = wanted;
  for (const [index, { where, order }] of segments.entries()) {
    const limit = wanted.limit - found.length;
    if (limit === 0 || isOver) break;
    const bound = wanted.takes === undefined ? {} : { takes };
    const some = await rows.list({ where, order, skip, limit, whose, ...bound });
    found.push(...some);
    const isLast = index === segments.length - 1;
    if (some.length > 0) skip = 0;
    else if (!isLast && skip > 0) skip -= Math.min(skip, await rows.count(where, { whose }));
  }
  return found;
}
