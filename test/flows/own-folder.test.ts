import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { after, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { runCommand } from '../../server/cli/program.ts';
import { copyInstallation } from '../support/installation.ts';
import { until } from '../support/until.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const root = mkdtempSync(join(tmpdir(), 'latchkey-own-'));
after(() => rmSync(root, { recursive: true }));

const run = promisify(execFile);

async function latchkey(args: readonly string[], env: Record<string, string> = {}) {
  let [out, err] = ['', ''];
  const code = await runCommand(args, {
    env,
    stdin: Readable.from(['four words nobody guesses']),
    out: (text) => (out += text),
    err: (text) => (err += text),
  });
  return { code, out, err };
}

/** A folder as `init` writes it. */
async function made(name: string): Promise<{ folder: string; env: { LATCHKEY_CONFIG: string } }> {
  const folder = join(root, name);
  assert.equal((await latchkey(['init', folder])).code, 0);
  return { folder, env: { LATCHKEY_CONFIG: folder } };
}

describe('latchkey init', () => {
  it('writes a folder whose test passes under plain node, which check likes, and where tsc finds all types', async () => {
    const { folder, env } = await made('whole');
    // As somebody runs it whose machine has an older Node, or none.
    const bin = join(root, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'node'), '#!/bin/sh\necho "this is another node"; exit 1\n', { mode: 0o755 });
    const { scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const tested = run('sh', ['-c', scripts.test], {
      cwd: folder,
      env: { PATH: `${bin}:${process.env.PATH}` },
    });
    // What they hold is checked here where they lie (server/cli/template), so that it is read once only.
    const listed = run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder, '--listFilesOnly']);
    assert.match((await tested).stdout, /pass 1\n/);
    assert.equal((await tested).stderr, '');
    for (const file of [
      'server/declare.ts',
      'server/testing.ts',
      'node_modules/zod/index.d.ts',
      'types/node/index.d.ts',
    ]) {
      assert.match((await listed).stdout, new RegExp(`${file}\n`));
    }
    const { out, code } = await latchkey(['check'], env);
    assert.match(out, /whole: all good, 1 type and 1 workflow\n$/);
    assert.equal(code, 0);
  });

  it('finds its installation, whatever that is called', async () => {
    const installation = copyInstallation({});
    const folder = join(root, 'of another');
    try {
      await run(process.execPath, [join(installation.root, 'server/start/cli.js'), 'init', folder]);
      const { scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      const options = { cwd: folder, env: { PATH: process.env.PATH } };
      assert.match((await run('sh', ['-c', scripts.test], options)).stdout, /pass 1\n/);
    } finally {
      installation.remove();
    }
  });

  it('goes through a link, and writes nothing over', async () => {
    const folder = join(root, 'real');
    mkdirSync(folder);
    symlinkSync(folder, join(root, 'link'));
    assert.equal((await latchkey(['init', join(root, 'link')])).code, 0);
    assert.ok(existsSync(join(folder, 'settings.ts')));
    const again = await latchkey(['init', folder]);
    assert.match(again.err, /there is something in it.*empty or not there yet/);
    assert.equal(again.code, 1);
  });

  it('says what to type next in a way that a shell understands, whatever the folder is called', async () => {
    const folder = join(root, "Ann's $app (é)");
    const { out } = await latchkey(['init', folder]);
    const readme = readFileSync(join(folder, 'README.md'), 'utf8');
    for (const [text, end] of [
      [out, '$'],
      [readme, '`'],
    ] as const) {
      const [, named = ''] = new RegExp(`export LATCHKEY_CONFIG=(.*)${end}`, 'm').exec(text) ?? [];
      assert.equal((await run('sh', ['-c', `printf %s ${named}`])).stdout, folder);
    }
  });

  const file = join(root, 'file');
  writeFileSync(file, '');
  symlinkSync(join(root, 'nowhere'), join(root, 'broken'));
  symlinkSync(ROOT, join(root, 'installation'));
  for (const [dir, says] of [
    [file, /file is no folder/],
    [join(file, 'below'), /file is no folder/],
    [join(root, 'broken'), /link that leads nowhere/],
    [join(ROOT, 'data-of-mine'), /it is in the installation.*outside/],
    [join(root, 'installation/mine'), /it is in the installation/],
    [ROOT, /it is in the installation/],
    [join(root, 'node_modules/mine'), /below node_modules/],
  ] as const) {
    it(`refuses ${dir.replace(root, '').replace(ROOT, 'INSTALLATION')}`, async () => {
      const { err, code } = await latchkey(['init', dir]);
      assert.match(err, says);
      assert.equal(code, 1);
    });
  }
});

