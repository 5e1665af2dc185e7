import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as oauth from 'openid-client';
import { PASSWORD, type Person } from '../support/people.ts';
import { createThirdPartyApp } from '../support/third-party-app.ts';
import { startAppSite } from './app-site.ts';
import { BROWSERS, fillSignIn, openWalk, type Walk } from './steps.ts';

const operator = { kind: 'operator' } as const;
const SCOPES = ['openid', 'email', 'wf:create_transaction'];
const TRANSACTION = 'Record a transaction and send you its receipt by e-mail';

describe('third-party apps, in a browser', () => {
  let walk: Walk;
  let site: Awaited<ReturnType<typeof startAppSite>>;
  let developer: Person;
  let ledger: Awaited<ReturnType<typeof createThirdPartyApp>>;
  before(async () => {
    [walk, site] = await Promise.all([openWalk(), startAppSite()]);
    developer = await walk.people.person();
    ledger = await register('Ledger', [site.callback]);
    site.become(ledger);
  });
  after(async () => {
    await site?.stop();
    await walk?.close();
  });

  async function register(name: string, redirectUris: string[]) {
    const app = { account: developer.account, name, redirectUris, confidential: false, scopes: SCOPES };
    const { client } = await walk.people.domain.apps.create(app, operator);
    return createThirdPartyApp(walk.server.url, { client });
  }

  for (const { title, javaScript } of BROWSERS) {
    describe(title, () => {
      it('are registered, changed and deleted by their developer', async () => {
        const { agent } = await walk.people.person();
        await walk.visit({ javaScript, as: agent }, async (visitor) => {
          await visitor.open('/developer');
          await visitor.arrive('Developer');
          await visitor.look('developer-empty', 'main');
          await visitor.press('Make an app');
          await visitor.arrive('New app');
          await visitor.look('app-new');
          await visitor.fill({ Name: 'Planner', 'Redirect URIs': 'http://planner.example.com/callback' });
          await visitor.page.getByLabel(/^Know that it is you/).check();
          await visitor.press('Make the app');
          await visitor.page.getByText('Nothing was saved.').waitFor();
          await visitor.reads('Use https://');
          await visitor.look('app-new-refused');
          await visitor.fill({ 'Redirect URIs': 'https://planner.example.com/callback' });
          await visitor.press('Make the app');
          await visitor.arrive('App “Planner” is ready');
          await visitor.look('app-made');
          await visitor.press('I have copied it');

          await visitor.arrive('Planner');
          await visitor.look('app', 'main');
          await visitor.press('Edit…');
          await visitor.arrive('Change “Planner”');
          await visitor.fill({ Name: 'Planner 2' });
          await visitor.look('app-change');
          await visitor.press('Save the changes');
          await visitor.page.getByText('The app was changed.').waitFor();
          await visitor.press('Developer');
          await visitor.arrive('Developer');
          await visitor.reads('Planner 2', 'https://planner.example.com/callback');
          await visitor.look('developer');
          await visitor.press('Planner 2');
          await visitor.press('Delete this app…');
          await visitor.arrive('Delete the app “Planner 2”?');
          await visitor.look('app-delete');
          await visitor.press('Delete this app');
          await visitor.page.getByText('The app was deleted.').waitFor();
        });
      });

      it('are let in on a consent page, act on another origin, and are cut off at once', async () => {
        const account = await walk.people.account();
        await walk.visit({ javaScript }, async (visitor) => {
          await visitor.open(site.origin);
          await visitor.press('Sign in with Latchkey');
          await visitor.arrive('Sign in to continue to Ledger');
          await visitor.look('sign-in-for-app', 'main');
          await fillSignIn(visitor, { email: account.email, password: PASSWORD });

          await visitor.arrive('Ledger wants to use your Latchkey account');
          const host = new URL(site.origin).host;
          await visitor.reads(account.email, host, TRANSACTION, 'See your e-mail address');
          await visitor.reads('runs on your own computer', 'until you cut it off');
          await visitor.look('consent-loopback', 'main');
          await visitor.press('Allow');
          await visitor.arrive('Connected');
          assert.equal(new URL(visitor.page.url()).origin, site.origin);
          assert.equal(await visitor.page.locator('p').textContent(), account.id);

          const given = site.tokens();
          assert.equal((await walk.callMe(given.access_token)).status, 200);
          const renewed = await oauth.refreshTokenGrant(ledger.config, given.refresh_token ?? '');
          assert.equal((await walk.callMe(renewed.access_token)).status, 200);

          await visitor.open('/apps');
          await visitor.arrive('Connected apps');
          await visitor.reads('Ledger', host, TRANSACTION);
          await visitor.look('apps', 'main');
          await visitor.press('Cut off… Ledger');
          await visitor.arrive('Cut off “Ledger”?');
          await visitor.look('app-cut-off', 'main');
          await visitor.press('Cut it off');
          await visitor.page.getByText('The app was cut off.').waitFor();
          await visitor.look('apps-empty');
          assert.equal((await walk.callMe(renewed.access_token)).status, 401);
          await assert.rejects(oauth.refreshTokenGrant(ledger.config, renewed.refresh_token ?? ''), {
            error: 'invalid_grant',
          });
        });
      });

      it('are told when the person denies, or lets another account answer', async () => {
        const { account, agent } = await walk.people.person();
        const other = await walk.people.person();
        await walk.visit({ javaScript, as: agent }, async (visitor) => {
          await visitor.open(`${site.origin}/start`);
          await visitor.arrive('Ledger wants to use your Latchkey account');
          await visitor.press('Deny');
          await visitor.arrive('Not connected');
          assert.equal(await visitor.page.locator('p').textContent(), 'access_denied');

          await visitor.open(`${site.origin}/start`);
          await visitor.reads(account.email);
          await visitor.press('Use another account');
          await visitor.arrive('Sign in to continue to Ledger');
          await fillSignIn(visitor, { email: other.account.email, password: PASSWORD });
          await visitor.arrive('Ledger wants to use your Latchkey account');
          await visitor.reads(other.account.email);
          await visitor.press('Allow');
          await visitor.arrive('Connected');
          assert.equal(await visitor.page.locator('p').textContent(), other.account.id);
        });
      });

      it('of a phone or desk get their answer under a scheme of their own', async () => {
        const { agent } = await walk.people.person();
        const app = await register('Ledger Mobile', ['com.example.ledger:/callback']);
        const start = await app.start();
        await walk.visit({ javaScript, as: agent }, async (visitor) => {
          await visitor.open(start.location.href);
          await visitor.arrive('Ledger Mobile wants to use your Latchkey account');
          await visitor.reads('com.example.ledger:/callback');
          await visitor.look('consent-native');
          // Chromium hands such an address to the system: nobody takes it here, but this is what it gets.
          const answer = visitor.page.waitForRequest(/^com\.example\.ledger:/);
          await visitor.press('Allow');
          const callback = new URL((await answer).url());
          assert.equal(callback.searchParams.get('state'), start.state);
          const tokens = await oauth.authorizationCodeGrant(app.config, callback, {
            pkceCodeVerifier: start.verifier,
            expectedState: start.state,
            expectedNonce: start.nonce,
          });
          assert.equal((await walk.callMe(tokens.access_token)).status, 200);
        });
      });
    });
  }

  it('say where a web app sends people, and mark what is new when they ask for more', async () => {
    const { agent } = await walk.people.person();
    const app = await register('Ledger Online', ['https://ledger.example.com/callback']);
    await app.connect(agent, { scope: 'openid email' });
    await walk.visit({ javaScript: true, as: agent }, async (visitor) => {
      await visitor.open((await app.start()).location.href);
      await visitor.arrive('Ledger Online wants to use your Latchkey account');
      await visitor.reads('ledger.example.com', `${TRANSACTION} New`);
      await visitor.look('consent', 'main');
    });
  });

  it('can send people to sign out, which is asked about', async () => {
    const { agent } = await walk.people.person();
    await walk.visit({ javaScript: true, as: agent }, async (visitor) => {
      await visitor.open('/oauth/end-session');
      await visitor.arrive('Sign out of Latchkey?');
      await visitor.look('sign-out');
      await visitor.press('Stay signed in');
      await visitor.page.waitForLoadState();
      await visitor.open('/tokens');
      await visitor.arrive('Personal access tokens');
      await visitor.open('/oauth/end-session');
      await visitor.press('Sign out');
      await visitor.arrive('Signed out');
      await visitor.look('signed-out');
      await visitor.press('Sign in again');
      await visitor.arrive('Sign in');
    });
  });

  it('that made a mistake are shown as such', () =>
    walk.visit({ javaScript: true }, async (visitor) => {
      await visitor.open('/oauth/authorize?client_id=app_nobody&response_type=code');
      await visitor.arrive('This request cannot be followed');
      await visitor.look('problem-of-app');
    }));
});
