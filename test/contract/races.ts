import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { openStore } from '../../adapters/open.ts';
import { type Collection, type Store, Taken } from '../../adapters/port.ts';
import type { FreshStores } from '../support/stores.ts';
import { type Item, item, items } from './items.ts';

const RACERS = 50;

/** Fifty at once, half of them through a store of their own, as another process would have. */
export function races({ url }: FreshStores): void {
  let stores: Store[];
  let tables: Collection<Item>[];

  before(async () => {
    const address = await url();
    // At the same time, for the first time: both want to make the tables.
    stores = await Promise.all([openStore(address), openStore(address)]);
    tables = await Promise.all(stores.map((store) => store.collection(items)));
  });
  after(() => Promise.all(stores.map((store) => store.close())));

  function race<T>(
    racer: (rows: Collection<Item>, i: number) => Promise<T>,
  ): Promise<PromiseSettledResult<T>[]> {
    return Promise.allSettled(
      Array.from({ length: RACERS }, (_, i) => racer(tables[i % 2] as Collection<Item>, i)),
    );
  }

  const winners = <T>(results: PromiseSettledResult<T>[]): T[] =>
    results.flatMap((result) => (result.status === 'fulfilled' && result.value ? [result.value] : []));

  function assertRestTaken(results: PromiseSettledResult<unknown>[], field: string): void {
    for (const result of results) {
      if (result.status === 'rejected') {
        assert.ok(result.reason instanceof Taken, String(result.reason));
        assert.equal(result.reason.field, field);
      }
    }
  }

  it('lets exactly one of excluding guarded updates win', async () => {
    await tables[0]?.insert(item('code'));
    const results = await race((rows, i) => rows.update('code', { set: { rank: i } }, [['rank', 'absent']]));
    const won = winners(results);
    assert.equal(won.length, 1);
    assert.deepEqual(await tables[1]?.get('code'), won[0]);
    assert.equal(results.filter(({ status }) => status === 'rejected').length, 0);
  });

  it('lets exactly one of many inserts have a unique value', async () => {
    const results = await race((rows, i) =>
      rows.insert(item(`label-${i}`, { label: 'one' })).then(() => i + 1),
    );
    const [winner, ...more] = winners(results);
    assert.deepEqual(more, []);
    assertRestTaken(results, 'label');
    assert.equal((await tables[0]?.find('label', 'one'))?.id, `label-${(winner ?? 0) - 1}`);
  });

  it('lets exactly one of many inserts have an id', async () => {
    const results = await race((rows, i) => rows.insert(item('same', { size: i })).then(() => [i]));
    assert.equal(winners(results).length, 1);
    assertRestTaken(results, 'id');
    assert.deepEqual([(await tables[1]?.get('same'))?.size], winners(results)[0]);
  });

  it('lets exactly one of many updates have a unique value', async () => {
    await tables[0]?.insertMany(Array.from({ length: RACERS }, (_, i) => item(`code-${i}`)));
    const results = await race((rows, i) => rows.update(`code-${i}`, { set: { code: 42 } }));
    assert.equal(winners(results).length, 1);
    assertRestTaken(results, 'code');
    assert.equal(await tables[1]?.count([['code', '=', 42]]), 1);
  });

  it('loses no addition', async () => {
    await tables[0]?.insert(item('counter', { size: 0 }));
    const sums = winners(await race((rows) => rows.update('counter', { add: { size: 1 } })));
    const sizes = sums.map((row) => row?.size ?? 0);
    const wanted = Array.from({ length: RACERS }, (_, i) => i + 1);
    assert.deepEqual(
      sizes.sort((a, b) => a - b),
      wanted,
    );
    assert.equal((await tables[1]?.get('counter'))?.size, RACERS);
  });

  it('lets a limit hold: of fifty that take one of ten, ten get it', async () => {
    await tables[0]?.insert(item('bucket', { size: 0 }));
    const got = winners(
      await race((rows) => rows.update('bucket', { add: { size: 1 } }, [['size', '<', 10]])),
    );
    assert.equal(got.length, 10);
    assert.equal((await tables[0]?.get('bucket'))?.size, 10);
  });

  it('lets exactly one remove a row', async () => {
    await tables[0]?.insert(item('doomed'));
    const results = await race((rows) => rows.remove('doomed', [['size', '=', 1]]));
    assert.equal(winners(results).length, 1);
    assert.equal(results.filter(({ status }) => status === 'rejected').length, 0);
  });

  it('lets all put the same row, new or not', async () => {
    const results = await race((rows, i) => rows.put(item('put', { size: i })).then(() => true));
    assert.equal(winners(results).length, RACERS);
    assert.equal(await tables[0]?.count([['id', '=', 'put']]), 1);
  });

  it('adds each of many rows once, however often it is inserted', async () => {
    const many = Array.from({ length: 20 }, (_, i) => item(`many-${i}`, { group: 'many' }));
    const added = winners(await race((rows) => rows.insertMany(many)));
    assert.equal(
      added.reduce((sum, count) => sum + count, 0),
      20,
    );
    assert.equal(await tables[0]?.count([['group', '=', 'many']]), 20);
  });
}
