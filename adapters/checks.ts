import type { z } from 'zod';
import {
  type Change,
  CONDITIONS_MAX,
  CONTAINED_LENGTH_MAX,
  type Declaration,
  isScalar,
  type Listing,
  type Order,
  type Scalar,
  type Where,
} from './port.ts';

/**
 * What both engines hold a caller to before anything reaches a database: rows fit their schema, fields are
 * the declaration's own, and conditions compare with scalars only, so that no object (`{"$ne": null}`) can
 * pass for an operator. Whatever is refused here is a mistake of ours, hence a TypeError; values are never
 * repeated in it.
 */
export type Checks<R extends { id: string }> = ReturnType<typeof createChecks<R>>;

/** A change with its parts apart and `undefined` moved to where it belongs. */
export type CheckedChange = {
  set: [field: string, value: unknown][];
  unset: string[];
  add: [field: string, by: number][];
};

/**
 * A condition as an engine reads it. It is `sure` where the schema leaves the field no other kind than that of the value
 * it is compared with, so that an engine in which some values of different kinds are equal need not look.
 */
export type CheckedCondition =
  | { test: 'any' | 'none'; alternatives: CheckedCondition[][] }
  | { test: 'absent' | 'present' | 'empty' | 'filled'; field: string }
  | { test: 'in' | 'not in'; field: string; values: readonly Scalar[]; sure: boolean }
  | { test: 'contains' | 'lacks'; field: string; value: string; sure: boolean }
  | { test: 'has' | 'has not'; field: string; value: Scalar }
  | { test: Comparison; field: string; value: Scalar; sure: boolean };

export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=';

const COMPARISONS: ReadonlySet<unknown> = new Set<Comparison>(['=', '!=', '<', '<=', '>', '>=']);

/** One step of an order; the last is always that of the id. */
export type CheckedOrder = { by: string; descending: boolean };

/** Each level of `any` is four in a filter of MongoDB, which takes a hundred. */
const ANY_LEVELS_MAX = 16;

const ORDERS_MAX = 16;

/** Names go into JSON paths and index definitions as they are, so only plain ones are allowed. */
const PLAIN_NAME = /^[A-Za-z][A-Za-z0-9_]*$/;

/** SQLite's JSON functions stop at 1000 levels; people's data does not come near. */
const NESTING_MAX = 500;

export function createChecks<R extends { id: string }>(declaration: Declaration<R>) {
  const { schema, unique = [] } = declaration;
  const fields = createFields(declaration);
  const { refuse, checkField, checkScalar } = fields;
  const checkId = (id: unknown): string => (typeof id === 'string' ? id : refuse('an id that is no text'));

  return {
    ...fields,
    checkId,

    checkRow(row: R): void {
      const fault = schema.safeParse(row).error?.issues[0];
      if (fault !== undefined) refuse(`the row does not fit: ${fault.path.join('.')} (${fault.code})`);
      if (isDeeper(row, NESTING_MAX)) refuse('the row is nested too deep');
    },

    checkWhere(where: Where<R>): CheckedCondition[] {
      return checkedWhere(fields, where, { levels: ANY_LEVELS_MAX, room: { left: CONDITIONS_MAX } });
    },

    checkOrder(order: Listing<R>['order'] = []): CheckedOrder[] {
      return checkedOrder(fields, order);
    },

    /** The values by which a row stands in an order, each with whether the field holds no other kind. */
    checkPlaces(row: R, orders: readonly CheckedOrder[]) {
      return orders.map((order) => {
        const found: unknown = row[order.by as keyof R];
        if (order.by === 'id') return { ...order, value: checkId(found), sure: true };
        if (found === undefined) return { ...order, value: undefined, sure: false };
        const value = checkScalar(order.by, found);
        return { ...order, value, sure: fields.isSure(order.by, value) };
      });
    },

    /** The value of a field by which a row can be found: its id or a unique field. */
    checkKey(field: string, value: unknown): Scalar {
      const key = checkField(field);
      if (key === 'id') return checkId(value);
      if (!(unique as readonly string[]).includes(key)) refuse(`${key} is not unique`);
      return checkScalar(key, value);
    },

    checkLimit(limit: number): number {
      return Number.isSafeInteger(limit) && limit >= 0 ? limit : refuse('a limit is a whole number');
    },

    checkChange(change: Change<R>): CheckedChange {
      return checkedChange(fields, change);
    },
  };
}

