import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import fc from 'fast-check';
import { holds } from '../../adapters/holds.ts';
import { rowToJson } from '../../adapters/json-text.ts';
import { openStore } from '../../adapters/open.ts';
import type { Listing, Store, Where } from '../../adapters/port.ts';
import type { FreshStores } from '../support/stores.ts';
import { listed } from './model.ts';
import { earlierRecords, type Item, records, severalAsked, someRecords } from './records.ts';

/** Whatever rows hold and whatever is asked of them, an engine finds those that the plain model finds. */
export function queries({ engine, url }: FreshStores): void {
  let store: Store;
  before(async () => {
    store = await openStore(await url());
  });
  after(() => store.close());

  it('answers each of the words', async () => {
    const rows = await store.collection(records);
    await rows.removeMany([], 1000);
    await rows.insertMany([
      { id: 'a', text: 'An apple: 100% [ripe]', number: 5, flag: true, tags: ['x', 1] },
      { id: 'b', text: 'AN APPLE', number: -5, flag: false, tags: [] },
      { id: 'c', tags: ['1', true], any: null },
      { id: 'd', number: 2 ** 60, mark: 7, any: 'x' },
      { id: 'e', number: 1e300, mark: 'x', any: ['x'] },
    ]);
    const ANSWERS: [where: readonly unknown[], ids: string][] = [
      [[['text', 'contains', 'apple']], 'a'],
      [[['text', 'contains', '0% [r']], 'a'],
      [[['text', 'contains', '']], 'a b'],
      [[['text', 'contains', 'a.*e']], ''],
      [[['text', 'lacks', 'apple']], 'b c d e'],
      [[['number', 'in', [5, 2 ** 60]]], 'a d'],
      [[['number', 'not in', [5, 2 ** 60]]], 'b c e'],
      [[['number', 'not in', []]], 'a b c d e'],
      [[['tags', 'has', 1]], 'a'],
      [[['tags', 'has', '1']], 'c'],
      [[['tags', 'has', true]], 'c'],
      [[['tags', 'has not', 'x']], 'b c d e'],
      [[['tags', 'filled']], 'a c'],
      [[['tags', 'empty']], 'b d e'],
      [[['mark', '>', 0]], 'd'],
      [[['mark', '<', 'y']], 'e'],
      [[['flag', '>=', false]], ''],
      [[['any', 'absent']], 'a b c'],
      [[['any', '=', 'x']], 'd'],
      [[['any', '!=', 'x']], 'a b c e'],
      [[['any', '=', '["x"]']], ''],
      [[['any', 'in', ['["x"]', 1]]], ''],
      [[['any', '!=', '["x"]']], 'a b c d e'],
      [[['any', []]], ''],
      [[['any', [[]]]], 'a b c d e'],
      [[['none', []]], 'a b c d e'],
      [[['none', [[]]]], ''],
      [[['none', [[['number', '<', 0]], [['mark', '>', 0]]]]], 'a c e'],
      [
        [
          [
            'any',
            [
              [['flag', '=', true]],
              [
                ['number', '>', 5],
                ['mark', '=', 'x'],
              ],
            ],
          ],
        ],
        'a e',
      ],
      [
        [
          ['any', [[['flag', '=', true]], [['id', '=', 'c']]]],
          ['tags', 'has', 1],
        ],
        'a',
      ],
    ];
    for (const [where, ids] of ANSWERS) {
      const found = await rows.list({ where: where as Where<Item>, limit: 9 });
      assert.equal(found.map(({ id }) => id).join(' '), ids, JSON.stringify(where));
    }
    const order = [{ by: 'flag' as const }, { by: 'number' as const, descending: true }];
    const page = async (more: { skip?: number; after?: Item }) =>
      (await rows.list({ order, limit: 3, ...more })).map(({ id }) => id).join(' ');
    assert.equal(await page({}), 'e d c');
    assert.equal(await page({ skip: 2 }), 'c b a');
    assert.equal(await page({ after: { id: 'd', number: 2 ** 60 } }), 'c b a');
    assert.equal(await page({ after: { id: 'd', number: 2 ** 60 }, skip: 1 }), 'b a');
    const asked: string[] = [];
    const takes = ({ id }: Item) => asked.push(id) < 2;
    assert.equal((await rows.list({ order, limit: 3, takes })).map(({ id }) => id).join(' '), 'e');
    assert.equal(asked.join(' '), 'e d');
  });

  it('finds, counts and orders what the plain model does, whatever is asked', async () => {
    const earlier = await store.collection(earlierRecords);
    const rows = await store.collection(records);
    const property = fc.asyncProperty(someRecords, severalAsked, async (given, questions) => {
      await rows.removeMany([], 1000);
      await earlier.insertMany(given);
      const stored = given.map((row) => JSON.parse(rowToJson(row)) as (typeof given)[number]);
      for (const { behind, ...question } of questions) {
        const ordered = listed(stored, { ...question, where: [], skip: 0, limit: 100 });
        const last = behind === undefined ? undefined : ordered[behind];
        const listing = { ...question, ...(last && { after: last }) };
        const found = await rows.list(listing as Listing<Item>);
        assert.deepEqual(found, listed(stored, listing), fc.stringify(listing));
        const { where = [] } = question;
        const count = stored.filter((row) => holds(where, row)).length;
        assert.equal(await rows.count(where as Where<Item>), count, fc.stringify(where));
      }
    });
    await fc.assert(property, { numRuns: engine === 'sqlite' ? 150 : 30 });
  });
}
