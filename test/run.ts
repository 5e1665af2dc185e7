import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdirSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { buildFerretdb, type Ferretdb, hasGo, startFerretdb } from './mongodb/ferretdb.ts';

/**
 * `npm test`: gets a MongoDB-protocol server for the MongoDB half of the tests, then runs node's own runner
 * over test/**.test.ts, or over the files and folders given as arguments. The exit code is the runner's.
 * With --sqlite the MongoDB half is left out, and so is its server.
 */
const ROOT = resolve(import.meta.dirname, '..');

/**
 * Where servers that are started find themselves compiled and free of types (server/start/compile-cache.js). Each file of
 * tests loads the same files: with this it takes half a second of CPU less, and there are 180 of them.
 */
const COMPILED = join(ROOT, 'node_modules/.cache/latchkey/compiled');

/** Two files at once: as many as a small machine has cores; more only make each other late. */
const CONCURRENCY = 2;

/** No test takes a quarter of this; what hangs is ended and named. */
const TEST_TIMEOUT_MS = 300_000;

const { values, positionals } = parseArgs({
  options: { sqlite: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const files = testFiles(positionals);
const server = values.sqlite ? undefined : await mongodbServer();
// What test/support/stores.ts reads.
const stores = values.sqlite
  ? { MONGODB_URI: undefined, TEST_STORES: 'sqlite' }
  : { MONGODB_URI: process.env.MONGODB_URI ?? server?.uri };
mkdirSync(COMPILED, { recursive: true, mode: 0o700 });
const runner = spawn(
  process.execPath,
  [
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${CONCURRENCY}`,
    `--test-timeout=${TEST_TIMEOUT_MS}`,
    ...files,
  ],
  {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILED, ...stores },
  },
);
// A Ctrl-C reaches the runner as well; what is left to do here is to stop the server.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => runner.kill('SIGTERM'));
const [code] = await once(runner, 'exit');
await server?.stop();
process.exitCode = code ?? 1;

async function mongodbServer(): Promise<Ferretdb | undefined> {
  if (process.env.MONGODB_URI !== undefined) return undefined;
  if (hasGo()) {
    buildFerretdb(() =>
      console.log('Building FerretDB for the MongoDB tests: about two minutes the first time.'),
    );
    return startFerretdb();
  }
  const wanted = 'Neither MONGODB_URI nor Go is here, so the tests on MongoDB';
  if (process.env.CI !== undefined) {
    console.error(`${wanted} cannot run, and CI is set: that is a failure.`);
    process.exit(1);
  }
  console.log(`${wanted} are skipped. Set MONGODB_URI or install Go to run them.`);
  return undefined;
}

/** Paths of test files; a filter is a file, a folder, or the beginning of a file's path. */
function testFiles(filters: readonly string[]): string[] {
  const files = globSync('test/**/*.test.ts', { cwd: ROOT }).sort();
  const wanted = filters.map((filter) => relative(ROOT, resolve(filter)));
  const chosen = files.filter(
    (file) => wanted.length === 0 || wanted.some((path) => file === path || file.startsWith(join(path, sep))),
  );
  if (chosen.length === 0) {
    console.error(`No test file matches ${filters.join(' ')}.`);
    process.exit(1);
  }
  return chosen;
}
