import type { z } from 'zod';
import { isObject } from '../ground/is-object.ts';
import { firstLine } from '../ground/load-fault.ts';
import { nearMissInBrackets } from '../ground/near-miss.ts';
import {
  isSchema,
  mistakesOfKeys,
  mistakesOfNaming,
  NAME,
  NAME_WANTED,
  shownValue,
  unfitDefault,
  unfitForJson,
} from './declaration-mistakes.ts';
import { CALLER_VALUES, type Expression, type Leaf, type Operand, type Test } from './expressions.ts';
import { FIT, fits, isComparand, isPresence } from './field-tests.ts';
import { fieldsOf } from './privacy.ts';
import { isCallerValue, isField } from './resolve.ts';
import { type DataType, type FieldKind, kindsOf, type Rule, rulesMade } from './type.ts';

/** What each record has anyway, in all its spellings. */
const OWN_NAMES = ['id', 'pending', 'version', 'created_at', 'created_by', 'modified_at'];

const KEYS = 'name description fields indexes unique onePerAccount deletedWithAccount rules'.split(' ');

/** Levels of `and`, `or` and `not`: more than a store asks in one question would be refused at each call. */
const LEVELS_MAX = 10;
/** Comparisons in the rules of a type; each question about its records brings most of them. */
const COMPARISONS_MAX = 100;

/** A line for each mistake in the declaration of a data type. `types` are all that are declared. */
export function* mistakesOfType(type: DataType, types: readonly DataType[]): Generator<string> {
  yield* mistakesOfNaming(type);
  yield* mistakesOfKeys('a type', type, KEYS);
  if (isSchema(type.fields)) {
    yield 'fields: wanted { title: z.string(), … } itself, without z.object(…) around it';
    return;
  }
  if (!isObject(type.fields) || Object.keys(type.fields).length === 0) {
    yield 'fields is wanted: an object of names and zod schemas';
    return;
  }
  let isReadable = true;
  for (const [name, schema] of Object.entries(type.fields)) {
    for (const mistake of mistakesOfField(name, schema)) {
      isReadable = false;
      yield `field ${name}: ${mistake}`;
    }
  }
  // What the fields hold is known only of those that are right.
  if (isReadable) yield* mistakesBesideFields(type, types);
}

function* mistakesBesideFields(type: DataType, types: readonly DataType[]): Generator<string> {
  const kinds = kindsOf(type);
  const indexes: readonly unknown[] = Array.isArray(type.indexes) ? type.indexes : [undefined];
  if (!indexes.every(Array.isArray))
    yield "indexes: wanted a list of lists of fields, such as [['state'], ['team', 'level']]";
  if (!Array.isArray(type.unique)) yield 'unique: wanted a list of fields';
  for (const [what, wanted] of [
    ['indexes', indexes.filter(Array.isArray).flat()],
    ['unique', type.unique],
  ] as const) {
    for (const name of Array.isArray(wanted) ? wanted : []) {
      const kind = kinds.get(name);
      if (kind === undefined) yield `${what}: ${noField(name, kinds.keys())}`;
      else if (kind === 'list' || kind === 'other') yield `${what}: ${name} holds no text, number or boolean`;
    }
  }
  for (const flag of ['onePerAccount', 'deletedWithAccount'] as const) {
    if (typeof type[flag] !== 'boolean') yield `${flag}: wanted true or false`;
  }
  if (!Array.isArray(type.rules)) {
    yield 'rules: wanted a function that gives a list of rules: (record, caller) => [{ name, when, … }]';
    return;
  }
  for (const [index, rule] of type.rules.entries()) {
    const which = `rule ${typeof rule?.name === 'string' ? rule.name : index + 1}`;
    for (const mistake of mistakesOfRule(rule, { type, types, kinds })) yield `${which}: ${mistake}`;
  }
  yield* mistakesOfUnused(type);
  const comparisons = type.rules.reduce((count, rule) => count + countOf(rule?.when), 0);
  if (comparisons > COMPARISONS_MAX) yield `rules: more than ${COMPARISONS_MAX} comparisons in all`;
}

