import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, it } from 'node:test';
import { openMongodb } from '../../adapters/mongodb/store.ts';
import { openStore } from '../../adapters/open.ts';
import type { Store } from '../../adapters/port.ts';
import { eachStore } from '../support/stores.ts';
import { CENTS, openLedger } from './ledger.ts';

const PURSES = ['p0', 'p1', 'p2', 'v0', 'v1', 'v2'];

/** Processes that commit all the time are killed in the middle of it, again and again, while another goes on. */
eachStore(({ engine, url }) => {
  const children: ChildProcess[] = [];
  const stores: Store[] = [];
  after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(stores.map((store) => store.close()));
  });

  /** Answers the transfers that were acknowledged before the process was killed. */
  async function killWriter(address: string, name: string, count: number): Promise<string[]> {
    const script = join(import.meta.dirname, 'writer-process.ts');
    const args = [script, address, 'transfer', name];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    const ended = once(child, 'exit');
    const done: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      done.push(line);
      if (done.length === count) setTimeout(() => child.kill('SIGKILL'), Math.random() * 20);
    }
    assert.deepEqual(await ended, [null, 'SIGKILL']);
    return done;
  }

  it('leaves every commit whole or absent when its process is killed', async () => {
    const address = await url();
    // Nobody is alive at the end, so nobody needs time.
    const store = await (engine === 'mongodb'
      ? openMongodb(address, undefined, { staleMs: 0 })
      : openStore(address));
    stores.push(store);
    const ledger = await openLedger(store);
    await ledger.fill(PURSES);
    // What there may be between the steps of a commit is MongoDB's alone: SQLite's are one transaction.
    const [livesMax, transfers] = engine === 'mongodb' ? [2, 4] : [1, 40];
    const lives = ['a', 'b'].map(async (name) => {
      const done: string[] = [];
      for (let life = 0; life < livesMax; life += 1)
        done.push(...(await killWriter(address, `${name}${life}`, transfers + 5 * life)));
      return done;
    });
    const acknowledged = (await Promise.all(lives)).flat();
    await store.settleCommits();

    const noted = new Set(await ledger.noted());
    const purses = await ledger.all();
    assert.deepEqual(
      acknowledged.filter((name) => !noted.has(name)),
      [],
    );
    assert.equal(
      purses.reduce((sum, { cents }) => sum + cents, 0),
      PURSES.length * CENTS,
    );
    for (const { id, version, cents, twin, transfers } of purses) {
      assert.equal(cents, twin, id);
      assert.equal(transfers.length, PURSES.includes(id) ? version : version + 1, id);
      for (const name of transfers) assert.ok(noted.has(name), `${name} at ${id}`);
    }
    for (const purse of purses) assert.equal(await ledger.touch('last', purse), true, 'nothing is reserved');
  });
});
