import { randomBytes } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { SERVER_SECRET_BYTES_MIN } from './limits.ts';

/** What `statfs` says of /proc. */
const PROC_FILESYSTEM = 0x9fa0;

/** There is no good secret in the data folder; the message says why and what to do. */
export class SecretFault extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SecretFault';
  }
}

/** What keeps a file from being made or used at this path; undefined where nothing does. Looks and makes nothing. */
export function faultOfFile(path: string): string | undefined {
  if (!existsSync(path)) return faultOfFolder(dirname(path));
  if (statSync(path).isDirectory()) return `${path} is a folder; wanted the path of a file`;
  return faultOfAccess(path, constants.R_OK | constants.W_OK);
}

/** What keeps the file of an image, which is there, from being read; undefined where nothing does. */
export function faultOfImage(path: string): string | undefined {
  if (!statSync(path).isFile()) return 'it is no file; wanted the path of one';
  return faultOfAccess(path, constants.R_OK);
}

/** The same for a folder, which need not be there yet. */
export function faultOfFolder(path: string): string | undefined {
  if (isBrokenLink(path)) return `${path} is a link that leads nowhere; wanted a folder`;
  if (!existsSync(path) && dirname(path) !== path) return faultOfFolder(dirname(path));
  if (!statSync(path).isDirectory()) return `${path} is no folder; wanted the path of one`;
  // Nothing can be made there, and Node would try for ever (mkdir with recursive).
  if (statfsSync(path).type === PROC_FILESYSTEM) return `${path} holds no files; wanted a folder on a disk`;
  return faultOfAccess(path, constants.W_OK | constants.X_OK);
}

function isBrokenLink(path: string): boolean {
  try {
    return !existsSync(path) && lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}

function faultOfAccess(path: string, mode: number): string | undefined {
  try {
    accessSync(path, mode);
    return undefined;
  } catch (error) {
    return notUsable(path, (error as NodeJS.ErrnoException).code);
  }
}

function notUsable(path: string, code: string | undefined, owned = path): string {
  const user = process.getuid?.();
  const who = user === undefined ? 'this user' : `this user, whose number is ${user}`;
  return `${path} cannot be used by ${who} (${code}); run this as the user that owns it, or let that user own it: chown -R USER ${owned}`;
}

/**
 * The secret in this folder; made where `firstStart` allows that. Only its owner may read it. Throws `SecretFault`.
 */
export function keptSecret(
  folder: string,
  { firstStart }: { firstStart: 'allowed' | 'refused' },
): { value: string; made: boolean } {
  const path = join(folder, 'secret');
  const fault = firstStart === 'allowed' ? faultOfFolder(folder) : undefined;
  if (fault !== undefined) throw new SecretFault(fault);
  try {
    const made = firstStart === 'allowed' && makeSecret(folder, path);
    const secret = readFileSync(path, 'utf8').trim();
    if (Buffer.byteLength(secret) >= SERVER_SECRET_BYTES_MIN) return { value: secret, made };
  } catch (cause) {
    throw new SecretFault(whyNoSecret(path, cause as NodeJS.ErrnoException), { cause });
  }
  throw new SecretFault(
    `${path} holds too short a secret: remove the file to have one made, or set LATCHKEY_SECRET`,
  );
}

/** Answers whether there was none. */
function makeSecret(folder: string, path: string): boolean {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  let made = true;
  try {
    writeFileSync(path, randomBytes(48).toString('base64url'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    // One that is there already, of an earlier start or of another process, is the secret.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    made = false;
  }
  requireOwn(path);
  chmodSync(path, 0o600);
  return made;
}

/** What root would write beside files of another user, that user's server could not open again. */
function requireOwn(path: string): void {
  const user = process.getuid?.();
  const owner = statSync(path).uid;
  if (user === undefined || user === owner) return;
  throw Object.assign(new Error(`${path} belongs to user ${owner}`), { code: 'EPERM' });
}

function whyNoSecret(path: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') {
    return `there is no secret at ${path}, and the command line makes none; start the server once (npm start), or let LATCHKEY_DATA name the folder of the installation that you have, or LATCHKEY_SECRET be the server's`;
  }
  return ['EACCES', 'EPERM', 'EROFS'].includes(code ?? '')
    ? notUsable(path, code, dirname(path))
    : `${path} cannot be used: ${message}`;
}
