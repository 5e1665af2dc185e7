import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { z } from 'zod';
import {
  type Collection,
  type Condition,
  declare,
  type Store,
  TooBusy,
  TooSlow,
  Unavailable,
} from '../../adapters/port.ts';
import { OutOfTime, teachDeadline, within } from '../../adapters/sqlite/search/deadline.ts';
import { createSearchTurns } from '../../adapters/sqlite/search/search-turns.ts';
import { openSqlite } from '../../adapters/sqlite/store.ts';
import { openDataRows } from '../../server/data/rows.ts';
import { defineType } from '../../server/data/type.ts';
import { Problem } from '../../server/ground/errors.ts';
import { until } from '../support/until.ts';

const schema = z.strictObject({ id: z.string(), place: z.number(), text: z.string() });
type Entry = z.infer<typeof schema>;
const entries = declare<Entry>({ name: 'data_entry', schema, searched: true });

/** With each of them a row takes about a microsecond longer. */
const lacking = (times: number): Condition<Entry>[] => Array(times).fill(['text', 'lacks', 'newspaper']);
/** What takes seconds if nothing ends it. */
const ENDLESS = lacking(490);
const ROWS = 8000;
/** Nothing is over before it goes to a thread. */
const ALL_IN_THREADS = { searchHereMs: -1 };

