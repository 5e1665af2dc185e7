import type { Test } from '../../data/expressions.ts';
import { FIT } from '../../data/field-tests.ts';
import type { Constraint } from '../../data/record-lists.ts';
import type { Records } from '../../data/records.ts';
import { notConstrainable } from '../../data/rule-refusals.ts';
import { type FieldKind, kindsOf } from '../../data/type.ts';
import { invalidField, Problem } from '../../ground/errors.ts';
import { isObject } from '../../ground/is-object.ts';
import { CONSTRAINT_TEXT_LENGTH_MAX, CONSTRAINT_VALUES_MAX, CONSTRAINTS_MAX } from '../../ground/limits.ts';
import { nearMissHint } from '../../ground/near-miss.ts';
import { shortName } from '../../ground/without-secrets.ts';
import { unfitTextIn } from '../../workflows/parameter-text.ts';
import { readDate } from '../../workflows/sent-date.ts';
import { objectsIn, requireKnownNames } from './json-lists.ts';
import { fieldNamed, isMoment, kindInWords, namesOf, unrecognizedField } from './names.ts';

/** What a constraint's `value` is: nothing that is read, one value, or a list of values. */
type Wants = 'nothing' | 'one' | 'list';

/** What Bubble's Data API calls each test. */
const TYPES = new Map<string, { test: Test; wants: Wants }>([
  ['equals', { test: '=', wants: 'one' }],
  ['not equal', { test: '!=', wants: 'one' }],
  ['is_empty', { test: 'empty', wants: 'nothing' }],
  ['is_not_empty', { test: 'filled', wants: 'nothing' }],
  ['text contains', { test: 'contains', wants: 'one' }],
  ['not text contains', { test: 'lacks', wants: 'one' }],
  ['greater than', { test: '>', wants: 'one' }],
  ['less than', { test: '<', wants: 'one' }],
  ['in', { test: 'in', wants: 'list' }],
  ['not in', { test: 'not in', wants: 'list' }],
  ['contains', { test: 'has', wants: 'one' }],
  ['not contains', { test: 'has not', wants: 'one' }],
  ['empty', { test: 'empty', wants: 'nothing' }],
  ['not empty', { test: 'filled', wants: 'nothing' }],
]);

export const CONSTRAINTS_EXAMPLE = '[{"key":"FIELD","constraint_type":"equals","value":"…"}]';

/** The constraints of a list, from the text of the parameter. Throws Problem for the first that cannot be used. */
export function constraintsFrom(text: string, records: Records): Constraint[] {
  const found = objectsIn('constraints', text, { max: CONSTRAINTS_MAX, example: CONSTRAINTS_EXAMPLE });
  return found.map((one) => constraintFrom(one, records));
}

function constraintFrom(one: Record<string, unknown>, records: Records): Constraint {
  requireKnownNames('constraints', one, ['key', 'constraint_type', 'value']);
  const { key, constraint_type: name } = one;
  if (typeof key !== 'string' || typeof name !== 'string') {
    const what = typeof key === 'string' ? 'constraint_type' : 'key';
    const came = kindInWords(typeof key === 'string' ? name : key);
    throw invalidField(
      'constraints',
      `has ${came} where the text ${what} is wanted`,
      `Send ${CONSTRAINTS_EXAMPLE}.`,
    );
  }
  const field = constrainedField(key, records);
  const kind = kindsOf(records.type).get(field) ?? 'other';
  const found = TYPES.get(name);
  if (found === undefined || !FIT[kind].includes(found.test)) throw noSuchType(name, key, kind, records);
  const { test, wants } = found;
  if (wants === 'nothing') return { field, test };
  return { field, test, value: valueFrom(one.value, { key, field, kind, wants }) };
}

/** The field that lists may be narrowed down and sorted by under this name. Throws 400 where there is none, and 403. */
export function constrainedField(name: string, records: Records): string {
  const { type } = records;
  const field = fieldNamed(type, name);
  if (field !== undefined && records.constrains(field) !== 'none') return field;
  const others = namesOf(type).filter((one) => records.constrains(fieldNamed(type, one) ?? '') !== 'none');
  throw field === undefined
    ? unrecognizedField(name, others)
    : notConstrainable({ type: type.name }, name, others);
}

