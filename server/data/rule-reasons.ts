import type { Expression, Leaf, Operand } from './expressions.ts';
import { meets } from './privacy.ts';
import type { StoredRecord } from './record.ts';
import {
  type CallerValues,
  isCallerValue,
  isField,
  operandValue,
  type Resolved,
  resolve,
} from './resolve.ts';
import { leafInWords, operandInWords, valueInWords } from './rule-words.ts';
import type { FieldKind } from './type.ts';

const REASONS_SHOWN_MAX = 10;

/** Whether something holds: of one record, or of all, some or no records. */
export type Held = 'yes' | 'some' | 'no';

/** Whether a rule holds for the record, or, of no record, for all, some or none of them. */
export function heldOf(resolved: Resolved, record: StoredRecord | undefined): Held {
  if (typeof resolved === 'boolean') return resolved ? 'yes' : 'no';
  if (record === undefined) return 'some';
  return meets(record, resolved) ? 'yes' : 'no';
}

type Looked = {
  values: CallerValues;
  kinds: ReadonlyMap<string, FieldKind>;
  record: StoredRecord | undefined;
};

/** The comparisons by which a rule holds, or does not, or for which it depends on the record. */
export function reasonsFor(expression: Expression, looked: Looked): string[] {
  const reasons = [...new Set(reasonsIn(expression, false, looked))];
  const more = reasons.length - REASONS_SHOWN_MAX;
  return more <= 0 ? reasons : [...reasons.slice(0, REASONS_SHOWN_MAX), `and ${more} more`];
}

function* reasonsIn(expression: Expression, isNegated: boolean, looked: Looked): Generator<string> {
  if ('always' in expression) return;
  if ('not' in expression) return yield* reasonsIn(expression.not, !isNegated, looked);
  if ('test' in expression) return yield reasonOf(expression, isNegated, looked);
  const held = (one: Expression) =>
    heldOf(resolve(isNegated ? { not: one } : one, looked.values, looked.kinds), looked.record);
  const whole = held(expression);
  const parts = 'and' in expression ? expression.and : expression.or;
  for (const part of parts) if (held(part) === whole) yield* reasonsIn(part, isNegated, looked);
}

/** `createdBy is the caller’s account: createdBy is acc_1, the caller’s account is acc_2` */
function reasonOf(leaf: Leaf, isNegated: boolean, looked: Looked): string {
  const sides = [leaf.left, leaf.right].flatMap((side) =>
    side === undefined ? [] : (sideInWords(side, looked) ?? []),
  );
  const words = leafInWords(leaf, isNegated);
  return sides.length === 0 ? words : `${words}: ${sides.join(', ')}`;
}

/** What stands there now; undefined for a constant, and for a field where no record is looked at. */
function sideInWords(side: Operand, { values, record }: Looked): string | undefined {
  const isOfRecord = isField(side);
  if (isOfRecord ? record === undefined : !isCallerValue(side)) return undefined;
  const value = isOfRecord ? record?.[side.record] : operandValue(side, values);
  const name = operandInWords(side);
  return value === undefined ? `${name}: none` : `${name} is ${valueInWords(value)}`;
}
