import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Client } from '../../server/credentials/client.ts';
import { openPeople } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const LOGO = '<svg xmlns="http://www.w3.org/2000/svg"/>';

describe('what a client finds by itself', () => {
  let server: TestServer;
  let people: Awaited<ReturnType<typeof openPeople>>;
  let folder: string;
  let app: Client;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-logo-'));
    const logo = join(folder, 'logo.svg');
    await writeFile(logo, LOGO);
    server = await startTestServer({ settings: { logo, accentColour: '#123456' } });
    people = await openPeople(server);
    const account = await people.account();
    const wanted = {
      account,
      name: 'Page',
      redirectUris: ['https://page.example.com/callback'],
      confidential: false,
      scopes: ['openid'],
    };
    app = (await people.domain.apps.create(wanted, { kind: 'operator' })).client;
  });
  after(async () => {
    await people.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** RFC 9728 section 3.1: at the root and in path form. */
  for (const path of ['', '/api/1.1']) {
    it(`where tokens for the API come from, at the path “${path}”`, async () => {
      const response = await fetch(`${server.url}/.well-known/oauth-protected-resource${path}`);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('access-control-allow-origin'), '*');
      assert.deepEqual(await response.json(), {
        resource: `${server.url}/api/1.1`,
        authorization_servers: [server.url],
        scopes_supported: [
          'wf:create_transaction',
          'data:transaction:read',
          'data:transaction:write',
          'profile',
          'openid',
          'email',
          'offline_access',
        ],
        bearer_methods_supported: ['header'],
        resource_name: 'Latchkey API',
      });
    });
  }

  it('lets an app in a browser redeem from where it is sent back to, and from nowhere else', async () => {
    const from = (origin: string) =>
      fetch(`${server.url}/oauth/token`, {
        method: 'POST',
        headers: { origin },
        body: new URLSearchParams({ grant_type: 'authorization_code', client_id: app.id, code: 'x' }),
      });
    const own = await from('https://page.example.com');
    assert.equal(own.headers.get('access-control-allow-origin'), 'https://page.example.com');
    const foreign = await from('https://evil.example');
    assert.equal(foreign.status, 400);
    assert.match(await foreign.text(), /origin/i);
    const discovery = await fetch(`${server.url}/.well-known/openid-configuration`, {
      headers: { origin: 'https://page.example.com' },
    });
    assert.equal(discovery.headers.get('access-control-allow-origin'), 'https://page.example.com');
  });

  it('one key, which is the one that signs', async () => {
    const { keys } = (await (await fetch(`${server.url}/oauth/jwks`)).json()) as { keys: { alg: string }[] };
    assert.deepEqual(
      keys.map(({ alg }) => alg),
      ['RS256'],
    );
  });

  it('the few files of the pages, revalidated and not sent again', async () => {
    const files: [path: string, type: string, text: RegExp][] = [
      ['/assets/style.css', 'text/css; charset=utf-8', /--accent/],
      ['/assets/accent.css', 'text/css; charset=utf-8', /^:root\{--accent:#123456\}\n$/],
      ['/assets/copy.js', 'text/javascript; charset=utf-8', /clipboard/],
      ['/assets/logo.svg', 'image/svg+xml', /^<svg/],
    ];
    for (const [path, type, text] of files) {
      const response = await fetch(`${server.url}${path}`);
      assert.equal(response.headers.get('content-type'), type);
      assert.match(await response.text(), text);
      const etag = response.headers.get('etag') ?? '';
      // fetch by itself would say no-cache.
      const headers = { 'if-none-match': etag, 'cache-control': 'max-age=0' };
      const again = await fetch(`${server.url}${path}`, { headers });
      assert.equal(again.status, 304, path);
    }
  });

  it('the one name of a developer’s machine, because cookies belong to a name', async () => {
    const { port } = new URL(server.url);
    const visit = (host: string, mode: string) =>
      new Promise<{ status: number; location: string }>((resolve, reject) => {
        const headers = { host, 'sec-fetch-mode': mode };
        request({ host: '127.0.0.1', port, path: '/sign-in?a=b', headers }, (response) => {
          response.resume();
          resolve({ status: response.statusCode ?? 0, location: response.headers.location ?? '' });
        })
          .on('error', reject)
          .end();
      });
    const moved = await visit(`127.0.0.1:${port}`, 'navigate');
    assert.deepEqual(moved, { status: 307, location: `${server.url}/sign-in?a=b` });
    assert.equal((await visit(`127.0.0.1:${port}`, 'cors')).status, 200);
    assert.equal((await visit(`localhost:${port}`, 'navigate')).status, 200);
    assert.equal((await visit('evil.example', 'navigate')).status, 421);
  });
});
