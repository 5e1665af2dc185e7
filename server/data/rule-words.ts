import { withoutSecrets } from '../ground/without-secrets.ts';
import type { CallerValue, Expression, Leaf, Operand, Test } from './expressions.ts';
import { isCallerValue, isField } from './resolve.ts';
import type { Rule } from './type.ts';

/** Rules in plain words, as pages, the command line and the management API show them. */

/** A rule in words: what it gives, and to whom for which records. */
export type RuleInWords = { name: string; gives: string; when: string };

/** A rule as it was declared. */
export function ruleInWords(rule: Rule): RuleInWords {
  return { name: rule.name, gives: rightsInWords(rule), when: expressionInWords(rule.when) };
}

/** What each test says, and what it says under `not`. */
const TESTS: Readonly<Record<Test, readonly [is: string, isNot: string]>> = {
  '=': ['is', 'is not'],
  '!=': ['is not', 'is'],
  '<': ['is less than', 'is not less than'],
  '<=': ['is at most', 'is not at most'],
  '>': ['is more than', 'is not more than'],
  '>=': ['is at least', 'is not at least'],
  in: ['is one of', 'is none of'],
  'not in': ['is none of', 'is one of'],
  contains: ['contains', 'does not contain'],
  lacks: ['does not contain', 'contains'],
  has: ['has', 'does not have'],
  'has not': ['does not have', 'has'],
  empty: ['is empty', 'is not empty'],
  filled: ['is not empty', 'is empty'],
};

/** `createdBy is the caller’s account and state is not "closed"` */
export function expressionInWords(expression: Expression): string {
  if ('always' in expression) return 'always';
  if ('test' in expression) return leafInWords(expression, false);
  if ('not' in expression) {
    const { not } = expression;
    if ('test' in not) return leafInWords(not, true);
    return `not ${bracketed(not)}`;
  }
  const [parts, word, none] =
    'and' in expression ? [expression.and, ' and ', 'always'] : [expression.or, ' or ', 'never'];
  if (parts.length < 2) return parts[0] === undefined ? none : expressionInWords(parts[0]);
  return parts.map(bracketed).join(word);
}

/** A comparison as it stands, or under `not`. */
export function leafInWords({ left, test, right }: Leaf, isNegated: boolean): string {
  const words = `${operandInWords(left)} ${TESTS[test][isNegated ? 1 : 0]}`;
  return right === undefined ? words : `${words} ${operandInWords(right)}`;
}

function bracketed(expression: Expression): string {
  const isWhole =
    'test' in expression || 'always' in expression || ('not' in expression && 'test' in expression.not);
  const words = expressionInWords(expression);
  return isWhole ? words : `(${words})`;
}

/** A field by its name, something of the caller's, or a value. */
export function operandInWords(operand: Operand): string {
  if (isCallerValue(operand)) return callerValueInWords(operand);
  if (isField(operand)) return operand.record;
  return valueInWords(operand);
}

function callerValueInWords({ caller, key = '', type = '' }: CallerValue<unknown>): string {
  switch (caller) {
    case 'account':
      return 'the caller’s account';
    case 'email':
      return 'the caller’s e-mail address';
    case 'client':
      return 'the caller’s service or app';
    case 'scopes':
      return 'the caller’s scopes';
    case 'metadata':
      return `the caller’s metadata ${key}`;
    case 'own':
      return `${key} of the caller’s own ${type}`;
  }
}

/** Longer texts are cut: a record may hold megabytes. */
const TEXT_SHOWN_MAX = 100;
const ELEMENTS_SHOWN_MAX = 10;
const ID = /^[a-z]{2,4}_[0-9A-Za-z]{1,40}$/;

/** A value for who may see it: texts in quotes, but for ids; long ones cut, and no token among them. */
export function valueInWords(value: unknown): string {
  if (Array.isArray(value)) {
    const shown = value.slice(0, ELEMENTS_SHOWN_MAX).map(valueInWords);
    const more = value.length - shown.length;
    if (value.length === 0) return 'an empty list';
    return `${shown.join(', ')}${more > 0 ? ` and ${more.toLocaleString('en')} more` : ''}`;
  }
  if (typeof value === 'string') return textInWords(value);
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}

function textInWords(text: string): string {
  // Somewhat more than is shown is looked at, so that no token is cut off before it is known for one.
  const shown = withoutSecrets(text.slice(0, 4 * TEXT_SHOWN_MAX));
  if (ID.test(shown)) return shown;
  return shown.length <= TEXT_SHOWN_MAX && text.length <= 4 * TEXT_SHOWN_MAX
    ? JSON.stringify(shown)
    : `${JSON.stringify(shown.slice(0, TEXT_SHOWN_MAX))} and so on`;
}

/** What a rule gives: `find; view account, state; create`. */
function rightsInWords(rule: Rule): string {
  const rights = [
    rule.find === true && 'find',
    fieldsInWords('view', rule.view),
    fieldsInWords('constrain', rule.constrain),
    rule.create === true && 'create',
    fieldsInWords('change', rule.change),
    rule.delete === true && 'delete',
  ].filter((right) => right !== false);
  return rights.length === 0 ? 'nothing' : rights.join('; ');
}

function fieldsInWords(right: string, fields: true | readonly string[] | undefined): string | false {
  if (fields === true) return `${right} all fields`;
  return fields !== undefined && fields.length > 0 && `${right} ${fields.join(', ')}`;
}
