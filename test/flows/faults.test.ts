import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, afterEach, beforeEach, describe, type TestContext, test } from 'node:test';
import * as oauth from 'openid-client';
import { openPeople } from '../support/people.ts';
import { startServerProcess } from '../support/process.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eachStore } from '../support/stores.ts';
import { createThirdPartyApp } from '../support/third-party-app.ts';
import { until } from '../support/until.ts';

const operator = { kind: 'operator' } as const;
const TRANSACTION_PATH = '/api/1.1/wf/create_transaction';
const TRANSACTION = { account: 'DE02', phone: '+49301234567', amount: 12.5 };
const UNREADABLE = 'the activity cannot be read now';
const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;

async function isListening(url: string): Promise<boolean> {
  try {
    await (await fetch(`${url}/healthz`)).body?.cancel();
    return true;
  } catch {
    return false;
  }
}

async function statusOf(url: string, token: string): Promise<number> {
  const response = await fetch(`${url}/api/1.1/me`, { headers: { authorization: `Bearer ${token}` } });
  await response.body?.cancel();
  return response.status;
}

/** A server process, and people of it, that go when the test ends, however it ends: one that stays keeps the file from ending. */
async function startWithPeople(
  t: TestContext,
  given: { folder: string; store: string; environment: Record<string, string> },
) {
  const server = await startServerProcess(given.environment);
  t.after(() => server.kill('SIGKILL'));
  const mailFolder = join(given.folder, 'mail');
  const { folder: dataFolder, store: storeUrl } = given;
  const people = await openPeople({ url: server.url, dataFolder, storeUrl, mailFolder } as TestServer);
  t.after(() => people.close());
  return { server, people };
}

/** The same within this process. */
async function startHereWithPeople(t: TestContext, options: { keepFolder?: string } = {}) {
  const server = await startTestServer(options);
  t.after(() => server.stop());
  const people = await openPeople(server);
  t.after(() => people.close());
  return { server, people };
}