type Fields = ReturnType<typeof createFields>;

/** What is known of a declaration's fields. */
function createFields<R extends { id: string }>(declaration: Declaration<R>) {
  const { name, schema, unique = [], indexes = [], mixed = [], committed } = declaration;
  const shapes: Readonly<Record<string, Declaration<R>['schema']['shape'][string]>> = schema.shape;
  const refuse = (what: string): never => {
    throw new TypeError(`${name}: ${what}`);
  };

  function checkField(field: unknown): string {
    if (typeof field !== 'string' || !Object.hasOwn(shapes, field)) refuse('a field that is not declared');
    return field as string;
  }

  const optional = new Set<string>();
  const leading = new Set<string | undefined>([...unique, ...indexes.map(([first]) => first)]);
  for (const word of [name, ...Object.keys(shapes)])
    if (!PLAIN_NAME.test(word)) refuse(`${word} is no plain name`);
  for (const field of [...unique, ...indexes.flat()]) checkField(field);
  const kinds = new Map<string, string | undefined>();
  for (const [field, shape] of Object.entries(shapes)) {
    if (shape.safeParse(undefined).success) optional.add(field);
    kinds.set(field, (mixed as readonly string[]).includes(field) ? undefined : kindOf(shape));
  }

  return {
    refuse,
    checkField,
    isOptional: (field: string) => optional.has(field),
    /** Whether the field holds nothing of another kind than this value. */
    isSure: (field: string, value: Scalar) => kinds.get(field) === typeof value,
    /** Whether its values are taken before they are written: by a commit, which must know them then. */
    isTakenFirst: (field: string) => committed === true && (unique as readonly string[]).includes(field),
    /** Whether rows with a certain value of the field are found without looking at all. */
    leadsIndex: (field: string) => leading.has(field),

    checkScalar(field: string, value: unknown): Scalar {
      return isScalar(value)
        ? value
        : refuse(`${field} can only be compared with text, numbers and booleans`);
    },

    checkValue(field: string, value: unknown): void {
      if (shapes[checkField(field)]?.safeParse(value).success !== true)
        refuse(`${field}: the value does not fit`);
      if (isDeeper(value, NESTING_MAX)) refuse(`${field}: the value is nested too deep`);
    },
  };
}

/** How much may still come: lists within lists, and conditions and alternatives in all. */
type Bounds = { levels: number; room: { left: number } };

function checkedWhere(fields: Fields, where: unknown, bounds: Bounds): CheckedCondition[] {
  const { refuse } = fields;
  if (!Array.isArray(where)) refuse('conditions that are no list');
  return (where as readonly unknown[]).map((condition) => {
    takeRoom(fields, bounds);
    if (!Array.isArray(condition)) refuse('a condition that is no list');
    const parts = condition as readonly unknown[];
    return Array.isArray(parts[1]) ? checkedAny(fields, parts, bounds) : checkedTest(fields, parts);
  });
}

function takeRoom({ refuse }: Fields, { room }: Bounds): void {
  room.left -= 1;
  if (room.left < 0) refuse(`more than ${CONDITIONS_MAX} conditions`);
}

function checkedAny(fields: Fields, parts: readonly unknown[], bounds: Bounds): CheckedCondition {
  const [test, alternatives] = parts;
  if ((test !== 'any' && test !== 'none') || parts.length !== 2)
    return fields.refuse('a list where a test should be');
  const levels = bounds.levels - 1;
  if (levels < 0) fields.refuse('"any" is nested too deep');
  return {
    test,
    alternatives: (alternatives as readonly unknown[]).map((one) => {
      takeRoom(fields, bounds);
      return checkedWhere(fields, one, { ...bounds, levels });
    }),
  };
}

