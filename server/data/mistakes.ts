import { z } from 'zod';
import { firstLine } from '../ground/load-fault.ts';
import type { Expression, Operand, Test } from './expressions.ts';
import { fieldsOf } from './privacy.ts';
import { FIT } from './tests.ts';
import { type DataType, type FieldKind, kindsOf, type Rule } from './type.ts';

/** Names become scopes, paths and collections; this long they stay readable in all of them. */
const NAME_LENGTH_MAX = 40;
export const NAME = new RegExp(`^[a-z][a-z0-9_]{0,${NAME_LENGTH_MAX - 1}}$`);
export const NAME_WANTED = `lower case letters, digits and underscores, at most ${NAME_LENGTH_MAX}, beginning with a letter`;
/** What each record has anyway, in all its spellings. */
const OWN_NAMES = ['id', 'pending', 'version', 'created_at', 'created_by', 'modified_at'];

/** A line for each mistake in the declaration of a data type. */
export function* mistakesOfType(type: DataType): Generator<string> {
  yield* mistakesOfNaming(type);
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
  if (isReadable) yield* mistakesBesideFields(type);
}

function* mistakesBesideFields(type: DataType): Generator<string> {
  const kinds = kindsOf(type);
  for (const [what, names] of [['indexes', type.indexes.flat()] as const, ['unique', type.unique] as const]) {
    for (const name of names) {
      const kind = kinds.get(name);
      if (kind === undefined) yield `${what}: there is no field ${name}`;
      else if (kind === 'list' || kind === 'other') yield `${what}: ${name} holds no text, number or boolean`;
    }
  }
  if (!Array.isArray(type.rules)) {
    yield 'rules: wanted a function that gives a list of rules';
    return;
  }
  for (const [index, rule] of type.rules.entries()) {
    const which = `rule ${rule?.name ?? index + 1}`;
    for (const mistake of mistakesOfRule(rule, type, kinds)) yield `${which}: ${mistake}`;
  }
}

const FLAGS = ['find', 'create', 'delete'] as const;
const FIELD_RIGHTS = ['view', 'constrain', 'change'] as const;

function* mistakesOfRule(
  rule: Rule,
  type: DataType,
  kinds: ReadonlyMap<string, FieldKind>,
): Generator<string> {
  if (!isObject(rule) || typeof rule.name !== 'string' || rule.name.trim() === '') {
    yield 'wanted { name, when, … } with a name in plain words';
    return;
  }
  for (const key of Object.keys(rule)) {
    if (!['name', 'when', ...FLAGS, ...FIELD_RIGHTS].includes(key)) yield `there is no right ${key}`;
  }
  for (const flag of FLAGS) {
    if (!['boolean', 'undefined'].includes(typeof rule[flag])) yield `${flag}: wanted true or false`;
  }
  for (const right of FIELD_RIGHTS) {
    const fields: unknown = rule[right];
    if (fields === undefined || fields === true) continue;
    if (!Array.isArray(fields)) yield `${right}: wanted true or a list of fields`;
    else {
      const known = fieldsOf(type);
      for (const field of fields) if (!known.includes(field)) yield `${right}: there is no field ${field}`;
    }
  }
  yield* mistakesOfExpression(rule.when, kinds);
}

function* mistakesOfExpression(
  expression: Expression,
  kinds: ReadonlyMap<string, FieldKind>,
): Generator<string> {
  if (!isObject(expression)) {
    yield 'when: wanted an expression, such as is(record.createdBy, caller.account)';
  } else if ('not' in expression) {
    yield* mistakesOfExpression(expression.not, kinds);
  } else if ('and' in expression || 'or' in expression) {
    const parts = 'and' in expression ? expression.and : expression.or;
    for (const part of parts) yield* mistakesOfExpression(part, kinds);
  } else if ('test' in expression) {
    yield* mistakesOfTest(expression, kinds);
  } else if (!('always' in expression)) {
    yield 'when: wanted an expression, such as is(record.createdBy, caller.account)';
  }
}

function* mistakesOfTest(
  { left, test, right }: Extract<Expression, { test: Test }>,
  kinds: ReadonlyMap<string, FieldKind>,
): Generator<string> {
  if (isRecordField(right)) yield 'when: two fields of the record cannot be compared with each other';
  if (test !== 'empty' && !isComparable(right)) {
    yield 'when: wanted a text, a number, true or false, a list of those, or something of the caller to compare with';
  }
  if (!isRecordField(left)) return;
  const kind = kinds.get(left.record);
  if (kind === undefined) yield `when: there is no field ${left.record}`;
  else if (!FIT[kind].includes(test)) yield `when: ${left.record} cannot be asked for like that (${test})`;
}

function isComparable(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isScalar);
  return isScalar(value) || (isObject(value) && ('caller' in value || 'record' in value));
}

function isScalar(value: unknown): boolean {
  return ['string', 'boolean'].includes(typeof value) || Number.isFinite(value);
}

function isRecordField(operand: Operand | undefined): operand is { record: string } {
  return isObject(operand) && 'record' in operand;
}

/** In a store an absent field is absent, so nothing may be null; and what is stored is JSON. */
function* mistakesOfField(name: string, schema: z.ZodType): Generator<string> {
  if (!NAME.test(name)) yield `wanted a name of ${NAME_WANTED}`;
  if (OWN_NAMES.includes(name)) yield 'each row has that by itself, choose another name';
  if (!isSchema(schema)) {
    yield 'wanted a zod schema';
    return;
  }
  const unfit = unfitForJson(schema, 'output');
  if (unfit !== undefined) yield `it cannot be stored: ${unfit}`;
  try {
    if (schema.safeParse(null).success) yield 'it takes null: wanted .optional() instead';
  } catch (error) {
    yield firstLine(error);
  }
}

/** Every declaration has a name, which stands in scopes and paths, and says what it is. */
export function* mistakesOfNaming({
  name,
  description,
}: {
  name: unknown;
  description: unknown;
}): Generator<string> {
  if (typeof name !== 'string' || !NAME.test(name)) {
    yield `name is ${JSON.stringify(name)}: wanted ${NAME_WANTED}`;
  }
  if (typeof description !== 'string' || description.trim() === '') {
    yield 'description: wanted a sentence in plain words';
  }
}

/** What travels as JSON must have a JSON form: no dates, maps or functions. Answers why it has none. */
export function unfitForJson(schema: z.ZodType, io: 'input' | 'output'): string | undefined {
  try {
    z.toJSONSchema(schema, { io });
    return undefined;
  } catch (error) {
    return firstLine(error);
  }
}

/** Whether this is a zod schema. */
export function isSchema(value: unknown): value is z.ZodType {
  return isObject(value) && '_zod' in value;
}

/** Whether this is an object with names, and no list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
