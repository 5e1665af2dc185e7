import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Problem } from '../../server/ground/errors.ts';
import { createLimiter, networkBuckets, networkOf } from '../../server/ground/limiter.ts';
import { openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const limit = { limit: 5, windowSeconds: 60 };
const isFull = (error: unknown) => error instanceof Problem && error.status === 429;

eachStore(({ url }) => {
  describe('limiter', () => {
    let domain: TestDomain;
    before(async () => {
      domain = await openTestDomain({ storeUrl: await url() });
    });
    after(() => domain.stop());

    it('lets the limit through and no more, however many come at once', async () => {
      const tries = Array.from({ length: 30 }, () => domain.limiter.count('crowd', limit));
      const outcomes = await Promise.allSettled(tries);
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 5);
      for (const outcome of outcomes) assert.ok(outcome.status === 'fulfilled' || isFull(outcome.reason));
    });

    it('counts in the store: a second process goes on where the first stopped', async () => {
      const other = createLimiter({ limiterWindows: domain.rows.limiterWindows, clock: domain.clock });
      for (let turn = 0; turn < 5; turn += 1) await domain.limiter.count('shared', limit);
      await assert.rejects(other.count('shared', limit), isFull);
    });

    it('says how long to wait, and opens again then', async () => {
      for (let turn = 0; turn < 5; turn += 1) await domain.limiter.count('waiting', limit);
      const problem = await domain.limiter.count('waiting', limit).catch((error: Problem) => error);
      assert.ok(problem instanceof Problem);
      const wait = Number(problem.headers['Retry-After']);
      assert.ok(wait >= 1 && wait <= 60);
      domain.pass(wait);
      await domain.limiter.count('waiting', limit);
    });

    it('gives back what was no guess, once', async () => {
      const buckets = [['honest', limit]] as const;
      for (let turn = 0; turn < 20; turn += 1) {
        const counted = await domain.limiter.countEach(buckets);
        await Promise.all([counted.takeBack(), counted.takeBack()]);
      }
      await domain.limiter.count('honest', limit);
      const counted = await domain.limiter.countEach(buckets);
      await counted.takeBack();
      await counted.takeBack();
      for (let turn = 0; turn < 4; turn += 1) await domain.limiter.count('honest', limit);
      await assert.rejects(domain.limiter.count('honest', limit), isFull);
    });

    it('gives back to the window that was counted in, also when the next has begun', async () => {
      const counted = await domain.limiter.countEach([['late', limit]]);
      domain.pass(60);
      for (let turn = 0; turn < 5; turn += 1) await domain.limiter.count('late', limit);
      await counted.takeBack();
      await assert.rejects(domain.limiter.count('late', limit), isFull);
    });

    it('gives back to the narrow buckets what a wider one refuses, and the wider learns of no other', async () => {
      const wide = ['office', { limit: 8, windowSeconds: 60 }] as const;
      const attempt = (who: string) => domain.limiter.countEach([[who, limit], wide]);
      // One person alone does not fill the bucket of all: what their own refuses is not counted there.
      for (let turn = 0; turn < 5; turn += 1) await attempt('bob');
      for (let turn = 0; turn < 50; turn += 1) await assert.rejects(attempt('bob'), isFull);
      for (let turn = 0; turn < 3; turn += 1) await attempt('ann');
      for (let turn = 0; turn < 10; turn += 1) await assert.rejects(attempt('ann'), isFull);
      for (let turn = 0; turn < 2; turn += 1) await domain.limiter.count('ann', limit);
      await assert.rejects(domain.limiter.count('ann', limit), isFull);
    });

    it('leaves no rows of attempts that were refused or taken back', async () => {
      const { limiterWindows } = domain.rows;
      const full = ['full', limit] as const;
      for (let turn = 0; turn < 5; turn += 1) await domain.limiter.count(...full);
      const before = await limiterWindows.count([]);
      const tries = Array.from({ length: 40 }, (_, index) =>
        domain.limiter.countEach([[`try ${index}`, limit], full]),
      );
      for (const one of await Promise.allSettled(tries)) assert.equal(one.status, 'rejected');
      const counted = await domain.limiter.countEach([['once', limit]]);
      await counted.takeBack();
      assert.equal(await limiterWindows.count([]), before);
    });

    it('leaves no rows of those who came side by side and were too many', async () => {
      const before = await domain.rows.limiterWindows.count([]);
      const tries = Array.from({ length: 40 }, (_, index) =>
        domain.limiter.countEach([
          [`side ${index}`, limit],
          ['side', limit],
        ]),
      );
      const outcomes = await Promise.allSettled(tries);
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 5);
      assert.equal(await domain.rows.limiterWindows.count([]), before + 6);
    });

    it('gives back what an attempt that could not be made was counted in', async () => {
      const buckets = [['narrow', limit] as const, ['wide', limit] as const];
      const broken = () => domain.limiter.run(buckets, () => Promise.reject(new Error('no place')));
      for (let turn = 0; turn < 20; turn += 1) await assert.rejects(broken(), /no place/);
      await domain.limiter.run(buckets, async () => undefined);
    });

    it('says a long wait in hours or days', async () => {
      const day = { limit: 1, windowSeconds: 30 * 86_400 };
      await domain.limiter.count('slow', day);
      const refused = await domain.limiter.count('slow', day).catch((error: Problem) => error);
      assert.match(refused instanceof Problem ? refused.hint : '', /^Try again in \d+ (days|hours)\.$/);
    });

    it('keeps no address in the store', async () => {
      await domain.limiter.count('password:ann@example.com', limit);
      assert.ok(!(await domain.dump()).includes('ann@example.com'));
    });
  });
});

/** CVE-2026-45364: spellings of one address, and the addresses of one network. */
describe('networks of addresses', () => {
  const same = [
    ['192.0.2.7', '::ffff:192.0.2.7', '::FFFF:c000:207'],
    ['2001:db8::1', '2001:DB8:0:0::1', '2001:db8:0:0:ffff:ffff:ffff:ffff', '2001:0db8::dead:beef'],
  ];
  for (const [first, ...others] of same) {
    it(`are one for ${first} and what is the same`, () => {
      for (const other of others) assert.equal(networkOf(other), networkOf(first ?? ''));
    });
  }

  it('differ for another IPv4 address and another /64', () => {
    assert.notEqual(networkOf('192.0.2.7'), networkOf('192.0.2.8'));
    assert.notEqual(networkOf('2001:db8::1'), networkOf('2001:db8:0:1::1'));
  });

  it('of IPv6 count by /56 and /48 too, which let more through', () => {
    const names = (address: string) => networkBuckets('x', address, limit).map(([name]) => name);
    const limits = networkBuckets('x', '2001:db8:1:203::9', limit).map(([, one]) => one.limit);
    assert.deepEqual(limits, [5, 10, 20]);
    const [subnet, line, site] = names('2001:db8:1:203::9');
    assert.deepEqual(names('2001:db8:1:2ff::1').slice(1), [line, site]);
    assert.deepEqual(names('2001:db8:1:300::1').slice(2), [site]);
    assert.ok(!names('2001:db8:1:300::1').includes(line ?? ''));
    assert.ok(!names('2001:db8:2:203::9').some((name) => [subnet, line, site].includes(name)));
    assert.equal(names('192.0.2.7').length, 1);
    assert.deepEqual(names('::ffff:192.0.2.7'), names('192.0.2.7'));
  });
});
