import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Account } from '../../server/accounts/account.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const DAY = 86_400;
const PAGE = { cursor: '', limit: 50 };
const MANAGER = { kind: 'client', id: 'svc_1', reason: 'Left the company' } as const;

eachStore(({ url }) => {
  describe('reviews of everybody', () => {
    let domain: TestDomain;
    let ann: Account;
    let bob: Account;
    before(async () => {
      domain = await openTestDomain({ storeUrl: await url() });
      [ann, bob] = await Promise.all([domain.account('ann@example.com'), domain.account('bob@example.com')]);
      // Who has nothing is asked nothing.
      await domain.account('carol@example.com');
      const expiresAt = domain.clock() + 360 * DAY;
      for (const [account, name] of [
        [ann, 'One'],
        [ann, 'Two'],
        [bob, 'Third'],
      ] as const) {
        await domain.tokens.mint({ account, name, scopes: ['profile'], expiresAt }, actor);
      }
    });
    after(() => domain.stop());

    const list = async (asked: object, page = PAGE) =>
      (await domain.reviewList.list({ search: '', month: '', ...asked }, page)).rows.map(
        ({ account, month, items }) => `${account} ${month}: ${items.length}`,
      );

    it('are seen before they are made', async () => {
      const { rows, next } = await domain.reviewList.preview(PAGE);
      const asked = rows.map(({ account, findings }) => [account.email, findings.length]).toSorted();
      assert.deepEqual(
        [asked, next],
        [
          [
            ['ann@example.com', 2],
            ['bob@example.com', 1],
          ],
          undefined,
        ],
      );
      assert.deepEqual(await list({}), []);
      assert.equal(await domain.reviewList.thisMonth(), undefined);
    });

    it('are found by account, month and what has no answer', async () => {
      const [monthly] = domain.reviews.works;
      while (await monthly.run(domain.clock()));
      const first = ['ann@example.com 2030-03: 2', 'bob@example.com 2030-03: 1'];
      assert.deepEqual((await domain.reviewList.thisMonth())?.counts.credentials, 3);
      domain.pass(31 * DAY);
      await domain.accounts.suspend(bob.id, actor);
      while (await monthly.run(domain.clock()));
      const [newest = '', ...rest] = await list({});
      assert.deepEqual([newest, rest.toSorted()], ['ann@example.com 2030-04: 2', first]);
      assert.deepEqual((await list({ month: '2030-03' })).toSorted(), first);
      assert.deepEqual(await list({ month: '2030-02' }), []);
      assert.deepEqual(await list({ search: 'ANN@example.com' }), [newest, first[0]]);
      assert.deepEqual(await list({ search: ann.id, month: '2030-03' }), [first[0]]);
      assert.deepEqual(await list({ search: bob.id, state: 'unanswered' }), [first[1]]);
      assert.deepEqual(await list({ state: 'answered' }), []);
      for (const search of ['%', '$ne', '.*', 'nobody']) assert.deepEqual(await list({ search }), [], search);
    });

    it('are answered for an owner, in the name of who does it and with the reason', async () => {
      const [review] = await domain.reviews.list(ann.id);
      const { id = '', items = [] } = review ?? {};
      const named = (name: string) => items.find((item) => item.name === name)?.id ?? assert.fail(name);
      const which = (itemId: string, accountId = ann.id) => ({ id, accountId, itemId });
      await domain.reviews.answer({ ...which(named('One')), answer: 'revoke' }, MANAGER);
      const foreign = domain.reviews.answer({ ...which(named('Two'), bob.id), answer: 'revoke' }, MANAGER);
      await assert.rejects(foreign, { code: 'NOT_FOUND' });
      const again = domain.reviews.answer({ ...which(named('One')), answer: 'keep' }, MANAGER);
      await assert.rejects(again, { code: 'LINK_DEAD' });
      const after = await domain.reviewList.get(id);
      assert.deepEqual(
        after?.items.map(({ name, answer, answeredBy }) => [name, answer, answeredBy]).toSorted(),
        [
          ['One', 'revoke', MANAGER],
          ['Two', undefined, undefined],
        ],
      );
      const audited = await domain.audited(ann.id);
      assert.deepEqual(audited.slice(-2).toSorted(), ['review.answered One', 'token.revoked One']);
      await domain.reviews.answer(
        { ...which(named('Two')), answer: 'keep' },
        { kind: 'account', id: ann.id },
      );
      assert.equal((await list({ state: 'answered' })).length, 1);
    });
  });
});
