import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import fc from 'fast-check';
import { openStore } from '../../adapters/open.ts';
import type { Collection, Store } from '../../adapters/port.ts';
import type { FreshStores } from '../support/stores.ts';
import { anyCall, type Call } from './arbitraries.ts';
import { type Item, items } from './items.ts';
import { Clash, createModel, type Model } from './model.ts';

/** Any sequence of calls gives the same answers, and leaves the same rows, as the plain model does. */
export function properties({ engine, url }: FreshStores): void {
  let store: Store;
  let rows: Collection<Item>;
  before(async () => {
    store = await openStore(await url());
    rows = await store.collection(items);
  });
  after(() => store.close());

  it('does what the plain model does, whatever the calls', async () => {
    const property = fc.asyncProperty(fc.array(anyCall, { minLength: 1, maxLength: 40 }), async (calls) => {
      const model = createModel();
      await rows.removeMany([], 1000);
      for (const one of calls) await askBoth(one, rows, model);
      assert.deepEqual(await rows.list({ limit: 1000 }), model.list({ limit: 1000 }));
    });
    await fc.assert(property, { numRuns: engine === 'sqlite' ? 300 : 80 });
  });
}

/** Asks both and compares what they give or throw. */
async function askBoth(call: Call, rows: Collection<Item>, model: Model): Promise<void> {
  let wanted: unknown;
  try {
    wanted = call.of(model);
  } catch (clash) {
    if (!(clash instanceof Clash)) throw clash;
    await assert.rejects(Promise.resolve(call.of(rows)), (error) => clash.isThatOf(error), call.toString());
    return;
  }
  assert.deepEqual(await call.of(rows), wanted, call.toString());
}
