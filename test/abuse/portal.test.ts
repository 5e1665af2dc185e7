import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { createPortalRoutes } from '../../server/portal/routes.ts';
import { type Agent, createAgent } from '../support/browserless.ts';
import { textOf } from '../support/page-text.ts';
import { openPeople, type Person } from '../support/people.ts';
import { createThings, pathWith, type Route, routesOf } from '../support/routes.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eachStore } from '../support/stores.ts';

/** Fields that make a good request of each form, so that nothing but the abuse can be what is refused. */
const FORMS: Record<string, Record<string, string>> = {
  '/tokens/new': { name: 'T', scopes: 'profile', expires: '90', note: '', date: '' },
  '/tokens/:id/narrow': { ipRanges: '203.0.113.0/24', idleDays: '30', origin: '', bounds: '' },
  '/services/new': { name: 'S', scopes: 'profile', expires: '90', date: '' },
  '/services/:id/secrets/new': { name: 'X', expires: '90', date: '' },
  '/services/:id/rotate': { overlap: '0' },
  '/developer/new': { name: 'A', redirectUris: 'https://a.example/cb', scopes: 'openid', type: 'public' },
  '/developer/:id/edit': { name: 'A', redirectUris: 'https://a.example/cb', scopes: 'openid' },
  '/developer/:id/secrets/new': { name: 'X', expires: '90', date: '' },
  '/developer/:id/rotate': { overlap: '0' },
  '/account/password': { password: 'another horse battery staple' },
};

const HOSTILE_IDS = [
  '%00',
  '%0d%0aSet-Cookie:a=b',
  '%7B%22$ne%22:null%7D',
  '%E0%A4%A',
  '__proto__',
  '%3Cscript%3Ealert(1)%3C/script%3E',
  'a'.repeat(4000),
];

