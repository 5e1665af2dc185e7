import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, beforeEach, describe, it } from 'node:test';
import { runCommand } from '../../server/cli/program.ts';
import type { OwnerSettings } from '../../server/ground/settings.ts';
import { isVerified } from '../../server/sign-in/identity-provider.ts';
import { type Agent, createAgent, type Page } from '../support/browserless.ts';
import { type Behaviour, type Person, startGoogle, type TestGoogle } from '../support/google.ts';
import { openPeople, PASSWORD } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { shortenTimeouts } from '../support/short-timeouts.ts';
import { sqliteStores } from '../support/stores.ts';

/**
 * "Any OpenID provider works": what they differ in, and what they may do to us. What comes of it in the store is tried
 * on both engines by google.test.ts.
 */
sqliteStores(({ url: storeUrl }) => {
  let provider: TestGoogle;
  let count = 0;
  let stranger: Person & { email: string };
  before(async () => {
    provider = await startGoogle();
  });
  after(() => provider.stop());
  beforeEach(() => {
    count += 1;
    stranger = { sub: `sub-${count}`, email: `stranger-${count}@example.com`, email_verified: true };
  });

  /** A server that has not asked the provider for its metadata yet. */
  async function withServer(
    google: Partial<NonNullable<OwnerSettings['google']>>,
    work: (server: TestServer) => Promise<void>,
  ): Promise<void> {
    const settings = { google: { ...provider.settings, ...google } };
    const server = await startTestServer({ storeUrl: await storeUrl(), settings });
    try {
      await work(server);
    } finally {
      await server.stop();
    }
  }

  async function toProvider(server: TestServer, left: Page): Promise<string> {
    assert.ok(left.location.startsWith(`${provider.issuer}/`), `${left.status} ${left.text}`);
    const answer = await fetch(left.location, { redirect: 'manual' });
    return answer.headers.get('location')?.slice(server.url.length) ?? '';
  }

  async function travel(server: TestServer, agent: Agent = createAgent(server.url)): Promise<Page> {
    const left = await agent.get('/sign-in/google');
    return left.location === '' ? left : agent.get(await toProvider(server, left));
  }

  async function attempt(
    behaviour: Behaviour,
    google: Partial<NonNullable<OwnerSettings['google']>> = {},
  ): Promise<{ page: Page; logged: string }> {
    await provider.behave(behaviour);
    let result = { page: {} as Page, logged: '' };
    await withServer(google, async (server) => {
      const page = await travel(server);
      result = { page, logged: server.logged() };
    });
    return result;
  }

  describe('our secret', () => {
    const methods = (...listed: string[]) => ({ token_endpoint_auth_methods_supported: listed });
    const cases: [string, Behaviour, string[]][] = [
      ['as Basic where the metadata say nothing', {}, ['basic']],
      [
        'as Basic where both are said',
        { metadata: methods('client_secret_post', 'client_secret_basic') },
        ['basic'],
      ],
      ['in the body where only that is said', { metadata: methods('client_secret_post') }, ['post']],
      [
        'in the body alone where Basic is not taken',
        { takesSecretBy: 'post', metadata: methods('client_secret_post', 'none') },
        ['post'],
      ],
      [
        'as Basic alone where the body is not taken',
        { takesSecretBy: 'basic', metadata: methods('client_secret_basic') },
        ['basic'],
      ],
      [
        'in the body where nothing is said and Basic is refused',
        { takesSecretBy: 'post' },
        ['basic', 'post'],
      ],
    ];
    for (const [name, behaviour, wanted] of cases) {
      it(`is shown ${name}`, async () => {
        const { page } = await attempt({ person: stranger, ...behaviour });
        assert.equal(page.location, '/tokens', page.text);
        assert.deepEqual((await provider.seen())[0]?.secretBy, wanted);
      });
    }

    it('goes the way that worked from the second sign-in on', async () => {
      await provider.behave({ person: stranger, takesSecretBy: 'post' });
      await withServer({}, async (server) => {
        await travel(server);
        assert.equal((await travel(server)).location, '/tokens');
        assert.deepEqual((await provider.seen())[1]?.secretBy, ['post']);
      });
    });

    for (const refusesClient of ['challenge', 'words', 'page'] as const) {
      it(`that is refused with ${refusesClient} is no provider that is away, and the log says why`, async () => {
        const { page, logged } = await attempt({ person: stranger, refusesClient });
        assert.equal(page.status, 502);
        assert.match(page.text, /does not accept this site/);
        assert.doesNotMatch(page.text, /did not answer/);
        const line = logged.split('\n').find((one) => one.includes('refuses GOOGLE_CLIENT_ID')) ?? '';
        assert.match(
          line,
          refusesClient === 'page' ? /status 401/ : /invalid_client no client with \(removed\)/,
        );
        assert.ok(!logged.includes(provider.settings.clientSecret));
      });
    }

    it('is sent nowhere where the provider takes none', async () => {
      const { page, logged } = await attempt({ person: stranger, metadata: methods('private_key_jwt') });
      assert.equal(page.status, 502);
      assert.match(logged, /takes no client secret, only private_key_jwt/);
    });
  });

  describe('the claims', () => {
    it('come from userinfo where one of the two of the e-mail is missing', async () => {
      for (const idTokenOmits of [['email'], ['email_verified'], ['email', 'email_verified']]) {
        const sub = `${stranger.sub}-${idTokenOmits}`;
        const { page } = await attempt({
          person: { ...stranger, sub, email: `${sub.replace(',', '-')}@example.com` },
          idTokenOmits,
        });
        assert.equal(page.location, '/tokens', page.text);
      }
    });

    for (const sub of ['', 'x'.repeat(256), 'a\ud800b']) {
      it(`are nobody's with the subject ${JSON.stringify(sub.slice(0, 5))}`, async () => {
        const { page, logged } = await attempt({ person: { ...stranger, sub } });
        assert.equal(page.status, 400);
        assert.match(logged, /names nobody/);
      });
    }

    it('of userinfo are refused for another subject', async () => {
      const { page, logged } = await attempt({
        person: stranger,
        idTokenOmits: ['email_verified'],
        userinfo: { ...stranger, sub: 'another' },
      });
      assert.equal(page.status, 400);
      assert.match(page.text, /cannot be trusted/);
      assert.match(logged, /OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED/);
    });

    it('vouch for the address that they stand beside, no other', async () => {
      const { page } = await attempt({
        person: { ...stranger, email_verified: false },
        idTokenOmits: ['email'],
        userinfo: { sub: stranger.sub, email: stranger.email },
      });
      assert.equal(page.status, 403);
      const other = await attempt({
        person: stranger,
        idTokenOmits: ['email_verified'],
        userinfo: { sub: stranger.sub, email: `other-${stranger.email}` },
      });
      assert.equal(other.page.status, 403);
      const sources = [{ email: 'one@example.com' }, { email: 'two@example.com', email_verified: true }];
      assert.ok(!isVerified('one@example.com', sources, false));
      assert.ok(isVerified('two@example.com', sources, false));
    });

    for (const said of ['true', true]) {
      it(`count as verified when they say ${JSON.stringify(said)}`, async () => {
        assert.equal(
          (await attempt({ person: { ...stranger, email_verified: said } })).page.location,
          '/tokens',
        );
      });
    }
    for (const said of ['false', 'True ', '1', '', false]) {
      it(`do not when they say ${JSON.stringify(said)}, whatever the operator vouches for`, async () => {
        const person = { ...stranger, email_verified: said };
        assert.equal((await attempt({ person }, { trustsEmails: true })).page.status, 403);
      });
    }

    it('that never say it count where the operator vouches for the issuer', async () => {
      const { email_verified: _, ...person } = stranger;
      const refused = await attempt({ person });
      assert.equal(refused.page.status, 403);
      assert.match(refused.logged, /"problem":"EMAIL_NOT_VERIFIED"/);
      assert.equal((await attempt({ person }, { trustsEmails: true })).page.location, '/tokens');
    });
  });

  describe('the authorization request', () => {
    it('asks for what the metadata offer', async () => {
      const metadata = { scopes_supported: ['openid', 'email'], prompt_values_supported: ['none', 'login'] };
      assert.equal((await attempt({ person: stranger, metadata })).page.location, '/tokens');
      const [seen] = await provider.seen();
      assert.equal(seen?.authorize.scope, 'openid email');
      assert.equal(seen?.authorize.prompt, undefined);
      await attempt({ person: stranger });
      const [plain] = await provider.seen();
      assert.equal(plain?.authorize.scope, 'openid email profile');
      assert.equal(plain?.authorize.prompt, 'select_account');
    });

    it('that the provider refuses has its reason in the log', async () => {
      const { page, logged } = await attempt({ person: stranger, authorizeError: 'unauthorized_client' });
      assert.equal(page.status, 400);
      assert.match(logged, /"level":50.*"reason":"unauthorized_client"/);
    });

    it('needs the issuer as the provider writes it, and the log has that', async () => {
      const { page, logged } = await attempt({
        person: stranger,
        metadata: { issuer: 'https://other.example/' },
      });
      assert.equal(page.status, 400);
      assert.match(logged, /its metadata name the issuer https:\/\/other\.example\//);
    });
  });

  describe('metadata that lie', () => {
    const cases: [string, Record<string, unknown>, RegExp][] = [
      ['no authorization endpoint', { authorization_endpoint: null }, /no authorization_endpoint/],
      ['one that is no address', { authorization_endpoint: '/authorize' }, /no authorization_endpoint/],
      [
        'one that is a script',
        { authorization_endpoint: 'javascript:alert(1)' },
        /no authorization_endpoint/,
      ],
      ['no token endpoint', { token_endpoint: null }, /no token_endpoint/],
      ['keys of another kind', { jwks_uri: { keys: [] } }, /no jwks_uri/],
    ];
    for (const [name, metadata, reason] of cases) {
      it(`are found out before anybody is sent there: ${name}`, async () => {
        const { page, logged } = await attempt({ person: stranger, metadata });
        assert.equal(page.status, 400);
        assert.match(page.text, /cannot be trusted/);
        assert.match(logged, reason);
        assert.deepEqual(await provider.seen(), []);
      });
    }
  });

  it('is one and the same whether or not its issuer is written with a slash', async () => {
    await provider.behave({ person: stranger });
    const folder = await mkdtemp(join(tmpdir(), 'latchkey-test-'));
    const store = await storeUrl();
    const ids: (string | undefined)[] = [];
    for (const issuer of [`${provider.issuer}/`, provider.issuer, `${provider.issuer}/`]) {
      const settings = { google: { ...provider.settings, issuer, name: 'Staff' } };
      const server = await startTestServer({ storeUrl: store, settings, keepFolder: folder });
      const people = await openPeople(server);
      const agent = createAgent(server.url);
      assert.equal((await travel(server, agent)).location, '/tokens');
      assert.match((await agent.get('/account')).text, /Staff/);
      ids.push((await people.domain.accounts.findByEmail(stranger.email))?.id);
      await people.close();
      await server.stop();
    }
    assert.equal(new Set(ids).size, 1);
    await rm(folder, { recursive: true });
  });

  describe('answers that are too large', () => {
    for (const huge of ['discovery', 'jwks', 'token', 'userinfo'] as const) {
      for (const hugeAs of ['length', 'chunks', 'gzip'] as const) {
        it(`are not held: ${huge}, ${hugeAs}`, async () => {
          const { page, logged } = await attempt({ person: stranger, emailInUserinfo: true, huge, hugeAs });
          assert.equal(page.status, 503);
          assert.match(logged, /larger than 256 kB/);
          // What the kernel's buffers take, and what compresses away; never the 200 MB.
          assert.ok((await provider.bytesSent()) < 40_000_000, String(await provider.bytesSent()));
        });
      }
    }

    it('nor waited for when they trickle', async (t) => {
      const waits = shortenTimeouts(t);
      const { page, logged } = await attempt({ person: stranger, huge: 'token', hugeAs: 'trickle' });
      assert.equal(page.status, 503);
      assert.match(logged, /OAUTH_TIMEOUT/);
      assert.deepEqual([...new Set(waits)], [5000]);
    });
  });

  describe('several tabs', () => {
    it('at once come home, each to where it was going', async () => {
      await provider.behave({ person: stranger });
      await withServer({}, async (server) => {
        const agent = createAgent(server.url);
        const paths = ['/apps', '/services', '/activity', '/developer', '/account'];
        const lefts = await Promise.all(paths.map((path) => agent.get(`/sign-in/google?return_to=${path}`)));
        const callbacks = await Promise.all(lefts.map((left) => toProvider(server, left)));
        const pages = await Promise.all(callbacks.toReversed().map((callback) => agent.get(callback)));
        assert.deepEqual(pages.map((page) => page.location).toReversed(), paths);
        assert.equal((await agent.get('/tokens')).status, 200);
      });
    });

    it('left open keep requests small', async () => {
      await provider.behave({ person: stranger });
      await withServer({}, async (server) => {
        const agent = createAgent(server.url);
        for (let tab = 0; tab < 30; tab += 1) await agent.get('/sign-in/google');
        assert.ok(Object.keys(agent.cookies()).length <= 12);
        assert.equal((await travel(server, agent)).location, '/tokens');
      });
    });

    it('that ask for a password each link what they asked about', async () => {
      await provider.behave({ person: stranger });
      await withServer({}, async (server) => {
        const people = await openPeople(server);
        const agent = createAgent(server.url);
        const forms: { tag: string; id: string }[] = [];
        for (const one of [1, 2]) {
          const account = await people.account();
          await provider.behave({
            person: { ...stranger, sub: `${stranger.sub}-${one}`, email: account.email },
          });
          assert.equal((await travel(server, agent)).location, '/sign-in/link');
          const form = await agent.get('/sign-in/link');
          forms.push({ tag: /name="link" value="([^"]+)"/.exec(form.text)?.[1] ?? '', id: account.id });
        }
        for (const { tag, id } of forms) {
          assert.equal(
            (await agent.post('/sign-in/link', { link: tag, password: PASSWORD })).location,
            '/tokens',
          );
          assert.equal((await people.domain.identities.list(id)).length, 1);
        }
        await people.close();
      });
    });
  });

  describe('a callback that is loaded again', () => {
    it('goes on for who is signed in by now, and is nothing to others', async () => {
      await provider.behave({ person: stranger });
      await withServer({}, async (server) => {
        const agent = createAgent(server.url);
        const callback = await toProvider(server, await agent.get('/sign-in/google?return_to=/apps'));
        assert.equal((await agent.get(callback)).location, '/apps');
        assert.equal((await agent.get(callback)).location, '/apps');
        await agent.post('/sign-out', {});
        assert.equal((await agent.get(callback)).status, 400);
        assert.equal((await createAgent(server.url).get(callback)).status, 400);
      });
    });

    it('works after a provider that was away, once', async () => {
      await provider.behave({ person: stranger });
      await withServer({}, async (server) => {
        const agent = createAgent(server.url);
        const callback = await toProvider(server, await agent.get('/sign-in/google?return_to=/apps'));
        await provider.behave({ person: stranger, fault: 'token-500' });
        assert.equal((await agent.get(callback)).status, 503);
        await provider.behave({ person: stranger });
        assert.equal((await agent.get(callback)).location, '/apps');
      });
    });

    it('by a browser without cookies says that they are off', async () => {
      await provider.behave({ person: stranger });
      await withServer({}, async (server) => {
        const callback = await toProvider(server, await createAgent(server.url).get('/sign-in/google'));
        const page = await createAgent(server.url).get(callback);
        assert.equal(page.status, 400);
        assert.match(page.text, /keeps no cookies/);
      });
    });
  });

  it('is asked by doctor whether it knows us', async () => {
    await withServer({}, async (server) => {
      const ask = async (more: Record<string, string> = {}) => {
        let out = '';
        const env = {
          LATCHKEY_URL: server.url,
          LATCHKEY_DATA: server.dataFolder,
          LATCHKEY_STORE: server.storeUrl,
          GOOGLE_CLIENT_ID: provider.settings.clientId,
          GOOGLE_CLIENT_SECRET: provider.settings.clientSecret,
          GOOGLE_ISSUER: provider.issuer,
          ...more,
        };
        const say = (text: string) => {
          out += text;
        };
        await runCommand(['doctor', '--json'], { env, stdin: Readable.from([]), out: say, err: say });
        const findings = JSON.parse(out) as { about: string; level: string; found: string }[];
        return findings.find(({ about }) => about === 'sign-in with');
      };
      await provider.behave({});
      assert.equal((await ask())?.level, 'ok');
      const refused = await ask({ GOOGLE_CLIENT_SECRET: 'another' });
      assert.equal(refused?.level, 'fail');
      assert.match(refused?.found ?? '', /does not accept this site.*invalid_client/);
      const away = await ask({ GOOGLE_ISSUER: 'http://127.0.0.1:9' });
      assert.equal(away?.level, 'fail');
      assert.match(away?.found ?? '', /did not answer.*bad port|ECONNREFUSED/);
      await provider.behave({ metadata: { issuer: `${provider.issuer}/tenant` } });
      assert.match((await ask())?.found ?? '', /name the issuer http:.*\/tenant/);
    });
  });

  it('has the name and the icon that the operator gave it', async () => {
    await provider.behave({ person: stranger });
    const icon = join(import.meta.dirname, '../../views/assets/favicon.svg');
    await withServer({ name: 'Staff <login>', icon }, async (server) => {
      const agent = createAgent(server.url);
      const page = await agent.get('/sign-in');
      assert.match(page.text, /src="\/assets\/provider\.svg"[^>]*>Continue with Staff &lt;login&gt;/);
      assert.equal((await agent.get('/assets/provider.svg')).status, 200);
      await travel(server, agent);
      assert.match((await agent.get('/account')).text, /Staff &lt;login&gt;/);
    });
    await withServer({}, async (server) => {
      assert.doesNotMatch((await createAgent(server.url).get('/sign-in')).text, /<img[^>]*>Continue with/);
    });
  });
});
