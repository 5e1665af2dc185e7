import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import * as oauth from 'openid-client';
import type { Account } from '../../server/accounts/account.ts';
import { runCommand } from '../../server/cli/program.ts';
import { createAgent } from '../support/browserless.ts';
import { textOf } from '../support/page-text.ts';
import { PASSWORD, type Person, type RegisteredApp } from '../support/people.ts';
import { startTestServer } from '../support/server.ts';
import { type Site, siteOfBlock } from '../support/site.ts';
import { eachStore } from '../support/stores.ts';
import { allow } from '../support/third-party-app.ts';
import { until } from '../support/until.ts';

/* What most libraries do, and specifications ask for, with a standard client that knows nothing of this server. */

const operator = { kind: 'operator' } as const;
const CALLBACK = 'https://app.example.com/callback';

/** A service that may see who its owner is. */
function createRobot({ services }: Site['domain'], account: Account, actsFor: 'account' | 'app' = 'account') {
  return services.create(
    { account, name: 'Robot', scopes: ['profile'], actsFor, resourceServer: false },
    operator,
  );
}

eachStore(({ url: storeUrl, isFirst }) => {
  describe('clients of others', () => {
    const site = siteOfBlock(storeUrl);

    const form = (values: Record<string, string>) => ({
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(values).toString(),
    });

    async function token(values: Record<string, string>) {
      const response = await fetch(`${site.url}/oauth/token`, form(values));
      return { status: response.status, body: (await response.json()) as Record<string, string> };
    }

    /** An authorization request as a client writes it that knows nothing of PKCE, state or scopes. */
    const plainRequest = (of: RegisteredApp, extra: Record<string, string> = {}) => {
      const wanted = { client_id: of.id, redirect_uri: CALLBACK, response_type: 'code', ...extra };
      return new URL(`${site.url}/oauth/authorize?${new URLSearchParams(wanted)}`);
    };

    const asked = (location: URL) => `${location.pathname}${location.search}`;

    /** What `doctor` says about something, as JSON. */
    async function doctor(about: string): Promise<string> {
      const { data, store, url, mail } = site.domain.settings;
      const env = { LATCHKEY_DATA: data, LATCHKEY_STORE: store, LATCHKEY_URL: url, LATCHKEY_MAIL: mail };
      let text = '';
      const out = (more: string) => {
        text += more;
      };
      await runCommand(['doctor', '--json'], { env, stdin: Readable.from([]), out, err: () => undefined });
      return JSON.stringify(
        (JSON.parse(text) as { about: string }[]).find((finding) => finding.about === about),
      );
    }

    describe('signing out for an app', () => {
      const DONE = 'https://app.example.com/signed-out';
      const logout = (values: Record<string, string>) => `/oauth/end-session?${new URLSearchParams(values)}`;

      /** Presses the button; answers where the browser is sent. */
      async function answer(agent: Person['agent'], path: string, values: Record<string, string>) {
        const page = await agent.follow(path);
        assert.equal(page.status, 200, page.text);
        const xsrf = /name="xsrf" value="(\w+)"/.exec(page.text)?.[1] ?? assert.fail(textOf(page.text));
        const answered = await agent.post('/oauth/end-session/confirm', { xsrf, ...values });
        return { page, location: answered.location };
      }

      const isSignedIn = async (agent: Person['agent']) => (await agent.get('/tokens')).status === 200;

      test('goes back to a registered address, with the state, whichever way the app is named', async () => {
        const ledger = await site.app({ postLogoutRedirectUris: [DONE, `${DONE}?a=b`] });
        const other = await site.app();
        for (const uri of [DONE, `${DONE}?a=b`]) {
          const { agent } = await site.person();
          const { id_token: hint = '' } = await ledger.connect(agent);
          for (const values of [{ id_token_hint: hint }, { client_id: ledger.id, id_token_hint: hint }]) {
            const path = logout({ ...values, post_logout_redirect_uri: uri, state: 'x y' });
            const { location } = await answer(agent, path, {});
            const back = new URL(location);
            assert.equal(back.searchParams.get('state'), 'x y');
            assert.ok(await isSignedIn(agent), 'the answer was no');
          }
          const path = logout({ client_id: ledger.id, post_logout_redirect_uri: uri });
          assert.equal((await answer(agent, path, { logout: 'yes' })).location, uri);
          assert.ok(!(await isSignedIn(agent)));
          // Nobody is signed in now: straight back, and nothing is written down.
          const before = await site.domain.rows.artifacts.count([]);
          const again = await agent.get(logout({ id_token_hint: hint, post_logout_redirect_uri: uri }));
          assert.equal(again.location, uri);
          const foreign = logout({ client_id: other.id, post_logout_redirect_uri: uri });
          assert.match(textOf((await agent.follow(foreign)).text), /You are signed out/);
          assert.equal(await site.domain.rows.artifacts.count([]), before);
        }
      });

      const unknown: [string, (of: RegisteredApp, hint: string) => Record<string, string>][] = [
        ['nothing', () => ({})],
        [
          'an unknown address',
          ({ id }) => ({ client_id: id, post_logout_redirect_uri: 'https://evil.example/' }),
        ],
        [
          'a redirect URI, which is another list',
          ({ id }) => ({ client_id: id, post_logout_redirect_uri: CALLBACK }),
        ],
        ['an address that is longer', ({ id }) => ({ client_id: id, post_logout_redirect_uri: `${DONE}/x` })],
        ['an address of no client', () => ({ post_logout_redirect_uri: DONE })],
        ['an unknown client', () => ({ client_id: 'app_unknown', post_logout_redirect_uri: DONE })],
        [
          'a client of the server itself',
          () => ({ client_id: 'personal-access-tokens', post_logout_redirect_uri: DONE }),
        ],
        ['a hint that is none', () => ({ id_token_hint: 'abc', post_logout_redirect_uri: DONE })],
        [
          'a hint that was cut',
          (_of, hint) => ({ id_token_hint: hint.slice(0, -5), post_logout_redirect_uri: DONE }),
        ],
        [
          'a hint of another client',
          (_of, hint) => ({ client_id: 'app_x', id_token_hint: hint, post_logout_redirect_uri: DONE }),
        ],
        [
          'a hint that was cut beside a client',
          ({ id }, hint) => ({
            client_id: id,
            id_token_hint: hint.slice(0, -5),
            post_logout_redirect_uri: DONE,
          }),
        ],
        ['no address beside a hint', (_of, hint) => ({ id_token_hint: hint })],
        ['a script', ({ id }) => ({ client_id: id, post_logout_redirect_uri: 'javascript:alert(1)' })],
      ];
      for (const [name, values] of isFirst ? unknown : unknown.slice(0, 1)) {
        test(`that names ${name} still signs out, and stays here`, async () => {
          const ledger = await site.app({ postLogoutRedirectUris: [DONE] });
          const { agent } = await site.person();
          const { id_token: hint = '' } = await ledger.connect(agent);
          const path = logout({ state: 'x', ...values(ledger, hint) });
          const { page, location } = await answer(agent, path, { logout: 'yes' });
          assert.ok(location.startsWith('/oauth/end-session/success'), location);
          assert.equal(
            /cannot be followed/.test(page.text),
            'post_logout_redirect_uri' in values(ledger, hint),
          );
          assert.match(textOf((await agent.follow(location)).text), /You are signed out/);
          assert.ok(!(await isSignedIn(agent)));
        });
      }

      test('of a service or with an address sent twice does so too', async () => {
        const { agent, account } = await site.person();
        const { client } = await createRobot(site.domain, account);
        const uri = encodeURIComponent(DONE);
        const twice = `${logout({ client_id: client.id })}&post_logout_redirect_uri=${uri}&post_logout_redirect_uri=${uri}`;
        for (const path of [logout({ client_id: client.id, post_logout_redirect_uri: DONE }), twice]) {
          assert.equal((await answer(agent, path, {})).location.split('?')[0], '/oauth/end-session/success');
        }
        assert.match(textOf((await agent.get('/oauth/end-session/success')).text), /still signed in/);
      });

      test('pressed twice, or on a page that another overtook, ends well', async () => {
        const { agent } = await site.person();
        const stale = /name="xsrf" value="(\w+)"/.exec((await agent.get(logout({}))).text)?.[1] ?? '';
        await agent.get(logout({}));
        const again = await agent.post('/oauth/end-session/confirm', { xsrf: stale, logout: 'yes' });
        assert.equal(again.location, '/oauth/end-session');
        const { location } = await answer(agent, again.location, { logout: 'yes' });
        assert.equal(location, '/oauth/end-session/success');
        const twice = await agent.post('/oauth/end-session/confirm', { xsrf: stale, logout: 'yes' });
        assert.match(textOf((await agent.follow(twice.location)).text), /You are signed out/);
      });

      test('is told on the form which addresses are registered, and checked as redirect URIs are', async () => {
        const ledger = await site.app();
        const agent = await site.signIn(ledger.developer.email);
        const path = `/developer/${ledger.id}`;
        const typed = { name: 'Ledger', redirectUris: CALLBACK, scopes: ['openid'] };
        for (const uri of [
          'javascript:alert(1)',
          'http://app.example.com/',
          'https://a.example/#x',
          'data:text/html,x',
        ]) {
          const page = await agent.post(`${path}/edit`, {
            ...typed,
            postLogoutRedirectUris: `${DONE}\n${uri}`,
          });
          assert.equal(page.status, 400, uri);
          assert.match(textOf(page.text), /The post-logout redirect URI .* cannot be used/);
        }
        await agent.post(`${path}/edit`, { ...typed, postLogoutRedirectUris: `${DONE}\r\n\r\n` });
        assert.deepEqual((await site.domain.clients.get(ledger.id))?.postLogoutRedirectUris, [DONE]);
        assert.match(
          textOf((await agent.get(path)).text),
          /Post-logout redirect URIs https:\/\/app\.example\.com\/signed-out/,
        );
        assert.match(
          (await agent.get(`${path}/edit`)).text,
          />\nhttps:\/\/app\.example\.com\/signed-out<\/textarea>/,
        );
      });
    });

    describe('a workflow that was renamed or taken away', () => {
      const GONE = 'wf:old_name';
      const basic = (id: string, secret: string) => ({
        authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
      });

      async function robot(scopes: string[]) {
        const { account, agent } = await site.person();
        const made = await createRobot(site.domain, account);
        await site.domain.rows.clients.update(made.client.id, { set: { scopes } });
        return { agent, account, id: made.client.id, secret: made.secret.value };
      }

      const clientCredentials = async (
        of: { id: string; secret: string },
        scope: Record<string, string> = {},
      ) => {
        const request = form({ grant_type: 'client_credentials', ...scope });
        const headers = { ...request.headers, ...basic(of.id, of.secret) };
        const response = await fetch(`${site.url}/oauth/token`, { ...request, headers });
        return { status: response.status, body: (await response.json()) as Record<string, string> };
      };

      test('leaves a service all its other scopes', async () => {
        const service = await robot(['profile', GONE]);
        const given = await clientCredentials(service);
        assert.equal(given.status, 200, JSON.stringify(given.body));
        assert.equal(given.body.scope, 'profile');
        assert.equal(await site.callMe(given.body.access_token ?? ''), 200);
      });

      test('leaves an app its sign-in, and its tokens their other scopes', async () => {
        const { agent, account } = await site.person();
        const ledger = await site.app();
        const before = await ledger.connect(agent);
        await site.domain.rows.clients.update(ledger.id, { set: { scopes: ['openid', 'email', GONE] } });
        const tokens = await ledger.connect(await site.signIn(account.email), { scope: 'openid email' });
        assert.equal(tokens.claims()?.email, account.email);
        assert.equal(await site.callMe(before.access_token), 200);
      });

      test('is cut from what a personal access token may do, and named on pages', async () => {
        const { agent, account } = await site.person();
        const expiresAt = Math.floor(Date.now() / 1000) + 3600;
        const minted = await site.domain.tokens.mint(
          { account, name: 'Laptop', scopes: ['profile'], expiresAt },
          operator,
        );
        const set = { scopes: ['profile', GONE] };
        await site.domain.rows.credentials.update(minted.credential.id, { set });
        const found = await site.domain.bearers.find(minted.value);
        assert.deepEqual('scopes' in found && found.scopes, ['profile']);
        assert.match(textOf((await agent.get('/tokens')).text), /wf:old_name \(no longer there\)/);
        const service = await robot(['profile', GONE]);
        const page = textOf((await service.agent.get(`/services/${service.id}`)).text);
        assert.match(page, /wf:old_name \(no longer there\)/);
        assert.match(page, /scope=profile'/);
        const ledger = await site.app();
        await site.domain.rows.clients.update(ledger.id, { set: { scopes: ['openid', GONE] } });
        const developer = await site.signIn(ledger.developer.email);
        const shown = textOf((await developer.get(`/developer/${ledger.id}`)).text);
        assert.match(shown, /wf:old_name \(no longer there\)/);
      });

      test('is told by doctor, and in one line at the start', async () => {
        await robot(['profile', 'wf:doctors_find']);
        const found = await doctor('scopes');
        assert.match(found, /warn.*wf:doctors_find \(1 service\)/);
        const { settings } = site.domain;
        const server = await startTestServer({ storeUrl: settings.store, keepFolder: settings.data });
        try {
          await until('the line', () => server.logged().includes('wf:doctors_find (1 service)'));
          assert.equal(server.logged().match(/no longer declared/g)?.length, 1);
        } finally {
          await server.stop();
        }
      });

      test('goes when the scopes of a service are changed on its page, which holds from the next call on', async () => {
        const service = await robot(['profile', 'wf:create_transaction', GONE]);
        const { body } = await clientCredentials(service);
        assert.equal(body.scope, 'profile wf:create_transaction');
        const path = `/services/${service.id}/edit`;
        assert.doesNotMatch((await service.agent.get(path)).text, /old_name/);
        const saved = await service.agent.post(path, { name: 'Robot 2', scopes: ['wf:create_transaction'] });
        assert.equal(saved.location, `/services/${service.id}?done=changed`);
        const client = await site.domain.clients.get(service.id);
        assert.deepEqual([client?.name, client?.scopes], ['Robot 2', ['wf:create_transaction']]);
        const bearer = await site.domain.bearers.find(body.access_token ?? '');
        assert.deepEqual('scopes' in bearer && bearer.scopes, ['wf:create_transaction']);
        const stranger = await site.person();
        assert.equal((await stranger.agent.post(path, { name: 'x', scopes: ['profile'] })).status, 404);
        for (const scopes of [[], ['admin'], ['wf:issue_token'], [GONE], ['openid']]) {
          assert.equal((await service.agent.post(path, { name: 'x', scopes })).status, 400, String(scopes));
        }
      });

      test('an admin’s service gets the scope admin when it is made, not later', async () => {
        const { agent, account } = await site.person({ admin: true });
        const { client } = await createRobot(site.domain, account, 'app');
        const page = await agent.post(`/services/${client.id}/edit`, { name: 'Robot', scopes: ['admin'] });
        assert.match(textOf(page.text), /Make a new service with it/);
        assert.doesNotMatch((await agent.get(`/services/${client.id}/edit`)).text, /value="admin"/);
      });
    });

    if (!isFirst) return;

    describe('the ID token', () => {
      test('has the claims of its scopes, and says how and when the person signed in', async () => {
        const { agent, account } = await site.person();
        await site.domain.accounts.setName(account, 'Ann Example', operator);
        const ledger = await site.app();
        const tokens = await ledger.connect(agent, { scope: 'openid email profile' });
        const claims = tokens.claims();
        assert.equal(claims?.sub, account.id);
        assert.equal(claims?.email, account.email);
        assert.equal(claims?.email_verified, true);
        assert.equal(claims?.name, 'Ann Example');
        assert.equal(claims?.preferred_username, account.email);
        assert.ok(Number.isInteger(claims?.updated_at));
        assert.deepEqual([claims?.acr, claims?.amr], ['pwd', ['pwd']]);
        assert.ok(Number.isInteger(claims?.auth_time));
        const info = await oauth.fetchUserInfo(ledger.config, tokens.access_token, account.id);
        assert.equal(info.name, 'Ann Example');
        const refreshed = await oauth.refreshTokenGrant(ledger.config, tokens.refresh_token ?? '');
        assert.equal(refreshed.claims()?.email, account.email);
        assert.equal(refreshed.claims()?.acr, 'pwd');
      });

      test('has no claim of a scope that was not asked for, and no name where there is none', async () => {
        const { agent } = await site.person();
        const ledger = await site.app();
        const bare = (await ledger.connect(agent, { scope: 'openid' })).claims() ?? {};
        for (const claim of ['email', 'email_verified', 'name', 'preferred_username', 'updated_at']) {
          assert.ok(!(claim in bare), claim);
        }
        const unnamed = (await ledger.connect(agent, { scope: 'openid profile' })).claims() ?? {};
        assert.ok(!('name' in unnamed) && 'preferred_username' in unnamed);
      });

      test('of a sign-in inside the authorization says the same', async () => {
        const account = await site.account();
        const ledger = await site.app();
        const started = await ledger.start({ scope: 'openid email' });
        const agent = createAgent(site.url);
        const page = await agent.follow(asked(started.location));
        const action = /action="([^"]+\/sign-in)"/.exec(page.text)?.[1] ?? '';
        const after = await agent.post(action, { email: account.email, password: PASSWORD });
        const callback = await allow(agent, new URL(after.location, site.url));
        const tokens = await oauth.authorizationCodeGrant(ledger.config, callback, {
          pkceCodeVerifier: started.verifier,
          expectedState: started.state,
          expectedNonce: started.nonce,
        });
        assert.deepEqual([tokens.claims()?.acr, tokens.claims()?.amr], ['pwd', ['pwd']]);
      });
    });

    test('a development server with TLS and a program of the same app each get their answer', async () => {
      const { agent } = await site.person();
      const secure = 'https://localhost:5173/callback';
      const redirectUris = [secure, 'http://127.0.0.1/callback', 'com.example.app:/callback'];
      const ledger = await site.app({ redirectUris, postLogoutRedirectUris: [secure], withoutPkce: true });
      const received = [secure, 'http://127.0.0.1:49152/callback', 'com.example.app:/callback'];
      for (const redirect_uri of received) {
        const callback = await allow(agent, plainRequest(ledger, { redirect_uri, scope: 'openid' }));
        assert.ok(callback.href.startsWith(`${redirect_uri}?code=`), callback.href);
      }
      // The port is open for http there only (RFC 8252 section 7.3).
      const other = plainRequest(ledger, { redirect_uri: secure.replace('5173', '5174') });
      assert.match(
        textOf((await agent.follow(asked(other))).text),
        /redirect_uri is none that is registered/,
      );
    });

    test('an ID token by the front channel is refused where it was asked for, in words', async () => {
      const { agent } = await site.person();
      const ledger = await site.app();
      // The authorization request of express-openid-connect where nothing else is set.
      for (const response_type of ['id_token', 'code id_token', 'token']) {
        const extra = {
          response_type,
          response_mode: 'form_post',
          scope: 'openid profile email',
          nonce: 'n',
        };
        const page = await agent.follow(asked(plainRequest(ledger, extra)));
        assert.match(page.text, new RegExp(`action="${CALLBACK}"`));
        assert.match(page.text, /value="unsupported_response_type"/);
        assert.match(page.text, /response_type has to be code/);
      }
    });

    test('a challenge of another method, which is plain where none is named, is told which', async () => {
      const { agent } = await site.person();
      const excepted = await site.app({ withoutPkce: true });
      for (const method of [{}, { code_challenge_method: 'plain' }]) {
        const request = plainRequest(excepted, { code_challenge: 'x'.repeat(43), ...method });
        const { location } = await agent.follow(asked(request));
        assert.match(new URL(location).searchParams.get('error_description') ?? '', /has to be S256/);
      }
    });

    describe('PKCE', () => {
      async function code(of: RegisteredApp, agent: Person['agent'], extra: Record<string, string> = {}) {
        const callback = await allow(agent, plainRequest(of, { scope: 'openid', ...extra }));
        return callback.searchParams;
      }

      const redeem = (of: RegisteredApp, values: Record<string, string>) =>
        token({
          grant_type: 'authorization_code',
          redirect_uri: CALLBACK,
          client_id: of.id,
          client_secret: of.secret,
          ...values,
        });

      test('is required of every app but a confidential one whose developer excepts it', async () => {
        const { agent } = await site.person();
        const refused = await agent.follow(asked(plainRequest(await site.app(), { scope: 'openid' })));
        const answer = new URL(refused.location).searchParams;
        assert.equal(answer.get('error'), 'invalid_request');
        assert.match(answer.get('error_description') ?? '', /PKCE.*code_challenge/);
        const excepted = await site.app({ withoutPkce: true });
        const given = await redeem(excepted, { code: (await code(excepted, agent)).get('code') ?? '' });
        assert.equal(given.status, 200, JSON.stringify(given.body));
      });

      test('once begun is held to, also of an app that may do without', async () => {
        const { agent } = await site.person();
        const excepted = await site.app({ withoutPkce: true });
        const verifier = oauth.randomPKCECodeVerifier();
        const challenge = {
          code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
          code_challenge_method: 'S256',
        };
        const one = { code: (await code(excepted, agent, challenge)).get('code') ?? '' };
        assert.equal((await redeem(excepted, one)).body.error, 'invalid_grant');
        assert.equal((await redeem(excepted, { ...one, code_verifier: 'x'.repeat(43) })).status, 400);
        assert.equal((await redeem(excepted, { ...one, code_verifier: verifier })).status, 200);
        // The other way round (RFC 9700 section 4.8.2): a verifier for a code that was given without a challenge.
        const bare = { code: (await code(excepted, agent)).get('code') ?? '', code_verifier: verifier };
        assert.equal((await redeem(excepted, bare)).body.error, 'invalid_grant');
      });

      test('cannot be left out by an app that keeps no secret', async () => {
        await assert.rejects(site.app({ confidential: false, withoutPkce: true }), { code: 'PKCE_NEEDED' });
        const plain = await site.app({ confidential: false });
        const { developer } = plain;
        const agent = await site.signIn(developer.email);
        const typed = {
          name: 'Ledger',
          redirectUris: CALLBACK,
          scopes: ['openid'],
          type: 'public',
          withoutPkce: 'yes',
        };
        assert.equal((await agent.post('/developer/new', typed)).status, 400);
        assert.equal((await agent.post(`/developer/${plain.id}/edit`, typed)).status, 400);
        assert.doesNotMatch((await agent.get(`/developer/${plain.id}/edit`)).text, /name="withoutPkce"/);
        // Nor by a row that says so against the rules.
        await site.domain.rows.clients.update(plain.id, { set: { withoutPkce: true } });
        const refused = await agent.follow(asked(plainRequest(plain, { scope: 'openid' })));
        assert.equal(new URL(refused.location).searchParams.get('error'), 'invalid_request');
        assert.equal((await site.domain.apps.list(developer.id)).length, 1);
      });

      test('is excepted on the form of an app, and shown on its page', async () => {
        const excepted = await site.app();
        const agent = await site.signIn(excepted.developer.email);
        const path = `/developer/${excepted.id}`;
        assert.doesNotMatch(textOf((await agent.get(path)).text), /PKCE Not required/);
        const typed = { name: 'Ledger', redirectUris: CALLBACK, scopes: ['openid'] };
        await agent.post(`${path}/edit`, { ...typed, withoutPkce: 'yes' });
        assert.match(textOf((await agent.get(path)).text), /PKCE Not required: its library cannot do it/);
        assert.match((await agent.get(`${path}/edit`)).text, /name="withoutPkce" value="yes" checked/);
        assert.match(await doctor('PKCE'), new RegExp(`warn.*${excepted.id}`));
        await agent.post(`${path}/edit`, typed);
        assert.doesNotMatch(textOf((await agent.get(path)).text), /PKCE Not required/);
      });
    });
  });
});