/** `is(…) && is(…)` is the second one alone, so that the rule would hold for more than is meant. */
function* mistakesOfUnused(type: DataType): Generator<string> {
  const used = new Set(type.rules.flatMap((rule) => [...partsOf(rule?.when)]));
  if (rulesMade(type).all.some((expression) => !used.has(expression))) {
    yield 'rules: a condition is made that no rule goes by: combine conditions by and(…), or(…) and not(…), not by &&, || and ?';
  }
}

/** An expression and all that it is made of. */
function* partsOf(expression: unknown): Generator<unknown> {
  if (!isObject(expression)) return;
  yield expression;
  for (const part of [expression.and ?? expression.or ?? expression.not].flat()) yield* partsOf(part);
}

/** What the rules of one type may name. */
type Known = { type: DataType; types: readonly DataType[]; kinds: ReadonlyMap<string, FieldKind> };

function countOf(expression: unknown): number {
  if (!isObject(expression)) return 0;
  if ('test' in expression) return 1;
  const parts = [expression.and ?? expression.or ?? expression.not].flat();
  return parts.reduce<number>((count, part) => count + countOf(part), 0);
}

const FLAGS = ['find', 'create', 'delete'] as const;
const FIELD_RIGHTS = ['view', 'constrain', 'change'] as const;
const RULE_KEYS: readonly string[] = ['name', 'when', ...FLAGS, ...FIELD_RIGHTS];

function* mistakesOfRule(rule: Rule, known: Known): Generator<string> {
  if (!isObject(rule) || typeof rule.name !== 'string' || rule.name.trim() === '') {
    yield 'wanted { name, when, … } with a name in plain words';
    return;
  }
  for (const key of Object.keys(rule)) {
    if (!RULE_KEYS.includes(key)) yield `there is no right ${key}${nearMissInBrackets(key, RULE_KEYS)}`;
  }
  for (const flag of FLAGS) {
    if (!['boolean', 'undefined'].includes(typeof rule[flag])) yield `${flag}: wanted true or false`;
  }
  for (const right of FIELD_RIGHTS) yield* mistakesOfRight(right, rule[right], known.type);
  yield* mistakesOfExpression(rule.when, known, LEVELS_MAX);
}

function* mistakesOfRight(
  right: (typeof FIELD_RIGHTS)[number],
  fields: unknown,
  type: DataType,
): Generator<string> {
  if (fields === undefined || fields === true) return;
  if (!Array.isArray(fields)) {
    yield `${right}: wanted true or a list of fields`;
    return;
  }
  for (const field of fields) {
    if (!fieldsOf(type).includes(field)) yield `${right}: ${noField(field, fieldsOf(type))}`;
    else if (right === 'change' && !Object.hasOwn(type.fields, field))
      yield `change: nobody can change ${field}`;
  }
}

const WANTED_EXPRESSION = 'when: wanted an expression, such as is(record.createdBy, caller.account)';

function* mistakesOfExpression(expression: Expression, known: Known, levels: number): Generator<string> {
  if (levels < 0) yield `when: more than ${LEVELS_MAX} levels of and, or and not`;
  else if (!isObject(expression)) yield WANTED_EXPRESSION;
  else if ('not' in expression) yield* mistakesOfExpression(expression.not, known, levels - 1);
  else if ('and' in expression || 'or' in expression) {
    const parts = 'and' in expression ? expression.and : expression.or;
    if (!Array.isArray(parts) || parts.length === 0) yield 'when: and, or: wanted at least one expression';
    else for (const part of parts) yield* mistakesOfExpression(part, known, levels - 1);
  } else if ('test' in expression) yield* mistakesOfTest(expression, known);
  else if (!('always' in expression)) yield WANTED_EXPRESSION;
}

