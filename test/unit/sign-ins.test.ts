import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Account } from '../../server/accounts/account.ts';
import { createSignInRecord } from '../../server/activity/sign-ins.ts';
import { openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const PASSWORD = 'correct horse battery staple';

eachStore(({ url }) => {
  describe('sign-ins in the activity', () => {
    let domain: TestDomain;
    let ann: Account;
    before(async () => {
      domain = await openTestDomain({ storeUrl: await url() });
      const passwordHash = await domain.passwords.hash(PASSWORD);
      const wanted = { email: 'ann@example.com', passwordHash, admin: false };
      ann = await domain.accounts.create(wanted, { kind: 'operator' });
    });
    after(() => domain.stop());

    const entries = async (result?: string) => {
      const list = await domain.activity.list({ accountId: ann.id, result, limit: 50 });
      return list.entries.flatMap((entry) =>
        entry.kind === 'change' && entry.change.action !== 'account.created' ? [entry.change] : [],
      );
    };
    const guess = (email: string, from = '192.0.2.9') =>
      domain.accounts.checkPassword({ email, password: 'wrong words', from }).catch(() => undefined);

    it('are there with how and from where, a failed one once a minute with the number', async () => {
      for (let turn = 0; turn < 4; turn += 1) await guess('ann@example.com', `192.0.2.${turn}`);
      await guess('nobody@example.com');
      await domain.signIns.succeeded(ann, 'With a password', {
        kind: 'account',
        id: ann.id,
        from: '192.0.2.7',
      });
      await domain.signIns.stop();

      const found = await entries();
      const shown = found.map(({ action, actor, count = 1, targetName }) =>
        [action, actor.kind, actor.from, count, targetName].join(' '),
      );
      assert.deepEqual(shown.toSorted(), [
        'account.sign_in_refused system 192.0.2.0 1 Wrong password',
        'account.sign_in_refused system 192.0.2.3 3 Wrong password',
        'account.signed_in account 192.0.2.7 1 With a password',
      ]);
      assert.deepEqual(
        (await entries('success')).map(({ action }) => action),
        ['account.signed_in'],
      );
      assert.equal((await entries('refused')).length, 2);
      assert.equal((await entries('failed')).length, 0);
      assert.doesNotMatch(JSON.stringify(await domain.rows.audit.list({ limit: 1000 })), /nobody/);
    });

    it('keep nobody from signing in while the store is away', async () => {
      const warned: unknown[] = [];
      const audit = { ...domain.rows.audit, insertMany: () => Promise.reject(new Error('away')) };
      const log = { warn: (...args: unknown[]) => void warned.push(args) } as never;
      const signIns = createSignInRecord({ ...domain, audit, log });
      signIns.failed(ann, { kind: 'system' });
      await new Promise(setImmediate);
      assert.equal(warned.length, 1);
    });
  });
});
