import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openStore } from '../../adapters/open.ts';
import { dueDeclaration, nextTime, type ScheduledWork, scheduled } from '../../server/ground/schedule.ts';
import { eachStore } from '../support/stores.ts';

const DAY = 86_400;
/** 2030-03-17T17:46:40Z. */
const START = 1_900_000_000;
const MONTHLY = '0 3 1 * *';

eachStore(({ url }) => {
  describe('scheduled work', () => {
    /** One work on a fresh store with a clock that the test moves, and what it was run for. */
    async function fresh(run: ScheduledWork['run'] = async () => false) {
      const store = await openStore(await url());
      const due = await store.collection(dueDeclaration);
      const clock = { now: START };
      const ran: number[] = [];
      const noted = async (dueAt: number) => {
        ran.push(dueAt);
        return run(dueAt);
      };
      const parts = { due, clock: () => clock.now };
      const [work = assert.fail()] = scheduled([{ name: 'review', cron: MONTHLY, run: noted }], parts);
      return { due, clock, ran, work, stop: () => store.close() };
    }

    it('runs once for each time in two years, however often it is asked', async (t) => {
      const { clock, ran, work, stop } = await fresh();
      t.after(stop);
      for (; clock.now < START + 730 * DAY; clock.now += DAY / 2) await work();
      const wanted = Array.from({ length: 24 }, (_, month) => Date.UTC(2030, 3 + month, 1, 3) / 1000);
      assert.deepEqual(ran, wanted);
    });

    it('makes one run of all that were missed, and waits for the next time after a first start', async (t) => {
      const { clock, ran, work, stop } = await fresh();
      t.after(stop);
      await work();
      assert.deepEqual(ran, []);
      clock.now += 200 * DAY;
      await work();
      await work();
      assert.deepEqual(ran, [Date.UTC(2030, 3, 1, 3) / 1000]);
    });

    it('begins a run again that a crash cut short, and goes on while there is more', async (t) => {
      const answers = ['more', 'crash', 'more', 'done'];
      const { clock, ran, work, stop } = await fresh(async () => {
        const answer = answers.shift();
        if (answer === 'crash') throw new Error('killed');
        return answer === 'more';
      });
      t.after(stop);
      await work();
      clock.now += 31 * DAY;
      assert.equal(await work(), true);
      await assert.rejects(Promise.resolve(work()), /killed/);
      assert.equal(await work(), true);
      await work();
      await work();
      assert.deepEqual([ran.length, new Set(ran).size, answers.length], [4, 1, 0]);
    });

    it('does not wait for a time that a wrong clock has written', async (t) => {
      const { due, clock, ran, work, stop } = await fresh();
      t.after(stop);
      await due.insert({ id: 'review', dueAt: START + 4000 * DAY });
      await work();
      clock.now += 31 * DAY;
      await work();
      assert.equal(ran.length, 1);
    });
  });
});

it('refuses times that never come', () => {
  assert.throws(() => nextTime('0 0 31 2 *', START), /no time/);
});
