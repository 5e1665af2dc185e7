import { accessSync, constants, existsSync, lstatSync, realpathSync, statSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { WORKFLOW_SECONDS_MAX } from './limits.ts';

/** The owner's folder where no other is named. */
const DEFAULT_FOLDER = join(import.meta.dirname, '../../config');

/** The same and the installation, as the beginnings of URLs. */
const [DEFAULT_URL, INSTALLATION_URL] = [DEFAULT_FOLDER, join(import.meta.dirname, '../..')].map(
  (folder) => pathToFileURL(join(folder, sep)).href,
) as [string, string];

/** What the owner's files import by name without having it installed: the running installation's own. */
export const PROVIDED = ['latchkey', 'zod'] as const;
const IS_PROVIDED = new RegExp(`^(?:${PROVIDED.join('|')})(?:/|$)`);

const loaded = new Set<string>();
let isRegistered = false;

/** The owner's folder that LATCHKEY_CONFIG names, or config/ of the installation. */
export function configFolder(named: string | undefined): string {
  return named === undefined || named === '' ? DEFAULT_FOLDER : resolve(named);
}

/** Why a folder cannot be the owner's; undefined where it can. */
export function faultOfConfig(folder: string): string | undefined {
  if (!existsSync(folder)) {
    const isLink = lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    return isLink
      ? 'it is a link that leads nowhere'
      : 'there is no such folder; make one with npm run latchkey -- init DIR';
  }
  if (!statSync(folder).isDirectory()) return 'it is no folder';
  const todo = 'let the user that runs this read the folder and all that is in it';
  try {
    accessSync(folder, constants.R_OK | constants.X_OK);
  } catch (error) {
    return `it may not be read (${(error as NodeJS.ErrnoException).code}); ${todo}`;
  }
  if (isBelowModules(pathToFileURL(realpathSync(folder)).href))
    return 'Node takes no types away below node_modules; move it elsewhere';
  if (existsSync(join(folder, 'settings.ts'))) return undefined;
  return `there is no settings.ts in it, as npm run latchkey -- init DIR writes it`;
}

/** As people find it: seen from the folder of the installation where it is in there, else the whole path. */
export function shownPath(path: string): string {
  const within = relative(process.cwd(), path);
  return /^\.\.(?:[\\/]|$)/.test(within) || isAbsolute(within) ? path : within;
}

/** Imports a file of the owner's, which finds 'latchkey' and 'zod' wherever it lies. */
export async function importOwned(
  file: string,
  timeLimitMs = WORKFLOW_SECONDS_MAX * 1000,
): Promise<Record<string, unknown>> {
  provideImports();
  requireFile(file);
  return inTime(import(pathToFileURL(file).href), timeLimitMs);
}

/** Of a folder or a link Node would tell in words about us, and a pipe it would wait for. */
function requireFile(file: string): void {
  const fault = faultOfFile(file);
  if (fault !== undefined) throw Object.assign(new Error(fault), { stack: '' });
}

function faultOfFile(file: string): string | undefined {
  try {
    return statSync(file).isFile() ? undefined : 'it is no file';
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    return ['ENOENT', 'ELOOP'].includes(code)
      ? 'it is a link that leads nowhere'
      : `it may not be read (${code})`;
  }
}

/** Fails where a top-level await does not end: Node would stop, or wait, without a word of the file. */
async function inTime<T>(loading: Promise<T>, timeLimitMs: number): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const error = new Error(
    `what it awaits at its top level takes more than ${timeLimitMs / 1000} seconds; await it in run`,
  );
  error.stack = '';
  const timer = setTimeout(reject, timeLimitMs, error);
  try {
    return await Promise.race([loading, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * From now on, in this thread, whatever is loaded finds 'latchkey' and 'zod' as the installation has them. A folder with
 * a zod of its own gets ours too: schemas of two copies, or of two versions, do not fit into each other. Packages keep what they
 * brought along. A file of types is a module there, whatever a package.json above it says.
 */
export function provideImports(): void {
  if (isRegistered) return;
  isRegistered = true;
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const { parentURL } = context;
      if (parentURL !== undefined && isBelowModules(parentURL)) return nextResolve(specifier, context);
      if (IS_PROVIDED.test(specifier) && parentURL !== import.meta.url) {
        return { url: provided(specifier, parentURL), shortCircuit: true };
      }
      const found = noting(() => nextResolve(specifier, context));
      const { url } = found;
      if (!url.startsWith('file:') || isOurs(url) || isBelowModules(url)) return found;
      loaded.add(fileURLToPath(url));
      return url.endsWith('.ts') ? { ...found, format: 'module-typescript' } : found;
    },
  });
}

/** Remembers also what is not there: it may come. */
function noting<T>(find: () => T): T {
  try {
    return find();
  } catch (error) {
    const { url } = error as { url?: string };
    if (url?.startsWith('file:')) loaded.add(fileURLToPath(url));
    throw error;
  }
}

/** The files of the owner's that were loaded so far, or looked for in vain. */
export function loadedFiles(): readonly string[] {
  return [...loaded];
}

/** Where the installation has it, for `require` too. Where it has no such thing, the error names the file that wants it. */
function provided(specifier: string, importer: string | undefined): string {
  try {
    return import.meta.resolve(specifier);
  } catch (cause) {
    const file = importer === undefined ? 'the command line' : fileURLToPath(importer);
    const error = new Error(`Cannot find module '${specifier}' imported from ${file}`, { cause });
    throw Object.assign(error, { code: 'ERR_MODULE_NOT_FOUND' });
  }
}

function isOurs(url: string): boolean {
  return url.startsWith(INSTALLATION_URL) && !url.startsWith(DEFAULT_URL);
}

function isBelowModules(url: string): boolean {
  return url.includes('/node_modules/');
}