describe('types new and workflows new', () => {
  it('write what passes check at once, also under a word of JavaScript', async () => {
    const { env } = await made('added');
    for (const name of ['invoice', 'class', 'constructor', 'is', 'z', 'a'.repeat(40)]) {
      assert.equal((await latchkey(['types', 'new', name], env)).code, 0, name);
      assert.equal((await latchkey(['workflows', 'new', name], env)).code, 0, name);
    }
    assert.match((await latchkey(['check'], env)).out, /all good, 7 types and 7 workflows/);
  });

  it('refuse names that are bad or taken, and write nothing outside of their folder', async () => {
    const { folder, env } = await made('refused');
    symlinkSync(join(root, 'elsewhere.ts'), join(folder, 'types/link.ts'));
    for (const name of [
      '../evil',
      'a/b',
      'Note',
      '1a',
      '',
      '__proto__',
      'a.ts',
      'ä',
      'a'.repeat(41),
      'a\n',
    ]) {
      assert.match((await latchkey(['types', 'new', name], env)).err, /no name for it. Wanted: lower case/);
    }
    for (const [kind, name] of [
      ['types', 'note'],
      ['types', 'link'],
      ['workflows', 'add_note'],
      ['workflows', 'issue_token'],
    ] as const) {
      assert.match((await latchkey([kind, 'new', name], env)).err, /is taken/);
    }
    assert.ok(!existsSync(join(root, 'elsewhere.ts')));
    rmSync(join(folder, 'workflows'), { recursive: true });
    symlinkSync(join(root, 'nowhere/at/all'), join(folder, 'workflows'));
    const { err, code } = await latchkey(['workflows', 'new', 'late'], env);
    assert.match(err, /workflows\/late\.ts cannot be written \(E\w+\).*may write in that folder/);
    assert.equal(code, 1);
  });
});

