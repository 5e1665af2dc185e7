import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as oauth from 'openid-client';
import { z } from 'zod';
import { declare } from '../../adapters/port.ts';
import type { Client } from '../../server/credentials/client.ts';
import { openPeople, type Person } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { createKeptMail } from '../support/smtp.ts';
import { eachStore } from '../support/stores.ts';
import { allow, createThirdPartyApp } from '../support/third-party-app.ts';

const operator = { kind: 'operator' } as const;
const CALLBACK = 'https://app.example.com/callback';

eachStore(({ url: storeUrl, isFirst, once }) => {
  let server: TestServer;
  let people: Awaited<ReturnType<typeof openPeople>>;
  let developer: Person;

  before(async () => {
    server = await startTestServer({ storeUrl: await storeUrl() });
    people = await openPeople(server);
    developer = await people.person();
  });
  after(async () => {
    await people.close();
    await server.stop();
  });

  function register(options: { confidential?: boolean; redirectUris?: string[]; scopes?: string[] } = {}) {
    return people.domain.apps.create(
      {
        account: developer.account,
        name: 'Ledger',
        redirectUris: options.redirectUris ?? [CALLBACK],
        confidential: options.confidential ?? true,
        scopes: options.scopes ?? ['openid', 'email', 'profile', 'offline_access', 'wf:create_transaction'],
      },
      operator,
    );
  }

  async function app(options: Parameters<typeof register>[0] & { auth?: 'basic' | 'post' } = {}) {
    const made = await register(options);
    return createThirdPartyApp(server.url, {
      client: made.client,
      secret: made.secret?.value,
      auth: options.auth ?? 'basic',
    });
  }

  const form = (values: Record<string, string>) => ({
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(values).toString(),
  });

  async function callMe(token: string) {
    const response = await fetch(`${server.url}/api/1.1/me`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return { status: response.status, body: (await response.json()) as Record<string, never> };
  }

  function callTransaction(token: string) {
    return fetch(`${server.url}/api/1.1/wf/create_transaction`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ account: 'DE02', phone: '+49301234567', amount: 12.5 }),
    });
  }

  async function introspect(token: string) {
    const { client, secret } = await resourceServer();
    const response = await fetch(
      `${server.url}/oauth/introspect`,
      form({ token, client_id: client.id, client_secret: secret }),
    );
    assert.equal(response.status, 200);
    return (await response.json()) as Record<string, unknown>;
  }

  let asked: { client: Client; secret: string } | undefined;
  async function resourceServer() {
    if (asked !== undefined) return asked;
    const admin = await people.person({ admin: true });
    const made = await people.domain.services.create(
      { account: admin.account, name: 'Warehouse', scopes: [], actsFor: 'app', resourceServer: true },
      operator,
    );
    asked = { client: made.client, secret: made.secret.value };
    return asked;
  }

  async function service(name: string) {
    const made = await people.domain.services.create(
      {
        account: developer.account,
        name,
        scopes: ['wf:create_transaction', 'profile'],
        actsFor: 'account',
        resourceServer: false,
      },
      operator,
    );
    return { client: made.client, secret: made.secret.value, secretId: made.secret.credential.id };
  }

  async function serviceToken(made: { client: Client; secret: string }, extra: Record<string, string> = {}) {
    const basic = Buffer.from(`${made.client.id}:${made.secret}`).toString('base64');
    const request = form({ grant_type: 'client_credentials', ...extra });
    const response = await fetch(`${server.url}/oauth/token`, {
      ...request,
      headers: { ...request.headers, authorization: `Basic ${basic}` },
    });
    return { status: response.status, body: (await response.json()) as Record<string, string> };
  }

  describe('authorization code with PKCE', () => {
    for (const kind of isFirst ? (['basic', 'post', 'public'] as const) : (['public'] as const)) {
      test(`a ${kind} app gets tokens, calls, refreshes`, async () => {
        const { agent, account } = await people.person();
        const ledger = await app(kind === 'public' ? { confidential: false } : { auth: kind });
        const tokens = await ledger.connect(agent);
        assert.equal(tokens.claims()?.sub, account.id);
        assert.equal((await callTransaction(tokens.access_token)).status, 200);
        const info = await oauth.fetchUserInfo(ledger.config, tokens.access_token, account.id);
        assert.equal(info.email, account.email);
        const refreshed = await oauth.refreshTokenGrant(ledger.config, tokens.refresh_token ?? '');
        assert.notEqual(refreshed.access_token, tokens.access_token);
        assert.equal((await callTransaction(refreshed.access_token)).status, 200);
      });
    }

    test('a token for the API by its resource indicator is good there and not at userinfo', async () => {
      const { agent } = await people.person();
      const ledger = await app();
      const resource = `${server.url}/api/1.1`;
      const tokens = await ledger.connect(agent, { resource });
      assert.equal((await callTransaction(tokens.access_token)).status, 200);
      assert.equal((await introspect(tokens.access_token)).aud, resource);
      await assert.rejects(oauth.fetchUserInfo(ledger.config, tokens.access_token, oauth.skipSubjectCheck));
    });

    once('a refusal reaches the app as access_denied', async () => {
      const { agent } = await people.person();
      const ledger = await app();
      const started = await ledger.start();
      const callback = await allow(agent, started.location, 'deny');
      assert.equal(callback.searchParams.get('error'), 'access_denied');
      assert.equal(callback.searchParams.get('state'), started.state);
      assert.equal(callback.searchParams.get('iss'), server.url);
    });

    once('the same session is not asked twice for the same, and asked for what is new', async () => {
      const { agent } = await people.person();
      const ledger = await app();
      await ledger.connect(agent, { scope: 'openid' });
      const again = await ledger.start({ scope: 'openid' });
      const answered = await agent.follow(`${again.location.pathname}${again.location.search}`);
      assert.ok(answered.location.startsWith(`${CALLBACK}?`), answered.text);
      const more = await ledger.start({ scope: 'openid wf:create_transaction' });
      const page = await agent.follow(`${more.location.pathname}${more.location.search}`);
      assert.match(page.text, /\/allow"/);
    });

    test('one code is redeemed once, however many try at once', async () => {
      const { agent } = await people.person();
      const made = await register();
      const ledger = await createThirdPartyApp(server.url, {
        client: made.client,
        secret: made.secret?.value,
      });
      for (let round = 0; round < (isFirst ? 3 : 1); round += 1) {
        const started = await ledger.start();
        const code = (await allow(agent, started.location)).searchParams.get('code') ?? '';
        const answers = await Promise.all(
          Array.from({ length: 20 }, () =>
            fetch(
              `${server.url}/oauth/token`,
              form({
                grant_type: 'authorization_code',
                code,
                redirect_uri: CALLBACK,
                code_verifier: started.verifier,
                client_id: made.client.id,
                client_secret: made.secret?.value ?? '',
              }),
            ),
          ),
        );
        assert.deepEqual(answers.map((answer) => answer.status).sort(), [200, ...Array(19).fill(400)]);
      }
    });

    test('a code that comes back after its use ends what it gave', async () => {
      const { agent } = await people.person();
      const ledger = await app();
      const started = await ledger.start();
      const callback = await allow(agent, started.location);
      const checks = {
        pkceCodeVerifier: started.verifier,
        expectedState: started.state,
        expectedNonce: started.nonce,
      };
      const tokens = await oauth.authorizationCodeGrant(ledger.config, callback, checks);
      await assert.rejects(oauth.authorizationCodeGrant(ledger.config, callback, checks), {
        error: 'invalid_grant',
      });
      assert.equal((await callMe(tokens.access_token)).status, 401);
    });
  });

  describe('refresh', () => {
    test('requests that cross are all served, and what they got works', async () => {
      const { agent } = await people.person();
      const ledger = await app();
      const tokens = await ledger.connect(agent);
      const answers = await Promise.all(
        Array.from({ length: 4 }, () => oauth.refreshTokenGrant(ledger.config, tokens.refresh_token ?? '')),
      );
      for (const answer of answers) assert.equal((await callMe(answer.access_token)).status, 200);
      await oauth.refreshTokenGrant(ledger.config, answers[3]?.refresh_token ?? '');
    });

    once(
      'may name the scopes of the first request, offline_access too, and fewer, but no others',
      async () => {
        const { agent } = await people.person();
        const ledger = await app({ scopes: ['openid', 'email', 'profile', 'offline_access'] });
        const first = await ledger.connect(agent, { scope: 'openid profile offline_access' });
        assert.equal(first.scope, 'openid profile offline_access', 'every app keeps its access');
        const refresh = (token: string | undefined, scope: string) =>
          oauth.refreshTokenGrant(ledger.config, token ?? '', { scope });
        const same = await refresh(first.refresh_token, 'openid profile offline_access');
        assert.equal(same.scope, 'openid profile offline_access');
        assert.equal((await callMe(same.access_token)).status, 200);
        const fewer = await refresh(same.refresh_token, 'openid');
        assert.equal(fewer.scope, 'openid');
        await assert.rejects(refresh(fewer.refresh_token, 'openid email'), { error: 'invalid_scope' });
      },
    );

    test('a used token that comes back after the grace ends the family', async (t) => {
      const { agent } = await people.person();
      const ledger = await app();
      const tokens = await ledger.connect(agent);
      const next = await oauth.refreshTokenGrant(ledger.config, tokens.refresh_token ?? '');
      t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 6_000 });
      await assert.rejects(oauth.refreshTokenGrant(ledger.config, tokens.refresh_token ?? ''));
      assert.equal((await callMe(next.access_token)).status, 401);
      await assert.rejects(oauth.refreshTokenGrant(ledger.config, next.refresh_token ?? ''));
    });

    test('refresh against cutting off: nothing lives afterwards, whoever is first', async () => {
      const { agent, account } = await people.person();
      const ledger = await app();
      const tokens = await ledger.connect(agent);
      const [grant] = await people.domain.grants.list(account.id);
      const [refreshed] = await Promise.allSettled([
        oauth.refreshTokenGrant(ledger.config, tokens.refresh_token ?? ''),
        people.domain.grants.revoke({ accountId: account.id, grantId: grant?.grantId ?? '' }, operator),
      ]);
      const given = [
        tokens.access_token,
        ...(refreshed.status === 'fulfilled' ? [refreshed.value.access_token] : []),
      ];
      for (const token of given) {
        const { status, body } = await callMe(token);
        assert.equal(status, 401);
        assert.match(JSON.stringify(body), /was revoked/);
      }
      if (refreshed.status === 'fulfilled') {
        await assert.rejects(oauth.refreshTokenGrant(ledger.config, refreshed.value.refresh_token ?? ''));
      }
    });

    test('refresh against revocation by the app: nothing lives afterwards, whoever is first', async () => {
      const { agent } = await people.person();
      const ledger = await app();
      const tokens = await ledger.connect(agent);
      const [refreshed] = await Promise.allSettled([
        oauth.refreshTokenGrant(ledger.config, tokens.refresh_token ?? ''),
        oauth.tokenRevocation(ledger.config, tokens.refresh_token ?? ''),
      ]);
      assert.equal((await callMe(tokens.access_token)).status, 401);
      if (refreshed.status === 'fulfilled') {
        assert.equal((await callMe(refreshed.value.access_token)).status, 401);
        await assert.rejects(oauth.refreshTokenGrant(ledger.config, refreshed.value.refresh_token ?? ''));
      }
    });

    once("another app's refresh token, and no or a wrong secret, are refused", async () => {
      const { agent } = await people.person();
      const mine = await app();
      const other = await app();
      const tokens = await mine.connect(agent);
      const refreshToken = tokens.refresh_token ?? '';
      await assert.rejects(oauth.refreshTokenGrant(other.config, refreshToken));
      const { client_id: clientId } = mine.config.clientMetadata();
      const bare = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: clientId };
      const without = await fetch(`${server.url}/oauth/token`, form(bare));
      assert.equal(without.status, 401);
      const wrong = await fetch(`${server.url}/oauth/token`, form({ ...bare, client_secret: 'lk_cs_wrong' }));
      assert.equal(wrong.status, 401);
      await oauth.refreshTokenGrant(mine.config, refreshToken);
    });
  });

  describe('client credentials', () => {
    test('basic and post get a token for all the service may do, which calls the API', async () => {
      const made = await service('Billing');
      const basic = await serviceToken(made);
      assert.equal(basic.status, 200, JSON.stringify(basic.body));
      assert.equal(basic.body.scope, 'wf:create_transaction profile');
      assert.equal((await callTransaction(basic.body.access_token ?? '')).status, 200);
      const post = await fetch(
        `${server.url}/oauth/token`,
        form({
          grant_type: 'client_credentials',
          client_id: made.client.id,
          client_secret: made.secret,
          scope: 'profile',
        }),
      );
      const token = ((await post.json()) as { access_token: string }).access_token;
      assert.equal((await callMe(token)).status, 200);
      assert.equal((await callTransaction(token)).status, 403);
    });

    once('a scope it was not given, and admin, are refused', async () => {
      const made = await service('Curious');
      for (const scope of ['admin', 'openid', 'profile admin']) {
        assert.equal((await serviceToken(made, { scope })).status, 400, scope);
      }
      assert.equal(
        (await serviceToken(made, { resource: 'https://other.example/' })).body.error,
        'invalid_target',
      );
    });

    test('revoking the service, or the secret it used, ends its tokens on the next call', async () => {
      const made = await service('Short-lived');
      const which = {
        kind: 'service' as const,
        accountId: developer.account.id,
        clientId: made.client.id,
      };
      const second = await people.domain.secrets.add({ ...which, name: 'Second' }, operator);
      const first = (await serviceToken(made)).body.access_token ?? '';
      const other =
        (await serviceToken({ client: made.client, secret: second.value })).body.access_token ?? '';
      await people.domain.secrets.revoke({ ...which, id: made.secretId }, operator);
      assert.equal((await callMe(first)).status, 401);
      assert.equal((await callMe(other)).status, 200);
      assert.equal((await serviceToken(made)).status, 401);
      await people.domain.services.revoke({ accountId: developer.account.id, id: made.client.id }, operator);
      assert.equal((await callMe(other)).status, 401);
      assert.equal((await serviceToken({ client: made.client, secret: second.value })).status, 401);
    });
  });

  describe('introspection and revocation', () => {
    test('a resource server is told of every kind of credential, by the same names', async () => {
      const { agent, account } = await people.person();
      const pat = await people.domain.tokens.mint(
        {
          account,
          name: 'Laptop',
          scopes: ['profile'],
          expiresAt: Math.floor(Date.now() / 1000) + 86_400,
          narrowing: { ipRanges: ['203.0.113.0/24'], idleDays: '30' },
        },
        operator,
      );
      const ledger = await app();
      const tokens = await ledger.connect(agent);
      const made = await service('Warehouse robot');
      const own = (await serviceToken(made)).body.access_token ?? '';
      await people.domain.metadata.setOfAccount(account.id, { plan: 'free', tenant: '42' }, operator);
      await people.domain.metadata.setOfToken(pat.credential.id, { plan: 'pro' }, operator);
      await people.domain.vouchedAccounts.nameExternally(account, 'shop:17', operator);
      const told = {
        pat: await introspect(pat.value),
        access: await introspect(tokens.access_token),
        refresh: await introspect(tokens.refresh_token ?? ''),
        service: await introspect(own),
      };
      assert.deepEqual(
        Object.values(told).map(({ active, token_kind, token_name, sub }) => [
          active,
          token_kind,
          token_name,
          sub,
        ]),
        [
          [true, 'personal_access_token', 'Laptop', account.id],
          [true, 'access_token', 'Ledger', account.id],
          [true, 'refresh_token', 'Ledger', account.id],
          [true, 'access_token', 'Warehouse robot', made.client.id],
        ],
      );
      assert.equal(told.pat.token_id, pat.credential.id);
      assert.equal(told.pat.exp, pat.credential.expiresAt);
      assert.equal(told.pat.scope, 'profile');
      assert.deepEqual(
        Object.values(told).map(({ metadata }) => metadata),
        [{ plan: 'pro', tenant: '42' }, ...Array(2).fill({ plan: 'free', tenant: '42' }), undefined],
      );
      assert.deepEqual(
        Object.values(told).map(({ external_id: externalId }) => externalId),
        [...Array(3).fill('shop:17'), undefined],
      );
      // It may be used from elsewhere only: that is for the resource server to see.
      assert.deepEqual([told.pat.ip_ranges, told.pat.idle_days], [['203.0.113.0/24'], 30]);
      for (const one of Object.values(told)) {
        assert.equal(one.aud, `${server.url}/api/1.1`);
        assert.equal(typeof one.token_id, 'string');
        assert.equal(one.secret_id, undefined);
      }
    });

    once('an expired token is not active', async (t) => {
      const account = await people.account();
      const expiresAt = Math.floor(Date.now() / 1000) + 3600;
      const wanted = { account, name: 'Short', scopes: ['profile'], expiresAt };
      const pat = await people.domain.tokens.mint(wanted, operator);
      assert.equal((await introspect(pat.value)).active, true);
      t.mock.timers.enable({ apis: ['Date'], now: expiresAt * 1000 });
      assert.deepEqual(await introspect(pat.value), { active: false });
      assert.equal((await callMe(pat.value)).status, 401);
    });

    once('everybody else is told nothing', async () => {
      const account = await people.account();
      const pat = await people.domain.tokens.mint(
        { account, name: 'Laptop', scopes: ['profile'], expiresAt: Math.floor(Date.now() / 1000) + 86_400 },
        operator,
      );
      const made = await service('Nosy');
      const ask = (values: Record<string, string>) =>
        fetch(`${server.url}/oauth/introspect`, form({ token: pat.value, ...values }));
      const service1 = await ask({ client_id: made.client.id, client_secret: made.secret });
      assert.deepEqual(await service1.json(), { active: false });
      const personal = await ask({ client_id: 'personal-access-tokens' });
      assert.deepEqual(await personal.json(), { active: false });
      assert.equal((await ask({})).status, 401);
      assert.equal((await ask({ client_id: made.client.id, client_secret: 'wrong' })).status, 401);
    });

    test('a service revokes its owner’s personal access token, a stranger’s does not', async () => {
      const mint = (name: string) =>
        people.domain.tokens.mint(
          {
            account: developer.account,
            name,
            scopes: ['profile'],
            expiresAt: Math.floor(Date.now() / 1000) + 86_400,
          },
          operator,
        );
      const pat = await mint('To be revoked');
      const stranger = await people.person();
      const theirs = await people.domain.services.create(
        {
          account: stranger.account,
          name: 'Stranger',
          scopes: ['profile'],
          actsFor: 'account',
          resourceServer: false,
        },
        operator,
      );
      const revoke = (client: Client, secret: string, token = pat.value) =>
        fetch(`${server.url}/oauth/revoke`, form({ token, client_id: client.id, client_secret: secret }));
      assert.equal((await revoke(theirs.client, theirs.secret.value)).status, 200);
      assert.equal((await callMe(pat.value)).status, 200);
      await fetch(
        `${server.url}/oauth/revoke`,
        form({ token: pat.value, client_id: 'personal-access-tokens' }),
      );
      assert.equal((await callMe(pat.value)).status, 200);
      const made = await service('Janitor');
      assert.equal((await revoke(made.client, made.secret)).status, 200);
      assert.equal((await callMe(pat.value)).status, 401);
      assert.equal((await introspect(pat.value)).active, false);
      const paused = await mint('Paused');
      const which = { accountId: developer.account.id, id: paused.credential.id };
      await people.domain.tokens.pause(which, operator);
      assert.equal((await introspect(paused.value)).active, false);
      await revoke(theirs.client, theirs.secret.value, paused.value);
      assert.equal((await people.domain.tokens.get(which)).revokedAt, undefined);
      await revoke(made.client, made.secret, paused.value);
      assert.notEqual((await people.domain.tokens.get(which)).revokedAt, undefined);
    });

    test('an app that revokes its refresh token is off the list and its access token is dead', async () => {
      const { agent, account } = await people.person();
      const ledger = await app();
      const tokens = await ledger.connect(agent);
      assert.equal((await people.domain.grants.list(account.id)).length, 1);
      await oauth.tokenRevocation(ledger.config, tokens.refresh_token ?? '');
      assert.equal((await callMe(tokens.access_token)).status, 401);
      assert.equal((await people.domain.grants.list(account.id)).length, 0);
    });
  });

  test('a workflow stores its row and its mail goes out', async () => {
    const account = await people.account();
    const expiresAt = Math.floor(Date.now() / 1000) + 3600;
    const wanted = { account, name: 'Till', scopes: ['wf:create_transaction'], expiresAt };
    const pat = await people.domain.tokens.mint(wanted, operator);
    const answer = (await (await callTransaction(pat.value)).json()) as {
      status: string;
      response: { transaction_id: string };
    };
    assert.equal(answer.status, 'success');
    const mail = await createKeptMail(server.mailFolder).waitFor({
      to: account.email,
      subject: /transaction/i,
    });
    assert.match(`${mail.text}`, /12\.5/);
    const row = z.looseObject({ id: z.string() });
    const stored = await people.domain.store.collection(declare({ name: 'data_transaction', schema: row }));
    assert.equal((await stored.get(answer.response.transaction_id))?.amount_cents, 1250);
  });

  test('cutting an app off ends what every browser had allowed it', async () => {
    const { agent, account } = await people.person();
    const ledger = await app();
    const one = await ledger.connect(agent);
    const two = await ledger.connect(await people.signIn(account.email));
    const grants = await people.domain.grants.list(account.id);
    assert.equal(grants.length, 1);
    const grantId = grants[0]?.grantId ?? '';
    await people.domain.grants.revoke({ accountId: account.id, grantId }, operator);
    for (const { access_token: token } of [one, two]) assert.equal((await callMe(token)).status, 401);
    assert.deepEqual(await people.domain.grants.list(account.id), []);
  });

  test('a session that is ended stays ended, however many requests are under way with it', async () => {
    const { agent, account } = await people.person();
    const ledger = await app();
    const cookies = Object.entries(agent.cookies()).map(([key, value]) => `${key.split(' ')[0]}=${value}`);
    for (let round = 0; round < (isFirst ? 5 : 2); round += 1) {
      const { location } = await ledger.start({ prompt: 'none' });
      const ask = () => fetch(location, { headers: { cookie: cookies.join('; ') }, redirect: 'manual' });
      const busy = Array.from({ length: 16 }, ask);
      await people.domain.sessionList.endAll(account.id);
      await Promise.all(busy);
      assert.deepEqual(await people.domain.sessionList.list(account.id), []);
      assert.equal((await agent.get('/tokens')).status, 303);
    }
  });

  describe('suspension', () => {
    test('an app of a suspended developer is cut off too', async () => {
      const owner = await people.person();
      const made = await people.domain.apps.create(
        {
          account: owner.account,
          name: 'Orphan',
          redirectUris: [CALLBACK],
          confidential: false,
          scopes: ['openid'],
        },
        operator,
      );
      const orphan = await createThirdPartyApp(server.url, { client: made.client });
      const { agent } = await people.person();
      const tokens = await orphan.connect(agent, { scope: 'openid' });
      assert.equal((await callMe(tokens.access_token)).status, 200);
      await people.domain.accounts.suspend(owner.account.id, operator);
      assert.equal((await callMe(tokens.access_token)).status, 401);
      for (const token of [tokens.access_token, tokens.refresh_token ?? '']) {
        assert.deepEqual(await introspect(token), { active: false });
      }
    });

    test('nothing of a suspended account works on the next call, and works again when it is restored', async () => {
      const { agent, account } = await people.person();
      const ledger = await app();
      const tokens = await ledger.connect(agent);
      const pat = await people.domain.tokens.mint(
        { account, name: 'Laptop', scopes: ['profile'], expiresAt: Math.floor(Date.now() / 1000) + 86_400 },
        operator,
      );
      await people.domain.accounts.suspend(account.id, operator);
      assert.equal((await callMe(tokens.access_token)).status, 401);
      assert.equal((await callMe(pat.value)).status, 401);
      for (const token of [pat.value, tokens.access_token, tokens.refresh_token ?? '']) {
        assert.deepEqual(await introspect(token), { active: false });
      }
      await assert.rejects(oauth.refreshTokenGrant(ledger.config, tokens.refresh_token ?? ''));
      assert.equal((await agent.get('/tokens')).status, 303);
      const started = await ledger.start({ prompt: 'none' });
      const answer = await agent.follow(`${started.location.pathname}${started.location.search}`);
      assert.match(answer.location, /[?&]error=/);
      await people.domain.accounts.restore(account.id, operator);
      assert.equal((await callMe(pat.value)).status, 200);
    });
  });

  test('nothing that opens something is in the store', async () => {
    const { agent } = await people.person();
    const ledger = await app();
    const started = await ledger.start();
    const waiting = await agent.get(`${started.location.pathname}${started.location.search}`);
    const interaction = waiting.location.split('/').at(-1) ?? '';
    const callback = await allow(agent, started.location);
    const tokens = await oauth.authorizationCodeGrant(ledger.config, callback, {
      pkceCodeVerifier: started.verifier,
      expectedState: started.state,
      expectedNonce: started.nonce,
    });
    const made = await service('Dumped');
    const own = (await serviceToken(made)).body.access_token ?? '';
    const lists = await Promise.all(
      Object.values(people.domain.rows).map((collection) => collection.list({ limit: 10_000 })),
    );
    const dump = JSON.stringify(lists);
    const session = agent.cookie('latchkey_session') ?? '';
    const secrets = {
      session,
      interaction,
      code: callback.searchParams.get('code') ?? '',
      own,
      secret: made.secret,
    };
    for (const [name, value] of Object.entries({
      ...secrets,
      access: tokens.access_token,
      refresh: tokens.refresh_token ?? '',
    })) {
      assert.ok(value.length >= 20, name);
      assert.ok(!dump.includes(value), `${name} stands in the store`);
      assert.ok(!server.logged().includes(value), `${name} stands in the log`);
    }
  });
});
