import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type Agent, createAgent, type Page } from '../support/browserless.ts';
import { type Fault, type Person as GooglePerson, startGoogle, type TestGoogle } from '../support/google.ts';
import { openPeople, PASSWORD } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { shortenTimeouts } from '../support/short-timeouts.ts';
import { createKeptMail, linkIn } from '../support/smtp.ts';
import { eachStore } from '../support/stores.ts';
import { createThirdPartyApp } from '../support/third-party-app.ts';

const operator = { kind: 'operator' } as const;

eachStore(({ url: storeUrl, isFirst }) => {
  let google: TestGoogle;
  let server: TestServer;
  let people: Awaited<ReturnType<typeof openPeople>>;
  let mail: ReturnType<typeof createKeptMail>;
  let ahead = 0;
  let count = 0;
  /** Somebody whom only the provider knows so far; another one in each test. */
  let stranger: GooglePerson & { email: string };

  before(async () => {
    google = await startGoogle();
    server = await startTestServer({
      storeUrl: await storeUrl(),
      clock: () => Math.floor(Date.now() / 1000) + ahead,
      settings: { google: google.settings },
    });
    people = await openPeople(server);
    mail = createKeptMail(server.mailFolder);
  });
  after(async () => {
    await people.close();
    await server.stop();
    await google.stop();
  });
  beforeEach(() => {
    count += 1;
    stranger = { sub: `sub-${count}`, email: `stranger-${count}@example.com`, email_verified: true };
  });

  /** To the provider and back, up to the callback's own answer; the path of the callback as well. */
  async function travel(agent: Agent, start = '/sign-in/google'): Promise<{ page: Page; callback: string }> {
    return comeBack(agent, await agent.get(start));
  }

  async function comeBack(agent: Agent, left: Page): Promise<{ page: Page; callback: string }> {
    assert.ok(
      left.location.startsWith(`${google.issuer}/authorize?`),
      `${left.status} ${left.location} ${left.text}`,
    );
    const answer = await fetch(left.location, { redirect: 'manual' });
    const callback = answer.headers.get('location')?.slice(server.url.length) ?? '';
    return { page: await agent.get(callback), callback };
  }

  async function signInAs(
    person: GooglePerson,
    start?: string,
  ): Promise<{ agent: Agent; page: Page; callback: string }> {
    await google.behave({ person });
    const agent = createAgent(server.url);
    return { agent, ...(await travel(agent, start)) };
  }

  const now = () => Math.floor(Date.now() / 1000) + ahead;

  /** From an app's request to the sign-in page; `start`: its button to the provider, `path`: where that leads on. */
  async function askFromApp(wish: Record<string, string>, agent = createAgent(server.url)) {
    const { account } = await people.person();
    const wanted = { name: 'Ledger', redirectUris: ['https://app.example.com/callback'], scopes: ['openid'] };
    const { client } = await people.domain.apps.create({ ...wanted, account, confidential: false }, operator);
    const app = await createThirdPartyApp(server.url, { client });
    const { location } = await app.start({ scope: 'openid', ...wish });
    const form = await agent.follow(`${location.pathname}${location.search}`);
    const start = /href="(\/sign-in\/google\?[^"]+)"/.exec(form.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const path = new URL(start, server.url).searchParams.get('return_to') ?? '';
    return { agent, path, start, form };
  }

  /** The same, and by that button to the provider and back. */
  async function walkFromApp(wish: Record<string, string>) {
    const asked = await askFromApp(wish);
    return { ...asked, ...(await travel(asked.agent, asked.start)) };
  }

  const accountOf = (email: string) => people.domain.accounts.findByEmail(email);
  const isSignedIn = async (agent: Agent) => (await agent.get('/tokens')).status === 200;

  describe('signing in with Google', () => {
    it('makes an account for a verified address, which can then do everything', async () => {
      const { agent, page } = await signInAs(stranger, '/sign-in/google?return_to=/apps');
      assert.equal(page.location, '/apps');
      const account = await accountOf(stranger.email);
      assert.ok(account && account.passwordHash === undefined && !account.admin);
      const [identity] = await people.domain.identities.list(account.id);
      assert.equal(identity?.subject, stranger.sub);
      // Sensitive pages are open right after signing in, without any password.
      assert.equal((await agent.get('/tokens/new')).status, 200);
      const again = await signInAs({ ...stranger, email: 'moved@example.com' });
      assert.equal(again.page.location, '/tokens');
      assert.equal(await accountOf('moved@example.com'), undefined, 'found by subject, not by e-mail');
    });

    it('sends state, nonce, PKCE and our own address, whatever Host the browser claims', async () => {
      await google.behave({ person: stranger });
      const agent = createAgent(server.url);
      await travel(agent);
      const left = await agent.get('/sign-in/google', { host: 'evil.example' });
      assert.ok(!left.location.includes('evil.example'));
      const [seen] = await google.seen();
      const query = seen?.authorize ?? {};
      assert.equal(query.redirect_uri, `${server.url}/sign-in/google/callback`);
      assert.equal(query.code_challenge_method, 'S256');
      assert.match(query.scope ?? '', /openid/);
      for (const name of ['state', 'nonce', 'code_challenge'])
        assert.ok((query[name] ?? '').length >= 43, name);
      // The browser holds one opaque cookie, nothing of all that.
      for (const value of Object.values(agent.cookies())) {
        assert.ok(!value.includes(query.nonce ?? '') && !value.includes('/tokens'));
      }
    });

    it('takes the name along for a new account, and only then', async () => {
      for (const emailInUserinfo of [false, true]) {
        const sub = `named-${count}-${emailInUserinfo}`;
        const person = { ...stranger, sub, email: `${sub}@example.com`, name: ' Ann Other ' };
        await google.behave({ person, emailInUserinfo });
        const agent = createAgent(server.url);
        await travel(agent);
        assert.equal((await accountOf(person.email))?.name, 'Ann Other');
        await signInAs({ ...person, name: 'Renamed there' });
        assert.equal((await accountOf(person.email))?.name, 'Ann Other');
      }
      await signInAs({ ...stranger, name: 'evil\u202etxt' });
      const account = await accountOf(stranger.email);
      assert.ok(account !== undefined && account.name === undefined);
    });

    it('reads the address from userinfo where the ID token has none', async () => {
      await google.behave({ person: stranger, emailInUserinfo: true });
      const agent = createAgent(server.url);
      await travel(agent);
      assert.ok(await accountOf(stranger.email));
    });

    it('comes back to the sign-in page when the person denies it there', async () => {
      await google.behave({ authorizeError: 'access_denied' });
      const agent = createAgent(server.url);
      const { page } = await travel(agent, '/sign-in/google?return_to=/apps');
      assert.equal(page.location, '/sign-in?done=denied&return_to=%2Fapps');
      assert.match((await agent.get(page.location)).text, /You did not allow it there/);
      assert.ok(!(await isSignedIn(agent)));
    });

    it('goes on with the authorization that waits', async () => {
      // Also out of a session there of yesterday: nothing was asked for but to be signed in.
      await google.behave({ person: { ...stranger, auth_time: Math.floor(Date.now() / 1000) - 86_400 } });
      const { page, agent } = await walkFromApp({});
      const consent = await agent.follow(page.location);
      assert.match(consent.text, /Ledger wants to use your/);
      assert.ok(consent.text.includes(stranger.email));
    });

    // What is asked of the provider, and what its word is worth, does not hang on the store.
    const wishes = isFirst ? [{ prompt: 'login' }, { max_age: '0' }, { max_age: '86400' }] : [];
    for (const wish of wishes) {
      const asked = JSON.stringify(wish);

      it(`asks the provider to ask where the app wants ${asked}, with nobody signed in here`, async () => {
        // The provider's clock is behind: its word is that of somebody who was asked.
        await google.behave({ person: { ...stranger, auth_time: now() - 30 } });
        const { page, agent, path } = await walkFromApp(wish);
        assert.equal(page.location, path);
        const [seen] = await google.seen();
        assert.equal(seen?.authorize.prompt, 'login');
        assert.equal(seen?.authorize.max_age, '0');
        assert.match((await agent.follow(page.location)).text, /Ledger wants to use your/);
      });

      it(`takes no sign-in of before for ${asked}, nor one that nobody dates`, async () => {
        for (const behaviour of [
          { person: { ...stranger, auth_time: now() - 90_000 } },
          { person: stranger, keepsAuthTime: true },
        ]) {
          await google.behave(behaviour);
          const { page, agent, path } = await walkFromApp(wish);
          assert.equal(page.status, 403);
          assert.match(page.text, /did not (ask you|say when)/);
          // Whoever uses their password instead still gets to the app.
          const onwards = new URLSearchParams({ return_to: path });
          assert.ok(page.text.includes(`href="/sign-in?fresh=1&amp;${onwards}"`), page.text);
          assert.equal((await agent.get(path)).location, path.replace('/continue', ''));
          assert.equal(await accountOf(stranger.email), undefined);
        }
      });

      it(`takes no sign-in that the provider was not asked to prove for ${asked}, whenever it was`, async () => {
        for (const keepsAuthTime of [true, false]) {
          await google.behave({ person: stranger, keepsAuthTime });
          const { agent, path, start } = await askFromApp(wish);
          assert.equal((await travel(agent)).page.location, '/tokens');
          assert.equal((await agent.get(path)).location, path.replace('/continue', ''));
          // By the button of that page it goes on.
          await google.behave({ person: { ...stranger, auth_time: now() } });
          assert.equal((await travel(agent, start)).page.location, path);
          assert.match((await agent.follow(path)).text, /Ledger wants to use your/);
        }
      });

      it(`asks whoever came without proof before there was ${asked}`, async () => {
        const { agent } = await signInAs(stranger);
        const { form, start } = await askFromApp(wish, agent);
        assert.match(form.text, /Confirm that it is you/);
        await google.behave({ person: { ...stranger, auth_time: now() } });
        await travel(agent, start);
        assert.match((await askFromApp({ max_age: '60' }, agent)).form.text, /Ledger wants to use your/);
      });
    }

    it('stands in the activity once, though an authorization goes on with it', async () => {
      await google.behave({ person: stranger });
      const { agent, page } = await walkFromApp({});
      assert.match((await agent.follow(page.location)).text, /Ledger wants to use your/);
      const account = await accountOf(stranger.email);
      const whose = [['accountId', '=', account?.id ?? '']] as const;
      const rows = await people.domain.rows.audit.list({ where: whose, limit: 20 });
      assert.equal(rows.filter(({ action }) => action === 'account.signed_in').length, 1);
    });
  });

  /**
   * GHSA-g38m-r43w-p2q7, keycloak#53041, CVE-2026-27946: what exists here × what the provider verified ×
   * whether it is linked.
   */
  describe('an address that is known here', () => {
    it('with a password asks for it once, then links; the address alone opens nothing', async () => {
      const { account, agent: owner } = await people.person();
      const { agent, page } = await signInAs({ ...stranger, email: account.email });
      assert.equal(page.location, '/sign-in/link');
      assert.ok(!(await isSignedIn(agent)));
      const form = await agent.get(page.location);
      assert.match(form.text, /There is an account for/);
      const wrong = await agent.post('/sign-in/link', { password: 'wrong words here' });
      assert.equal(wrong.status, 400);
      assert.deepEqual(await people.domain.identities.list(account.id), []);
      const right = await agent.post('/sign-in/link', { password: PASSWORD });
      assert.equal(right.location, '/tokens');
      assert.ok(await isSignedIn(agent));
      assert.ok(await isSignedIn(owner));
      await mail.waitFor({ to: account.email, subject: 'can now sign in to your account' });
      // From now on without the password.
      assert.equal((await signInAs({ ...stranger, email: account.email })).page.location, '/tokens');
      assert.equal((await agent.post('/sign-in/link', { password: PASSWORD })).status, 400);
    });

    it('waits for its password in that browser only', async () => {
      const account = await people.account();
      await signInAs({ ...stranger, email: account.email });
      const other = createAgent(server.url);
      assert.equal((await other.get('/sign-in/link')).status, 400);
      assert.equal((await other.post('/sign-in/link', { password: PASSWORD })).status, 400);
      assert.deepEqual(await people.domain.identities.list(account.id), []);
    });

    it('links once when the password is sent twice at the same moment', async () => {
      const account = await people.account();
      const { agent } = await signInAs({ ...stranger, email: account.email });
      const pages = await Promise.all(
        [1, 2, 3].map(() => agent.post('/sign-in/link', { password: PASSWORD })),
      );
      assert.equal(pages.filter((page) => page.status === 303).length, 1);
      assert.equal((await people.domain.identities.list(account.id)).length, 1);
    });

    it('is linked by one cookie once', async () => {
      const account = await people.account();
      const { agent } = await signInAs({ ...stranger, email: account.email });
      const cookie = agent.cookie('latchkey_federated') ?? '';
      assert.equal((await agent.post('/sign-in/link', { password: PASSWORD })).status, 303);
      const [identity] = await people.domain.identities.list(account.id);
      await people.domain.identities.unlink({ accountId: account.id, id: identity?.id ?? '' }, operator);
      agent.setCookie('latchkey_federated', cookie);
      assert.equal((await agent.post('/sign-in/link', { password: PASSWORD })).status, 400);
      assert.deepEqual(await people.domain.identities.list(account.id), []);
    });

    it('without a password is not taken over', async () => {
      const email = `federated-${count}@example.com`;
      const account = await people.domain.accounts.create({ email, admin: false }, operator);
      const { agent, page } = await signInAs({ ...stranger, email });
      assert.equal(page.status, 409);
      assert.match(page.text, /signs in another way/);
      assert.ok(!(await isSignedIn(agent)));
      assert.deepEqual(await people.domain.identities.list(account.id), []);
    });

    it('of somebody whom an app brought is theirs by a new password, without what was made before', async () => {
      const email = `brought-${count}@example.com`;
      const wanted = { email, vouchedBy: 'svc_shop', admin: false };
      const account = await people.domain.accounts.create(wanted, operator);
      const token = { account, name: 'Old', scopes: ['profile'], expiresAt: people.domain.clock() + 9000 };
      const { value } = await people.domain.tokens.mint(token, operator);
      const { page } = await signInAs({ ...stranger, email });
      assert.equal(page.status, 409);
      assert.match(page.text, /Forgot your password/);
      const { url } = await people.domain.resets.linkFor(account, operator);
      const link = new URL(url);
      const agent = createAgent(link.origin);
      const shown = await agent.get(`${link.pathname}${link.search}`);
      const form = { token: link.searchParams.get('token') ?? '', password: PASSWORD };
      const revoke = /name="revoke" value="([^"]*)"[^>]* checked/.exec(shown.text)?.[1] ?? assert.fail();
      assert.equal((await agent.post('/reset-password', { ...form, revoke })).status, 303);
      assert.ok('refused' in (await people.domain.bearers.find(value)));
      assert.equal((await signInAs({ ...stranger, email })).page.location, '/sign-in/link');
    });

    for (const verified of [false, undefined, 'yes'] as const) {
      it(`counts for nothing when email_verified is ${JSON.stringify(verified)}`, async () => {
        const account = await people.account();
        for (const email of [account.email, stranger.email]) {
          const { email_verified: _, ...claims } = { ...stranger, email };
          const { agent, page } = await signInAs(
            verified === undefined ? claims : { ...claims, email_verified: verified },
          );
          assert.equal(page.status, 403);
          assert.match(page.text, /did not confirm your e-mail address/);
          assert.ok(!(await isSignedIn(agent)));
        }
        assert.equal(await accountOf(stranger.email), undefined);
        assert.deepEqual(await people.domain.identities.list(account.id), []);
      });
    }

    it('does not matter to who is linked already', async () => {
      await signInAs(stranger);
      const account = await people.account();
      const { agent, page } = await signInAs({ ...stranger, email: account.email, email_verified: false });
      assert.equal(page.location, '/tokens');
      assert.ok((await agent.get('/account')).text.includes(stranger.email));
    });

    it('is not read out of look-alikes', async () => {
      const account = await people.account();
      for (const email of [
        account.email.replace('@', '＠'),
        account.email.replace('p', 'ｐ'),
        account.email.replace('.com', '\u3002com'),
        account.email.replace('example', 'exam\u00adple'),
        account.email.replace('example', 'exam\u200bple'),
        `${account.email}.`,
      ]) {
        const { page } = await signInAs({ ...stranger, email });
        assert.equal(page.status, 403, email);
      }
    });

    it('ends the sign-ups of strangers that wait for it', async () => {
      await createAgent(server.url).post('/sign-up', {
        email: stranger.email,
        password: 'words of a stranger',
      });
      const link = new URL(linkIn(await mail.waitFor({ to: stranger.email, subject: 'Confirm' })));
      await signInAs(stranger);
      const token = link.searchParams.get('token') ?? '';
      const late = await createAgent(server.url).post('/verify-email', {
        token,
        password: 'words of a stranger',
      });
      assert.equal(late.status, 400);
      assert.equal((await accountOf(stranger.email))?.passwordHash, undefined);
    });

    it('of a suspended account lets nobody in (CVE-2026-9798)', async () => {
      await signInAs(stranger);
      const account = await accountOf(stranger.email);
      await people.domain.accounts.suspend(account?.id ?? '', operator);
      const { agent, page } = await signInAs(stranger);
      assert.equal(page.status, 403);
      assert.match(page.text, /suspended/);
      assert.ok(!(await isSignedIn(agent)));
    });
  });

  /** GHSA-x445-f3h2-j279, CVE-2025-46815, CVE-2026-55669. */
  describe('the callback', () => {
    it('is good once', async () => {
      const { agent, callback } = await signInAs(stranger);
      await agent.post('/sign-out', {});
      assert.equal((await agent.get(callback)).status, 400);
      const { page } = await signInAs(stranger);
      assert.equal(page.status, 303);
    });

    it('is good only in the browser that left, and only for the state that it left with', async () => {
      await google.behave({ person: stranger });
      const [victim, attacker] = [createAgent(server.url), createAgent(server.url)];
      const theirs = await fetch((await attacker.get('/sign-in/google')).location, { redirect: 'manual' });
      const callback = theirs.headers.get('location')?.slice(server.url.length) ?? '';
      assert.equal((await victim.get(callback)).status, 400);
      // The same with a sign-in of their own under way.
      await victim.get('/sign-in/google');
      assert.equal((await victim.get(callback)).status, 400);
      assert.ok(!(await isSignedIn(victim)));
      assert.equal((await victim.get('/sign-in/google/callback?code=x')).status, 400);
      assert.equal(await accountOf(stranger.email), undefined);
    });

    it('is good only for the state of this trip, even with a code of it', async () => {
      await google.behave({ person: stranger });
      const agent = createAgent(server.url);
      const answer = await fetch((await agent.get('/sign-in/google')).location, { redirect: 'manual' });
      const callback = new URL(answer.headers.get('location') ?? '');
      const right = callback.search;
      callback.searchParams.set('state', 'another');
      assert.equal((await agent.get(`${callback.pathname}${callback.search}`)).status, 400);
      assert.equal((await agent.get(`${callback.pathname}${right}`)).location, '/tokens');
    });

    it('is good for one trip, also with a second code and the cookie of the first', async () => {
      await google.behave({ person: stranger });
      const agent = createAgent(server.url);
      const left = await agent.get('/sign-in/google');
      const cookies = agent.cookies();
      assert.equal((await comeBack(agent, left)).page.location, '/tokens');
      const thief = createAgent(server.url);
      for (const [path, value] of Object.entries(cookies)) thief.setCookie(path.split(' ')[0] ?? '', value);
      assert.equal((await comeBack(thief, left)).page.status, 400);
      assert.ok(!(await isSignedIn(thief)));
    });

    it('is too late after ten minutes', async () => {
      await google.behave({ person: stranger });
      const agent = createAgent(server.url);
      const left = await agent.get('/sign-in/google');
      ahead += 601;
      assert.equal((await comeBack(agent, left)).page.status, 400);
      assert.equal(await accountOf(stranger.email), undefined);
    });

    const untrusted: Fault[] = [
      'wrong-iss',
      'wrong-response-iss',
      'wrong-aud',
      'wrong-nonce',
      'no-nonce',
      'alg-none',
      'alg-hs256',
      'expired',
      'bad-signature',
      'unknown-key',
    ];
    for (const fault of isFirst ? untrusted : untrusted.slice(0, 1)) {
      it(`refuses an answer with ${fault}`, async () => {
        await google.behave({ person: stranger, fault });
        const agent = createAgent(server.url);
        const { page } = await travel(agent);
        assert.equal(page.status, 400);
        assert.match(page.text, /cannot be trusted/);
        assert.ok(!(await isSignedIn(agent)));
        assert.equal(await accountOf(stranger.email), undefined);
      });
    }

    for (const fault of ['token-500', 'token-garbage'] as const) {
      it(`says that the provider did not answer when it has ${fault}`, async () => {
        await google.behave({ person: stranger, fault });
        const { page } = await travel(createAgent(server.url));
        assert.equal(page.status, 503);
        assert.ok(Number(page.headers.get('retry-after')) > 0);
        assert.match(page.text, /did not answer/);
      });
    }

    it('refuses a code that was not meant for this browser, and logs none', async () => {
      await google.behave({ person: stranger });
      const agent = createAgent(server.url);
      const left = await agent.get('/sign-in/google');
      const state = new URL(left.location).searchParams.get('state');
      const query = new URLSearchParams({ code: 'made-up-code', state: state ?? '', iss: google.issuer });
      const page = await agent.get(`/sign-in/google/callback?${query}`);
      assert.equal(page.status, 400);
      assert.match(page.text, /was not completed/);
      assert.ok(!server.logged().includes('made-up-code') && !server.logged().includes(state ?? ''));
    });

    it('refuses parameters that are sent twice', async () => {
      await google.behave({ person: stranger });
      const agent = createAgent(server.url);
      const left = await agent.get('/sign-in/google');
      const state = new URL(left.location).searchParams.get('state');
      const page = await agent.get(`/sign-in/google/callback?code=x&state=${state}&state=other`);
      assert.equal(page.status, 400);
    });
  });

  describe('proving oneself again with Google', () => {
    async function linkedAgent() {
      const { agent } = await signInAs(stranger);
      ahead += 301;
      const sent = await agent.get('/tokens/new');
      assert.equal(sent.location, '/sign-in?fresh=1&return_to=%2Ftokens%2Fnew');
      const form = await agent.get(sent.location);
      assert.doesNotMatch(form.text, /type="password"/);
      const start = /href="(\/sign-in\/google\?[^"]+)"/.exec(form.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
      return { agent, start };
    }
    it('asks the provider to ask, and goes on', async () => {
      const { agent, start } = await linkedAgent();
      await google.behave({ person: { ...stranger, auth_time: now() } });
      const { page } = await travel(agent, start);
      assert.equal(page.location, '/tokens/new');
      assert.equal((await agent.get('/tokens/new')).status, 200);
      const [seen] = await google.seen();
      assert.equal(seen?.authorize.prompt, 'login');
      assert.equal(seen?.authorize.max_age, '0');
      assert.equal(seen?.authorize.login_hint, stranger.email);
    });

    if (!isFirst) return;

    it('refuses when the provider did not ask', async () => {
      const { agent, start } = await linkedAgent();
      await google.behave({ person: { ...stranger, auth_time: now() - 3600 } });
      const { page } = await travel(agent, start);
      assert.equal(page.status, 403);
      assert.equal((await agent.get('/tokens/new')).status, 303);
    });

    it('refuses when the provider does not say that it did, or speaks of a time to come', async () => {
      const { agent, start } = await linkedAgent();
      for (const behaviour of [
        { person: stranger, keepsAuthTime: true },
        { person: { ...stranger, auth_time: (now() - 3600) * 1000 } },
      ]) {
        await google.behave(behaviour);
        const { page } = await travel(agent, start);
        assert.equal(page.status, 403);
        assert.match(page.text, /did not say when/);
        assert.equal((await agent.get('/tokens/new')).status, 303);
      }
    });

    it('is not done by signing in once more out of an old session there', async () => {
      const { agent } = await linkedAgent();
      for (const behaviour of [
        { person: { ...stranger, auth_time: now() - 3600 } },
        { person: stranger, keepsAuthTime: true },
        { person: { ...stranger, auth_time: (now() - 3600) * 1000 } },
      ]) {
        await google.behave(behaviour);
        const { page } = await travel(agent);
        assert.equal(page.location, '/tokens');
        assert.equal((await agent.get('/tokens/new')).status, 303);
      }
      assert.match((await google.seen())[0]?.authorize.claims ?? '', /"auth_time":{"essential":true}/);
    });

    it('is no later than now, whatever the provider says', async () => {
      const { agent } = await linkedAgent();
      await google.behave({ person: { ...stranger, auth_time: now() + 30 } });
      await travel(agent);
      assert.equal((await agent.get('/tokens/new')).status, 200);
      ahead += 301;
      assert.equal((await agent.get('/tokens/new')).status, 303);
    });

    it('refuses another person there, known here or not', async () => {
      const other = { sub: `other-${count}`, email: `other-${count}@example.com`, email_verified: true };
      await signInAs(other);
      const { agent, start } = await linkedAgent();
      for (const person of [other, { ...other, sub: `new-${count}`, email: stranger.email }]) {
        await google.behave({ person });
        const { page } = await travel(agent, start);
        assert.equal(page.status, 403);
        assert.match(page.text, /does not belong to the account/);
        assert.equal((await agent.get('/tokens/new')).status, 303);
      }
    });
  });

  describe('linking Google to an account', () => {
    it('is asked about, posted from our page, and done for who is signed in', async () => {
      const { account, agent } = await people.person();
      const ask = await agent.get('/sign-in/google?link=1');
      assert.equal(ask.status, 200);
      assert.match(ask.text, /whoever can sign in to that account can sign in to this one/);
      await google.behave({ person: { ...stranger, email_verified: false } });
      const left = await agent.post('/sign-in/google', { link: '1' });
      const { page } = await comeBack(agent, left);
      assert.equal(page.location, '/account?done=linked');
      assert.equal((await people.domain.identities.list(account.id)).length, 1);
      await mail.waitFor({ to: account.email, subject: 'can now sign in' });
    });

    it('is shown by the address there, or the subject where that is none', async () => {
      const { account, agent } = await people.person();
      for (const email of [`${'x'.repeat(9000)}@example.com`, 'Bank\r\n\r\nGo to http://evil.example']) {
        const sub = `${stranger.sub}-${email.length}`;
        await google.behave({ person: { sub, email, email_verified: true } });
        const { page } = await comeBack(agent, await agent.post('/sign-in/google', { link: '1' }));
        assert.equal(page.location, '/account?done=linked');
        const linked = await people.domain.identities.list(account.id);
        assert.equal(linked.find(({ subject }) => subject === sub)?.email, sub);
      }
    });

    it('is refused from elsewhere, without a fresh sign-in and when signed out', async () => {
      const { agent } = await people.person();
      const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
      assert.equal((await agent.post('/sign-in/google', { link: '1' }, foreign)).status, 403);
      ahead += 301;
      const old = await agent.post('/sign-in/google', { link: '1' });
      assert.match(old.location, /^\/sign-in\?fresh=1&return_to=/);
      const nobody = await createAgent(server.url).post('/sign-in/google', { link: '1' });
      assert.match(nobody.location, /^\/sign-in\?return_to=/);
    });

    it('is refused when the account there belongs to another one here', async () => {
      await signInAs(stranger);
      const { account, agent } = await people.person();
      await google.behave({ person: stranger });
      const { page } = await comeBack(agent, await agent.post('/sign-in/google', { link: '1' }));
      assert.equal(page.status, 409);
      assert.deepEqual(await people.domain.identities.list(account.id), []);
    });

    it('is refused when somebody else signed in on the way', async () => {
      const { account, agent } = await people.person();
      const other = await people.person();
      await google.behave({ person: stranger });
      const left = await agent.post('/sign-in/google', { link: '1' });
      await agent.post('/sign-in', { email: other.account.email, password: PASSWORD });
      const { page } = await comeBack(agent, left);
      assert.equal(page.status, 403);
      assert.deepEqual(await people.domain.identities.list(account.id), []);
      assert.deepEqual(await people.domain.identities.list(other.account.id), []);
    });
  });

  if (!isFirst) return;

  describe('a provider that is away', () => {
    it('is waited for five seconds, no longer', async (t) => {
      const waits = shortenTimeouts(t);
      await google.behave({ person: stranger, fault: 'token-never' });
      const { page } = await travel(createAgent(server.url));
      assert.equal(page.status, 503);
      assert.deepEqual([...new Set(waits)], [5000]);
    });

    it('is a page that says so, and is asked again by the next sign-in', async () => {
      const other = await startTestServer({
        storeUrl: await storeUrl(),
        settings: { google: google.settings },
      });
      try {
        await google.behave({ person: stranger, fault: 'discovery-500' });
        const agent = createAgent(other.url);
        const page = await agent.get('/sign-in/google?return_to=/apps');
        assert.equal(page.status, 503);
        assert.match(page.text, /127\.0\.0\.1 did not answer/);
        assert.match(page.text, /href="\/sign-in\?return_to=%2Fapps"/);
        await google.behave({ person: stranger });
        assert.equal((await agent.get('/sign-in/google')).status, 303);
      } finally {
        await other.stop();
      }
    });
  });

  it('has no pages where it is not set up', async () => {
    const other = await startTestServer({ storeUrl: await storeUrl() });
    try {
      const agent = createAgent(other.url);
      assert.doesNotMatch((await agent.get('/sign-in')).text, /Continue with/);
      for (const path of ['/sign-in/google', '/sign-in/google/callback', '/sign-in/link']) {
        assert.equal((await agent.get(path)).status, 404, path);
      }
    } finally {
      await other.stop();
    }
  });
});
