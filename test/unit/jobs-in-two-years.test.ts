import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';
import { sqliteStores } from '../support/stores.ts';

const DAY = 86_400;
const HOUR = 3600;
/** Of 2030-03-17, where the clock of the tests begins. */
const START = 1_900_000_000;

sqliteStores(({ url }) => {
  it('two processes do each work of two years once, though one is killed in the middle of it again and again', async (t) => {
    const storeUrl = await url();
    const open = () =>
      openTestDomain({ storeUrl, settings: { retention: { audit: 200, credentials: 200 } } });
    const ours = await open();
    let other = await open();
    t.after(() => ours.stop());
    const root = await ours.account('root@example.com', true);
    const ann = await ours.account('ann@example.com');
    const mint = (name: string, days: number, idleDays?: string) => {
      const wanted = { account: ann, name, scopes: ['profile'], expiresAt: START + days * DAY };
      return ours.tokens.mint({ ...wanted, narrowing: { idleDays } }, actor);
    };
    for (let number = 1; number <= 12; number += 1) await mint(`Long ${number}`, 390);
    for (let number = 1; number <= 12; number += 1) await mint(`Idle ${number}`, 400, '100');
    const service = { scopes: ['admin'], actsFor: 'app', resourceServer: false, reason: 'Backups' } as const;
    for (const name of ['A', 'B', 'C'])
      await ours.services.create({ ...service, account: root, name, expiresAt: START + 90 * DAY }, actor);
    const eternal = { scopes: ['profile'], actsFor: 'account', resourceServer: false } as const;
    await ours.services.create({ ...eternal, account: ann, name: 'Eternal' }, actor);

    /** Seconds since the start, as far as both have got. */
    let passed = 0;
    const goTo = (seconds: number) => {
      for (const domain of [ours, other]) domain.pass(seconds - passed);
      passed = seconds;
    };
    let kills = 0;
    /** Its store is gone in the midst of what it does: it can write nothing more, not even give its lease back. */
    const kill = async (domain: TestDomain, turns: number) => {
      const running = domain.jobs.runOnce().catch(() => undefined);
      for (let turn = 0; turn < turns; turn += 1) await nextTurn();
      await domain.store.close();
      await running;
      kills += 1;
      other = await open();
      other.pass(passed);
    };
    // A run looks at what was due at its time, which may be long ago: the next one within hours finds the rest.
    for (let day = 14; day <= 742; day += 14) {
      goTo(day * DAY);
      const isKilled = day % 3 === 0;
      if (isKilled) await kill(other, (day * 7) % 160);
      else await Promise.all([ours.jobs.runOnce(), other.jobs.runOnce()]);
      for (const hours of isKilled ? [1, 2] : [1]) {
        goTo(day * DAY + hours * HOUR);
        await Promise.all([ours.jobs.runOnce(), other.jobs.runOnce()]);
      }
    }
    await other.store.close();
    assert.equal(kills, 17);
    const toAnn = (await ours.mailed('ann@example.com')).toSorted();
    const count = (pattern: RegExp) => toAnn.filter((subject) => pattern.test(subject)).length;
    // 90 and 30 days before the end, for the clock leaps over the last week; the idle ones end at their hundredth day.
    assert.deepEqual(
      toAnn.filter((subject) => /expire/.test(subject)),
      Array(2).fill('12 of your tokens and secrets expire soon'),
    );
    assert.equal(count(/unless they are used/), 1);
    assert.equal(count(/^Your token Idle \d+ ended: nothing used it$/), 12);
    assert.equal(count(/still need/), 24);
    const toRoot = await ours.mailed('root@example.com');
    assert.equal(toRoot.filter((subject) => /^Review of credentials/.test(subject)).length, 24);
    // Nobody answered for them.
    assert.deepEqual(
      toRoot.filter((subject) => /paused/i.test(subject)),
      ['3 credentials were paused'],
    );
    const reviews = await ours.rows.reviews.list({ limit: 100 });
    assert.ok(reviews.every(({ closesAt, actAt }) => closesAt === undefined || actAt === undefined));
    // What is past its time is gone, and what carried effects has given them.
    assert.equal(await ours.rows.credentials.count([['expiresAt', '<', ours.clock() - 201 * DAY]]), 0);
    assert.equal(await ours.rows.audit.count([['at', '<', ours.clock() - 201 * DAY]]), 0);
    assert.equal(await ours.rows.credentials.count([['pendingAt', 'present']]), 0);
    assert.equal(await ours.rows.reviews.count([['pendingAt', 'present']]), 0);
  });
});
