import { CONTAINED_LENGTH_MAX, isScalar } from '../../adapters/port.ts';
import type { Test } from './expressions.ts';
import type { FieldKind } from './type.ts';

const PRESENCE: readonly Test[] = ['empty', 'filled'];
const EQUALITY: readonly Test[] = [...PRESENCE, '=', '!=', 'in', 'not in'];
const ORDER: readonly Test[] = ['<', '<=', '>', '>='];

/** What may be asked of which kind of field. */
export const FIT: Readonly<Record<FieldKind, readonly Test[]>> = {
  text: [...EQUALITY, ...ORDER, 'contains', 'lacks'],
  number: [...EQUALITY, ...ORDER],
  boolean: EQUALITY,
  list: [...PRESENCE, 'has', 'has not'],
  other: PRESENCE,
};

/** Whether the test is of the field alone. */
export function isPresence(test: Test): boolean {
  return PRESENCE.includes(test);
}

/** Whether this is a value that the test can compare with. */
export function isComparand(test: Test, value: unknown): boolean {
  if (test === 'in' || test === 'not in') return Array.isArray(value) && value.every(isScalar);
  if (test === 'contains' || test === 'lacks')
    return typeof value === 'string' && value.length <= CONTAINED_LENGTH_MAX;
  return isScalar(value);
}

/** Throws a TypeError where there is no such field, or it cannot be asked for like that. */
export function requireFit(
  kinds: ReadonlyMap<string, FieldKind>,
  { field, test, value }: { field: string; test: Test; value?: unknown },
): void {
  const kind = kinds.get(field);
  if (kind === undefined) throw new TypeError(`there is no field ${field}`);
  if (!FIT[kind].includes(test)) throw new TypeError(`${field} cannot be asked for like that (${test})`);
  if (!isPresence(test) && !isComparand(test, value))
    throw new TypeError(`${field} cannot be compared with that (${test})`);
}

/** Throws a TypeError where records cannot be put in an order by this field: a list has no place in one. */
export function requireOrder(kinds: ReadonlyMap<string, FieldKind>, field: string): void {
  const kind = kinds.get(field);
  if (kind === undefined) throw new TypeError(`there is no field ${field}`);
  if (kind === 'list' || kind === 'other') throw new TypeError(`there is no order by ${field}`);
}

/** Whether a field of this kind can hold this value. What its schema says beyond that was looked at before. */
export function fits(kind: FieldKind, value: unknown): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string';
    case 'number':
      return Number.isFinite(value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'list':
      return Array.isArray(value) && value.every(isScalar);
    case 'other':
      return value !== undefined && value !== null;
  }
}
