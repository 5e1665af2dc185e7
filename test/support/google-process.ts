import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import type { Behaviour, Person, Seen, WantedIdToken } from './google.ts';

/**
 * An OpenID provider that plays Google: real keys, real HTTP, its own process. It does what a provider must
 * (secret, PKCE, redirect URI, a code works once) and, told so, one thing wrong. Ends when its parent does.
 */

const CLIENT = { id: 'latchkey-test', secret: 'google-test-secret' };
const KEY_ID = 'key-1';

type Code = {
  person: Person;
  nonce: string | null;
  challenge: string | null;
  redirectUri: string;
  /** OpenID Connect Core section 2: `auth_time` must be there when asked for. */
  tellsWhen: boolean;
};

const keys = await generateKeyPair('RS256', { extractable: true });
const otherKeys = await generateKeyPair('RS256');
const codes = new Map<string, Code>();
const people = new Map<string, Person>();
const seen: Seen[] = [];
let behaviour: Behaviour = {};
let issuer = '';
let bytesSent = 0;

/** More than memory should ever hold of it. */
const HUGE_CHUNKS = 3200;
const CHUNK = Buffer.alloc(64 * 1024, ' ');

const routes: Record<
  string,
  (request: IncomingMessage, url: URL, response: ServerResponse) => Promise<void>
> = {
  'GET /.well-known/openid-configuration': async (_request, _url, response) => {
    if (behaviour.fault === 'discovery-500') return send(response, 500, 'out of order');
    if (behaviour.huge === 'discovery') return sendHuge(response);
    const metadata: Record<string, unknown> = {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      userinfo_endpoint: `${issuer}/userinfo`,
      jwks_uri: `${issuer}/jwks`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      authorization_response_iss_parameter_supported: true,
      ...behaviour.metadata,
    };
    const said = Object.entries(metadata).filter(([, value]) => value !== null);
    sendJson(response, Object.fromEntries(said));
  },

  'GET /jwks': async (_request, _url, response) => {
    if (behaviour.huge === 'jwks') return sendHuge(response);
    sendJson(response, {
      keys: [{ ...(await exportJWK(keys.publicKey)), kid: KEY_ID, use: 'sig', alg: 'RS256' }],
    });
  },

  'GET /authorize': async (_request, url, response) => {
    const query = url.searchParams;
    seen.push({ authorize: Object.fromEntries(query), secretBy: [] });
    if (query.get('client_id') !== CLIENT.id) return send(response, 400, 'no such client');
    if (query.get('response_type') !== 'code') return send(response, 400, 'only response_type=code');
    if (behaviour.authorizeError !== undefined) {
      return goBack(response, query, { error: behaviour.authorizeError });
    }
    if (behaviour.person !== undefined) return approve(response, query, behaviour.person);
    send(response, 200, choicePage(url));
  },

  'POST /authorize': async (request, url, response) => {
    const form = new URLSearchParams(await bodyOf(request));
    if (form.has('deny')) return goBack(response, url.searchParams, { error: 'access_denied' });
    const email = form.get('email') ?? '';
    approve(response, url.searchParams, { sub: `sub-of-${email}`, email, email_verified: true });
  },

  'POST /token': async (request, _url, response) => {
    const form = new URLSearchParams(await bodyOf(request));
    if (behaviour.huge === 'token') return sendHuge(response);
    if (behaviour.fault === 'token-500') return send(response, 500, 'out of order');
    if (behaviour.fault === 'token-garbage') return send(response, 200, '<html>surprise</html>');
    if (behaviour.fault === 'token-never') return;
    if (!isClient(request, form)) return refuseClient(response);
    const code = codes.get(form.get('code') ?? '');
    codes.delete(form.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (code?.challenge !== challenge || code.redirectUri !== form.get('redirect_uri')) {
      return sendJson(response, { error: 'invalid_grant' }, 400);
    }
    const accessToken = randomBytes(16).toString('base64url');
    people.set(accessToken, code.person);
    sendJson(response, {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: 3600,
      id_token: await idTokenFor(code),
    });
  },

  'GET /userinfo': async (request, _url, response) => {
    const person = people.get((request.headers.authorization ?? '').replace(/^Bearer /, ''));
    if (person === undefined) return send(response, 401, 'no such token');
    if (behaviour.huge === 'userinfo') return sendHuge(response);
    sendJson(response, behaviour.userinfo ?? person);
  },

  /** For the tests: says how to behave from now on. */
  'PUT /control': async (request, _url, response) => {
    behaviour = JSON.parse(await bodyOf(request)) as Behaviour;
    seen.length = 0;
    bytesSent = 0;
    sendJson(response, {});
  },

  /** For the tests: an ID token of these claims, signed as said. */
  'POST /control/sign': async (request, _url, response) => {
    sendJson(response, await signed(JSON.parse(await bodyOf(request)) as WantedIdToken));
  },

  /** For the tests: what came in since. */
  'GET /control': async (_request, _url, response) => sendJson(response, seen),
  'GET /control/bytes': async (_request, _url, response) => sendJson(response, bytesSent),
};

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', issuer);
  const route = routes[`${request.method} ${url.pathname}`];
  if (route === undefined) return send(response, 404, 'nothing here');
  route(request, url, response).catch((error) => send(response, 500, String(error)));
});

