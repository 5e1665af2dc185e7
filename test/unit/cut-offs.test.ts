import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const manager = { ...actor, reason: 'It spams' };

eachStore(({ url }) => {
  describe('apps that are cut off from everybody', () => {
    let domain: TestDomain;
    afterEach(() => domain.stop());

    async function appWithPeople(count: number) {
      domain = await openTestDomain({ storeUrl: await url() });
      const account = await domain.account('dev@example.com');
      const wanted = { name: 'Spam', redirectUris: ['https://app.example.com/cb'], scopes: ['profile'] };
      const { client } = await domain.apps.create({ ...wanted, account, confidential: false }, actor);
      const now = domain.clock();
      const grants = Array.from({ length: count }, (_, index) => ({
        id: `grant-${index}`,
        model: 'Grant',
        payload: {},
        accountId: `acc_${index}`,
        clientId: client.id,
        grantClientId: client.id,
        createdAt: now,
        expiresAt: now + 10_000,
      }));
      await domain.rows.artifacts.insertMany(grants);
      return client;
    }

    const left = async (id: string) => (await domain.appList.describe(id)).people.count;

    it('end for each of them, on record with the reason, and the developer is told', async () => {
      const app = await appWithPeople(12);
      assert.equal(await domain.cutOffs.cutOff(app, manager), 'done');
      assert.equal(await left(app.id), 0);
      const [entry] = await domain.rows.audit.list({ where: [['accountId', '=', 'acc_7']], limit: 2 });
      assert.deepEqual([entry?.action, entry?.actor.reason], ['app.ended', 'It spams']);
      assert.equal((await domain.audited(app.accountId)).at(-1), 'app.cut_off Spam');
      assert.ok((await domain.mailed('dev@example.com')).includes('App cut off: Spam'));
      const { cutOffAt, cutOffBy } = (await domain.rows.clients.get(app.id)) ?? assert.fail();
      assert.deepEqual([cutOffAt, cutOffBy], [undefined, undefined]);
    });

    it('are cut off by the sweep where the process died over it, for the same reason', async () => {
      const app = await appWithPeople(3);
      const marked = { cutOffAt: domain.clock(), cutOffBy: manager };
      await domain.rows.clients.update(app.id, { set: marked });
      await domain.cutOffs.sweep();
      assert.equal(await left(app.id), 3);
      domain.pass(61);
      await domain.jobs.runOnce();
      assert.equal(await left(app.id), 0);
      const [entry] = await domain.rows.audit.list({ where: [['accountId', '=', 'acc_1']], limit: 2 });
      assert.equal(entry?.actor.reason, 'It spams');
      assert.equal((await domain.rows.clients.get(app.id))?.cutOffAt, undefined);
    });

    it('end with the app, and by the jobs of the server where the process died over it', async () => {
      const app = await appWithPeople(12);
      assert.equal(await domain.apps.remove(app, manager), true);
      assert.equal((await domain.rows.clients.get(app.id))?.cutOffAt, undefined);
      const other = { revokedAt: undefined, cutOffAt: domain.clock(), cutOffBy: manager };
      await domain.rows.artifacts.update('grant-3', {
        set: { revokedAt: undefined, expiresAt: domain.clock() + 10_000 },
      });
      await domain.rows.clients.update(app.id, { set: { ...other, revokedAt: domain.clock() } });
      domain.pass(61);
      await domain.jobs.runOnce();
      assert.notEqual((await domain.rows.artifacts.get('grant-3'))?.revokedAt, undefined);
    });

    it('are left alone when they are deleted', async () => {
      const app = await appWithPeople(1);
      await domain.apps.remove(app, actor);
      assert.equal(await domain.cutOffs.cutOff(app, manager), undefined);
    });
  });
});
