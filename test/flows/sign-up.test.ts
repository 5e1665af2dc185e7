import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createAgent } from '../support/browserless.ts';
import { openPeople, PASSWORD } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { createKeptMail, linkIn } from '../support/smtp.ts';
import { eachStore } from '../support/stores.ts';
import { createThirdPartyApp } from '../support/third-party-app.ts';

eachStore(({ url: storeUrl }) => {
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

  /** The path of the link in the mail, as a browser would open it. */
  async function mailedPath(to: string, subject: string): Promise<string> {
    const link = linkIn(await mail.waitFor({ to, subject }));
    assert.ok(link.startsWith(`${server.url}/`), link);
    return link.slice(server.url.length);
  }

  const tokenIn = (path: string) => new URL(path, server.url).searchParams.get('token') ?? '';

  describe('signing up', () => {
    it('makes an account behind the mailed link, with the password that was chosen', async () => {
      const agent = createAgent(server.url);
      const email = 'ann@example.com';
      const asked = await agent.post('/sign-up', { email: ' Ann@Example.com ', password: PASSWORD });
      assert.equal(asked.location, '/sign-up?done=mailed');
      // People reload it while they wait.
      for (const _ of [1, 2]) {
        assert.match((await agent.get(asked.location)).text, /Look into your mailbox[\s\S]*Ann@Example\.com/);
      }
      assert.equal(await people.domain.accounts.findByEmail(email), undefined);

      const path = await mailedPath('Ann@example.com', 'Confirm your e-mail address');
      // Mail scanners follow links, some of them twice.
      await createAgent(server.url).get(path);
      assert.match((await agent.get(path)).text, /Type the password that you chose/);
      const wrong = await agent.post('/verify-email', { token: tokenIn(path), password: 'another phrase' });
      assert.equal(wrong.status, 400);
      assert.match(wrong.text, /not the password that was chosen/);
      const right = await agent.post('/verify-email', { token: tokenIn(path), password: PASSWORD });
      assert.equal(right.location, '/tokens');
      assert.equal((await agent.get('/tokens')).status, 200);

      assert.equal((await agent.get(path)).status, 400);
      await agent.post('/sign-out', {});
      assert.equal((await agent.get('/tokens')).location, '/sign-in?return_to=%2Ftokens');
      const back = await agent.post('/sign-in', { email: 'ANN@example.com', password: PASSWORD });
      assert.equal(back.location, '/tokens');
    });

    it('takes a name along, and says at its field when it cannot be one', async () => {
      const agent = createAgent(server.url);
      const email = 'named@example.com';
      const bad = await agent.post('/sign-up', { email, password: PASSWORD, name: 'evil\u202etxt' });
      assert.equal(bad.status, 400);
      assert.match(bad.text, /id="name-problem"/);
      await agent.post('/sign-up', { email, password: PASSWORD, name: ' Ann Other ' });
      const path = await mailedPath(email, 'Confirm your e-mail address');
      await agent.post('/verify-email', { token: tokenIn(path), password: PASSWORD });
      assert.equal((await people.domain.accounts.findByEmail(email))?.name, 'Ann Other');
    });

    it('answers the same for an address that has an account, and tells its owner', async () => {
      const account = await people.account();
      const known = await createAgent(server.url).post('/sign-up', {
        email: account.email,
        password: PASSWORD,
      });
      const unknown = await createAgent(server.url).post('/sign-up', {
        email: 'nobody-yet@example.com',
        password: PASSWORD,
      });
      assert.deepEqual(
        [known.status, known.location, known.text],
        [unknown.status, unknown.location, unknown.text],
      );
      const told = await mail.waitFor({ to: account.email, subject: 'already have an account' });
      assert.ok(told.text?.includes(`${server.url}/sign-in\n`));
      assert.doesNotMatch(`${told.text}${told.html}`, /token=/);
    });

    it('says at the field what is wrong, keeps the address and never the password', async () => {
      const agent = createAgent(server.url);
      const weak = await agent.post('/sign-up', { email: 'bob@example.com', password: 'iloveyou' });
      assert.equal(weak.status, 400);
      assert.match(weak.text, /tried first/);
      assert.match(weak.text, /value="bob@example.com"/);
      assert.ok(!weak.text.includes('iloveyou'));
      const noAddress = await agent.post('/sign-up', { email: 'bob at example', password: PASSWORD });
      assert.equal(noAddress.status, 400);
      assert.match(noAddress.text, /aria-invalid="true"/);
    });
  });

  describe('signing up inside an authorization', () => {
    async function waitingSignUp(email: string) {
      const account = await people.account();
      const { client } = await people.domain.apps.create(
        {
          account,
          name: 'Ledger',
          redirectUris: ['https://app.example.com/callback'],
          confidential: false,
          scopes: ['openid', 'wf:create_transaction'],
        },
        { kind: 'operator' },
      );
      const app = await createThirdPartyApp(server.url, { client });
      const { location } = await app.start({ scope: 'openid wf:create_transaction' });
      const agent = createAgent(server.url);
      const signIn = await agent.follow(`${location.pathname}${location.search}`);
      const signUpPath = /href="(\/sign-up\?[^"]+)"/.exec(signIn.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
      const form = await agent.get(signUpPath);
      const returnTo = /name="return_to" value="([^"]+)"/.exec(form.text)?.[1] ?? '';
      assert.match(returnTo, /^\/interaction\/[\w-]+\/continue$/);
      await agent.post('/sign-up', { email, password: PASSWORD, return_to: returnTo });
      return { agent, path: await mailedPath(email, 'Confirm your e-mail address') };
    }

    it('goes on with it in the browser that waits', async () => {
      const { agent, path } = await waitingSignUp('carol@example.com');
      const done = await agent.post('/verify-email', { token: tokenIn(path), password: PASSWORD });
      const consent = await agent.follow(done.location);
      assert.match(consent.text, /Ledger wants to use your/);
      assert.match(consent.text, /carol@example.com/);
    });

    it('only signs in in another one', async () => {
      const { path } = await waitingSignUp('dan@example.com');
      const other = createAgent(server.url);
      const done = await other.post('/verify-email', { token: tokenIn(path), password: PASSWORD });
      const page = await other.follow(done.location);
      assert.equal(page.status, 200);
      assert.equal(page.path, '/tokens');
    });
  });

  describe('the first admin', () => {
    it('is made by the printed link, once', async () => {
      const path = server.firstAdminLink?.slice(server.url.length) ?? '';
      const invitation = new URL(path, server.url).searchParams.get('invitation') ?? '';
      const agent = createAgent(server.url);
      assert.match((await agent.get(path)).text, /Make the first admin/);
      const forged = await agent.post('/sign-up', {
        email: 'eve@example.com',
        password: PASSWORD,
        invitation: `${invitation}x`,
      });
      assert.equal(forged.status, 400);
      assert.equal(await people.domain.accounts.findByEmail('eve@example.com'), undefined);
      const made = await agent.post('/sign-up', {
        email: 'root@example.com',
        password: PASSWORD,
        invitation,
      });
      assert.equal(made.location, '/tokens');
      assert.equal((await agent.get('/tokens')).status, 200);
      assert.equal((await people.domain.accounts.findByEmail('root@example.com'))?.admin, true);
      const again = await createAgent(server.url).post('/sign-up', {
        email: 'eve@example.com',
        password: PASSWORD,
        invitation,
      });
      assert.equal(again.status, 400);
      assert.equal((await agent.get(path)).status, 400);
      assert.equal(await people.domain.accounts.findByEmail('eve@example.com'), undefined);
      assert.ok(!server.logged().includes(invitation));
    });
  });
});
