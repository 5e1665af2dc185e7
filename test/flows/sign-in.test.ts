import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Agent, createAgent, type Page } from '../support/browserless.ts';
import { openPeople, PASSWORD, type Person } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eachStore } from '../support/stores.ts';
import { createThirdPartyApp } from '../support/third-party-app.ts';

const CALLBACK = 'https://app.example.com/callback';
const operator = { kind: 'operator' } as const;

eachStore(({ url: storeUrl, once }) => {
  let server: TestServer;
  let people: Awaited<ReturnType<typeof openPeople>>;
  /** Moved on by tests that need a sign-in to grow old. */
  let ahead = 0;
  before(async () => {
    server = await startTestServer({
      storeUrl: await storeUrl(),
      clock: () => Math.floor(Date.now() / 1000) + ahead,
    });
    people = await openPeople(server);
  });
  after(async () => {
    await people.close();
    await server.stop();
  });

  const hidden = (page: Page, name: string) =>
    new RegExp(`name="${name}" value="([^"]*)"`).exec(page.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
  const linkTo = (page: Page, path: string) =>
    new RegExp(`href="(${path}[^"]*)"`).exec(page.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
  const actionOf = (page: Page, name: string) =>
    new RegExp(`action="(/interaction/[\\w-]+/${name})"`).exec(page.text)?.[1] ?? '';

  describe('signing in with a password', () => {
    once('goes on to where the person wanted to go', async () => {
      const account = await people.account();
      const agent = createAgent(server.url);
      const sent = await agent.get('/services?tab=1');
      assert.equal(sent.status, 303);
      const form = await agent.get(sent.location);
      const returnTo = hidden(form, 'return_to');
      assert.equal(returnTo, '/services?tab=1');
      const done = await agent.post('/sign-in', {
        email: account.email,
        password: PASSWORD,
        return_to: returnTo,
      });
      assert.equal(done.status, 303);
      assert.equal(done.location, '/services?tab=1');
      assert.equal((await agent.get('/services')).status, 200);
      // Who is signed in is not asked again.
      assert.equal((await agent.get('/sign-in?return_to=/apps')).location, '/apps');
    });

    it('refuses a wrong password, an unknown address and no address in the same words', async () => {
      const account = await people.account();
      const pages = [];
      for (const email of [account.email, 'nobody@example.com', 'nonsense']) {
        const page = await createAgent(server.url).post('/sign-in', { email, password: 'wrong words here' });
        assert.equal(page.headers.get('set-cookie'), null);
        pages.push([page.status, page.text.replaceAll(email, 'EMAIL')]);
      }
      assert.equal(pages[0]?.[0], 400);
      assert.match(String(pages[0]?.[1]), /E-mail or password is wrong/);
      assert.deepEqual(pages[1], pages[0]);
      assert.deepEqual(pages[2], pages[0]);
    });

    it('gives the browser a new session id each time, never one that it brought', async () => {
      const account = await people.account();
      const agent = createAgent(server.url);
      const signIn = () => agent.post('/sign-in', { email: account.email, password: PASSWORD });
      agent.setCookie('latchkey_session', 'planted-by-somebody');
      await signIn();
      const first = agent.cookie('latchkey_session');
      assert.ok(first && first !== 'planted-by-somebody');
      await signIn();
      assert.notEqual(agent.cookie('latchkey_session'), first);
      const thief = createAgent(server.url);
      thief.setCookie('latchkey_session', first);
      assert.equal((await thief.get('/tokens')).status, 303);
    });

    it('ends with sign-out, on the server too', async () => {
      const { agent } = await people.person();
      const thief = createAgent(server.url);
      for (const [name, value] of Object.entries(agent.cookies()))
        thief.setCookie(name.split(' ')[0] ?? '', value);
      assert.equal((await thief.get('/tokens')).status, 200);
      const out = await agent.post('/sign-out', {});
      assert.match((await agent.follow(out.location)).text, /You are signed out/);
      assert.equal((await agent.get('/tokens')).status, 303);
      assert.equal((await thief.get('/tokens')).status, 303);
    });

    once('says nothing for a code that it does not know', async () => {
      const page = (done: string) => createAgent(server.url).get(`/sign-in?done=${done}`);
      const plain = (await createAgent(server.url).get('/sign-in')).text;
      for (const done of ['constructor', 'toString', '__proto__'])
        assert.equal((await page(done)).text, plain);
      assert.notEqual((await page('signed-out')).text, plain);
    });

    it('lets nobody try again after ten wrong ones and says when to come back', async () => {
      const account = await people.account();
      const agent = createAgent(server.url);
      const guess = (password: string) => agent.post('/sign-in', { email: account.email, password });
      for (let turn = 0; turn < 10; turn += 1) assert.equal((await guess('wrong words here')).status, 400);
      const refused = await guess(PASSWORD);
      assert.equal(refused.status, 429);
      assert.ok(Number(refused.headers.get('retry-after')) > 0);
      assert.match(refused.text, /Try again in/);
      ahead += 15 * 60;
      assert.equal((await guess(PASSWORD)).location, '/tokens');
    });

    it('is over at once for an account that is suspended', async () => {
      const { account, agent } = await people.person();
      await people.domain.accounts.suspend(account.id, operator);
      assert.equal((await agent.get('/tokens')).location, '/sign-in?return_to=%2Ftokens');
      const refused = await agent.post('/sign-in', { email: account.email, password: PASSWORD });
      assert.equal(refused.status, 403);
      assert.match(refused.text, /This account is suspended/);
    });
  });

  describe('signing in once more', () => {
    it('is asked for by what is sensitive when the sign-in is old, for the same account only', async () => {
      const { account, agent } = await people.person();
      const other = await people.person();
      assert.equal((await agent.get('/account/password')).status, 200);
      ahead += 301;
      const sent = await agent.get('/account/password');
      assert.equal(sent.location, '/sign-in?fresh=1&return_to=%2Faccount%2Fpassword');
      const form = await agent.get(sent.location);
      assert.match(form.text, /Confirm that it is you/);
      assert.match(form.text, new RegExp(`value="${account.email}"[^>]* readonly`));
      // Somebody else's address with their password opens nothing here.
      const fields = { fresh: '1', return_to: '/account/password', password: PASSWORD };
      const wrong = await agent.post('/sign-in', { ...fields, password: 'wrong words here' });
      assert.equal(wrong.status, 400);
      assert.match(wrong.text, /Confirm that it is you/);
      const done = await agent.post('/sign-in', { ...fields, email: other.account.email });
      assert.equal(done.location, '/account/password');
      const page = await agent.get('/account/password');
      assert.equal(page.status, 200);
      assert.ok(page.text.includes(account.email) && !page.text.includes(other.account.email));
    });
  });

  describe('inside an authorization', () => {
    let developer: Person;
    let app: Awaited<ReturnType<typeof createThirdPartyApp>>;
    before(async () => {
      developer = await people.person();
      app = await appWith([CALLBACK]);
    });

    async function appWith(redirectUris: string[], name = 'Ledger <b>Pro</b>', by = developer) {
      const { client } = await people.domain.apps.create(
        {
          account: by.account,
          name,
          redirectUris,
          confidential: false,
          scopes: ['openid', 'email', 'offline_access', 'profile', 'wf:create_transaction'],
        },
        operator,
      );
      return createThirdPartyApp(server.url, { client });
    }

    async function open(agent: Agent, extra: Record<string, string> = {}, using = app): Promise<Page> {
      const { location } = await using.start(extra);
      return agent.follow(`${location.pathname}${location.search}`);
    }

    it('shows sign-in, then consent, then goes back to the app', async () => {
      const account = await people.account();
      const agent = createAgent(server.url);
      const form = await open(agent, { login_hint: account.email });
      assert.match(form.text, /Sign in to continue to Ledger &lt;b&gt;Pro&lt;\/b&gt;/);
      assert.match(form.text, new RegExp(`value="${account.email}"`));
      const action = actionOf(form, 'sign-in');
      const wrong = await agent.post(action, { email: account.email, password: 'wrong words here' });
      assert.equal(wrong.status, 400);
      assert.equal(actionOf(wrong, 'sign-in'), action);
      const signedIn = await agent.post(action, { email: account.email, password: PASSWORD });
      const consent = await agent.follow(signedIn.location);
      assert.match(consent.text, new RegExp(account.email));
      assert.match(consent.text, /app\.example\.com/);
      assert.match(consent.text, /did not check it/);
      assert.match(consent.text, /Know that it is you who signs in/);
      assert.ok(!consent.headers.get('content-security-policy')?.includes('form-action'));
      let page = await agent.post(actionOf(consent, 'allow'), {});
      while (page.location.startsWith('/')) page = await agent.get(page.location);
      assert.match(page.location, /^https:\/\/app\.example\.com\/callback\?code=/);
      assert.equal((await agent.get('/tokens')).status, 200);
    });

    once('tells the app when the person denies', async () => {
      const { agent } = await people.person();
      const consent = await open(agent);
      let page = await agent.post(actionOf(consent, 'deny'), {});
      while (page.location.startsWith('/')) page = await agent.get(page.location);
      const answer = new URL(page.location);
      assert.equal(answer.searchParams.get('error'), 'access_denied');
      assert.equal(answer.searchParams.get('code'), null);
    });

    it('asks a second time only for what is new, and marks it', async () => {
      const { agent } = await people.person();
      const first = await open(agent, { scope: 'openid email' });
      assert.doesNotMatch(first.text, />New</);
      let page = await agent.post(actionOf(first, 'allow'), {});
      while (page.location.startsWith('/')) page = await agent.get(page.location);
      const second = await open(agent, { scope: 'openid email wf:create_transaction' });
      assert.equal(second.text.match(/>New</g)?.length, 1);
    });

    it('asks a signed-in person again when the app wants that, and lets another one in instead', async () => {
      const { account, agent } = await people.person();
      const other = await people.person();
      const form = await open(agent, { prompt: 'login' });
      assert.match(form.text, /Confirm that it is you/);
      const again = await agent.post(actionOf(form, 'sign-in'), {
        email: other.account.email,
        password: PASSWORD,
      });
      const consent = await agent.follow(again.location);
      assert.ok(consent.text.includes(account.email) && !consent.text.includes(other.account.email));

      const switched = await agent.post(actionOf(consent, 'switch-account'), {});
      const second = await agent.follow(switched.location);
      assert.match(second.text, /Sign in to continue to/);
      const signedIn = await agent.post(actionOf(second, 'sign-in'), {
        email: other.account.email,
        password: PASSWORD,
      });
      const theirs = await agent.follow(signedIn.location);
      assert.match(theirs.text, /wants to use your/);
      assert.ok(theirs.text.includes(other.account.email) && !theirs.text.includes(account.email));
    });

    it('does not take a sign-in from before for the one that the app asked for', async () => {
      const usual = ahead;
      ahead = -10;
      try {
        const { agent } = await people.person();
        const form = await open(agent, { prompt: 'login' });
        const path = actionOf(form, 'sign-in').replace(/\/sign-in$/, '');
        assert.equal((await agent.get(`${path}/continue`)).location, path);
      } finally {
        ahead = usual;
      }
    });

    it('is over when somebody else sits here by now', async () => {
      const { agent } = await people.person();
      const other = await people.person();
      const consent = await open(agent);
      await agent.post('/sign-out', {});
      await agent.post('/sign-in', { email: other.account.email, password: PASSWORD });
      const refused = await agent.post(actionOf(consent, 'allow'), {});
      assert.equal(refused.status, 400);
      assert.match(refused.text, /Go back to the app that you came from and start again/);
      assert.deepEqual(await people.domain.grants.list(other.account.id), []);
    });

    once('ends with a clear page in another browser, and for a suspended account', async () => {
      const { account, agent } = await people.person();
      const consent = await open(agent);
      const allow = actionOf(consent, 'allow');
      const stranger = await createAgent(server.url).post(allow, {});
      assert.equal(stranger.status, 400);
      assert.match(stranger.text, /too old, or was started in another browser/);
      await people.domain.accounts.suspend(account.id, operator);
      const refused = await agent.post(allow, {});
      assert.equal(refused.status, 400);
      assert.match(refused.text, /too old, or was started in another browser/);
    });

    once('is never allowed by a GET', async () => {
      const { agent } = await people.person();
      const consent = await open(agent);
      const page = await agent.get(actionOf(consent, 'allow'));
      assert.equal(page.status, 405);
    });

    once('shows where the answer goes: a scheme in full, and a warning for this computer', async () => {
      const { agent } = await people.person();
      const native = await appWith(['com.example.ledger:/callback'], 'Native');
      assert.match((await open(agent, {}, native)).text, /com\.example\.ledger:\/callback/);
      const local = await appWith(['http://127.0.0.1/callback'], 'Local');
      assert.match((await open(agent, {}, local)).text, /runs on your own computer/);
      const admin = await people.person({ admin: true });
      const ours = await appWith([CALLBACK], 'House app', admin);
      assert.doesNotMatch((await open(agent, {}, ours)).text, /did not check it/);
    });

    it('leads through a forgotten password and back', async () => {
      const account = await people.account();
      const agent = createAgent(server.url);
      const form = await open(agent);
      const ask = await agent.get(linkTo(form, '/reset-password'));
      assert.match(hidden(ask, 'return_to'), /^\/interaction\/[\w-]+\/continue$/);
      await agent.post('/reset-password', { email: account.email, return_to: hidden(ask, 'return_to') });
      // The rest of the way is in reset.test.ts; what waits must still be there.
      assert.equal((await agent.get(hidden(ask, 'return_to'))).status, 303);
    });
  });
});