describe('latchkey check', () => {
  it('says all mistakes at once, with file, line and column, and ends with 1', async () => {
    const { folder, env } = await made('wrong');
    writeFileSync(join(folder, 'settings.ts'), "export const settings = {};\nthrow new Error('oh');\n");
    writeFileSync(join(folder, 'types/bad.ts'), "import { defineTyp } from 'latchkey';\n");
    writeFileSync(join(folder, 'workflows/bad.ts'), "import { x } from '../types/note';\n");
    writeFileSync(join(folder, 'workflows/old.js'), "const z = require('zod');\n(;\n");
    const { out, code } = await latchkey(['check'], env);
    assert.equal(code, 1);
    assert.match(
      out,
      /settings\.ts does not load: Error: oh \(line 2, column 7 of \/.*wrong\/settings\.ts\)/,
    );
    assert.match(out, /types\/bad\.ts: .*does not provide an export named 'defineTyp' \(line 1, column 10\)/);
    assert.match(out, /workflows\/bad\.ts: .*\(line 1, column 20\); write '\.\.\/types\/note\.ts'/);
    assert.match(out, /workflows\/old\.js: .*\(line 2, column 2\)/);
  });

  it('says mistakes in the values of the settings, and of a folder that is not there', async () => {
    const { folder, env } = await made('values');
    writeFileSync(join(folder, 'settings.ts'), "export const settings = { colour: 'red' };\n");
    assert.match(
      (await latchkey(['check'], env)).out,
      /\/values\/settings\.ts: colour is set, but there is no/,
    );
    const gone = await latchkey(['check'], { LATCHKEY_CONFIG: join(root, 'gone') });
    assert.match(gone.err, /LATCHKEY_CONFIG is ".*gone": there is no such folder; make one with/);
    assert.equal(gone.code, 1);
  });

  it('says where in a declaration a mistake stands', async () => {
    const { folder, env } = await made('declared');
    const type = readFileSync(join(folder, 'types/note.ts'), 'utf8');
    const workflow = readFileSync(join(folder, 'workflows/add_note.ts'), 'utf8');
    writeFileSync(
      join(folder, 'types/note.ts'),
      type
        .replace("description: 'A note'", "description: ''")
        .replace('title: z.string()', 'title: z.date()')
        .replace('z.string().max(10_000)', 'z.map(z.string(), z.string())'),
    );
    writeFileSync(
      join(folder, 'workflows/add_note.ts'),
      workflow.replace("'account'", "'everybody'").replace("example: 'Groceries'", 'example: 5'),
    );
    const { out } = await latchkey(['check'], env);
    for (const says of [
      /note\.ts: description: wanted .* \(line 7, column 3\)/,
      /note\.ts: field title: .* \(line 10, column 5\)/,
      /note\.ts: field text: .* \(line 11, column 5\)/,
      /add_note\.ts: callers: wanted .* \(line 8, column 3\)/,
      /add_note\.ts: parameter title: example: .* \(line 10, column \d\d\)/,
    ]) {
      assert.match(out, says);
    }
  });

  it('ends also where a file has begun what does not end', async () => {
    const { folder, env } = await made('endless');
    writeFileSync(
      join(folder, 'settings.ts'),
      'export const settings = {};\nsetInterval(() => undefined, 1000);\n',
    );
    const options = { env: { PATH: process.env.PATH, ...env }, timeout: 30_000 };
    const { stdout } = await run(process.execPath, [join(ROOT, 'server/start/cli.js'), 'check'], options);
    assert.match(stdout, /all good/);
  });

  it('likes what README has to copy', async () => {
    const { folder, env } = await made('readme');
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const examples = [...readme.matchAll(/```ts\n\/\/ config\/(\S+\.ts)\n(.*?)```/gs)];
    assert.ok(examples.length >= 2);
    for (const { 1: name = '', 2: text = '' } of examples) writeFileSync(join(folder, name), text);
    assert.match((await latchkey(['check'], env)).out, /all good, 2 types and 2 workflows\n$/);
  });

  it('warns of a workflow that makes what no rule lets its callers make', async () => {
    const { folder, env } = await made('warned');
    const type = join(folder, 'types/note.ts');
    const workflow = join(folder, 'workflows/add_note.ts');
    writeFileSync(workflow, readFileSync(workflow, 'utf8').replace("'account'", "'anyone'"));
    const { out, code } = await latchkey(['check'], env);
    assert.match(
      out,
      /Warning: workflow add_note makes records of type note, but no rule .* a caller without a token/,
    );
    assert.equal(code, 0);
    // Loaded once a process, so from another place.
    const second = await made('warned-too');
    writeFileSync(
      join(second.folder, 'types/note.ts'),
      readFileSync(type, 'utf8').replace('      create: true,\n', ''),
    );
    assert.match((await latchkey(['check'], second.env)).out, /Warning: .* no rule .* lets anybody do so/);
    // Admins make records past the rules.
    const third = await made('warned-not');
    for (const [name, from, to] of [
      ['types/note.ts', '      create: true,\n', ''],
      ['workflows/add_note.ts', "'account'", "'admin'"],
    ] as const) {
      const file = join(third.folder, name);
      const before = readFileSync(file, 'utf8');
      writeFileSync(file, before.replace(from, to));
      assert.notEqual(readFileSync(file, 'utf8'), before);
    }
    const admins = await latchkey(['check'], third.env);
    assert.match(admins.out, /all good/);
    assert.doesNotMatch(admins.out, /Warning/);
  });
});

