import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import fc from 'fast-check';
import mongoose from 'mongoose';
import { openMongodb } from '../../adapters/mongodb/store.ts';
import { openStore } from '../../adapters/open.ts';
import type { Store } from '../../adapters/port.ts';
import { eachStore } from '../support/stores.ts';
import { anyRound, atStep, runRound, STALE_MS } from './commit-rounds.ts';
import { openLedger } from './ledger.ts';

/** Commits at random, at once, each of which may die before any of its steps. */
eachStore(({ engine, url }) => {
  const stores: Store[] = [];
  after(() => Promise.all(stores.map((store) => store.close())));

  async function open(address: string): Promise<Store> {
    const store =
      engine === 'mongodb'
        ? await openMongodb(address, undefined, { atStep, staleMs: STALE_MS })
        : await openStore(address);
    stores.push(store);
    return store;
  }

  async function playRounds(numRuns: number): Promise<void> {
    const address = await url();
    const processes = [await openLedger(await open(address)), await openLedger(await open(address))];
    const settler = await open(address);
    const property = fc.asyncProperty(anyRound, async (plans) => {
      await runRound(plans, processes, settler);
      if (engine === 'mongodb') await assertNothingLeft(address);
    });
    await fc.assert(property, { numRuns, endOnFailure: true });
  }

  it('leaves every commit whole or absent, and nothing reserved', async () => {
    // A process dies between steps on MongoDB alone. A round mostly waits, so two are played beside each other.
    const rounds = Number(process.env.ROUNDS ?? (engine === 'mongodb' ? 8 : 6));
    await Promise.all([playRounds(rounds / 2), playRounds(rounds / 2)]);
  });
});

/** No reader could tell: what is reserved looks as it was. */
async function assertNothingLeft(address: string): Promise<void> {
  const connection = await mongoose.createConnection(address).asPromise();
  try {
    assert.deepEqual(await connection.collection('commits').find().toArray(), []);
    for (const name of ['purses', 'vaults', 'transfer_notes']) {
      for (const document of await connection.collection(name).find().toArray()) {
        assert.deepEqual([document._commit, document._unseen], [undefined, undefined]);
        assert.equal(document._next_seat, document.seat);
      }
    }
  } finally {
    await connection.close();
  }
}
