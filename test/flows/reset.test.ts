import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createAgent } from '../support/browserless.ts';
import { openPeople, PASSWORD, type Person } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { createKeptMail, linkIn } from '../support/smtp.ts';
import { eachStore } from '../support/stores.ts';
import { createThirdPartyApp } from '../support/third-party-app.ts';

const NEW_PASSWORD = 'seven words nobody else would choose';

eachStore(({ url: storeUrl, once }) => {
  let server: TestServer;
  let people: Awaited<ReturnType<typeof openPeople>>;
  let mail: ReturnType<typeof createKeptMail>;
  before(async () => {
    server = await startTestServer({ storeUrl: await storeUrl() });
    people = await openPeople(server);
    mail = createKeptMail(server.mailFolder);
  });
  after(async () => {
    await people.close();
    await server.stop();
  });

  async function mailedLink(email: string): Promise<{ path: string; token: string }> {
    const link = new URL(linkIn(await mail.waitFor({ to: email, subject: /password for/ })));
    assert.equal(link.origin, server.url);
    return { path: `${link.pathname}${link.search}`, token: link.searchParams.get('token') ?? '' };
  }

  const ask = (email: string, returnTo = '') =>
    createAgent(server.url).post('/reset-password', { email, return_to: returnTo });

  /** Everything through which this person, or an app in their name, can act. */
  async function access({ account, agent }: Person) {
    const token = await people.domain.tokens.mint(
      { account, name: 'tool', scopes: ['profile'], expiresAt: people.domain.clock() + 86_400 },
      { kind: 'operator' },
    );
    const { client } = await people.domain.apps.create(
      {
        account,
        name: 'Ledger',
        redirectUris: ['https://app.example.com/callback'],
        confidential: false,
        scopes: ['openid', 'email', 'profile', 'wf:create_transaction'],
      },
      { kind: 'operator' },
    );
    const tokens = await (await createThirdPartyApp(server.url, { client })).connect(agent);
    const callMe = async (value: string) =>
      (await fetch(`${server.url}/api/1.1/me`, { headers: { authorization: `Bearer ${value}` } })).status;
    return {
      session: async () => (await agent.get('/tokens')).status === 200,
      token: async () => (await callMe(token.value)) !== 401,
      app: async () => (await callMe(tokens.access_token)) !== 401,
    };
  }

  describe('a forgotten password', () => {
    it('is replaced behind the mailed link, once, and signs out everywhere', async () => {
      const person = await people.person();
      const can = await access(person);
      assert.equal((await ask(person.account.email)).location, '/reset-password?done=mailed');
      const { path, token } = await mailedLink(person.account.email);
      await createAgent(server.url).get(path);
      const agent = createAgent(server.url);
      assert.match((await agent.get(path)).text, /Revoke my tokens, services and connected apps too/);
      const weak = await agent.post('/reset-password', { token, password: 'short' });
      assert.equal(weak.status, 400);
      const done = await agent.post('/reset-password', { token, password: NEW_PASSWORD });
      assert.equal(done.location, '/tokens');
      assert.equal((await agent.get('/tokens')).status, 200);
      assert.deepEqual([await can.session(), await can.token(), await can.app()], [false, true, true]);

      const again = await agent.post('/reset-password', { token, password: PASSWORD });
      assert.equal(again.status, 400);
      assert.match(again.text, /used already, or is too old/);
      const old = await agent.post('/sign-in', { email: person.account.email, password: PASSWORD });
      assert.equal(old.status, 400);
      const told = await mail.waitFor({ to: person.account.email, subject: 'was changed' });
      assert.match(told.text ?? '', /If it was not you/);
      assert.ok(!server.logged().includes(token));
    });

    it('takes tokens and connected apps along where that is wanted', async () => {
      const person = await people.person();
      const can = await access(person);
      await ask(person.account.email);
      const { token } = await mailedLink(person.account.email);
      await createAgent(server.url).post('/reset-password', { token, password: NEW_PASSWORD, revoke: 'yes' });
      assert.deepEqual([await can.session(), await can.token(), await can.app()], [false, false, false]);
    });

    once('is asked for with the same answer for an address that nobody has', async () => {
      const account = await people.account();
      const known = await ask(account.email);
      const unknown = await ask('nobody@example.com');
      assert.deepEqual(
        [known.status, known.location, known.text],
        [unknown.status, unknown.location, unknown.text],
      );
    });

    it('that was asked for just before the server stops is not lost', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'latchkey-test-'));
      const options = { storeUrl: await storeUrl(), keepFolder: folder };
      const stopping = await startTestServer(options);
      const others = await openPeople(stopping);
      const { email } = (await others.person()).account;
      await others.close();
      await createAgent(stopping.url).post('/reset-password', { email });
      await stopping.stop();
      const again = await startTestServer(options);
      try {
        await createKeptMail(again.mailFolder).waitFor({ to: email, subject: /password for/ });
      } finally {
        await again.stop();
        await rm(folder, { recursive: true, force: true });
      }
    });

    once('comes back to the authorization that it was asked for in', async () => {
      const account = await people.account();
      const { client } = await people.domain.apps.create(
        {
          account,
          name: 'Ledger',
          redirectUris: ['https://app.example.com/callback'],
          confidential: false,
          scopes: ['openid'],
        },
        { kind: 'operator' },
      );
      const { location } = await (await createThirdPartyApp(server.url, { client })).start({
        scope: 'openid',
      });
      const agent = createAgent(server.url);
      const form = await agent.follow(`${location.pathname}${location.search}`);
      const uid = /\/interaction\/([\w-]+)\//.exec(form.text)?.[1];
      await agent.post('/reset-password', {
        email: account.email,
        return_to: `/interaction/${uid}/continue`,
      });
      const { token } = await mailedLink(account.email);
      const done = await agent.post('/reset-password', { token, password: NEW_PASSWORD });
      assert.equal(done.location, `/interaction/${uid}/continue`);
      assert.match((await agent.follow(done.location)).text, /Ledger wants to use your/);
    });

    it('is for people who only sign in elsewhere too', async () => {
      const email = 'elsewhere@example.com';
      await people.domain.accounts.create({ email, admin: false }, { kind: 'operator' });
      await ask(email);
      const { path, token } = await mailedLink(email);
      const agent = createAgent(server.url);
      assert.match((await agent.get(path)).text, /Set a password/);
      await agent.post('/reset-password', { token, password: NEW_PASSWORD });
      const signedIn = await createAgent(server.url).post('/sign-in', { email, password: NEW_PASSWORD });
      assert.equal(signedIn.location, '/tokens');
    });
  });
});