function transaction(url: string, token: string) {
  return fetch(`${url}${TRANSACTION_PATH}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(TRANSACTION),
  });
}

eachStore(({ engine, url: storeUrl }) => {
  const folders: string[] = [];
  after(async () => {
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  });

  async function settled(): Promise<{ folder: string; store: string; environment: Record<string, string> }> {
    const folder = await mkdtemp(join(tmpdir(), 'latchkey-faults-'));
    folders.push(folder);
    const store = await storeUrl();
    return { folder, store, environment: { LATCHKEY_DATA: folder, LATCHKEY_STORE: store } };
  }

  test('what was acknowledged survives kill -9, and a used refresh token stays used', async (t) => {
    const given = await settled();
    const { server, people } = await startWithPeople(t, given);
    const { account, agent } = await people.person();
    const made = await people.domain.apps.create(
      {
        account,
        name: 'Ledger',
        redirectUris: ['https://app.example.com/cb'],
        confidential: true,
        scopes: ['openid'],
      },
      operator,
    );
    const app = await createThirdPartyApp(server.url, { client: made.client, secret: made.secret?.value });
    const tokens = await app.connect(agent, { scope: 'openid' });
    const next = await oauth.refreshTokenGrant(app.config, tokens.refresh_token ?? '');
    const pat = await people.domain.tokens.mint(
      { account, name: 'Laptop', scopes: ['wf:create_transaction'], expiresAt: inAnHour() },
      operator,
    );
    // A machine that has much to do sends some away, with nothing done; they come again.
    const acknowledged = async () => {
      const { status } = await transaction(server.url, pat.value);
      assert.ok([200, 503, 504].includes(status), String(status));
      return status === 200;
    };
    await Promise.all(Array.from({ length: 20 }, () => until('it is acknowledged', acknowledged, 120_000)));
    await server.kill('SIGKILL');

    const port = new URL(server.url).port;
    const again = await startServerProcess({ ...given.environment, PORT: port });
    t.after(() => again.kill('SIGKILL'));
    assert.equal(await statusOf(again.url, pat.value), 200);
    assert.equal(await statusOf(again.url, next.access_token), 200);
    const page = await people.domain.rows.calls.list({
      where: [['accountId', '=', account.id]],
      limit: 100,
    });
    const done = page.filter((call) => call.path.endsWith('create_transaction') && call.status === 200);
    assert.equal(done.length, 20);
    // As if the five seconds of grace were over.
    const used = [['consumedAt', 'present']] as const;
    await people.domain.rows.artifacts.updateMany(used, { add: { consumedAt: -6 } });
    await assert.rejects(oauth.refreshTokenGrant(app.config, tokens.refresh_token ?? ''), {
      error: 'invalid_grant',
    });
    assert.equal(await statusOf(again.url, next.access_token), 401, 'and its reuse ended the family');
  });

  test('two servers on one store: what one revokes the other refuses at once', async (t) => {
    const given = await settled();
    const { server: one, people } = await startWithPeople(t, given);
    const two = await startServerProcess(given.environment);
    t.after(() => two.kill('SIGKILL'));
    const account = await people.account();
    for (let round = 0; round < 5; round += 1) {
      const pat = await people.domain.tokens.mint(
        { account, name: `Laptop ${round}`, scopes: ['profile'], expiresAt: inAnHour() },
        operator,
      );
      assert.deepEqual([await statusOf(one.url, pat.value), await statusOf(two.url, pat.value)], [200, 200]);
      await people.domain.tokens.revoke({ accountId: account.id, id: pat.credential.id }, operator);
      assert.deepEqual([await statusOf(one.url, pat.value), await statusOf(two.url, pat.value)], [401, 401]);
    }
  });

  test('SIGTERM lets a running request finish and takes no new one', async (t) => {
    const { server, people } = await startWithPeople(t, await settled());
    const account = await people.account();
    const pat = await people.domain.tokens.mint(
      { account, name: 'Laptop', scopes: ['wf:create_transaction'], expiresAt: inAnHour() },
      operator,
    );
    const body = JSON.stringify(TRANSACTION);
    const running = request(`${server.url}${TRANSACTION_PATH}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${pat.value}`,
        'content-type': 'application/json',
        'content-length': body.length,
        expect: '100-continue',
      },
    });
    const answered = once(running, 'response');
    // The server has its head and waits for the rest.
    await Promise.all([once(running, 'continue'), running.flushHeaders()]);
    running.write(body.slice(0, 10));
    const killed = server.kill('SIGTERM');
    await until('it takes nothing new', async () => !(await isListening(server.url)));
    running.end(body.slice(10));
    const [answer] = (await answered) as [IncomingMessage];
    answer.resume();
    assert.equal(answer.statusCode, 200);
    await killed;
  });

  if (engine === 'sqlite') {
    test('a database that is locked gives 503 with Retry-After, and then all is well again', async (t) => {
      const { server, people } = await startHereWithPeople(t);
      const { account, agent } = await people.person();
      const pat = await people.domain.tokens.mint(
        { account, name: 'Laptop', scopes: ['wf:create_transaction'], expiresAt: inAnHour() },
        operator,
      );
      const other = new DatabaseSync(server.storeUrl.slice('sqlite:'.length));
      t.after(() => other.close());
      other.exec('BEGIN IMMEDIATE');
      const form = { email: 'x@example.com', password: 'some words here', return_to: '/' };
      const started = performance.now();
      // At once, since each waits as long for the lock as it may.
      const [refused, page, ready] = await Promise.all([
        transaction(server.url, pat.value),
        agent.post('/sign-in', form),
        fetch(`${server.url}/readyz`),
      ]);
      const waitedMs = performance.now() - started;
      assert.ok(waitedMs < 4000, `two seconds are enough to wait, these were ${waitedMs} ms`);
      assert.equal(ready.status, 503, 'it reads, but takes no change');
      assert.equal(await statusOf(server.url, pat.value), 200);
      assert.equal(refused.status, 503);
      assert.ok(Number(refused.headers.get('retry-after')) > 0);
      assert.equal(((await refused.json()) as { body: { status: string } }).body.status, 'UNAVAILABLE');
      assert.equal(page.status, 503);
      other.exec('ROLLBACK');
      assert.equal((await transaction(server.url, pat.value)).status, 200);
    });

    test('a data folder that is taken away is noticed by itself, and nothing is acknowledged meanwhile', async (t) => {
      const { folder } = await settled();
      const data = join(folder, 'data');
      const { server, people } = await startHereWithPeople(t, { keepFolder: data });
      const account = await people.account();
      const pat = await people.domain.tokens.mint(
        { account, name: 'Laptop', scopes: ['wf:create_transaction', 'profile'], expiresAt: inAnHour() },
        operator,
      );
      await people.close();
      assert.equal((await transaction(server.url, pat.value)).status, 200);
      await rename(data, join(folder, 'away'));
      const refused = await transaction(server.url, pat.value);
      assert.equal(refused.status, 503);
      assert.ok(Number(refused.headers.get('retry-after')) > 0);
      await until(
        'a call that only reads is refused',
        async () => (await statusOf(server.url, pat.value)) === 503,
      );
      await until('the log tells', () => server.logged().includes('has gone from under the server'));
      await until('it is not ready', async () => (await fetch(`${server.url}/readyz`)).status === 503);
      await assert.rejects(stat(data), 'and makes no new one');
      await rename(join(folder, 'away'), data);
      assert.equal((await transaction(server.url, pat.value)).status, 200);
      await until('it is ready', async () => (await fetch(`${server.url}/readyz`)).status === 200);
    });

    test('activity that cannot be read is told in the log and gives 503, and then all is well again', async (t) => {
      const { folder } = await settled();
      // A folder where a process that died would have left a file.
      const left = join(folder, 'latchkey-calls.db-x-left.jsonl');
      await mkdir(left);
      const { server, people } = await startHereWithPeople(t, { keepFolder: folder });
      const { agent } = await people.person();
      await until('the log tells', () => server.logged().includes(UNREADABLE));
      assert.equal((await agent.get('/activity')).status, 503);
      assert.equal((await agent.get('/tokens')).status, 200);
      await rm(left, { recursive: true });
      assert.equal((await agent.get('/activity')).status, 200);
    });
  } else {
    test('a database that is away gives 503 with Retry-After, and then all is well again', async (t) => {
      const real = new URL(await storeUrl());
      const gate = await openGate(real.hostname, Number(real.port));
      const through = `mongodb://127.0.0.1:${gate.port}${real.pathname}?directConnection=true`;
      const server = await startTestServer({ storeUrl: through });
      const people = await openPeople({ ...server, storeUrl: real.href });
      t.after(async () => {
        await people.close();
        await server.stop();
        await gate.close();
      });
      const account = await people.account();
      const pat = await people.domain.tokens.mint(
        { account, name: 'Laptop', scopes: ['wf:create_transaction'], expiresAt: inAnHour() },
        operator,
      );
      assert.equal((await transaction(server.url, pat.value)).status, 200);
      // Cut off in the middle of what it does, it says that the database is away, and not that it is broken.
      for (let round = 0; round < 20; round += 1) {
        gate.cut();
        const { status } = await fetch(`${server.url}/api/1.1/me`, {
          headers: { authorization: `Bearer ${pat.value}` },
        });
        assert.ok(status === 200 || status === 503, String(status));
      }
      await until('it is there again', async () => (await transaction(server.url, pat.value)).status === 200);
      await gate.close();
      for (const answer of [await transaction(server.url, pat.value), await fetch(`${server.url}/readyz`)]) {
        assert.equal(answer.status, 503);
        assert.ok(Number(answer.headers.get('retry-after')) > 0);
      }
      const form = new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: 'svc_x',
        client_secret: 'y',
      });
      const token = await fetch(`${server.url}/oauth/token`, { method: 'POST', body: form });
      assert.equal(token.status, 503);
      assert.ok(Number(token.headers.get('retry-after')) > 0);
      await gate.reopen();
      await until(
        'all is well again',
        async () => (await transaction(server.url, pat.value)).status === 200,
        120_000,
      );
    });
  }
});