function valueFrom(
  value: unknown,
  wanted: { key: string; field: string; kind: FieldKind; wants: Wants },
): unknown {
  const { key, wants } = wanted;
  if (wants === 'one') return oneValue(value, wanted);
  if (!Array.isArray(value)) {
    throw invalidField(key, `is to be one of a list, and ${kindInWords(value)} came`, 'Send "value":[…].');
  }
  if (value.length > CONSTRAINT_VALUES_MAX) {
    const hint = `Send at most ${CONSTRAINT_VALUES_MAX}, and ask once more for the others.`;
    throw invalidField(key, `is compared with ${value.length} values`, hint);
  }
  return value.map((part) => oneValue(part, wanted));
}

function oneValue(value: unknown, { key, field, kind }: { key: string; field: string; kind: FieldKind }) {
  if (isMoment(field)) return momentFrom(value, key);
  if (value === null || value === undefined) {
    const came = value === null ? 'null' : 'no value';
    throw invalidField(
      key,
      `is compared with something, and ${came} came`,
      'Use is_empty or is_not_empty to ask for nothing.',
    );
  }
  // What the elements of a list are is the type's own affair: another kind than theirs is in no list.
  const fits = kind === 'list' ? !isObject(value) && !Array.isArray(value) : kind === KIND_OF[typeof value];
  if (!fits) {
    const expected = kind === 'list' ? 'a text, a number, true or false' : WORDS[kind];
    throw invalidField(key, `is ${expected}, and ${kindInWords(value)} came`, hintFor(kind, value));
  }
  const unfit = unfitTextIn(value);
  if (unfit !== undefined)
    throw invalidField(key, `cannot be compared with it: ${unfit}`, 'Send another text.');
  if (typeof value === 'string' && value.length > CONSTRAINT_TEXT_LENGTH_MAX) {
    const hint = `Send at most ${CONSTRAINT_TEXT_LENGTH_MAX} characters.`;
    throw invalidField(key, 'is compared with too long a text', hint);
  }
  return value;
}

const WORDS: Record<FieldKind, string> = {
  text: 'a text',
  number: 'a number',
  boolean: 'true or false',
  list: 'a list',
  other: 'an object',
};
const KIND_OF: Partial<Record<string, FieldKind>> = { string: 'text', number: 'number', boolean: 'boolean' };

function hintFor(kind: FieldKind, value: unknown): string {
  if (Array.isArray(value)) return 'For one of several values there is the constraint type in.';
  if (isObject(value) && kind !== 'other')
    return `Compare with constraint_type and send the plain value: ${CONSTRAINTS_EXAMPLE}.`;
  if (kind === 'number' && typeof value === 'string') return 'Leave out the quotes around it.';
  if (kind === 'text') return 'Put it in double quotes.';
  return `Send ${kind === 'boolean' ? 'true or false, without quotes' : WORDS[kind]}.`;
}

/** Epoch seconds from a moment in ISO 8601 or in epoch milliseconds, as parameters of workflows are read. */
function momentFrom(value: unknown, key: string): number {
  // What all moments are later than.
  if (value === 0) return 0;
  const read = readDate(value);
  if (read instanceof Date) return read.getTime() / 1000;
  throw invalidField(
    key,
    `is compared with no moment: ${read}`,
    'Send "2026-02-20T14:03:22Z", or epoch milliseconds as a number.',
  );
}

function noSuchType(name: string, key: string, kind: FieldKind, { type }: Records): Problem {
  const fitting = [...TYPES].filter(([, { test }]) => FIT[kind].includes(test)).map(([one]) => one);
  return new Problem({
    status: 404,
    code: 'NOT_FOUND',
    message: `Constraint type not found ${shortName(name)} for field ${key} and type ${type.name}`,
    hint: nearMissHint(name, fitting, `For ${key} there are: ${fitting.join(', ')}.`),
    parameter: key,
  });
}
