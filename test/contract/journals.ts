import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openStore } from '../../adapters/open.ts';
import { type Store, Unavailable } from '../../adapters/port.ts';
import type { FreshStores } from '../support/stores.ts';
import { type Item, item, logbook } from './items.ts';

/** What `Journal` in adapters/port.ts promises. */
export function journals({ url }: FreshStores): void {
  const opened: Store[] = [];
  after(() => Promise.all(opened.map((store) => store.close())));

  async function open(address: string) {
    const store = await openStore(address);
    opened.push(store);
    const [rows, journal] = [await store.collection(logbook), await store.journal(logbook)];
    const ids = async () => (await rows.list({ limit: 10_000 })).map(({ id }) => id);
    return { store, rows, journal, ids };
  }

  it('puts every appended row in its place once, whole, however often it settles', async () => {
    const { rows, journal, ids } = await open(await url());
    const whole = item('r0001', {
      label: 'L "\n\u2028',
      rank: -1,
      hot: false,
      tags: ['a'],
      extra: { deep: [null] },
    });
    await journal.append(whole);
    const more = Array.from({ length: 1500 }, (_, i) =>
      item(`r1${String(i).padStart(3, '0')}`, { group: `g${i % 7}` }),
    );
    await Promise.all(more.map((row) => journal.append(row)));
    await Promise.all([journal.settle(), journal.settle()]);
    await journal.append(item('r2'));
    await journal.settle();
    await journal.settle();
    assert.deepEqual(await rows.get('r0001'), whole);
    assert.deepEqual(await ids(), ['r0001', ...more.map(({ id }) => id), 'r2'].sort());
  });

  it('leaves a row alone that is in its place already', async () => {
    const { rows, journal } = await open(await url());
    await rows.insert(item('one', { rank: 1 }));
    await journal.append(item('one', { rank: 2 }));
    await journal.append(item('two'));
    await journal.append(item('two', { rank: 2 }));
    await journal.settle();
    assert.deepEqual(await rows.list({ limit: 9 }), [item('one', { rank: 1 }), item('two')]);
  });

  it('loses nothing when rows come while it settles, from several journals', async () => {
    const address = await url();
    const [one, other] = [await open(address), await open(address)];
    const appended: string[] = [];
    for (let turn = 0; turn < 40; turn += 1) {
      const ids = [`a${turn}`, `b${turn}`];
      const settling = Promise.all([one.journal.settle(), other.journal.settle()]);
      for (const id of ids) {
        await Promise.all([one.journal.append(item(`one-${id}`)), other.journal.append(item(`other-${id}`))]);
        await sleep(turn % 5);
        appended.push(`one-${id}`, `other-${id}`);
      }
      await settling;
    }
    await Promise.all([one.journal.settle(), other.journal.settle()]);
    assert.deepEqual((await one.ids()).sort(), appended.sort());
  });

  it('refuses a row that does not fit, and keeps those beside it', async () => {
    const { journal, ids } = await open(await url());
    const wrong = { ...item('wrong'), size: 'large' } as unknown as Item;
    const results = await Promise.allSettled([
      journal.append(item('one')),
      journal.append(wrong),
      journal.append(item('two')),
    ]);
    assert.deepEqual(
      results.map((result) => (result.status === 'fulfilled' ? 'kept' : result.reason.name)),
      ['kept', 'TypeError', 'kept'],
    );
    await journal.settle();
    assert.deepEqual(await ids(), ['one', 'two']);
  });

  it('answers Unavailable once the store is closed', async () => {
    const { store, journal } = await open(await url());
    await journal.append(item('one'));
    await store.close();
    await assert.rejects(journal.append(item('two')), Unavailable);
  });
}
