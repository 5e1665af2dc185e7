import assert from 'node:assert/strict';
import { after, beforeEach, it } from 'node:test';
import { z } from 'zod';
import { openStore } from '../../adapters/open.ts';
import { type Collection, declare, type Store, Taken, Unavailable } from '../../adapters/port.ts';
import type { FreshStores } from '../support/stores.ts';
import { type Item, item, items, notes } from './items.ts';

/** Each sentence of adapters/port.ts, tried once. */
export function sentences({ engine, url }: FreshStores): void {
  const opened: Store[] = [];
  let address: string;
  let store: Store;
  let rows: Collection<Item>;

  async function open(): Promise<Store> {
    const another = await openStore(address);
    opened.push(another);
    return another;
  }

  beforeEach(async () => {
    address ??= await url();
    store ??= await open();
    rows = await store.collection(items);
    await rows.removeMany([], 10_000);
  });
  after(() => Promise.all(opened.map((one) => one.close())));

  const taken = (field: string) => (error: unknown) => error instanceof Taken && error.field === field;
  const ids = (found: readonly Item[]) => found.map(({ id }) => id).join(' ');

  it('says which engine it is and that it answers', async () => {
    assert.equal(store.engine, engine);
    await store.ping();
  });

  it('gives back what was inserted, field by field and type by type', async () => {
    const whole = item('one', {
      label: 'L',
      code: 1.5,
      size: 2 ** 53 - 1,
      rank: -1,
      hot: false,
      tags: ['a', ''],
      extra: { deep: [{ list: [[1, [2]], null, true, 'x'] }], empty: {}, none: [] },
    });
    await rows.insert(whole);
    assert.deepEqual(await rows.get('one'), whole);
    assert.equal(await rows.get('two'), undefined);
  });

  it('keeps an absent field absent, not null', async () => {
    await rows.insert(item('one', { label: undefined, extra: { gone: undefined } }));
    assert.deepEqual(await rows.get('one'), { id: 'one', group: 'g', size: 1, extra: {} });
    await rows.put(item('two', { rank: undefined }));
    assert.deepEqual(Object.keys((await rows.get('two')) ?? {}).sort(), ['group', 'id', 'size']);
  });

  it('keeps names with dots, dollars and the like inside a field', async () => {
    const names = [
      'https://a.b/c',
      '$set',
      '$',
      '.',
      'a.b.c',
      '',
      ' ',
      '\u0000',
      '_id',
      'id',
      'json',
      '__proto__',
      '"',
    ];
    const extra = Object.fromEntries(names.map((name) => [name, { [name]: name }]));
    await rows.insert(item('one', { extra }));
    assert.deepEqual((await rows.get('one'))?.extra, extra);
    const changed = await rows.update('one', { set: { extra: { 'x.y': { $inc: 1 } } } });
    assert.deepEqual(changed?.extra, { 'x.y': { $inc: 1 } });
    assert.deepEqual((await rows.get('one'))?.extra, { 'x.y': { $inc: 1 } });
  });

  it('keeps long and foreign text', async () => {
    const long = 'ä𝒳\n\u0000"\\ud800'.repeat(20_000);
    await rows.insert(item('\u0000 ключ 🔑', { label: long, extra: { long } }));
    const found = await rows.find('label', long);
    assert.equal(found?.id, '\u0000 ключ 🔑');
    assert.equal(found.extra?.long, long);
  });

  it('keeps half a surrogate pair as U+FFFD, wherever it stands', async () => {
    await rows.insert(
      item('one', { label: 'x\ud800', tags: ['\udc00', '\\ud800'], extra: { a: '\ud83d', b: '😀' } }),
    );
    const found = await rows.find('label', 'x\ud800');
    assert.deepEqual([found?.label, found?.tags], ['x\ufffd', ['\ufffd', '\\ud800']]);
    assert.deepEqual(found?.extra, { a: '\ufffd', b: '😀' });
  });

  it('takes a row as it is, and gives out frozen ones', async () => {
    const mine = item('one', { label: 'L', tags: ['a'], extra: { deep: [{ a: 1 }] } });
    await rows.insert(mine);
    mine.tags?.push('b');
    const given = [
      await rows.get('one'),
      await rows.get('one'),
      await rows.find('label', 'L'),
      ...(await rows.list({ limit: 1 })),
      await rows.update('one', { set: { rank: 1 } }),
    ];
    for (const row of given) {
      const deep = (row?.extra?.deep as object[] | undefined)?.[0];
      for (const part of [row, row?.tags, row?.extra, row?.extra?.deep, deep]) {
        assert.ok(part !== undefined && Object.isFrozen(part), JSON.stringify(part));
      }
    }
    assert.deepEqual((await rows.get('one'))?.tags, ['a']);
  });

  it('reads a row as the last change left it, however often it was read before', async () => {
    const changes: Record<string, () => Promise<unknown>> = {
      put: () => rows.put(item('one', { label: 'L', rank: 1 })),
      update: () => rows.update('one', { set: { rank: 2 } }),
      updateMany: () => rows.updateMany([['label', '=', 'L']], { set: { rank: 3 } }),
      remove: () => rows.remove('one'),
      removeMany: () => rows.removeMany([['label', '=', 'L']], 10),
    };
    const read = () => Promise.all([rows.get('one'), rows.find('label', 'L')]);
    for (const [name, change] of Object.entries(changes)) {
      await rows.put(item('one', { label: 'L' }));
      await read();
      await change();
      const [listed] = await rows.list({ limit: 1 });
      assert.notDeepEqual(listed, item('one', { label: 'L' }), name);
      assert.deepEqual(await read(), [listed, listed], name);
    }
  });

  it('gives the same rows through every opening of a collection', async () => {
    const again = await store.collection(items);
    await rows.insert(item('one', { label: 'L' }));
    await again.get('one');
    await rows.update('one', { set: { rank: 2 } });
    assert.equal((await again.get('one'))?.rank, 2);
    await rows.remove('one');
    assert.equal(await again.get('one'), undefined);
    assert.equal(await again.find('label', 'L'), undefined);
  });

  it('lets others have their turn during a long chain of reads', async () => {
    await rows.insert(item('one'));
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
    }, 5);
    for (let reads = 0; !isOver; reads += 1) {
      await rows.get('one');
      assert.ok(reads < 1_000_000, 'no timer ran meanwhile');
    }
    clearTimeout(timer);
  });

  it('refuses an id and a unique value in use, and says which', async () => {
    await rows.insert(item('one', { label: 'L', code: 7 }));
    await assert.rejects(rows.insert(item('one')), taken('id'));
    await assert.rejects(rows.insert(item('two', { label: 'L' })), taken('label'));
    await assert.rejects(rows.insert(item('two', { label: 'M', code: 7 })), taken('code'));
    await assert.rejects(rows.put(item('two', { code: 7 })), taken('code'));
    await rows.insert(item('two', { label: 'M' }));
    await assert.rejects(rows.update('two', { set: { label: 'L' } }), taken('label'));
    await assert.rejects(rows.update('two', { set: { size: 5, code: 7 } }), taken('code'));
    assert.deepEqual(await rows.get('two'), item('two', { label: 'M' }));
    assert.equal(await rows.count([]), 2);
  });

  it('lets any number of rows lack a unique field, and frees a value that is removed', async () => {
    await rows.insert(item('one', { label: 'L' }));
    await rows.insert(item('two'));
    await rows.insert(item('three'));
    await rows.update('one', { unset: ['label'] });
    await rows.update('two', { set: { label: 'L' } });
    await rows.remove('two');
    await rows.update('three', { set: { label: 'L' } });
    assert.equal((await rows.find('label', 'L'))?.id, 'three');
  });

  it('inserts many rows and leaves those alone that are there', async () => {
    await rows.insert(item('b', { size: 9, label: 'L' }));
    const many = [item('a'), item('b', { label: 'L' }), item('c'), item('c', { size: 2 })];
    assert.equal(await rows.insertMany(many), 2);
    assert.equal(await rows.insertMany(many), 0);
    assert.equal(await rows.insertMany([]), 0);
    assert.deepEqual(
      (await rows.list({ limit: 9 })).map(({ id, size }) => [id, size]),
      [
        ['a', 1],
        ['b', 9],
        ['c', 1],
      ],
    );
    await assert.rejects(rows.insertMany([item('d'), item('e', { label: 'L' })]), taken('label'));
    assert.equal(await rows.get('e'), undefined);
    await assert.rejects(
      rows.insertMany([item('e'), item('f', { code: 7 }), item('g', { code: 7 })]),
      taken('code'),
    );
  });

  it('leaves a row alone whose id is there, also where a value of it is taken by another', async () => {
    await rows.insertMany([item('a', { label: 'A', code: 1 }), item('b', { label: 'B', code: 2 })]);
    const repeated = [
      item('a', { label: 'B' }),
      item('b', { label: 'B', code: 1 }),
      item('c', { label: 'C' }),
    ];
    assert.equal(await rows.insertMany([...repeated, item('c', { label: 'A' }), item('d')]), 2);
    assert.deepEqual(
      (await rows.list({ limit: 9 })).map(({ id, label, code }) => [id, label, code]),
      [
        ['a', 'A', 1],
        ['b', 'B', 2],
        ['c', 'C', undefined],
        ['d', undefined, undefined],
      ],
    );
  });

  it('names one of the values that are taken, and none that is not', async () => {
    await rows.insertMany([item('a', { label: 'A', code: 1 }), item('b', { label: 'B', code: 2 })]);
    const [label, code] = [taken('label'), taken('code')];
    const either = (error: unknown) => label(error) || code(error);
    await assert.rejects(rows.insert(item('c', { label: 'A', code: 3 })), label);
    await assert.rejects(rows.insert(item('c', { label: 'C', code: 2 })), code);
    await assert.rejects(rows.insert(item('c', { label: 'A', code: 2 })), either);
    // What the row itself has is not in its way.
    await assert.rejects(rows.put(item('a', { label: 'A', code: 2 })), code);
    await assert.rejects(rows.put(item('a', { label: 'B', code: 1 })), label);
    await assert.rejects(rows.update('a', { set: { label: 'A', code: 2 } }), code);
    await assert.rejects(rows.update('a', { set: { label: 'B', code: 2 } }), either);
    await assert.rejects(rows.updateMany([['id', '=', 'a']], { set: { label: 'B', code: 1 } }), label);
    assert.equal(await rows.updateMany([['id', '=', 'none']], { set: { label: 'B' } }), 0);
    assert.equal(await rows.updateMany([['id', '=', 'b']], { set: { label: 'B', code: 2, size: 5 } }), 1);
    assert.equal(await rows.count([['code', 'present']]), 2);
  });

  it('puts a row in the place of another, whole', async () => {
    await rows.put(item('one', { label: 'L', rank: 1 }));
    await rows.put(item('one', { label: 'L', size: 2 }));
    assert.deepEqual(await rows.get('one'), item('one', { label: 'L', size: 2 }));
    await rows.put(item('one'));
    assert.equal(await rows.find('label', 'L'), undefined);
  });

  it('changes what the change names and nothing else', async () => {
    const extra = { a: 1, nested: { b: [true] } };
    await rows.insert(item('one', { hot: true, rank: 3, tags: ['x'], extra }));
    const changed = await rows.update('one', {
      set: { hot: false, group: 'h' },
      unset: ['rank'],
      add: { size: 2 },
    });
    const wanted = { id: 'one', group: 'h', size: 3, hot: false, tags: ['x'], extra };
    assert.deepEqual(changed, wanted);
    assert.deepEqual(await rows.get('one'), wanted);
    assert.equal((await rows.update('one', { add: { rank: 4 } }))?.rank, 4);
    assert.equal('rank' in ((await rows.update('one', { set: { rank: undefined } })) ?? {}), false);
    assert.deepEqual(await rows.update('one', {}), wanted);
  });

  it('changes and removes only while the guard holds', async () => {
    await rows.insert(item('one', { size: 5, hot: true }));
    const set = { set: { group: 'changed' } };
    assert.equal(await rows.update('one', set, [['size', '>', 5]]), undefined);
    assert.equal(
      await rows.update('one', set, [
        ['size', '=', 5],
        ['hot', 'absent'],
      ]),
      undefined,
    );
    assert.equal(await rows.update('none', set), undefined);
    assert.equal(await rows.remove('one', [['hot', '=', false]]), false);
    assert.equal((await rows.get('one'))?.group, 'g');
    assert.equal(
      (
        await rows.update('one', set, [
          ['rank', 'absent'],
          ['hot', '=', true],
        ])
      )?.group,
      'changed',
    );
    assert.equal(await rows.remove('one', [['group', '=', 'changed']]), true);
    assert.equal(await rows.remove('one'), false);
  });

  it('holds only "absent" and "!=" of an absent field', async () => {
    await rows.insert(item('one'));
    for (const test of ['=', '<', '<=', '>', '>='] as const) {
      assert.equal(await rows.count([['rank', test, 0]]), 0, test);
    }
    assert.equal(await rows.count([['rank', 'in', [0, 1]]]), 0);
    assert.equal(await rows.count([['rank', 'present']]), 0);
    assert.equal(await rows.count([['rank', 'absent']]), 1);
    assert.equal(await rows.count([['rank', '!=', 0]]), 1);
    assert.equal(await rows.count([['group', 'in', []]]), 0);
  });

  it('pages through ties without losing or repeating a row, in either direction', async () => {
    const all = Array.from({ length: 23 }, (_, i) => item(`i${i}`, i % 5 === 0 ? {} : { rank: i % 3 }));
    await rows.insertMany(all);
    for (const order of [undefined, { by: 'rank' as const }, { by: 'rank' as const, descending: true }]) {
      const pages: Item[] = [];
      for (let page: Item[] = []; ; ) {
        const last = page.at(-1);
        page = await rows.list({ limit: 4, ...(order && { order }), ...(last && { after: last }) });
        if (page.length === 0) break;
        pages.push(...page);
      }
      assert.equal(pages.length, 23);
      assert.deepEqual(pages, await rows.list({ limit: 100, ...(order && { order }) }));
    }
    assert.deepEqual(await rows.list({ limit: 0 }), []);
  });

  it('orders text by code point, and absent before everything', async () => {
    const labels = ['b', 'B', 'é', '\uff5e', '𝒳', '', '10', '9'];
    await rows.insertMany([item('none'), ...labels.map((label) => item(label || 'empty', { label }))]);
    const found = await rows.list({ order: { by: 'label' }, limit: 20 });
    assert.equal(ids(found), 'none empty 10 9 B b é \uff5e 𝒳');
    const backwards = await rows.list({ order: { by: 'label', descending: true }, limit: 20 });
    assert.equal(ids(backwards), '𝒳 \uff5e é b B 9 10 empty none');
  });

  it('changes and removes many rows, at most as many as said', async () => {
    await rows.insertMany(Array.from({ length: 10 }, (_, i) => item(`i${i}`, { size: i })));
    assert.equal(await rows.updateMany([['size', '>=', 5]], { set: { hot: true }, add: { rank: 1 } }), 5);
    assert.equal(
      await rows.count([
        ['hot', '=', true],
        ['rank', '=', 1],
      ]),
      5,
    );
    assert.equal(await rows.removeMany([['hot', '=', true]], 3), 3);
    assert.equal(await rows.removeMany([['hot', '=', true]], 3), 2);
    assert.equal(await rows.removeMany([], 0), 0);
    assert.equal(await rows.removeMany([['id', 'in', []]], 9), 0);
    assert.equal(await rows.updateMany([['size', '<', 2]], {}), 2);
    assert.equal(await rows.updateMany([], {}), 5);
    assert.equal(await rows.count([]), 5);
    assert.equal(await rows.count([], { most: 0 }), 0);
    assert.equal(await rows.count([], { most: 3 }), 3);
    assert.equal(await rows.count([['size', '<', 2]], { most: 3 }), 2);
  });

  it('keeps rows when it is opened again, and shows another process what was done', async () => {
    await rows.insert(item('one', { label: 'L' }));
    const other = await (await open()).collection(items);
    assert.deepEqual(await other.get('one'), item('one', { label: 'L' }));
    await assert.rejects(other.insert(item('two', { label: 'L' })), taken('label'));
    await other.update('one', { set: { hot: true } });
    assert.equal((await rows.get('one'))?.hot, true);
  });

  it('keeps collections apart, and does the same for both durabilities', async () => {
    const others = await store.collection(notes);
    await others.insert(item('one'));
    assert.equal(await rows.get('one'), undefined);
    assert.equal((await others.update('one', { add: { size: 1 } }))?.size, 2);
    assert.equal(await others.removeMany([], 10), 1);
  });

  it('tells indexes and collections apart whose names run together', async () => {
    const text = z.string().optional();
    const schema = z.strictObject({ id: z.string(), a: text, b: text, a_b: text });
    const pairs = declare({ name: 'pairs', schema, unique: ['b'], indexes: [['a', 'b'], ['a_b']] });
    const others = declare({ name: 'pairs_unique_b', schema, indexes: [['a', 'b']] });
    for (const one of [store, await open()]) {
      const [pair, other] = [await one.collection(pairs), await one.collection(others)];
      await other.put({ id: 'one', b: 'B' });
      await pair.put({ id: 'one', b: 'B', a_b: 'AB' });
      await assert.rejects(pair.insert({ id: 'two', b: 'B' }), taken('b'));
      assert.equal(await pair.count([['a_b', '=', 'AB']]), 1);
    }
  });

  it('goes on with an index that is no longer declared, until an exact declaration removes it', async () => {
    const schema = z.strictObject({ id: z.string(), a: z.string(), b: z.string() });
    const strict = declare({ name: 'strict', schema, unique: ['a', 'b'], indexes: [['a', 'b']] });
    const laxer = { ...strict, unique: ['b'], indexes: [] } as const;
    const first = await (await open()).collection(strict);
    await first.insert({ id: 'one', a: 'A', b: 'B' });
    const kept = await (await open()).collection(laxer);
    await assert.rejects(kept.insert({ id: 'two', a: 'A', b: 'C' }), Taken);
    const exact = await (await open()).collection({ ...laxer, exact: true });
    await exact.insert({ id: 'two', a: 'A', b: 'C' });
    await assert.rejects(exact.insert({ id: 'three', a: 'A', b: 'C' }), taken('b'));
    await assert.rejects((await open()).collection({ ...strict, exact: true }), taken('a'));
  });

  it('answers Unavailable once it is closed, having done what was asked before', async () => {
    const closing = await open();
    const closed = await closing.collection(items);
    const last = closed.insert(item('last'));
    await (engine === 'sqlite' ? closing.close() : last.then(() => closing.close()));
    await last;
    assert.deepEqual(await rows.get('last'), item('last'));
    await assert.rejects(closed.get('last'), Unavailable);
    await assert.rejects(closed.insert(item('two')), Unavailable);
    await assert.rejects(closing.ping(), Unavailable);
    await closing.close();
  });
}
