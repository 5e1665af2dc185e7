import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { startGoogle, type TestGoogle } from '../support/google.ts';
import { openPeople, type Person } from '../support/people.ts';
import { createThings, pathWith, readRoutes } from '../support/routes.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eachStore } from '../support/stores.ts';

/*
 * Every route that the routers know, against people who may not use it and against bytes that no browser sends.
 * Whatever comes, the answer is the caller's mistake and never ours (no 5xx), it comes soon, and the server goes on
 * serving others.
 */

/**
 * What each route answers to nobody, and to somebody who is signed in and names what belongs to another account; both
 * send one field that no form has. A new route needs its row.
 */
const TABLE: Record<string, [nobody: number, stranger: number]> = {
  'GET /.well-known/oauth-protected-resource': [200, 200],
  'GET /.well-known/oauth-protected-resource/api/1.1': [200, 200],
  'GET /healthz': [200, 200],
  'GET /readyz': [200, 200],
  'GET /assets/style.css': [200, 200],
  'GET /assets/copy.js': [200, 200],
  'GET /assets/show-password.js': [200, 200],
  'GET /assets/favicon.svg': [200, 200],
  'GET /assets/google.svg': [200, 200],
  'GET /assets/accent.css': [200, 200],
  'GET /sign-in': [200, 303],
  'POST /sign-in': [400, 400],
  'POST /sign-out': [303, 303],
  'GET /sign-up': [200, 200],
  'POST /sign-up': [400, 400],
  'GET /verify-email': [400, 400],
  'POST /verify-email': [400, 400],
  'GET /invitation': [400, 400],
  'POST /invitation': [400, 400],
  'GET /reset-password': [200, 200],
  'POST /reset-password': [400, 400],
  'GET /portal': [400, 400],
  'POST /portal': [400, 400],
  'GET /portal/back': [200, 200],
  'GET /portal/over': [200, 200],
  'GET /interaction/:uid': [400, 400],
  'GET /interaction/:uid/continue': [400, 303],
  'POST /interaction/:uid/sign-in': [400, 400],
  'POST /interaction/:uid/allow': [400, 400],
  'POST /interaction/:uid/deny': [400, 400],
  'POST /interaction/:uid/keep-account': [400, 400],
  'POST /interaction/:uid/switch-account': [400, 400],
  'GET /sign-in/google': [303, 303],
  'POST /sign-in/google': [303, 303],
  'GET /sign-in/google/callback': [400, 400],
  'GET /sign-in/link': [400, 400],
  'POST /sign-in/link': [400, 400],
  'POST /credentials/revoke': [415, 415],
  'POST /credentials/github': [415, 415],
  'GET /': [200, 303],
  'GET /tokens': [303, 200],
  'POST /tokens': [303, 400],
  'GET /tokens/new': [303, 200],
  'POST /tokens/new': [303, 400],
  'GET /tokens/revoke-all': [303, 303],
  'POST /tokens/revoke-all': [303, 303],
  'GET /tokens/:id/value': [303, 404],
  'POST /tokens/:id/value': [303, 404],
  'GET /tokens/:id/revoke': [303, 404],
  'POST /tokens/:id/revoke': [303, 404],
  'GET /tokens/:id': [303, 404],
  'GET /tokens/:id/rotate': [303, 404],
  'POST /tokens/:id/rotate': [303, 404],
  'POST /tokens/:id/pause': [303, 404],
  'POST /tokens/:id/resume': [303, 404],
  'GET /tokens/:id/edit': [303, 404],
  'POST /tokens/:id/edit': [303, 404],
  'GET /tokens/:id/narrow': [303, 404],
  'POST /tokens/:id/narrow': [303, 404],
  'GET /services': [303, 200],
  'GET /services/new': [303, 200],
  'POST /services/new': [303, 400],
  'GET /services/:id': [303, 404],
  'GET /services/:id/edit': [303, 404],
  'POST /services/:id/edit': [303, 404],
  'POST /services/:id/pause': [303, 404],
  'POST /services/:id/resume': [303, 404],
  'GET /services/:id/revoke': [303, 404],
  'POST /services/:id/revoke': [303, 404],
  'GET /services/:id/secrets/new': [303, 404],
  'POST /services/:id/secrets/new': [303, 404],
  'GET /services/:id/rotate': [303, 404],
  'POST /services/:id/rotate': [303, 404],
  'GET /services/:id/secrets/:secretId/value': [303, 404],
  'POST /services/:id/secrets/:secretId/value': [303, 404],
  'GET /services/:id/secrets/:secretId/revoke': [303, 404],
  'POST /services/:id/secrets/:secretId/revoke': [303, 404],
  'GET /apps': [303, 200],
  'GET /apps/:id/end': [303, 404],
  'POST /apps/:id/end': [303, 404],
  'GET /developer': [303, 200],
  'GET /developer/new': [303, 200],
  'POST /developer/new': [303, 400],
  'GET /developer/:id': [303, 404],
  'GET /developer/:id/edit': [303, 404],
  'POST /developer/:id/edit': [303, 404],
  'GET /developer/:id/delete': [303, 404],
  'POST /developer/:id/delete': [303, 404],
  'GET /developer/:id/secrets/new': [303, 404],
  'POST /developer/:id/secrets/new': [303, 404],
  'GET /developer/:id/rotate': [303, 404],
  'POST /developer/:id/rotate': [303, 404],
  'GET /developer/:id/secrets/:secretId/value': [303, 404],
  'POST /developer/:id/secrets/:secretId/value': [303, 404],
  'GET /developer/:id/secrets/:secretId/revoke': [303, 404],
  'POST /developer/:id/secrets/:secretId/revoke': [303, 404],
  'GET /activity': [303, 200],
  'GET /activity.csv': [303, 200],
  'GET /review': [400, 400],
  'POST /review': [400, 400],
  'GET /account/reviews': [303, 200],
  'GET /account': [303, 200],
  'GET /account/name': [303, 200],
  'POST /account/name': [303, 303],
  'GET /account/password': [303, 200],
  'POST /account/password': [303, 400],
  'POST /account/link-google': [303, 303],
  'GET /account/identities/:id/unlink': [303, 404],
  'POST /account/identities/:id/unlink': [303, 404],
  'POST /account/sessions/end-others': [303, 303],
  'POST /account/sessions/:uid/end': [303, 303],
  'GET /account/access': [303, 200],
  'GET /account/access/end': [303, 200],
  'POST /account/access/end': [303, 303],
  'GET /account/data': [303, 200],
  'POST /account/data': [303, 200],
  'GET /account/delete': [303, 200],
  'POST /account/delete': [303, 400],
};

