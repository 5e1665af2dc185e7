import fc from 'fast-check';
import { z } from 'zod';
import {
  always,
  and,
  contains,
  type Expression,
  has,
  is,
  isAtLeast,
  isAtMost,
  isEmpty,
  isIn,
  isLess,
  isMore,
  isNot,
  not,
  or,
} from '../../server/data/expressions.ts';
import type { StoredRecord } from '../../server/data/record.ts';
import type { CallerValues } from '../../server/data/resolve.ts';
import { defineType } from '../../server/data/type.ts';

/** A data type that tests write random rules for, records and callers for it, and what a rule says in the plainest way. */
const profile = defineType({
  name: 'profile',
  description: 'What is known of an account',
  fields: {
    team: z.string().optional(),
    level: z.number().optional(),
    teams: z.array(z.string()).optional(),
  },
  onePerAccount: true,
});

/** Expressions of one comparison. */
export let leaves: readonly Expression[] = [];

export const paper = defineType({
  name: 'paper',
  description: 'A paper',
  fields: {
    title: z.string().optional(),
    state: z.enum(['open', 'closed']).optional(),
    pages: z.number().optional(),
    hot: z.boolean().optional(),
    readers: z.array(z.string()).optional(),
    extra: z.object({ a: z.number() }).optional(),
  },
  rules(record, caller) {
    leaves = [
      always,
      is(record.createdBy, caller.account),
      isNot(record.createdBy, caller.account),
      is(record.state, 'open'),
      isNot(record.state, 'open'),
      is(record.title, caller.metadata('title')),
      isLess(record.pages, 3),
      isAtMost(record.pages, 3),
      isMore(record.pages, caller.own(profile).level),
      isAtLeast(record.title, 'b'),
      isLess(record.title, '\u{1f600}'),
      is(record.hot, true),
      isNot(record.hot, false),
      is(record.pages, 1),
      isIn(record.pages, [0, 1, 2 ** 60]),
      isIn(record.state, ['open', 'closed']),
      isIn(record.title, caller.scopes),
      isIn(record.title, caller.own(profile).teams as never),
      contains(record.title, 'b'),
      has(record.readers, caller.account),
      has(caller.scopes, 'read'),
      is(record.title, caller.own(profile).team),
      isEmpty(record.title),
      isEmpty(record.pages),
      isEmpty(record.readers),
      isEmpty(record.extra),
      isEmpty(caller.client),
      isEmpty(caller.scopes),
      isEmpty(caller.own(profile).team),
      is(caller.client, 'svc_1'),
    ];
    return [];
  },
});

/** Composed and decomposed, upper and lower case, beyond the basic plane and just before it, as a list looks in JSON. */
export const texts = fc.constantFrom(
  ...[
    '',
    'a',
    'b',
    'abc',
    'B',
    'read',
    'acc_1',
    'acc_2',
    '1',
    '["a"]',
    '\u00e9',
    'e\u0301',
    '\u{1f600}',
    '\ufffd',
  ],
);
export const numbers = fc.constantFrom(-1, -0, 0, 1, 2, 3, 4, 0.1 + 0.2, 2 ** 53, 2 ** 60, -1e300);

const FIELDS = {
  createdAt: fc.integer({ min: 1, max: 3 }),
  createdBy: fc.constantFrom('acc_1', 'acc_2'),
  modifiedAt: fc.integer({ min: 1, max: 3 }),
  title: texts,
  state: fc.constantFrom('open', 'closed'),
  pages: numbers,
  hot: fc.boolean(),
  readers: fc.array(texts, { maxLength: 3 }),
  extra: fc.constant({ a: 1 }),
};

/** What a record may hold in each field. */
export const fieldValues: Readonly<Record<string, fc.Arbitrary<unknown>>> = FIELDS;

/** A record whose id is put in later. */
export const records: fc.Arbitrary<StoredRecord> = fc.record(
  { id: fc.constant('obj_1'), ...FIELDS },
  { requiredKeys: ['id', 'createdAt'] },
) as fc.Arbitrary<StoredRecord>;

/** Also with what a field held when it was of another kind. */
export const oldRecords: fc.Arbitrary<StoredRecord> = fc.record(
  {
    id: fc.constant('obj_1'),
    ...FIELDS,
    title: fc.oneof(texts, numbers),
    state: fc.oneof(FIELDS.state, fc.boolean(), FIELDS.readers),
    pages: fc.oneof(numbers, texts),
    hot: fc.oneof(FIELDS.hot, fc.constantFrom(0, 1, 'true')),
    readers: fc.oneof(FIELDS.readers, texts),
    extra: fc.oneof(FIELDS.extra, texts),
  },
  { requiredKeys: ['id', 'createdAt'] },
) as fc.Arbitrary<StoredRecord>;

