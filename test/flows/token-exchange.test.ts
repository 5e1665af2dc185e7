import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { ADMIN_SECRET_DAYS_MAX, ISSUED_NAMES_MAX } from '../../server/ground/limits.ts';
import { DAY_SECONDS } from '../../server/ground/time.ts';
import { startGoogle, type TestGoogle, type WantedIdToken } from '../support/google.ts';
import { openPeople, type People } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eachStore } from '../support/stores.ts';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const MOBILE = 'mobile-app.example';

type Service = { id: string; secret: string };
type Answer = { status: number; headers: Headers; body: Record<string, unknown>; text: string };

/** It is said as of when the token was written, a moment after it was asked for. */
function assertLife(seconds: unknown, wanted: number): void {
  assert.ok(Number(seconds) <= wanted && Number(seconds) > wanted - 60, String(seconds));
}

eachStore(({ engine, isFirst, url }) => {
  describe(`token exchange (${engine})`, () => {
    let google: TestGoogle;
    let server: TestServer;
    /** Another process of the same store. */
    let twin: TestServer;
    let people: People;
    let service: Service;
    let count = 0;
    let person: { sub: string; email: string; email_verified: boolean; name: string };
    before(async () => {
      google = await startGoogle();
      const storeUrl = await url();
      const settings = { google: { ...google.settings, audiences: [MOBILE] } };
      server = await startTestServer({ storeUrl, settings });
      twin = await startTestServer({ storeUrl, settings, keepFolder: server.dataFolder });
      people = await openPeople(server);
      service = await makeService(['admin:wf:issue_token']);
    });
    after(async () => {
      await people.close();
      await twin.stop();
      await server.stop();
      await google.stop();
    });
    beforeEach(() => {
      count += 1;
      const email = `newcomer-${count}@example.com`;
      person = { sub: `sub-${count}`, email, email_verified: true, name: 'New Comer' };
    });

    async function makeService(scopes: string[], isAdmin = true): Promise<Service & { owner: string }> {
      const account = await people.account({ admin: isAdmin });
      const made = await people.domain.services.create(
        {
          account,
          name: 'Mobile back end',
          scopes,
          actsFor: isAdmin ? 'app' : 'account',
          resourceServer: false,
          reason: 'Signs people in',
          expiresAt: Math.floor(Date.now() / 1000) + (ADMIN_SECRET_DAYS_MAX - 1) * DAY_SECONDS,
        },
        { kind: 'operator' },
      );
      return { id: made.client.id, secret: made.secret.value, owner: account.id };
    }

    const now = () => Math.floor(Date.now() / 1000);

    /** An ID token as Google gives it to our own client, but for what is said otherwise. */
    function idToken(
      claims: Record<string, unknown> = {},
      how: Omit<WantedIdToken, 'claims'> = {},
    ): Promise<string> {
      const usual = { iss: google.issuer, aud: google.settings.clientId, iat: now(), exp: now() + 3600 };
      return google.sign({ claims: { ...usual, ...person, ...claims }, ...how });
    }

    async function post(
      sent: Record<string, string>,
      { as = service, at = server }: { as?: Service | undefined; at?: TestServer } = {},
    ): Promise<Answer> {
      const headers = { Authorization: `Basic ${btoa(`${as.id}:${as.secret}`)}` };
      const body = new URLSearchParams(sent);
      const response = await fetch(`${at.url}/oauth/token`, { method: 'POST', body, headers });
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: JSON.parse(text), text };
    }

    const exchange = (token: string, more: Record<string, string> = {}, options = {}): Promise<Answer> =>
      post({ grant_type: EXCHANGE, subject_token: token, subject_token_type: ID_TOKEN, ...more }, options);

    async function me(token: unknown) {
      const response = await fetch(`${server.url}/api/1.1/me`, {
        headers: { Authorization: `Bearer ${token}` },
      });
      return {
        status: response.status,
        body: (await response.json()) as {
          response: { account: { email: string }; token: { name: string; scopes: string[] } };
        },
      };
    }

    test('gives a token of the person, made as issue_token makes it, in the shape of RFC 8693', async () => {
      const { status, body, headers } = await exchange(await idToken());
      assert.equal(status, 200, JSON.stringify(body));
      const { access_token, expires_in, ...rest } = body;
      assertLife(expires_in, 90 * DAY_SECONDS);
      assert.match(String(access_token), /^lk_pat_/);
      assert.deepEqual(rest, {
        issued_token_type: ACCESS_TOKEN,
        token_type: 'Bearer',
        scope: 'wf:create_transaction data:transaction:read data:transaction:write profile',
      });
      assert.equal(headers.get('cache-control'), 'no-store');
      const { response } = (await me(access_token)).body;
      assert.equal(response.account.email, person.email);
      assert.equal(response.token.name, 'Mobile back end');
      const account = await people.domain.accounts.findByEmail(person.email);
      assert.equal(account?.name, 'New Comer');
      const [token] = await people.domain.tokens.list(account?.id ?? '');
      assert.equal(token?.issuedBy, service.id);
    });

    test('the next one replaces it, under one name, and the person is mailed about the first only', async () => {
      const first = await exchange(await idToken(), { name: 'Their phone' });
      const second = await exchange(await idToken({ iat: now() - 1 }), {
        name: 'Their phone',
        overlap: '60',
      });
      // In its overlap.
      assert.equal((await me(first.body.access_token)).status, 200);
      const third = await exchange(await idToken({ iat: now() - 2 }), {
        name: 'Their phone',
        scope: 'profile',
        expires_in: '3600',
      });
      assert.deepEqual([first.status, second.status, third.status], [200, 200, 200]);
      assert.equal(third.body.scope, 'profile');
      assertLife(third.body.expires_in, 3600);
      const mails = await people.domain.rows.outbox.list({ where: [['to', '=', person.email]], limit: 10 });
      assert.equal(mails.length, 1);
      assert.equal((await me(first.body.access_token)).status, 401);
      assert.equal((await me(second.body.access_token)).status, 401);
      assert.equal((await me(third.body.access_token)).status, 200);
    });

    test('an ID token is good once: of two processes, and of many requests at once', async () => {
      const token = await idToken();
      const answers = await Promise.all(
        [server, twin, server, twin, server, twin].map((at) => exchange(token, {}, { at })),
      );
      const given = answers.filter(({ status }) => status === 200);
      assert.equal(given.length, 1);
      for (const { status, body } of answers.filter((one) => !given.includes(one))) {
        assert.deepEqual([status, body.error], [400, 'invalid_grant']);
        assert.match(String(body.error_description), /was exchanged before/);
      }
      assert.equal((await exchange(token)).status, 400);
      assert.equal((await me(given[0]?.body.access_token)).status, 200);
    });

    test('two tokens of one newcomer at once make one account', async () => {
      const [one, other] = await Promise.all([
        exchange(await idToken(), { name: 'a' }),
        exchange(await idToken({ iat: now() - 1 }), { name: 'b' }, { at: twin }),
      ]);
      assert.deepEqual([one.status, other.status], [200, 200], `${one.text} ${other.text}`);
      const account = await people.domain.accounts.findByEmail(person.email);
      assert.equal((await people.domain.tokens.list(account?.id ?? '')).length, 2);
    });

    test('who is known is found by issuer and subject, whatever the address says by now', async () => {
      await exchange(await idToken());
      const { status, body } = await exchange(
        await idToken({ email: 'other@example.com', email_verified: false }),
      );
      assert.equal(status, 200);
      assert.equal((await me(body.access_token)).body.response.account.email, person.email);
    });

    test('a suspended account gets none, and what it was refused for is not spent', async () => {
      await exchange(await idToken());
      const account = await people.domain.accounts.findByEmail(person.email);
      await people.domain.accounts.suspend(account?.id ?? '', { kind: 'operator' });
      const token = await idToken({ iat: now() - 1 });
      const { status, body } = await exchange(token);
      assert.deepEqual([status, body.error], [400, 'invalid_grant']);
      assert.match(String(body.error_description), /suspended/);
      await people.domain.accounts.restore(account?.id ?? '', { kind: 'operator' });
      assert.equal((await exchange(token)).status, 200);
    });

    test('an address that belongs to somebody here is nobody else’s', async () => {
      const owner = await people.account();
      const { status, body } = await exchange(await idToken({ email: owner.email.toUpperCase() }));
      assert.deepEqual([status, body.error], [400, 'invalid_grant']);
      assert.match(String(body.error_description), /address already, which is not linked to this identity/);
      assert.equal((await people.domain.tokens.list(owner.id)).length, 0);
    });

    test('no more names than ten, and the token is not spent by that', async () => {
      await exchange(await idToken(), { name: 'name 0' });
      const account = await people.domain.accounts.findByEmail(person.email);
      assert.ok(account);
      for (let n = 1; n < ISSUED_NAMES_MAX; n += 1) {
        const wanted = {
          account,
          service: { id: service.id, name: '' },
          name: `name ${n}`,
          replace: true,
          overlapSeconds: 0,
          scopes: ['profile'],
          expiresAt: now() + 3600,
        };
        await people.domain.tokens.issue(wanted, { kind: 'client', id: service.id });
      }
      const token = await idToken({ iat: now() - 1 });
      const full = await exchange(token, { name: 'one more' });
      assert.deepEqual([full.status, full.body.error], [400, 'invalid_request']);
      assert.match(String(full.body.error_description), /which is the most it may have/);
      assert.equal((await exchange(token, { name: 'name 3' })).status, 200);
    });

    if (!isFirst) return;

    describe('an ID token is refused, with what is wrong with it', () => {
      type Case = [
        what: string,
        claims: Record<string, unknown>,
        said: RegExp,
        how?: Omit<WantedIdToken, 'claims'>,
      ];
      const cases: Case[] = [
        ['signed by a stranger', {}, /signature/, { by: 'stranger' }],
        ['signed with a key that is not there', {}, /signed with a key/, { header: { kid: 'key-9' } }],
        ['signed with the client secret', {}, /signed in a way/, { by: 'secret' }],
        ['not signed', {}, /no ID token/, { by: 'nobody' }],
        ['an access token of the provider', {}, /another JWT/, { header: { typ: 'at+jwt' } }],
        ['a logout token', { events: {} }, /another JWT/],
        ['of another issuer', { iss: 'https://accounts.example' }, /iss/],
        ['of Google, which is not the issuer here', { iss: 'https://accounts.google.com' }, /iss/],
        ['of an issuer with a path', { iss: () => `${google.issuer}/x` }, /iss/],
        ['without issuer', { iss: undefined }, /iss/],
        ['for another client', { aud: 'another-client' }, /aud .* google\.audiences/],
        ['for nobody', { aud: undefined }, /aud/],
        ['for us and another', { aud: ['latchkey-test', 'another'], azp: 'latchkey-test' }, /aud/],
        ['for several without a party', { aud: ['latchkey-test', MOBILE] }, /azp/],
        ['for us, used by another', { azp: 'another-client' }, /azp/],
        ['expired', { iat: -400, exp: -100 }, /expired/],
        ['too old', { iat: -400 }, /too old/],
        ['of the future', { iat: 120 }, /not come yet/],
        ['not good yet', { nbf: 120 }, /not come yet/],
        ['without an end', { exp: undefined }, /does not say when/],
        ['without a beginning', { iat: undefined }, /does not say when/],
        ['whose end is text', { exp: 'tomorrow' }, /cannot be read/],
        ['without subject', { sub: undefined }, /names nobody/],
        ['with an empty subject', { sub: '' }, /names nobody/],
        ['with a subject that is a number', { sub: 7 }, /names nobody|no JWT/],
        ['of an unverified address', { email_verified: false }, /did not confirm/],
        ['without a word about the address', { email_verified: undefined }, /did not confirm/],
        ['of an address that reads as another', { email: 'ＡＤＭＩＮ@example.com' }, /did not confirm/],
        ['without an address', { email: undefined }, /did not confirm/],
      ];
      for (const [what, claims, said, how] of cases) {
        test(what, async () => {
          const times = ['iat', 'exp', 'nbf'];
          const told = Object.entries(claims).map(([name, value]) => [
            name,
            typeof value === 'function'
              ? value()
              : times.includes(name) && typeof value === 'number'
                ? now() + value
                : value,
          ]);
          const token = await idToken(Object.fromEntries(told), how);
          const { status, body, text } = await exchange(token);
          assert.deepEqual([status, body.error], [400, 'invalid_grant'], text);
          assert.match(String(body.error_description), said);
          assert.ok(!text.includes(token) && !server.logged().includes(token));
          assert.equal(await people.domain.accounts.findByEmail(person.email), undefined);
        });
      }

      for (const token of ['x', 'a.b.c', 'lk_pat_x', `${'x'.repeat(20_000)}.y.z`, 'ya29.a0-access_token']) {
        test(`what is none: ${token.slice(0, 20)}`, async () => {
          const { status, body } = await exchange(token);
          assert.deepEqual([status, body.error], [400, 'invalid_grant']);
          assert.match(String(body.error_description), /subject_token is/);
        });
      }

      test('changed on the way', async () => {
        const [header = '', , signature = ''] = (await idToken()).split('.');
        const claims = { iss: google.issuer, aud: 'latchkey-test', iat: now(), exp: now() + 60, ...person };
        const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
        assert.match((await exchange(`${header}.${payload}.${signature}`)).text, /signature/);
      });

      test('with a nonce that it does not have, and without the one that it has', async () => {
        const token = await idToken({ nonce: 'n-1' });
        for (const sent of [{ nonce: 'n-2' }, { nonce: 'N-1' }, { nonce: '' }, {}]) {
          const { status, body } = await exchange(token, sent);
          assert.deepEqual([status, body.error], [400, 'invalid_grant']);
          assert.match(String(body.error_description), /nonce/);
        }
        assert.equal((await exchange(token, { nonce: 'n-1' })).status, 200);
        assert.equal((await exchange(await idToken({ iat: now() - 1 }), { nonce: 'n-1' })).status, 400);
      });
    });

    test('is taken for other clients that the owner lists, for several, and a little late', async () => {
      const cases = [
        { aud: MOBILE },
        { aud: google.settings.clientId, azp: MOBILE },
        { aud: [google.settings.clientId, MOBILE], azp: MOBILE },
        { iat: now() - 290 },
        { iat: now() + 30 },
        { iss: `${google.issuer}/` },
      ];
      for (const claims of cases) {
        const { status, text } = await exchange(await idToken(claims));
        assert.equal(status, 200, `${JSON.stringify(claims)}: ${text}`);
      }
    });

    describe('a request is refused, and leaves the ID token as it was', () => {
      const cases: [sent: Record<string, string>, error: string, said: RegExp][] = [
        [{ subject_token: '' }, 'invalid_request', /subject_token is missing/],
        [{ subject_token_type: ACCESS_TOKEN }, 'invalid_request', /subject_token_type/],
        [{ subject_token_type: '' }, 'invalid_request', /subject_token_type/],
        [{ requested_token_type: ID_TOKEN }, 'invalid_request', /requested_token_type/],
        [{ actor_token: 'x', actor_token_type: ID_TOKEN }, 'invalid_request', /actor_token/],
        [{ resource: 'https://evil.example' }, 'invalid_target', /resource has to be/],
        [{ audience: 'https://evil.example' }, 'invalid_target', /audience has to be/],
        [
          { scope: 'admin' },
          'invalid_scope',
          /Choose among: wf:create_transaction data:transaction:read data:transaction:write profile/,
        ],
        [{ scope: 'openid' }, 'invalid_scope', /Choose among/],
        [{ scope: 'wf:nothing' }, 'invalid_scope', /Choose among/],
        [{ name: ' ' }, 'invalid_request', /./],
        [{ expires_in: '1' }, 'invalid_request', /expires_in/],
        [{ expires_in: '1e9' }, 'invalid_request', /expires_in/],
        [{ expires_in: String(401 * DAY_SECONDS) }, 'invalid_request', /expires_in/],
        [{ overlap: '-1' }, 'invalid_request', /overlap/],
        [{ overlap: String(31 * DAY_SECONDS) }, 'invalid_request', /overlap/],
        [{ replace: 'maybe' }, 'invalid_request', /replace/],
      ];
      for (const [sent, error, said] of cases) {
        test(JSON.stringify(sent), async () => {
          const token = await idToken();
          const { status, body, text } = await exchange(token, sent);
          assert.deepEqual([status, body.error], [400, error], text);
          assert.match(String(body.error_description), said);
          assert.equal(
            (await exchange(token, { resource: `${server.url}/api/1.1`, requested_token_type: ACCESS_TOKEN }))
              .status,
            200,
          );
        });
      }
    });

    test('strangers learn nothing: not whether it is on, nor what is wrong with an ID token', async () => {
      const nobody = { id: 'svc_nobody', secret: 'x' };
      const wrong = { ...service, secret: 'lk_cs_wrong' };
      for (const as of [nobody, wrong]) {
        const { status, body } = await exchange(await idToken({ aud: 'x' }), {}, { as });
        assert.deepEqual([status, body.error], [401, 'invalid_client']);
        assert.doesNotMatch(String(body.error_description), /aud|ID token/);
      }
    });

    test('clients without the scope admin may not, nor one whose owner is no admin any more', async () => {
      const small = await makeService(['wf:create_transaction'], false);
      const otherAdmin = await makeService(['admin:wf:create_transaction']);
      const app = await people.app();
      for (const as of [small, otherAdmin, app]) {
        const { status, body, text } = await exchange(await idToken(), {}, { as });
        assert.deepEqual([status, body.error], [400, 'unauthorized_client'], text);
        assert.match(String(body.error_description), /service that an admin made/);
      }
      const former = await makeService(['admin']);
      await people.domain.rows.accounts.update(former.owner, { set: { admin: false } }, []);
      const { body } = await exchange(await idToken(), {}, { as: former });
      assert.equal(body.error, 'unauthorized_client');
      assert.match(String(body.error_description), /no admin any more/);
    });

    test('the metadata list the grant type where an identity provider is set', async () => {
      const grantsOf = async (at: string) =>
        (
          (await (await fetch(`${at}/.well-known/openid-configuration`)).json()) as {
            grant_types_supported: string[];
          }
        ).grant_types_supported;
      assert.ok((await grantsOf(server.url)).includes(EXCHANGE));
      const plain = await startTestServer();
      assert.ok(!(await grantsOf(plain.url)).includes(EXCHANGE));
      await plain.stop();
    });
  });

  if (!isFirst) return;
  test('makes no account where nobody may sign up, and none where the provider is away', async (t) => {
    const google = await startGoogle();
    t.after(() => google.stop());
    const server = await startTestServer({
      settings: { google: google.settings, signUp: { domains: ['example.com'] } },
    });
    t.after(() => server.stop());
    const people = await openPeople(server);
    t.after(() => people.close());
    const account = await people.account({ admin: true });
    const wanted = {
      account,
      name: 'S',
      scopes: ['admin'],
      actsFor: 'app' as const,
      resourceServer: false,
      reason: 'r',
      expiresAt: Math.floor(Date.now() / 1000) + DAY_SECONDS,
    };
    const { client, secret } = await people.domain.services.create(wanted, { kind: 'operator' });
    const at = Math.floor(Date.now() / 1000);
    async function attempt(email: string): Promise<[number, string, string]> {
      const claims = {
        iss: google.issuer,
        aud: google.settings.clientId,
        iat: at,
        exp: at + 60,
        sub: email,
        email,
        email_verified: true,
      };
      const body = new URLSearchParams({
        grant_type: EXCHANGE,
        subject_token: await google.sign({ claims }),
        subject_token_type: ID_TOKEN,
        client_id: client.id,
        client_secret: secret.value,
      });
      const response = await fetch(`${server.url}/oauth/token`, { method: 'POST', body });
      const said = (await response.json()) as { error?: string; error_description?: string };
      return [response.status, said.error ?? '', said.error_description ?? ''];
    }
    await google.behave({ fault: 'discovery-500' });
    const away = await attempt('ann@example.com');
    assert.deepEqual(away.slice(0, 2), [503, 'temporarily_unavailable']);
    await google.behave({});
    const [status, error, said] = await attempt('ann@sub.example.com');
    assert.deepEqual([status, error], [400, 'invalid_grant']);
    assert.match(said, /e-mail addresses at example\.com/);
    assert.equal((await attempt('ann@example.com'))[0], 200);
  });
});
