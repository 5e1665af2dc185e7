import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { Unavailable } from '../../adapters/port.ts';
import type { Call } from '../../server/activity/call.ts';
import { createCallCounts } from '../../server/activity/call-counts.ts';
import { openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const DAY = 86_400;

eachStore(({ url, isFirst }) => {
  describe('calls a day', () => {
    let domain: TestDomain;
    afterEach(() => domain.stop());
    const open = async () => {
      domain = await openTestDomain({ storeUrl: await url() });
    };

    const midnight = () => domain.clock() - (domain.clock() % DAY);
    const call = (wanted: Partial<Call> = {}): Call => ({
      ...domain.recorder.entry(
        { accountId: 'acc_1', tokenId: 'tok_1', tokenKind: 'personal_access_token', tokenName: 'T' },
        { method: 'GET', path: '/api/1.1/me', status: 200, result: 'success', from: '', requestId: 'r' },
      ),
      ...wanted,
    });
    const refused = (path: string) => call({ path, status: 404, result: 'NOT_FOUND' });
    const span = (days: number) => ({
      accountId: 'acc_1',
      from: midnight() - (days - 1) * DAY,
      before: midnight() + DAY,
    });
    const byDay = async (days: number, about?: { tokenId: string } | { clientId: string }) =>
      (await domain.callCounts.of({ ...span(days), about })).days.map(({ day, ...counts }) => [
        (midnight() - day) / DAY,
        ...Object.values(counts),
      ]);

    it('are counted by account, credential, route and result, over the days and over processes', async () => {
      await open();
      const other = createCallCounts({ ...domain.rows, clock: domain.clock });
      for (const path of ['/a', '/b', '/c']) await domain.recorder.record(refused(path));
      await domain.recorder.record(call({ status: 503, result: 'UNAVAILABLE' }));
      await domain.recorder.record(call({ accountId: 'acc_2' }));
      domain.pass(DAY);
      for (let turn = 0; turn < 5; turn += 1) await domain.recorder.record(call());
      const access = { tokenKind: 'access_token', clientId: 'svc_1' };
      for (const tokenId of ['at_1', 'at_2']) other.add(call({ ...access, tokenId }));
      other.add(call());
      other.add(call({ status: 401, result: 'invalid_token', count: 4211 }));
      await Promise.all([domain.callCounts.flush(), other.flush()]);

      assert.deepEqual(await byDay(3), [
        [2, 0, 0, 0],
        [1, 0, 3, 1],
        [0, 8, 4211, 0],
      ]);
      assert.deepEqual(await byDay(1, { tokenId: 'tok_1' }), [[0, 6, 4211, 0]]);
      assert.deepEqual(await byDay(1, { clientId: 'svc_1' }), [[0, 2, 0, 0]]);
      assert.deepEqual(await byDay(1, { tokenId: 'at_1' }), [[0, 0, 0, 0]]);
      const { routes } = await domain.callCounts.of({ ...span(3), about: { tokenId: 'tok_1' } });
      assert.deepEqual(routes, [
        { route: '', result: 'invalid_token', outcome: 'refused', count: 4211 },
        { route: 'GET /api/1.1/me', result: 'success', outcome: 'success', count: 6 },
        { route: '', result: 'NOT_FOUND', outcome: 'refused', count: 3 },
        { route: '', result: 'UNAVAILABLE', outcome: 'failed', count: 1 },
      ]);
      const past = { ...span(3), before: midnight(), about: { tokenId: 'tok_1' } };
      assert.deepEqual(
        (await domain.callCounts.of(past)).routes.map(({ result }) => result),
        ['NOT_FOUND', 'UNAVAILABLE'],
      );
    });

    // That a list goes on behind a row is the same on both stores.
    if (isFirst)
      it('of a credential with many routes are those of each day, however far back', async () => {
        await open();
        const series = 'acc_1 tok_1';
        const rows = Array.from({ length: 2400 }, (_, index) => ({
          ...{ id: `c${index}`, series, day: midnight() - Math.floor(index / 6) * DAY, count: 2 },
          ...{ outcome: 'success' as const, route: `GET /${index % 6}`, result: 'success' },
        }));
        await domain.rows.callCounts.insertMany(rows);
        const days = await byDay(400, { tokenId: 'tok_1' });
        assert.deepEqual([days.length, new Set(days.map(([, done]) => done))], [400, new Set([12])]);
      });

    it('wait while the store is away, and are counted once', async () => {
      await open();
      let isAway = true;
      const { callCounts } = domain.rows;
      const update: typeof callCounts.update = (...change) =>
        isAway ? Promise.reject(new Unavailable('away')) : callCounts.update(...change);
      const counts = createCallCounts({ callCounts: { ...callCounts, update }, clock: domain.clock });
      counts.add(call());
      await counts.flush();
      counts.add(call());
      isAway = false;
      await counts.flush();
      await counts.flush();
      assert.deepEqual(await byDay(1), [[0, 2, 0, 0]]);
    });

    it('are not those that could not be recorded', async () => {
      await open();
      const wrong = call({ status: 'x' as never });
      await assert.rejects(domain.recorder.record(wrong), TypeError);
      await domain.callCounts.flush();
      assert.deepEqual(await byDay(1), [[0, 0, 0, 0]]);
    });

    it('are written before the process ends, and go with the calls', async () => {
      await open();
      await domain.recorder.record(call());
      domain.pass(401 * DAY);
      await domain.callCounts.flush();
      assert.equal(await domain.rows.callCounts.count([]), 2);
      await domain.jobs.runOnce();
      assert.equal(await domain.rows.callCounts.count([]), 0);
    });
  });
});
