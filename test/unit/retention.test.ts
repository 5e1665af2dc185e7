import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { createRecorder } from '../../server/activity/recorder.ts';
import { readSettings, WrongSettings } from '../../server/ground/settings.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const DAY = 86_400;

eachStore(({ url }) => {
  describe('what is kept for so long', () => {
    let domain: TestDomain;
    afterEach(() => domain.stop());

    const open = async (settings: object = {}) => {
      domain = await openTestDomain({ storeUrl: await url(), settings });
      return domain.account('ann@example.com');
    };

    /** So many calls at this moment. */
    async function call(accountId: string, count: number): Promise<void> {
      const { entry } = createRecorder({ callJournal: undefined as never, clock: domain.clock });
      const whose = { accountId, tokenId: 'tok_1', tokenKind: 'personal_access_token', tokenName: 'T' };
      const called = { method: 'GET', path: '/x', status: 200, result: 'success', from: '', requestId: '' };
      await domain.rows.calls.insertMany(Array.from({ length: count }, () => entry(whose, called)));
    }

    const counts = async () => {
      const { calls, audit, credentials, clients } = domain.rows;
      return Promise.all([calls.count([]), audit.count([]), credentials.count([]), clients.count([])]);
    };

    it('goes after the days of the settings, however many rows it is', async () => {
      const ann = await open({ retention: { calls: 10, audit: 20, credentials: 30 } });
      await call(ann.id, 1200);
      const wanted = { account: ann, scopes: ['profile'], expiresAt: domain.clock() + 60 };
      await domain.tokens.mint({ ...wanted, name: 'Expires' }, actor);
      const revoked = await domain.tokens.mint(
        { ...wanted, name: 'Revoked', expiresAt: domain.clock() + 90 * DAY },
        actor,
      );
      await domain.tokens.revoke({ accountId: ann.id, id: revoked.credential.id }, actor);
      const { client } = await domain.services.create(
        { account: ann, name: 'S', scopes: ['profile'], actsFor: 'account', resourceServer: false },
        actor,
      );
      await domain.services.revoke({ accountId: ann.id, id: client.id }, actor);
      await domain.tokens.mint({ ...wanted, name: 'Lives', expiresAt: domain.clock() + 90 * DAY }, actor);
      const [, changes = 0] = await counts();
      assert.deepEqual(await counts(), [1200, changes, 4, 1]);

      domain.pass(10 * DAY);
      await call(ann.id, 3);
      await domain.jobs.runOnce();
      assert.deepEqual(await counts(), [1203, changes, 4, 1]);
      domain.pass(1);
      await domain.jobs.runOnce();
      assert.deepEqual(await counts(), [3, changes, 4, 1]);
      domain.pass(10 * DAY - 1);
      await domain.jobs.runOnce();
      assert.deepEqual(await counts(), [3, changes, 4, 1]);
      domain.pass(1);
      await domain.jobs.runOnce();
      assert.deepEqual(await counts(), [0, 0, 4, 1]);
      domain.pass(10 * DAY + 60);
      await domain.jobs.runOnce();
      const left = await domain.tokens.list(ann.id);
      assert.deepEqual(
        left.map(({ name }) => name),
        ['Lives'],
      );
      assert.deepEqual(await counts(), [0, 0, 1, 0]);
    });

    it('is kept for 400 days where the settings say nothing', async () => {
      const ann = await open();
      await call(ann.id, 1);
      domain.pass(400 * DAY);
      await domain.jobs.runOnce();
      assert.equal((await counts())[0], 1);
      domain.pass(1);
      await domain.jobs.runOnce();
      assert.equal((await counts())[0], 0);
    });

    it('a secret is not without an end after the record of all others is gone', async () => {
      await open({ retention: { credentials: 1 } });
      const root = await domain.account('root@example.com', true);
      const { client } = await domain.services.create(
        {
          account: root,
          name: 'S',
          scopes: ['admin'],
          actsFor: 'app',
          resourceServer: false,
          reason: 'Import',
          expiresAt: domain.clock() + DAY,
        },
        actor,
      );
      domain.pass(3 * DAY);
      await domain.jobs.runOnce();
      const which = { kind: 'service' as const, accountId: root.id, clientId: client.id };
      assert.deepEqual(await domain.secrets.list(which), []);
      const { credential } = await domain.secrets.rotate({ ...which, overlapSeconds: 0 }, actor);
      assert.equal(credential.expiresAt, domain.clock() + 90 * DAY);
    });
  });
});

describe('the setting retention', () => {
  for (const calls of [0, -1, 1.5, 3661, '400', null, Number.NaN]) {
    it(`is no ${calls}`, () => {
      const settings = { retention: { calls: calls as number } };
      assert.throws(
        () => readSettings(settings, { LATCHKEY_DATA: '/nowhere' }),
        (error) =>
          error instanceof WrongSettings &&
          /^retention\.calls is .*a whole number of days/.test(error.message),
      );
    });
  }
});
