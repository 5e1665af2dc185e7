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
  function startNpm(args: readonly string[]): void {
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
