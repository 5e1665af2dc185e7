import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { Account } from '../../server/accounts/account.ts';
import { redirectUrisFrom } from '../../server/credentials/redirect-uris.ts';
import { Problem } from '../../server/ground/errors.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const WEB = ['https://app.example.com/callback', 'https://app.example.com:8443/cb?a=b', 'https://192.0.2.1/'];

const NATIVE = [
  'http://localhost/cb',
  'http://localhost:3000/cb',
  'http://127.0.0.1:49152/',
  'http://[::1]:1/cb',
  'com.example.app:/callback',
  'com.example.app://callback',
  'cursor://anysphere.cursor-mcp/oauth/callback',
  'vscode://vscode.github-authentication/did-authenticate',
];

/** A7: whatever a browser would take for something else than what stands there, or run, or hand on. */
const REFUSED = [
  'javascript:alert(1)',
  'JavaScript:alert(1)',
  'javascript://app.example.com/%0aalert(1)',
  ' javascript:alert(1)',
  'java\tscript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'data://app.example.com/x',
  'vbscript:msgbox(1)',
  'file:///etc/passwd',
  'blob:https://app.example.com/1',
  'about:blank',
  'about://x/y',
  'view-source://app.example.com/',
  'filesystem://app.example.com/x',
  'ftp://app.example.com/cb',
  'ws://app.example.com/cb',
  'wss://app.example.com/cb',
  'mailto:ann@example.com',
  'tel://1/2',
  'intent://scan/#Intent;end',
  'chrome://settings/',
  'ms-msdt://x/y',
  'search-ms://x/y',
  'http://app.example.com/cb',
  'http://localhost.evil.example/cb',
  'http://127.0.0.1.evil.example/cb',
  'http://localhost@evil.example/cb',
  'http://user:pass@localhost/cb',
  'https://user@app.example.com/cb',
  'https://user:pass@app.example.com/cb',
  'com.example.app://user:pass@host/cb',
  'https://app.example.com/cb#fragment',
  'https://app.example.com/cb#',
  'https://*.example.com/cb',
  'https://app.example.com/*',
  'http://localhost:*/cb',
  'http://0x7f.0.0.1/cb',
  'http://0x7f000001/cb',
  'http://2130706433/cb',
  'http://127.1/cb',
  'http://0177.0.0.1/cb',
  'https://0x7f.1/cb',
  'https://127.0.0.1./cb',
  'http://localhost./cb',
  'http://[::ffff:127.0.0.1]/cb',
  'http://0.0.0.0/cb',
  'https://%61pp.example.com/cb',
  'https://аpp.example.com/cb',
  'https://ａpp.example.com/cb',
  'https://app。example.com/cb',
  'https:/app.example.com/cb',
  'https:app.example.com/cb',
  'https:///app.example.com/cb',
  'https:\\\\app.example.com\\cb',
  'https://app.example.com\\@evil.example/cb',
  'https://app.example.com /cb',
  'https://app.example.com/\ncb',
  'https://app.example.com/\0',
  'https://app.example.com/"onload="',
  'https://app.example.com/<script>',
  'HTTPS://app.example.com/cb',
  'https://app.example.com:99999/cb',
  'https://',
  '//app.example.com/cb',
  '/callback',
  'app.example.com/cb',
  'urn:ietf:wg:oauth:2.0:oob',
  'myapp:callback',
  'myapp:/callback',
  'myapp://callback',
  'myapp://app.example.com/callback',
  'cursor:/callback',
  `https://app.example.com/${'x'.repeat(1000)}`,
];

