import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { openStore } from '../../adapters/open.ts';
import { type Collection, type Store, Unavailable } from '../../adapters/port.ts';
import {
  type Call,
  type CallBatch,
  callBatchDeclaration,
  callDeclaration,
} from '../../server/activity/call.ts';
import { createRecorder } from '../../server/activity/recorder.ts';
import { newSecret } from '../../server/credentials/format.ts';
import { eachStore } from '../support/stores.ts';

const whose = {
  accountId: 'acc_1',
  tokenId: 'tok_1',
  tokenKind: 'personal_access_token',
  tokenName: 'Laptop',
};

function called(requestId: string) {
  return {
    method: 'GET',
    path: '/api/1.1/me',
    status: 200,
    result: 'success',
    from: '192.0.2.1',
    requestId,
  };
}

eachStore(({ url }) => {
  describe('recorder', () => {
    const opened: Store[] = [];
    after(() => Promise.all(opened.map((store) => store.close())));

    async function fresh() {
      const store = await openStore(await url());
      opened.push(store);
      const calls = await store.collection(callDeclaration);
      const callBatches = await store.collection(callBatchDeclaration);
      const clock = () => 1_800_000_000;
      /** As another process has it. */
      const another = (rows: { calls?: Collection<Call>; callBatches?: Collection<CallBatch> } = {}) =>
        createRecorder({ calls, callBatches, clock, ...rows });
      const listed = async () => (await calls.list({ limit: 1000 })).map(({ requestId }) => requestId);
      const waiting = () => callBatches.count([]);
      return { recorder: another(), another, listed, waiting, calls, callBatches };
    }

    it('keeps the entries of one moment as one row, and lists each of them in their order', async () => {
      const { recorder, listed, waiting } = await fresh();
      const ids = Array.from({ length: 40 }, (_, number) => `r${String(number).padStart(2, '0')}`);
      await Promise.all(ids.map((id) => recorder.keep(recorder.entry(whose, called(id)))));
      assert.equal(await waiting(), 1);
      await recorder.keep(recorder.entry(whose, called('r40')));
      assert.equal(await waiting(), 2);
      await recorder.spread();
      assert.deepEqual(await listed(), [...ids, 'r40']);
      assert.equal(await waiting(), 0);
    });

    it('bounds the row: more callers than that at one moment make another one', async () => {
      const { recorder, listed, waiting } = await fresh();
      const keeping = Array.from({ length: 501 }, () => recorder.keep(recorder.entry(whose, called('r'))));
      await Promise.all(keeping);
      assert.equal(await waiting(), 2);
      await recorder.spread();
      assert.equal((await listed()).length, 501);
    });

    it('has kept an entry when it says so, though the process dies before it is spread', async () => {
      const { recorder, another, listed } = await fresh();
      await recorder.keep(recorder.entry(whose, called('r1')));
      assert.deepEqual(await listed(), []);
      await another().spread();
      assert.deepEqual(await listed(), ['r1']);
    });

    it('doubles nothing when two processes spread at once, or one died half way', async () => {
      const { recorder, another, listed, waiting, calls, callBatches } = await fresh();
      const entry = recorder.entry(whose, called('r1'));
      await recorder.keep(entry);
      await calls.insertMany([entry]);
      for (let number = 2; number < 250; number += 1) {
        await callBatches.insert({
          id: `call_${number}`,
          entries: [recorder.entry(whose, called(`r${number}`))],
        });
      }
      await Promise.all([recorder.spread(), another().spread(), another().spread()]);
      assert.equal((await listed()).length, 249);
      assert.equal(await waiting(), 0);
    });

    it('spreads by itself a moment later', async () => {
      const { recorder, listed, waiting } = await fresh();
      await recorder.keep(recorder.entry(whose, called('r1')));
      const until = Date.now() + 10_000;
      while ((await waiting()) > 0 && Date.now() < until) await new Promise((done) => setTimeout(done, 100));
      assert.deepEqual(await listed(), ['r1']);
    });

    it('tells every caller of one moment when the store is away, and goes on when it is back', async () => {
      const { another, listed, callBatches } = await fresh();
      let isAway = true;
      const insert = (row: CallBatch) =>
        isAway ? Promise.reject(new Unavailable('away')) : callBatches.insert(row);
      const recorder = another({ callBatches: { ...callBatches, insert } });
      const keep = (id: string) => recorder.keep(recorder.entry(whose, called(id)));
      const refused = await Promise.allSettled([keep('r1'), keep('r2')]);
      assert.ok(refused.every((one) => one.status === 'rejected' && one.reason instanceof Unavailable));
      isAway = false;
      await keep('r3');
      await recorder.spread();
      assert.deepEqual(await listed(), ['r3']);
    });
  });
});

describe('an activity entry', () => {
  const calledAt = (path: string) => ({ ...called('r'), path });
  const recorderAt = (clock: () => number) =>
    createRecorder({ calls: undefined as never, callBatches: undefined as never, clock });

  it('ids ascend within a second and over the seconds, and differ between processes', () => {
    let now = 1_800_000_000;
    const one = recorderAt(() => now);
    const ids: string[] = [];
    for (let turn = 0; turn < 200; turn += 1) {
      if (turn % 50 === 0) now += 1;
      ids.push(one.entry(whose, calledAt('/api/1.1/me')).id);
    }
    assert.deepEqual(ids, [...new Set(ids)].sort());
    const other = recorderAt(() => 1_800_000_001).entry(whose, calledAt('/api/1.1/me'));
    assert.ok(!ids.includes(other.id));
  });

  const paths: [path: string, kept: string | RegExp][] = [
    ['/api/1.1/wf/create_transaction', '/api/1.1/wf/create_transaction'],
    [`/api/1.1/wf/${newSecret('lk_pat_')}`, '/api/1.1/wf/(removed)'],
    [`/api/${newSecret('lk_cs_').slice(0, 20)}/x`, '/api/(removed)/x'],
    [`/api/1.1/wf/${'Ab3-_'.repeat(9)}`, '/api/1.1/wf/(removed)'],
    [`/api/${'x/'.repeat(5000)}`, /^.{120}$/],
    [`/api/${'x/'.repeat(50)}${newSecret('lk_pat_')}`, /^[^_]*$/],
  ];
  for (const [path, kept] of paths) {
    it(`${path.slice(0, 20)}… is kept without what may be a token`, () => {
      const entry: Call = recorderAt(() => 1).entry(whose, calledAt(path));
      if (typeof kept === 'string') assert.equal(entry.path, kept);
      else assert.match(entry.path, kept);
    });
  }
});
