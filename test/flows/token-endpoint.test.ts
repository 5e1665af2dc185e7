import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as oauth from 'openid-client';
import type { Account } from '../../server/accounts/account.ts';
import type { RegisteredApp } from '../support/people.ts';
import { siteOfBlock } from '../support/site.ts';
import { eachStore } from '../support/stores.ts';
import { allow } from '../support/third-party-app.ts';

/* What the endpoints that programs call say to a developer whose request is refused, and what they tell of themselves. */

const operator = { kind: 'operator' } as const;
const CALLBACK = 'https://app.example.com/callback';

type Values = Record<string, string | undefined>;
type Body = Record<string, string>;

eachStore(({ url: storeUrl, isFirst }) => {
  describe('what programs call', () => {
    const site = siteOfBlock(storeUrl);

    async function post(path: string, values: Values, headers: Record<string, string> = {}) {
      const sent = Object.entries(values).filter((pair): pair is [string, string] => pair[1] !== undefined);
      const body = new URLSearchParams(sent).toString();
      const type = { 'content-type': 'application/x-www-form-urlencoded' };
      const response = await fetch(`${site.url}${path}`, {
        method: 'POST',
        headers: { ...type, ...headers },
        body,
      });
      return { status: response.status, body: (await response.json()) as Body };
    }

    async function service(scopes = ['profile', 'wf:create_transaction'], by?: Account) {
      const account = by ?? (await site.account());
      const wanted = { account, name: 'Robot', scopes, actsFor: 'account', resourceServer: false } as const;
      const made = await site.domain.services.create(wanted, operator);
      return { id: made.client.id, secret: made.secret.value, secretId: made.secret.credential.id };
    }

    const credentialsOf = ({ id, secret }: { id: string; secret: string }) => ({
      client_id: id,
      client_secret: secret,
    });

    async function code(of: RegisteredApp) {
      const { agent } = await site.person();
      const started = await of.start({ scope: 'openid' });
      const callback = await allow(agent, started.location);
      return {
        grant_type: 'authorization_code',
        code: callback.searchParams.get('code') ?? '',
        code_verifier: started.verifier,
        redirect_uri: CALLBACK,
        ...credentialsOf(of),
      };
    }

    const token = (values: Values, headers?: Record<string, string>) => post('/oauth/token', values, headers);

    describe('invalid_grant says which', () => {
      const wrong: [string, Values, RegExp][] = [
        ['an unknown code', { code: 'abc' }, /code is unknown/],
        ['another redirect URI', { redirect_uri: `${CALLBACK}/x` }, /redirect_uri is another one/],
        ['no verifier', { code_verifier: undefined }, /code_verifier is missing/],
        ['a wrong verifier', { code_verifier: 'x'.repeat(43) }, /does not belong to the code_challenge/],
      ];
      for (const [name, change, says] of wrong) {
        test(name, async () => {
          const request = await code(await site.app());
          const { status, body } = await token({ ...request, ...change });
          assert.deepEqual([status, body.error], [400, 'invalid_grant']);
          assert.match(body.error_description ?? '', says);
          assert.doesNotMatch(body.error_description ?? '', /["\\]|[^\x20-\x7e]/);
          assert.equal((await token(request)).status, 200, 'the code was not spent by it');
        });
      }

      test('a code that was used, and one that has expired', async (t) => {
        const ledger = await site.app();
        const used = await code(ledger);
        await token(used);
        assert.match((await token(used)).body.error_description ?? '', /used already/);
        const old = await code(ledger);
        t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 61_000 });
        assert.match((await token(old)).body.error_description ?? '', /has expired: it is good for 1 minute/);
      });

      test('a code of another client is as unknown as none, also to a public one', async () => {
        const request = await code(await site.app());
        const publicApp = await site.app({ confidential: false });
        const other = await site.app();
        for (const who of [credentialsOf(other), { client_id: publicApp.id, client_secret: undefined }]) {
          const foreign = (await token({ ...request, ...who })).body;
          const unknown = (await token({ ...request, ...who, code: 'abc' })).body;
          assert.deepEqual(foreign, unknown);
        }
        // Nothing of the code is told before the client is authenticated.
        const stranger = (await token({ ...request, client_secret: 'lk_cs_x' })).body;
        assert.equal(stranger.error, 'invalid_client');
        assert.doesNotMatch(stranger.error_description ?? '', /code/);
      });

      test('a refresh token that is unknown, used, or of an access that was ended', async (t) => {
        const ledger = await site.app();
        const { agent, account } = await site.person();
        const tokens = await ledger.connect(agent, { scope: 'openid' });
        const refresh = (value = '', more: Values = {}) =>
          token({ grant_type: 'refresh_token', refresh_token: value, ...credentialsOf(ledger), ...more });
        assert.match((await refresh('abc')).body.error_description ?? '', /refresh token is unknown/);
        const wider = await refresh(tokens.refresh_token, { scope: 'openid email' });
        assert.match(wider.body.error_description ?? '', /not given for: email/);
        const next = await oauth.refreshTokenGrant(ledger.config, tokens.refresh_token ?? '');
        const [grant] = await site.domain.grants.list(account.id);
        t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 6_000 });
        assert.match((await refresh(tokens.refresh_token)).body.error_description ?? '', /used already/);
        t.mock.timers.reset();
        assert.match(
          (await refresh(next.refresh_token)).body.error_description ?? '',
          /unknown, or was ended/,
        );
        assert.ok(grant);
      });
    });

    describe('invalid_client says which', () => {
      async function refused(of: { id: string; secret: string }, change: Values = {}) {
        const request = { grant_type: 'client_credentials', ...credentialsOf(of), ...change };
        const { status, body } = await token(request);
        assert.deepEqual([status, body.error], [401, 'invalid_client']);
        return body.error_description ?? '';
      }

      test('an unknown client, a wrong and a damaged secret, none at all', async () => {
        const robot = await service();
        assert.match(await refused(robot, { client_id: 'svc_unknown' }), /no client with this client_id/);
        assert.match(await refused(robot, { client_secret: 'wrong' }), /no client_secret of this client/);
        assert.match(await refused(robot, { client_secret: robot.secret.slice(0, -1) }), /cut off/);
        assert.match(await refused(robot, { client_secret: undefined }), /client_secret is missing/);
        const other = await service();
        assert.match(
          await refused(robot, { client_secret: other.secret }),
          /no client_secret of this client/,
        );
        const publicApp = await site.app({ confidential: false });
        assert.match(await refused(publicApp, { client_secret: 'x' }), /keeps no secret/);
      });

      test('no client at all, and an Authorization that says none, with its challenge', async () => {
        const nobody = await token({ grant_type: 'client_credentials' });
        assert.deepEqual([nobody.status, nobody.body.error], [401, 'invalid_client']);
        assert.match(nobody.body.error_description ?? '', /client_id is missing/);
        const encoded = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
        for (const authorization of ['Bearer lk_pat_x', 'Basic !', encoded('no-colon'), encoded('a:%zz')]) {
          const body = new URLSearchParams({ grant_type: 'client_credentials' });
          for (const path of ['/oauth/token', '/oauth/introspect', '/oauth/revoke']) {
            const init = { method: 'POST', headers: { authorization }, body };
            const answer = await fetch(`${site.url}${path}`, init);
            assert.equal(answer.status, 401, `${authorization} ${path}`);
            assert.match(answer.headers.get('www-authenticate') ?? '', /^Basic realm="/);
            assert.match(await answer.text(), /"invalid_client"/);
          }
        }
      });

      test('but not where the client stands in a place that nobody reads', async () => {
        const robot = await service();
        const sent = { grant_type: 'client_credentials', ...credentialsOf(robot) };
        const lost = await fetch(`${site.url}/oauth/token?${new URLSearchParams(sent)}`, { method: 'POST' });
        assert.equal(lost.status, 400);
        assert.match(await lost.text(), /"invalid_request".*Found in the address/);
      });

      test('in the challenge too, where the client came by HTTP Basic', async () => {
        const robot = await service();
        const authorization = `Basic ${Buffer.from(`${robot.id}:wrong`).toString('base64')}`;
        const body = new URLSearchParams({ grant_type: 'client_credentials' });
        const refusal = await fetch(`${site.url}/oauth/token`, {
          method: 'POST',
          headers: { authorization },
          body,
        });
        assert.match(
          refusal.headers.get('www-authenticate') ?? '',
          /^Basic realm="[^"]+", error="invalid_client", error_description="This is no client_secret of this client\."$/,
        );
      });

      test('a secret that was revoked, and one that has expired, only to who holds it', async () => {
        const owner = await site.account();
        const robot = await service(['profile'], owner);
        const other = await service();
        const set = { revokedAt: Math.floor(Date.now() / 1000) };
        await site.domain.rows.credentials.update(robot.secretId, { set });
        assert.match(await refused(robot), /was revoked/);
        assert.match(
          await refused(other, { client_secret: robot.secret }),
          /no client_secret of this client/,
        );
        const late = await service();
        await site.domain.rows.credentials.update(late.secretId, { set: { expiresAt: set.revokedAt - 1 } });
        assert.match(await refused(late), /has expired/);
        const basic = Buffer.from(`${late.id}:${late.secret}`).toString('base64');
        const answer = await token({ grant_type: 'client_credentials' }, { authorization: `Basic ${basic}` });
        assert.match(answer.body.error_description ?? '', /has expired/);
      });
    });

    describe('Basic with an empty secret', () => {
      const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });

      test('says the client_id alone, of an app that keeps no secret', async () => {
        const publicApp = await site.app({ confidential: false });
        const { client_id, client_secret, ...request } = await code(publicApp);
        const given = await token(request, basic(`${publicApp.id}:`));
        assert.equal(given.status, 200, JSON.stringify(given.body));
        const encoded = basic(`${publicApp.id.replace('_', '%5F')}:`);
        const { refresh_token } = given.body;
        const next = await token({ grant_type: 'refresh_token', refresh_token, client_id }, encoded);
        assert.equal(next.status, 200, JSON.stringify(next.body));
        const revoked = await post('/oauth/revoke', { token: next.body.refresh_token }, encoded);
        assert.equal(revoked.status, 200);
        const spent = await token(
          { grant_type: 'refresh_token', refresh_token: next.body.refresh_token },
          encoded,
        );
        assert.equal(spent.body.error, 'invalid_grant');
      });

      test('is no secret, and never another client', async () => {
        const robot = await service();
        const sent = new URLSearchParams({ grant_type: 'client_credentials' });
        const headers = basic(`${robot.id}:`);
        const refused = await fetch(`${site.url}/oauth/token`, { method: 'POST', headers, body: sent });
        assert.equal(refused.status, 401);
        assert.match(refused.headers.get('www-authenticate') ?? '', /^Basic realm=/);
        assert.match(await refused.text(), /client_secret is missing/);
        const publicApp = await site.app({ confidential: false });
        for (const text of [':', `${publicApp.id}:`, `${robot.id}%26client_id=x:`]) {
          const { body } = await token(
            { grant_type: 'client_credentials', client_id: robot.id },
            basic(text),
          );
          assert.equal(body.error, 'invalid_request', text);
        }
        const nobody = await token({ grant_type: 'client_credentials' }, basic(':'));
        assert.match(nobody.body.error_description ?? '', /empty client_secret/);
      });
    });

    test('userinfo names the address for a token without openid', async () => {
      const expiresAt = Math.floor(Date.now() / 1000) + 3600;
      const wanted = { account: await site.account(), name: 'Laptop', scopes: ['profile'], expiresAt };
      const { value } = await site.domain.tokens.mint(wanted, operator);
      const { body } = await post('/oauth/userinfo', {}, { authorization: `Bearer ${value}` });
      assert.equal(body.error, 'insufficient_scope');
      assert.match(body.error_description ?? '', /GET \/api\/1\.1\/me answers to every token/);
    });

    test('a secret by Basic and in the body at once is refused, in words', async () => {
      const robot = await service();
      const basic = Buffer.from(`${robot.id}:${robot.secret}`).toString('base64');
      const twice = { grant_type: 'client_credentials', ...credentialsOf(robot) };
      const { status, body } = await token(twice, { authorization: `Basic ${basic}` });
      assert.deepEqual([status, body.error], [400, 'invalid_request']);
      assert.match(body.error_description ?? '', /by HTTP Basic or in the body, not both/);
    });

    test('errors are JSON also for who likes HTML best', async () => {
      // What HttpURLConnection of Java says where a program says nothing.
      const accept = 'text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2';
      for (const path of ['/oauth/token', '/oauth/introspect', '/oauth/revoke', '/oauth/userinfo']) {
        const { body } = await post(path, { client_id: 'app_x', token: 'x', access_token: 'x' }, { accept });
        assert.match(body.error ?? '', /^invalid_(client|token)$/, path);
      }
      const unknown = await post('/oauth/token', { client_id: 'app_x' }, { accept });
      assert.match(unknown.body.error_description ?? '', /no client with this client_id/);
    });

    test('a resource that cannot be had names the one that can', async () => {
      const robot = await service();
      const wanted = { grant_type: 'client_credentials', resource: site.url, ...credentialsOf(robot) };
      const foreign = (await token(wanted)).body;
      assert.equal(foreign.error, 'invalid_target');
      assert.match(foreign.error_description ?? '', new RegExp(`has to be ${site.url}/api/1.1, or left out`));
      const late = await token({ ...(await code(await site.app())), resource: `${site.url}/api/1.1` });
      assert.match(late.body.error_description ?? '', /not in the authorization request/);
    });

    test('an authorization request of an unknown client says so on its page', async () => {
      const page = await fetch(`${site.url}/oauth/authorize?client_id=app_x&response_type=code`, {
        headers: { accept: 'text/html' },
      });
      assert.match(await page.text(), /There is no client with this client_id/);
    });

    test('an authorization request with a redirect URI that has a slash too many says so on its page', async () => {
      const { id } = await site.app();
      const wanted = { client_id: id, redirect_uri: `${CALLBACK}/`, response_type: 'code' };
      const page = await fetch(`${site.url}/oauth/authorize?${new URLSearchParams(wanted)}`, {
        headers: { accept: 'text/html' },
      });
      assert.match(await page.text(), /none that is registered for this app.*a slash at the end too/);
    });

    if (isFirst)
      describe('a misplaced parameter is named', () => {
        for (const path of ['/oauth/token', '/oauth/introspect', '/oauth/revoke']) {
          test(`at ${path}`, async () => {
            const robot = await service();
            const query = new URLSearchParams({ client_id: robot.id, client_secret: robot.secret });
            const lost = await post(`${path}?${query}`, { grant_type: 'client_credentials', token: 'x' });
            assert.match(lost.body.error_description ?? '', /in the address: client_secret, client_id/);
            assert.ok(!JSON.stringify(lost.body).includes(robot.secret));
            const json = await fetch(`${site.url}${path}`, {
              method: 'POST',
              headers: { 'content-type': 'application/json' },
              body: JSON.stringify({ grant_type: 'client_credentials', ...credentialsOf(robot) }),
            });
            assert.match(await json.text(), /body is JSON. Send a form/);
            const bare = await fetch(`${site.url}${path}`, { method: 'POST', body: Buffer.from('token=x') });
            assert.match(await bare.text(), /Content-Type is missing/);
            const bearer = await post(path, { token: 'x' }, { authorization: `Bearer ${robot.secret}` });
            assert.match(bearer.body.error_description ?? '', /has to be the word Basic/);
          });
        }

        test('grant_type of another kind of client is unauthorized_client', async () => {
          const app = await site.app();
          const other = await token({ grant_type: 'client_credentials', ...credentialsOf(app) });
          assert.deepEqual([other.status, other.body.error], [400, 'unauthorized_client']);
          assert.match(other.body.error_description ?? '', /may use authorization_code, refresh_token/);
        });

        test('grant_type, and a code, in the query', async () => {
          const robot = await service();
          const lost = await token({ ...credentialsOf(robot) });
          assert.match(lost.body.error_description ?? '', /grant_type/);
          const query = await post('/oauth/token?grant_type=client_credentials&code=x', credentialsOf(robot));
          assert.match(query.body.error_description ?? '', /in the address: grant_type, code/);
          const password = await token({ ...credentialsOf(robot), grant_type: 'password' });
          assert.match(password.body.error_description ?? '', /client_credentials/);
        });
      });

    if (isFirst)
      describe('the scopes of a service', () => {
        const wrong: [string, string, RegExp][] = [
          ['an unknown one', 'profile calendar', /calendar/],
          ['one that it was not given', 'openid', /openid/],
          ['admin', 'admin', /admin/],
          ['commas', 'profile,wf:create_transaction', /separated by spaces/],
          ['nothing that is known', 'nonsense', /nonsense/],
          ['two spaces', 'profile  wf:create_transaction', /single spaces/],
        ];
        for (const [name, scope, says] of wrong) {
          test(`${name}: invalid_scope, and never a token without a scope`, async () => {
            const { status, body } = await token({
              grant_type: 'client_credentials',
              scope,
              ...credentialsOf(await service()),
            });
            assert.deepEqual([status, body.error, body.access_token], [400, 'invalid_scope', undefined]);
            assert.match(body.error_description ?? '', says);
          });
        }

        test('a secret in the place of one is neither said back nor logged', async () => {
          const { id, secret } = await service();
          const values = { grant_type: 'client_credentials', ...credentialsOf({ id, secret }) };
          const { body } = await token({ ...values, scope: secret });
          assert.equal(body.error, 'invalid_scope');
          assert.ok(!JSON.stringify(body).includes(secret.slice(6)), JSON.stringify(body));
          assert.ok(!site.logged().includes(secret.slice(6)));
        });

        test('are all it has where none is named, and for a resource', async () => {
          const robot = await service();
          const values = { grant_type: 'client_credentials', ...credentialsOf(robot) };
          for (const more of [{}, { scope: '' }, { resource: `${site.url}/api/1.1` }]) {
            assert.equal((await token({ ...values, ...more })).body.scope, 'wf:create_transaction profile');
          }
          const narrow = await token({ ...values, resource: `${site.url}/api/1.1`, scope: 'wf:nothing' });
          assert.equal(narrow.body.error, 'invalid_scope');
        });

        test('that are all gone leave it without tokens, and say so', async () => {
          const robot = await service();
          await site.domain.rows.clients.update(robot.id, { set: { scopes: ['wf:gone'] } });
          const { body } = await token({ grant_type: 'client_credentials', ...credentialsOf(robot) });
          assert.match(body.error_description ?? '', /it has no scope, or none that is still there/);
        });
      });

    test('introspection names the service as the subject of its token', async () => {
      const admin = await site.account({ admin: true });
      const wanted = {
        account: admin,
        name: 'Warehouse',
        scopes: [],
        actsFor: 'app',
        resourceServer: true,
      } as const;
      const asking = await site.domain.services.create(wanted, operator);
      const robot = await service();
      const given = await token({ grant_type: 'client_credentials', ...credentialsOf(robot) });
      const about = {
        client_id: asking.client.id,
        client_secret: asking.secret.value,
        token: given.body.access_token,
      };
      const told = (await post('/oauth/introspect', about)).body;
      assert.deepEqual([told.active, told.sub, told.client_id], [true, robot.id, robot.id]);
    });

    if (isFirst)
      test('the metadata name what can be had, and nothing that cannot', async () => {
        for (const path of ['openid-configuration', 'oauth-authorization-server']) {
          const response = await fetch(`${site.url}/.well-known/${path}`);
          const metadata = (await response.json()) as Record<string, unknown>;
          const data = ['data:transaction:read', 'data:transaction:write'];
          const wanted = ['wf:create_transaction', ...data, 'profile', 'openid', 'email', 'offline_access'];
          assert.deepEqual([...(metadata.scopes_supported as string[])].sort(), wanted.sort());
          const withSecret = ['client_secret_basic', 'client_secret_post'];
          assert.deepEqual(metadata.introspection_endpoint_auth_methods_supported, withSecret);
          assert.deepEqual(metadata.revocation_endpoint_auth_methods_supported, [...withSecret, 'none']);
          assert.equal(metadata.service_documentation, `${site.url}/developer`);
          assert.deepEqual(metadata.acr_values_supported, ['pwd', 'fed']);
          const algorithms = Object.entries(metadata).filter(([name]) => name.includes('_alg_'));
          assert.deepEqual(algorithms, [['id_token_signing_alg_values_supported', ['RS256']]]);
          const claims = metadata.claims_supported as string[];
          for (const claim of [
            'sub',
            'email',
            'email_verified',
            'name',
            'preferred_username',
            'updated_at',
            'acr',
            'amr',
          ]) {
            assert.ok(claims.includes(claim), claim);
          }
        }
      });
  });
});
