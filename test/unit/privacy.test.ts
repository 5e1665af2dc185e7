import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import type { Expression } from '../../server/data/expressions.ts';
import {
  always,
  and,
  contains,
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
import { createPrivacy, meets } from '../../server/data/privacy.ts';
import { type AnyRecord, type CallerValues, oppositeOf, resolve } from '../../server/data/resolve.ts';
import { defineType, kindsOf } from '../../server/data/type.ts';

const profile = defineType({
  name: 'profile',
  description: 'What is known of an account',
  fields: { team: z.string().optional(), level: z.number().optional() },
  onePerAccount: true,
});

/** What the tests write rules with. */
let leaves: readonly Expression[] = [];
const paper = defineType({
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
      is(record.hot, true),
      isIn(record.state, ['open', 'closed']),
      isIn(record.title, caller.scopes),
      contains(record.title, 'b'),
      has(record.readers, caller.account),
      has(caller.scopes, 'read'),
      is(record.title, caller.own(profile).team),
      isEmpty(record.title),
      isEmpty(record.readers),
      isEmpty(record.extra),
      isEmpty(caller.client),
      is(caller.client, 'svc_1'),
    ];
    return [];
  },
});
const kinds = kindsOf(paper);

const texts = fc.constantFrom('', 'a', 'b', 'abc', 'read', 'acc_1', 'acc_2');
const records: fc.Arbitrary<AnyRecord> = fc.record(
  {
    id: fc.constant('obj_1'),
    createdBy: fc.constantFrom('acc_1', 'acc_2'),
    title: texts,
    state: fc.constantFrom('open', 'closed'),
    pages: fc.integer({ min: 0, max: 6 }),
    hot: fc.boolean(),
    readers: fc.array(texts, { maxLength: 3 }),
    extra: fc.constant({ a: 1 }),
  },
  { requiredKeys: ['id'] },
) as fc.Arbitrary<AnyRecord>;
const callers: fc.Arbitrary<CallerValues> = fc
  .record({
    account: fc.option(fc.constantFrom('acc_1', 'acc_2'), { nil: undefined }),
    client: fc.option(fc.constantFrom('svc_1', 'svc_2'), { nil: undefined }),
    scopes: fc.array(texts, { maxLength: 3 }),
    title: fc.option(texts, { nil: undefined }),
    own: fc.option(fc.record({ team: texts, level: fc.integer({ min: 0, max: 6 }) }, { requiredKeys: [] }), {
      nil: undefined,
    }),
  })
  .map(({ title, own, ...values }) => ({
    ...values,
    metadata: title === undefined ? {} : { title },
    own: new Map([['profile', own]]),
  }));
const expressions: fc.Arbitrary<Expression> = fc.letrec<{ tree: Expression }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.nat(1000).map((at) => leaves[at % leaves.length] as Expression),
    fc.array(tie('tree'), { maxLength: 3 }).map((of) => and(...of)),
    fc.array(tie('tree'), { maxLength: 3 }).map((of) => or(...of)),
    tie('tree').map((of) => not(of)),
  ),
})).tree;

/** The words of server/data/expressions.ts, as plainly as can be: undefined where the caller lacks what is compared with. */
function plainly(expression: Expression, record: AnyRecord, values: CallerValues, negated = false): boolean {
  if ('always' in expression) return !negated;
  if ('not' in expression) return plainly(expression.not, record, values, !negated);
  if ('and' in expression || 'or' in expression) {
    const isAnd = 'and' in expression;
    const parts = isAnd ? expression.and : expression.or;
    const each = parts.map((part) => plainly(part, record, values, negated));
    return isAnd !== negated ? each.every(Boolean) : each.some(Boolean);
  }
  const { left, test: what, right } = expression;
  const valueIn = (operand: unknown): unknown => {
    if (typeof operand !== 'object' || operand === null || Array.isArray(operand)) return operand;
    if ('record' in operand) return record[String(operand.record)];
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
  if (what === 'empty')
    return (one === undefined || one === '' || (Array.isArray(one) && one.length === 0)) !== negated;
  if (other === undefined || (isCaller && one === undefined)) return false;
  const answer = {
    '=': one === other,
    '!=': one !== other,
    '<': one !== undefined && (one as number) < (other as number),
    '<=': one !== undefined && (one as number) <= (other as number),
    '>': one !== undefined && (one as number) > (other as number),
    '>=': one !== undefined && (one as number) >= (other as number),
    in: (other as unknown[]).includes?.(one),
    contains: typeof one === 'string' && one.includes(String(other)),
    has: Array.isArray(one) && one.includes(other),
  }[what as '='];
  return answer !== negated;
}

test('an expression says of each record and caller what its words say', () => {
  fc.assert(
    fc.property(expressions, records, callers, (expression, record, values) => {
      const resolved = resolve(expression, values, kinds);
      assert.equal(meets(record, resolved), plainly(expression, record, values));
      assert.equal(meets(record, oppositeOf(resolved)), !meets(record, resolved));
    }),
    { numRuns: 2000 },
  );
});

test('nobody gets in by lacking what a rule compares with', () => {
  const nobody: CallerValues = { scopes: [], metadata: {}, own: new Map() };
  for (const leaf of leaves.filter(
    (one) => JSON.stringify(one).includes('"caller"') && !JSON.stringify(one).includes('empty'),
  )) {
    if (JSON.stringify(leaf).includes('scopes')) continue;
    for (const expression of [leaf, not(leaf), not(not(leaf))]) {
      assert.equal(resolve(expression, nobody, kinds), false, JSON.stringify(expression));
    }
  }
});

test('what no rule gives, nobody may; and the rules that hold are added up', () => {
  const note = defineType({
    name: 'note',
    description: 'A note',
    fields: { text: z.string(), state: z.string().optional() },
    rules: (record, caller) => [
      { name: 'Its maker', when: is(record.createdBy, caller.account), view: ['text'], change: ['text'] },
      { name: 'Open ones', when: is(record.state, 'open'), find: true, view: ['state'], delete: true },
    ],
  });
  const values = { account: 'acc_1', scopes: [], metadata: {}, own: new Map() };
  const privacy = createPrivacy(note, values);
  const mine = { id: 'obj_1', createdBy: 'acc_1', text: 'x', state: 'open' };
  const theirs = { ...mine, createdBy: 'acc_2' };
  const closed = { ...theirs, state: 'closed' };
  assert.deepEqual(
    ['text', 'state'].map((field) => privacy.maySee(mine, field)),
    [true, true],
  );
  assert.deepEqual(
    ['text', 'state'].map((field) => privacy.maySee(theirs, field)),
    [false, true],
  );
  assert.equal(meets(closed, privacy.there), false);
  assert.equal(meets(theirs, privacy.found), true);
  assert.deepEqual(
    [privacy.mayCreate(mine), privacy.mayRemove(theirs), privacy.mayRemove(closed)],
    [false, true, false],
  );
  assert.deepEqual([privacy.mayChange(mine, 'text'), privacy.mayChange(mine, 'state')], [true, false]);
  assert.deepEqual([privacy.constrainable('text'), privacy.constrainable('id')], [false, true]);
  assert.equal(meets(closed, createPrivacy(note, values, true).found), true);
});
