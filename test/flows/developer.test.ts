import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as oauth from 'openid-client';
import type { Agent } from '../support/browserless.ts';
import { secretIn, textOf } from '../support/page-text.ts';
import type { Person } from '../support/people.ts';
import { siteOfBlock } from '../support/site.ts';
import { eachStore } from '../support/stores.ts';
import { createThirdPartyApp } from '../support/third-party-app.ts';

const CALLBACK = 'https://app.example.com/callback';

eachStore(({ url: storeUrl, once }) => {
  describe('/developer', () => {
    const site = siteOfBlock(storeUrl);

    const form = (wanted: Record<string, string | string[]> = {}) => ({
      name: 'Planner',
      redirectUris: CALLBACK,
      scopes: ['openid', 'email', 'wf:create_transaction'],
      type: 'confidential',
      ...wanted,
    });

    async function register(developer: Person, wanted: Record<string, string | string[]> = {}) {
      const page = await developer.agent.make('/developer/new', form(wanted));
      const where = page.location === '' ? page.text : page.location;
      const id = /app_[0-9A-Za-z]{20}/.exec(where)?.[0] ?? assert.fail(textOf(page.text));
      const client = await site.domain.clients.get(id);
      assert.ok(client);
      const secret = page.location === '' ? secretIn(page.text, 'lk_cs_') : undefined;
      return { page, id, secret, client };
    }

    async function connect(made: Awaited<ReturnType<typeof register>>, agent: Agent) {
      const app = await createThirdPartyApp(site.url, made);
      return { app, tokens: await app.connect(agent) };
    }

    test('registers a confidential app, shows its secret once and what to configure', async () => {
      const developer = await site.person();
      assert.match(textOf((await developer.agent.get('/developer')).text), /No apps yet/);
      const { page, id, secret } = await register(developer);
      assert.equal(page.headers.get('cache-control'), 'no-store');
      const shown = await developer.agent.get(`/developer/${id}`);
      assert.ok(secret !== undefined && !shown.text.includes(secret));
      const text = textOf(shown.text);
      assert.ok(text.includes(`Issuer ${site.url} `));
      assert.ok(text.includes(`${site.url}/oauth/authorize`) && text.includes(`${site.url}/oauth/token`));
      assert.match(text, /Confidential, web/);
      assert.match(text, new RegExp(`Secret 1 lk_cs_${secret?.slice(6, 10)}…`));
    });

    once('registers a public native app, which has no secret', async () => {
      const developer = await site.person();
      const uris = 'com.example.planner:/callback\r\n\r\nhttp://127.0.0.1/cb\n';
      const { page, id } = await register(developer, { type: 'public', redirectUris: uris });
      assert.equal(page.location, `/developer/${id}?done=registered`);
      const shown = await developer.agent.get(page.location);
      assert.match(textOf(shown.text), /The app is ready\..*Public, native/);
      assert.doesNotMatch(shown.text, /\/rotate|\/secrets\/new/);
      assert.equal(
        (await developer.agent.post(`/developer/${id}/secrets/new`, { name: 'x', expires: '30' })).status,
        409,
      );
    });

    once('keeps what was typed when a redirect URI is refused, and says why (A7)', async () => {
      const developer = await site.person();
      for (const uri of [
        'javascript:alert(1)',
        'http://app.example.com/',
        'https://a.example/#x',
        'data:text/html,x',
      ]) {
        const redirectUris = `${CALLBACK}\n${uri}`;
        const page = await developer.agent.post('/developer/new', form({ redirectUris }));
        assert.equal(page.status, 400, uri);
        assert.match(textOf(page.text), /cannot be used/);
        assert.doesNotMatch(page.text, /href="(?:javascript|data):/);
        assert.match(page.text, /https:\/\/app\.example\.com\/callback\n/);
      }
      for (const wrong of [{ redirectUris: ' \n ' }, { name: '' }, { scopes: [] }, { scopes: ['admin'] }]) {
        assert.equal((await developer.agent.post('/developer/new', form(wrong as never))).status, 400);
      }
      const all = await developer.agent.post(
        '/developer/new',
        form({ name: '', redirectUris: 'x', scopes: [] }),
      );
      for (const words of [/A name is missing/, /cannot be used/, /No scope is chosen/]) {
        assert.match(textOf(all.text), words);
      }
      assert.deepEqual(await site.domain.apps.list(developer.account.id), []);
    });

    test('changes an app; a forged change of anything else does nothing', async () => {
      const developer = await site.person();
      const { id, secret } = await register(developer);
      const edit = await developer.agent.get(`/developer/${id}/edit`);
      assert.match(edit.text, new RegExp(`>\\n${CALLBACK}</textarea>`));
      assert.doesNotMatch(edit.text, /name="type"/);
      const wish = form({ name: 'Planner 2', redirectUris: 'http://localhost/cb', type: 'public' });
      const forged = {
        ...wish,
        accountId: 'acc_x',
        resourceServer: 'yes',
        skip_consent: 'true',
        kind: 'service',
      };
      const answer = await developer.agent.post(`/developer/${id}/edit`, forged);
      assert.equal(answer.location, `/developer/${id}?done=changed`);
      const client = await site.domain.clients.get(id);
      assert.deepEqual(
        [
          client?.name,
          client?.redirectUris,
          client?.applicationType,
          client?.confidential,
          client?.resourceServer,
        ],
        ['Planner 2', ['http://localhost/cb'], 'native', true, false],
      );
      assert.ok(await site.domain.clients.checkSecret(id, secret ?? ''));
      const bad = await developer.agent.post(
        `/developer/${id}/edit`,
        form({ redirectUris: 'vbscript://x/y' }),
      );
      assert.equal(bad.status, 400);
      assert.deepEqual((await site.domain.clients.get(id))?.redirectUris, ['http://localhost/cb']);
    });

    test('deletes an app: what people allowed it ends at once', async () => {
      const developer = await site.person();
      const user = await site.person();
      const made = await register(developer);
      const { app, tokens } = await connect(made, user.agent);
      const path = `/developer/${made.id}/delete`;
      assert.match(textOf((await developer.agent.get(path)).text), /Delete the app “Planner”\?/);
      assert.equal((await user.agent.post(path, {})).status, 404);
      assert.equal((await developer.agent.post(path, {})).location, '/developer?done=deleted');
      assert.equal(await site.callMe(tokens.access_token), 401);
      const refresh = oauth.refreshTokenGrant(app.config, tokens.refresh_token ?? '');
      await assert.rejects(refresh, { status: 401 });
      assert.match(textOf((await user.agent.get('/apps')).text), /No connected apps/);
      assert.equal((await developer.agent.get(`/developer/${made.id}`)).status, 404);
      const { location } = await app.start();
      const page = await user.agent.get(`${location.pathname}${location.search}`);
      assert.ok(page.status >= 400 && page.location === '', `${page.status} ${page.location}`);
    });

    test('rotates and revokes the secrets of an app', async () => {
      const developer = await site.person();
      const { id, secret = '' } = await register(developer);
      const rotated = await developer.agent.make(`/developer/${id}/rotate`, { overlap: '0' });
      const second = secretIn(rotated.text, 'lk_cs_');
      assert.equal(await site.domain.clients.checkSecret(id, secret), undefined);
      assert.ok(await site.domain.clients.checkSecret(id, second));
      const { text } = await developer.agent.get(`/developer/${id}`);
      const path = /\/developer\/app_\w+\/secrets\/sec_\w+\/revoke/.exec(text)?.[0] ?? '';
      assert.equal((await developer.agent.post(path, {})).location, `/developer/${id}?done=secret-revoked`);
      assert.equal(await site.domain.clients.checkSecret(id, second), undefined);
    });

    once('asks for a fresh sign-in before it registers, changes, deletes or rotates', async () => {
      const developer = await site.person();
      const { id } = await register(developer);
      site.ahead = 301;
      try {
        for (const path of ['new', `${id}/edit`, `${id}/delete`, `${id}/rotate`, `${id}/secrets/new`]) {
          assert.match(
            (await developer.agent.get(`/developer/${path}`)).location,
            /^\/sign-in\?fresh=1&/,
            path,
          );
          const answer = await developer.agent.post(`/developer/${path}`, form({ overlap: '0' }));
          assert.match(answer.location, /^\/sign-in\?fresh=1&/, path);
        }
        assert.equal((await site.domain.apps.list(developer.account.id)).length, 1);
      } finally {
        site.ahead = 0;
      }
    });
  });
});