export const callers: fc.Arbitrary<CallerValues> = fc
  .record({
    account: fc.option(fc.constantFrom('acc_1', 'acc_2'), { nil: undefined }),
    client: fc.option(fc.constantFrom('svc_1', 'svc_2'), { nil: undefined }),
    scopes: fc.array(texts, { maxLength: 3 }),
    title: fc.option(texts, { nil: undefined }),
    own: fc.option(
      fc.record(
        { team: texts, level: numbers, teams: fc.array(texts, { maxLength: 3 }) },
        { requiredKeys: [] },
      ),
      { nil: undefined },
    ),
  })
  .map(({ title, own, ...values }) => ({
    ...values,
    metadata: title === undefined ? {} : { title },
    own: new Map([['profile', own]]),
  }));

export const expressions: fc.Arbitrary<Expression> = fc.letrec<{ tree: Expression }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.nat(1000).map((at) => leaves[at % leaves.length] as Expression),
    fc.array(tie('tree'), { maxLength: 3 }).map((of) => and(...of)),
    fc.array(tie('tree'), { maxLength: 3 }).map((of) => or(...of)),
    tie('tree').map((of) => not(of)),
  ),
})).tree;

/**
 * The words of server/data/expressions.ts, as plainly as can be. Without a record: what is known of all of them, and
 * undefined where it depends on the record.
 */
export function plainly(
  expression: Expression,
  record: StoredRecord | undefined,
  values: CallerValues,
  negated = false,
): boolean | undefined {
  if ('always' in expression) return !negated;
  if ('not' in expression) return plainly(expression.not, record, values, !negated);
  if ('and' in expression || 'or' in expression) {
    const isAnd = 'and' in expression;
    const parts = isAnd ? expression.and : expression.or;
    const each = parts.map((part) => plainly(part, record, values, negated));
    // Of an "and", one "no" is enough for "no"; of an "or", one "yes" for "yes".
    const enough = isAnd === negated;
    if (each.includes(enough)) return enough;
    return each.includes(undefined) ? undefined : !enough;
  }
  const { left, test: what, right } = expression;
  const valueIn = (operand: unknown): unknown => {
    if (typeof operand !== 'object' || operand === null || Array.isArray(operand)) return operand;
    if ('record' in operand) return record?.[String(operand.record)];
    const {
      caller,
      key = '',
      type = '',
    } = operand as { caller: keyof CallerValues; key?: string; type?: string };
    if (caller === 'own') return values.own.get(type)?.[key];
    return caller === 'metadata' ? values.metadata[key] : values[caller];
  };
  const isCaller = typeof left === 'object' && 'caller' in left;
  const [one, other] = [valueIn(left), valueIn(right)];
  const isOfOne = what === 'empty' || what === 'filled';
  if (!isOfOne && (other === undefined || (isCaller && one === undefined))) return false;
  if (!isCaller && record === undefined) return undefined;
  if (isOfOne && !isCaller && isRecordField(left))
    return isNothingIn(left.record, one) !== ((what === 'filled') !== negated);
  return saysOf(one, what, other) !== negated && !(negated && isUnordered(one, what, other));
}

function isRecordField(operand: unknown): operand is { record: string } {
  return typeof operand === 'object' && operand !== null && 'record' in operand;
}

/** A field holds nothing where it is absent, a text that is empty; and no list, or an empty one, where a list should be. */
export function isNothingIn(field: string, value: unknown): boolean {
  if (field === 'readers') return !Array.isArray(value) || value.length === 0;
  return value === undefined || (value === '' && TEXT_FIELDS.includes(field));
}

const TEXT_FIELDS = ['title', 'state', 'id', 'createdBy'];

/** Whether a test holds between two values. */
export function saysOf(one: unknown, what: string, other: unknown): boolean {
  const order = orderOf(one, other);
  const is_ = {
    '=': one === other,
    '<': order !== undefined && order < 0,
    '<=': order !== undefined && order <= 0,
    '>': order !== undefined && order > 0,
    '>=': order !== undefined && order >= 0,
    in: Array.isArray(other) && other.includes(one),
    contains: typeof one === 'string' && one.includes(String(other)),
    has: Array.isArray(one) && one.includes(other),
    empty: one === undefined || one === '' || (Array.isArray(one) && one.length === 0),
  };
  const opposites: Record<string, keyof typeof is_> = {
    '!=': '=',
    'not in': 'in',
    lacks: 'contains',
    'has not': 'has',
    filled: 'empty',
  };
  const opposite = opposites[what];
  return opposite === undefined ? is_[what as '='] : !is_[opposite];
}

/** What has no order with the value, since it was of another kind once, is neither before it nor behind. */
function isUnordered(one: unknown, what: string, other: unknown): boolean {
  return ['<', '<=', '>', '>='].includes(what) && one !== undefined && orderOf(one, other) === undefined;
}

/** Numbers by size, texts by code point; undefined between others. */
export function orderOf(one: unknown, other: unknown): number | undefined {
  if (typeof one === 'number' && typeof other === 'number') return one < other ? -1 : Number(one > other);
  if (typeof one !== 'string' || typeof other !== 'string') return undefined;
  const [left, right] = [one, other].map((text) => [...text].map((point) => point.codePointAt(0) ?? 0));
  for (let at = 0; ; at += 1) {
    const [a = -1, b = -1] = [left?.[at], right?.[at]];
    if (a !== b || a === -1) return Math.sign(a - b);
  }
}
