import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import fc from 'fast-check';
import { holds } from '../../adapters/holds.ts';
import { toJson } from '../../adapters/json-text.ts';
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

  it('finds, counts and orders what the plain model does, whatever is asked', async () => {
    const earlier = await store.collection(earlierRecords);
    const rows = await store.collection(records);
    const property = fc.asyncProperty(someRecords, severalAsked, async (given, questions) => {
      await rows.removeMany([], 1000);
      await earlier.insertMany(given);
      const stored = given.map((row) => JSON.parse(toJson(row)) as (typeof given)[number]);
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
    await fc.assert(property, { numRuns: engine === 'sqlite' ? 150 : 60 });
  });
}