describe('long lists and counts of rows that are searched', () => {
  let folder: string;
  let path: string;
  let store: Store;
  let rows: Collection<Entry>;
  /** How many threads began. */
  let workers = 0;
  const count = () => {
    workers += 1;
  };
  beforeEach(() => {
    workers = 0;
    process.on('worker', count);
    folder = mkdtempSync(join(tmpdir(), 'latchkey-search-'));
    path = join(folder, 'made', 'latchkey.db');
  });
  afterEach(async () => {
    process.off('worker', count);
    await store.close();
    rmSync(folder, { recursive: true });
  });

  async function open(options: Parameters<typeof openSqlite>[1] = {}, count = ROWS): Promise<void> {
    store = await openSqlite(path, options);
    rows = await store.collection(entries);
    const outside = new DatabaseSync(path);
    outside
      .prepare(
        `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
         INSERT OR IGNORE INTO data_entry
         SELECT 'e' || i, json_object('id', 'e' || i, 'place', i, 'text', 'Bread and butter ' || i) FROM n`,
      )
      .run(count);
    outside.close();
  }

  it('let others be answered meanwhile', async () => {
    await open();
    let isOver = false;
    const counted = rows.count(lacking(20)).finally(() => {
      isOver = true;
    });
    const listed = rows.list({ where: lacking(20), order: { by: 'text' }, limit: 2 });
    let answered = 0;
    for (; !isOver; answered += 1) assert.equal((await rows.get('e7'))?.place, 7);
    assert.ok(answered > 20, `${answered} answers`);
    assert.equal(await counted, ROWS);
    assert.deepEqual(
      (await listed).map(({ place }) => place),
      [1, 10],
    );
  });

  it('hold up nobody for long when one asks for many at once', async () => {
    await open({ searchHereMs: 50, searchMsMax: 200 });
    const asked = Array.from({ length: 30 }, () =>
      assert.rejects(rows.count(ENDLESS, { whose: 'ann' }), /TooSlow|TooBusy/),
    );
    const before = process.threadCpuUsage();
    await rows.get('e7');
    await rows.count([['id', '=', 'e7']], { whose: 'bob' });
    // With 50 ms for each it were 1500.
    const worked = process.threadCpuUsage(before);
    assert.ok(worked.user + worked.system < 900_000);
    await Promise.all(asked);
  });

  it('see what was acknowledged before', async () => {
    await open(ALL_IN_THREADS, 10);
    for (let place = 11; place <= 30; place += 1) {
      await rows.insert({ id: `e${place}`, place, text: 'new' });
      assert.equal(await rows.count([]), place);
      const [last] = await rows.list({ order: { by: 'place', descending: true }, limit: 1 });
      assert.equal(last?.place, place);
    }
  });

  it('give the same in a thread as here, page by page, as far as is taken', async () => {
    const pages = async (options: Parameters<typeof openSqlite>[1]) => {
      await open(options, 250);
      const order = [{ by: 'text', descending: true }] as const;
      const looked: string[] = [];
      const takes = (row: Entry) => looked.push(row.id) < 120;
      const [all, none] = [await rows.list({ limit: 999 }), await rows.list({ limit: 0 })];
      const skipped = await rows.list({ order, skip: 100, limit: 120 });
      const behind = await rows.list({ order, after: skipped[0] as Entry, limit: 3 });
      const taken = await rows.list({ limit: 200, takes });
      const some = await rows.list({
        where: [['any', [[['place', '=', 9]], [['place', '>', 248]]]]],
        limit: 9,
      });
      const counts = [await rows.count([]), await rows.count([['place', '>', 240]], { most: 7 })];
      assert.ok([all, taken].every((list) => list.every((row) => Object.isFrozen(row))));
      await store.close();
      rmSync(dirname(path), { recursive: true });
      return { all, none, skipped, behind, taken, looked, some, counts };
    };
    const here = await pages({ searchHereMs: 60_000 });
    assert.deepEqual(await pages(ALL_IN_THREADS), here);
    const { all, taken, looked, some, counts } = here;
    assert.deepEqual(
      [all.length, taken.length, looked.length, some.length, counts],
      [250, 119, 120, 3, [250, 7]],
    );
    await open(ALL_IN_THREADS, 1);
  });

  it('give long rows, of which no more is held than is taken', async () => {
    await open(ALL_IN_THREADS, 1);
    const text = 'x'.repeat(300_000);
    await rows.insertMany([2, 3, 4].map((place) => ({ id: `e${place}`, place, text })));
    const all = await rows.list({ order: { by: 'place' }, limit: 9 });
    assert.deepEqual(
      all.map((row) => row.text.length),
      [18, 300_000, 300_000, 300_000],
    );
    let left = 2;
    const some = await rows.list({ order: { by: 'place' }, limit: 9, takes: () => left-- > 0 });
    assert.deepEqual(
      some.map(({ place }) => place),
      [1, 2],
    );
    assert.equal(await rows.count([]), 4);
  });

  it('are ended when they take too long, and say so', async () => {
    const told: unknown[] = [];
    await open({ searchMsMax: 50, onTooSlow: (error) => told.push(error) });
    await assert.rejects(rows.count(ENDLESS), TooSlow);
    assert.match(String(told[0]), /longer than 50 ms: SELECT count/);
    await assert.rejects(rows.list({ where: ENDLESS, limit: 100, order: { by: 'text' } }), TooSlow);
    // Also where an index leads to each part of what is then looked through in vain.
    const inVain = [...lacking(480), ['text', 'contains', 'newspaper']] as const;
    const either = ['any', [[['id', '>', 'e'], ...inVain], [['id', '<', 'a']]]] as const;
    await assert.rejects(rows.count([either]), TooSlow);
    assert.equal(await rows.count([], { most: 3 }), 3);

    const type = defineType({
      name: 'entry',
      description: 'An entry',
      fields: { place: z.number(), text: z.string() },
    });
    const { opened } = await openDataRows(store, new Map([['entry', type]]), () => 0);
    await assert.rejects(
      async () => opened.get('entry')?.rows.count(ENDLESS as []),
      (error) => error instanceof Problem && error.status === 504 && error.code === 'TIMEOUT',
    );
  });

  it('are Unavailable while the file is away, and are answered when it is back', async () => {
    const away = join(folder, 'away');
    await open(ALL_IN_THREADS, 10);
    assert.equal(await rows.count([]), 10);
    renameSync(dirname(path), away);
    await assert.rejects(async () => store.ping(), Unavailable);
    await assert.rejects(rows.count([]), Unavailable);
    renameSync(away, dirname(path));
    assert.equal(await rows.count([]), 10);
    await store.close();
    // The thread looks too, before this side has noticed it.
    await open({ ...ALL_IN_THREADS, watchEveryMs: 600_000 }, 0);
    await rows.get('e1');
    renameSync(dirname(path), away);
    await assert.rejects(rows.count([]), /is not there/);
    renameSync(away, dirname(path));
    assert.equal(await rows.count([]), 10);
  });

  it('are Unavailable when their thread is killed, and the next one has another', async () => {
    await open();
    process.once('worker', (worker: Worker) => void worker.terminate());
    await assert.rejects(rows.count(lacking(20)), Unavailable);
    assert.equal(await rows.count(lacking(10)), ROWS);
    // In the middle of a list, which must not be taken for whole.
    await store.close();
    await open(ALL_IN_THREADS, 250);
    const [worker] = await Promise.all([once(process, 'worker'), rows.count([])]);
    const listed = rows.list({
      limit: 250,
      takes({ place }) {
        if (place === 1) void worker[0].terminate();
        return true;
      },
    });
    await assert.rejects(listed, Unavailable);
    assert.equal((await rows.list({ limit: 250 })).length, 250);
  });

  it('have a thread for as long as there are some', async () => {
    await open({ ...ALL_IN_THREADS, searchIdleMs: 30 }, 10);
    for (let turn = 0; turn < 2; turn += 1) {
      const [[worker]] = await Promise.all([once(process, 'worker'), rows.count([])]);
      await once(worker, 'exit');
    }
    assert.equal(await rows.count([]), 10);
  });

  it('end when nobody waits for them any more, and leave their thread to others', async () => {
    const told: unknown[] = [];
    await open({ searchMsMax: 60_000, onTooSlow: (error) => told.push(error) });
    const gone = new AbortController();
    const { signal } = gone;
    const asked = [
      ...['ann', 'bob', 'ann'].map((whose) => rows.count(ENDLESS, { whose, signal })),
      rows.list({ where: ENDLESS, limit: 100, order: { by: 'text' }, whose: 'bob', signal }),
    ].map((read) => assert.rejects(async () => read, /nobody waits/));
    const other = rows.count(lacking(20), { whose: 'ann' });
    await until('both threads are at it', async () => workers === 2);
    gone.abort(new Error('nobody waits'));
    await Promise.all(asked);
    assert.equal(await other, ROWS);
    await assert.rejects(rows.count([], { signal }), /nobody waits/);
    // In the middle of a list too, in the thread that it had.
    const later = new AbortController();
    const listed = rows.list({
      limit: 9000,
      order: { by: 'text' },
      where: lacking(20),
      signal: later.signal,
      takes: () => later.abort(new Error('enough')) === undefined,
    });
    await assert.rejects(listed, /enough/);
    assert.equal(await rows.count(lacking(20)), ROWS);
    assert.deepEqual([told, workers], [[], 2]);
  });

  it('end with the store', async () => {
    await open({ searchMsMax: 60_000 });
    const [one, other, waiting] = ['ann', 'bob', 'ann'].map((whose) => rows.count(ENDLESS, { whose }));
    const refused = [one, other, waiting].map((read) => assert.rejects(async () => read, Unavailable));
    // They begin here.
    for (let turn = 0; turn < 20; turn += 1) await nextTurn();
    await store.close();
    await Promise.all(refused);
    await open();
  });
});