describe('redirect URIs', () => {
  it('takes https for the web, and this machine or a scheme of its own for native apps', () => {
    for (const uri of WEB) assert.equal(redirectUrisFrom([uri]).applicationType, 'web', uri);
    for (const uri of NATIVE) assert.equal(redirectUrisFrom([uri]).applicationType, 'native', uri);
    assert.equal(redirectUrisFrom([...WEB, ...NATIVE.slice(0, 5)]).applicationType, 'native');
  });

  it('keeps each as it stands, once, without blank lines', () => {
    const { redirectUris } = redirectUrisFrom([
      'https://A.example/Cb ',
      '',
      'https://A.example/Cb',
      'https://b.example',
    ]);
    assert.deepEqual(redirectUris, ['https://A.example/Cb', 'https://b.example']);
  });

  for (const uri of REFUSED) {
    it(`refuses ${JSON.stringify(uri.slice(0, 60))}`, () => {
      for (const list of [[uri], ['https://app.example.com/cb', uri]]) {
        assert.throws(
          () => redirectUrisFrom(list),
          (error) => error instanceof Problem && error.parameter === 'redirectUris' && error.status === 400,
        );
      }
    });
  }

  it('wants one to ten of them', () => {
    const many = Array.from({ length: 11 }, (_, number) => `https://app.example.com/${number}`);
    assert.equal(redirectUrisFrom(many.slice(0, 10)).redirectUris.length, 10);
    for (const list of [[], [''], many]) assert.throws(() => redirectUrisFrom(list), Problem);
  });

  it('takes https on this machine, alone and beside native ones', () => {
    const secure = 'https://localhost:3000/cb';
    assert.equal(redirectUrisFrom([secure]).applicationType, 'web');
    for (const uri of NATIVE) assert.equal(redirectUrisFrom([secure, uri]).applicationType, 'native', uri);
  });
});

