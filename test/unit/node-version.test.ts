import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const GUARD = new URL('../../server/start/node-version.js', import.meta.url).href;

/** What the guard of both entries says where this Node were another one. */
function guardOn(version: string) {
  const script = `Object.defineProperty(process.versions, 'node', { value: '${version}' }); await import('${GUARD}');`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
}

test('an older Node ends the start with one line that says what to do', () => {
  const { status, stderr, stdout } = guardOn('20.19.0');
  assert.equal(status, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /^Latchkey needs Node 24 or newer, this is 20\.19\.0\. .*npm install.*\n$/);
});

test('Node 24 and newer start', () => {
  for (const version of ['24.0.0', '26.1.0']) assert.equal(guardOn(version).status, 0, version);
});
