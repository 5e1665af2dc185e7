import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { z } from 'zod';
import { openStore } from '../../adapters/open.ts';
import { type Store, type Write as StoreWrite, Unavailable } from '../../adapters/port.ts';
import { auditDeclaration } from '../../server/activity/audit.ts';
import { type Call, callDeclaration } from '../../server/activity/call.ts';
import { createRecorder } from '../../server/activity/recorder.ts';
import { openDataRows, rowDeclarationOf } from '../../server/data/rows.ts';
import { defineType } from '../../server/data/type.ts';
import { openCollections } from '../../server/effects/collections.ts';
import { createEffects } from '../../server/effects/effects.ts';
import { createLog } from '../../server/ground/log.ts';
import { messageDeclaration } from '../../server/mail/message.ts';
import { createRuns, type RunWrites, runDeclaration } from '../../server/workflows/runs.ts';
import { eachStore } from '../support/stores.ts';

const START = 1_800_000_000;
const note = defineType({ name: 'note', description: 'A note', fields: { text: z.string() } });
const bill = defineType({ name: 'bill', description: 'A bill', fields: { text: z.string() } });

const insert = (type: typeof note, id: string) =>
  ({
    declaration: rowDeclarationOf(type),
    insert: { id, createdAt: START, text: id },
  }) as unknown as StoreWrite;
const mail = (subject: string) => ({ to: 'ann@example.com', subject, text: 't', html: 'h', queue: 'acc_1' });
const STAGED: RunWrites = {
  writes: [insert(note, 'obj_1'), insert(note, 'obj_2'), insert(bill, 'obj_3')],
  mail: [mail('one'), mail('two')],
  audit: [
    {
      id: 'touch_1',
      accountId: 'acc_2',
      actor: { kind: 'client', id: 'svc_1' },
      action: 'data.touched',
      targetId: 'svc_1',
      targetName: 'x',
      count: 1,
    },
  ],
};
const ALL = {
  notes: ['obj_1', 'obj_2'],
  bills: ['obj_3'],
  mails: ['one', 'two'],
  calls: ['call_1'],
  touches: [1],
  runs: 0,
};

function call(id: string): Call {
  return {
    id,
    at: START,
    accountId: 'acc_1',
    tokenId: 'tok_1',
    tokenKind: 'personal_access_token',
    tokenName: 'Laptop',
    method: 'POST',
    path: '/api/1.1/wf/x',
    status: 200,
    result: 'success',
    from: '192.0.2.1',
    requestId: 'r',
  };
}

/** The writes of a run, in their order: the two in the middle are one step. */
type Write = 'commit' | 'mail' | 'call' | 'remove';