/** Pages for admins are not there for anybody else. */
const CONSOLE: [nobody: number, stranger: number] = [303, 404];
const isOfConsole = (path: string) => /^\/admin(\/|$)/.test(path);

/** What programs call, without cookies and from anywhere. */
const PROGRAM_ROUTES = ['/credentials/revoke', '/credentials/github'];

/** Later routes of the product: absent, and not half there. */
const ABSENT = [
  '/oauth/register',
  '/oauth/device',
  '/oauth/par',
  '/mcp',
  '/metrics',
  '/docs',
  '/api/openapi.json',
];

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'];

/** Values in them may be looked for in the store. */
const QUERIES = ['?__proto__[x]=1&constructor=2', '?return_to=//evil.example&return_to=x', '?token=%00'];
/** What is above the store. */
const MORE_QUERIES = ['?a=%', '?%E0%A4%A=1', `?x=${'y'.repeat(4000)}`];

/** Their values are looked for in the store. */
const COOKIES: Record<string, string>[] = [
  { Cookie: 'latchkey_session=%00; latchkey_session.sig=%FF; =x; ;;;' },
  { Cookie: `latchkey_session=${'x'.repeat(4000)}` },
  { Cookie: 'latchkey_interaction={"$ne":null}; latchkey_federated=__proto__' },
];

const HEADERS: Record<string, string>[] = [
  { Authorization: 'Bearer' },
  { Authorization: 'Basic Og==' },
  { Authorization: `Bearer ${'x'.repeat(6000)}` },
  { Authorization: 'Bearer \u00e9\u00ff' },
  { Accept: 'nonsense;;;q=x, */*;q=-1' },
  { 'Accept-Encoding': '\u0001' },
  { 'Content-Type': 'application/x-www-form-urlencoded; charset=nonsense' },
  { 'Content-Type': ';;;' },
  { 'Content-Type': 'multipart/form-data' },
  {
    'X-Forwarded-For': 'x, 1.2.3.4.5, ::::',
    'X-Forwarded-Proto': 'javascript',
    'X-Forwarded-Host': 'evil.example',
  },
  { 'If-None-Match': '"\u00ff', Range: 'bytes=9-1', 'If-Modified-Since': 'yesterday' },
  { 'X-HTTP-Method-Override': 'DELETE', 'X-Request-Id': 'a\u0001b' },
];

