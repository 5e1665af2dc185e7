import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openStore } from '../../adapters/open.ts';
import { type Collection, type Store, Unavailable } from '../../adapters/port.ts';
import type { FreshStores } from '../support/stores.ts';
import { until } from '../support/until.ts';
import { type Item, item, logbook } from './items.ts';

/** What `Journal` in adapters/port.ts promises. */
export function journals({ url }: FreshStores): void {
  const opened: Store[] = [];
  after(() => Promise.all(opened.map((store) => store.close())));

  async function open(address: string) {
    const store = await openStore(address);
    opened.push(store);
    const [rows, journal] = [await store.collection(logbook), await store.journal(logbook)];
    return { store, rows, journal, ids: () => idsIn(rows) };
  }

  const idsIn = async (rows: Collection<Item>) => (await rows.list({ limit: 10_000 })).map(({ id }) => id);

  it('shows every appended row once, whole, to each read from then on', async () => {
    const { rows, journal, ids } = await open(await url());
    const whole = item('r0001', {
      label: 'L "\n\u2028',
      rank: -1,
      hot: false,
      tags: ['a'],
      extra: { deep: [null] },
    });
    await journal.append(whole);
    assert.deepEqual(await rows.get('r0001'), whole);
    const more = Array.from({ length: 1500 }, (_, i) =>
      item(`r1${String(i).padStart(3, '0')}`, { group: `g${i % 7}` }),
    );
    await Promise.all(more.map((row) => journal.append(row)));
    assert.deepEqual(await Promise.all([rows.count([]), rows.count([['group', '=', 'g']])]), [1501, 1]);
    await journal.append(item('r2'));
    assert.deepEqual(await rows.find('id', 'r2'), item('r2'));
    assert.deepEqual(await rows.get('r0001'), whole);
    assert.deepEqual(await ids(), ['r0001', ...more.map(({ id }) => id), 'r2'].sort());
  });

  it('leaves a row alone that is in its place already', async () => {
    const { rows, journal } = await open(await url());
    await rows.insert(item('one', { rank: 1 }));
    await journal.append(item('one', { rank: 2 }));
    await journal.append(item('two'));
    await journal.append(item('two', { rank: 2 }));
    assert.deepEqual(await rows.list({ limit: 9 }), [item('one', { rank: 1 }), item('two')]);
  });

  it('loses nothing when rows come while others are read, from several stores', async () => {
    const address = await url();
    const [one, other] = [await open(address), await open(address)];
    const appended: string[] = [];
    for (let turn = 0; turn < 40; turn += 1) {
      const ids = [`a${turn}`, `b${turn}`];
      const reading = Promise.all([one.rows.count([]), other.rows.count([])]);
      for (const id of ids) {
        await Promise.all([one.journal.append(item(`one-${id}`)), other.journal.append(item(`other-${id}`))]);
        await sleep(turn % 5);
        appended.push(`one-${id}`, `other-${id}`);
      }
      await reading;
    }
    assert.deepEqual(new Set([...(await one.ids()), ...(await other.ids())]), new Set(appended));
    await other.store.close();
    assert.deepEqual(await one.ids(), appended.sort());
  });

  it('refuses a row that does not fit, and adds those beside it', async () => {
    const { journal, ids } = await open(await url());
    const wrong = { ...item('wrong'), size: 'large' } as unknown as Item;
    const results = await Promise.allSettled([
      journal.append(item('one')),
      journal.append(wrong),
      journal.append(item('two')),
    ]);
    assert.deepEqual(
      results.map((result) => (result.status === 'fulfilled' ? 'added' : result.reason.name)),
      ['added', 'TypeError', 'added'],
    );
    assert.deepEqual(await ids(), ['one', 'two']);
  });

  it('shows what another process appended, a moment later', async () => {
    const address = await url();
    const script = join(import.meta.dirname, 'writer-process.ts');
    const child = spawn(process.execPath, [script, address, 'appendOne', 'r'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
      const { rows } = await open(address);
      await until(`${line} is seen`, () => rows.get(line));
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('has put all in its place when the store is closed, and answers Unavailable from then on', async () => {
    const address = await url();
    const { store, rows, journal } = await open(address);
    await journal.append(item('one'));
    await store.close();
    await assert.rejects(journal.append(item('two')), Unavailable);
    await assert.rejects(rows.count([]), Unavailable);
    assert.deepEqual(await (await open(address)).ids(), ['one']);
  });
}
