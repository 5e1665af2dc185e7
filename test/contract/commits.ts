import assert from 'node:assert/strict';
import { after, beforeEach, it } from 'node:test';
import { openStore } from '../../adapters/open.ts';
import {
  type Change,
  type Collection,
  declare,
  type Store,
  Taken,
  type Where,
  type Write,
  writeOf,
} from '../../adapters/port.ts';
import type { FreshStores } from '../support/stores.ts';
import { type Item, item, items, logbook } from './items.ts';
import { CENTS, openLedger } from './ledger.ts';

const declaration = declare({ ...items, name: 'committed_items', committed: true });

const insert = (row: Item) => writeOf({ declaration, insert: row });
const change = (id: string, change: Change<Item>, guard: Where<Item> = []) =>
  writeOf({ declaration, id, change, guard });
const remove = (id: string, guard: Where<Item> = []) => writeOf({ declaration, id, remove: true, guard });

/** What adapters/port.ts says of `commit`. */
export function commits({ url }: FreshStores): void {
  const stores: Store[] = [];
  let store: Store;
  let rows: Collection<Item>;
  const there = [item('a', { label: 'A' }), item('b', { label: 'B', code: 1 }), item('c')];

  beforeEach(async () => {
    if (stores.length === 0) {
      const address = await url();
      stores.push(await openStore(address), await openStore(address));
    }
    store = stores[0] as Store;
    rows = await store.collection(declaration);
    await rows.removeMany([], 1000);
    await rows.insertMany(there);
    await Promise.all(there.map(({ id }) => rows.get(id)));
  });
  after(() => Promise.all(stores.map((one) => one.close())));

  const all = () => rows.list({ limit: 100 });

  it('inserts, changes and removes together', async () => {
    const extra = { 'x.y': { $set: [[1]] } };
    const isDone = await store.commit([
      insert(item('d', { label: 'D', extra })),
      change('b', { set: { hot: true, code: 2, extra }, unset: ['label'], add: { size: 2 } }, [
        ['size', '=', 1],
      ]),
      remove('a', [['label', '=', 'A']]),
    ]);
    assert.equal(isDone, true);
    const b = { ...item('b', { hot: true, code: 2, size: 3 }), extra };
    assert.deepEqual(await all(), [b, item('c'), item('d', { label: 'D', extra })]);
    assert.deepEqual(await Promise.all(['a', 'b', 'd'].map(rows.get)), [
      undefined,
      b,
      item('d', { label: 'D', extra }),
    ]);
    assert.deepEqual((await rows.find('code', 2))?.id, 'b');
    assert.deepEqual([await rows.find('label', 'A'), await rows.find('code', 1)], [undefined, undefined]);
    assert.equal(await store.commit([]), true);
  });

  it('does nothing where one guard does not hold, or a row is not there', async () => {
    const others = [insert(item('d')), change('a', { add: { size: 1 } }), remove('b')];
    for (const wrong of [
      change('c', { add: { size: 1 } }, [['size', '=', 2]]),
      remove('c', [['label', 'present']]),
      change('none', { add: { size: 1 } }),
      remove('none'),
      change('c', {}, [['size', '=', 2]]),
    ]) {
      assert.equal(await store.commit([...others, wrong]), false);
      assert.equal(await store.commit([wrong, ...others]), false);
      // What is decided on other rows than there are may also want what is not free.
      assert.equal(await store.commit([wrong, insert(item('d', { label: 'A' }))]), false);
      assert.equal(await store.commit([change('b', { set: { label: 'A' } }), wrong]), false);
      assert.equal(await store.commit([insert(item('b')), wrong]), false);
      assert.deepEqual(await all(), there);
    }
    assert.equal(
      await store.commit([change('a', { set: { label: 'B', code: 1 } }, [['label', '=', 'B']])]),
      false,
    );
    assert.equal(await store.commit([...others, change('c', {}, [['size', '=', 1]])]), true);
  });

  it('does nothing where an id or a unique value is in use, also by a row that it lets go itself', async () => {
    const wrong: [string, ...Write[]][] = [
      ['id', insert(item('a'))],
      ['label', insert(item('d', { label: 'B' }))],
      ['label', change('c', { set: { label: 'B' } })],
      ['code', change('c', { set: { label: 'C', code: 1 } })],
      ['label', insert(item('d', { label: 'D' })), insert(item('e', { label: 'D' }))],
      ['label', insert(item('d', { label: 'C' })), change('c', { set: { label: 'C' } })],
      ['label', insert(item('d', { label: 'B' })), remove('b')],
      ['label', change('c', { set: { label: 'B' } }), change('b', { set: { label: 'C' } })],
      ['label', change('a', { set: { label: 'B' } }), change('b', { unset: ['label'] })],
    ];
    for (const [field, ...writes] of wrong) {
      for (const order of [writes, writes.toReversed()]) {
        const refused = store.commit([...order, insert(item('z'))]);
        await assert.rejects(
          refused,
          (error) => error instanceof Taken && error.field === field,
          JSON.stringify(order),
        );
        assert.deepEqual(await all(), there);
      }
    }
    // Nothing of it is taken afterwards, and a row may be given what it has.
    assert.equal(
      await store.commit([change('c', { set: { label: 'C', code: 7 } }), insert(item('d', { label: 'D' }))]),
      true,
    );
    assert.equal(
      await store.commit([change('c', { set: { label: 'C' } }), change('b', { set: { label: 'B2' } })]),
      true,
    );
    await rows.insert(item('e', { label: 'B' }));
    assert.equal((await rows.find('label', 'B2'))?.id, 'b');
  });

  it('says of which collection it is in use', async () => {
    const inOther = declare({ ...declaration, name: 'committed_others' });
    const others = await store.collection(inOther);
    await others.removeMany([], 1000);
    await others.insert(item('b', { label: 'O' }));
    const free = (of: typeof declaration) => writeOf({ declaration: of, insert: item('z') });
    const taken = (of: typeof declaration, row: Item) => writeOf({ declaration: of, insert: row });
    for (const [wanted, ...writes] of [
      [new Taken('committed_items', 'id'), taken(declaration, item('a')), free(inOther)],
      [new Taken('committed_others', 'id'), free(declaration), taken(inOther, item('b'))],
      [new Taken('committed_items', 'label'), taken(declaration, item('y', { label: 'A' })), free(inOther)],
      [new Taken('committed_others', 'label'), free(declaration), taken(inOther, item('y', { label: 'O' }))],
    ] as const)
      await assert.rejects(store.commit(writes), wanted);
    assert.deepEqual(await all(), there);
    assert.equal(await others.count([]), 1);
  });

  it('knows which unique values other writes took and let go, and tells them of its own', async () => {
    await rows.update('a', { set: { label: 'Z' } });
    await assert.rejects(store.commit([insert(item('d', { label: 'Z' }))]), Taken);
    assert.equal(await store.commit([insert(item('d', { label: 'A' }))]), true);
    await rows.update('b', { unset: ['label'] });
    assert.equal(
      await store.commit([insert(item('e', { label: 'B' })), change('d', { unset: ['label'] })]),
      true,
    );
    await rows.insert(item('f', { label: 'A' }));
    await assert.rejects(rows.insert(item('g', { label: 'B' })), Taken);
    assert.equal(await store.commit([change('e', { set: { label: 'Y' } })]), true);
    assert.equal(await store.commit([insert(item('g', { label: 'B' }))]), true);
  });

  it('changes and removes many rows of it by themselves, at most as many as said', async () => {
    assert.equal(await rows.updateMany([['label', 'present']], { add: { size: 4 } }), 2);
    assert.equal(await rows.updateMany([['label', '=', 'none']], { set: { size: 9 } }), 0);
    assert.equal(await rows.count([['size', '=', 5]]), 2);
    assert.equal(await rows.removeMany([], 0), 0);
    assert.equal(await rows.removeMany([], 1), 1);
    assert.equal(await rows.removeMany([], 9), 2);
    assert.deepEqual(await all(), []);
  });

  it('leaves other writes of the same moment alone', async () => {
    const outcomes = await Promise.allSettled([
      rows.update('c', { add: { size: 1 } }),
      store.commit([insert(item('d')), remove('b', [['size', '=', 9]])]),
      rows.insert(item('e')),
      store.commit([insert(item('f')), insert(item('g', { label: 'B' }))]),
      store.commit([insert(item('h')), change('a', { add: { size: 1 } })]),
    ]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
    );
    assert.deepEqual(
      (await all()).map(({ id, size }) => `${id}${size}`),
      ['a2', 'b1', 'c2', 'e1', 'h1'],
    );
  });

  it('refuses what does not fit, before anything is written', async () => {
    const loose = (write: object) => ({ declaration, ...write }) as unknown as Write;
    const wrong: Write[][] = [
      [change('a', {}), remove('a')],
      [insert(item('d')), insert(item('d'))],
      [loose({ insert: { id: 'd' } })],
      [loose({ id: 'a', change: { set: { nope: 1 } }, guard: [] })],
      [loose({ id: 'a', change: { add: { code: 1 } }, guard: [] })],
      [loose({ id: 'a', change: {}, guard: [['size', '=', { $ne: 1 }]] })],
      [loose({ id: { $ne: '' }, remove: true, guard: [] })],
      [loose({ id: 'a', remove: true })],
      [writeOf({ declaration: items, id: 'a', remove: true, guard: [] })],
      [loose({ declaration: { ...logbook, committed: true }, insert: item('a') })],
    ];
    for (const writes of wrong) await assert.rejects(store.commit([insert(item('z')), ...writes]), TypeError);
    assert.deepEqual(await all(), there);
  });

  it('is held by a change of nothing to a row that it only read', async () => {
    const [first, second] = await Promise.all(stores.map((one) => one.collection(declaration)));
    const off = (id: string, seen: string) =>
      [change(id, { set: { hot: false } }), change(seen, {}, [['hot', '=', true]])] as const;
    for (let round = 0; round < 2; round += 1) {
      // At least one of the two stays hot, whoever else is quick.
      await first?.updateMany([], { set: { hot: true } });
      const done = await Promise.all([
        stores[0]?.commit(off('a', 'b')),
        stores[1]?.commit(off('b', 'a')),
        stores[1]?.commit(off('a', 'b')),
        stores[0]?.commit(off('b', 'a')),
      ]);
      const hot = (await Promise.all(['a', 'b'].map((id) => second?.get(id)))).filter((row) => row?.hot);
      assert.equal(hot.length, 1);
      assert.ok(done.includes(true) && done.includes(false));
    }
    assert.equal(await store.commit([change('none', {})]), false);
  });

  it('loses no money when many move it between few rows, in any order', async () => {
    const ledgers = await Promise.all(stores.map(openLedger));
    const [ledger] = ledgers as [(typeof ledgers)[number]];
    const ids = ['p0', 'p1', 'v0', 'v1'];
    await ledger.fill(ids);
    let done = 0;

    /** Tries until it is done, as a workflow would. */
    async function move(i: number): Promise<void> {
      const { get, transfer } = ledgers[i % 2] as (typeof ledgers)[number];
      const [from, to] = [ids[i % 4], ids[(i + 1 + (i % 3)) % 4]] as [string, string];
      for (let attempt = 0; attempt < 200; attempt += 1) {
        const [out, into] = await Promise.all([get(from), get(to)]);
        if (await transfer(`t${i}`, { from: out ?? assert.fail(), to: into ?? assert.fail() })) {
          done += 1;
          return;
        }
      }
    }
    await Promise.all(Array.from({ length: 16 }, (_, i) => move(i)));
    const purses = await ledger.all();
    assert.equal(done, 16);
    assert.equal(
      purses.reduce((sum, { cents }) => sum + cents, 0),
      ids.length * CENTS,
    );
    assert.equal(
      purses.reduce((sum, { version }) => sum + version, 0),
      2 * done,
    );
    for (const { twin, cents, version, transfers } of purses)
      assert.deepEqual([twin, transfers.length], [cents, version]);
    await store.settleCommits();
    assert.deepEqual(await ledger.all(), purses);
  });
}
