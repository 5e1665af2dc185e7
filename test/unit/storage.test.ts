import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import Provider from 'oidc-provider';
import { adapterFor } from '../../server/oauth/artifact-storage.ts';
import { openTestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

eachStore(({ url }) => {
  async function open() {
    const domain = await openTestDomain({ storeUrl: await url() });
    const parts = { ...domain, artifacts: domain.rows.artifacts };
    const storage = { adapterFor: (model: string) => adapterFor(parts, model) };
    return { domain, storage };
  }

  const payload = (grantId?: string) => ({
    kind: 'AccessToken',
    iat: 1_900_000_000,
    ...(grantId ? { grantId } : {}),
  });

  describe('the engine’s storage', () => {
    test('revoking by a grant id that is none removes nothing', async () => {
      const { domain, storage } = await open();
      const tokens = storage.adapterFor('AccessToken');
      await tokens.upsert('without-a-grant', payload(), 100);
      await tokens.upsert('with-a-grant', payload('grant-1'), 100);
      for (const bad of [undefined, null, {}, { $ne: null }, '', 0, [], 'grant-2']) {
        await tokens.revokeByGrantId(bad as string);
        assert.equal(await domain.rows.artifacts.count([]), 2, JSON.stringify(bad));
      }
      await tokens.revokeByGrantId('grant-1');
      assert.equal(await domain.rows.artifacts.count([]), 1);
      await domain.stop();
    });

    test('a grant that was ended stays ended, whoever saves it again', async () => {
      const { domain, storage } = await open();
      const account = await domain.account('ann@example.com');
      const grants = storage.adapterFor('Grant');
      const grant = { kind: 'Grant', accountId: account.id, clientId: 'app_1', openid: { scope: 'openid' } };
      await grants.upsert('grant-1', grant, 1000);
      await grants.upsert('grant-1', { ...grant, openid: { scope: 'openid email' } }, 1000);
      const widened = (await grants.find('grant-1')) as { openid: { scope: string } } | undefined;
      assert.equal(widened?.openid.scope, 'openid email');
      await domain.grants.revoke({ accountId: account.id, grantId: 'grant-1' }, { kind: 'operator' });
      assert.equal(await grants.find('grant-1'), undefined);
      await assert.rejects(async () => grants.upsert('grant-1', grant, 1000), { error: 'invalid_grant' });
      assert.equal(await grants.find('grant-1'), undefined);
      assert.deepEqual(
        (await domain.audited(account.id)).filter((line) => line.startsWith('app.')),
        ['app.ended '],
      );
      await domain.stop();
    });

    test('one of many consumes a code; a refresh token may be used again for a moment', async () => {
      const { domain, storage } = await open();
      const codes = storage.adapterFor('AuthorizationCode');
      await codes.upsert('code-1', { kind: 'AuthorizationCode' }, 60);
      const all = await Promise.allSettled(Array.from({ length: 30 }, async () => codes.consume('code-1')));
      assert.equal(all.filter(({ status }) => status === 'fulfilled').length, 1);
      // Marked by a machine whose clock is ahead, it is used all the same.
      domain.pass(-10);
      await assert.rejects(async () => codes.consume('code-1'), { error: 'invalid_grant' });
      assert.notEqual(((await codes.find('code-1')) as { consumed?: unknown }).consumed, undefined);
      domain.pass(10);

      const refresh = storage.adapterFor('RefreshToken');
      await refresh.upsert('refresh-1', { kind: 'RefreshToken' }, 1000);
      await refresh.consume('refresh-1');
      const consumed = async () => ((await refresh.find('refresh-1')) as { consumed?: unknown }).consumed;
      domain.pass(4);
      assert.equal(await consumed(), undefined);
      await refresh.consume('refresh-1');
      domain.pass(2);
      assert.notEqual(await consumed(), undefined, 'the second use does not lengthen the grace');
      await assert.rejects(async () => refresh.consume('refresh-1'), { error: 'invalid_grant' });
      // The grace does not come back with a clock that is set back.
      for (const back of [10, 60, 3600]) {
        domain.pass(-back);
        assert.notEqual(await consumed(), undefined, `${back} seconds back`);
        await assert.rejects(async () => refresh.consume('refresh-1'), { error: 'invalid_grant' });
        domain.pass(back);
      }
      await domain.stop();
    });

    test('a value of one kind is not found as another', async () => {
      const { domain, storage } = await open();
      await storage.adapterFor('RefreshToken').upsert('value-1', { kind: 'RefreshToken' }, 100);
      for (const model of [
        'AccessToken',
        'ClientCredentials',
        'AuthorizationCode',
        'Session',
        'Interaction',
      ]) {
        assert.equal(await storage.adapterFor(model).find('value-1'), undefined, model);
        await storage.adapterFor(model).destroy('value-1');
      }
      assert.notEqual(await storage.adapterFor('RefreshToken').find('value-1'), undefined);
      await domain.stop();
    });

    test('the engine’s clients follow their rows at once, and are none for what is no id', async () => {
      const { domain, storage } = await open();
      const owner = await domain.account('ann@example.com');
      const provider = new Provider('https://id.example.com', {
        adapter: (model: string) => storage.adapterFor(model),
        features: { clientCredentials: { enabled: true } },
        scopes: ['profile', 'email'],
      });
      const row = {
        id: 'svc_1',
        kind: 'service',
        name: 'Spreadsheet',
        accountId: owner.id,
        actsFor: 'account',
        resourceServer: false,
        applicationType: 'web',
        confidential: true,
        createdAt: domain.clock(),
      } as const;
      await domain.rows.clients.insert({
        ...row,
        scopes: ['profile'],
        redirectUris: [],
        postLogoutRedirectUris: [],
      });
      const scope = async () => (await provider.Client.find('svc_1'))?.scope;
      assert.equal(await scope(), 'profile');
      await domain.rows.clients.update('svc_1', { set: { scopes: ['email'] } });
      assert.equal(await scope(), 'email');
      for (const bad of [undefined, null, '', 0, {}, { $ne: null }, ['svc_1'], 'svc_2', '__proto__']) {
        assert.equal(await provider.Client.find(bad as string), undefined, JSON.stringify(bad));
      }
      await domain.rows.clients.remove('svc_1');
      assert.equal(await scope(), undefined);
      await domain.stop();
    });

    test('a session dies with the password it was proved by, even when it is written again', async () => {
      const { domain, storage } = await open();
      const account = await domain.account('ann@example.com');
      const sessions = storage.adapterFor('Session');
      const session = { kind: 'Session', uid: 'uid-1', accountId: account.id, loginTs: domain.clock() };
      await sessions.upsert('session-1', session, 1000);
      assert.notEqual(await sessions.find('session-1'), undefined);
      await domain.rows.accounts.update(account.id, { add: { securityVersion: 1 } });
      assert.equal(await sessions.find('session-1'), undefined);
      await sessions.upsert('session-1', session, 1000);
      assert.equal(await sessions.find('session-1'), undefined);
      await sessions.upsert('session-2', { ...session, uid: 'uid-2' }, 1000);
      assert.notEqual(await sessions.find('session-2'), undefined);
      await domain.stop();
    });

    test('a session that was ended does not come back when a request under way saves it', async () => {
      const { domain, storage } = await open();
      const account = await domain.account('ann@example.com');
      const sessions = storage.adapterFor('Session');
      const session = (uid: string) => ({ kind: 'Session', uid, accountId: account.id, loginTs: 1 });
      for (const uid of ['one', 'two', 'three']) await sessions.upsert(`value-${uid}`, session(uid), 1000);
      await domain.sessionList.endOne(account.id, 'one');
      await domain.sessionList.endAll(account.id, 'three');
      for (const uid of ['one', 'two', 'three']) await sessions.upsert(`renewed-${uid}`, session(uid), 1000);
      const alive = await Promise.all(
        ['one', 'two', 'three'].map(async (uid) => (await sessions.find(`renewed-${uid}`)) !== undefined),
      );
      assert.deepEqual(alive, [false, false, true]);
      assert.equal(await sessions.find('value-three'), undefined, 'its former value opens nothing');
      assert.deepEqual(
        (await domain.sessionList.list(account.id)).map(({ uid }) => uid),
        ['three'],
      );
      await sessions.destroy('renewed-three');
      await sessions.upsert('renewed-three', session('three'), 1000);
      assert.equal(await sessions.find('renewed-three'), undefined);
      await domain.stop();
    });

    test('an interaction’s id and the session’s bearer value are not in its row', async () => {
      const { domain, storage } = await open();
      const interactions = storage.adapterFor('Interaction');
      const kept = {
        kind: 'Interaction',
        returnTo: 'https://id.example.com/oauth/authorize/interaction-secret',
        session: { accountId: 'acc_1', uid: 'uid-1', cookie: 'session-secret' },
      };
      await interactions.upsert('interaction-secret', kept, 100);
      const dump = await domain.dump();
      assert.ok(!dump.includes('interaction-secret') && !dump.includes('session-secret'));
      const found = (await interactions.find('interaction-secret')) as typeof kept;
      assert.equal(found.returnTo, kept.returnTo);
      await domain.stop();
    });
  });
});
