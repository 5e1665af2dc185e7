import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';

const FILE = 'server/start/compile-cache.js';

describe('the compile cache', () => {
  let root: string;
  let folder: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'latchkey-cache-'));
    folder = join(root, 'node_modules/.cache/latchkey/compiled');
    mkdirSync(join(root, 'server/start'), { recursive: true });
    copyFileSync(resolve(import.meta.dirname, '../..', FILE), join(root, FILE));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  /** Whether Node would take compiled code from the folder of this installation. */
  function isOn(): boolean {
    const file = pathToFileURL(join(root, FILE)).href;
    const script = `await import('${file}'); console.log((await import('node:module')).getCompileCacheDir() ?? '');`;
    const env = { PATH: process.env.PATH };
    const flags = ['--no-warnings', '--input-type=module', '-e', script];
    const said = execFileSync(process.execPath, flags, {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return said.startsWith(folder);
  }

  it('is in a folder for its owner alone, made so or closed', () => {
    assert.ok(isOn());
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    chmodSync(folder, 0o777);
    assert.ok(isOn());
    assert.equal(statSync(folder).mode & 0o777, 0o700);
  });

  it('is left off where the folder leads elsewhere, or is of another user', (t) => {
    mkdirSync(join(folder, '..'), { recursive: true });
    symlinkSync(root, folder);
    assert.ok(!isOn());
    rmSync(folder);
    mkdirSync(folder);
    if (process.getuid?.() !== 0) return t.skip('only root can give a folder away');
    for (const given of [folder, join(folder, '..')]) {
      chownSync(given, 12_345, 12_345);
      assert.ok(!isOn());
      chownSync(given, 0, 0);
    }
    assert.ok(isOn());
  });
});
