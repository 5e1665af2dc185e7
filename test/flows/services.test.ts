import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Agent } from '../support/browserless.ts';
import { codeIn, secretIn, textOf } from '../support/page-text.ts';
import { siteOfBlock } from '../support/site.ts';
import { eachStore } from '../support/stores.ts';

eachStore(({ url: storeUrl, once }) => {
  describe('/services', () => {
    const site = siteOfBlock(storeUrl);

    const form = (wanted: Record<string, string | string[]> = {}) => ({
      name: 'Courier',
      scopes: ['wf:create_transaction', 'profile'],
      expires: '365',
      date: '',
      ...wanted,
    });

    async function create(agent: Agent, wanted: Record<string, string | string[]> = {}) {
      const page = await agent.make('/services/new', form(wanted));
      assert.equal(page.status, 200, textOf(page.text));
      const id = /svc_[0-9A-Za-z]{20}/.exec(page.text)?.[0] ?? '';
      return { page, id, secret: secretIn(page.text, 'lk_cs_') };
    }

    async function tokenFor(id: string, secret: string, how: 'basic' | 'post' = 'basic', scope = 'profile') {
      const basic = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
      const own = how === 'post' ? { client_id: id, client_secret: secret } : {};
      const response = await fetch(`${site.url}/oauth/token`, {
        method: 'POST',
        headers: how === 'basic' ? { authorization: basic } : {},
        body: new URLSearchParams({ grant_type: 'client_credentials', scope, ...own }),
      });
      const body = (await response.json()) as Record<string, string>;
      return { status: response.status, token: body.access_token ?? '', error: body.error };
    }

    const secretPaths = (html: string) => [
      ...new Set(html.match(/\/services\/svc_\w+\/secrets\/sec_\w+\/revoke/g) ?? []),
    ];

    once('says what to do first when there is none', async () => {
      const { agent } = await site.person();
      assert.match(textOf((await agent.get('/services')).text), /No services yet .*Make a service/);
    });

    for (const how of ['basic', 'post'] as const) {
      test(`makes a service that gets a token by client_secret_${how} and calls`, async () => {
        const { agent } = await site.person();
        const { page, id, secret } = await create(agent);
        assert.equal(page.headers.get('cache-control'), 'no-store');
        const { status, token } = await tokenFor(id, secret, how);
        assert.equal(status, 200);
        assert.equal(await site.callMe(token), 200);
        for (const path of ['/services', `/services/${id}`]) {
          const { text } = await agent.get(path);
          assert.ok(text.includes(id) && !text.includes(secret), path);
        }
        assert.match(
          textOf((await agent.get(`/services/${id}`)).text),
          /Secret 1 lk_cs_\w{4}…\w{4} in \d+ days/,
        );
        assert.ok(!site.logged().includes(secret));
      });
    }

    test('is paused and resumed: its secret and its tokens are refused from the very next call', async () => {
      const { agent } = await site.person();
      const { id, secret } = await create(agent);
      const { token } = await tokenFor(id, secret);
      assert.equal(await site.callMe(token), 200);

      const paused = await agent.post(`/services/${id}/pause`, {});
      assert.equal(paused.location, `/services/${id}?done=paused`);
      assert.deepEqual(
        [await site.callMe(token), (await tokenFor(id, secret)).error],
        [401, 'invalid_client'],
      );
      assert.match(
        textOf((await agent.get(paused.location)).text),
        /was paused\..*This service was paused .*Resume/,
      );
      assert.match(textOf((await agent.get('/services')).text), /Paused/);

      const stranger = await site.person();
      assert.equal((await stranger.agent.post(`/services/${id}/resume`, {})).status, 404);
      const resumed = await agent.post(`/services/${id}/resume`, {});
      assert.equal(resumed.location, `/services/${id}?done=resumed`);
      assert.deepEqual([await site.callMe(token), (await tokenFor(id, secret)).status], [200, 200]);
    });

    once('gives a curl line that gets a token as it stands', async () => {
      const { agent } = await site.person();
      const { page, id, secret } = await create(agent);
      const line = codeIn(page.text, 'Get an access token');
      assert.equal(
        line,
        [
          `curl -u '${id}:${secret}'`,
          '-d grant_type=client_credentials',
          `--data-urlencode 'scope=wf:create_transaction profile'`,
          `'${site.url}/oauth/token'`,
        ].join(' \\\n  '),
      );
      assert.ok(codeIn((await agent.get(`/services/${id}`)).text).includes(`${id}:THE_SECRET`));
    });

    test('adds a secret beside the first and revokes one without the other', async () => {
      const { agent } = await site.person();
      const { id, secret } = await create(agent);
      const { token } = await tokenFor(id, secret);
      const added = await agent.make(`/services/${id}/secrets/new`, {
        name: 'Second',
        expires: 'never',
        date: '',
      });
      const second = secretIn(added.text, 'lk_cs_');
      const { token: secondToken } = await tokenFor(id, second);
      const shown = (await agent.get(`/services/${id}`)).text;
      assert.equal(secretPaths(shown).length, 2);
      // The older one stands last.
      const path = secretPaths(shown).find((one) => shown.indexOf(one) > shown.indexOf('Secret 1')) ?? '';
      assert.match(
        textOf((await agent.get(path)).text),
        /Revoke the secret “Secret 1”\? .*other secrets go on/,
      );
      assert.equal((await agent.post(path, {})).location, `/services/${id}?done=secret-revoked`);
      assert.equal((await tokenFor(id, secret)).error, 'invalid_client');
      assert.equal(await site.callMe(token), 401);
      assert.equal((await tokenFor(id, second)).status, 200);
      assert.equal(await site.callMe(secondToken), 200);
      const last = secretPaths((await agent.get(`/services/${id}`)).text)[0] ?? '';
      assert.match(textOf((await agent.get(last)).text), /the only live one/);
    });

    test('rotates with an overlap, and without one', async () => {
      const { agent } = await site.person();
      const { id, secret } = await create(agent);
      const rotated = await agent.make(`/services/${id}/rotate`, { overlap: '3600' });
      const second = secretIn(rotated.text, 'lk_cs_');
      assert.match(
        textOf(rotated.text),
        /The older secrets end in 1 hour \([-\d]+ [\d:]+ UTC\) at the latest/,
      );
      assert.equal((await tokenFor(id, secret)).status, 200);
      assert.equal((await tokenFor(id, second)).status, 200);
      const again = await agent.make(`/services/${id}/rotate`, { overlap: '0' });
      const third = secretIn(again.text, 'lk_cs_');
      assert.match(textOf(again.text), /The older secrets are refused from now on/);
      for (const old of [secret, second]) assert.equal((await tokenFor(id, old)).error, 'invalid_client');
      assert.equal((await tokenFor(id, third)).status, 200);
      for (const overlap of ['', '-1', '1e9', '99999999', '2592001', 'x']) {
        assert.equal((await agent.post(`/services/${id}/rotate`, { overlap })).status, 400, overlap);
      }
    });

    test('revokes a service: its secrets and the tokens that it holds die at once', async () => {
      const { agent } = await site.person();
      const { id, secret } = await create(agent);
      const { token } = await tokenFor(id, secret);
      assert.equal(await site.callMe(token), 200);
      assert.match(
        textOf((await agent.get(`/services/${id}/revoke`)).text),
        /Revoke the service “Courier”\? .*In the last 30 days it made 1 call: GET \/api\/1\.1\/me once/,
      );
      assert.equal((await agent.post(`/services/${id}/revoke`, {})).location, '/services?done=revoked');
      assert.equal(await site.callMe(token), 401);
      assert.equal((await tokenFor(id, secret)).error, 'invalid_client');
      assert.match(
        textOf((await agent.get('/services')).text),
        /No live services .*Revoked services .*Courier/,
      );
      assert.match(textOf((await agent.get(`/services/${id}`)).text), /This service is revoked/);
      for (const path of ['secrets/new', 'rotate']) {
        assert.equal((await agent.get(`/services/${id}/${path}`)).status, 404);
        assert.equal((await agent.post(`/services/${id}/${path}`, { name: 'x', expires: '30' })).status, 404);
      }
    });

    once(
      'offers ordinary people neither the admin scope nor the app, and refuses them when forged (A9)',
      async () => {
        const { agent, account } = await site.person();
        const page = await agent.get('/services/new');
        assert.doesNotMatch(page.text, /value="admin|name="actsFor"|name="resourceServer"|name="reason"/);
        for (const [forged, status] of [
          [{ actsFor: 'app' }, 403],
          [{ resourceServer: 'yes' }, 403],
          [{ scopes: ['admin'], reason: 'x', expires: '30' }, 400],
          [{ scopes: ['admin:wf:issue_token'], reason: 'x', expires: '30' }, 400],
          [{ scopes: ['admin', 'profile'], actsFor: 'app', reason: 'x', expires: '30' }, 400],
        ] as const) {
          const answer = await agent.post('/services/new', form(forged as never));
          assert.equal(answer.status, status, JSON.stringify(forged));
          assert.doesNotMatch(answer.text, /lk_cs_\w{36}/);
        }
        assert.deepEqual(await site.domain.services.list(account.id), []);
      },
    );

    test('lets an admin make an admin service, with a reason and an end', async () => {
      const { agent, account } = await site.person({ admin: true });
      const wish = { scopes: ['admin'], actsFor: 'app', reason: 'Nightly import', expires: '90' };
      for (const [wrong, words] of [
        [{ reason: '' }, /needs a reason/],
        [{ expires: 'never' }, /must expire soon/],
        [{ expires: '180' }, /at most 90 days/],
        [{ actsFor: 'account' }, /does not fit/],
      ] as const) {
        const answer = await agent.post('/services/new', form({ ...wish, ...wrong }));
        assert.equal(answer.status, 400);
        assert.match(textOf(answer.text), words);
        assert.match(answer.text, /value="admin" checked/);
      }
      const none = await agent.post('/services/new', form({ scopes: ['admin'], name: '', expires: 'never' }));
      for (const words of [/A name is missing/, /needs a reason/, /must expire soon/]) {
        assert.match(textOf(none.text), words);
      }
      const { id } = await create(agent, wish);
      const page = textOf((await agent.get(`/services/${id}`)).text);
      assert.match(page, /The whole app Admin Reason Nightly import/);
      assert.doesNotMatch((await agent.get(`/services/${id}/secrets/new`)).text, /value="never"|value="365"/);
      assert.equal((await site.domain.services.list(account.id)).length, 1);
    });

    once('picks what goes with the admin scope where an admin chose nothing else', async () => {
      const { agent } = await site.person({ admin: true });
      const page = await agent.get('/services/new');
      assert.match(page.text, /<option value="90" selected>/);
      assert.match(page.text, /name="actsFor" value="" checked/);
      const admin = await create(agent, { scopes: ['admin'], actsFor: '', reason: 'Import', expires: '90' });
      assert.match(textOf((await agent.get(`/services/${admin.id}`)).text), /Reaches The whole app Admin/);
      const other = await create(agent, { name: 'Other', actsFor: '', expires: '90' });
      assert.match(textOf((await agent.get(`/services/${other.id}`)).text), /Reaches Your own data/);
    });

    once('lets an admin choose one workflow, or the reading of one type, as an admin', async () => {
      const { agent } = await site.person({ admin: true });
      const page = await agent.get('/services/new');
      assert.match(textOf(page.text), /Past privacy rules, as an admin .*Read the data “transaction”/);
      const wish = { scopes: ['admin:wf:issue_token', 'admin:data:transaction:read'], expires: '90' };
      const refused = await agent.post('/services/new', form({ ...wish, actsFor: '', reason: '' }));
      assert.match(textOf(refused.text), /needs a reason/);
      const { id, secret } = await create(agent, { ...wish, actsFor: '', reason: 'Logs in' });
      for (const wider of ['admin', 'admin:wf:create_transaction', 'admin:data:transaction:write']) {
        assert.equal((await tokenFor(id, secret, 'basic', wider)).error, 'invalid_scope', wider);
      }
      await site.callMe((await tokenFor(id, secret, 'basic', 'admin:wf:issue_token')).token);
      assert.match(
        textOf((await agent.get(`/services/${id}`)).text),
        /Used as an admin 1 time in the last 30 /,
      );
      assert.match(textOf((await agent.get(`/services/${id}`)).text), /The whole app Admin Reason Logs in/);
      const edit = await agent.get(`/services/${id}/edit`);
      assert.match(edit.text, /value="admin:wf:issue_token" checked/);
      assert.doesNotMatch(edit.text, /value="admin"|value="admin:wf:create_transaction"/);
    });

    once('lets an admin make a resource server, whose line asks about a token', async () => {
      const { agent } = await site.person({ admin: true });
      const { page, id, secret } = await create(agent, { scopes: [], resourceServer: 'yes' });
      const line = codeIn(page.text, 'Ask whether a token is good');
      assert.ok(line.includes(`curl -u '${id}:${secret}'`) && line.includes(`${site.url}/oauth/introspect`));
      const { id: other, secret: otherSecret } = await create(agent, { name: 'Other' });
      const { token } = await tokenFor(other, otherSecret);
      const response = await fetch(`${site.url}/oauth/introspect`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
        body: new URLSearchParams({ token }),
      });
      assert.equal(((await response.json()) as { active: boolean }).active, true);
    });

    once('asks for a fresh sign-in before it makes, adds or rotates', async () => {
      const { agent } = await site.person();
      const { id } = await create(agent);
      site.ahead = 301;
      try {
        for (const path of ['/services/new', `/services/${id}/secrets/new`, `/services/${id}/rotate`]) {
          assert.match((await agent.get(path)).location, /^\/sign-in\?fresh=1&/, path);
          const answer = await agent.post(path, form({ overlap: '0' }));
          assert.match(answer.location, /^\/sign-in\?fresh=1&/, path);
        }
        assert.equal((await agent.get(`/services/${id}`)).status, 200);
        assert.equal((await agent.post(`/services/${id}/revoke`, {})).status, 303);
      } finally {
        site.ahead = 0;
      }
    });
  });
});
