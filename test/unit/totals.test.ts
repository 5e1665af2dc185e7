import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { createTotals, latencyOf, sumOf } from '../../server/activity/totals.ts';
import { openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const HOUR = 3600;
const DAY = 24 * HOUR;

eachStore(({ url }) => {
  describe('totals of everybody', () => {
    let domain: TestDomain;
    afterEach(() => domain.stop());
    const open = async () => {
      domain = await openTestDomain({ storeUrl: await url() });
    };
    const call = (ms: number | undefined, status = 200, count?: number) => ({
      at: domain.clock(),
      status,
      ...(ms === undefined ? {} : { ms }),
      ...(count === undefined ? {} : { count }),
    });
    const shown = async (series: 'hour' | 'day', periods: number) =>
      (await domain.totals.last(series, periods)).map(
        ({ success, refused, failed, signedIn, signInsRefused }) =>
          [success, refused, failed, signedIn, signInsRefused].join(' '),
      );

    it('count calls and sign-ins by the hour and the day, over hours and over processes', async () => {
      await open();
      const other = createTotals({ totals: domain.rows.totals, clock: domain.clock });
      // An hour before midnight (UTC).
      domain.pass(DAY - (domain.clock() % DAY) - HOUR);
      domain.totals.add(call(3));
      domain.totals.add(call(2, 401, 4211));
      domain.totals.addSignIn('sign_in_refused');
      domain.pass(HOUR);
      domain.totals.add(call(7));
      other.add(call(20));
      other.add(call(30_000, 500));
      other.add(call(undefined));
      domain.totals.addSignIn('signed_in');
      await Promise.all([domain.totals.flush(), other.flush()]);
      // In this hour again: the rows are there.
      other.add(call(7));
      await other.flush();

      assert.deepEqual(await shown('hour', 3), ['0 0 0 0 0', '1 4211 0 0 1', '4 0 1 1 0']);
      assert.deepEqual(await shown('day', 2), ['1 4211 0 0 1', '4 0 1 1 0']);
      const sum = sumOf(await domain.totals.last('day', 30));
      assert.deepEqual([sum.success, sum.refused, sum.failed], [5, 4211, 1]);
      // What is refused at once says nothing of how long the rest takes.
      assert.equal(
        sum.lengths.reduce((all, count) => all + count, 0),
        5,
      );
      assert.deepEqual(latencyOf(sum.lengths), { medianMs: 10, p95Ms: Number.POSITIVE_INFINITY });
    });

    it('count what is recorded, who signs in and who tries to', async () => {
      await open();
      const whose = { accountId: 'acc_1', tokenId: 'tok_1', tokenKind: 'access_token', tokenName: 'T' };
      const called = { method: 'GET', path: '/a', status: 200, result: 'success', from: '', requestId: 'r' };
      await domain.recorder.record(domain.recorder.entry(whose, { ...called, ms: 1 }));
      const ann = await domain.account('ann@example.com');
      await domain.signIns.succeeded(ann, 'With a password', { kind: 'system' });
      for (const email of ['ann@example.com', 'nobody@example.com', 'no address'])
        await domain.accounts.checkPassword({ email, password: 'wrong', from: '' }).catch(() => undefined);
      await domain.totals.flush();
      assert.deepEqual(await shown('hour', 1), ['1 0 0 1 3']);
    });

    it('go with the calls', async () => {
      await open();
      domain.totals.add(call(3));
      await domain.totals.flush();
      assert.equal(await domain.rows.totals.count([]), 2);
      domain.pass(401 * DAY);
      await domain.jobs.runOnce();
      assert.equal(await domain.rows.totals.count([]), 0);
    });
  });
});

describe('latency', () => {
  const lengths = (...counts: number[]) => [
    ...counts,
    ...Array.from({ length: 12 - counts.length }, () => 0),
  ];
  it('is the bound that half of the calls, and 95 % of them, keep', () => {
    assert.equal(latencyOf(lengths()), undefined);
    assert.deepEqual(latencyOf(lengths(1)), { medianMs: 1, p95Ms: 1 });
    assert.deepEqual(latencyOf(lengths(50, 45, 5)), { medianMs: 1, p95Ms: 2 });
    assert.deepEqual(latencyOf(lengths(50, 44, 6)), { medianMs: 1, p95Ms: 5 });
    assert.deepEqual(latencyOf(lengths(49, 0, 0, 51)), { medianMs: 10, p95Ms: 10 });
  });
});
