import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { createAgent } from '../support/browserless.ts';
import { openPeople } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { createThirdPartyApp } from '../support/third-party-app.ts';

const CALLBACK = 'https://app.example.com/callback';
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

describe('the front door', () => {
  let server: TestServer;
  let people: Awaited<ReturnType<typeof openPeople>>;
  let query: Record<string, string>;
  let app: Awaited<ReturnType<typeof createThirdPartyApp>>;
  before(async () => {
    server = await startTestServer();
    people = await openPeople(server);
    const account = await people.account();
    const made = await people.domain.apps.create(
      {
        account,
        name: 'App',
        redirectUris: [CALLBACK],
        confidential: true,
        scopes: ['openid', 'email', 'wf:create_transaction'],
      },
      { kind: 'operator' },
    );
    app = await createThirdPartyApp(server.url, { client: made.client, secret: made.secret?.value });
    query = {
      client_id: made.client.id,
      redirect_uri: CALLBACK,
      response_type: 'code',
      scope: 'openid',
      state: 'a&b=ä',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
    };
  });
  after(async () => {
    await people.close();
    await server.stop();
  });

  const ask = (path: string, init: RequestInit = {}) =>
    fetch(server.url + path, { redirect: 'manual', ...init });
  /** As a page of the app's own site posts it. */
  const postFromElsewhere = (path: string, body: URLSearchParams | string, headers = {}) =>
    ask(path, {
      method: 'POST',
      headers: { ...FORM, origin: 'https://app.example.com', 'sec-fetch-site': 'cross-site', ...headers },
      body: String(body),
    });

  /** What else is asked for, and where it is. */
  const near: [method: string, path: string, address: string, form: 'oauth' | 'api' | 'page'][] = [
    ['POST', '/token', '/oauth/token', 'oauth'],
    ['POST', '/oauth2/token', '/oauth/token', 'oauth'],
    ['POST', '/oauth/Token', '/oauth/token', 'oauth'],
    ['POST', '/oauth/token/', '/oauth/token', 'oauth'],
    ['POST', '/oauth/access_token', '/oauth/token', 'oauth'],
    ['POST', '/realms/x/protocol/openid-connect/token', '/oauth/token', 'oauth'],
    ['GET', '/authorize', '/oauth/authorize', 'oauth'],
    ['GET', '/oauth/AUTHORIZE', '/oauth/authorize', 'oauth'],
    ['GET', '/oauth/authorize/', '/oauth/authorize', 'oauth'],
    ['POST', '/introspect', '/oauth/introspect', 'oauth'],
    ['POST', '/oauth/token/introspect', '/oauth/introspect', 'oauth'],
    ['POST', '/oauth/revocation', '/oauth/revoke', 'oauth'],
    ['GET', '/userinfo', '/oauth/userinfo', 'oauth'],
    ['GET', '/.well-known/jwks.json', '/oauth/jwks', 'oauth'],
    ['GET', '/oauth/logout', '/oauth/end-session', 'oauth'],
    ['GET', '/.well-known/openid-configuration/', '/.well-known/openid-configuration', 'oauth'],
    [
      'GET',
      '/.well-known/oauth-authorization-server/api/1.1',
      '/.well-known/oauth-authorization-server',
      'oauth',
    ],
    ['GET', '/oauth/.well-known/openid-configuration', '/.well-known/openid-configuration', 'oauth'],
    ['GET', '/.well-known/openid_configuration', '/.well-known/openid-configuration', 'oauth'],
    ['POST', '/wf/create_transaction', '/api/1.1/wf/create_transaction', 'api'],
    ['POST', '/api/wf/create_transaction', '/api/1.1/wf/create_transaction', 'api'],
    ['POST', '/api/v1/workflows/create_transaction', '/api/1.1/wf/create_transaction', 'api'],
    ['POST', '/api/1.1/wf/create_transaction/', '/api/1.1/wf/create_transaction', 'api'],
    ['GET', '/me', '/api/1.1/me', 'api'],
    ['GET', '/API/1.1/ME', '/api/1.1/me', 'api'],
    ['GET', '/api/1.1/me/token/', '/api/1.1/me/token', 'api'],
    ['POST', '/me/token/rotate', '/api/1.1/me/token/rotate', 'api'],
    ['POST', '/api/me/token/revoke', '/api/1.1/me/token/revoke', 'api'],
    ['POST', '/credentials/revoke/', '/credentials/revoke', 'api'],
    ['GET', '/login', '/sign-in', 'page'],
    ['POST', '/Sign-In', '/sign-in', 'page'],
    ['GET', '/health', '/healthz', 'api'],
  ];
  for (const [method, path, address, form] of near) {
    it(`says to ${method} ${path} that it is ${address}`, async () => {
      const response = await ask(path, { method });
      assert.equal(response.status, 404);
      const text = await response.text();
      assert.ok(text.includes(`Did you mean ${address}?`), text);
      const type = response.headers.get('content-type') ?? '';
      assert.match(type, form === 'page' ? /text\/html/ : /application\/json/);
      if (form === 'oauth') assert.equal(JSON.parse(text).error, 'invalid_request');
      if (form === 'api') assert.equal(JSON.parse(text).body.status, 'NOT_FOUND');
      // A browser shows a page where it is not asked for by a program's own address.
      if (/^\/(oauth|api|credentials)(\/|$)/.test(path)) return;
      const shown = await ask(path, { method, headers: { accept: 'text/html,*/*;q=0.8' } });
      assert.match(shown.headers.get('content-type') ?? '', /text\/html/);
    });
  }

  it('says nothing of a secret in an address that is not there', async () => {
    for (const path of [
      '/x/lk_pat_abcdef',
      '/wf/lk_pat_abcdef',
      '/oauth/lk%5Fpat%5Fabcdef/token',
      '/LK_Pat_abcdef',
      '/a/%6ck_pat_abcdef?x',
    ]) {
      const response = await ask(path, { method: 'POST' });
      assert.equal(response.status, 404);
      assert.doesNotMatch(await response.text(), /abcdef/);
    }
    assert.doesNotMatch(server.logged(), /abcdef/);
  });

  describe('a request that an app’s page posts', () => {
    it('is sent on to the same address, with its fields in the query', async () => {
      const { state, ...rest } = query;
      const response = await postFromElsewhere(
        `/oauth/authorize?${new URLSearchParams({ state: state ?? '' })}`,
        new URLSearchParams(rest),
      );
      assert.equal(response.status, 303);
      const location = new URL(response.headers.get('location') ?? '', server.url);
      assert.equal(location.origin + location.pathname, `${server.url}/oauth/authorize`);
      assert.deepEqual(Object.fromEntries(location.searchParams), query);
      const page = await createAgent(server.url).get(`${location.pathname}${location.search}`);
      assert.match(page.location, /^\/interaction\//);
    });

    it('may ask for a logout', async () => {
      const response = await postFromElsewhere('/oauth/end-session', 'state=x');
      assert.equal(response.headers.get('location'), '/oauth/end-session?state=x');
      const empty = await postFromElsewhere('/oauth/end-session', '');
      assert.deepEqual([empty.status, empty.headers.get('location')], [303, '/oauth/end-session']);
    });

    const refused: [
      name: string,
      path: string,
      body: string,
      headers: Record<string, string>,
      status: number,
    ][] = [
      ['a field twice', '', 'client_id=a&client_id=b', {}, 400],
      ['a field in the body and in the query', '?client_id=a', 'client_id=b', {}, 400],
      ['a field that is not UTF-8', '', 'client_id=%e4', {}, 400],
      ['more than 100 fields', '', 'a=1&'.repeat(3).concat('resource=x&'.repeat(101)), {}, 400],
      ['a long body', '', `state=${'x'.repeat(7000)}`, {}, 413],
      ['JSON', '', '{}', { 'content-type': 'application/json' }, 415],
    ];
    for (const [name, search, body, headers, status] of refused) {
      for (const path of ['/oauth/authorize', '/oauth/end-session']) {
        it(`to ${path} is refused with ${name}`, async () => {
          const response = await postFromElsewhere(path + search, body, headers);
          assert.equal(response.status, status);
          assert.match(response.headers.get('content-type') ?? '', /text\/html/);
          assert.equal(response.headers.get('location'), null);
        });
      }
    }
  });

  describe('a query', () => {
    const paths = ['/', '/sign-in', '/nothing', '/oauth/authorize', '/oauth/jwks', '/api/1.1/me', '/healthz'];
    for (const path of paths) {
      it(`of more than 100 parameters is refused at ${path}`, async () => {
        const parameters = Array.from({ length: 100 }, (_, index) => `p${index}=1`).join('&');
        const many = await ask(`${path}?${parameters}&one=more`);
        assert.equal(many.status, 400);
        assert.match(await many.text(), /more than 100 parameters/);
        const enough = await ask(`${path}?${parameters}`);
        assert.doesNotMatch(await enough.text(), /more than 100 parameters/);
      });

      it(`that is not UTF-8 is refused at ${path}, by the name of the field`, async () => {
        for (const bytes of ['%e4', '%C3', '%ff%fe', 'a%c3%28', '%ED%A0%80', '%C0%AF']) {
          const response = await ask(`${path}?fine=%C3%A4&odd=${bytes}&x=1`);
          assert.equal(response.status, 400, bytes);
          assert.match(await response.text(), /odd is not valid UTF-8.*as UTF-8/s);
        }
        for (const fine of ['%C3%A4', '%F0%9F%91%A9%E2%80%8D%F0%9F%91%A9', '100%', '%EF%BF%BD', '%zz']) {
          const response = await ask(`${path}?fine=${fine}`);
          assert.doesNotMatch(await response.text(), /not valid UTF-8/, fine);
        }
      });
    }
  });

  it('refuses a form that is not UTF-8, by the name of the field', async () => {
    const agent = createAgent(server.url);
    const headers = { ...FORM, origin: server.url, 'sec-fetch-site': 'same-origin' };
    const bodies = [
      Buffer.from('email=a%40example.com&password=geheimes-w%f6rtchen'),
      Buffer.from('email=a@example.com&password=geheimes-wörtchen', 'latin1'),
    ];
    for (const path of ['/sign-in', '/sign-up']) {
      for (const body of bodies) {
        const response = await ask(path, { method: 'POST', headers, body });
        assert.equal(response.status, 400);
        assert.match(await response.text(), /password is not valid UTF-8/);
      }
    }
    const page = await agent.post('/sign-in', { email: 'a@example.com', password: 'wörtchen \u{1f469}' });
    assert.doesNotMatch(page.text, /UTF-8/);
  });

  it('says of a form at the provider that it is not UTF-8, by the name of the field', async () => {
    for (const [path, body, field] of [
      ['/oauth/token', 'grant_type=client_credentials&client_id=x&client_secret=w%f6rt', 'client_secret'],
      ['/oauth/token', 'grant_type=%e4', 'grant_type'],
      ['/oauth/introspect', 'token=%e4&client_id=x&client_secret=x', 'token'],
    ] as const) {
      const response = await ask(path, { method: 'POST', headers: FORM, body });
      const said = (await response.json()) as { error: string; error_description: string };
      assert.deepEqual([response.status, said.error], [400, 'invalid_request']);
      assert.match(said.error_description, new RegExp(`field ${field} is not valid UTF-8`));
    }
  });

  it('lets pages answer under its own name alone, and all else under any', async () => {
    const { request } = await import('node:http');
    const statusAt = (path: string, method = 'GET') =>
      new Promise<number>((resolve, reject) => {
        const { port } = new URL(server.url);
        const headers = { host: 'latchkey.internal:3000' };
        const sent = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        sent.on('error', reject).end();
      });
    for (const path of [
      '/',
      '/sign-in',
      '/tokens',
      '/oauth/authorize',
      '/oauth/end-session',
      '/interaction/x',
    ]) {
      assert.equal(await statusAt(path), 421, path);
    }
    assert.equal(await statusAt('/sign-in', 'POST'), 421);
    const open: [method: string, path: string, status: number][] = [
      ['GET', '/api/1.1/me', 401],
      ['POST', '/oauth/token', 401],
      ['POST', '/oauth/introspect', 401],
      ['POST', '/oauth/revoke', 401],
      ['GET', '/oauth/userinfo', 401],
      ['GET', '/oauth/jwks', 200],
      ['GET', '/.well-known/openid-configuration', 200],
      ['GET', '/.well-known/oauth-authorization-server', 200],
      ['GET', '/.well-known/oauth-protected-resource', 200],
      ['GET', '/healthz', 200],
      ['GET', '/readyz', 200],
    ];
    for (const [method, path, status] of open) assert.equal(await statusAt(path, method), status, path);
  });

  const preflights: [path: string, methods: RegExp][] = [
    ['/api/1.1/me', /GET/],
    ['/api/1.1/wf/create_transaction', /POST/],
    ['/.well-known/oauth-protected-resource', /GET/],
    ['/.well-known/oauth-protected-resource/api/1.1', /GET/],
    ['/.well-known/openid-configuration', /GET/],
    ['/.well-known/oauth-authorization-server', /GET/],
    ['/oauth/jwks', /GET/],
    ['/oauth/token', /POST/],
    ['/oauth/userinfo', /GET/],
    ['/oauth/revoke', /POST/],
    ['/oauth/introspect', /POST/],
  ];
  for (const [path, methods] of preflights) {
    it(`lets a page of another site ask for ${path} with the headers that it adds`, async () => {
      const headers = {
        origin: 'https://page.example.com',
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'authorization,traceparent,mcp-protocol-version',
      };
      const response = await ask(path, { method: 'OPTIONS', headers });
      assert.equal(response.status, 204);
      assert.match(
        response.headers.get('access-control-allow-origin') ?? '',
        /^(\*|https:\/\/page\.example\.com)$/,
      );
      assert.match(response.headers.get('access-control-allow-methods') ?? '', methods);
      const allowed = response.headers.get('access-control-allow-headers') ?? '';
      assert.match(allowed, /authorization,traceparent,mcp-protocol-version/);
    });
  }

  it('answers an unreadable request line as it answers others, with headers and a line in the log', async () => {
    for (const target of [
      'http://[/x',
      'http://[::1/api/1.1/me',
      '*',
      'http://evil.example/oauth/token?a=%',
    ]) {
      const before = server.logged().length;
      const text = await raw(`OPTIONS ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      assert.match(text, /^HTTP\/1\.1 400 /, target);
      assert.match(text, /X-Content-Type-Options: nosniff/i, target);
      assert.match(
        text,
        target.includes('/oauth/') || target.includes('/api/')
          ? /application\/json/
          : /Content-Security-Policy/i,
      );
      assert.match(server.logged().slice(before), /"msg":"request"|"status":400/);
      assert.doesNotMatch(text, /evil\.example/);
    }
    const twoNames = await raw(
      'GET /sign-in HTTP/1.1\r\nHost: evil.example\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    assert.match(twoNames, /^HTTP\/1\.1 4/);
  });

  function raw(text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let answer = '';
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1', () => socket.write(text));
      socket.on('data', (chunk) => {
        answer += chunk;
      });
      socket.on('end', () => resolve(answer)).on('error', reject);
    });
  }

  it('says in JSON which methods there are where programs ask, also to nobody', async () => {
    for (const [method, path, allow] of [
      ['DELETE', '/api/1.1/me', 'GET, HEAD, OPTIONS'],
      ['POST', '/api/1.1/me', 'GET, HEAD, OPTIONS'],
      ['PUT', '/api/1.1/wf/create_transaction', 'POST, OPTIONS'],
      ['PUT', '/api/1.1/wf/no_such', 'POST, OPTIONS'],
      ['POST', '/.well-known/openid-configuration', 'GET, HEAD, OPTIONS'],
      ['PUT', '/.well-known/oauth-protected-resource', 'HEAD, GET, OPTIONS'],
      ['POST', '/healthz', 'HEAD, GET, OPTIONS'],
    ] as const) {
      const response = await ask(path, { method });
      assert.deepEqual([response.status, response.headers.get('allow')], [405, allow], `${method} ${path}`);
      assert.match(response.headers.get('content-type') ?? '', /json/);
    }
    assert.equal((await ask('/api/1.1/wf/no_such')).status, 401);
    const nothing = await ask('/.well-known/nothing');
    assert.equal(nothing.status, 404);
    assert.equal(((await nothing.json()) as { error: string }).error, 'invalid_request');
  });

  it('says of each document how long it may be kept', async () => {
    for (const path of ['openid-configuration', 'oauth-authorization-server', 'oauth-protected-resource']) {
      const response = await ask(`/.well-known/${path}`);
      assert.equal(response.headers.get('cache-control'), 'public, max-age=300', path);
      assert.ok(response.headers.get('access-control-allow-origin'), path);
    }
    assert.equal((await ask('/oauth/jwks')).headers.get('cache-control'), 'public, max-age=300');
  });

  it('answers a JWT as a token that is not active, and its revocation as done', async () => {
    const account = await people.account({ admin: true });
    const { client, secret } = await people.domain.services.create(
      { account, name: 'Api', scopes: [], actsFor: 'app', resourceServer: true },
      { kind: 'operator' },
    );
    const send = (path: string, token: string, clientSecret = secret.value) =>
      ask(path, {
        method: 'POST',
        headers: { ...FORM, authorization: `Basic ${btoa(`${client.id}:${clientSecret}`)}` },
        body: new URLSearchParams({ token }).toString(),
      });
    const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl';
    for (const token of [jwt, 'eyJhbGciOiJub25lIn0..', 'unknown', 'lk_pat_unknown']) {
      const introspected = await send('/oauth/introspect', token);
      assert.deepEqual([introspected.status, await introspected.json()], [200, { active: false }], token);
      const revoked = await send('/oauth/revoke', token);
      assert.match(revoked.headers.get('content-type') ?? '', /^application\/json/);
      assert.deepEqual([revoked.status, await revoked.json()], [200, {}], token);
      for (const path of ['/oauth/introspect', '/oauth/revoke']) {
        assert.equal((await send(path, token, 'wrong')).status, 401);
      }
    }
  });

  it('has a content security policy on each page, which lets the engine’s own script run', async () => {
    const person = await people.person();
    await app.connect(person.agent);
    const asked = await app.start({ response_mode: 'form_post' });
    const answer = await person.agent.follow(asked.location.href.slice(server.url.length));
    assert.match(answer.text, /<input type="hidden" name="code"/);
    assertScriptAllowed(answer);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    const out = await person.agent.get('/oauth/end-session');
    assert.match(out.headers.get('content-security-policy') ?? '', /script-src 'self'/);
    // Nobody is signed in there, so the engine's page goes on by itself.
    assertScriptAllowed(await createAgent(server.url).get('/oauth/end-session'));
    for (const path of ['/', '/sign-in', '/nothing', '/oauth/authorize', '/interaction/x', '/?a=%e4']) {
      const page = await createAgent(server.url).get(path);
      assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/, path);
    }
  });

  function assertScriptAllowed({ text, headers }: { text: string; headers: Headers }): void {
    const script = /<script>(.*?)<\/script>/s.exec(text)?.[1] ?? '';
    const digest = createHash('sha256').update(script).digest('base64');
    const policy = headers.get('content-security-policy') ?? '';
    if (script !== '') assert.ok(policy.includes(`'sha256-${digest}'`), policy);
    assert.match(policy, /default-src 'none'/);
  }
});
