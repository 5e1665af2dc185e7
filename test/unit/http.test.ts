import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import Koa from 'koa';
import { Problem, type ProblemCode } from '../../server/ground/errors.ts';
import { createLog } from '../../server/ground/log.ts';
import { readForm } from '../../server/http/body.ts';
import { canonicalHost, ownNameOnly } from '../../server/http/canonical-host.ts';
import { createClientAddress } from '../../server/http/client-address.ts';
import { asOAuthError, asPage } from '../../server/http/error-forms.ts';
import { answerErrorsAs } from '../../server/http/error-response.ts';
import { queryOne } from '../../server/http/query.ts';
import { addressOf, beginNotes } from '../../server/http/request.ts';
import { plainTarget } from '../../server/http/request-target.ts';
import { safePath, sameOriginOnly } from '../../server/http/same-origin.ts';
import { under } from '../../server/http/under.ts';

describe('safePath', () => {
  const here = ['/', '/tokens', '/tokens/new?name=a%20b', '/interaction/abc?x=1#y'];
  for (const path of here) test(`${path} is on this site`, () => assert.equal(safePath(path, '/no'), path));

  const elsewhere = [
    '',
    'tokens',
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '\\/evil.example',
    '/\t/evil.example',
    '/\n/evil.example',
    '/a\\b',
    ' //evil.example',
    '/.//evil.example',
    '/..//evil.example',
    '/tokens/..//evil.example',
    'javascript:alert(1)',
    'data:text/html,x',
  ];
  for (const value of elsewhere) {
    test(`${JSON.stringify(value)} is not followed`, () => assert.equal(safePath(value, '/no'), '/no'));
  }

  test('one that no page here has the length of is not kept', () => {
    assert.equal(safePath(`/${'a'.repeat(8_000)}`, '/no'), '/no');
  });
});

const origin = 'http://localhost:3000';

/** Throws what the query names. */
function throwAsAsked(ctx: Koa.Context, next: Koa.Next): Promise<unknown> {
  const [status, code, bug] = ['status', 'code', 'bug'].map((name) => queryOne(ctx, name));
  if (bug !== '') throw new TypeError('something of ours');
  if (status === '') return next();
  throw new Problem({
    status: Number(status),
    code: String(code) as ProblemCode,
    message: 'It is "so".',
    hint: 'Do – that.',
    headers: { 'Retry-After': '7' },
  });
}

async function sayPage(ctx: Koa.Context): Promise<void> {
  ctx.body = 'page';
}

function application(proxies: string[], write: (line: string) => void = () => undefined): Koa {
  const app = new Koa();
  app.silent = true;
  const site = { appName: 'Test', accentColour: '#0b57d0' };
  const log = createLog({ write });
  const clientAddress = createClientAddress({ proxies, log });
  app.use(async (ctx, next) => {
    beginNotes(ctx, clientAddress);
    await next();
  });
  app.use(answerErrorsAs(asPage(site), log));
  app.use(plainTarget);
  app.use(under(['/for-programs'], answerErrorsAs(asOAuthError, log), throwAsAsked));
  app.use(canonicalHost(origin));
  app.use(under(['/own-name'], ownNameOnly(origin, clientAddress), sayPage));
  app.use(sameOriginOnly(origin));
  app.use(async (ctx) => {
    if (ctx.method === 'POST') {
      const form = await readForm(ctx);
      ctx.body = { a: form.one('a') };
    } else ctx.body = { from: addressOf(ctx), host: ctx.host, href: ctx.href };
  });
  return app;
}

