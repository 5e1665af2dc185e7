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

/** Throws a TypeError where there is no such field, or it cannot be asked for like that. */
export function requireFit(kinds: ReadonlyMap<string, FieldKind>, field: string, test: Test): void {
  const kind = kinds.get(field);
  if (kind === undefined) throw new TypeError(`there is no field ${field}`);
  if (!FIT[kind].includes(test)) throw new TypeError(`${field} cannot be asked for like that (${test})`);
}
