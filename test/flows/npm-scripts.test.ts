import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { openStore } from '../../adapters/open.ts';
import { startTestServer } from '../support/server.ts';
import { until } from '../support/until.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** Nothing is being answered, so there is nothing that it could wait for. */
const ENDS_WITHIN_MS = 5000;

/*
 * A supervisor signals npm's own process and knows no other. What npm started must end with it: left behind, it
 * would hold the port and the database.
 */
describe('what npm runs', () => {
  let folder: string;
  /** Writes nothing and goes on: standard input that outlives npm, as a terminal does. */
  let terminal: ChildProcess;
  let npm: ChildProcess;
  let output: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-npm-'));
    terminal = spawn('cat');
  });
  afterEach(async () => {
    if (isGroupAlive()) process.kill(-groupId(), 'SIGKILL');
    terminal.kill();
    await rm(folder, { recursive: true, force: true });
  });

  /** In a process group of its own, by which all that npm starts can be found. */
  function startNpm(args: readonly string[], env: Record<string, string> = {}): void {
    output = '';
    npm = spawn('npm', [...args], {
      cwd: ROOT,
      detached: true,
      stdio: [terminal.stdout, 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH ?? '',
        HOME: folder,
        LATCHKEY_DATA: folder,
        PORT: '0',
        NO_UPDATE_NOTIFIER: '1',
        ...env,
      },
    });
    for (const stream of [npm.stdout, npm.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        output += chunk.toString();
      });
    }
  }

  const groupId = () => npm.pid ?? assert.fail('npm did not start');

  function isGroupAlive(): boolean {
    try {
      return process.kill(-groupId(), 0);
    } catch {
      return false;
    }
  }

  async function terminate(): Promise<number | null> {
    npm.kill('SIGTERM');
    await until('all that npm started has ended', () => !isGroupAlive(), ENDS_WITHIN_MS);
    return npm.exitCode;
  }

  test('ends the server of npm start gracefully at a SIGTERM', async () => {
    startNpm(['start']);
    const url = await until('the server listens', () => {
      assert.ok(isGroupAlive(), output);
      return /Latchkey listens on (\S+)/.exec(output)?.[1];
    });
    assert.equal((await fetch(`${url}/healthz`)).status, 200);

    assert.equal(await terminate(), 0, output);
    await assert.rejects(fetch(`${url}/healthz`), 'the port is free');
    // The last connection takes the write-ahead log along when it is closed, and only then.
    assert.ok(!existsSync(join(folder, 'latchkey.db-wal')), 'the database was closed');
    const store = await openStore(`sqlite:${join(folder, 'latchkey.db')}`);
    await store.ping();
    await store.close();
  });

  /** What the server has said by the time that it said this. */
  const startsWith = async (env: Record<string, string>, says: RegExp) => {
    startNpm(['start'], env);
    await until('the server says so', () => {
      assert.ok(isGroupAlive() || says.test(output), output);
      return says.test(output);
    });
    return output;
  };

  test('says which store it opened, whether it was made now, and that an old secret was there', async () => {
    const made = join(folder, 'latchkey.db');
    await startsWith({}, new RegExp(`^The store was made now: ${made}$`, 'm'));
    assert.doesNotMatch(output, /Warning/);
    await terminate();
    await startsWith({ HOST: '0.0.0.0' }, /^Warning: HOST is 0\.0\.0\.0.*http/m);
    assert.match(output, new RegExp(`^The store was there already: ${made}$`, 'm'));
    await terminate();
    const other = join(folder, 'other.db');
    await startsWith(
      { LATCHKEY_STORE: `sqlite:${other}` },
      /^Warning: the secret in .* is older than this empty store/m,
    );
    assert.match(output, new RegExp(`^The store was made now: ${other}$`, 'm'));
    await terminate();
  });

  const refused: [what: string, env: Record<string, string>, says: RegExp][] = [
    [
      'an address of another machine',
      { HOST: '192.0.2.1' },
      /^HOST is "192\.0\.2\.1": this machine has no such/m,
    ],
    [
      'a name that nobody has',
      { HOST: 'no-such-host.invalid' },
      /^HOST is "no-such-host\.invalid": no such name/m,
    ],
    [
      'a store whose folder is a file',
      { LATCHKEY_STORE: 'sqlite:package.json/x.db' },
      /^LATCHKEY_STORE .*x\.db/m,
    ],
    [
      'two slips at once',
      { PORT: 'abc', LATCHKEY_PROXIES: '::1,' },
      /^PORT is "abc": .*\nLATCHKEY_PROXIES is "::1,": /m,
    ],
  ];
  for (const [what, env, says] of refused) {
    test(`stops at ${what} with a line and no stack`, async () => {
      startNpm(['start'], env);
      await until('it has ended', () => !isGroupAlive());
      assert.match(output, says);
      assert.doesNotMatch(output, /^\s+at |node:/m);
    });
  }

  test('ends a command of npm run latchkey at a SIGTERM that waits for a password', async () => {
    await (await startTestServer({ keepFolder: folder })).stop();
    const create = ['accounts', 'create', '--email', 'a@example.com', '--password-stdin'];
    startNpm(['run', 'latchkey', '--', ...create]);
    // The log of writes is there while somebody has the database open.
    await until('the command runs', () => {
      assert.ok(isGroupAlive(), output);
      return existsSync(join(folder, 'latchkey.db-wal'));
    });
    await terminate();
  });
});
