import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { DataType } from '../../server/data/type.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';

/* Each example of docs/data-api.md, in its order, against its own declaration. */

const root = resolve(import.meta.dirname, '../..');
const declared = join(root, `test/.artifacts/note-${process.pid}.ts`);
const run = promisify(execFile);

let server: ApiServer;
let blocks: { language: string; text: string }[];
let token: string;

before(async () => {
  const page = await readFile(join(root, 'docs/data-api.md'), 'utf8');
  blocks = [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = '', text = '']) => ({
    language,
    text,
  }));
  await mkdir(join(root, 'test/.artifacts'), { recursive: true });
  await writeFile(declared, blocks.find(({ language }) => language === 'ts')?.text ?? assert.fail());
  const { note } = (await import(declared)) as { note: DataType };
  const now = Date.parse('2026-11-24T09:00:00Z') / 1000;
  server = await startApiServer({ types: [note], clock: () => now });
  token = (await server.token({ scopes: ['data:note:read', 'data:note:write'] })).value;
});
after(async () => {
  await server.stop();
  await rm(declared);
});

const plain = (text: string) =>
  text
    .replace(/(obj|acc)_\w+/g, '$1_…')
    .replace(/"requestId": ?"[^"]+"/g, '"requestId":"…"')
    .trim();

test('the examples of docs/data-api.md answer what it says', async () => {
  let id = '';
  let count = 0;
  for (const [index, { language, text }] of blocks.entries()) {
    if (language !== 'sh') continue;
    const command = text.replaceAll('https://id.example.com', server.url).replaceAll('curl ', 'curl -sS ');
    const { stdout } = await run('bash', ['-c', command], { env: { ...process.env, TOKEN: token, ID: id } });
    id ||= /"id":"(obj_\w+)"/.exec(stdout)?.[1] ?? '';
    const answer = blocks[index + 1];
    if (answer?.language === 'json')
      assert.deepEqual(JSON.parse(plain(stdout)), JSON.parse(answer.text), text);
    else assert.equal(plain(stdout), answer?.language === 'text' ? plain(answer.text) : '', text);
    count += 1;
  }
  assert.equal(count, 7);
});
