import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { Credential } from '../../server/credentials/credential.ts';
import { newId } from '../../server/ground/opaque.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const HOUR = 3600;
const DAY = 24 * HOUR;

eachStore(({ url, isFirst }) => {
  describe('figures of what there is', () => {
    let domain: TestDomain;
    afterEach(() => domain.stop());
    const open = async () => {
      domain = await openTestDomain({ storeUrl: await url() });
    };
    const credential = (wanted: Partial<Credential> = {}): Credential => ({
      ...{ id: newId('tok_'), kind: 'personal_access_token', hash: newId(''), firstFour: '', lastFour: '' },
      ...{ name: 'T', accountId: 'acc_1', scopes: [], createdAt: domain.clock() - 90 * DAY },
      ...wanted,
    });

    it('are counted when somebody looks where there is little, once a minute', async () => {
      await open();
      assert.equal((await domain.figures.latest())?.accounts, 0);
      const ann = await domain.account('ann@example.com', true);
      await domain.accounts.suspend((await domain.account('bob@example.com')).id, actor);
      const wanted = { account: ann, name: 'S', scopes: ['profile'], resourceServer: false } as const;
      const { client } = await domain.services.create({ ...wanted, actsFor: 'account' }, actor);
      await domain.services.create({ ...wanted, name: 'S2', actsFor: 'account' }, actor);
      await domain.services.revoke({ id: client.id, accountId: ann.id }, actor);
      const now = domain.clock();
      await domain.rows.credentials.insertMany([
        credential({ lastUsedAt: now - 29 * DAY }),
        credential({ lastUsedAt: now - DAY, expiresAt: now + DAY }),
        credential({ lastUsedAt: now - 31 * DAY }),
        credential(),
        credential({ pausedAt: now }),
        credential({ honey: true }),
        credential({ expiresAt: now - 1, lastUsedAt: now }),
        credential({ revokedAt: now - 1, lastUsedAt: now }),
      ]);

      assert.equal((await domain.figures.latest())?.accounts, 0);
      domain.pass(61);
      const { id, day, countedAt, rows, ...figures } = (await domain.figures.latest()) ?? assert.fail();
      assert.deepEqual(figures, {
        ...{ accounts: 2, suspendedAccounts: 1, admins: 1, services: 1, apps: 0 },
        // The secret of the other service was never used.
        ...{ usedCredentials: 2, unusedCredentials: 1, neverUsedCredentials: 2, pausedCredentials: 1 },
      });
      assert.deepEqual([countedAt, rows], [domain.clock(), 2 + 2 + 2 + 8]);
    });

    it('are counted each hour, by one process, into one row for the day', async () => {
      await open();
      await domain.jobs.runOnce();
      assert.equal(await domain.rows.figures.count([]), 0);
      domain.pass(DAY - (domain.clock() % DAY) + 22 * HOUR);
      for (let hour = 0; hour < 3; hour += 1) {
        await domain.account(`${hour}@example.com`);
        domain.pass(HOUR);
        await domain.jobs.runOnce();
      }
      const days = await domain.figures.since(domain.clock() - 2 * DAY, 10);
      assert.deepEqual(
        days.map(({ accounts }) => accounts),
        [1, 3],
      );
    });

    // How a list goes on is the same on both stores.
    if (isFirst)
      it('of many are those of the last hour, and are counted in batches', async () => {
        await open();
        const many = (count: number) =>
          domain.rows.credentials.insertMany(Array.from({ length: count }, () => credential()));
        await many(5100);
        // The first look counts however many there are; it waits for a while and no longer.
        let counted = await domain.figures.latest();
        while (counted === undefined) counted = await domain.figures.latest();
        assert.equal(counted.neverUsedCredentials, 5100);
        await many(1);
        domain.pass(HOUR);
        for (let look = 0; look < 10; look += 1)
          assert.equal((await domain.figures.latest())?.neverUsedCredentials, 5100);
        await domain.jobs.runOnce();
        domain.pass(HOUR);
        await domain.jobs.runOnce();
        assert.equal((await domain.figures.latest())?.neverUsedCredentials, 5101);
      });
  });
});