describe('a start', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-faults-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const refused: [what: string, env: Record<string, string>, lines: RegExp][] = [
    [
      'two slips at once',
      { PORT: 'x', LATCHKEY_PROXIES: '::1,' },
      /^PORT is "x": wanted .*\nLATCHKEY_PROXIES is "::1,": .*\n$/,
    ],
    // A file where a folder should be.
    [
      'a store that cannot be opened',
      { LATCHKEY_STORE: `sqlite:${import.meta.filename}/x/latchkey.db` },
      /^LATCHKEY_STORE .*x\/latchkey\.db.*\n$/,
    ],
    [
      'a MongoDB URL that is none',
      { LATCHKEY_STORE: 'mongodb://ann:hun%ter2@db.example.com/latchkey' },
      /^LATCHKEY_STORE (?!.*ter2).*\n$/,
    ],
    [
      'an address of another machine',
      { HOST: '192.0.2.1' },
      /^HOST is "192\.0\.2\.1": this machine has no such.*\n$/m,
    ],
    [
      'a name that nobody has',
      { HOST: 'no-such-host.invalid' },
      /^HOST is "no-such-host\.invalid": no such name.*\n$/m,
    ],
  ];
  for (const [what, env, lines] of refused) {
    test(`ends at ${what} with a line each and exit 1`, async () => {
      await assert.rejects(startServerProcess({ LATCHKEY_DATA: folder, ...env }), (error: Error) => {
        assert.match(error.message, /^the server ended with 1: /);
        assert.match(error.message.replace('the server ended with 1: ', ''), lines);
        assert.doesNotMatch(error.message, /^\s+at |node:/m);
        return true;
      });
    });
  }

  test('says which store it opened, whether it was made now, and that an old secret was there', async (t) => {
    /** What the server has said by the time that it said this. */
    async function outputOf(env: Record<string, string>, says: RegExp): Promise<string> {
      const server = await startServerProcess({ LATCHKEY_DATA: folder, ...env });
      t.after(() => server.kill('SIGKILL'));
      await until('the server says so', () => says.test(server.output()));
      await server.kill('SIGTERM');
      return server.output();
    }
    const [made, other] = [join(folder, 'latchkey.db'), join(folder, 'other.db')];
    const first = await outputOf({}, new RegExp(`^The store was made now: ${made}$`, 'm'));
    assert.doesNotMatch(first, /Warning/);
    const open = await outputOf(
      { HOST: '0.0.0.0', LATCHKEY_PROXIES: '10.0.0.0/8,0.0.0.0/0' },
      /^Warning: LATCHKEY_PROXIES takes in every address/m,
    );
    assert.match(open, /^Warning: HOST is 0\.0\.0\.0.*http/m);
    assert.match(open, new RegExp(`^The store was there already: ${made}$`, 'm'));
    const elsewhere = await outputOf(
      { LATCHKEY_STORE: `sqlite:${other}` },
      /^Warning: the secret in .* is older than this empty store/m,
    );
    assert.match(elsewhere, new RegExp(`^The store was made now: ${other}$`, 'm'));
  });
});

/** A TCP relay that can be shut and opened again: the network between a server and its database. */
async function openGate(host: string, port: number) {
  const sockets = new Set<Socket>();
  let server: Server;
  function open(at: number): Promise<number> {
    server = createTcpServer((near) => {
      const far = connect(port, host);
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
        socket.on('error', () => socket.destroy());
      }
      near.pipe(far).pipe(near);
    });
    return new Promise((resolve) => {
      server.listen(at, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    });
  }
  const opened = await open(0);
  return {
    port: opened,
    reopen: () => open(opened),
    /** Ends every connection; whoever comes is let in. */
    cut(): void {
      for (const socket of sockets) socket.destroy();
    },
    async close(): Promise<void> {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
