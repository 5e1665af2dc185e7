import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { openStore } from '../../adapters/open.ts';
import { declare, Unavailable } from '../../adapters/port.ts';
import { auditDeclaration } from '../../server/activity/audit.ts';
import type { Call } from '../../server/activity/call.ts';
import { openCollections } from '../../server/effects/collections.ts';
import { createEffects, pendingEffects } from '../../server/effects/effects.ts';
import { createJobs } from '../../server/ground/jobs.ts';
import { leaseDeclaration } from '../../server/ground/lease.ts';
import { createLog } from '../../server/ground/log.ts';
import { messageDeclaration } from '../../server/mail/message.ts';
import { runDeclaration } from '../../server/workflows/runs.ts';
import { eachStore } from '../support/stores.ts';
import { until } from '../support/until.ts';

const START = 1_800_000_000;
const DAY = 86_400;

const passSchema = z.strictObject({ id: z.string(), expiresAt: z.number().optional(), ...pendingEffects });
const passes = declare<z.infer<typeof passSchema>>({
  name: 'passes',
  schema: passSchema,
  indexes: [['expiresAt'], ['pendingAt']],
  expires: { expiresAt: 60 },
});

eachStore(({ url }) => {
  describe('jobs', () => {
    const stops: (() => Promise<unknown>)[] = [];
    afterEach(async () => {
      for (const stop of stops.splice(0).reverse()) await stop();
    });

    /** The jobs of one process on a fresh store. */
    async function fresh(clock: () => number, lastWork = async () => false, lines: string[] = []) {
      const store = await openStore(await url());
      stops.push(() => store.close());
      const declarations = {
        passes,
        audit: auditDeclaration,
        outbox: messageDeclaration,
        runs: runDeclaration,
        leases: leaseDeclaration,
      };
      const { rows, carriers, expiries } = await openCollections(store, declarations, clock);
      const log = createLog({ write: (line) => lines.push(line) });
      const recorder = { record: () => assert.fail('nothing here brings a call') };
      const runs = { declaration: runDeclaration, rows: rows.runs };
      const effects = createEffects({
        ...rows,
        carriers,
        runs,
        store,
        recorder,
        clock,
        log,
        mailWaiting() {},
      });
      const sweep = () => effects.sweep().then(() => false);
      const jobs = createJobs({ leases: rows.leases, clock, log, works: [sweep, ...expiries, lastWork] });
      stops.push(jobs.stop);
      return { rows, jobs };
    }

    it('removes what is a minute past, batch after batch, and nothing else', async () => {
      const { rows, jobs } = await fresh(() => START);
      const past = Array.from({ length: 1203 }, (_, index) => ({
        id: `past-${index}`,
        expiresAt: START - 60 - index,
      }));
      await rows.passes.insertMany(past);
      await rows.passes.insertMany([
        { id: 'just-past', expiresAt: START - 59 },
        { id: 'future', expiresAt: START + 1 },
        { id: 'for-ever' },
      ]);
      assert.equal(await jobs.runOnce(), true);
      const left = await rows.passes.list({ limit: 10 });
      assert.deepEqual(left.map((row) => row.id).sort(), ['for-ever', 'future', 'just-past']);
    });

    it('says so when some work fails, and has done what comes before it', async () => {
      let tried = 0;
      const { rows, jobs } = await fresh(
        () => START,
        async () => {
          tried += 1;
          throw new Unavailable('away');
        },
      );
      await rows.passes.insert({ id: 'past', expiresAt: START - 60 });
      await assert.rejects(jobs.runOnce(), Unavailable);
      assert.deepEqual([await rows.passes.count([]), tried], [0, 1]);
    });

    it('forgets mails that were sent or given up after thirty days, and those that wait never', async () => {
      let now = START;
      const { rows, jobs } = await fresh(() => now);
      const mail = { to: 'a@example.com', subject: 's', text: '', html: '', createdAt: START, attempts: 1 };
      await rows.outbox.insertMany([
        { id: 'sent', ...mail, sentAt: START },
        { id: 'given-up', ...mail, failedAt: START },
        { id: 'waiting', ...mail, dueAt: START },
      ]);
      now = START + 30 * DAY - 1;
      await jobs.runOnce();
      assert.equal(await rows.outbox.count([]), 3);
      now += 1;
      await jobs.runOnce();
      assert.deepEqual(
        (await rows.outbox.list({ limit: 5 })).map((row) => row.id),
        ['waiting'],
      );
    });

    it('moves on the effects of a row before the row goes', async () => {
      const { rows, jobs } = await fresh(() => START);
      const actor = { kind: 'system' as const };
      const entry = {
        id: 'e',
        at: START - 90,
        accountId: 'acc',
        actor,
        action: 'a',
        targetId: 't',
        targetName: 'T',
      };
      const pending = { pending: { audit: [entry], mail: [] }, pendingAt: START - 90, pendingId: 'p' };
      await rows.passes.insert({ id: 'one', expiresAt: START - 80, ...pending });
      await jobs.runOnce();
      assert.equal(await rows.passes.get('one'), undefined);
      assert.deepEqual(await rows.audit.get('e'), { ...entry, actorKey: 'system' });
    });

    it('leaves a row whose effects cannot be delivered, though it is over', async () => {
      const { rows, jobs } = await fresh(() => START);
      // The recorder here takes none.
      const call: Call = {
        ...{ id: 'call_1', at: START, accountId: 'acc_1', requestId: 'r', from: '192.0.2.1' },
        ...{ tokenId: 'tok_1', tokenKind: 'personal_access_token', tokenName: 'Laptop' },
        ...{ method: 'GET', path: '/', status: 200, result: 'success' },
      };
      const pending = { audit: [], mail: [], call };
      const over = { expiresAt: START - 80, pendingAt: START - 90, pendingId: 'p' };
      await rows.passes.insert({ id: 'waiting', ...over, pending });
      await rows.passes.insert({ id: 'past', expiresAt: START - 80 });
      await jobs.runOnce();
      assert.deepEqual(
        (await rows.passes.list({ limit: 5 })).map((row) => row.id),
        ['waiting'],
      );
    });

    it('is done by one process at a time, and seconds later by the next when that one has died', async () => {
      let now = START;
      const { rows, jobs } = await fresh(() => now);
      await rows.leases.insert({ id: 'jobs', holder: 'another', endsAt: START + 10 });
      await rows.passes.insert({ id: 'past', expiresAt: START - 100 });
      assert.equal(await jobs.runOnce(), false);
      assert.equal(await rows.passes.count([]), 1);
      now += 10;
      assert.equal(await jobs.runOnce(), true);
      assert.equal(await rows.passes.count([]), 0);
    });

    it('takes a lease that ends further ahead than any lease is long: a clock was wrong', async () => {
      for (const ahead of [16, 120, 3600, 365 * DAY]) {
        const { rows, jobs } = await fresh(() => START);
        await rows.leases.insert({ id: 'jobs', holder: 'another', endsAt: START + ahead });
        assert.equal(await jobs.runOnce(), true, `${ahead} s ahead`);
      }
    });

    it('holds its lease while a work goes on for longer than the lease is long', async () => {
      const { promise: over, resolve: end } = Promise.withResolvers<void>();
      const first = await fresh(Date.now, () => over.then(() => false));
      // Seconds of this clock pass a thousand times as fast.
      const running = first.jobs.runOnce();
      const leaseEnd = async () => (await first.rows.leases.get('jobs'))?.endsAt ?? 0;
      const begun = await until('it is at work', leaseEnd);
      await until('the lease was renewed', async () => (await leaseEnd()) > begun);
      end();
      assert.equal(await running, true);
      assert.equal(await leaseEnd(), 0);
    });

    it('says when it waits for a lease, and looks again soon', async (t) => {
      const lines: string[] = [];
      let now = START;
      const { rows, jobs } = await fresh(() => now, undefined, lines);
      await rows.leases.insert({ id: 'jobs', holder: 'dead', endsAt: START + 10 });
      await rows.passes.insert({ id: 'past', expiresAt: START - 100 });
      t.mock.timers.enable({ apis: ['setTimeout'] });
      jobs.start();
      await until('it says so', () => lines.some((line) => line.includes('waits for the lease')));
      assert.match(lines.join(''), /"endsIn":10,/);
      now += 10;
      // Its timer is set in the moment after.
      await delay(1);
      t.mock.timers.tick(5000);
      await until('it has done its work', async () => (await rows.passes.count([])) === 0);
    });

    it('runs by itself from the start on, and not after the stop', async () => {
      const { rows, jobs } = await fresh(() => START);
      await rows.passes.insert({ id: 'past', expiresAt: START - 100 });
      jobs.start();
      for (let turn = 0; turn < 200 && (await rows.passes.count([])) > 0; turn += 1) await delay(10);
      assert.equal(await rows.passes.count([]), 0);
      await jobs.stop();
      await rows.passes.insert({ id: 'past', expiresAt: START - 100 });
      assert.equal(await jobs.runOnce(), false);
    });
  });
});
