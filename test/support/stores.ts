import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it, type TestContext } from 'node:test';

/**
 * Where the tests' databases are: SQLite in folders of their own, MongoDB on the server of MONGODB_URI, which
 * test/run.ts sets, unless it says in TEST_STORES that only SQLite is wanted. Each call of `url` is a fresh,
 * empty database; all are removed when the file's tests are done. What is settled before or above the store, so
 * that both engines would show the same, needs to be tried on the first one only: `isFirst`, and `once` for a test.
 */
export type FreshStores = {
  engine: 'sqlite' | 'mongodb';
  isFirst: boolean;
  once: (name: string, test: (t: TestContext) => void | Promise<void>) => void;
  url: () => Promise<string>;
};

/** Registers `tests` once for each engine, in a describe block of its name. */
export function eachStore(tests: (stores: FreshStores) => void): void {
  sqliteStores(tests);
  mongodbStores(tests);
}

export function sqliteStores(tests: (stores: FreshStores) => void): void {
  describe('sqlite', () => {
    const folders: string[] = [];
    after(() => {
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    });
    tests({
      engine: 'sqlite',
      isFirst: true,
      once: (name, test) => void it(name, test),
      async url() {
        const folder = mkdtempSync(join(tmpdir(), 'latchkey-'));
        folders.push(folder);
        return `sqlite:${join(folder, 'latchkey.db')}`;
      },
    });
  });
}

export function mongodbStores(tests: (stores: FreshStores) => void): void {
  if (process.env.TEST_STORES === 'sqlite') {
    it('mongodb', { skip: 'only SQLite was asked for' });
    return;
  }
  const server = process.env.MONGODB_URI;
  if (server === undefined) {
    // The runner has said why; here it counts as skipped, or in CI as failed.
    it('mongodb', { skip: process.env.CI === undefined && 'no MONGODB_URI' }, () => {
      throw new Error('MONGODB_URI is not set: run the tests with `npm test`');
    });
    return;
  }
  describe('mongodb', () => {
    const names: string[] = [];
    after(() => dropDatabases(server, names));
    tests({
      engine: 'mongodb',
      isFirst: false,
      once: () => undefined,
      async url() {
        const name = `latchkey_test_${randomBytes(8).toString('hex')}`;
        names.push(name);
        return databaseUrl(server, name);
      },
    });
  });
}

/** The server's URI with another database name; several hosts and options are left as they are. */
function databaseUrl(server: string, name: string): string {
  const [, hosts = server, options = ''] = /^(mongodb(?:\+srv)?:\/\/[^/?]+)[^?]*(\?.*)?$/.exec(server) ?? [];
  return `${hosts}/${name}${options}`;
}

async function dropDatabases(server: string, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  const { default: mongoose } = await import('mongoose');
  const connection = await mongoose.createConnection(server).asPromise();
  for (const name of names) await connection.useDb(name).dropDatabase();
  await connection.close();
}
