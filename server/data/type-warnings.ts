import { UNREAD } from '../ground/mistake-place.ts';
import type { CallerValue, Expression, Leaf, Operand } from './expressions.ts';
import { extendsTo } from './privacy.ts';
import { isCallerValue, isField } from './resolve.ts';
import { type DataType, rulesMade } from './type.ts';

/** What chooses or compares in JavaScript, where fields and conditions are objects: each is true, and like no other. */
const OPERATOR = /&&|\|\||\?\?|\?(?!\.)|[!=]==?|!|<=?|(?<!=)>=?|\b(?:if|switch)\b/g;

/**
 * What is no mistake in the declaration of a data type, and yet mostly not meant. `types` are all that are declared, all of
 * them without mistakes.
 */
export function* warningsOfType(type: DataType, types: readonly DataType[]): Generator<string> {
  const operators = new Set(rulesMade(type).text.replace(UNREAD, '').match(OPERATOR));
  if (operators.size > 0) {
    yield `rules: ${[...operators].join(' ')} is worked out once, when the type is loaded, and not for each record and ` +
      'caller, so that a part of the condition is lost: write and(…), or(…), not(…), is(…)';
  }
  for (const rule of type.rules) {
    const told = new Set<string>();
    for (const { type: name = '', key: field = '' } of ownValuesIn(rule.when)) {
      const own = types.find((one) => one.name === name);
      const [setter] = own === undefined ? [] : own.rules.filter((one) => letsOwnerSet(one, field));
      const what = `${name}.${field}`;
      if (setter === undefined || told.has(what)) continue;
      told.add(what);
      yield `rule ${rule.name}: it goes by ${what} of the caller's own record, which all can write for themselves ` +
        `(rule ${setter.name} of ${name}): take ${field} out of what that rule lets them create or change, ` +
        `or have it say which values they may choose`;
    }
  }
}

function* ownValuesIn(value: unknown): Generator<CallerValue<unknown>> {
  if (typeof value !== 'object' || value === null) return;
  if (isCallerValue(value as Operand) && (value as CallerValue<unknown>).caller === 'own')
    yield value as CallerValue<unknown>;
  else for (const part of Object.values(value)) yield* ownValuesIn(part);
}

/** Whether the rule lets whoever made a record choose what stands in this field. */
function letsOwnerSet({ when, create, change }: DataType['rules'][number], field: string): boolean {
  return (create === true || extendsTo(change, field)) && mayHoldFor(when, field, false);
}

/** Whether it may hold for a record of the caller's own, whatever the field holds. */
function mayHoldFor(expression: Expression, field: string, isNegated: boolean): boolean {
  if ('always' in expression) return !isNegated;
  if ('not' in expression) return mayHoldFor(expression.not, field, !isNegated);
  if ('and' in expression || 'or' in expression) {
    const isAnd = 'and' in expression;
    const each = (isAnd ? expression.and : expression.or).map((part) => mayHoldFor(part, field, isNegated));
    return isAnd === isNegated ? each.includes(true) : !each.includes(false);
  }
  return mayTestHold(expression, field, isNegated);
}

function mayTestHold({ left, test, right }: Leaf, field: string, isNegated: boolean): boolean {
  if (isField(left)) {
    // What says which values there may be has thought of them.
    if (left.record === field) return false;
    const isOwner = left.record === 'createdBy' && isCallerValue(right) && right.caller === 'account';
    return !isOwner || (test === '=') !== isNegated;
  }
  // Who is nothing but a person with an account has none of these, and does not give themself any.
  const isGiven = isCallerValue(left) && ['client', 'metadata', 'own'].includes(left.caller);
  return !isGiven || (test === 'empty') !== isNegated;
}
