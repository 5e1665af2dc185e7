import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KoaContextWithOIDC } from 'oidc-provider';
import * as oauth from 'openid-client';
import { openEngine } from '../../server/oauth/engine.ts';
import { createGivenConsent } from '../../server/oauth/given-consent.ts';
import { siteOf } from '../../server/pages/site.ts';
import { type Agent, createAgent } from '../support/browserless.ts';
import { textOf } from '../support/page-text.ts';
import { PASSWORD, type RegisteredApp } from '../support/people.ts';
import { siteOfBlock } from '../support/site.ts';
import { createKeptMail } from '../support/smtp.ts';
import { eachStore } from '../support/stores.ts';
import { allow } from '../support/third-party-app.ts';

/* What an app may ask for at the authorization endpoint, what people are asked then, and what holds afterwards. */

const operator = { kind: 'operator' } as const;
const CALLBACK = 'https://app.example.com/callback';
const SCOPES = ['openid', 'email', 'profile', 'offline_access', 'wf:create_transaction'];

eachStore(({ url: storeUrl, isFirst }) => {
  describe('authorization requests', () => {
    const site = siteOfBlock(storeUrl);

    const asked = (location: URL) => `${location.pathname}${location.search}`;

    /** Where an authorization request ends when nobody presses anything: a page, or the app. */
    async function ask(of: RegisteredApp, agent: Agent, extra: Record<string, string> = {}) {
      const { location } = await of.start(extra);
      return agent.follow(asked(location));
    }

    /** The same for a request without `scope`, which the library would always send. */
    async function askWithoutScope(of: RegisteredApp, extra: Record<string, string> = {}) {
      const { location } = await of.start(extra);
      location.searchParams.delete('scope');
      return location;
    }

    const isAsked = (page: { text: string }) => /\/allow"/.test(page.text);

    describe('consent that was given', () => {
      test('holds in every browser of the same account, and for nobody else', async () => {
        const { agent, account } = await site.person();
        const ledger = await site.app();
        await ledger.connect(agent, { scope: 'openid email' });
        const second = await site.signIn(account.email);
        const page = await ask(ledger, second, { scope: 'openid email' });
        assert.ok(page.location.startsWith(`${CALLBACK}?`), textOf(page.text));
        const silent = await ask(ledger, await site.signIn(account.email), {
          scope: 'openid',
          prompt: 'none',
        });
        assert.match(silent.location, /[?&]code=/);
        assert.ok(isAsked(await ask(ledger, second, { scope: 'openid profile' })), 'more was not given yet');
        assert.ok(isAsked(await ask(ledger, second, { scope: 'openid email', prompt: 'consent' })));
        assert.ok(isAsked(await ask(ledger, (await site.person()).agent, { scope: 'openid email' })));
        assert.ok(isAsked(await ask(await site.app(), second, { scope: 'openid email' })), 'another app');
        assert.equal((await site.domain.grants.list(account.id)).length, 1, 'one row an app');
      });

      test('in one browser later is found in the one that was there before', async () => {
        const { agent: first, account } = await site.person();
        const ledger = await site.app();
        await ledger.connect(first, { scope: 'openid' });
        await ledger.connect(await site.signIn(account.email), { scope: 'openid email' });
        const page = await ask(ledger, first, { scope: 'openid email' });
        assert.match(page.location, /[?&]code=/, textOf(page.text));
      });

      test('never comes back after it was ended, in no browser', async () => {
        const { agent: first, account } = await site.person();
        const ledger = await site.app();
        await ledger.connect(first, { scope: 'openid' });
        const second = await site.signIn(account.email);
        const tokens = await ledger.connect(second, { scope: 'openid' });
        const [grant] = await site.domain.grants.list(account.id);
        await site.domain.grants.revoke({ accountId: account.id, grantId: grant?.grantId ?? '' }, operator);
        assert.equal(await site.callMe(tokens.access_token), 401);
        for (const agent of [first, second, await site.signIn(account.email)]) {
          assert.ok(isAsked(await ask(ledger, agent, { scope: 'openid' })));
        }
        const refused = await ask(ledger, first, { scope: 'openid', prompt: 'none' });
        assert.match(refused.location, /error=consent_required/);
        assert.deepEqual(await site.domain.grants.list(account.id), []);
      });

      test('is not brought back by a browser that asks at the moment of its end', async () => {
        const { agent, account } = await site.person();
        const ledger = await site.app();
        await ledger.connect(agent, { scope: 'openid' });
        const [given] = await site.domain.grants.list(account.id);
        const which = { accountId: account.id, grantId: given?.grantId ?? '' };
        const parts = { ...site.domain, site: siteOf(site.domain.settings), readSubjectToken: undefined };
        const { engine } = await openEngine(parts);
        const { save } = engine.Grant.prototype;
        // It was found, and ends before it is taken over.
        engine.Grant.prototype.save = async function saveLate() {
          await site.domain.grants.revoke(which, operator);
          return save.call(this);
        };
        const openid = new Set(['openid']);
        const oidc = {
          provider: engine,
          client: { clientId: ledger.id },
          account: { accountId: account.id },
          requestParamScopes: openid,
          requestParamOIDCScopes: openid,
        };
        const findConsent = createGivenConsent(site.domain.grants);
        assert.equal(await findConsent({ oidc } as unknown as KoaContextWithOIDC), undefined);
        assert.deepEqual(await site.domain.grants.list(account.id), []);
      });

      test('of one browser outlives the sign-out of the app in another', async () => {
        const { agent, account } = await site.person();
        const ledger = await site.app();
        const here = await ledger.connect(agent, { scope: 'openid' });
        const there = await ledger.connect(await site.signIn(account.email), { scope: 'openid' });
        await oauth.tokenRevocation(ledger.config, there.refresh_token ?? '');
        assert.equal(await site.callMe(there.access_token), 401);
        assert.equal(await site.callMe(here.access_token), 200);
      });

      const LOCAL = 'http://127.0.0.1:4000/callback';
      const each: [string, { confidential: boolean; uri: string; isAsked: boolean }][] = [
        ['a web app with a secret', { confidential: true, uri: CALLBACK, isAsked: false }],
        [
          'its loopback address, which needs the secret too',
          { confidential: true, uri: LOCAL, isAsked: false },
        ],
        ['a web app without a secret', { confidential: false, uri: CALLBACK, isAsked: false }],
        ['the same app on this machine', { confidential: false, uri: LOCAL, isAsked: true }],
        ['a scheme of its own', { confidential: false, uri: 'com.example.app:/callback', isAsked: true }],
      ];
      for (const [name, wanted] of each) {
        test(`${name}: ${wanted.isAsked ? 'asked each time' : 'not asked again'}`, async () => {
          const { agent } = await site.person();
          const redirectUris = [CALLBACK, LOCAL, 'com.example.app:/callback'];
          const ledger = await site.app({ confidential: wanted.confidential, redirectUris });
          const request = { scope: 'openid', redirect_uri: wanted.uri };
          await allow(agent, (await ledger.start(request)).location);
          const page = await ask(ledger, agent, request);
          assert.equal(isAsked(page), wanted.isAsked, page.location);
          const consent = textOf((await ask(ledger, agent, { ...request, prompt: 'consent' })).text);
          assert.equal(consent.includes('runs on your own computer'), wanted.uri === LOCAL);
        });
      }

      test('has no scope any more that the developer takes from the app, nor have its tokens', async () => {
        const { agent, account } = await site.person();
        const ledger = await site.app();
        const tokens = await ledger.connect(agent, { scope: 'openid email wf:create_transaction' });
        const update = (scopes: string[]) =>
          site.domain.apps.update(
            {
              accountId: ledger.developer.id,
              id: ledger.id,
              name: 'Ledger',
              redirectUris: [CALLBACK],
              scopes,
            },
            operator,
          );
        await update(['openid', 'profile']);
        const bearer = await site.domain.bearers.find(tokens.access_token);
        assert.deepEqual('scopes' in bearer && bearer.scopes, ['openid']);
        const info = await oauth.fetchUserInfo(ledger.config, tokens.access_token, account.id);
        assert.equal(info.email, undefined);
        const refreshed = await oauth.refreshTokenGrant(ledger.config, tokens.refresh_token ?? '');
        assert.equal(refreshed.scope, 'openid');
        assert.equal(refreshed.claims()?.email, undefined);
        await assert.rejects(
          oauth.refreshTokenGrant(ledger.config, refreshed.refresh_token ?? '', { scope: 'openid email' }),
          { error: 'invalid_scope' },
        );
        const page = textOf((await agent.get('/apps')).text);
        assert.doesNotMatch(page, /See your e-mail address/);
        await update(['profile']);
        await assert.rejects(oauth.refreshTokenGrant(ledger.config, refreshed.refresh_token ?? ''), {
          error: 'invalid_grant',
          error_description: /lost every scope/,
        });
      });
    });

    if (!isFirst) return;

    describe('scopes', () => {
      test('none named is all that the app is registered for', async () => {
        const { agent } = await site.person();
        const ledger = await site.app();
        const started = await ledger.start();
        started.location.searchParams.delete('scope');
        const callback = await allow(agent, started.location);
        const tokens = await oauth.authorizationCodeGrant(ledger.config, callback, {
          pkceCodeVerifier: started.verifier,
          expectedState: started.state,
          expectedNonce: started.nonce,
        });
        assert.deepEqual(tokens.scope?.split(' ').sort(), [...SCOPES].sort());
        assert.ok(tokens.claims()?.email);
        const without = await site.app({ scopes: ['wf:create_transaction'] });
        const location = await askWithoutScope(without);
        location.searchParams.delete('nonce');
        assert.ok(isAsked(await agent.follow(asked(location))));
      });

      const wrong: [string, string, RegExp][] = [
        ['an unknown one', 'openid calendar', /calendar/],
        ['one that the app is not registered for', 'openid wf:create_transaction', /wf:create_transaction/],
        ['admin', 'admin', /admin/],
        ['a list with commas', 'openid,email', /openid,email.*separated by spaces/],
        ['a list with tabs', 'openid\temail', /separated by spaces/],
        ['a list with pluses', 'openid+email', /separated by spaces/],
        ['another case', 'OpenID', /OpenID/],
        ['offline_access alone', 'offline_access', /name one/],
        ['one with a quote', 'openid "x"', /x/],
      ];
      for (const [name, scope, says] of wrong) {
        test(`${name} goes back as invalid_scope before any page`, async () => {
          const ledger = await site.app({ scopes: ['openid', 'email'] });
          for (const agent of [createAgent(site.url), (await site.person()).agent]) {
            const { location, state } = await ledger.start({ scope });
            const page = await agent.get(asked(location));
            const answer = new URL(page.location).searchParams;
            assert.equal(answer.get('error'), 'invalid_scope', page.location);
            assert.equal(answer.get('state'), state);
            assert.match(answer.get('error_description') ?? '', says);
          }
          const { location } = await ledger.start({ scope, redirect_uri: 'https://evil.example/' });
          const page = await createAgent(site.url).get(asked(location));
          assert.deepEqual([page.status, page.location], [400, '']);
        });
      }

      test('may stand apart by more than one space, and offline_access is no reason to refuse', async () => {
        const { agent } = await site.person();
        const ledger = await site.app({ scopes: ['openid', 'email'] });
        const tokens = await ledger.connect(agent, { scope: ' openid  email offline_access ' });
        assert.equal(tokens.scope, 'openid email');
        assert.ok(tokens.refresh_token);
      });

      test('offline_access stays in what was granted, without another question', async () => {
        const { agent, account } = await site.person();
        const ledger = await site.app();
        await ledger.connect(agent, { scope: 'openid' });
        const started = await ledger.start({ scope: 'openid offline_access' });
        const page = await agent.follow(asked(started.location));
        assert.match(page.location, /[?&]code=/, textOf(page.text));
        const tokens = await oauth.authorizationCodeGrant(ledger.config, new URL(page.location), {
          pkceCodeVerifier: started.verifier,
          expectedState: started.state,
          expectedNonce: started.nonce,
        });
        assert.equal(tokens.scope, 'openid offline_access');
        const again = await oauth.refreshTokenGrant(ledger.config, tokens.refresh_token ?? '');
        assert.equal(again.scope, 'openid offline_access');
        const other = await site.signIn(account.email);
        assert.equal(
          (await ledger.connect(other, { scope: 'openid offline_access' })).scope,
          'openid offline_access',
        );
      });
    });

    describe('a request object', () => {
      const objectOf = (claims: object) =>
        ['{"alg":"none"}', JSON.stringify(claims), '']
          .map((part) => Buffer.from(part).toString('base64url'))
          .join('.');

      test('is refused in the way that it asks for', async () => {
        const ledger = await site.app();
        const claims = { response_mode: 'form_post', state: 'inside', redirect_uri: 'https://evil.example/' };
        const { location } = await ledger.start({ request: objectOf(claims) });
        location.searchParams.delete('state');
        const page = await createAgent(site.url).get(asked(location));
        assert.match(page.text, /action="https:\/\/app\.example\.com\/callback"/);
        assert.match(page.text, /name="error" value="request_not_supported"/);
        assert.match(page.text, /name="state" value="inside"/);
      });

      test('that is none, or says it otherwise than the query, changes nothing', async () => {
        const ledger = await site.app();
        for (const request of ['x', 'a.b.c', objectOf({ state: 'inside', response_mode: 7 })]) {
          const { location, state } = await ledger.start({ request });
          const answer = new URL((await createAgent(site.url).get(asked(location))).location).searchParams;
          assert.deepEqual([answer.get('error'), answer.get('state')], ['request_not_supported', state]);
        }
      });
    });

    describe('prompts', () => {
      const press = async (
        agent: Agent,
        page: { text: string },
        button: string,
        form: Record<string, string> = {},
      ) => {
        const action = new RegExp(`action="(/interaction/[^"]+/${button})"`).exec(page.text)?.[1];
        return agent.post(action ?? assert.fail(`no ${button}: ${textOf(page.text)}`), form);
      };

      test('select_account asks who is signed in, and goes on as them or as somebody else', async () => {
        const { agent, account } = await site.person();
        const other = await site.person();
        const ledger = await site.app();
        await ledger.connect(agent, { scope: 'openid' });
        const page = await ask(ledger, agent, { scope: 'openid', prompt: 'select_account' });
        assert.match(textOf(page.text), new RegExp(`You are signed in as ${account.email}`));
        const kept = await press(agent, page, 'keep-account');
        assert.match((await agent.follow(kept.location)).location, /[?&]code=/);

        const again = await ask(ledger, agent, { scope: 'openid', prompt: 'select_account' });
        const switched = await press(agent, again, 'switch-account');
        const form = await agent.follow(switched.location);
        const signedIn = await press(agent, form, 'sign-in', {
          email: other.account.email,
          password: PASSWORD,
        });
        const consent = await agent.follow(signedIn.location);
        assert.match(textOf(consent.text), new RegExp(`Signed in as ${other.account.email}`));
      });

      test('select_account of nobody is a sign-in, and with prompt=none or login stays what it is', async () => {
        const account = await site.account();
        const ledger = await site.app();
        const agent = createAgent(site.url);
        const form = await ask(ledger, agent, { scope: 'openid', prompt: 'select_account' });
        const signedIn = await press(agent, form, 'sign-in', { email: account.email, password: PASSWORD });
        assert.ok(isAsked(await agent.follow(signedIn.location)));
        const both = await ask(ledger, agent, { scope: 'openid', prompt: 'select_account login' });
        const kept = await press(agent, both, 'keep-account');
        assert.match((await agent.follow(kept.location)).text, /Confirm that it is you/);
        const none = await ask(ledger, agent, { scope: 'openid', prompt: 'none select_account' });
        assert.match(none.location, /error=invalid_request/);
      });

      test('create leads to the sign-up page, and from the mailed link back to the app', async () => {
        const ledger = await site.app();
        const agent = createAgent(site.url);
        const page = await ask(ledger, agent, { scope: 'openid', prompt: 'create' });
        assert.match(page.text, /action="\/sign-up"/);
        const returnTo = /name="return_to" value="([^"]+)"/.exec(page.text)?.[1] ?? '';
        const email = `new-${process.pid}-${Math.random().toString(36).slice(2)}@example.com`;
        await agent.post('/sign-up', { email, password: PASSWORD, return_to: returnTo });
        const folder = site.domain.settings.mail.slice('file:'.length);
        const mail = await createKeptMail(folder).waitFor({ to: email });
        const token = /verify-email\?token=([\w-]+)/.exec(`${mail.text}`)?.[1] ?? assert.fail(`${mail.text}`);
        const verified = await agent.post('/verify-email', { token, password: PASSWORD });
        const consent = await agent.follow(verified.location);
        assert.match(textOf(consent.text), new RegExp(`Signed in as ${email}`));
        assert.match(
          (await agent.follow((await press(agent, consent, 'allow')).location)).location,
          /[?&]code=/,
        );
      });

      test('create asks who is signed in first, and does not go on as them by itself', async () => {
        const { agent, account } = await site.person();
        const ledger = await site.app();
        const page = await ask(ledger, agent, { scope: 'openid', prompt: 'create' });
        assert.match(textOf(page.text), new RegExp(`You are signed in as ${account.email}`));
        const uid = /\/interaction\/([\w-]+)\/keep/.exec(page.text)?.[1] ?? '';
        assert.equal((await agent.get(`/interaction/${uid}/continue`)).location, `/interaction/${uid}`);
        const switched = await press(agent, page, 'switch-account');
        assert.match((await agent.follow(switched.location)).text, /action="\/sign-up"/);
      });

      for (const wish of [{ prompt: 'login' }, { max_age: '60' }, { max_age: '0' }] as Record<
        string,
        string
      >[]) {
        test(`${JSON.stringify(wish)} is not answered by a cookie that is put back later`, async () => {
          site.ahead = -120;
          const { agent, account } = await site.person();
          site.ahead = 0;
          const cookies = Object.entries(agent.cookies()).filter(([key]) =>
            key.startsWith('latchkey_session'),
          );
          const ledger = await site.app();
          const browser = createAgent(site.url);
          const form = await ask(ledger, browser, { scope: 'openid', ...wish });
          assert.match(form.text, /type="password"/);
          const uid = /\/interaction\/([\w-]+)\/sign-in/.exec(form.text)?.[1] ?? '';
          for (const [key, value] of cookies) browser.setCookie(key.split(' ')[0] ?? '', value);
          assert.equal((await browser.get('/tokens')).status, 200, 'the cookie is good');
          assert.equal((await browser.get(`/interaction/${uid}/continue`)).location, `/interaction/${uid}`);
          // The engine's own way on is no way round: it asks again.
          const again = await browser.follow(`/oauth/authorize/${uid}`);
          assert.match(again.text, /Confirm that it is you/);
          const signedIn = await press(browser, again, 'sign-in', {
            email: account.email,
            password: PASSWORD,
          });
          const consent = await browser.follow(signedIn.location);
          assert.ok(isAsked(consent), textOf(consent.text));
        });
      }

      test('an id_token_hint of another account lets that one sign in, and nobody else', async () => {
        const { agent, account } = await site.person();
        const ledger = await site.app();
        const { id_token: hint = '' } = await ledger.connect(agent, { scope: 'openid' });
        const other = (await site.person()).agent;
        const form = await ask(ledger, other, { scope: 'openid', id_token_hint: hint });
        assert.doesNotMatch(form.text, /Confirm that it is you/);
        const signedIn = await press(other, form, 'sign-in', { email: account.email, password: PASSWORD });
        assert.match((await other.follow(signedIn.location)).location, /[?&]code=/);
      });

      test('login stays asked for when the account is switched', async () => {
        const { agent } = await site.person();
        const ledger = await site.app();
        const page = await ask(ledger, agent, { scope: 'openid', prompt: 'login' });
        const switched = await press(agent, page, 'switch-account');
        assert.match(switched.location, /prompt=login/);
        const other = await site.person();
        const form = await agent.follow(switched.location);
        const signedIn = await press(agent, form, 'sign-in', {
          email: other.account.email,
          password: PASSWORD,
        });
        assert.ok(isAsked(await agent.follow(signedIn.location)));
      });
    });
  });
});
