import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { z } from 'zod';
import { openStore } from '../../adapters/open.ts';
import { type Collection, declare, type Store, Taken, Unavailable } from '../../adapters/port.ts';
import { type AuditEntry, auditDeclaration } from '../../server/activity/audit.ts';
import { openCollections } from '../../server/effects/collections.ts';
import {
  type Carrier,
  createEffects,
  type EffectsOfChange,
  pendingEffects,
} from '../../server/effects/effects.ts';
import { createLog } from '../../server/ground/log.ts';
import { type Message, messageDeclaration } from '../../server/mail/message.ts';
import { runDeclaration } from '../../server/workflows/runs.ts';
import { eachStore } from '../support/stores.ts';

const thingSchema = z.strictObject({
  id: z.string(),
  label: z.string().optional(),
  count: z.number(),
  endedAt: z.number().optional(),
  ...pendingEffects,
});
type Thing = z.infer<typeof thingSchema>;
const things = declare<Thing>({
  name: 'things',
  schema: thingSchema,
  unique: ['label'],
  indexes: [['pendingAt']],
});

const START = 1_800_000_000;

/**
 * Everything of one process on a store; several of them are several processes. `dying` stands in for the things of
 * one that does not come to its end.
 */
async function openProcess(
  store: Store,
  clock: () => number,
  dying: (rows: Collection<Thing>) => Collection<Thing> = (rows) => rows,
) {
  const declarations = { things, audit: auditDeclaration, outbox: messageDeclaration, runs: runDeclaration };
  const opened = await openCollections(store, declarations, clock);
  const { audit, outbox } = opened.rows;
  const rows = dying(opened.rows.things);
  let woken = 0;
  const effects = createEffects({
    ...opened.rows,
    carriers: [rows as unknown as Collection<Carrier>, opened.rows.runs],
    runs: { declaration: runDeclaration, rows: opened.rows.runs },
    store,
    recorder: { record: () => assert.fail('nothing here brings a call') },
    clock,
    log: createLog({ write() {} }),
    mailWaiting: () => {
      woken += 1;
    },
  });
  return { store, audit, outbox, rows, effects, carriers: opened.carriers, woken: () => woken };
}

/** The effects of one change. */
function effectsOf(action: string): EffectsOfChange {
  const actor = { kind: 'account' as const, id: 'acc_1', from: '192.0.2.1' };
  return {
    audit: [{ accountId: 'acc_1', actor, action, targetId: 'thing', targetName: 'Thing' }],
    mail: [{ to: 'ann@example.com', subject: action, text: 'text', html: '<p>html</p>' }],
  };
}

const all = { limit: 1000 };
const actions = async (audit: Collection<AuditEntry>) =>
  (await audit.list(all)).map((entry) => entry.action).sort();
const subjects = async (outbox: Collection<Message>) =>
  (await outbox.list(all)).map((mail) => mail.subject).sort();

/** Of a process that dies right after its own change: the effects are never taken out of the row. */
function dyingAfterInsert(rows: Collection<Thing>): Collection<Thing> {
  let inserted = false;
  return {
    ...rows,
    async insert(row) {
      await rows.insert(row);
      inserted = true;
    },
    update: (...args) => (inserted ? Promise.reject(new Error('killed')) : rows.update(...args)),
  };
}

