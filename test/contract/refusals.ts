import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { inspect } from 'node:util';
import { z } from 'zod';
import { openStore } from '../../adapters/open.ts';
import { type Collection, declare, type Store, Taken } from '../../adapters/port.ts';
import type { FreshStores } from '../support/stores.ts';
import { type Item, item, itemSchema, items } from './items.ts';

/**
 * What is no scalar where a scalar is wanted: the objects and lists that a JSON body or a query could bring
 * in.
 */
const OPERATORS = [
  { $ne: '' },
  { $gt: '' },
  { $regex: '.*' },
  {},
  [],
  ['a'],
  null,
  undefined,
  Number.NaN,
  () => 1,
];

/** What does not fit the declaration is refused before it reaches the database, and changes nothing there. */
export function refusals({ url }: FreshStores): void {
  let store: Store;
  let rows: Collection<Item>;
  /** The same collection without its types, as a forgotten check of input would use it. */
  let loose: Record<string, (...args: unknown[]) => Promise<unknown>>;

  before(async () => {
    store = await openStore(await url());
    rows = await store.collection(items);
    loose = rows as unknown as typeof loose;
    await rows.insert(item('one', { label: 'L', rank: 1 }));
  });
  after(async () => {
    const left = await rows.list({ limit: 10 });
    await store.close();
    assert.deepEqual(left, [item('one', { label: 'L', rank: 1 })]);
  });

  async function refused(method: string, ...args: unknown[]): Promise<void> {
    const call = async () => loose[method]?.(...args);
    await assert.rejects(call, TypeError, `${method} ${inspect(args)}`);
  }

  it('takes no object for an id or a value to find by', async () => {
    for (const operator of OPERATORS) {
      await refused('get', operator);
      await refused('find', 'label', operator);
      await refused('update', operator, { set: { group: 'x' } });
      await refused('remove', operator);
    }
    await refused('find', 'group', 'g');
  });

  it('takes no object in a condition', async () => {
    for (const operator of OPERATORS) {
      for (const test of ['=', '!=', '<', '>=']) {
        await refused('count', [['label', test, operator]]);
        await refused('removeMany', [['id', test, operator]], 10);
      }
      await refused('list', { where: [['label', 'in', [operator]]], limit: 1 });
      await refused('update', 'one', { set: { group: 'x' } }, [['label', '=', operator]]);
      await refused('remove', 'one', [['rank', '>', operator]]);
    }
  });

  it('takes no condition of another shape', async () => {
    const shapes = [
      { label: 'L' },
      'label',
      ['label'],
      ['label', '$ne', 'L'],
      ['label', 'in', 'L'],
      ['label', 'constructor', 'L'],
      ['label', 'not in', 'L'],
      ['label', 'contains', 1],
      ['label', 'lacks', 'L'.repeat(4001)],
      ['any'],
      ['any', 'L'],
      ['any', {}],
      ['any', [['label', '=', 'L']]],
      ['any', [[]], 'L'],
      ['label', [[]]],
      ['none', [[]], 'L'],
      [['any', [[]]]],
    ];
    for (const shape of shapes) await refused('count', [shape]);
    for (const operator of OPERATORS) {
      for (const test of ['contains', 'lacks', 'has', 'has not'])
        await refused('count', [['tags', test, operator]]);
      await refused('count', [['any', [[['label', '=', operator]]]]]);
      await refused('count', [['label', 'not in', [operator]]]);
    }
    await refused('count', { label: 'L' });
    await refused('removeMany', {}, 10);
    // Also where there would be nothing to do.
    await refused('removeMany', {}, 0);
  });

  it('takes conditions and orders up to a bound', async () => {
    const nested = (levels: number): unknown[] =>
      levels === 0 ? [['label', 'lacks', 'M']] : [['any', [nested(levels - 1)]]];
    const many = (count: number) => Array.from({ length: count }, () => ['label', 'not in', ['M']]);
    assert.equal(await loose.count?.(nested(16)), 1);
    await refused('count', nested(17));
    assert.equal(await loose.count?.(many(500)), 1);
    assert.equal(await loose.count?.([['any', many(249).map((one) => [one])]]), 1);
    await refused('count', many(501));
    await refused('count', [['any', many(250).map((one) => [one])]]);
    await refused('count', [['any', Array.from({ length: 500 }, () => [])]]);
    await refused('list', { order: Array.from({ length: 17 }, () => ({ by: 'size' })), limit: 1 });
  });

  it('takes no field that is not declared', async () => {
    for (const field of [
      'nothing',
      '$where',
      'extra.a',
      "label') OR 1=1 --",
      '_id',
      'doc',
      '__proto__',
      'constructor',
      7,
    ]) {
      await refused('count', [[field, '=', 'x']]);
      await refused('count', [['any', [[], [[field, 'has not', 'x']]]]]);
      await refused('list', { order: [{ by: 'size' }, { by: field }], limit: 1 });
      await refused('list', { order: { by: field }, limit: 1 });
      await refused('update', 'one', { set: { [field]: 1 } });
      await refused('update', 'one', { unset: [field] });
      await refused('update', 'one', { add: { [field]: 1 } });
      await refused('find', field, 'x');
    }
  });

  it('takes no row that does not fit its schema', async () => {
    const misfits = [
      { id: 'x' },
      { ...item('x'), more: 1 },
      { ...item('x'), size: '1' },
      { ...item('x'), rank: null },
      null,
    ];
    for (const misfit of [
      ...misfits,
      { ...item('x'), size: Number.POSITIVE_INFINITY },
      { ...item('x'), id: 1 },
    ]) {
      await refused('insert', misfit);
      await refused('put', misfit);
      await refused('insertMany', [item('y'), misfit]);
    }
  });

  it('takes no row that is nested without end, and one that is deep', async () => {
    const nested = (levels: number): Item['extra'] => ({
      list: JSON.parse('['.repeat(levels) + ']'.repeat(levels)),
    });
    const deep = item('deep', { extra: nested(490) });
    await rows.insert(deep);
    assert.deepEqual(await rows.get('deep'), deep);
    await refused('insert', item('deeper', { extra: nested(510) }));
    await refused('update', 'deep', { set: { extra: nested(5000) } });
    await rows.remove('deep');
  });

  it('takes no change that would make a row unfit', async () => {
    await refused('update', 'one', { set: { size: 'big' } });
    await refused('update', 'one', { set: { rank: null } });
    await refused('update', 'one', { set: { id: 'two' } });
    await refused('update', 'one', { unset: ['size'] });
    await refused('update', 'one', { set: { group: undefined } });
    await refused('update', 'one', { add: { rank: '1' } });
    await refused('update', 'one', { set: { rank: 1 }, add: { rank: 1 } });
    await refused('updateMany', [], { set: { rank: 1 }, unset: ['rank'] });
  });

  it('takes no limit that is no number of rows', async () => {
    for (const limit of [-1, 1.5, '5', undefined, Number.NaN, Number.POSITIVE_INFINITY]) {
      await refused('list', { limit });
      if (limit !== undefined) await refused('list', { limit: 1, skip: limit });
      if (limit !== undefined) await refused('count', [], { most: limit });
      await refused('removeMany', [], limit);
    }
  });

  it('never repeats a value in a refusal', async () => {
    const secret = 'lk_pat_verysecret';
    const told = await rows
      .insert({ ...item('x'), size: secret as unknown as number })
      .catch((error: Error) => error.message);
    assert.match(told ?? '', /^items: .*size/);
    assert.doesNotMatch(told ?? '', /verysecret/);
  });

  it('takes no field for unique of which rows have the same value, until they have not', async () => {
    const loose = { name: 'stricter', schema: itemSchema } as const;
    const some = await store.collection(declare<Item>(loose));
    await some.insertMany([item('one', { code: 1, label: 'a' }), item('two', { code: 1 }), item('three')]);
    const stricter = declare<Item>({ ...loose, unique: ['label', 'code'], committed: true });
    await assert.rejects(
      async () => store.collection(stricter),
      (error) => error instanceof Taken && error.collection === 'stricter' && error.field === 'code',
    );
    await some.update('two', { set: { code: 2 } });
    const rows = await store.collection(stricter);
    await assert.rejects(rows.insert(item('four', { code: 2 })), { name: 'Taken', field: 'code' });
  });

  it('takes no declaration with names that are no plain words', async () => {
    const odd = declare<{ id: string }>({
      name: 'items"; DROP TABLE items',
      schema: z.object({ id: z.string() }),
    });
    await assert.rejects(async () => store.collection(odd), TypeError);
    const schema = z.object({ id: z.string(), 'a.b': z.string() });
    await assert.rejects(
      async () => store.collection(declare<{ id: string; 'a.b': string }>({ name: 'odd', schema })),
      TypeError,
    );
  });
}
