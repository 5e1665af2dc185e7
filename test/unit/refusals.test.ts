import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { Unavailable } from '../../adapters/port.ts';
import { createRefusals } from '../../server/activity/refusals.ts';
import { openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const whose = (tokenId: string) => ({
  accountId: 'acc_1',
  tokenId,
  tokenKind: 'personal_access_token',
  tokenName: 'Old laptop',
});
const called = (requestId: string) => ({
  method: 'GET',
  path: '/api/1.1/me',
  status: 401,
  result: 'invalid_token',
  from: '192.0.2.1',
  requestId,
});

eachStore(({ url }) => {
  describe('calls with a dead credential', () => {
    let domain: TestDomain;
    afterEach(() => domain.stop());

    async function open() {
      domain = await openTestDomain({ storeUrl: await url() });
      const refusals = createRefusals(domain);
      const entries = async () =>
        (await domain.rows.calls.list({ order: { by: 'at' }, limit: 1000 })).map(
          ({ requestId, count = 1 }) => `${requestId}: ${count}`,
        );
      return { refusals, entries };
    }

    it('have an entry at once, and then one a minute with their number', async () => {
      const { refusals, entries } = await open();
      await refusals.record(whose('tok_1'), called('first'));
      assert.deepEqual(await entries(), ['first: 1']);
      for (let turn = 1; turn <= 5000; turn += 1) await refusals.record(whose('tok_1'), called(`r${turn}`));
      assert.deepEqual(await entries(), ['first: 1']);
      domain.pass(60);
      await refusals.record(whose('tok_1'), called('next'));
      assert.deepEqual(await entries(), ['first: 1', 'r5000: 5000']);
      domain.pass(60);
      await refusals.record(whose('tok_1'), called('last'));
      assert.deepEqual(await entries(), ['first: 1', 'r5000: 5000', 'next: 1']);
      await refusals.stop();
      assert.deepEqual((await entries()).at(-1), 'last: 1');
    });

    it('have an entry at once after a pause, and when the clock went back', async () => {
      const { refusals, entries } = await open();
      await refusals.record(whose('tok_1'), called('a'));
      domain.pass(3600);
      await refusals.record(whose('tok_1'), called('b'));
      domain.pass(-1800);
      await refusals.record(whose('tok_1'), called('c'));
      assert.deepEqual((await entries()).toSorted(), ['a: 1', 'b: 1', 'c: 1']);
    });

    it('are counted for each credential and result', async () => {
      const { refusals, entries } = await open();
      await Promise.all(
        ['tok_1', 'tok_2', 'tok_1', 'tok_2'].map((id) => refusals.record(whose(id), called(id))),
      );
      await refusals.record(whose('tok_1'), { ...called('other'), result: 'suspended' });
      assert.deepEqual((await entries()).toSorted(), ['other: 1', 'tok_1: 1', 'tok_2: 1']);
      await refusals.stop();
      assert.equal((await entries()).length, 5);
    });

    it('are not forgotten while the store is away', async () => {
      const { entries } = await open();
      let isAway = true;
      const { recorder, clock } = domain;
      const record = (entry: Parameters<typeof recorder.record>[0]) =>
        isAway ? Promise.reject(new Unavailable('away')) : recorder.record(entry);
      const refusals = createRefusals({ recorder: { ...recorder, record }, clock });
      await assert.rejects(refusals.record(whose('tok_1'), called('a')), Unavailable);
      await refusals.record(whose('tok_1'), called('b'));
      await assert.rejects(refusals.stop(), Unavailable);
      isAway = false;
      await refusals.stop();
      assert.deepEqual(await entries(), ['b: 2']);
    });

    it('of more credentials than are counted at a time are all there in the end', async () => {
      const { refusals } = await open();
      const ids = Array.from({ length: 10_050 }, (_, number) => `tok_${number}`);
      for (const turn of [1, 2]) {
        await Promise.all(ids.slice(0, 100).map((id) => refusals.record(whose(id), called(`${turn}`))));
      }
      await Promise.all(ids.slice(100).map((id) => refusals.record(whose(id), called('1'))));
      await refusals.stop();
      const rows = await domain.rows.calls.list({ limit: 20_000 });
      const total = rows.reduce((sum, { count = 1 }) => sum + count, 0);
      assert.equal(total, 100 + ids.length);
    });
  });
});