/** Values in them may be looked for in the store. */
const BODIES: [string, string][] = [
  ['application/x-www-form-urlencoded', 'a=%&b=%E0%A4%A&__proto__=x&constructor[prototype]=y'],
  ['application/x-www-form-urlencoded', 'email=a&email=b&password[$ne]=x&token=%00'],
  ['application/json', '{"account":{"$ne":null},"__proto__":{"admin":true},"constructor":{"prototype":{}}}'],
];
/** What nobody reads a value from. */
const MORE_BODIES: [string, string][] = [
  ['application/json', '{'],
  ['application/json', `${'['.repeat(5000)}${']'.repeat(5000)}`],
  ['text/plain', 'account=1'],
  ['application/octet-stream', '\u0000\u00ff\u00fe'],
];

const { routes, workflows, engine } = await readRoutes();

/** Of the engine, but not in its metadata. */
const ENGINE_MORE = [
  '/oauth/authorize/abc',
  '/oauth/end-session/confirm',
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server',
];
const OWN_TOKEN = ['/api/1.1/me/token', '/api/1.1/me/token/rotate', '/api/1.1/me/token/revoke'];
const DATA = ['/api/1.1/obj/transaction', '/api/1.1/obj/transaction/bulk', '/api/1.1/obj/transaction/obj_x'];
const API = ['/api/1.1/me', ...OWN_TOKEN, ...DATA, ...workflows];

/** A page reads no token. */
const READS_TOKENS = /^\/(api|oauth|credentials)\//;

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };
const FORGED = `latchkey_session=${'x'.repeat(43)}; latchkey_session.sig=${'x'.repeat(27)}`;

function spellingsOf(path: string): string[] {
  const encoded = (letter: string) => `%${letter.charCodeAt(0).toString(16)}`;
  const all = [
    `${path}/`,
    `/${path}`,
    `${path};x`,
    path.replace(/[a-z]/, (letter) => letter.toUpperCase()),
    path.replace(/[a-z]/, encoded),
  ];
  return all.filter((spelling) => spelling !== path);
}

const UNNAMED = (path: string) => pathWith(path, () => 'unknown');

const PATHS = [
  ...new Set(routes.map(({ path }) => UNNAMED(path))),
  ...API,
  '/api/1.1/wf/nothing',
  ...engine,
  ...ENGINE_MORE,
  '/nothing',
];