eachStore(({ url }) => {
  describe('a run', () => {
    const opened: Store[] = [];
    after(() => Promise.all(opened.map((store) => store.close())));

    async function freshStore(): Promise<Store> {
      const store = await openStore(await url());
      opened.push(store);
      return store;
    }

    /** One process on a store. `write` stands before each of its writes: what it throws, the write throws. */
    async function openProcess(
      store: Store,
      options: { clock?: () => number; write?: (write: Write) => unknown } = {},
    ) {
      const { clock = () => START, write = () => undefined } = options;
      const declarations = { audit: auditDeclaration, outbox: messageDeclaration, runs: runDeclaration };
      const { rows } = await openCollections(store, declarations, clock);
      const calls = await store.collection(callDeclaration);
      const real = createRecorder({ callJournal: await store.journal(callDeclaration), clock });
      const { opened } = await openDataRows(
        store,
        new Map([note, bill].map((type) => [type.name, type])),
        clock,
      );
      const collections = new Map([...opened].map(([name, { rows: records }]) => [name, records]));
      const lines: string[] = [];
      let woken = 0;

      const before =
        <A extends unknown[], T>(name: Write, then: (...args: A) => Promise<T>) =>
        async (...args: A): Promise<T> => {
          await write(name);
          return then(...args);
        };
      const runs = { ...rows.runs, remove: before('remove', rows.runs.remove) };
      const outbox = { ...rows.outbox, insertMany: before('mail', rows.outbox.insertMany) };
      const recorder = { ...real, record: before('call', real.record) };
      const effects = createEffects({
        ...rows,
        carriers: [runs],
        runs: { declaration: runDeclaration, rows: runs },
        store: { commit: before('commit', store.commit) },
        outbox,
        recorder,
        clock,
        log: createLog({ write: (line) => lines.push(line) }),
        mailWaiting: () => {
          woken += 1;
        },
      });
      const idsOf = async (type: string) => {
        const all = await collections.get(type)?.list({ limit: 100 });
        return (all ?? []).map(({ id }) => id).sort();
      };
      return {
        rows,
        effects,
        ...createRuns({ outbox, effects, recorder }),
        woken: () => woken,
        logged: () => lines.join(''),
        /** All that is there of runs. */
        async found() {
          await effects.settled();
          return {
            notes: await idsOf('note'),
            bills: await idsOf('bill'),
            mails: (await rows.outbox.list({ limit: 100 })).map(({ subject }) => subject).sort(),
            touches: (await rows.audit.list({ limit: 100 })).map(({ count }) => count),
            calls: (await calls.list({ limit: 100 })).map(({ id }) => id).sort(),
            runs: await rows.runs.count([]),
          };
        },
      };
    }

    it('is written, delivered all at once, and taken away: three steps', async () => {
      const started: string[] = [];
      const process = await openProcess(await freshStore(), {
        write: async (name) => {
          started.push(name);
          // Whoever is asked for in the same turn comes before whoever waits for another.
          await new Promise((resolve) => setTimeout(resolve, 5));
          started.push(`${name} goes on`);
        },
      });
      await process.commit(STAGED, call('call_1'));
      assert.deepEqual(await process.found(), ALL);
      assert.equal(process.woken(), 1);
      assert.deepEqual(started.slice(0, 2), ['commit', 'commit goes on']);
      assert.deepEqual(started.slice(2, 4).sort(), ['call', 'mail']);
      assert.deepEqual(started.slice(-2), ['remove', 'remove goes on']);
    });

    it('is answered when all is delivered, and does not wait for the end of its row', async () => {
      const removal = Promise.withResolvers<void>();
      const process = await openProcess(await freshStore(), {
        write: (name) => (name === 'remove' ? removal.promise : undefined),
      });
      await process.commit(STAGED, call('call_1'));
      assert.equal(await process.rows.runs.count([]), 1);
      assert.equal(await process.rows.outbox.count([]), ALL.mails.length);
      removal.resolve();
      assert.deepEqual(await process.found(), ALL);
    });

    it('has its entry on disk before it is taken away', async () => {
      const store = await freshStore();
      const durabilities: unknown[] = [];
      const journal = await store.journal(callDeclaration);
      const spied: Store = {
        ...store,
        journal: async () =>
          ({
            ...journal,
            append: async (entry: Call, durability: unknown) => {
              await journal.append(entry, durability as 'disk');
              durabilities.push(durability);
            },
          }) as never,
      };
      let known: unknown[] = [];
      const process = await openProcess(spied, {
        write: (name) => {
          if (name === 'remove') known = [...durabilities];
        },
      });
      await process.commit({ writes: [], mail: [mail('one')] }, call('call_1'));
      assert.deepEqual(known, ['disk']);
    });

    it('that stages nothing is only recorded, and without a known caller not even that', async () => {
      const writes: Write[] = [];
      const process = await openProcess(await freshStore(), { write: (name) => writes.push(name) });
      await process.commit({ writes: [], mail: [] }, call('call_1'));
      await process.commit({ writes: [], mail: [] }, undefined);
      assert.deepEqual(writes, ['call']);
      assert.deepEqual((await process.found()).calls, ['call_1']);
    });

    it('did not happen when its process dies before it is written', async () => {
      const store = await freshStore();
      const dead = await openProcess(store, {
        write() {
          throw new Error('killed');
        },
      });
      await assert.rejects(dead.commit(STAGED, call('call_1')), /killed/);
      const next = await openProcess(store, { clock: () => START + 60 });
      await next.effects.sweep();
      assert.deepEqual(await next.found(), {
        notes: [],
        bills: [],
        mails: [],
        calls: [],
        touches: [],
        runs: 0,
      });
    });

    // What a process that died had done of the step in the middle may be any part of it.
    const middle = ['mail', 'call'] as const;
    for (let part = 0; part < 4; part += 1) {
      const done = middle.filter((_, at) => (part & (1 << at)) !== 0);
      const what = done.length === 0 ? 'when it was written' : `after ${done.join(' and ')}`;

      it(`whose process died ${what} is ended by two sweeps at once, with nothing lost or doubled`, async () => {
        const store = await freshStore();
        const dead = await openProcess(store, {
          write(name) {
            if (name !== 'commit' && !done.includes(name as never)) throw new Error('killed');
          },
        });
        await dead.commit(STAGED, call('call_1'));
        assert.equal(await dead.rows.runs.count([]), 1);
        const early = await openProcess(store, {
          clock: () => START + 9,
          write: () => assert.fail('its own process may still be at it'),
        });
        await early.effects.sweep();
        assert.equal(early.logged(), '');

        const clock = () => START + 10;
        const sweepers = [await openProcess(store, { clock }), await openProcess(store, { clock })] as const;
        await Promise.all(sweepers.map(({ effects }) => effects.sweep()));
        assert.deepEqual(await sweepers[0].found(), ALL);
        await sweepers[0].effects.sweep();
        assert.deepEqual(await sweepers[1].found(), ALL);
        assert.ok(sweepers[0].woken() + sweepers[1].woken() > 0, 'the mail is sent at once');
      });
    }

    for (const held of ['mail', 'call', 'remove'] as const) {
      it(`whose process is held up before ${held} while a sweep ends it is not doubled by going on`, async () => {
        const store = await freshStore();
        const reached = Promise.withResolvers<void>();
        const goOn = Promise.withResolvers<void>();
        const slow = await openProcess(store, {
          write(name) {
            if (name !== held) return;
            reached.resolve();
            return goOn.promise;
          },
        });
        const committed = slow.commit(STAGED, call('call_1'));
        await reached.promise;
        const other = await openProcess(store, { clock: () => START + 10 });
        await other.effects.sweep();
        assert.deepEqual(await other.found(), ALL);
        const sent = { set: { sentAt: START, text: '', html: '' }, unset: ['dueAt'] } as const;
        await other.rows.outbox.updateMany([['dueAt', 'present']], sent);
        goOn.resolve();
        await committed;
        assert.deepEqual(await other.found(), ALL);
        assert.equal(await other.rows.outbox.count([['dueAt', 'present']]), 0, 'no mail goes out again');
      });
    }

    it('is done once it is written, whatever goes away behind it', async () => {
      const store = await freshStore();
      let now = START;
      let isAway = true;
      const process = await openProcess(store, {
        clock: () => now,
        write(name) {
          if (isAway && name === 'call') throw new Unavailable('away');
        },
      });
      await process.commit(STAGED, call('call_1'));
      assert.match(process.logged(), /wait in their row/);
      // What else was asked for beside it may still be under way.
      const { calls, runs } = await process.found();
      assert.deepEqual({ calls, runs }, { calls: [], runs: 1 });
      isAway = false;
      now += 10;
      await process.effects.sweep();
      assert.deepEqual(await process.found(), ALL);
    });
  });
});
