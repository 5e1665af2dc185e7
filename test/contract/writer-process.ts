import { setTimeout as sleep } from 'node:timers/promises';
import { openStore } from '../../adapters/open.ts';
import { Unavailable } from '../../adapters/port.ts';
import { item, items, logbook, notes } from './items.ts';

/**
 * Another process on a store, for the tests that end one, need two, or take its disk away:
 * `writer-process.ts URL JOB NAME`, where NAME is also the beginning of its rows' ids.
 */
const [, , url = '', job = '', name = ''] = process.argv;
const store = await openStore(url);
const rows = await store.collection(name.startsWith('note') ? notes : items);

const jobs: Record<string, () => Promise<unknown>> = {
  /** Inserts until it is ended, eight at a time, and prints each id that was acknowledged. */
  insert: () => Promise.all(Array.from({ length: 8 }, (_, i) => insertForEver(i))),

  /** Appends to the journal until it is ended, eight at a time, and prints each id that was acknowledged. */
  async append() {
    const journal = await store.journal(logbook);
    const appendForEver = async (from: number): Promise<void> => {
      for (let i = from; ; i += 8) {
        const id = `${name}-${i}`;
        await journal.append(item(id, { tags: ['x'.repeat(1000)] }));
        process.stdout.write(`${id}\n`);
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, i) => appendForEver(i)));
  },

  /** Appends large rows until one is refused and others are taken again; prints how many were, and are there. */
  async fillJournal() {
    const journal = await store.journal(logbook);
    const kept = await store.collection(logbook);
    let refused = false;
    let taken = 0;
    for (let since = 0; since < 5; ) {
      try {
        await journal.append(item(`${name}-${taken}`, { extra: { text: 'x'.repeat(20_000) } }));
        taken += 1;
        if (refused) since += 1;
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        if (!refused) process.stdout.write('unavailable\n');
        refused = true;
        await sleep(20);
      }
    }
    await journal.settle();
    process.stdout.write(`${taken} taken, ${await kept.count([])} there\n`);
  },

  /** Adds 200 to the row "counter" one by one, and inserts a row of its own each time. */
  async count() {
    for (let i = 0; i < 200; i += 1) {
      await rows.update('counter', { add: { size: 1 } });
      await rows.insert(item(`${name}-${i}`, { label: `${name}-${i}` }));
    }
  },

  /**
   * Inserts large rows until one is refused and later ones are taken again; prints both, and what is there
   * then.
   */
  async fill() {
    let refused = false;
    let taken = 0;
    for (let since = 0; since < 5; ) {
      try {
        await rows.insert(item(`${name}-${taken}`, { extra: { text: 'x'.repeat(20_000) } }));
        taken += 1;
        if (refused) since += 1;
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error;
        if (!refused) process.stdout.write('unavailable\n');
        refused = true;
        await sleep(20);
      }
    }
    process.stdout.write(`${taken} taken, ${await rows.count([])} there\n`);
  },

  /** Inserts three rows in one turn, until the second time says how many are there, and tries again. */
  async together() {
    await insertTogether();
    await sleep(300);
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

async function insertForEver(from: number): Promise<void> {
  for (let i = from; ; i += 8) {
    const id = `${name}-${i}`;
    await rows.insert(item(id));
    process.stdout.write(`${id}\n`);
  }
}

await jobs[job]?.();
await store.close();
