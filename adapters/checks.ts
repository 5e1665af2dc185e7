import type { Change, Condition, Declaration, Scalar, Where } from './port.ts';

/**
 * What both engines hold a caller to before anything reaches a database: rows fit their schema, fields are the
 * declaration's own, and conditions compare with scalars only, so that no object (`{"$ne": null}`) can pass for
 * an operator. Whatever is refused here is a mistake of ours, hence a TypeError; values are never repeated in it.
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
  const { name, schema } = declaration;
  const { shape } = schema;
  const optional = new Set<string>();
  const refuse = (what: string): never => {
    throw new TypeError(`${name}: ${what}`);
  };

  if (!PLAIN_NAME.test(name)) refuse('is no plain name');
  for (const [field, fieldSchema] of Object.entries(shape)) {
    if (!PLAIN_NAME.test(field)) refuse(`${field} is no plain field name`);
    if (fieldSchema.safeParse(undefined).success) optional.add(field);
  }
  const { unique = [], indexes = [] } = declaration;
  for (const field of [...unique, ...indexes.flat()]) checkField(field);
  const leading = new Set<string | undefined>([...unique, ...indexes.map(([first]) => first)]);

  function checkField(field: unknown): string {
    if (typeof field !== 'string' || !Object.hasOwn(shape, field)) refuse('a field that is not declared');
    return field as string;
  }

  function checkScalar(field: string, value: unknown): Scalar {
    return isScalar(value) ? value : refuse(`${field} can only be compared with text, numbers and booleans`);
  }

  function checkCondition(condition: Condition<R>): CheckedCondition {
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

  return {
    checkField,
    checkScalar,
    isOptional: (field: string) => optional.has(field),
    /** Whether rows with a certain value of the field are found without looking at all. */
    leadsIndex: (field: string) => leading.has(field),

    checkId(id: unknown): string {
      return typeof id === 'string' ? id : refuse('an id that is no text');
    },

    checkRow(row: R): void {
      const result = schema.safeParse(row);
      const fault = result.error?.issues[0];
      if (fault !== undefined) refuse(`the row does not fit: ${fault.path.join('.')} (${fault.code})`);
      if (isDeeper(row, NESTING_MAX)) refuse('the row is nested too deep');
    },

    checkWhere(where: Where<R>): CheckedCondition[] {
      if (!Array.isArray(where)) refuse('conditions that are no list');
      return where.map(checkCondition);
    },

    /** The value of a field by which a row can be found: its id or a unique field. */
    checkKey(field: string, value: unknown): Scalar {
      if (field !== 'id' && !(unique as readonly string[]).includes(field)) {
        refuse(`${field} is not unique`);
      }
      return checkScalar(field, value);
    },

    checkLimit(limit: number): number {
      return Number.isSafeInteger(limit) && limit >= 0 ? limit : refuse('a limit is a whole number');
    },

    checkChange(change: Change<R>): CheckedChange {
      const checked: CheckedChange = { set: [], unset: [...(change.unset ?? [])], add: [] };
      for (const [field, value] of Object.entries(change.set ?? {})) {
        if (value === undefined) checked.unset.push(field);
        else checked.set.push([field, value]);
      }
      for (const [field, by] of Object.entries<number | undefined>(change.add ?? {})) {
        checked.add.push([
          field,
          Number.isFinite(by) ? (by as number) : refuse(`${field}: no number to add`),
        ]);
      }
      for (const field of checked.unset) if (!optional.has(field)) refuse(`${field} cannot be removed`);
      for (const [field, value] of checked.set) {
        if (shape[checkField(field)]?.safeParse(value).success !== true)
          refuse(`${field}: the value does not fit`);
        if (isDeeper(value, NESTING_MAX)) refuse(`${field}: the value is nested too deep`);
      }
      const fields = [
        ...checked.unset,
        ...checked.set.map(([f]) => f),
        ...checked.add.map(([f]) => checkField(f)),
      ];
      if (fields.includes('id')) refuse('an id never changes');
      if (new Set(fields).size < fields.length) refuse('a change names a field once');
      return checked;
    },
  };
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}