server.listen(0, '127.0.0.1', () => {
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  process.stdout.write(`${issuer}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();

/** Whether this is our client, which shows its secret in the way that is taken (RFC 6749 section 2.3.1). */
function isClient(request: IncomingMessage, form: URLSearchParams): boolean {
  const { authorization } = request.headers;
  const by = authorization === undefined ? (form.has('client_secret') ? 'post' : 'none') : 'basic';
  seen.at(-1)?.secretBy?.push(by);
  if (by === 'none' || (behaviour.takesSecretBy ?? by) !== by || behaviour.refusesClient !== undefined)
    return false;
  if (by === 'post')
    return form.get('client_id') === CLIENT.id && form.get('client_secret') === CLIENT.secret;
  const sent = Buffer.from((authorization ?? '').replace(/^Basic /, ''), 'base64').toString();
  return sent === `${CLIENT.id}:${CLIENT.secret}`;
}

function refuseClient(response: ServerResponse): void {
  if (behaviour.refusesClient === 'page') {
    send(response, 401, '<h1>Unauthorized</h1>');
    return;
  }
  if (behaviour.refusesClient === 'challenge') response.setHeader('WWW-Authenticate', 'Basic realm="test"');
  const description = `no client with ${CLIENT.secret}\u0007`;
  sendJson(response, { error: 'invalid_client', error_description: description }, 401);
}

/** 200 MB of JSON, or one that never ends; stops when nobody reads any more. */
async function sendHuge(response: ServerResponse): Promise<void> {
  const { hugeAs = 'chunks' } = behaviour;
  response.on('error', () => undefined);
  const headers: Record<string, string | number> = { 'content-type': 'application/json' };
  if (hugeAs === 'length') headers['content-length'] = CHUNK.length * HUGE_CHUNKS;
  if (hugeAs === 'gzip') headers['content-encoding'] = 'gzip';
  response.writeHead(200, headers);
  const gzip = hugeAs === 'gzip' ? createGzip() : undefined;
  gzip?.pipe(response);
  const out = gzip ?? response;
  for (let sent = 0; sent < HUGE_CHUNKS && !response.destroyed; sent += 1) {
    const chunk = hugeAs === 'trickle' ? CHUNK.subarray(0, 1) : CHUNK;
    bytesSent += chunk.length;
    out.write(chunk);
    await delay(hugeAs === 'trickle' ? 100 : 0);
    while (out.writableNeedDrain && !response.destroyed) await delay(1);
  }
  gzip?.destroy();
  response.destroy();
}

function approve(response: ServerResponse, query: URLSearchParams, person: Person): void {
  const code = randomBytes(16).toString('base64url');
  codes.set(code, {
    person,
    nonce: query.get('nonce'),
    challenge: query.get('code_challenge_method') === 'S256' ? query.get('code_challenge') : null,
    redirectUri: query.get('redirect_uri') ?? '',
    tellsWhen: query.has('max_age') || (query.get('claims') ?? '').includes('auth_time'),
  });
  goBack(response, query, { code });
}

function goBack(response: ServerResponse, query: URLSearchParams, answer: Record<string, string>): void {
  const location = new URL(query.get('redirect_uri') ?? '');
  const from = behaviour.fault === 'wrong-response-iss' ? 'https://accounts.example' : issuer;
  for (const [name, value] of Object.entries({ ...answer, state: query.get('state') ?? '', iss: from })) {
    location.searchParams.set(name, value);
  }
  response.writeHead(303, { location: location.href }).end();
}

async function idTokenFor(code: Code): Promise<string> {
  const { fault } = behaviour;
  const now = Math.floor(Date.now() / 1000);
  const expired = fault === 'expired';
  const { email, email_verified, ...others } = code.person;
  const claims = {
    ...(code.tellsWhen && behaviour.keepsAuthTime !== true
      ? { auth_time: now + (behaviour.aheadSeconds ?? 0) }
      : {}),
    ...others,
    ...(behaviour.emailInUserinfo === true ? {} : { email, email_verified }),
    ...Object.fromEntries((behaviour.idTokenOmits ?? []).map((name) => [name, undefined])),
    iss: fault === 'wrong-iss' ? 'https://accounts.example' : issuer,
    aud: fault === 'wrong-aud' ? 'another-client' : CLIENT.id,
    iat: expired ? now - 7200 : now,
    exp: expired ? now - 3600 : now + 3600,
    nonce: fault === 'wrong-nonce' ? 'another' : fault === 'no-nonce' ? undefined : code.nonce,
  };
  if (fault === 'alg-none') return new UnsecuredJWT(claims).encode();
  if (fault === 'alg-hs256') {
    const secret = Buffer.from(CLIENT.secret.padEnd(32, '.'));
    return new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(secret);
  }
  const key = fault === 'bad-signature' ? otherKeys.privateKey : keys.privateKey;
  const kid = fault === 'unknown-key' ? 'key-2' : KEY_ID;
  return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid }).sign(key);
}

async function signed({ claims, header = {}, by = 'provider' }: WantedIdToken): Promise<string> {
  if (by === 'nobody') return new UnsecuredJWT(claims).encode();
  if (by === 'secret') {
    const secret = Buffer.from(CLIENT.secret.padEnd(32, '.'));
    return new SignJWT(claims).setProtectedHeader({ alg: 'HS256', ...header }).sign(secret);
  }
  const key = by === 'stranger' ? otherKeys.privateKey : keys.privateKey;
  return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: KEY_ID, ...header }).sign(key);
}

function choicePage(url: URL): string {
  const action = `/authorize${url.search}`.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  return `<!doctype html><html lang="en"><title>Choose an account</title><h1>Choose an account</h1>
<form method="post" action="${action}"><label>E-mail <input name="email" type="email"></label>
<button>Continue</button> <button name="deny" value="1">Cancel</button></form></html>`;
}

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' }).end(text);
}

function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
