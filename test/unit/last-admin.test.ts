import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ACTIVE_ADMINS } from '../../server/accounts/account.ts';
import type { AccountAct } from '../../server/management/account-acts.ts';
import { openTestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

eachStore(({ url }) => {
  describe('the last admin', () => {
    it('stays one, whatever two admins do to each other at the same moment', async () => {
      const acts: AccountAct[] = ['suspend', 'demote', 'delete'];
      for (const [one, other] of acts.flatMap((act) => acts.map((second) => [act, second] as const))) {
        const domain = await openTestDomain({ storeUrl: await url() });
        const [ann, ben] = [
          await domain.account('ann@example.com', true),
          await domain.account('ben@example.com', true),
        ];
        const by = (id: string) => ({ kind: 'account', id, reason: 'Test' }) as const;
        await Promise.allSettled([
          domain.accountActs.do(one, ben, by(ann.id), ann.id),
          domain.accountActs.do(other, ann, by(ben.id), ben.id),
        ]);
        assert.ok((await domain.rows.accounts.count(ACTIVE_ADMINS)) > 0, `${one} and ${other}`);
        await domain.stop();
      }
    });

    it('stays where the process died over their end, and others go by the jobs of the server', async () => {
      const domain = await openTestDomain({ storeUrl: await url() });
      const [ann, ben] = [
        await domain.account('ann@example.com', true),
        await domain.account('ben@example.com'),
      ];
      const removalBy = { kind: 'account', id: 'acc_root', reason: 'Asked for it' } as const;
      for (const { id } of [ann, ben]) {
        const at = domain.clock();
        await domain.rows.accounts.update(id, { set: { suspendedAt: at, removalAt: at, removalBy } });
      }
      await assert.rejects(domain.accounts.restore(ben.id, removalBy), { code: 'CHANGED_MEANWHILE' });
      domain.pass(61);
      await domain.jobs.runOnce();
      assert.equal(await domain.accounts.get(ben.id), undefined);
      const stayed = await domain.accounts.get(ann.id);
      assert.deepEqual([stayed?.admin, stayed?.suspendedAt, stayed?.removalAt], [true, undefined, undefined]);
      await domain.stop();
    });
  });
});
