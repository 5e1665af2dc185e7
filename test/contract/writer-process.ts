import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { openMongodb } from '../../adapters/mongodb/store.ts';
import { openStore } from '../../adapters/open.ts';
import { Unavailable } from '../../adapters/port.ts';
import { type Item, item, items, logbook, notes } from './items.ts';
import { type Ledger, openLedger } from './ledger.ts';

/**
 * Another process on a store, for the tests that end one, need two, or take its disk away:
 * `writer-process.ts URL JOB NAME`, where NAME is also the beginning of its rows' ids.
 */
const [, , url = '', job = '', name = ''] = process.argv;
const store = await (job === 'transfer' && url.startsWith('mongodb:')
  ? openMongodb(url, undefined, { atStep: perhapsTheLast })
  : openStore(url));
const rows = await store.collection(name.startsWith('note') ? notes : items);

const jobs: Record<string, () => Promise<unknown>> = {
  /** Inserts until it is ended, eight at a time, and prints each id that was acknowledged. */
  insert: () => Promise.all(Array.from({ length: 8 }, (_, i) => keepForEver(i, (row) => rows.insert(row)))),

  /** The same through a journal. */
  async append() {
    const journal = await store.journal(logbook);
    const append = (row: Item) => journal.append({ ...row, tags: ['x'.repeat(1000)] });
    await Promise.all(Array.from({ length: 8 }, (_, i) => keepForEver(i, append)));
  },

  /** Appends one row, and is there until it is ended. */
  async appendOne() {
    const journal = await store.journal(logbook);
    await journal.append(item(name));
    process.stdout.write(`${name}\n`);
    await new Promise(() => setInterval(() => undefined, 60_000));
  },

  /** Adds 200 to the row "counter" one by one, and inserts a row of its own each time. */
  async count() {
    for (let i = 0; i < 200; i += 1) {
      await rows.update('counter', { add: { size: 1 } });
      await rows.insert(item(`${name}-${i}`, { label: `${name}-${i}` }));
    }
  },

  /** Moves money between purses until it is ended, four at a time, and prints each transfer that was done. */
  async transfer() {
    const ledger = await openLedger(store);
    await Promise.all(Array.from({ length: 4 }, (_, i) => transferForEver(ledger, i)));
  },

  /** Fills the disk with rows. */
  async fill() {
    const taken = await fillWith((row) => rows.insert(row));
    process.stdout.write(`${taken} taken, ${await rows.count([])} there\n`);
  },

  /** The same through a journal. */
  async fillJournal() {
    const journal = await store.journal(logbook);
    const taken = await fillWith((row) => journal.append(row));
    process.stdout.write(`${taken} taken, ${await (await store.collection(logbook)).count([])} there\n`);
  },

  /** Inserts three rows in one turn; once a line comes in, says how many are there, and tries again. */
  async together() {
    await insertTogether();
    await once(process.stdin, 'data');
    process.stdin.destroy();
    process.stdout.write(`${await rows.count([])} there\n`);
    await insertTogether();
  },
};

/** Three rows in one turn, of which the second is more than SQLite keeps in memory until the commit. */
async function insertTogether(): Promise<void> {
  const results = await Promise.allSettled(
    [1, 24_000_000, 1].map((length, i) =>
      rows.insert(item(`${name}-${i}`, { label: `${i}${'x'.repeat(length)}` })),
    ),
  );
  const outcome = (result: PromiseSettledResult<void>) => {
    if (result.status === 'fulfilled') return 'taken';
    return result.reason instanceof Unavailable ? 'unavailable' : String(result.reason);
  };
  process.stdout.write(`${results.map(outcome).join(' ')}\n`);
}

/** A commit takes some ten steps: a kill from outside would mostly miss what lies between them. */
async function perhapsTheLast(step: string): Promise<void> {
  await sleep(Math.random() * 10);
  if (Math.random() < (step === 'apply' ? 1 / 10 : 1 / 100)) process.kill(process.pid, 'SIGKILL');
}

async function transferForEver(ledger: Ledger, from: number): Promise<void> {
  for (let i = from; ; i += 4) {
    const all = await ledger.all();
    const [out, into] = [all[i % all.length], all[(i + 1 + (i % 3)) % all.length]];
    if (out === undefined || into === undefined || out === into) continue;
    const id = `${name}-${i}`;
    // Some make a new purse, and some of those that were made go again.
    const isEmptied = i % 8 === 5 && out.id.includes('-');
    const to = i % 8 === 1 ? `${into.id.slice(0, 2)}-${id}` : into;
    try {
      if (await ledger.transfer(id, { from: out, to, isEmptied })) process.stdout.write(`${id}\n`);
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
    }
  }
}

async function keepForEver(from: number, keep: (row: Item) => Promise<void>): Promise<void> {
  for (let i = from; ; i += 8) {
    const id = `${name}-${i}`;
    await keep(item(id));
    process.stdout.write(`${id}\n`);
  }
}

/** Keeps large rows until one is refused and later ones are taken again; answers how many were taken. */
async function fillWith(keep: (row: Item) => Promise<void>): Promise<number> {
  let refused = false;
  let taken = 0;
  for (let since = 0; since < 5; ) {
    try {
      await keep(item(`${name}-${taken}`, { extra: { text: 'x'.repeat(20_000) } }));
      taken += 1;
      if (refused) since += 1;
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      if (!refused) process.stdout.write('unavailable\n');
      refused = true;
      await sleep(20);
    }
  }
  return taken;
}

await jobs[job]?.();
await store.close();
