import { holds } from '../../adapters/holds.ts';
import type { Where } from '../../adapters/port.ts';
import {
  CALLER_VALUES,
  type CallerValue,
  type Expression,
  type Leaf,
  type Operand,
  type RecordField,
  type Test,
} from './expressions.ts';
import { isComparand, isPresence } from './field-tests.ts';
import type { StoredRecord } from './record.ts';
import type { FieldKind } from './type.ts';

/** Conditions that a record must meet; `true` is every record, `false` none. */
export type Resolved = boolean | Where<StoredRecord>;

/** What is known of who calls. */
export type CallerValues = {
  account?: string | undefined;
  email?: string | undefined;
  client?: string | undefined;
  scopes: readonly string[];
  metadata: Readonly<Record<string, string>>;
  /** The caller's own records, by the name of the type. */
  own: ReadonlyMap<string, Readonly<Record<string, unknown>> | undefined>;
};

/**
 * An expression for one caller: what it says of the caller is known now, so that only conditions on the record are left.
 * `kinds` are those of the fields of the record's type.
 */
export function resolve(
  expression: Expression,
  values: CallerValues,
  kinds: ReadonlyMap<string, FieldKind>,
): Resolved {
  const resolved = (one: Expression, isNegated: boolean): Resolved => {
    if ('always' in one) return !isNegated;
    if ('not' in one) return resolved(one.not, !isNegated);
    if ('and' in one || 'or' in one) {
      const parts = ('and' in one ? one.and : one.or).map((part) => resolved(part, isNegated));
      // Not both is: one of them not.
      return 'and' in one === isNegated ? anyOf(parts) : allOf(parts);
    }
    return resolvedTest(one, { isNegated, values, kinds });
  };
  return resolved(expression, false);
}

/** All of them hold. */
export function allOf(parts: readonly Resolved[]): Resolved {
  if (parts.includes(false)) return false;
  const where = parts.flatMap((part) => (typeof part === 'boolean' ? [] : part));
  return where.length === 0 ? true : where;
}

/** At least one of them holds. */
export function anyOf(parts: readonly Resolved[]): Resolved {
  if (parts.includes(true)) return true;
  const wheres = parts.filter((part) => typeof part !== 'boolean');
  if (wheres.length <= 1) return wheres[0] ?? false;
  return [['any', wheres]];
}

function resolvedTest(
  { left, test, right }: Leaf,
  {
    isNegated,
    values,
    kinds,
  }: { isNegated: boolean; values: CallerValues; kinds: ReadonlyMap<string, FieldKind> },
): Resolved {
  const value = operandValue(right, values);
  // What the caller lacks is compared with nothing, so that nobody gets in by lacking something. Their own record may be of
  // a time when its type was another.
  const isComparable = isPresence(test) || isComparand(test, value);
  if (isField(left)) {
    const kind = kinds.get(left.record);
    if (!isComparable || kind === undefined) return false;
    return onField(left.record, isNegated, test, value, kind);
  }
  // A name that is misspelt is nothing at all, of which nothing holds, also not that it is empty.
  if (!isCallerValue(left) || !CALLER_VALUES.includes(left.caller)) return false;
  const known = operandValue(left, values);
  if (test === 'empty') return isBlank(known) !== isNegated;
  if (!isComparable || known === undefined) return false;
  // The same words as for records: what is known stands in the place of a field.
  return holds(whereField('known', test, value), { id: '', createdAt: 0, known }) !== isNegated;
}

function onField(field: string, isNegated: boolean, test: Test, value: unknown, kind: FieldKind): Resolved {
  if (test === 'empty' || test === 'filled') return emptiness(field, (test === 'filled') !== isNegated, kind);
  if (!isNegated) return whereField(field, test, value);
  const beyond = BEYOND.get(test);
  if (beyond === undefined) return whereField(field, OPPOSITES.get(test) ?? test, value);
  // What was of another kind once is on neither side, so that no rule holds for it by its negation.
  return anyOf([[[field, 'absent']], whereField(field, beyond, value)]);
}

/** One condition; that test and value go together is held by `isComparand` and not by the compiler. */
function whereField(field: string, test: Test, value: unknown): Where<StoredRecord> {
  return [[field, test, value]] as unknown as Where<StoredRecord>;
}

/** Somebody of whom nothing is known. */
export const NOBODY: CallerValues = { scopes: [], metadata: {}, own: new Map() };

const OPPOSITES = new Map<Test, Test>([
  ['=', '!='],
  ['!=', '='],
  ['in', 'not in'],
  ['not in', 'in'],
  ['contains', 'lacks'],
  ['lacks', 'contains'],
  ['has', 'has not'],
  ['has not', 'has'],
]);
const BEYOND = new Map<Test, Test>([
  ['<', '>='],
  ['>=', '<'],
  ['>', '<='],
  ['<=', '>'],
]);

/** What holds for exactly the records for which this does not. */
export function oppositeOf(resolved: Resolved): Resolved {
  return typeof resolved === 'boolean' ? !resolved : [['none', [resolved]]];
}

/** Whether the words alone say that each record for which the first holds is one for which the second does. */
export function implies(first: Resolved, second: Resolved): boolean {
  if (first === false || second === true) return true;
  if (first === true || second === false) return false;
  const wanted = alternativesOf(second).map((one) => one.map(wordsOf));
  return alternativesOf(first).every((one) => {
    const words = new Set(one.map(wordsOf));
    return wanted.some((all) => all.every((word) => words.has(word)));
  });
}

function wordsOf(condition: Where<StoredRecord>[number]): string {
  return JSON.stringify(condition);
}

function alternativesOf(where: Where<StoredRecord>): readonly Where<StoredRecord>[] {
  const [[test, alternatives] = [], ...others] = where as unknown as readonly (readonly unknown[])[];
  const isChoice = test === 'any' && Array.isArray(alternatives) && others.length === 0;
  return isChoice ? (alternatives as readonly Where<StoredRecord>[]) : [where];
}

/** Nothing is there: no value, and of a text or list an empty one neither. */
function emptiness(field: string, isNegated: boolean, kind: FieldKind): Resolved {
  if (kind === 'list') return [[field, isNegated ? 'filled' : 'empty']];
  const absence: Resolved = [[field, isNegated ? 'present' : 'absent']];
  if (kind !== 'text') return absence;
  const blank: Resolved = [[field, isNegated ? '!=' : '=', '']];
  return isNegated ? allOf([absence, blank]) : anyOf([absence, blank]);
}

/** Whether this is a field of the record. */
export function isField(operand: Operand | undefined): operand is RecordField<unknown> {
  return typeof operand === 'object' && operand !== null && Object.hasOwn(operand, 'record');
}

/** Whether this is something of the caller. */
export function isCallerValue(operand: Operand | undefined): operand is CallerValue<unknown> {
  return typeof operand === 'object' && operand !== null && Object.hasOwn(operand, 'caller');
}

/** What one side of a comparison is, as far as it is no field. */
export function operandValue(operand: Operand | undefined, values: CallerValues): unknown {
  if (!isCallerValue(operand)) return operand;
  const { caller, key = '', type = '' } = operand;
  if (caller === 'own') return valueIn(values.own.get(type) ?? {}, key);
  return caller === 'metadata' ? valueIn(values.metadata, key) : values[caller];
}

/** A key may have the name of something that every object has. */
function valueIn(of: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(of, key) ? of[key] : undefined;
}

function isBlank(value: unknown): boolean {
  return value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
}