describe('the deadline of a statement', () => {
  const database = new DatabaseSync(':memory:');
  teachDeadline(database);
  database.function('wait', (ms) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(ms));
    return 1;
  });
  database.function('work', (ms) => {
    for (const end = performance.now() + Number(ms); performance.now() < end; );
    return 1;
  });
  const looks = (what: string) =>
    database.prepare(`SELECT count(*) AS rows FROM json_each('[1, 2, 3]') WHERE in_time() AND ${what}`);

  it('is one of work, and a later one of time', () => {
    const soon = () => ({ end: performance.now() + 60_000, workMs: 10 });
    assert.deepEqual({ ...within(soon(), () => looks('wait(30)').get()) }, { rows: 3 });
    assert.throws(() => within(soon(), () => looks('work(200)').get()), OutOfTime);
    assert.throws(() => within({ end: performance.now() + 10 }, () => looks('wait(30)').get()), OutOfTime);
    assert.deepEqual({ ...looks('work(20)').get() }, { rows: 3 });
  });
});

describe('whose long read is next', () => {
  /** Works that end when they are told to, in the order in which they began. */
  function worksOf(options: { atOnceMax: number; waitMsMax: number }) {
    const inTurn = createSearchTurns(options);
    const begun: string[] = [];
    const ends = new Map<string, () => void>();
    const work = (whose: string, name: string, signal?: AbortSignal) =>
      inTurn({ whose, signal }, async () => {
        begun.push(name);
        await new Promise<void>((resolve) => ends.set(name, resolve));
      });
    const end = async (name: string) => {
      ends.get(name)?.();
      await nextTurn();
    };
    return { begun, work, end };
  }

  it('not a second one of somebody, and of those who wait whoever had none for longest', async () => {
    const { begun, work, end } = worksOf({ atOnceMax: 2, waitMsMax: 60_000 });
    for (const name of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) void work(name.slice(0, 1), name);
    await nextTurn();
    assert.deepEqual(begun, ['a1', 'b1']);
    for (const name of ['a1', 'b1', 'c1', 'a2', 'b2', 'a3']) await end(name);
    assert.deepEqual(begun.slice(2), ['c1', 'a2', 'b2', 'a3']);
  });

  it('none of somebody of whom ten wait, and none that has waited too long', async () => {
    const { begun, work, end } = worksOf({ atOnceMax: 1, waitMsMax: 50 });
    void work('a', 'a0');
    const next = work('a', 'a1');
    const refused = Array.from({ length: 9 }, (_, index) =>
      assert.rejects(work('a', `a${index + 2}`), /took too long/),
    );
    await assert.rejects(work('a', 'a11'), TooBusy);
    const other = work('b', 'b');
    await end('a0');
    await end('b');
    await other;
    assert.deepEqual(begun, ['a0', 'b', 'a1']);
    await Promise.all(refused);
    await end('a1');
    await next;
  });

  it('nobody’s who gave up waiting, which makes room for others at once', async () => {
    const { begun, work, end } = worksOf({ atOnceMax: 1, waitMsMax: 60_000 });
    const gone = new AbortController();
    const first = work('a', 'a0');
    const given = Array.from({ length: 10 }, (_, index) =>
      assert.rejects(work('a', `a${index + 1}`, gone.signal), /nobody waits/),
    );
    await assert.rejects(work('a', 'a11'), TooBusy);
    gone.abort(new Error('nobody waits'));
    await Promise.all([...given, assert.rejects(work('a', 'a12', gone.signal), /nobody waits/)]);
    const next = work('a', 'a13');
    await end('a0');
    await end('a13');
    await Promise.all([first, next]);
    assert.deepEqual(begun, ['a0', 'a13']);
  });
});