eachStore(({ url }) => {
  describe('apps', () => {
    let domain: TestDomain;
    afterEach(() => domain.stop());

    async function open(): Promise<Account> {
      domain = await openTestDomain({ storeUrl: await url() });
      return domain.account('ann@example.com');
    }

    const wish = {
      name: 'Planner',
      redirectUris: WEB.slice(0, 1),
      scopes: ['openid', 'wf:create_transaction'],
    };
    const create = (account: Account, wanted: object = {}) =>
      domain.apps.create({ ...wish, account, confidential: true, ...wanted }, actor);

    it('gives a confidential app a secret and a public one none', async () => {
      const ann = await open();
      const { client, secret } = await create(ann);
      assert.match(client.id, /^app_[0-9A-Za-z]{20}$/);
      assert.ok(await domain.clients.checkSecret(client.id, secret?.value ?? ''));
      const open_ = await create(ann, {
        name: 'Phone',
        confidential: false,
        redirectUris: NATIVE.slice(4, 5),
      });
      assert.equal(open_.secret, undefined);
      assert.equal(open_.client.applicationType, 'native');
      const which = { kind: 'app' as const, accountId: ann.id, clientId: open_.client.id };
      await assert.rejects(domain.secrets.add({ ...which, name: 'B' }, actor), { status: 409 });
      await assert.rejects(domain.secrets.rotate({ ...which, overlapSeconds: 0 }, actor), { status: 409 });
    });

    it('lets no app ask for the admin scope, and knows only declared ones', async () => {
      await open();
      const root = await domain.account('root@example.com', true);
      for (const scopes of [[], ['admin'], ['openid', 'admin'], ['wf:nothing'], ['wf:issue_token']]) {
        await assert.rejects(create(root, { scopes }), { parameter: 'scopes' });
      }
    });

    it('changes what its owner says, redirect URIs checked again (A7)', async () => {
      const ann = await open();
      const { client } = await create(ann);
      const which = { accountId: ann.id, id: client.id };
      const changed = await domain.apps.update(
        { ...which, name: 'Planner 2', redirectUris: NATIVE.slice(0, 1), scopes: ['profile'] },
        actor,
      );
      assert.deepEqual(
        [changed.name, changed.applicationType, changed.scopes, changed.confidential],
        ['Planner 2', 'native', ['profile'], true],
      );
      for (const uri of REFUSED.slice(0, 12)) {
        await assert.rejects(domain.apps.update({ ...which, ...wish, redirectUris: [uri] }, actor), {
          parameter: 'redirectUris',
        });
      }
      assert.equal((await domain.clients.get(client.id))?.name, 'Planner 2');
      assert.deepEqual((await domain.mailed('ann@example.com')).toSorted(), [
        'App changed: Planner 2',
        'New app: Planner',
      ]);
    });

    it('ends grants and secrets when it is deleted', async () => {
      const ann = await open();
      const bob = await domain.account('bob@example.com');
      const { client, secret } = await create(ann);
      await domain.rows.artifacts.insert({
        id: 'grant-1',
        model: 'Grant',
        payload: { openid: { scope: 'openid' } },
        accountId: bob.id,
        clientId: client.id,
        grantClientId: client.id,
        createdAt: domain.clock(),
        expiresAt: domain.clock() + 3600,
      });
      assert.equal((await domain.grants.list(bob.id)).length, 1);
      assert.equal(await domain.apps.remove({ accountId: ann.id, id: client.id }, actor), true);
      assert.equal(await domain.apps.remove({ accountId: ann.id, id: client.id }, actor), false);
      assert.deepEqual(await domain.grants.list(bob.id), []);
      assert.notEqual((await domain.rows.artifacts.get('grant-1'))?.revokedAt, undefined);
      assert.equal(await domain.clients.checkSecret(client.id, secret?.value ?? ''), undefined);
      assert.deepEqual(await domain.apps.list(ann.id), []);
      await assert.rejects(domain.apps.get({ accountId: ann.id, id: client.id }), { status: 404 });
    });

    it('keeps what is another account’s out of reach (A9)', async () => {
      const ann = await open();
      const bob = await domain.account('bob@example.com', true);
      const { client, secret } = await create(ann);
      const which = { accountId: bob.id, id: client.id };
      const ofClient = { kind: 'app' as const, accountId: bob.id, clientId: client.id };
      await assert.rejects(domain.apps.get(which), { status: 404 });
      assert.deepEqual(await domain.apps.list(bob.id), []);
      await assert.rejects(domain.apps.remove(which, actor), { status: 404 });
      for (const attempt of [
        () => domain.apps.update({ ...which, ...wish, name: 'Mine now' }, actor),
        () => domain.secrets.add({ ...ofClient, name: 'B' }, actor),
        () => domain.secrets.rotate({ ...ofClient, overlapSeconds: 0 }, actor),
        () => domain.secrets.revoke({ ...ofClient, id: secret?.credential.id ?? '' }, actor),
      ]) {
        await assert.rejects(attempt(), { status: 404 });
      }
      assert.equal((await domain.clients.get(client.id))?.name, 'Planner');
      assert.ok(await domain.clients.checkSecret(client.id, secret?.value ?? ''));
    });

    it('is not registered for who was let in before the password became another one', async () => {
      const ann = await open();
      await domain.accounts.setPassword(ann, 'four words that rhyme', actor);
      await assert.rejects(create(ann), { status: 409, code: 'CHANGED_MEANWHILE' });
      assert.deepEqual(await domain.apps.list(ann.id), []);
    });

    it('takes no service for an app and no app for a service', async () => {
      const ann = await open();
      const app = await create(ann);
      const service = await domain.services.create(
        { account: ann, name: 'S', scopes: ['profile'], actsFor: 'account', resourceServer: false },
        actor,
      );
      const foreign = { accountId: ann.id, id: app.client.id };
      await assert.rejects(domain.services.get(foreign), { status: 404 });
      await assert.rejects(domain.apps.get({ accountId: ann.id, id: service.client.id }), { status: 404 });
      await assert.rejects(domain.services.revoke(foreign, actor), { status: 404 });
      const ofApp = { kind: 'service' as const, accountId: ann.id, clientId: app.client.id };
      const ofService = { kind: 'app' as const, accountId: ann.id, clientId: service.client.id };
      for (const which of [ofApp, ofService]) {
        await assert.rejects(domain.secrets.client(which), { status: 404 });
        await assert.rejects(domain.secrets.rotate({ ...which, overlapSeconds: 0 }, actor), { status: 404 });
      }
      await assert.rejects(domain.apps.remove({ accountId: ann.id, id: service.client.id }, actor), {
        status: 404,
      });
    });
  });
});