eachStore(({ url }) => {
  describe('effects', () => {
    const opened: Store[] = [];
    after(() => Promise.all(opened.map((store) => store.close())));

    async function fresh(clock: () => number = () => START) {
      const store = await openStore(await url());
      opened.push(store);
      return openProcess(store, clock);
    }

    it('writes the row, its audit entries and its mails, and leaves no trace of them in the row', async () => {
      const { rows, audit, outbox, effects, woken } = await fresh();
      await effects.insert(rows, { id: 'one', count: 0 }, effectsOf('thing.created'));
      const changed = await effects.update(
        rows,
        'one',
        { add: { count: 2 } },
        [],
        effectsOf('thing.counted'),
      );
      assert.deepEqual(changed, { id: 'one', count: 2 });
      assert.deepEqual(await rows.get('one'), { id: 'one', count: 2 });
      assert.deepEqual(await actions(audit), ['thing.counted', 'thing.created']);
      const [mail] = await outbox.list({ where: [['subject', '=', 'thing.created']], limit: 2 });
      const { id, ...rest } = mail ?? assert.fail('no mail');
      assert.match(id, /^[\w-]{22}$/);
      assert.deepEqual(rest, {
        to: 'ann@example.com',
        subject: 'thing.created',
        text: 'text',
        html: '<p>html</p>',
        queue: 'own',
        createdAt: START,
        dueAt: START,
        attempts: 0,
      });
      assert.equal(woken(), 2);
    });

    it('changes a row without any effect as well', async () => {
      const { rows, audit, outbox, effects, woken } = await fresh();
      await effects.insert(rows, { id: 'one', count: 0 }, {});
      assert.deepEqual(await effects.update(rows, 'one', { set: { count: 1 } }, [], {}), {
        id: 'one',
        count: 1,
      });
      assert.equal((await audit.list(all)).length + (await outbox.list(all)).length + woken(), 0);
    });

    it('does nothing of a refused change', async () => {
      const { rows, audit, outbox, effects } = await fresh();
      await effects.insert(rows, { id: 'one', label: 'l', count: 0, endedAt: START }, {});
      const guard = [['endedAt', 'absent']] as const;
      assert.equal(
        await effects.update(rows, 'one', { set: { count: 9 } }, guard, effectsOf('no')),
        undefined,
      );
      assert.equal(await effects.update(rows, 'two', { set: { count: 9 } }, [], effectsOf('no')), undefined);
      const twin = effects.insert(rows, { id: 'two', label: 'l', count: 0 }, effectsOf('no'));
      await assert.rejects(twin, (error) => error instanceof Taken && error.field === 'label');
      assert.deepEqual(await rows.list(all), [{ id: 'one', label: 'l', count: 0, endedAt: START }]);
      assert.deepEqual([await actions(audit), await subjects(outbox)], [[], []]);
    });

    it('delivers what a process that died left behind, once, when it is ten seconds old', async () => {
      let now = START;
      const { store, rows, audit, outbox, effects, woken } = await fresh(() => now);
      const dead = await openProcess(store, () => now, dyingAfterInsert);
      await dead.effects.insert(dead.rows, { id: 'one', count: 0 }, effectsOf('thing.created'));
      // The worst moment to die: after the entries were delivered and before the row was told so.
      assert.deepEqual(await actions(audit), ['thing.created']);
      assert.notEqual((await rows.get('one'))?.pendingId, undefined);
      await audit.removeMany([['accountId', '=', 'acc_1']], 10);
      await effects.sweep();
      assert.deepEqual(await actions(audit), [], 'too young: its own process may be at it');
      now += 10;
      await effects.sweep();
      await effects.sweep();
      assert.deepEqual(await rows.get('one'), { id: 'one', count: 0 });
      assert.deepEqual(await actions(audit), ['thing.created']);
      assert.deepEqual(await subjects(outbox), ['thing.created']);
      assert.equal(woken(), 1);
    });

    it('sweeps what a clock that was set back since dates far ahead', async () => {
      const { rows, audit, effects } = await fresh();
      const left = (id: string, pendingAt: number) => ({
        id,
        count: 0,
        pending: { audit: [], mail: [] },
        pendingAt,
        pendingId: id,
      });
      await rows.insertMany([left('far', START + 3600), left('near', START + 30)]);
      await effects.sweep();
      assert.equal((await rows.get('far'))?.pendingId, undefined);
      assert.equal((await rows.get('near'))?.pendingId, 'near', 'its own process may be at it');
      assert.equal(await audit.count([]), 0);
    });

    it('sweeps more rows than it reads at once', async () => {
      const { rows, audit, effects } = await fresh();
      const entry = (index: number) => ({
        id: `entry-${index}`,
        at: START,
        accountId: 'acc_1',
        actor: { kind: 'system' as const },
        action: 'thing.created',
        targetId: `${index}`,
        targetName: `${index}`,
      });
      const left = Array.from({ length: 110 }, (_, index) => ({
        id: `row-${index}`,
        count: 0,
        pending: { audit: [entry(index)], mail: [] },
        pendingAt: START - 60 - (index % 3),
        pendingId: `pending-${index}`,
      }));
      await rows.insertMany(left);
      await effects.sweep();
      assert.equal(await audit.count([]), 110);
      assert.equal(await rows.count([['pendingAt', 'present']]), 0);
    });

    it('lets many changes of one row through, each with its effects', async () => {
      const { rows, audit, outbox, effects } = await fresh();
      await rows.insert({ id: 'one', count: 0 });
      const names = Array.from({ length: 20 }, (_, index) => `change-${String(index).padStart(2, '0')}`);
      const done = await Promise.all(
        names.map((name) => effects.update(rows, 'one', { add: { count: 1 } }, [], effectsOf(name))),
      );
      assert.equal(
        done.filter((row) => row === undefined).length,
        0,
        'no change whose guard holds may be taken for a refused one',
      );
      assert.deepEqual(await rows.get('one'), { id: 'one', count: 20 });
      assert.deepEqual(await actions(audit), names);
      assert.deepEqual(await subjects(outbox), names);
    });

    it('lets exactly one of excluding changes win, with its effects only', async () => {
      const one = await fresh();
      const two = await openProcess(one.store, () => START);
      await one.rows.insert({ id: 'one', count: 0 });
      const guard = [['endedAt', 'absent']] as const;
      const results = await Promise.all(
        Array.from({ length: 16 }, (_, index) => {
          const { effects, rows } = index % 2 === 0 ? one : two;
          return effects.update(rows, 'one', { set: { endedAt: index } }, guard, effectsOf(`end-${index}`));
        }),
      );
      const winners = results.filter((row) => row !== undefined);
      assert.equal(winners.length, 1);
      assert.deepEqual(await actions(one.audit), [`end-${winners[0]?.endedAt}`]);
      assert.deepEqual(await subjects(one.outbox), [`end-${winners[0]?.endedAt}`]);
    });

    it('delivers what a dead process left in a row before the next change of the row', async () => {
      const { store, rows, audit, outbox, effects } = await fresh();
      const dead = await openProcess(store, () => START, dyingAfterInsert);
      await dead.effects.insert(dead.rows, { id: 'one', count: 0 }, effectsOf('first'));
      await audit.removeMany([['accountId', '=', 'acc_1']], 10);
      assert.deepEqual(await effects.update(rows, 'one', { add: { count: 1 } }, [], effectsOf('second')), {
        id: 'one',
        count: 1,
      });
      assert.deepEqual(await actions(audit), ['first', 'second']);
      assert.deepEqual(await subjects(outbox), ['first', 'second']);
    });

    it('takes no change for refused because earlier effects went away while it looked', async () => {
      const other = await fresh();
      const { rows, effects } = await openProcess(
        other.store,
        () => START,
        (own) => ({
          ...own,
          async list(listing) {
            await other.effects.sweep();
            return own.list(listing);
          },
          async get(id) {
            await other.effects.sweep();
            return own.get(id);
          },
        }),
      );
      const pending = { pending: { audit: [], mail: [] }, pendingAt: START - 60, pendingId: 'earlier' };
      await rows.insert({ id: 'one', count: 0, ...pending });
      const changed = await effects.update(rows, 'one', { add: { count: 1 } }, [], effectsOf('second'));
      assert.deepEqual(changed, { id: 'one', count: 1 });
    });

    it('keeps the effects of a change that came in the same second as one delivered late', async () => {
      const { store, rows, audit } = await fresh();
      // The first change stops before it takes its effects out of the row; in the meantime another helps it
      // and leaves effects of its own, whose process dies. Going on, the first must not throw those away.
      let goOn = () => {};
      const waiting = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      let reached = () => {};
      const stopped = new Promise<void>((resolve) => {
        reached = resolve;
      });
      const slow = await openProcess(
        store,
        () => START,
        (own) => ({
          ...own,
          async update(...args) {
            reached();
            await waiting;
            return own.update(...args);
          },
        }),
      );
      const first = slow.effects.insert(slow.rows, { id: 'one', count: 0 }, effectsOf('first'));
      await stopped;
      let died = false;
      const dead = await openProcess(
        store,
        () => START,
        (own) => ({
          ...own,
          async update(id, change, guard) {
            if (died) throw new Error('killed');
            const changed = await own.update(id, change, guard);
            died = changed?.count === 5;
            return changed;
          },
        }),
      );
      await dead.effects.update(dead.rows, 'one', { set: { count: 5 } }, [], effectsOf('second'));
      goOn();
      await first;
      assert.notEqual((await rows.get('one'))?.pending, undefined);
      assert.deepEqual(await actions(audit), ['first', 'second']);
    });

    it('says that a change is done when the store goes away right behind it', async () => {
      let now = START;
      const { store, rows, audit, effects } = await fresh(() => now);
      const leaving = await openProcess(
        store,
        () => now,
        (own) => ({
          ...own,
          update: () => Promise.reject(new Unavailable('gone')),
        }),
      );
      await leaving.effects.insert(leaving.rows, { id: 'one', count: 0 }, effectsOf('first'));
      now += 60;
      await effects.sweep();
      assert.deepEqual(await rows.get('one'), { id: 'one', count: 0 });
      assert.deepEqual(await actions(audit), ['first']);
      await assert.rejects(
        leaving.effects.update(leaving.rows, 'one', { set: { count: 1 } }, [], effectsOf('no')),
        Unavailable,
      );
      assert.deepEqual(await actions(audit), ['first']);
    });

    it('is found by the sweep in every collection whose declaration has room for it', async () => {
      const { carriers } = await fresh();
      assert.equal(carriers.length, 2, 'things and runs, and neither the audit nor the outbox');
    });

    it('is refused in a collection that no sweep looks at, before anything is written', async () => {
      const { store, rows, effects } = await fresh();
      const forgotten = await store.collection(things);
      const row = { id: 'one', count: 0 };
      await assert.rejects(effects.insert(forgotten, row, effectsOf('lost')), TypeError);
      await rows.insert(row);
      const change = { add: { count: 1 } };
      await assert.rejects(effects.update(forgotten, 'one', change, [], effectsOf('lost')), TypeError);
      assert.deepEqual(await rows.list(all), [row]);
    });
  });
});