eachStore(({ url: storeUrl, isFirst }) => {
  let google: TestGoogle;
  let server: TestServer;
  let people: Awaited<ReturnType<typeof openPeople>>;
  let person: Person;
  let stranger: Person;
  /** What stands for the names in paths: things of the person. */
  let things: Record<string, string>;
  let token: string;

  before(async () => {
    google = await startGoogle();
    server = await startTestServer({
      storeUrl: await storeUrl(),
      settings: { google: google.settings, leaks: { github: true } },
    });
    people = await openPeople(server);
    person = await people.person();
    stranger = await people.person();
    things = await createThings(server.url, people.domain, person);
    token = await mint('Fuzz');
  });
  after(async () => {
    await people.close();
    await server.stop();
    await google.stop();
  });

  /** Some of these routes sign out. */
  async function signedIn(who: Person): Promise<void> {
    const { status } = await who.agent.get('/account');
    if (status !== 200) who.agent = await people.signIn(who.account.email);
  }

  async function mint(name: string): Promise<string> {
    // As it is by now: some of these routes end all access.
    const account = (await people.domain.accounts.get(person.account.id)) ?? person.account;
    const minted = await people.domain.tokens.mint(
      {
        account,
        name,
        scopes: ['wf:create_transaction', 'data:transaction:read', 'data:transaction:write'],
        expiresAt: Math.floor(Date.now() / 1000) + 3600,
      },
      { kind: 'operator' },
    );
    return minted.value;
  }

  /** Sends bytes as they are; answers the status, or 0 when the server closed without one. */
  function send(text: string): Promise<number> {
    const { port } = new URL(server.url);
    return new Promise((resolve, reject) => {
      let answer = '';
      const socket = connect(Number(port), '127.0.0.1', () => socket.write(Buffer.from(text, 'latin1')));
      socket.setTimeout(10_000, () =>
        reject(new Error(`no answer to ${JSON.stringify(text.slice(0, 200))}`)),
      );
      socket.on('data', (chunk) => {
        answer += chunk.toString('latin1');
      });
      const done = () => {
        socket.destroy();
        resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0));
      };
      socket.on('close', done);
      socket.on('error', done);
    });
  }

  function request(method: string, path: string, headers: Record<string, string> = {}, body = ''): string {
    const all: Record<string, string> = {
      Host: new URL(server.url).host,
      Connection: 'close',
      ...(body === '' ? {} : { 'Content-Length': String(Buffer.byteLength(body, 'latin1')) }),
      ...headers,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
    return `${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
  }

  /** As its own page in the person's browser, so that the form is read and not stopped at the door. */
  function asOwnPage({ agent } = person): Record<string, string> {
    const cookies = Object.entries(agent.cookies()).map(([key, value]) => `${key.split(' ')[0]}=${value}`);
    return { Cookie: cookies.join('; '), Origin: server.url, 'Sec-Fetch-Site': 'same-origin' };
  }

  async function refusesNone(requests: readonly string[]): Promise<void> {
    for (const text of requests) {
      const status = await send(text);
      assert.ok(status < 500, `${status} for ${JSON.stringify(text.slice(0, 300))}`);
    }
  }

  test('each route has its row in the table, and each row its route', () => {
    const rows = routes.filter(({ path }) => !isOfConsole(path));
    assert.deepEqual(rows.map(({ method, path }) => `${method} ${path}`).sort(), Object.keys(TABLE).sort());
  });

  for (const { method, path } of routes) {
    test(`${method} ${path} for nobody, a forged session, a stranger and another site`, async () => {
      const row = isOfConsole(path) ? CONSOLE : TABLE[`${method} ${path}`];
      const [nobody, anyone] = row ?? assert.fail('it has no row');
      const at = pathWith(path, (name) => things[name]);
      const ask = (headers: Record<string, string>, body = 'field=1') =>
        send(request(method, at, { ...FORM, Origin: server.url, ...headers }, body));

      assert.equal(await ask({}), nobody);
      assert.equal(await ask({ Cookie: FORGED }), nobody);
      await signedIn(stranger);
      assert.equal(await ask(asOwnPage(stranger)), anyone);
      // Programs send no forms, and have no cookies that a page elsewhere could use.
      if (method === 'GET' || PROGRAM_ROUTES.includes(path)) return;
      assert.equal(await ask(asOwnPage(stranger), `field=${'x'.repeat(65 * 1024)}`), 413);
      const elsewhere = { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' };
      assert.equal(await ask({ ...asOwnPage(), ...elsewhere }), 403);
    });
  }

  for (const path of PATHS) {
    test(path, async () => {
      await signedIn(person);
      const headers = isFirst ? [...COOKIES, ...HEADERS] : COOKIES;
      const queries = isFirst ? [...QUERIES, ...MORE_QUERIES] : QUERIES;
      const bodies = isFirst ? [...BODIES, ...MORE_BODIES] : BODIES;
      const bearer = isFirst || READS_TOKENS.test(path) ? [{ Authorization: `Bearer ${token}` }] : [];
      await refusesNone([
        ...(isFirst ? METHODS : []).map((method) => request(method, path)),
        ...queries.map((query) => request('GET', `${path}${query}`)),
        ...headers.map((one) => request('GET', path, one)),
        ...headers.map((one) => request('POST', path, one, 'a=1')),
        ...[{}, ...bearer].flatMap((more) =>
          bodies.map(([type, body]) =>
            request('POST', path, { 'Content-Type': type, ...asOwnPage(), ...more }, body),
          ),
        ),
      ]);
    });
  }

  for (const path of ABSENT) {
    test(`${path} is not there yet`, async () => {
      // Some of the forms above revoke all tokens.
      token = await mint(path);
      for (const method of ['GET', 'POST']) {
        const status = await send(
          request(method, path, { ...asOwnPage(), Authorization: `Bearer ${token}` }),
        );
        assert.equal(status, 404, `${method} ${status}`);
      }
    });
  }

  if (isFirst) {
    /** GHSA-x732-6j76-qmhm, CVE-2026-0976: another spelling must not be another door, also for who may go in. */
    test('each path has one spelling', async () => {
      await signedIn(person);
      token = await mint('Spelling');
      const ask = (method: string, path: string) => {
        const headers = { ...FORM, ...asOwnPage(), Authorization: `Bearer ${token}` };
        return send(request(method, path, headers, 'field=1'));
      };
      for (const { method, path } of routes) {
        const at = pathWith(path, (name) => things[name]);
        for (const spelling of spellingsOf(at)) {
          const status = await ask(method, spelling);
          // Where a name may stand at the end, `;x` is a part of it: there is no such thing.
          const expected = spelling.endsWith(';x') ? [400, 404, 405] : [404];
          assert.ok(expected.includes(status), `${method} ${spelling}: ${status}`);
        }
      }
      const ofEngine = [...engine, ...ENGINE_MORE].flatMap(spellingsOf);
      for (const spelling of [...API.flatMap(spellingsOf), ...ofEngine]) {
        for (const method of ['GET', 'POST']) {
          const status = await ask(method, spelling);
          // A record may have any id, and is not called with POST.
          const isRecord = /obj\/transaction\/[^/]+$/.test(spelling) && method === 'POST';
          assert.ok(status === 404 || (isRecord && status === 405), `${method} ${spelling}: ${status}`);
        }
      }
    });

    /** RFC 9110 section 15.5.6; no method of a path that is not there, and no 403 before it is looked for. */
    test('each path has its methods, and no others', async () => {
      const paths = [...new Set(routes.map(({ path }) => path))];
      const wanted: [path: string, methods: string[]][] = [
        ...paths.map((path): [string, string[]] => [
          pathWith(path, (name) => things[name]),
          routes.filter((route) => route.path === path).map(({ method }) => method),
        ]),
        ['/oauth/authorize', ['GET', 'POST']],
        ['/oauth/authorize/abc', ['GET']],
        ['/oauth/end-session', ['GET', 'POST']],
        ['/oauth/end-session/confirm', ['POST']],
        ['/oauth/end-session/success', ['GET']],
        ['/api/1.1/obj/transaction', ['GET', 'POST']],
        ['/api/1.1/obj/transaction/bulk', ['POST']],
        ['/api/1.1/obj/transaction/obj_x', ['GET', 'PATCH', 'PUT', 'DELETE']],
        ['/oauth/token', ['POST']],
        ['/oauth/introspect', ['POST']],
        ['/oauth/revoke', ['POST']],
        ['/oauth/userinfo', ['GET', 'POST']],
        ['/oauth/jwks', ['GET']],
        ['/.well-known/openid-configuration', ['GET']],
        ['/.well-known/oauth-authorization-server', ['GET']],
      ];
      for (const [path, methods] of wanted) {
        const allow = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
        for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND']) {
          if (allow.includes(method)) continue;
          const { status, headers } = await ask(method, path);
          assert.equal(status, 405, `${method} ${path}`);
          assert.deepEqual(
            headers.allow?.split(', ').sort(),
            [...allow, 'OPTIONS'].sort(),
            `${method} ${path}`,
          );
        }
        const options = await ask('OPTIONS', path);
        assert.equal(options.status, 204, path);
        assert.deepEqual(options.headers.allow?.split(', ').sort(), [...allow, 'OPTIONS'].sort(), path);
        for (const method of METHODS) {
          assert.equal((await ask(method, `${path}/`)).status, 404, `${method} ${path}/`);
        }
      }

      /** As no browser would: `fetch` does not send TRACE. */
      function ask(method: string, path: string): Promise<IncomingMessage & { status: number }> {
        return new Promise((resolve, reject) => {
          const sent = httpRequest(server.url + path, { method, agent: false }, (response) => {
            response.resume();
            resolve(Object.assign(response, { status: response.statusCode ?? 0 }));
          });
          sent.on('error', reject).end();
        });
      }
    });

    test('what is no HTTP at all', async () => {
      await refusesNone([
        'GET\r\n\r\n',
        'GET / HTTP/9.9\r\n\r\n',
        '\u0016\u0003\u0001\u0000\u0000',
        `GET ${'/x'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
        `GET / HTTP/1.1\r\nHost: x\r\n${'X-A: y\r\n'.repeat(3000)}\r\n`,
        'POST /oauth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n',
        'POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
        'POST /sign-in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n',
        'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n',
      ]);
      assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
    });
  }

  test('nothing of all this was logged as unexpected', () => {
    const unexpected = server
      .logged()
      .split('\n')
      .filter((line) => line.includes('"level":50'));
    assert.deepEqual(unexpected, []);
  });
});