function checkedTest(fields: Fields, [name, test, value]: readonly unknown[]): CheckedCondition {
  const { refuse, checkField, checkScalar, isSure } = fields;
  const field = checkField(name);
  switch (test) {
    case 'absent':
    case 'present':
    case 'empty':
    case 'filled':
      return { test, field };
    case 'in':
    case 'not in': {
      const given: readonly unknown[] = Array.isArray(value) ? value : refuse(`${field}: "in" wants a list`);
      const values = given.map((one) => checkScalar(field, one));
      return { test, field, values, sure: values.every((one) => isSure(field, one)) };
    }
    case 'contains':
    case 'lacks':
      if (typeof value !== 'string') return refuse(`${field}: what it contains is text`);
      if (value.length > CONTAINED_LENGTH_MAX)
        refuse(`${field}: more than ${CONTAINED_LENGTH_MAX} characters to look for`);
      return { test, field, value, sure: isSure(field, value) };
    case 'has':
    case 'has not':
      return { test, field, value: checkScalar(field, value) };
  }
  if (!COMPARISONS.has(test)) refuse(`${field}: no such comparison`);
  const wanted = checkScalar(field, value);
  return { test: test as Comparison, field, value: wanted, sure: isSure(field, wanted) };
}

/** What stands behind the id, or names a field again, decides nothing. */
function checkedOrder<R>(fields: Fields, order: Order<R> | readonly Order<R>[]): CheckedOrder[] {
  const { refuse, checkField } = fields;
  const given: readonly Order<R>[] = Array.isArray(order) ? order : [order];
  if (given.length > ORDERS_MAX) refuse(`more than ${ORDERS_MAX} orders`);
  const all = given.map((one) => ({ by: checkField(one.by), descending: one.descending === true }));
  const last = { by: 'id', descending: all.at(-1)?.descending ?? false };
  const steps = new Map<string, CheckedOrder>();
  for (const one of [...all, last]) {
    if (!steps.has(one.by) && !steps.has('id')) steps.set(one.by, one);
  }
  return [...steps.values()];
}

function checkedChange<R>(fields: Fields, change: Change<R>): CheckedChange {
  const { refuse, checkField, checkValue, isOptional, isTakenFirst } = fields;
  const checked: CheckedChange = { set: [], unset: [], add: [] };
  const named = new Set(['id']);
  const once = (field: string): string => {
    if (named.has(field)) refuse('a change names a field once, and never the id');
    named.add(field);
    return checkField(field);
  };
  const remove = (field: string): void => {
    if (!isOptional(once(field))) refuse(`${field} cannot be removed`);
    checked.unset.push(field);
  };

  for (const field of change.unset ?? []) remove(field);
  for (const [field, value] of Object.entries(change.set ?? {})) {
    if (value === null) checkValue(field, value);
    if (value === undefined || value === null) {
      remove(field);
      continue;
    }
    checkValue(once(field), value);
    checked.set.push([field, value]);
  }
  for (const [field, by] of Object.entries<unknown>(change.add ?? {})) {
    if (!Number.isFinite(by)) refuse(`${field}: no number to add`);
    if (isTakenFirst(field)) refuse(`${field} is unique in what may be committed: it is set, not added to`);
    checked.add.push([once(field), by as number]);
  }
  return checked;
}

/** The one kind of scalar that a schema lets through, if it is one that is plain to see. */
function kindOf(schema: z.core.$ZodType | undefined): string | undefined {
  if (schema === undefined) return undefined;
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'optional':
    case 'readonly':
      return kindOf(def.innerType);
    case 'string':
    case 'number':
    case 'boolean':
      return def.type;
    case 'enum':
      return onlyKind(Object.values(def.entries));
    case 'literal':
      return onlyKind(def.values);
    default:
      return undefined;
  }
}

function onlyKind(values: readonly unknown[]): string | undefined {
  const kinds = new Set(values.map((value) => typeof value));
  return kinds.size === 1 ? [...kinds][0] : undefined;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  for (const name in value) if (isDeeper(value[name as keyof object], levels - 1)) return true;
  return false;
}
