import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

/**
 * A copy of this installation with files of the test's own in config/, as an owner would put them there, in a folder that is
 * called as folders may be.
 */
export function copyInstallation(configFiles: Record<string, string>) {
  const root = mkdtempSync(join(tmpdir(), 'latchkey in $t%20#"é`-'));
  for (const name of ['adapters', 'config', 'server', 'views', 'package.json']) {
    cpSync(join(ROOT, name), join(root, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  for (const [name, text] of Object.entries(configFiles)) writeFileSync(join(root, 'config', name), text);
  return { root, remove: () => rmSync(root, { recursive: true, force: true }) };
}
