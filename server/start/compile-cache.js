import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Loaded before the program, so that from the second start on Node finds it compiled and free of types: that
 * is half of the time of a start, and 30 MB less to hold. In the folder of the installation and not in /tmp,
 * where anybody could put code for us. Where it cannot be written, Node goes on without it.
 */
const folder = fileURLToPath(new URL('../../node_modules/.cache/latchkey/compiled', import.meta.url));
if (isOurs(folder)) enableCompileCache(folder);

/** Whether nobody else can put code there: a folder, no link, of this user, which is closed to all others here. */
function isOurs(path) {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    // Whoever owns the folder above could put another one in its place.
    if (![path, dirname(path)].every(isOwnFolder)) return false;
    if ((lstatSync(path).mode & 0o077) !== 0) chmodSync(path, 0o700);
    return true;
  } catch {
    return false;
  }
}

function isOwnFolder(path) {
  const there = lstatSync(path);
  // Windows has no such numbers.
  return there.isDirectory() && there.uid === (process.getuid?.() ?? there.uid);
}
