import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as oauth from 'openid-client';
import type { Client } from '../../server/credentials/client.ts';
import { createAgent } from '../support/browserless.ts';
import { openPeople, type Person } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eachStore } from '../support/stores.ts';
import { allow, createThirdPartyApp } from '../support/third-party-app.ts';

/*
 * Abuse table: each endpoint of the provider against what an attacker would send it. No answer is a 5xx, no
 * redirect leaves for an address that was not registered, and nothing is given out.
 */

const operator = { kind: 'operator' } as const;
const CALLBACK = 'https://app.example.com/callback';
const NATIVE_CALLBACK = 'com.example.ledger:/callback';
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

eachStore(({ url: storeUrl, isFirst }) => {
  let server: TestServer;
  let people: Awaited<ReturnType<typeof openPeople>>;
  let developer: Person;
  let client: Client;
  let secret: string;
  let native: Client;

  before(async () => {
    server = await startTestServer({ storeUrl: await storeUrl() });
    people = await openPeople(server);
    developer = await people.person();
    const made = await people.domain.apps.create(
      {
        account: developer.account,
        name: '<script>alert(1)</script>',
        redirectUris: [CALLBACK],
        confidential: true,
        scopes: ['openid', 'email', 'profile', 'wf:create_transaction'],
      },
      operator,
    );
    client = made.client;
    secret = made.secret?.value ?? '';
    native = (
      await people.domain.apps.create(
        {
          account: developer.account,
          name: 'Native',
          redirectUris: [NATIVE_CALLBACK, 'http://127.0.0.1/callback'],
          confidential: false,
          scopes: ['openid', 'wf:create_transaction'],
        },
        operator,
      )
    ).client;
  });
  after(async () => {
    await people.close();
    await server.stop();
  });

  const good = () => ({
    client_id: client.id,
    redirect_uri: CALLBACK,
    response_type: 'code',
    scope: 'openid',
    state: 'state-1',
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
  });

  function authorizePath(values: Record<string, string | undefined>, more = ''): string {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, value);
    return `/oauth/authorize?${query}${more}`;
  }

  function form(values: Record<string, string> | string, headers: Record<string, string> = {}) {
    return {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: typeof values === 'string' ? values : new URLSearchParams(values).toString(),
    };
  }

  async function appOf(registered = { client, secret }) {
    return createThirdPartyApp(server.url, registered);
  }

  if (isFirst)
    describe('authorize: what must not be redirected anywhere', () => {
      const cases: [string, Record<string, string | undefined>][] = [
        ['no client', { client_id: undefined }],
        ['an unknown client', { client_id: 'app_unknown' }],
        ['a client id that is an operator', { client_id: '{"$ne":null}' }],
        ['no redirect URI', { redirect_uri: undefined }],
        ['another host', { redirect_uri: 'https://evil.example/callback' }],
        ['another path', { redirect_uri: 'https://app.example.com/callback/../evil' }],
        ['a longer path', { redirect_uri: `${CALLBACK}/x` }],
        ['a query added', { redirect_uri: `${CALLBACK}?next=//evil.example` }],
        ['a fragment added', { redirect_uri: `${CALLBACK}#x` }],
        ['another case', { redirect_uri: 'https://app.example.com/Callback' }],
        ['user information', { redirect_uri: 'https://app.example.com@evil.example/callback' }],
        ['another port', { redirect_uri: 'https://app.example.com:8443/callback' }],
        ['javascript', { redirect_uri: 'javascript:alert(1)' }],
        ['data', { redirect_uri: 'data:text/html,x' }],
        ['another scheme', { redirect_uri: 'http://app.example.com/callback' }],
      ];
      for (const [name, change] of cases) {
        test(name, async () => {
          const agent = createAgent(server.url);
          const page = await agent.get(authorizePath({ ...good(), ...change }));
          assert.equal(page.status, 400);
          assert.equal(page.location, '');
          assert.ok(!page.text.includes('<script>alert'));
        });
      }
    });

  if (isFirst)
    describe('authorize: what goes back to the app as an error', () => {
      const cases: [string, Record<string, string | undefined>, string][] = [
        ['no challenge', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
        ['an empty challenge', { code_challenge: '' }, 'invalid_request'],
        ['a plain challenge', { code_challenge_method: 'plain' }, 'invalid_request'],
        ['no method, which means plain', { code_challenge_method: undefined }, 'invalid_request'],
        ['a short challenge', { code_challenge: 'abc' }, 'invalid_request'],
        ['the implicit flow', { response_type: 'token' }, 'unsupported_response_type'],
        [
          'an ID token from the front',
          { response_type: 'id_token', nonce: 'n' },
          'unsupported_response_type',
        ],
        ['the hybrid flow', { response_type: 'code id_token', nonce: 'n' }, 'unsupported_response_type'],
        ['no response at all', { response_type: 'none' }, 'unsupported_response_type'],
        ['a scope the app was not given', { scope: 'openid admin' }, 'invalid_scope'],
        [
          'an admin scope, which no app is given',
          { scope: 'openid admin:wf:create_transaction' },
          'invalid_scope',
        ],
        ['another resource', { resource: 'https://other.example/' }, 'invalid_target'],
        ['prompt=none without a session', { prompt: 'none' }, 'login_required'],
        ['a request object', { request: 'e30.e30.' }, 'request_not_supported'],
      ];
      for (const [name, change, error] of cases) {
        test(`${name}: ${error}`, async () => {
          const agent = createAgent(server.url);
          const page = await agent.get(authorizePath({ ...good(), ...change }));
          assert.ok([302, 303].includes(page.status), `${page.status} ${page.text}`);
          const answer = new URL(page.location);
          assert.equal(`${answer.origin}${answer.pathname}`, CALLBACK);
          const values = answer.hash === '' ? answer.searchParams : new URLSearchParams(answer.hash.slice(1));
          assert.equal(values.get('error'), error);
          assert.equal(values.get('state'), 'state-1');
          assert.equal(values.get('code'), null);
        });
      }

      test('a parameter twice is refused', async () => {
        for (const twice of [
          '&client_id=other',
          '&scope=admin',
          '&redirect_uri=https%3A%2F%2Fevil.example',
          '&state=x',
        ]) {
          const page = await createAgent(server.url).get(authorizePath(good(), twice));
          assert.ok(page.status < 500);
          assert.ok(
            !page.location.includes('evil.example') && !page.location.includes('code='),
            page.location,
          );
          if (page.location !== '')
            assert.equal(new URL(page.location).searchParams.get('error'), 'invalid_request');
        }
      });
    });

  if (isFirst)
    describe('a native app', () => {
      test('may answer on any loopback port, and nowhere else', async () => {
        const path = (redirectUri: string) =>
          authorizePath({ ...good(), client_id: native.id, redirect_uri: redirectUri });
        for (const fine of [NATIVE_CALLBACK, 'http://127.0.0.1:49152/callback']) {
          const page = await createAgent(server.url).get(path(fine));
          assert.match(page.location, /^\/interaction\//, fine);
        }
        for (const bad of [
          'http://127.0.0.1:49152/other',
          'http://localhost.evil.example/callback',
          'http://2130706433/callback',
        ]) {
          assert.equal((await createAgent(server.url).get(path(bad))).status, 400, bad);
        }
      });

      test('is asked for consent each time, since its name proves nothing', async () => {
        const { agent } = await people.person();
        const app = await createThirdPartyApp(server.url, { client: native });
        await app.connect(agent, { scope: 'openid' });
        const again = await app.start({ scope: 'openid' });
        const page = await agent.follow(`${again.location.pathname}${again.location.search}`);
        assert.equal(page.status, 200);
        assert.match(page.text, /\/allow"/);
      });
    });

  describe('the waiting sign-in', () => {
    test('belongs to its browser: a stranger with the address gets a page that says so', async () => {
      const victim = createAgent(server.url);
      const { location } = await victim.get(authorizePath(good()));
      const { agent: attacker } = await people.person();
      for (const page of [
        await attacker.get(location),
        await attacker.post(`${location}/allow`, {}),
        await attacker.post(`${location}/deny`, {}),
        await attacker.post(`${location}/switch-account`, {}),
        await createAgent(server.url).get(location),
      ]) {
        assert.equal(page.status, 400);
        assert.match(page.text, /too old|another browser/);
      }
    });

    test('cannot be allowed before somebody has signed in', async () => {
      const agent = createAgent(server.url);
      const { location } = await agent.get(authorizePath(good()));
      const page = await agent.post(`${location}/allow`, {});
      assert.equal(page.location, location, 'it goes on asking for the sign-in');
      assert.match((await agent.get(location)).text, /type="password"/);
    });

    test('cannot be allowed from another site', async () => {
      const { agent, account } = await people.person();
      const { location } = await agent.get(authorizePath(good()));
      for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }]) {
        assert.equal((await agent.post(`${location}/allow`, {}, headers)).status, 403);
      }
      assert.equal((await people.domain.grants.list(account.id)).length, 0);
    });

    test('what is posted cannot change what was asked for', async () => {
      const { agent, account } = await people.person();
      const { location } = await agent.get(authorizePath(good()));
      const page = await agent.post(`${location}/allow`, {
        scope: 'openid admin wf:create_transaction',
        redirect_uri: 'https://evil.example/',
        client_id: native.id,
        accountId: developer.account.id,
      });
      const answer = await agent.follow(page.location);
      assert.ok(answer.location.startsWith(`${CALLBACK}?`), answer.location);
      const [grant] = await people.domain.grants.list(account.id);
      assert.deepEqual(grant?.scopes, ['openid']);
    });

    test('does not survive a change of who is signed in', async () => {
      const { agent } = await people.person();
      const other = await people.person();
      const { location } = await agent.get(authorizePath(good()));
      await agent.post('/sign-out', {});
      await agent.post('/sign-in', {
        email: other.account.email,
        password: 'correct horse battery staple',
        return_to: '/tokens',
      });
      const page = await agent.post(`${location}/allow`, {});
      assert.equal(page.status, 400);
      assert.equal((await people.domain.grants.list(other.account.id)).length, 0);
    });

    test('an app’s name is shown as text', async () => {
      const { agent } = await people.person();
      const { location } = await agent.get(authorizePath(good()));
      const page = await agent.get(location);
      assert.ok(!page.text.includes('<script>alert(1)'));
      assert.match(page.text, /&lt;script&gt;alert\(1\)/);
      assert.ok(!/form-action/.test(page.headers.get('content-security-policy') ?? ''));
      assert.match(page.headers.get('content-security-policy') ?? '', /frame-ancestors 'none'/);
    });
  });

  describe('sessions', () => {
    test('a session id that was planted before the sign-in is not the one after it', async () => {
      const agent = createAgent(server.url);
      await agent.get(authorizePath(good()));
      agent.setCookie('latchkey_session', 'planted');
      await agent.post('/sign-in', {
        email: developer.account.email,
        password: 'correct horse battery staple',
        return_to: '/tokens',
      });
      assert.notEqual(agent.cookie('latchkey_session'), 'planted');
      const thief = createAgent(server.url);
      thief.setCookie('latchkey_session', 'planted');
      assert.equal((await thief.get('/tokens')).status, 303);
    });

    test('an unsigned or otherwise signed cookie is nobody', async () => {
      const { agent } = await people.person();
      const value = agent.cookie('latchkey_session') ?? '';
      const forger = createAgent(server.url);
      forger.setCookie('latchkey_session', value);
      assert.equal((await forger.get('/tokens')).status, 303);
      forger.setCookie('latchkey_session.sig', 'AAAAAAAAAAAAAAAAAAAAAAAAAAA');
      assert.equal((await forger.get('/tokens')).status, 303);
    });

    test('signing out ends the session on the server too', async () => {
      const { agent } = await people.person();
      const before = agent.cookies();
      await agent.post('/sign-out', {});
      const ghost = createAgent(server.url);
      for (const [key, value] of Object.entries(before)) ghost.setCookie(key.split(' ')[0] ?? '', value);
      assert.equal((await ghost.get('/tokens')).status, 303);
    });

    test('cookies hold ids and nothing else', async () => {
      const agent = createAgent(server.url);
      await agent.get(authorizePath({ ...good(), login_hint: 'hint@example.com' }));
      const text = Object.values(agent.cookies()).join('\n');
      const decoded = Object.values(agent.cookies()).map((value) =>
        Buffer.from(value, 'base64').toString('latin1'),
      );
      for (const word of ['openid', 'hint', 'app.example.com', client.id]) {
        assert.ok(!text.includes(word) && !decoded.join('\n').includes(word), word);
      }
    });

    test('after A signs out and B signs in, A’s refresh token is A’s', async () => {
      const a = await people.person();
      const b = await people.person();
      const app = await appOf();
      const ofA = await app.connect(a.agent, { scope: 'openid' });
      await a.agent.post('/sign-out', {});
      await a.agent.post('/sign-in', {
        email: b.account.email,
        password: 'correct horse battery staple',
        return_to: '/tokens',
      });
      const ofB = await app.connect(a.agent, { scope: 'openid' });
      assert.equal(ofB.claims()?.sub, b.account.id);
      const refreshed = await oauth.refreshTokenGrant(app.config, ofA.refresh_token ?? '');
      assert.equal(refreshed.claims()?.sub, a.account.id);
    });
  });

  describe('token', () => {
    async function code(extra: Record<string, string> = {}) {
      const { agent } = await people.person();
      const app = await appOf();
      const started = await app.start({ scope: 'openid', ...extra });
      const callback = await allow(agent, started.location);
      return { code: callback.searchParams.get('code') ?? '', verifier: started.verifier };
    }

    const redeem = (values: Record<string, string>) => fetch(`${server.url}/oauth/token`, form(values));

    const tampered: [string, Record<string, string | undefined>, number, string][] = [
      ['no verifier', { code_verifier: undefined }, 400, 'invalid_grant'],
      ['an empty verifier', { code_verifier: '' }, 400, 'invalid_grant'],
      ['another verifier', { code_verifier: 'x'.repeat(43) }, 400, 'invalid_grant'],
      ['the challenge as verifier', { code_verifier: CHALLENGE }, 400, 'invalid_grant'],
      ['another redirect URI', { redirect_uri: 'https://app.example.com/other' }, 400, 'invalid_grant'],
      ['no redirect URI', { redirect_uri: undefined }, 400, 'invalid_request'],
      ['no secret', { client_secret: undefined }, 401, 'invalid_client'],
      ['a wrong secret', { client_secret: 'lk_cs_wrong' }, 401, 'invalid_client'],
      ['an empty secret', { client_secret: '' }, 401, 'invalid_client'],
      ['a code cut short', { code: 'abc' }, 400, 'invalid_grant'],
      ['a code that is an operator', { code: '{"$ne":null}' }, 400, 'invalid_grant'],
      ['another resource', { resource: 'https://other.example/' }, 400, 'invalid_target'],
      ['the API, which was not asked for at first', { resource: 'API' }, 400, 'invalid_target'],
      ['a grant type that does not exist', { grant_type: 'password' }, 400, 'unsupported_grant_type'],
      ['implicit as grant type', { grant_type: 'implicit' }, 400, 'unsupported_grant_type'],
    ];
    for (const [name, change, status, error] of tampered) {
      test(`${name}: ${error}`, async () => {
        const made = await code();
        const values: Record<string, string | undefined> = {
          grant_type: 'authorization_code',
          code: made.code,
          code_verifier: made.verifier,
          redirect_uri: CALLBACK,
          client_id: client.id,
          client_secret: secret,
          ...change,
        };
        if (values.resource === 'API') values.resource = `${server.url}/api/1.1`;
        const sent = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
        const response = await redeem(sent as Record<string, string>);
        const body = (await response.json()) as { error?: string; access_token?: string };
        assert.equal(response.status, status, JSON.stringify(body));
        assert.equal(body.error, error);
        assert.equal(body.access_token, undefined);
      });
    }

    test('another app cannot redeem the code', async () => {
      const made = await code();
      const response = await redeem({
        grant_type: 'authorization_code',
        code: made.code,
        code_verifier: made.verifier,
        redirect_uri: CALLBACK,
        client_id: native.id,
      });
      assert.equal(response.status, 400);
    });

    const bodies: [string, RequestInit][] = [
      [
        'JSON',
        {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: '{"grant_type":{"$ne":null}}',
        },
      ],
      ['nothing', { method: 'POST' }],
      ['a huge body', form(`grant_type=${'x'.repeat(200_000)}`)],
      ['a parameter twice', form('grant_type=client_credentials&grant_type=authorization_code&client_id=a')],
      ['bad percent encoding', form('grant_type=%E0%A4%A')],
      ['a null byte', form('grant_type=client_credentials%00&client_id=%00')],
      ['nested fields', form('client_id[$ne]=x&client_secret[$ne]=x&grant_type=client_credentials')],
      ['basic that is no base64', form({ grant_type: 'client_credentials' }, { authorization: 'Basic !!!' })],
      ['basic without a colon', form({ grant_type: 'client_credentials' }, { authorization: 'Basic YWJj' })],
      ['an empty basic', form({ grant_type: 'client_credentials' }, { authorization: 'Basic ' })],
      [
        'bearer at the token endpoint',
        form({ grant_type: 'client_credentials' }, { authorization: 'Bearer x' }),
      ],
      [
        'two ways to authenticate',
        form(
          { grant_type: 'client_credentials', client_secret: 'x', client_id: 'y' },
          { authorization: 'Basic YTpi' },
        ),
      ],
      ['GET', { method: 'GET' }],
      ['PUT', { method: 'PUT', body: 'x' }],
    ];
    for (const endpoint of isFirst ? ['token', 'introspect', 'revoke'] : []) {
      for (const [name, init] of bodies) {
        test(`${endpoint}: ${name} is the caller's mistake`, async () => {
          const response = await fetch(`${server.url}/oauth/${endpoint}`, init);
          assert.ok(
            response.status >= 400 && response.status < 500,
            `${response.status} ${await response.text()}`,
          );
        });
      }
    }

    test('a token that was cut, grown, or changed in case opens nothing', async () => {
      const made = await people.domain.tokens.mint(
        {
          account: developer.account,
          name: 'Damaged',
          scopes: ['profile'],
          expiresAt: Math.floor(Date.now() / 1000) + 3600,
        },
        operator,
      );
      const value = made.value;
      const swapped = value.replace(/[a-z](?=[^a-z]*$)/, (letter) => letter.toUpperCase());
      for (const bad of [
        value.slice(0, -1),
        `${value}x`,
        value.toUpperCase(),
        swapped,
        `${value}%00`,
        `${value.slice(0, 20)} ${value.slice(20)}`,
      ]) {
        const response = await fetch(`${server.url}/api/1.1/me`, {
          headers: { authorization: `Bearer ${bad}` },
        });
        assert.equal(response.status, 401, bad);
      }
      assert.equal(
        (await fetch(`${server.url}/api/1.1/me`, { headers: { authorization: `Bearer ${value}` } })).status,
        200,
      );
    });
  });

  if (isFirst)
    describe('metadata', () => {
      test('advertises what is there and nothing weak', async () => {
        const { body, again } = {
          body: (await (await fetch(`${server.url}/.well-known/openid-configuration`)).json()) as Record<
            string,
            unknown
          >,
          again: (await (
            await fetch(`${server.url}/.well-known/oauth-authorization-server`)
          ).json()) as Record<string, unknown>,
        };
        assert.equal(again.issuer, server.url);
        assert.equal(body.issuer, server.url);
        assert.deepEqual(body.response_types_supported, ['code']);
        assert.deepEqual(body.code_challenge_methods_supported, ['S256']);
        assert.deepEqual(body.grant_types_supported, [
          'authorization_code',
          'refresh_token',
          'client_credentials',
        ]);
        assert.equal(body.authorization_response_iss_parameter_supported, true);
        const text = JSON.stringify(body);
        for (const [name, values] of Object.entries(body)) {
          if (name.includes('_alg_')) assert.ok(!(values as string[]).includes('none'), name);
        }
        for (const weak of [
          'plain',
          'client_secret_jwt',
          'HS256',
          '"implicit"',
          'registration_endpoint',
          'device',
        ]) {
          assert.ok(!text.includes(weak), weak);
        }
      });

      test('the host header does not reach it', async () => {
        const response = await fetch(`${server.url}/.well-known/openid-configuration`, {
          headers: {
            'x-forwarded-host': 'evil.example',
            'x-forwarded-proto': 'https',
            forwarded: 'host=evil.example',
          },
        });
        assert.ok(!(await response.text()).includes('evil.example'));
      });
    });
});
