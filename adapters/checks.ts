import type { Change, Condition, Declaration, Scalar, Where } from './port.ts';

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

/** A condition as an engine reads it. */
export type CheckedCondition =
  | { field: string; test: 'absent' | 'present' }
  | { field: string; test: 'in'; values: readonly Scalar[] }
  | { field: string; test: Comparison; value: Scalar };

export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=';

const COMPARISONS: ReadonlySet<string> = new Set<Comparison>(['=', '!=', '<', '<=', '>', '>=']);

/** Names go into JSON paths and index definitions as they are, so only plain ones are allowed. */
const PLAIN_NAME = /^[A-Za-z][A-Za-z0-9_]*$/;

/** SQLite's JSON functions stop at 1000 levels; people's data does not come near. */
const NESTING_MAX = 500;

export function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}

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
      if (!Array.isArray(where)) refuse('conditions that are no list');
      return where.map((condition: Condition<R>) => checkedCondition(fields, condition));
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
  const { name, schema, unique = [], indexes = [] } = declaration;
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
  for (const [field, shape] of Object.entries(shapes))
    if (shape.safeParse(undefined).success) optional.add(field);

  return {
    refuse,
    checkField,
    isOptional: (field: string) => optional.has(field),
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

function checkedCondition<R>(fields: Fields, condition: Condition<R>): CheckedCondition {
  const { refuse, checkField, checkScalar } = fields;
  if (!Array.isArray(condition)) refuse('a condition that is no list');
  const [name, test, value] = condition as readonly unknown[];
  const field = checkField(name);
  if (test === 'absent' || test === 'present') return { field, test };
  if (test === 'in') {
    const values = Array.isArray(value) ? value : refuse(`${field}: "in" wants a list`);
    return { field, test, values: values.map((one: unknown) => checkScalar(field, one)) };
  }
  if (!COMPARISONS.has(test as string)) refuse(`${field}: no such comparison`);
  return { field, test: test as Comparison, value: checkScalar(field, value) };
}

function checkedChange<R>(fields: Fields, change: Change<R>): CheckedChange {
  const { refuse, checkField, checkValue, isOptional } = fields;
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
    if (value === undefined) {
      remove(field);
      continue;
    }
    checkValue(once(field), value);
    checked.set.push([field, value]);
  }
  for (const [field, by] of Object.entries<unknown>(change.add ?? {})) {
    if (!Number.isFinite(by)) refuse(`${field}: no number to add`);
    checked.add.push([once(field), by as number]);
  }
  return checked;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  for (const name in value) if (isDeeper(value[name as keyof object], levels - 1)) return true;
  return false;
}
