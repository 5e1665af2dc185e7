import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Problem } from '../../server/ground/errors.ts';
import { createLimiter, networkOf } from '../../server/ground/limiter.ts';
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

    it('gives back what was no guess, and never more than was taken', async () => {
      for (let turn = 0; turn < 20; turn += 1) {
        await domain.limiter.count('honest', limit);
        await domain.limiter.takeBack('honest', limit);
      }
      await domain.limiter.takeBack('honest', limit);
      for (let turn = 0; turn < 5; turn += 1) await domain.limiter.count('honest', limit);
      await assert.rejects(domain.limiter.count('honest', limit), isFull);
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
});