eachStore(({ url: storeUrl, isFirst }) => {
  describe('abuse of the portal', () => {
    let server: TestServer;
    let people: Awaited<ReturnType<typeof openPeople>>;
    let owner: Person;
    let stranger: Person;
    /** Every route of the portal, so that none is forgotten here. */
    let routes: Route[];
    /** Things of the owner that stand for the ids in paths. */
    let things: Record<string, string>;

    before(async () => {
      server = await startTestServer({ storeUrl: await storeUrl() });
      people = await openPeople(server);
      owner = await people.person();
      stranger = await people.person({ admin: true });
      routes = routesOf(createPortalRoutes({ ...people.domain } as never));
      things = await createThings(server.url, people.domain, owner);
    });
    after(async () => {
      await people.close();
      await server.stop();
    });

    const pathOf = (route: { path: string }, id?: string) =>
      pathWith(route.path, (name) => id ?? things[name]);

    const isNamed = (route: { path: string }) => route.path.includes(':');
    /** The front door and what stands behind a mailed link are not (see flows/reviews). */
    const isForTheSignedIn = ({ path }: { path: string }) => !['/', '/review'].includes(path);

    /** What an account has, to see that nothing of it changed. */
    async function stateOf({ account }: Person): Promise<string> {
      const { domain } = people;
      const accountId = account.id;
      const clients = [...(await domain.services.list(accountId)), ...(await domain.apps.list(accountId))];
      const state = [
        await domain.tokens.list(accountId),
        clients,
        await Promise.all(clients.map(({ id }) => domain.secrets.list({ accountId, clientId: id }))),
        await domain.grants.list(accountId),
        await domain.identities.list(accountId),
        (await domain.sessionList.list(accountId)).map((session) => session.uid),
        await domain.accounts.get(accountId),
      ];
      // The setting up is noted a moment later; it is no change that anybody asked for.
      return JSON.stringify(state, (key, value) => (key.startsWith('lastUsed') ? undefined : value));
    }

    const send = (agent: Agent, route: { method: string; path: string }, path: string, headers = {}) =>
      route.method === 'GET' ? agent.get(path, headers) : agent.post(path, FORMS[route.path] ?? {}, headers);

    test('knows every route', () => {
      assert.ok(routes.length >= 40, String(routes.length));
      for (const route of routes.filter(isNamed)) assert.ok(pathOf(route));
    });

    test('sends everybody who is not signed in to sign-in, and changes nothing', async () => {
      const before = await stateOf(owner);
      const forged = createAgent(server.url);
      forged.setCookie('latchkey_session', 'x'.repeat(43));
      forged.setCookie('latchkey_session.sig', 'x'.repeat(27));
      for (const agent of [createAgent(server.url), forged]) {
        for (const route of routes.filter(isForTheSignedIn)) {
          const page = await send(agent, route, pathOf(route));
          assert.equal(page.status, 303, `${route.method} ${route.path}: ${page.status}`);
          assert.match(page.location, /^\/sign-in\?return_to=%2F/, route.path);
        }
      }
      assert.equal(await stateOf(owner), before);
    });

    test('answers the same for what is another account’s and what is not there (A9)', async () => {
      const before = await stateOf(owner);
      for (const route of routes.filter(isNamed)) {
        // Ending a session says nothing about whose it was.
        const expected = route.path.includes(':uid') ? 303 : 404;
        const foreign = await send(stranger.agent, route, pathOf(route));
        const missing = await send(stranger.agent, route, pathOf(route, 'missing'));
        assert.equal(foreign.status, expected, `${route.method} ${route.path}`);
        assert.equal(missing.status, expected, `${route.method} ${route.path}`);
        const same = (text: string) => textOf(text).replace(/Request \S+/, '');
        assert.equal(same(foreign.text), same(missing.text));
      }
      assert.equal(await stateOf(owner), before);
    });

    if (isFirst)
      test('refuses every change that another site’s page sends, and changes nothing', async () => {
        const before = await stateOf(owner);
        const origins: Record<string, string>[] = [
          { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
          { origin: 'https://evil.example', 'sec-fetch-site': '' },
          { origin: 'null', 'sec-fetch-site': 'cross-site' },
          { origin: `${server.url}.evil.example`, 'sec-fetch-site': '' },
          { origin: server.url, 'sec-fetch-site': 'same-site' },
          { origin: '', 'sec-fetch-site': '' },
        ];
        for (const route of routes.filter(({ method }) => method === 'POST')) {
          for (const headers of origins) {
            const page = await send(owner.agent, route, pathOf(route), headers);
            assert.equal(page.status, 403, `${route.path} ${JSON.stringify(headers)}`);
          }
        }
        assert.equal(await stateOf(owner), before);
      });

    if (isFirst)
      test('reads forms only: no JSON, no multipart, no huge or doubled field', async () => {
        const before = await stateOf(owner);
        for (const [path, form] of Object.entries(FORMS)) {
          const target = pathOf({ path });
          const [field = ''] = Object.keys(form);
          const body = `${new URLSearchParams(form)}`;
          for (const [type, text, status] of [
            ['application/json', JSON.stringify({ ...form, [field]: { $ne: null } }), 415],
            ['multipart/form-data; boundary=x', `--x\r\n\r\n${body}\r\n--x--`, 415],
            ['text/plain', body, 415],
            ['application/x-www-form-urlencoded', `${body}&${field}=again`, 400],
            ['application/x-www-form-urlencoded', `${body}&more=${'x'.repeat(70_000)}`, 413],
          ] as const) {
            const answer = await rawPost(target, text, { 'content-type': type });
            assert.equal(answer.status, status, `${path} ${type} ${answer.status}`);
          }
          const packed = await rawPost(target, body, {
            'content-type': 'application/x-www-form-urlencoded',
            'content-encoding': 'gzip',
          });
          assert.equal(packed.status, 415, path);
        }
        assert.equal(await stateOf(owner), before);
      });

    test('takes operator objects and brackets for nothing (NoSQL)', async () => {
      const before = await stateOf(owner);
      for (const [path, form] of Object.entries(FORMS)) {
        const bent = Object.fromEntries(Object.keys(form).map((name) => [`${name}[$ne]`, '']));
        const page = await owner.agent.post(pathOf({ path }), bent);
        assert.equal(page.status, 400, path);
      }
      assert.equal(await stateOf(owner), before);
    });

    test('finds nothing under hostile ids, without a fault', async () => {
      for (const route of routes.filter(isNamed)) {
        for (const id of HOSTILE_IDS) {
          const page = await send(owner.agent, route, pathOf(route, id));
          const expected = route.path.includes(':uid') ? [303, 400, 404] : [400, 404];
          assert.ok(expected.includes(page.status), `${route.method} ${route.path} ${id}: ${page.status}`);
          assert.equal(page.headers.get('set-cookie')?.includes('a=b') ?? false, false);
          assert.doesNotMatch(page.text, /<script>alert/);
        }
      }
    });

    if (isFirst)
      test('has no other spelling of its paths (A17)', async () => {
        for (const path of [
          '//tokens',
          '/tokens/',
          '/TOKENS',
          '/tokens;x=1',
          '/tokens%2fnew',
          '/./tokens%2e',
          '/tokens.',
        ]) {
          const { status } = await rawGet(path);
          assert.ok(status === 404 || status === 400, `${path}: ${status}`);
        }
        for (const path of ['/tokens/new', '/services', '/account']) {
          for (const method of ['PUT', 'PATCH', 'DELETE']) {
            const response = await fetch(`${server.url}${path}`, { method, headers: { origin: server.url } });
            assert.ok(
              response.status >= 400 && response.status < 500,
              `${method} ${path}: ${response.status}`,
            );
          }
        }
      });

    if (isFirst)
      test('keeps its pages out of caches and frames, and sends the whole policy', async () => {
        for (const route of routes.filter((one) => one.method === 'GET' && isForTheSignedIn(one))) {
          const { status, headers } = await owner.agent.get(pathOf(route));
          // What was not made in this browser a moment ago cannot be shown.
          assert.equal(status, route.path.endsWith('/value') ? 410 : 200, route.path);
          assert.equal(headers.get('cache-control'), 'no-store', route.path);
          assert.match(
            headers.get('content-security-policy') ?? '',
            /default-src 'none'.*frame-ancestors 'none'/,
          );
          assert.doesNotMatch(headers.get('content-security-policy') ?? '', /unsafe|form-action/);
          assert.equal(headers.get('x-content-type-options'), 'nosniff');
        }
      });

    if (isFirst)
      test('never sends anybody elsewhere', async () => {
        const paths = ['/tokens?return_to=https://evil.example', '/tokens/new?name=//evil.example'];
        for (const path of [...paths, '//evil.example/tokens', '/.//evil.example/', '/\\evil.example']) {
          const { location, status } = await raw('GET', path, { cookie: '' });
          assert.ok(
            location === '' ? status >= 400 : location.startsWith('/sign-in?'),
            `${path}: ${location}`,
          );
        }
      });

    test('leaves no secret, code or cookie in the log', () => {
      const logged = server.logged();
      assert.doesNotMatch(logged, /lk_(?:pat|cs)_\w{36}/);
      for (const value of Object.values(owner.agent.cookies())) assert.ok(!logged.includes(value));
    });

    /** A request as its bytes are, with the owner's cookies. */
    function raw(method: string, path: string, headers: Record<string, string>, body?: string) {
      const cookie = Object.entries(owner.agent.cookies())
        .map(([key, value]) => `${key.split(' ')[0]}=${value}`)
        .join('; ');
      const { hostname, port } = new URL(server.url);
      return new Promise<{ status: number; location: string }>((resolve, reject) => {
        const sent = request(
          { method, hostname, port, path, headers: { cookie, ...headers }, agent: false },
          (answer) => {
            answer.resume();
            resolve({ status: answer.statusCode ?? 0, location: answer.headers.location ?? '' });
          },
        );
        sent.on('error', reject);
        sent.end(body);
      });
    }

    const rawGet = (path: string) => raw('GET', path, {});
    const rawPost = (path: string, body: string, headers: Record<string, string>) =>
      raw('POST', path, { origin: server.url, 'sec-fetch-site': 'same-origin', ...headers }, body);
  });
});
