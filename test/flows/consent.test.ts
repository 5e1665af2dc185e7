import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as oauth from 'openid-client';
import { textOf } from '../support/page-text.ts';
import { openPeople } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eachStore } from '../support/stores.ts';
import { createThirdPartyApp } from '../support/third-party-app.ts';

eachStore(({ url: storeUrl }) => {
  describe('the consent page', () => {
    let server: TestServer;
    let people: Awaited<ReturnType<typeof openPeople>>;
    let app: Awaited<ReturnType<typeof createThirdPartyApp>>;

    before(async () => {
      server = await startTestServer({ storeUrl: await storeUrl() });
      people = await openPeople(server);
      const account = await people.account();
      const { client } = await people.domain.apps.create(
        {
          account,
          name: 'Ledger',
          redirectUris: ['https://app.example.com/callback'],
          confidential: false,
          scopes: [
            'openid',
            'email',
            'wf:create_transaction',
            'data:transaction:read',
            'data:transaction:write',
          ],
        },
        { kind: 'operator' },
      );
      app = await createThirdPartyApp(server.url, { client });
    });
    after(async () => {
      await people.close();
      await server.stop();
    });

    it('has no words of the app’s own: an unknown scope goes back to the app before any page', async () => {
      const { agent } = await people.person();
      const { location } = await app.start({ scope: 'openid Latchkey_has_checked_this_app! email' });
      const page = await agent.get(`${location.pathname}${location.search}`);
      const answer = new URL(page.location).searchParams;
      assert.equal(answer.get('error'), 'invalid_scope');
      assert.match(answer.get('error_description') ?? '', /Latchkey_has_checked_this_app!/);
    });

    it('starts again when the app was changed while it waited, so that it shows what it grants', async () => {
      const developer = await people.person();
      const wanted = {
        account: developer.account,
        name: 'Shifty',
        redirectUris: ['https://app.example.com/callback', 'https://other.example.com/callback'],
        confidential: false,
        scopes: ['openid', 'wf:create_transaction'],
      };
      const { client } = await people.domain.apps.create(wanted, { kind: 'operator' });
      const shifty = await createThirdPartyApp(server.url, { client });
      const { agent } = await people.person();
      const change = (row: Partial<typeof client>) =>
        people.domain.rows.clients.update(client.id, { set: row });
      for (const changed of [
        { scopes: ['openid'] },
        { redirectUris: ['https://other.example.com/callback'] },
      ]) {
        const { location } = await shifty.start({ scope: 'openid wf:create_transaction' });
        const consent = await agent.get((await agent.get(`${location.pathname}${location.search}`)).location);
        const allow = /action="([^"]+\/allow)"/.exec(consent.text)?.[1] ?? '';
        await change(changed);
        assert.equal((await agent.get(consent.path)).status, 400);
        assert.equal((await agent.post(allow, {})).status, 400);
        await change({ scopes: wanted.scopes, redirectUris: wanted.redirectUris });
      }
    });

    it('names data apart from workflows, here and where a token is made', async () => {
      const { agent } = await people.person();
      const { location } = await app.start({
        scope: 'data:transaction:write openid data:transaction:read wf:create_transaction',
      });
      const { text } = await agent.follow(`${location.pathname}${location.search}`);
      const data =
        /(Know .*|Record a .*)(Know .*|Record a .*)With data, as far as you may yourself: Read .* Add, change and delete .* It keeps/;
      assert.match(textOf(text), data);
      const form = textOf((await agent.get('/tokens/new')).text);
      assert.match(
        form,
        /Workflows it may run .*Data, as far as you may yourself Read .*What else it may do/,
      );
    });

    it('says that access lasts until it is cut off, as it does without being asked for', async () => {
      const { agent } = await people.person();
      const { location } = await app.start({ scope: 'openid' });
      const page = await agent.follow(`${location.pathname}${location.search}`);
      assert.match(textOf(page.text), /keeps this access, also while you are away, until you cut it off/);
      const tokens = await app.connect(agent, { scope: 'openid' });
      await agent.post('/sign-out', {});
      assert.ok((await oauth.refreshTokenGrant(app.config, tokens.refresh_token ?? '')).access_token);
    });
  });
});
