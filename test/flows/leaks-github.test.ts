import assert from 'node:assert/strict';
import { generateKeyPairSync, hash, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { newSecret } from '../../server/credentials/secret-format.ts';
import { openPeople, type People } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { readKeptMailTo } from '../support/smtp.ts';
import { until } from '../support/until.ts';

const OPERATOR = { kind: 'operator' } as const;
const URL_FOUND =
  'https://github.com/octocat/Hello-World/blob/12345600b9cbe38a219f39a9941c9319b600c002/foo/bar.txt';

const p256 = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const p384 = generateKeyPairSync('ec', { namedCurve: 'secp384r1' });
const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' });

describe("what GitHub's secret scanning reports", () => {
  let keys: Server;
  let asked = 0;
  let answer: { status: number; body: string };
  let server: TestServer;
  let people: People;
  let now = Math.floor(Date.now() / 1000);
  before(async () => {
    keys = createServer((_, response) => {
      asked += 1;
      response.writeHead(answer.status).end(answer.body);
    }).listen(0, '127.0.0.1');
    await once(keys, 'listening');
    answer = {
      status: 200,
      body: JSON.stringify({
        public_keys: [
          { key_identifier: 'current', key: pem(p256.publicKey), is_current: true },
          { key_identifier: 'of another curve', key: pem(p384.publicKey), is_current: false },
          { key_identifier: 'no key', key: 'x', is_current: false },
        ],
      }),
    };
    const githubKeys = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/`;
    server = await startTestServer({
      clock: () => now,
      settings: { proxies: ['127.0.0.1'], leaks: { github: true, githubKeys } },
    });
    people = await openPeople(server);
  });
  after(async () => {
    await people.close();
    await server.stop();
    keys.close();
  });

  function post(
    body: string,
    { keyId = 'current', by = p256.privateKey, signed = body, headers = {} as Record<string, string> } = {},
  ): Promise<Response> {
    return fetch(`${server.url}/credentials/github`, {
      method: 'POST',
      body,
      headers: {
        'Content-Type': 'application/json',
        'X-Forwarded-For': '192.0.2.1',
        'Github-Public-Key-Identifier': keyId,
        'Github-Public-Key-Signature': sign('sha256', Buffer.from(signed), by).toString('base64'),
        ...headers,
      },
    });
  }

  async function mint(name: string) {
    const account = await people.account();
    const wanted = { account, name, scopes: ['profile'], expiresAt: now + 86_400 };
    return { account, ...(await people.domain.tokens.mint(wanted, OPERATOR)) };
  }

  const me = async (token: string) =>
    (await fetch(`${server.url}/api/1.1/me`, { headers: { Authorization: `Bearer ${token}` } })).status;
  const told = async (to: string) =>
    (await readKeptMailTo(server.mailFolder, to)).filter(({ subject }) => subject?.includes('as leaked'));

  it('is ended when it is answered, said to be ours or not, and the owner told where it was', async () => {
    const { value, account } = await mint('Script');
    const stray = newSecret('lk_pat_');
    const found = [value, stray].map((token) => ({
      token,
      type: 'latchkey',
      url: URL_FOUND,
      source: 'content',
    }));
    const body = JSON.stringify(found);
    for (const turn of ['sent', 'sent again']) {
      const response = await post(body);
      assert.equal(response.status, 200, turn);
      assert.deepEqual(await response.json(), [
        { token_hash: hash('sha256', value), token_type: 'latchkey', label: 'true_positive' },
        { token_hash: hash('sha256', stray), token_type: 'latchkey', label: 'false_positive' },
      ]);
      assert.equal(await me(value), 401);
      const mails = await until('the mail', async () => {
        const some = await told(account.email);
        return some.length > 0 && some;
      });
      assert.equal(mails.length, 1);
      assert.ok(mails[0]?.text?.includes(`Script: personal access token, found at ${URL_FOUND}`));
      assert.ok(!String(mails[0]?.html).includes(`href="${URL_FOUND}`));
    }
    assert.equal(asked, 1);
  });

  it('is refused unless GitHub signed these bytes', async () => {
    const { value } = await mint('Stays');
    const body = JSON.stringify([{ token: value, type: 'latchkey', url: URL_FOUND, source: 'content' }]);
    const BAD: Parameters<typeof post>[1][] = [
      { by: other.privateKey },
      { by: p384.privateKey, keyId: 'of another curve' },
      { keyId: 'no key' },
      { keyId: 'unknown' },
      { keyId: '' },
      { keyId: '__proto__' },
      { signed: `${body} ` },
      { headers: { 'Github-Public-Key-Signature': '' } },
      { headers: { 'Github-Public-Key-Signature': 'AAAA' } },
      { headers: { 'Github-Public-Key-Signature': '\u00ff' } },
    ];
    for (const options of BAD) {
      const response = await post(body, options);
      assert.equal(response.status, 403, JSON.stringify(options));
      assert.ok(!(await response.text()).includes(value));
    }
    assert.equal(await me(value), 200);
    // Names that are made up have us ask once a minute and no more.
    assert.ok(asked <= 2, String(asked));
    now += 61;
    for (let count = 0; count < 5; count += 1) await post(body, { keyId: `unknown ${count}` });
    assert.ok(asked <= 3, String(asked));
  });

  it('is refused where it is signed, but in another form', async () => {
    const entry = { token: 'x', type: 'latchkey', url: URL_FOUND };
    const BAD = [
      '',
      '{',
      'null',
      '{}',
      '[]',
      '[1]',
      '[[]]',
      '["x"]',
      JSON.stringify([{ ...entry, token: 1 }]),
    ];
    BAD.push(
      JSON.stringify([{ ...entry, token: 'x'.repeat(1001) }]),
      JSON.stringify(Array(1001).fill(entry)),
    );
    for (const body of BAD) assert.equal((await post(body)).status, 400, body.slice(0, 80));
    const large = JSON.stringify([{ ...entry, type: 'x'.repeat(1_100_000) }]);
    assert.equal((await post(large)).status, 413);
    const typed = await post(JSON.stringify([entry]), { headers: { 'Content-Type': 'text/plain' } });
    assert.equal(typed.status, 415);
  });

  it('is limited only where it is not signed', async () => {
    const body = JSON.stringify([{ token: 'x', type: 'latchkey', url: null }]);
    const headers = { 'X-Forwarded-For': '192.0.2.9' };
    for (let count = 0; count < 65; count += 1) assert.equal((await post(body, { headers })).status, 200);
    for (let count = 0; count < 60; count += 1) {
      assert.equal((await post(body, { headers, keyId: '' })).status, 403);
    }
    assert.equal((await post(body, { headers, keyId: '' })).status, 429);
  });

  it('waits where its keys cannot be had, or are none', async () => {
    const good = answer;
    const body = JSON.stringify([{ token: 'x', type: 'latchkey', url: URL_FOUND }]);
    for (const bad of [
      { status: 500, body: '' },
      { status: 200, body: '{' },
      { status: 200, body: '[]' },
      { status: 200, body: `"${'x'.repeat(300 * 1024)}"` },
    ]) {
      now += 86_401;
      answer = bad;
      const response = await post(body);
      assert.equal(response.status, 503, bad.body.slice(0, 20));
      assert.equal(response.headers.get('retry-after'), '60');
    }
    answer = good;
    now += 61;
    assert.equal((await post(body)).status, 200);
  });
});

it("GitHub's reports are not there where they are not switched on", async () => {
  const server = await startTestServer();
  try {
    const { status } = await fetch(`${server.url}/credentials/github`, { method: 'POST', body: '[]' });
    assert.equal(status, 404);
  } finally {
    await server.stop();
  }
});