describe('http', () => {
  let server: Server;
  let url: string;
  before(async () => {
    server = createServer(application(['127.0.0.1', '10.0.0.0/8']).callback());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => void server.close());

  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const ours = { ...form, origin, 'sec-fetch-site': 'same-origin' };

  const posts: { name: string; headers: Record<string, string>; body?: string; status: number }[] = [
    { name: 'our own page', headers: ours, status: 200 },
    { name: 'our own page in a browser without fetch metadata', headers: { ...form, origin }, status: 200 },
    { name: 'neither header', headers: form, status: 403 },
    { name: 'another origin', headers: { ...form, origin: 'https://evil.example' }, status: 403 },
    { name: 'an opaque origin', headers: { ...form, origin: 'null' }, status: 403 },
    { name: 'cross-site', headers: { ...form, 'sec-fetch-site': 'cross-site' }, status: 403 },
    { name: 'a sibling domain', headers: { ...form, 'sec-fetch-site': 'same-site' }, status: 403 },
    { name: 'typed by hand', headers: { ...form, 'sec-fetch-site': 'none' }, status: 403 },
    { name: 'our origin but cross-site', headers: { ...ours, 'sec-fetch-site': 'cross-site' }, status: 403 },
    {
      name: 'same-origin but another origin',
      headers: { ...ours, origin: 'http://localhost:3001' },
      status: 403,
    },
    { name: 'JSON', headers: { ...ours, 'content-type': 'application/json' }, status: 415 },
    { name: 'a field twice', headers: ours, body: 'a=1&a=2', status: 400 },
    { name: 'a huge form', headers: ours, body: `a=${'x'.repeat(70_000)}`, status: 413 },
    { name: 'a compressed form', headers: { ...ours, 'content-encoding': 'gzip' }, status: 415 },
  ];
  for (const { name, headers, body, status } of posts) {
    test(`a post from ${name} gets ${status}`, async () => {
      const response = await fetch(url, { method: 'POST', headers, body: body ?? 'a=1' });
      assert.equal(response.status, status, await response.text());
    });
  }

  const forwarded: [header: Record<string, string>, address: string][] = [
    [{ 'x-forwarded-for': '203.0.113.7' }, '203.0.113.7'],
    [{ 'x-forwarded-for': '198.51.100.1, 203.0.113.7' }, '203.0.113.7'],
    [{ 'x-forwarded-for': '198.51.100.1, 203.0.113.7, 10.1.2.3' }, '203.0.113.7'],
    [{ 'x-forwarded-for': '::ffff:203.0.113.7' }, '203.0.113.7'],
    [{ 'x-forwarded-for': '2001:DB8::1' }, '2001:db8::1'],
    // Azure Application Gateway and IIS write the port too.
    [{ 'x-forwarded-for': '203.0.113.7:51234' }, '203.0.113.7'],
    [{ 'x-forwarded-for': '198.51.100.1:1, 203.0.113.7:2, 10.1.2.3:3' }, '203.0.113.7'],
    [{ 'x-forwarded-for': '[2001:db8::1]:51234' }, '2001:db8::1'],
    [{ 'x-forwarded-for': '[2001:db8::1]' }, '2001:db8::1'],
    [{ 'x-forwarded-for': '"[2001:db8::1]:51234"' }, '2001:db8::1'],
    [{ 'x-forwarded-for': '[::ffff:203.0.113.7]:80' }, '203.0.113.7'],
    [{ 'x-forwarded-for': 'garbage' }, '127.0.0.1'],
    [{ 'x-forwarded-for': '198.51.100.1, garbage' }, '127.0.0.1'],
    [{ 'x-forwarded-for': '' }, '127.0.0.1'],
    [{ forwarded: 'for=203.0.113.7' }, '203.0.113.7'],
    [{ forwarded: 'For="203.0.113.7:4711";proto=https;by=10.0.0.1' }, '203.0.113.7'],
    [{ forwarded: 'for=198.51.100.1, proto=https ; for="[2001:DB8:cafe::17]:4711"' }, '2001:db8:cafe::17'],
    [{ forwarded: 'for=198.51.100.1, for=203.0.113.7;proto=http, for=10.1.2.3' }, '203.0.113.7'],
    [{ forwarded: 'for="a,for=198.51.100.1"' }, '127.0.0.1'],
    [{ forwarded: 'for=unknown' }, '127.0.0.1'],
    [{ forwarded: 'for=_hidden, proto=https' }, '127.0.0.1'],
    // What most proxies write; the other came from the client then.
    [{ 'x-forwarded-for': '203.0.113.7', forwarded: 'for=198.51.100.1' }, '203.0.113.7'],
  ];
  for (const [headers, address] of forwarded) {
    test(`${JSON.stringify(headers)} behind a proxy of ours is ${address}`, async () => {
      const response = await fetch(url, { headers });
      assert.equal(((await response.json()) as { from: string }).from, address);
    });
  }

  for (const proxy of ['::ffff:127.0.0.1', '::ffff:127.0.0.0/104', '::FFFF:7f00:0/120']) {
    test(`a proxy that is written as ${proxy} is believed`, () => {
      const { of, isProxy } = createClientAddress({ proxies: [proxy], log: createLog({ write: () => {} }) });
      const from = (remoteAddress: string) =>
        ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': '203.0.113.7' } }) as never;
      for (const peer of ['127.0.0.1', '::ffff:127.0.0.1']) assert.equal(of(from(peer)), '203.0.113.7');
      assert.equal(isProxy(from('128.0.0.1')), false);
    });
  }

  /** What is logged when requests come with these headers, one after the other. */
  async function warningsFor(proxies: string[], requests: Record<string, string>[]): Promise<string[]> {
    const lines: string[] = [];
    const other = createServer(application(proxies, (line) => lines.push(line)).callback());
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    for (const headers of requests) {
      const { port } = other.address() as AddressInfo;
      const response = await fetch(`http://127.0.0.1:${port}`, { headers });
      assert.equal(((await response.json()) as { from: string }).from, '127.0.0.1');
    }
    other.close();
    return lines;
  }

  for (const proxies of [[], ['10.0.0.0/8']]) {
    test(`with the proxies ${JSON.stringify(proxies)} another is not believed, which is logged once`, async () => {
      const [line, ...more] = await warningsFor(proxies, [
        {},
        { 'x-forwarded-for': '203.0.113.7' },
        { forwarded: 'for=203.0.113.7' },
      ]);
      assert.match(line ?? '', /"from":"127.0.0.1".*LATCHKEY_PROXIES/);
      assert.deepEqual(more, []);
    });
  }

  test('what a proxy names that is no address is logged once, and no secret with it', async () => {
    const odd = [
      { 'x-forwarded-for': 'lk_pat_abc' },
      { 'x-forwarded-for': 'unknown' },
      { forwarded: 'for=x' },
    ];
    const [line, ...more] = await warningsFor(['127.0.0.1'], odd);
    assert.match(line ?? '', /"said":"\(removed\)".*no IP address/);
    assert.deepEqual(more, []);
  });

  for (const host of ['evil.example', 'evil.example:x@localhost:3000', 'localhost:3000, evil.example', '']) {
    test(`Host ${JSON.stringify(host)} does not reach what is written`, async () => {
      const answer = await raw(
        url,
        `GET / HTTP/1.1\r\nHost: ${host}\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n`,
      );
      assert.match(answer, /^HTTP\/1.1 200/);
      assert.match(answer, /"href":"http:\/\/localhost:3000\/"/);
    });
  }

  const names: [host: string, more: string, status: number][] = [
    ['localhost:3000', '', 200],
    ['LOCALHOST:3000', '', 200],
    ['127.0.0.1:3000', '', 200],
    ['127.0.0.1:3000', 'Sec-Fetch-Mode: navigate\r\n', 307],
    ['evil.example', '', 421],
    ['localhost:3000.evil.example', '', 421],
    ['evil.example:x@localhost:3000', '', 421],
    ['', '', 421],
    // The other end is a proxy of ours here.
    ['backend:3000', 'X-Forwarded-Host: evil.example, localhost:3000\r\n', 200],
    ['backend:3000', 'X-Forwarded-Host: localhost:3000, evil.example\r\n', 421],
  ];
  for (const [host, more, status] of names) {
    test(`a page asked for as ${JSON.stringify(host)} ${more.trim()} is ${status}`, async () => {
      const head = `GET /own-name HTTP/1.1\r\nHost: ${host}\r\n${more}Connection: close\r\n\r\n`;
      const answer = await raw(url, head);
      assert.equal(answer.split(' ')[1], String(status));
      if (status === 421) assert.match(answer, /Open http:\/\/localhost:3000,/);
    });
  }

  const targets = [
    'GET http://[/x',
    'GET http://[::1/x?a=%',
    'GET //[\u00e9',
    'GET /x?a=\u00e9',
    'GET http://evil.example/',
    'GET https://localhost:3000/',
    'GET evil.example',
    'OPTIONS *',
  ];
  for (const target of targets) {
    test(`${target} is refused: only a path says what is asked for`, async () => {
      const answer = await raw(
        url,
        `${target} HTTP/1.1\r\nHost: localhost:3000\r\nConnection: close\r\n\r\n`,
      );
      assert.match(answer, /^HTTP\/1.1 400/);
      assert.doesNotMatch(answer, /evil\.example/);
    });
  }

  const refusals: [query: string, status: number, error: string, description: string][] = [
    ['status=400&code=INVALID_REQUEST', 400, 'invalid_request', "It is 'so'. Do  that."],
    ['status=403&code=insufficient_scope', 403, 'insufficient_scope', "It is 'so'. Do  that."],
    ['status=429&code=TOO_MANY_ATTEMPTS', 429, 'invalid_request', "It is 'so'. Do  that."],
    ['status=503&code=UNAVAILABLE', 503, 'temporarily_unavailable', "It is 'so'. Do  that."],
  ];
  for (const [query, status, error, description] of refusals) {
    test(`a refusal of ${query} to a program is ${error} (RFC 6749)`, async () => {
      const response = await fetch(`${url}/for-programs?${query}`);
      assert.equal(response.status, status);
      assert.equal(response.headers.get('retry-after'), '7');
      assert.equal(response.headers.get('cache-control'), 'no-store');
      assert.deepEqual(await response.json(), { error, error_description: description });
    });
  }

  test('an address that a group does not have is refused in its form', async () => {
    const response = await fetch(`${url}/for-programs/nothing`);
    assert.equal(response.status, 404);
    assert.equal(((await response.json()) as { error: string }).error, 'invalid_request');
  });

  test('a mistake of ours is a server_error to a program, without a word of it', async () => {
    const response = await fetch(`${url}/for-programs/below?bug=1`);
    assert.equal(response.status, 500);
    const text = await response.text();
    assert.match(text, /"error":"server_error"/);
    assert.doesNotMatch(text, /something of ours/);
  });

  test('a body that ends too early is a 400 and closes the connection', async () => {
    const head = `POST / HTTP/1.1\r\nHost: x\r\nOrigin: ${origin}\r\nContent-Type: application/x-www-form-urlencoded\r\n`;
    const answer = await raw(url, `${head}Content-Length: 50\r\n\r\na=1`, true);
    // The client has gone; what matters is that the server still answers others.
    assert.ok(answer === '' || answer.startsWith('HTTP/1.1 400'));
    assert.equal((await fetch(url)).status, 200);
  });
});

function raw(url: string, text: string, end = false): Promise<string> {
  const { port } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), '127.0.0.1', () => (end ? socket.end(text) : socket.write(text)));
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
  });
}
