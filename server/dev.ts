import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, type FSWatcher, watch } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { configFolder } from './ground/config-folder.ts';
import { WORKFLOW_SECONDS_MAX } from './ground/limits.ts';

/**
 * `npm run dev`: a server that is started again when a file of the owner's changes. What was changed is loaded by a process of
 * its own first; where that fails, the server of before goes on.
 */

/** Editors write a file in several steps. */
const QUIET_MS = 100;

/** What a file awaits at its top has its own limit, and its own words. */
const CHECK_SECONDS_MAX = WORKFLOW_SECONDS_MAX + 10;

/** Files that a server is made of, and folders; nothing that begins with a dot, as editors' own do. */
const WATCHED = /^[^.].*(?<!\.test)\.(?:[mc]?[jt]s|json)$|^[^.]+$/;

const START = join(import.meta.dirname, 'start');
const ENDS_WITH_DEV = pathToFileURL(join(START, 'ends-with-dev.js')).href;
const folder = configFolder(process.env.LATCHKEY_CONFIG);

/** What `latchkey check --json` says. */
type Checked = { mistakes: string[]; warnings: string[]; files: string[] };

let server: ChildProcess | undefined;
let checking: ChildProcess | undefined;
let watchers: FSWatcher[] = [];
let isStopping = false;
let turn = Promise.resolve();
let timer: NodeJS.Timeout | undefined;

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/**
 * Loads what the server would load. Answers why it cannot be loaded, or which files it was; undefined where something changed
 * meanwhile, as what is loaded then is none that anybody wants.
 */
async function check(): Promise<Checked | undefined> {
  const started = spawn(process.execPath, [join(START, 'cli.js'), 'check', '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: CHECK_SECONDS_MAX * 1000,
    killSignal: 'SIGKILL',
  });
  checking = started;
  const ended = once(started, 'close');
  const [out, err] = await Promise.all([text(started.stdout), text(started.stderr), ended]);
  if (checking !== started) return undefined;
  checking = undefined;
  if (started.killed) {
    const what = `loading it takes more than ${CHECK_SECONDS_MAX} seconds`;
    return { mistakes: [`${folder}: ${what}; has a file a loop at its top?`], warnings: [], files: [] };
  }
  try {
    return JSON.parse(out) as Checked;
  } catch {
    return { mistakes: [wordsOf(err)], warnings: [], files: [] };
  }
}

/** A command that fails says `{"error":{"message":…}}`. */
function wordsOf(err: string): string {
  try {
    return (JSON.parse(err) as { error: { message: string } }).error.message;
  } catch {
    return err.trim();
  }
}

/** Looks at the folders, not at the files: editors put another file in the place of the one that they write. */
function follow(files: readonly string[]): void {
  const folders = [
    folder,
    join(folder, 'types'),
    join(folder, 'workflows'),
    ...files.map((file) => dirname(file)),
  ];
  for (const watcher of watchers) watcher.close();
  watchers = [...new Set(folders.map(thereOf))].flatMap((path) => {
    try {
      // Whatever becomes of a folder, the others are still looked at.
      return [watch(path, (_, name) => changed(name)).on('error', () => undefined)];
    } catch {
      return [];
    }
  });
}

/** The folder, or the one above in which it would come to be. */
function thereOf(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : thereOf(dirname(path));
}

function changed(name: string | null): void {
  if (name !== null && !WATCHED.test(name)) return;
  clearTimeout(timer);
  timer = setTimeout(again, QUIET_MS);
  // It may never end: a loop at the top of a file.
  checking?.kill('SIGKILL');
  checking = undefined;
}

/** One after the other: what changes meanwhile has another turn. */
function again(): void {
  turn = turn.then(load).catch((error: unknown) => say(String(error)));
}

async function load(): Promise<void> {
  if (isStopping) return;
  // Before it is loaded, so that no change is missed.
  if (watchers.length === 0) follow([]);
  const checked = await check();
  if (isStopping || checked === undefined) return;
  const { mistakes, warnings, files } = checked;
  follow(files);
  for (const warning of warnings) say(`Warning: ${warning}`);
  if (mistakes.length > 0) {
    for (const mistake of mistakes) say(mistake);
    say(server ? 'The server goes on as it was.' : 'The server starts when that is mended.');
    return;
  }
  await endServer();
  if (!isStopping) startServer();
}

function startServer(): void {
  const started = spawn(process.execPath, ['--import', ENDS_WITH_DEV, join(START, 'server.js')], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  server = started;
  started.on('exit', (code, signal) => {
    if (server !== started) return;
    server = undefined;
    if (!isStopping) say(`The server has ended (${code ?? signal}). It starts again when a file changes.`);
  });
}

async function endServer(): Promise<void> {
  const ending = server;
  if (ending === undefined) return;
  server = undefined;
  const ended = once(ending, 'exit');
  ending.kill('SIGTERM');
  await ended;
}

async function stop(): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  checking?.kill('SIGKILL');
  await Promise.all([endServer(), turn]);
  process.exit(0);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop());
// However this ends, nothing is left behind that holds the port.
process.on('exit', () => server?.kill('SIGTERM'));
again();