/** `npm run dev` in a process of its own, that listens wherever there is room. */
function dev(env: Record<string, string>) {
  const child = spawn(process.execPath, [join(ROOT, 'server/start/dev.js')], {
    env: { PATH: process.env.PATH, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of processes of its own: see `endGroup`.
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  return {
    child,
    output: () => output,
    urls: () => [...output.matchAll(/Latchkey listens on (\S+)/g)].map((match) => match[1] ?? ''),
  };
}

/** Whatever is left of it. */
function endGroup(pid = 0): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing is.
  }
}

describe('npm run dev', () => {
  it('sees what comes and goes, starts a server again that has ended, and takes it along when it is killed', async () => {
    const { folder, env } = await made('followed');
    const data = join(root, 'data-followed');
    const { child, output, urls } = dev({
      ...env,
      LATCHKEY_DATA: data,
      LATCHKEY_STORE: `sqlite:${join(data, 'latchkey.db')}`,
    });
    const faults = () => output().split('The server goes on as it was.').length - 1;
    try {
      await until('the server', () => urls().length === 1);
      const file = join(folder, 'workflows/add_note.ts');
      const good = readFileSync(file, 'utf8');
      mkdirSync(join(folder, 'lib'));
      writeFileSync(file, `import '../lib/deep/words.ts';\n${good}`);
      await until('what is not there yet', () => faults() >= 1);
      mkdirSync(join(folder, 'lib/deep'));
      // Seen by itself, or with what comes into it.
      await until('the folder without it', () => faults() >= 2);
      writeFileSync(join(folder, 'lib/deep/words.ts'), '');
      await until('what it imports', () => urls().length === 2);
      rmSync(join(folder, 'lib'), { recursive: true });
      await until('the folder gone', () => faults() >= 3);

      const { stdout } = await run('pgrep', ['-P', String(child.pid)]);
      process.kill(Number(stdout), 'SIGKILL');
      await until('the end of the server', () => /has ended \(SIGKILL\)\. It starts again/.test(output()));
      writeFileSync(file, good);
      await until('another one', () => urls().length === 3);
      // What is loaded then would never end.
      const begun = join(data, 'begun');
      const loop = `import { writeFileSync } from 'node:fs';\nwriteFileSync('${begun}', '');\nfor (;;);\n`;
      writeFileSync(file, `${loop}${good}`);
      await until('the loop', () => existsSync(begun));
      writeFileSync(file, `${good}\n`);
      await until('the one after a loop', () => urls().length === 4);
      assert.equal((await fetch(`${urls().at(-1)}/healthz`)).status, 200);
      child.kill('SIGKILL');
      await until('nothing that answers', () =>
        fetch(`${urls().at(-1)}/healthz`).then(
          () => false,
          () => true,
        ),
      );
    } finally {
      endGroup(child.pid);
    }
  });

  it('serves the folder, follows changes, goes on where one does not load, and leaves nothing behind', async () => {
    const { folder, env } = await made('served');
    const data = join(root, 'data');
    const everywhere = { ...env, LATCHKEY_DATA: data, LATCHKEY_STORE: `sqlite:${join(data, 'latchkey.db')}` };
    const { child, output, urls } = dev(everywhere);
    try {
      await until('the server', () => urls().length === 1);
      await latchkey(['accounts', 'create', '--email', 'ann@example.com', '--password-stdin'], everywhere);
      const scopes = ['--scopes', 'wf:add_note'];
      const token = await latchkey(
        ['tokens', 'create', '--account', 'ann@example.com', '--name', 'x', ...scopes, '--json'],
        everywhere,
      );
      const [value] = /lk_pat_\w+/.exec(token.out) ?? [];
      const add = async (title: string) => {
        const response = await fetch(`${urls().at(-1)}/api/1.1/wf/add_note`, {
          method: 'POST',
          headers: { Authorization: `Bearer ${value}`, 'Content-Type': 'application/json' },
          body: JSON.stringify({ title }),
        });
        const answer = (await response.json()) as { status?: string; body?: { message: string } };
        return answer.body?.message ?? answer.status;
      };
      assert.equal(await add('One'), 'success', token.err);
      assert.equal(await add('One'), 'You have a note of that title.');

      const file = join(folder, 'workflows/add_note.ts');
      const good = readFileSync(file, 'utf8');
      writeFileSync(file, good.replace('defineWorkflow({', 'defineWorkflow({,'));
      await until('the mistake', () => output().includes('The server goes on as it was.'));
      assert.match(output(), /add_note\.ts: it does not load: .*\(line 5, column \d+\)/);
      assert.equal(await add('One'), 'You have a note of that title.');

      mkdirSync(join(root, 'shared'));
      writeFileSync(join(root, 'shared/words.ts'), "export const WORDS = 'One is enough.';\n");
      const imported = `import { WORDS } from '../../shared/words.ts';\n${good}`;
      writeFileSync(file, imported.replace("'You have a note of that title.'", 'WORDS'));
      await until('the change', () => urls().length === 2);
      assert.equal(await add('One'), 'One is enough.');
      // What is imported from outside of the folder is followed too.
      writeFileSync(join(root, 'shared/words.ts'), "export const WORDS = 'No more.';\n");
      await until('the change of what it imports', () => urls().length === 3);
      assert.equal(await add('One'), 'No more.');
    } finally {
      child.kill('SIGTERM');
    }
    await until('the end', () => child.exitCode !== null);
    assert.equal(child.exitCode, 0);
    assert.doesNotMatch(output(), /"level":[56]0/);
    assert.throws(() => process.kill(-(child.pid ?? 0), 0), { code: 'ESRCH' });
  });
});
