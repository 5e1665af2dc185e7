import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { type Agent, createAgent } from '../support/browserless.ts';
import { startServerProcess } from '../support/process.ts';
import { linkIn, startSmtp } from '../support/smtp.ts';

/** As README says to run it: a public https address, and a proxy on this machine that ends TLS. */
const PUBLIC = 'https://id.example.com';
const EMAIL = 'person@example.com';
const PASSWORD = 'correct horse battery staple';

let folder: string;
let smtp: Awaited<ReturnType<typeof startSmtp>>;
let server: Awaited<ReturnType<typeof startServerProcess>>;
let agent: Agent;
let inner: string;

/** What Apache adds to a request of a client that wrote some of it itself. */
const FORWARDED = {
  'x-forwarded-for': '6.6.6.6, 203.0.113.7',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'evil.example, id.example.com',
};

const get = (path: string) => agent.get(path, FORWARDED);
const post = (path: string, form: Record<string, string | string[]>) =>
  agent.post(path, form, { ...FORWARDED, origin: PUBLIC });

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-proxy-'));
  smtp = await startSmtp();
  const port = await freePort();
  inner = `http://127.0.0.1:${port}`;
  agent = createAgent(inner);
  server = await startServerProcess({
    LATCHKEY_URL: PUBLIC,
    LATCHKEY_PROXIES: '127.0.0.1',
    LATCHKEY_MAIL: smtp.url,
    LATCHKEY_DATA: folder,
    PORT: String(port),
  });
});

after(async () => {
  await server?.kill('SIGTERM');
  await smtp?.stop();
  await rm(folder, { recursive: true, force: true });
});

it('sends the headers that browsers want with each kind of answer', async () => {
  const everywhere = {
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'strict-transport-security': 'max-age=31536000',
  };
  const shown = {
    ...everywhere,
    'referrer-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
  };
  const page = { ...shown, 'content-type': 'text/html; charset=utf-8' };
  const json = { ...everywhere, 'content-type': 'application/json; charset=utf-8' };
  const answers: [path: string, status: number, headers: Record<string, string>][] = [
    ['/sign-in', 200, page],
    ['/tokens', 303, shown],
    ['/nothing', 404, page],
    ['/assets/style.css', 200, shown],
    ['/healthz', 200, shown],
    ['/oauth/authorize', 400, page],
    ['/.well-known/openid-configuration', 200, shown],
    ['/oauth/end-session/nothing', 404, json],
    ['/.well-known/nothing', 404, page],
    ['/api', 404, json],
    ['/api/1.1/me', 401, json],
    ['/api/1.1/wf/nothing', 401, json],
    ['/oauth/token', 405, json],
    ['/oauth/tokens', 404, json],
  ];
  for (const [path, status, headers] of answers) {
    const answer = await get(path);
    const sent = Object.fromEntries(Object.keys(headers).map((name) => [name, answer.headers.get(name)]));
    assert.deepEqual([path, answer.status, sent], [path, status, headers]);
  }
});

it('says where it listens, for the proxy, beside its public address', () => {
  const port = new URL(inner).port;
  const line = `Latchkey listens on ${PUBLIC} (at 127.0.0.1, port ${port})\n`;
  assert.ok(server.output().includes(line), server.output());
});

it('signs people up and in with cookies that a browser keeps', async () => {
  await post('/sign-up', { email: EMAIL, password: PASSWORD });
  const mail = await smtp.waitFor({ to: EMAIL });
  assert.match(mail.text ?? '', /203\.0\.113\.7/, 'the address that the proxy saw');
  assert.doesNotMatch(mail.text ?? '', /6\.6\.6\.6|evil\.example|127\.0\.0\.1/);
  const link = new URL(linkIn(mail));
  assert.equal(link.origin, PUBLIC);
  const token = link.searchParams.get('token') ?? '';
  const signedIn = await post('/verify-email', { token, password: PASSWORD });
  assert.equal(signedIn.location, '/tokens');
  assertCookies(signedIn.headers, ['__Host-latchkey_session']);
});

it('leads an app through authorization', async () => {
  const registered = await post('/developer/new', {
    name: 'App',
    redirectUris: 'https://app.example.com/callback',
    scopes: ['openid'],
    type: 'public',
  });
  const query = new URLSearchParams({
    client_id: /app_\w+/.exec(registered.location)?.[0] ?? '',
    response_type: 'code',
    scope: 'openid',
    redirect_uri: 'https://app.example.com/callback',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  });
  const waiting = await get(`/oauth/authorize?${query}`);
  assert.match(waiting.location, /^\/interaction\//, waiting.text);
  assertCookies(waiting.headers, ['latchkey_interaction', 'latchkey_resume']);
  const consent = await get(waiting.location);
  assert.match(consent.text, /App wants to use your/);
  const allowed = await post(`${waiting.location}/allow`, {});
  const resumed = allowed.location.replace(PUBLIC, '');
  assert.match((await get(resumed)).location, /^https:\/\/app\.example\.com\/callback\?code=/);
});

it('gives out addresses of its own that begin with its public one', async () => {
  const { text, headers } = await get('/.well-known/openid-configuration');
  const metadata = Object.entries(JSON.parse(text) as Record<string, unknown>);
  const addresses = metadata.filter(([name]) => /(_endpoint|_uri|^issuer)$/.test(name));
  assert.ok(addresses.length >= 7, text);
  for (const [name, address] of addresses)
    assert.ok(String(address).startsWith(PUBLIC), `${name}: ${address}`);
  assert.match(headers.get('strict-transport-security') ?? '', /max-age=\d+/);
  const refused = await fetch(`${inner}/api/1.1/me`, { headers: FORWARDED });
  assert.match(
    refused.headers.get('www-authenticate') ?? '',
    /resource_metadata="https:\/\/id\.example\.com\//,
  );
});

/**
 * RFC 6265bis section 4.1.3.2: a browser drops a `__Host-` cookie without Secure, or with a path of its own.
 */
function assertCookies(headers: Headers, wanted: readonly string[]): void {
  const cookies = headers.getSetCookie();
  for (const name of wanted)
    assert.ok(
      cookies.some((cookie) => cookie.startsWith(`${name}=`)),
      name,
    );
  for (const cookie of cookies) {
    assert.match(cookie, /; *secure\b/i);
    assert.match(cookie, /; *httponly\b/i);
    if (cookie.startsWith('__Host-')) assert.match(cookie, /; *path=\/(;|$)/i);
  }
}

/** With a public address of its own the server cannot take port 0 and tell it. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
