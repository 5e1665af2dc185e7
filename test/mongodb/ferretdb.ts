import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A MongoDB-protocol server for tests on machines without MongoDB: main.go beside this file, built by Go. */
export type Ferretdb = { uri: string; pid: number; stop(): Promise<void> };

const SOURCE = import.meta.dirname;
const CACHE = join(SOURCE, '../../node_modules/.cache/latchkey');

export function hasGo(): boolean {
  return spawnSync('go', ['version'], { stdio: 'ignore' }).status === 0;
}

/**
 * Builds the server unless this very source was built before; `building` is told when that will take its
 * time.
 */
export function buildFerretdb(building: () => void = () => {}): string {
  const hash = createHash('sha256');
  for (const name of ['go.mod', 'go.sum', 'main.go']) hash.update(readFileSync(join(SOURCE, name)));
  const binary = join(CACHE, `ferretdb-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(binary)) return binary;

  building();
  mkdirSync(CACHE, { recursive: true });
  const unfinished = `${binary}.${process.pid}`;
  // Nothing of the machine but Go: no C compiler, no git, no PostgreSQL driver, go.mod as it stands.
  const flags = [
    '-mod=readonly',
    '-trimpath',
    '-buildvcs=false',
    '-tags=ferretdb_no_postgresql',
    '-ldflags=-s -w',
  ];
  const build = spawnSync('go', ['build', ...flags, '-o', unfinished, '.'], {
    cwd: SOURCE,
    env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOFLAGS: '' },
    encoding: 'utf8',
  });
  if (build.status !== 0) throw new Error(`go build in test/mongodb failed:\n${build.stderr || build.error}`);
  renameSync(unfinished, binary);
  return binary;
}

/**
 * Starts the server on a free port, or on `listen`. It keeps its files in `folder`, or in one of its own that
 * goes with it. It ends with this process too, however that ends: its standard input is closed then.
 */
export async function startFerretdb(options: { listen?: string; folder?: string } = {}): Promise<Ferretdb> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'latchkey-ferretdb-'));
  const args = ['-folder', folder, '-listen', options.listen ?? '127.0.0.1:0'];
  const child = spawn(buildFerretdb(), args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const [first] = await Promise.race([once(createInterface(child.stdout), 'line'), ended]);
  if (typeof first !== 'string') throw new Error(`FerretDB ended with ${first} instead of listening`);

  return {
    uri: first,
    pid: child.pid as number,
    async stop() {
      child.stdin.end();
      await ended;
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}
