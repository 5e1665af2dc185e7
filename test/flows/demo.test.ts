import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';

const DEMO = fileURLToPath(new URL('../demo/demo.ts', import.meta.url));

it('npm run demo does the main job from its start to its end, and prints no secret whole', async () => {
  const child = spawn(process.execPath, [DEMO], { env: { PATH: process.env.PATH ?? '', NO_COLOR: '1' } });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  assert.equal(code, 0, `${out.slice(-2000)}\n${err}`);
  const chapters = out.match(/^━━ \d+\. .*$/gm) ?? [];
  assert.ok(chapters.length >= 10, chapters.join('\n'));
  assert.match(out, /All as it should be, in [\d.]+ seconds\. Nothing of it is left behind\.\n$/);
  assert.doesNotMatch(out, /lk_(?:pat|cs)_\w{36}|ey[\w-]{20,}\.[\w-]{20,}\./);
});
