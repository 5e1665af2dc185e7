import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Account } from '../../server/accounts/account.ts';
import type { Client } from '../../server/credentials/client.ts';
import type { CallingService } from '../../server/management/service-acts.ts';
import type { ServicesAsked } from '../../server/management/service-list.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const DAY = 86_400;

eachStore(({ url }) => {
  describe('services of everybody', () => {
    let domain: TestDomain;
    let root: Account;
    before(async () => {
      domain = await openTestDomain({ storeUrl: await url() });
      root = await domain.account('root@example.com', true);
    });
    after(() => domain.stop());

    async function make(account: Account, wanted: object = {}): Promise<Client> {
      const usual = { account, name: 'Courier', scopes: ['profile'], resourceServer: false };
      const { client } = await domain.services.create({ ...usual, actsFor: 'account', ...wanted }, actor);
      return client;
    }
    const makeAdmin = (scopes: string[], wanted: object = {}) => {
      const expiresAt = domain.clock() + 10 * DAY;
      return make(root, { scopes, actsFor: 'app', reason: 'Nightly import', expiresAt, ...wanted });
    };
    const manager = { ...actor, reason: 'Sold to another firm' };
    const find = async (asked: Partial<ServicesAsked>, cursor = '', limit = 50) => {
      const page = await domain.serviceList.list({ search: '', admin: false, ...asked }, { cursor, limit });
      return { ...page, ids: page.rows.map(({ client }) => client.id) };
    };
    const calls = (service: Client): CallingService => ({
      account: root,
      client: service,
      scopes: service.scopes,
    });

    it('are found by id, by owner, by state and by what reaches everybody, page by page', async () => {
      const ann = await domain.account('ann@example.com');
      const [live, paused, revoked] = [await make(ann), await make(ann), await make(ann)];
      const admin = await makeAdmin(['admin']);
      const own = await make(root, { actsFor: 'app' });
      await domain.apps.create(
        {
          account: ann,
          name: 'App',
          redirectUris: ['https://a.example/cb'],
          scopes: ['profile'],
          confidential: false,
        },
        actor,
      );
      domain.pass(1);
      await domain.serviceActs.do('pause', paused, manager);
      await domain.serviceActs.do('revoke', revoked, manager);

      const ofAnn = [live.id, paused.id, revoked.id].sort();
      for (const search of [ann.id, 'ann@example.com', ' ANN@example.com'])
        assert.deepEqual((await find({ search })).ids.toSorted(), ofAnn, search);
      assert.deepEqual((await find({ search: ann.id, state: 'paused' })).ids, [paused.id]);
      assert.deepEqual((await find({ search: live.id })).ids, [live.id]);
      assert.deepEqual((await find({ search: live.id, admin: true })).ids, []);
      for (const search of ['nobody@example.com', '%', '$ne', 'ann@', 'Courier'])
        assert.deepEqual((await find({ search })).ids, [], search);
      assert.deepEqual((await find({ state: 'paused' })).ids, [paused.id]);
      assert.deepEqual((await find({ state: 'revoked' })).ids, [revoked.id]);
      assert.deepEqual((await find({ admin: true })).ids, [admin.id]);
      assert.deepEqual((await find({ admin: true, state: 'paused' })).ids, []);

      const first = await find({}, '', 3);
      const second = await find({}, first.next, 3);
      assert.deepEqual([...first.ids, ...second.ids].toSorted(), [...ofAnn, admin.id, own.id].toSorted());
      assert.equal(second.next, undefined);
      await assert.rejects(find({}, 'WzFd'), { code: 'INVALID_CURSOR' });
    });

    it('are shown with owner, secrets, last use and calls, which are counted without a look at them', async () => {
      const bea = await domain.account('bea@example.com');
      const client = await make(bea);
      const [secret] = await domain.secrets.list({ accountId: bea.id, clientId: client.id });
      await domain.rows.credentials.update(secret?.id ?? '', { set: { lastUsedAt: 1_899_999_000 } });
      const day = domain.clock() - (domain.clock() % DAY);
      const series = `${bea.id} ${client.id}`;
      const row = { series, outcome: 'success' as const, result: 'success', count: 3 };
      await domain.rows.callCounts.insertMany(
        [day, day - 29 * DAY, day - 30 * DAY].map((at) => ({ ...row, id: `${series} ${at}`, day: at })),
      );
      const [shown] = (await find({ search: client.id })).rows;
      assert.deepEqual(
        [shown?.owner?.email, shown?.secrets.length, shown?.lastUsedAt, shown?.calls],
        ['bea@example.com', 1, 1_899_999_000, { count: 6, isAll: true }],
      );
      const many = Array.from({ length: 99 }, (_, index) => ({ ...row, id: `${series} x${index}`, day }));
      await domain.rows.callCounts.insertMany(many);
      assert.deepEqual((await find({ search: client.id })).rows[0]?.calls, { count: 300, isAll: false });
    });

    it('are changed with a reason, which their owner finds in mail and activity', async () => {
      const cat = await domain.account('cat@example.com');
      const client = await make(cat, { scopes: ['profile', 'wf:create_transaction'] });
      const { do: act, edit, endSecret } = domain.serviceActs;
      const by = { kind: 'account' as const, id: root.id, from: '192.0.2.9', reason: 'Sold to another firm' };
      await act('pause', client, by);
      await assert.rejects(act('pause', client, by), { code: 'NOTHING_TO_DO' });
      await act('resume', client, by);
      const changed = await edit(client, { scopes: ['profile'] }, by);
      assert.deepEqual([changed.name, changed.scopes], ['Courier', ['profile']]);
      await assert.rejects(edit(changed, { scopes: ['profile'] }, by), { code: 'NOTHING_TO_DO' });
      await assert.rejects(edit(changed, { scopes: ['profile', 'wf:create_transaction'] }, by), {
        code: 'invalid_scope',
      });
      const [secret] = await domain.secrets.list({ accountId: cat.id, clientId: client.id });
      await endSecret(client, secret?.id ?? '', by);
      await assert.rejects(endSecret(client, secret?.id ?? '', by), { code: 'NOTHING_TO_DO' });
      await act('revoke', client, by);
      await assert.rejects(act('resume', client, by), { status: 404 });
      const entries = await domain.rows.audit.list({ where: [['accountId', '=', cat.id]], limit: 50 });
      const acts = ['paused', 'resumed', 'changed', 'revoked'].map((what) => `service.${what}`);
      for (const action of [...acts, 'secret.revoked']) {
        const entry = entries.find((one) => one.action === action);
        assert.equal(entry?.actor.reason, by.reason, action);
      }
      const mails = await domain.rows.outbox.list({ where: [['to', '=', 'cat@example.com']], limit: 50 });
      const told = mails.filter(({ text }) =>
        text.includes('an admin of this site (reason: Sold to another firm)'),
      );
      assert.equal(told.length, 5);
      assert.ok(mails.every(({ text }) => !text.includes(by.from)));
    });

    it('are made by a service only as far as it reaches itself', async () => {
      const dan = await domain.account('dan@example.com');
      const wanted = {
        name: 'Made',
        actsFor: 'account',
        resourceServer: false,
        expiresAt: undefined,
      } as const;
      const own = { ...wanted, account: root, actsFor: 'app' } as const;
      const ofDan = { ...wanted, account: dan };
      const make = (by: Client, made: object) =>
        domain.serviceActs.create({ ...own, scopes: [], ...made }, manager, calls(by));

      const narrow = await makeAdmin(['admin:manage', 'admin:wf:create_transaction', 'profile']);
      for (const made of [
        { scopes: ['admin'] },
        { scopes: ['admin:portal-links'] },
        { scopes: ['profile', 'admin:wf:issue_token'] },
        { scopes: ['profile'], resourceServer: true },
        { scopes: ['profile', 'data:transaction:read'] },
        { ...ofDan, scopes: ['wf:create_transaction'], resourceServer: true },
        { ...ofDan, scopes: ['wf:create_transaction'], actsFor: 'app' },
        { ...ofDan, scopes: ['admin:manage'], actsFor: 'app' },
      ])
        await assert.rejects(make(narrow, made), { status: 403 }, JSON.stringify(made));
      // Nor by a secret of one that reaches further.
      const mighty = await makeAdmin(['admin']);
      const secretOf = (by: Client, of: Client, expiresAt?: number) =>
        domain.serviceActs.addSecret(of, { name: 'Second', expiresAt }, manager, calls(by));
      await assert.rejects(secretOf(narrow, mighty), { status: 403 });
      const asks = await domain.services.create(
        { ...own, scopes: [], name: 'Asks', resourceServer: true },
        actor,
      );
      await assert.rejects(secretOf(narrow, asks.client), { status: 403 });

      const made = await make(narrow, { ...ofDan, scopes: ['wf:create_transaction'] });
      assert.deepEqual([made.client.accountId, made.client.actsFor], [dan.id, 'account']);
      assert.match(made.secret.value, /^lk_cs_/);
      assert.equal((await secretOf(narrow, made.client)).credential.expiresAt, undefined);
      const twin = await make(narrow, { scopes: ['admin:manage', 'wf:create_transaction'] });
      assert.equal(twin.client.reason, manager.reason);
      await make(mighty, { scopes: ['admin'], resourceServer: true });
    });

    it('live no longer than the service that makes them, where they may pass privacy rules', async () => {
      const by = await makeAdmin(['admin:manage']);
      const end = domain.clock() + 10 * DAY;
      const make = (expiresAt?: number) => {
        const wanted = { account: root, name: 'Twin', scopes: ['admin:manage'], actsFor: 'app' } as const;
        return domain.serviceActs.create({ ...wanted, resourceServer: false, expiresAt }, manager, calls(by));
      };
      await assert.rejects(make(end + 1), { code: 'INVALID_EXPIRY' });
      assert.equal((await make()).secret.credential.expiresAt, end);
      assert.equal((await make(end - 1)).secret.credential.expiresAt, end - 1);
      const again = (expiresAt?: number) =>
        domain.serviceActs.addSecret(by, { name: 'Again', expiresAt }, manager, calls(by));
      await assert.rejects(again(end + 1), { code: 'INVALID_EXPIRY' });
      assert.equal((await again()).credential.expiresAt, end);
    });

    it('do not lock themselves out', async () => {
      const by = await makeAdmin(['admin:manage', 'profile']);
      const { do: act, edit, endSecret } = domain.serviceActs;
      for (const what of ['pause', 'revoke'] as const)
        await assert.rejects(act(what, by, manager, calls(by)), { code: 'OWN_SERVICE' });
      await assert.rejects(edit(by, { scopes: ['profile'] }, manager, calls(by)), { code: 'OWN_SERVICE' });
      await edit(by, { scopes: ['admin:manage'] }, manager, calls(by));
      const [secret] = await domain.secrets.list({ accountId: root.id, clientId: by.id });
      await assert.rejects(endSecret(by, secret?.id ?? '', manager, calls(by)), { code: 'OWN_SERVICE' });
      await domain.serviceActs.addSecret(by, { name: 'Next', expiresAt: undefined }, manager, calls(by));
      await endSecret(by, secret?.id ?? '', manager, calls(by));
    });
  });
});
