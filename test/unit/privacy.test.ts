import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { is, not } from '../../server/data/expressions.ts';
import { createPrivacy, meets } from '../../server/data/privacy.ts';
import { type CallerValues, implies, oppositeOf, type Resolved, resolve } from '../../server/data/resolve.ts';
import { defineType, kindsOf } from '../../server/data/type.ts';
import { callers, expressions, leaves, oldRecords, paper, plainly, records } from '../support/papers.ts';

const kinds = kindsOf(paper);

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

test('it says the same of a record whose fields are of another kind than they were', () => {
  fc.assert(
    fc.property(expressions, oldRecords, callers, (expression, record, values) => {
      const resolved = resolve(expression, values, kinds);
      assert.equal(meets(record, resolved), plainly(expression, record, values));
      assert.equal(meets(record, oppositeOf(resolved)), !meets(record, resolved));
      if (typeof resolved === 'boolean') assert.equal(plainly(expression, undefined, values), resolved);
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
  const mine = { id: 'obj_1', createdAt: 1, createdBy: 'acc_1', text: 'x', state: 'open' };
  const theirs = { ...mine, createdBy: 'acc_2' };
  const closed = { ...theirs, state: 'closed' };
  assert.deepEqual(
    ['text', 'state'].map((field) => privacy.maySeeIn(mine)(field)),
    [true, true],
  );
  assert.deepEqual(
    ['text', 'state'].map((field) => privacy.maySeeIn(theirs)(field)),
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

test('conditions are seen to be at least as narrow as others where they name them all', () => {
  const [a, b, c] = (['a', 'b', 'c'] as const).map((text) => ['title', '=', text] as const);
  const either = [['any', [[a], [b]]]] as never;
  const those = [
    [[a, b], [a], true],
    [[a], [a, b], false],
    [[a], [['any', [[a], [c]]]], true],
    [either, either, true],
    [either, [['any', [[a], [b], [c]]]], true],
    [either, [['any', [[a], [c]]]], false],
    [
      [
        [
          'any',
          [
            [a, c],
            [b, c],
          ],
        ],
      ],
      [c],
      true,
    ],
    // What is beside a choice, or is the opposite of one, is no choice.
    [[a], [['any', [[a], [b]]], c], false],
    [[['any', [[a], [b]]], c], [c], true],
    [[['none', [[a]]]], [a], false],
    [false, [a], true],
    [true, [a], false],
    [[a], true, true],
    [[a], false, false],
  ] as never as [Resolved, Resolved, boolean][];
  for (const [one, other, does] of those) assert.equal(implies(one, other), does, fc.stringify([one, other]));
});
