import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A folder of an owner with these files, for LATCHKEY_CONFIG. */
export function makeConfigFolder(files: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-owner-'));
  function write(name: string, text: string): void {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  write('settings.ts', 'export const settings = {};\n');
  for (const [name, text] of Object.entries(files)) write(name, text);
  return { folder, write, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
