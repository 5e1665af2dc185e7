import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { openStore } from '../../adapters/open.ts';
import { type Journal, type Store, Unavailable } from '../../adapters/port.ts';
import { type Call, callDeclaration } from '../../server/activity/call.ts';
import { createRecorder } from '../../server/activity/recorder.ts';
import { newSecret } from '../../server/credentials/secret-format.ts';
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

    async function fresh(more: { journal?: (real: Journal<Call>) => Journal<Call> } = {}) {
      const store = await openStore(await url());
      opened.push(store);
      const calls = await store.collection(callDeclaration);
      const real = await store.journal(callDeclaration);
      const callJournal = more.journal?.(real) ?? real;
      const recorder = createRecorder({ callJournal, clock: () => 1_800_000_000 });
      const keep = (id: string) => recorder.record(recorder.entry(whose, called(id)));
      const listed = async () => (await calls.list({ limit: 1000 })).map(({ requestId }) => requestId);
      return { recorder, keep, listed };
    }

    it('lists each entry once, in their order', async () => {
      const { recorder, keep, listed } = await fresh();
      const ids = Array.from({ length: 40 }, (_, number) => `r${String(number).padStart(2, '0')}`);
      await Promise.all(ids.map(keep));
      await keep('r40');
      const again = recorder.entry(whose, called('r41'));
      await recorder.record(again);
      await recorder.record(again);
      assert.deepEqual(await listed(), [...ids, 'r40', 'r41']);
    });

    it('tells every caller of one moment when the store is away, and goes on when it is back', async () => {
      let isAway = true;
      const { keep, listed } = await fresh({
        journal: (real) => ({
          append: (row) => (isAway ? Promise.reject(new Unavailable('away')) : real.append(row)),
        }),
      });
      const refused = await Promise.allSettled([keep('r1'), keep('r2')]);
      assert.ok(refused.every((one) => one.status === 'rejected' && one.reason instanceof Unavailable));
      isAway = false;
      await keep('r3');
      assert.deepEqual(await listed(), ['r3']);
    });
  });
});

describe('an activity entry', () => {
  const calledAt = (path: string) => ({ ...called('r'), path });
  const recorderAt = (clock: () => number) => createRecorder({ callJournal: undefined as never, clock });

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
    ['/api/LK_Pat_abc/x', '/api/(removed)/x'],
    ['/api/lk_pat_%20abc/x', '/api/(removed)/x'],
    ['/api/lk_cs_abc%0Adef', '/api/(removed)'],
    [`/api/${newSecret('lk_pat_').slice(7)}`, '/api/(removed)'],
    [`/api/lk.pat.${newSecret('lk_pat_').slice(7)}`, '/api/lk.pat.(removed)'],
    [
      `/api/lk%20${newSecret('lk_pat_').slice(7, 20)}%${'41'}${newSecret('lk_pat_').slice(20)}`,
      '/api/(removed)',
    ],
    ['/api/lk%5Fpat%5Fabc/x', '/api/(removed)/x'],
    ['/api/%6ck%5fPAT_abc', '/api/(removed)'],
    ['/api/x-lk%255Fpat%25255Fabc', '/api/(removed)'],
    ['/api/%E4lk%5Fcs%5Fabc', '/api/(removed)'],
    [`/api/${'%2525252525252541'.repeat(3)}`, '/api/(removed)'],
    [`/api/${'%41'.repeat(43)}/x`, '/api/(removed)/x'],
    ['/api/%D8%A7%D9%84/100%/a%2Fb', '/api/%D8%A7%D9%84/100%/a%2Fb'],
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
