import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAgent } from '../support/browserless.ts';
import { textOf } from '../support/page-text.ts';
import { openPeople, PASSWORD, type People } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eachStore } from '../support/stores.ts';

eachStore(({ url: storeUrl, once }) => {
  let ahead = 0;

  /** A server on its first start, without an admin. */
  async function onFirstStart(
    work: (found: { server: TestServer; people: People; path: string; invitation: string }) => Promise<void>,
  ): Promise<void> {
    ahead = 0;
    const clock = () => Math.floor(Date.now() / 1000) + ahead;
    const server = await startTestServer({ storeUrl: await storeUrl(), clock });
    const people = await openPeople(server);
    const path = server.firstAdminLink?.slice(server.url.length) ?? '';
    const invitation = new URL(path, server.url).searchParams.get('invitation') ?? '';
    try {
      await work({ server, people, path, invitation });
    } finally {
      await people.close();
      await server.stop();
    }
  }

  describe('the link of the first admin', () => {
    once('says what came of it on the next page, once', () =>
      onFirstStart(async ({ server, path, invitation }) => {
        const agent = createAgent(server.url);
        assert.match((await agent.get(path)).text, /for 24 hours/);
        const email = 'root@example.com';
        const made = await agent.post('/sign-up', { email, password: PASSWORD, invitation });
        assert.match(textOf((await agent.get(made.location)).text), /You are the admin now/);
        assert.doesNotMatch((await agent.get(made.location)).text, /You are the admin now|<!-- notice/);
      }),
    );

    once('lives a day', () =>
      onFirstStart(async ({ server, people, path, invitation }) => {
        ahead = 24 * 3600 - 5;
        const agent = createAgent(server.url);
        assert.equal((await agent.get(path)).status, 200);
        ahead = 24 * 3600;
        const late = await agent.get(path);
        assert.equal(late.status, 400);
        assert.match(late.text, /too old: it is good for 24 hours.*Start the server again/s);
        const email = 'root@example.com';
        assert.equal((await agent.post('/sign-up', { email, password: PASSWORD, invitation })).status, 400);
        assert.equal(await people.domain.accounts.anyAdmin(), false);
      }),
    );

    it('takes an account that exists, for its password', () =>
      onFirstStart(async ({ server, people, invitation }) => {
        const account = await people.account();
        const agent = createAgent(server.url);
        const { email } = account;
        const wrong = await agent.post('/sign-up', { email, password: 'words of a stranger', invitation });
        assert.equal(wrong.status, 400);
        assert.match(wrong.text, /has an account already, and this is not its password/);
        assert.equal(await people.domain.accounts.anyAdmin(), false);
        const right = await agent.post('/sign-up', { email, password: PASSWORD, invitation });
        assert.equal(right.location, '/tokens');
        assert.equal((await people.domain.accounts.get(account.id))?.admin, true);
        const audit = await people.domain.rows.audit.list({
          where: [['accountId', '=', account.id]],
          limit: 50,
        });
        assert.ok(audit.some(({ action }) => action === 'account.promoted'));
      }));

    it('takes who is signed in, who is asked first', () =>
      onFirstStart(async ({ server, people, path, invitation }) => {
        const { account, agent } = await people.person();
        const ask = await agent.get(path);
        assert.match(textOf(ask.text), new RegExp(`${account.email} becomes the admin`));
        assert.equal((await people.domain.accounts.get(account.id))?.admin, false);
        const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
        assert.equal((await agent.post('/sign-up', { invitation, become: 'admin' }, foreign)).status, 403);
        const nobody = await createAgent(server.url).post('/sign-up', { invitation, become: 'admin' });
        assert.match(nobody.location, /^\/sign-in\?return_to=%2Fsign-up%3Finvitation/);
        const form_id = / name="form_id" value="([^"]+)"/.exec(ask.text)?.[1] ?? '';
        // The second post of a double click.
        for (const _ of [1, 2]) {
          const made = await agent.post('/sign-up', { invitation, become: 'admin', form_id });
          assert.equal(made.location, '/tokens');
        }
        assert.equal((await people.domain.accounts.get(account.id))?.admin, true);
        const other = await people.person();
        assert.equal((await other.agent.post('/sign-up', { invitation, become: 'admin' })).status, 400);
        assert.equal((await people.domain.accounts.get(other.account.id))?.admin, false);
      }));

    once('leads by way of signing in back to itself', () =>
      onFirstStart(async ({ server, path }) => {
        const page = await createAgent(server.url).get(path);
        const signIn = /href="(\/sign-in\?[^"]+)"/.exec(page.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
        assert.equal(new URL(signIn, server.url).searchParams.get('return_to'), path);
      }),
    );

    it('makes one admin of two at the same moment', () =>
      onFirstStart(async ({ people, invitation }) => {
        const two = [await people.person(), await people.person()];
        const pages = await Promise.all(
          two.map(({ agent }) => agent.post('/sign-up', { invitation, become: 'admin' })),
        );
        assert.deepEqual(pages.map(({ status }) => status).toSorted(), [303, 400]);
      }));

    once('that was cut off on its way is damaged, not used', () =>
      onFirstStart(async ({ server, path }) => {
        for (const damaged of [path.slice(0, -1), path.slice(0, -20), `${path}.`, '/sign-up?invitation']) {
          const page = await createAgent(server.url).get(damaged);
          assert.equal(page.status, 400, damaged);
          assert.match(page.text, /This link is damaged.*from the console/s);
        }
      }),
    );
  });
});
