import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { openPeople, type Person } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eachStore } from '../support/stores.ts';

/*
 * Every route against bytes that no browser sends. Whatever comes, the answer is the caller's mistake and never
 * ours (no 5xx), it comes soon, and the server goes on serving others.
 */

const ROUTES = [
  '/',
  '/sign-in',
  '/sign-up',
  '/sign-out',
  '/verify-email',
  '/reset-password',
  '/sign-in/google',
  '/sign-in/google/callback',
  '/sign-in/link',
  '/interaction/abc',
  '/interaction/abc/sign-in',
  '/interaction/abc/allow',
  '/interaction/abc/deny',
  '/interaction/abc/switch-account',
  '/interaction/abc/continue',
  '/tokens',
  '/tokens/new',
  '/tokens/tok_x/revoke',
  '/tokens/revoke-all',
  '/services',
  '/services/new',
  '/services/svc_x',
  '/apps',
  '/developer',
  '/developer/new',
  '/developer/app_x',
  '/activity',
  '/account',
  '/oauth/authorize',
  '/oauth/authorize/abc',
  '/oauth/token',
  '/oauth/introspect',
  '/oauth/revoke',
  '/oauth/userinfo',
  '/oauth/jwks',
  '/oauth/end-session',
  '/oauth/end-session/confirm',
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server',
  '/.well-known/oauth-protected-resource',
  '/.well-known/oauth-protected-resource/api/1.1',
  '/api/1.1/me',
  '/api/1.1/wf/create_transaction',
  '/api/1.1/wf/issue_token',
  '/api/1.1/wf/nothing',
  '/healthz',
  '/readyz',
  '/assets/style.css',
  '/nothing',
];

/** Later routes of the product: absent, and not half there. */
const ABSENT = [
  '/oauth/register',
  '/oauth/device',
  '/oauth/par',
  '/mcp',
  '/metrics',
  '/docs',
  '/api/openapi.json',
  '/admin',
  '/api/1.1/obj/transaction',
];

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'];

const QUERIES = [
  '?a=%',
  '?%E0%A4%A=1',
  '?__proto__[x]=1&constructor=2',
  '?return_to=//evil.example&return_to=x',
  '?token=%00',
  `?x=${'y'.repeat(4000)}`,
];

const HEADERS: Record<string, string>[] = [
  { Cookie: 'latchkey_session=%00; latchkey_session.sig=%FF; =x; ;;;' },
  { Cookie: `latchkey_session=${'x'.repeat(4000)}` },
  { Cookie: 'latchkey_interaction={"$ne":null}; latchkey_federated=__proto__' },
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

const BODIES: [string, string][] = [
  ['application/x-www-form-urlencoded', 'a=%&b=%E0%A4%A&__proto__=x&constructor[prototype]=y'],
  ['application/x-www-form-urlencoded', 'email=a&email=b&password[$ne]=x&token=%00'],
  ['application/json', '{"account":{"$ne":null},"__proto__":{"admin":true},"constructor":{"prototype":{}}}'],
  ['application/json', '{'],
  ['application/json', `${'['.repeat(5000)}${']'.repeat(5000)}`],
  ['text/plain', 'account=1'],
  ['application/octet-stream', '\u0000\u00ff\u00fe'],
];

eachStore(({ url: storeUrl }) => {
  let server: TestServer;
  let people: Awaited<ReturnType<typeof openPeople>>;
  let person: Person;
  let token: string;

  before(async () => {
    server = await startTestServer({ storeUrl: await storeUrl() });
    people = await openPeople(server);
    person = await people.person();
    token = await mint('Fuzz');
  });
  after(async () => {
    await people.close();
    await server.stop();
  });

  async function mint(name: string): Promise<string> {
    const minted = await people.domain.tokens.mint(
      {
        account: person.account,
        name,
        scopes: ['wf:create_transaction'],
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
  function asOwnPage(): Record<string, string> {
    const cookies = Object.entries(person.agent.cookies()).map(
      ([key, value]) => `${key.split(' ')[0]}=${value}`,
    );
    return { Cookie: cookies.join('; '), Origin: server.url, 'Sec-Fetch-Site': 'same-origin' };
  }

  async function refusesNone(requests: readonly string[]): Promise<void> {
    for (const text of requests) {
      const status = await send(text);
      assert.ok(status < 500, `${status} for ${JSON.stringify(text.slice(0, 300))}`);
    }
  }

  for (const path of ROUTES) {
    test(path, async () => {
      // Some of these routes sign out.
      person.agent = await people.signIn(person.account.email);
      await refusesNone([
        ...METHODS.map((method) => request(method, path)),
        ...QUERIES.map((query) => request('GET', `${path}${query}`)),
        ...HEADERS.map((headers) => request('GET', path, headers)),
        ...HEADERS.map((headers) => request('POST', path, headers, 'a=1')),
        ...BODIES.map(([type, body]) =>
          request(
            'POST',
            path,
            { 'Content-Type': type, ...asOwnPage(), Authorization: `Bearer ${token}` },
            body,
          ),
        ),
        ...BODIES.map(([type, body]) =>
          request('POST', path, { 'Content-Type': type, ...asOwnPage() }, body),
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

  test('one path has one spelling', async () => {
    person.agent = await people.signIn(person.account.email);
    const variants = [
      '//tokens',
      '/tokens/',
      '/Tokens',
      '/tokens;x=1',
      '/%74okens',
      '/tokens%2f',
      '/./tokens',
      '/tokens.',
      '/x/../tokens',
      '/tokens%00',
    ];
    for (const path of variants) {
      const status = await send(request('GET', path, asOwnPage()));
      assert.ok(status === 404 || status === 400, `${path}: ${status}`);
    }
    assert.equal(await send(request('GET', '/tokens', asOwnPage())), 200);
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

  test('nothing of all this was logged as unexpected', () => {
    const unexpected = server
      .logged()
      .split('\n')
      .filter((line) => line.includes('"level":50'));
    assert.deepEqual(unexpected, []);
  });
});