function* mistakesOfTest({ left, test, right }: Leaf, known: Known): Generator<string> {
  if (!isField(left) && !isCallerValue(left)) {
    yield 'when: wanted a field of the record or something of the caller to begin with: is its name right?';
    return;
  }
  const mistake = [left, right].flatMap((operand) => mistakeOfOperand(operand, known) ?? [])[0];
  if (mistake !== undefined) {
    yield `when: ${mistake}`;
    return;
  }
  const name = isField(left) ? left.record : `caller.${left.key ?? left.caller}`;
  const kind = kindOfOperand(left, known);
  if (!FIT[kind].includes(test)) yield `when: ${name} cannot be asked for like that (${test})`;
  else if (isPresence(test)) return;
  else if (isField(right)) yield 'when: two fields of the record cannot be compared with each other';
  else if (!isComparable(test, right, known)) {
    yield test === 'in' || test === 'not in'
      ? `when: ${name}: wanted a list of texts, numbers or booleans, or a list of the caller's, to look for it in`
      : `when: ${name}: wanted a text, a number, true or false, or something of the caller to compare it with`;
  } else if (!isOfKind(kind, right, known))
    yield `when: ${name} holds ${kind}s, and is compared with something else`;
}

function mistakeOfOperand(operand: Operand | undefined, { types, kinds }: Known): string | undefined {
  if (isField(operand)) return kinds.has(operand.record) ? undefined : noField(operand.record, kinds.keys());
  if (!isCallerValue(operand)) return undefined;
  if (!CALLER_VALUES.includes(operand.caller)) {
    const there = 'account, email, client, scopes, metadata(KEY) and own(TYPE)';
    return `the caller has no ${operand.caller}${nearMissInBrackets(operand.caller, CALLER_VALUES)}; there are ${there}`;
  }
  if (operand.caller !== 'own') return undefined;
  const own = types.find(({ name }) => name === operand.type);
  if (own === undefined)
    return `caller.own: wanted a type that a file in types/ itself exports (${operand.type})`;
  if (!own.onePerAccount)
    return `caller.own: ${own.name} has no onePerAccount, so that nobody has one of their own`;
  const names = Object.keys(own.fields);
  const key = operand.key ?? '';
  return names.includes(key) ? undefined : `caller.own: ${noField(key, names)} in ${own.name}`;
}

function noField(name: unknown, names: Iterable<string>): string {
  if (typeof name !== 'string') return `wanted the names of fields, not ${shownValue(name)}`;
  return `there is no field ${name}${nearMissInBrackets(name, names)}`;
}

/** What the operand holds, as conditions see it. */
function kindOfOperand(operand: Operand | undefined, { types, kinds }: Known): FieldKind {
  if (isField(operand)) return kinds.get(operand.record) ?? 'other';
  if (!isCallerValue(operand)) return 'other';
  if (operand.caller === 'scopes') return 'list';
  const own = operand.caller === 'own' && types.find(({ name }) => name === operand.type);
  return own ? (kindsOf(own).get(operand.key ?? '') ?? 'other') : 'text';
}

function isComparable(test: Test, right: Operand | undefined, known: Known): boolean {
  if (!isCallerValue(right)) return isComparand(test, right);
  const kind = kindOfOperand(right, known);
  return test === 'in' || test === 'not in' ? kind === 'list' : kind !== 'list' && kind !== 'other';
}

/** Whether what is compared with can be the same as what a field of this kind holds. Of a list only its kind is known. */
function isOfKind(kind: FieldKind, right: Operand | undefined, known: Known): boolean {
  if (kind === 'list') return true;
  if (!isCallerValue(right)) return [right].flat().every((one) => fits(kind, one));
  const other = kindOfOperand(right, known);
  return other === 'list' || other === kind;
}

/** In a store an absent field is absent, so nothing may be null; and what is stored is JSON. */
function* mistakesOfField(name: string, schema: z.ZodType): Generator<string> {
  if (!NAME.test(name)) yield `wanted a name of ${NAME_WANTED}`;
  if (OWN_NAMES.includes(name)) yield 'each record has that by itself, choose another name';
  if (!isSchema(schema)) {
    yield 'wanted a zod schema';
    return;
  }
  const unfit = unfitForJson(schema, 'output');
  if (unfit !== undefined) {
    yield `it cannot be stored: ${unfit}; keep a text (of a date: z.iso.datetime()), a number, yes or no, lists or objects of them`;
  }
  try {
    const unfit = unfitDefault(schema);
    if (unfit !== undefined) yield unfit;
    if (schema.safeParse(null).success) yield 'it takes null: wanted .optional() instead';
  } catch (error) {
    yield firstLine(error);
  }
}
