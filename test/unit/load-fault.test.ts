import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { loadOwnerSettings, WrongSettings } from '../../server/ground/settings.ts';
import { loadDeclarations } from '../../server/workflows/load-declarations.ts';
import { makeConfigFolder } from '../support/config-folder.ts';

const GOOD = 'export const x: number = 1;\n';
const TYPE =
  "import { z } from 'zod'; import { defineType } from 'latchkey'; export const type = defineType({ name: 'w', description: 'W', fields: { a: z.string() } })";

/** What is wrong with a workflow, and where the line that is said of it points. */
const faults: [what: string, files: Record<string, string>, says: RegExp, place: RegExp][] = [
  [
    'a comma that lacks',
    { 'a.ts': `${GOOD}const y = {\n  a: 1\n  b: 2,\n};` },
    /Expected ','/,
    /\(line 4, column 3\)/,
  ],
  [
    'an operator too many',
    { 'a.ts': `${GOOD}const y = 1 +* 2;` },
    /Expression expected/,
    /line 2, column 14\)/,
  ],
  ['a name used twice', { 'a.ts': `${GOOD}const x = 2;` }, /already been declared/, /line 2, column 7\)/],
  [
    'an enum',
    { 'a.ts': `${GOOD}enum A { B }` },
    /enum is not supported.*plain JavaScript/,
    /line 2, column 1\)/,
  ],
  ['a throw', { 'a.ts': `${GOOD}const y: any = undefined;\ny.z();` }, /Cannot read/, /line 3, column 3\)/],
  [
    'a throw within what it calls of latchkey',
    { 'a.ts': `import { file } from 'latchkey';\nexport const x =\n  file();` },
    /TypeError/,
    /line 3, column 3\)/,
  ],
  [
    'a fault in what it imports',
    { 'a.ts': "import './_b.ts';", '_b.ts': `${GOOD}const y = ;` },
    /Expression/,
    /line 2, column \d+ of .*_b\.ts/,
  ],
  [
    'an import without its ending',
    { 'a.ts': `${GOOD}import { x as y } from './_b';`, '_b.ts': GOOD },
    /write '\.\/_b\.ts'/,
    /line 2, column 25\)/,
  ],
  [
    'an import of a type of elsewhere, without it',
    { 'a.ts': "import '../types/bill';", '../types/bill.ts': GOOD },
    /write '\.\.\/types\/bill\.ts'/,
    /line 1, column 9\)/,
  ],
  [
    'an import with the ending of what tsc makes',
    { 'a.ts': "import './_b.js';", '_b.ts': GOOD },
    /write '\.\/_b\.ts'/,
    /line 1/,
  ],
  [
    'an import of a folder',
    { 'a.ts': "import './_b';", '_b/index.ts': GOOD },
    /write '\.\/_b\/index\.ts'/,
    /line 1/,
  ],
  [
    'an import of a folder that has no index',
    { 'a.ts': "import '../types';", '../types/_bill.ts': GOOD },
    /name a file in it: '\.\.\/types\/_bill\.ts'/,
    /line 1, column 9\)/,
  ],
  [
    'an import of JSON without its attribute',
    { 'a.ts': `${GOOD}import b from './_b.json';`, '_b.json': '{}' },
    /write from '\.\/_b\.json' with \{ type: 'json' \}/,
    /line 2, column 16\)/,
  ],
  [
    'an import of what is no code',
    { 'a.ts': `${GOOD}import './_b.css';`, '_b.css': '' },
    /only TypeScript, JavaScript and JSON/,
    /line 2, column 9\)/,
  ],
  [
    'an import of what Node does not have',
    { 'a.ts': "import 'node:fz';" },
    /No such built-in/,
    /line 1, column 9\)/,
  ],
  [
    'an import from the network',
    { 'a.ts': "import 'https://example.com/b.js';" },
    /https:/,
    /line 1, column 9\)/,
  ],
  [
    'an alias that bundlers know',
    { 'a.ts': "import '@/types/bill.ts';" },
    /; a file is named by its path from this one/,
    /line 1, column 9\)/,
  ],
  [
    'a package that is not installed',
    { 'a.ts': `${GOOD}import 'not-installed-here';` },
    /Cannot find package/,
    /line 2, column 9\)/,
  ],
  [
    'a package whose name is misspelt',
    { 'a.ts': "import { is } from 'latchky';" },
    /write 'latchkey'/,
    /line 1, column 21/,
  ],
  [
    'a file whose name is misspelt',
    { 'a.ts': "import '../types/wallte.ts';", '../types/_wallet.ts': GOOD },
    /write '\.\.\/types\/_wallet\.ts'/,
    /line 1, column 9/,
  ],
  [
    'a file in what is no folder',
    { 'a.ts': "import './_b.ts/c.ts';", '_b.ts': GOOD },
    /Cannot find module '.*c\.ts' imported from|ENOTDIR/,
    /\.ts/,
  ],
  [
    'a name that latchkey does not have',
    { 'a.ts': "import { iss } from 'latchkey';\nexport const y = iss;" },
    /; there are always, .*\bis, .*defineWorkflow/,
    /line 1, column 10/,
  ],
  [
    'a name of another file that is misspelt',
    {
      'a.ts': "import { walet } from './_b.ts';\nexport const y = walet;",
      '_b.ts': 'const wallet = 1;\nexport { wallet };',
    },
    /; did you mean wallet\?$/,
    /line 1, column 10/,
  ],
  [
    'a name of what is exported as the default',
    { 'a.ts': "import { b } from './_b.ts';", '_b.ts': 'export default 1;' },
    /; it is exported there as the default: write export const b =/,
    /line 1, column 10/,
  ],
  // Not for the end of the file, of which the message speaks too.
  ['two words', { 'a.ts': 'a b' }, /Expected ';', '\}' or <eof> \(/, /line 1, column 3\)$/],
  ['a file in UTF-16', { 'a.ts': '\uFFFD\uFFFD' }, /; save the file as UTF-8$/, /line 1/],
  ['a bracket that is not closed', { 'a.ts': `${GOOD}const y = {` }, /the file ends too early/, /line 2/],
  [
    'a type imported as a value',
    { 'a.ts': "import { T } from './_b.ts';\nexport const y: T = 1;", '_b.ts': 'export type T = number;' },
    /write import type/,
    /line 1, column 10\)/,
  ],
];

describe('a workflow that does not load', () => {
  for (const [what, files, says, place] of faults) {
    it(`for ${what} is one line that says where`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'latchkey-load-'));
      try {
        for (const [name, text] of Object.entries(files)) {
          const path = join(folder, 'workflows', name);
          mkdirSync(dirname(path), { recursive: true });
          writeFileSync(path, text);
        }
        const error = await loadDeclarations(folder).catch((thrown: unknown) => thrown);
        assert.ok(error instanceof WrongSettings);
        const [line = '', ...more] = error.lines.filter((one) => one.includes('a.ts'));
        assert.deepEqual(more, []);
        assert.match(line, /workflows\/a\.ts: it does not load: /);
        assert.match(line, says);
        assert.match(line, place);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});

it('a folder below is not loaded, whatever it is called', async (t) => {
  const config = makeConfigFolder({ 'types/old.ts/wallet.ts': 'export const wallet = ;' });
  t.after(config.remove);
  assert.deepEqual([...(await loadDeclarations(config.folder)).types.keys()], []);
});

it('what is no file, or a link to none, is told in our words', async (t) => {
  const config = makeConfigFolder({ 'types/_old/wallet.ts': GOOD });
  t.after(config.remove);
  const path = (name: string) => join(config.folder, 'types', name);
  symlinkSync('_old', path('folder.ts'));
  symlinkSync('nowhere.ts', path('gone.ts'));
  symlinkSync('loop.ts', path('loop.ts'));
  const error = await loadDeclarations(config.folder).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof WrongSettings);
  const told = error.lines.map((line) => line.slice(line.lastIndexOf('/') + 1));
  assert.deepEqual(told, [
    'folder.ts: it does not load: Error: it is no file',
    'gone.ts: it does not load: Error: it is a link that leads nowhere',
    'loop.ts: it does not load: Error: it is a link that leads nowhere',
  ]);
});

it('what fails on the network while a file loads is told with its reason', async (t) => {
  const config = makeConfigFolder({ 'types/wallet.ts': "await fetch('http://127.0.0.1:1/');" });
  t.after(config.remove);
  await assert.rejects(
    loadDeclarations(config.folder),
    /wallet\.ts: it does not load: .*fetch failed \(.+\)/,
  );
});

it('a fault in a file is told once, and not for each file that imports it', async (t) => {
  const wallet = "import { wallet } from '../types/wallet.ts';\nexport const one = wallet;";
  const config = makeConfigFolder({
    'types/wallet.ts': 'export const wallet = ;',
    'types/bill.ts': wallet,
    'workflows/pay.ts': wallet,
  });
  t.after(config.remove);
  await assert.rejects(loadDeclarations(config.folder), (error) => {
    assert.ok(error instanceof WrongSettings && error.lines.length === 1, String(error));
    assert.match(error.message, /types\/wallet\.ts: it does not load: .*\(line 1, column 23\)$/);
    return true;
  });
});

for (const [file, does, says] of [
  [
    'types/wallet.ts',
    'process.exit(0)',
    /types\/wallet\.ts: it does not load: .*process\.exit would end.*\(line 2, column 9\)/,
  ],
  // Its processes would not load what the server had loaded.
  [
    'types/wallet.ts',
    `process.chdir('/')`,
    /types\/wallet\.ts: it does not load: .*process\.chdir would reach.*\(line 2, column 9\)/,
  ],
  [
    'settings.ts',
    'process.exit(0)',
    /settings\.ts does not load: .*process\.exit would end.*\(line 2, column 9 of /,
  ],
] as const) {
  it(`a file that reaches for the process while it loads is told, and is no success: ${file}, ${does}`, (t) => {
    const config = makeConfigFolder({ [file]: `${GOOD}${does};` });
    t.after(config.remove);
    const { status, stdout, stderr } = spawnSync(process.execPath, ['server/start/cli.js', 'check'], {
      env: { ...process.env, LATCHKEY_CONFIG: config.folder },
      encoding: 'utf8',
    });
    assert.equal(status, 1);
    assert.match(stdout + stderr, says);
  });
}

for (const [file, does] of [
  ['types/wallet.ts', 'Promise.reject(new Error("late"))'],
  ['settings.ts', 'setImmediate(() => { throw new Error("late"); })'],
] as const) {
  it(`what fails behind a file that has loaded is told with its place, and the command goes on: ${file}`, (t) => {
    const config = makeConfigFolder({
      'types/wallet.ts': TYPE,
      [file]: `${file === 'settings.ts' ? 'export const settings = {}' : TYPE};\n${does};`,
    });
    t.after(config.remove);
    const { status, stdout, stderr } = spawnSync(process.execPath, ['server/start/cli.js', 'check'], {
      env: { ...process.env, LATCHKEY_CONFIG: config.folder },
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /all good, 1 type/);
    assert.match(
      stderr,
      new RegExp(
        `^Warning: .*/${file}: something that it starts.*: Error: late \\(line 2, column \\d+\\)\n$`,
      ),
    );
  });
}

it('a workflow whose top-level await does not end is one line, and the start is no longer waiting', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-load-'));
  try {
    mkdirSync(join(folder, 'workflows'));
    writeFileSync(join(folder, 'workflows', 'a.ts'), 'await new Promise(() => {});');
    await assert.rejects(
      loadDeclarations(folder, 1000),
      /a\.ts: it does not load: .*takes more than 1 seconds; await/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('settings.ts of the folder that LATCHKEY_CONFIG names', () => {
  it('that does not load, or exports nothing, is one line', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-load-'));
    const [broken, empty] = [join(folder, 'broken'), join(folder, 'empty')];
    for (const one of [broken, empty]) mkdirSync(one);
    writeFileSync(join(broken, 'settings.ts'), `${GOOD}export const settings = {\r\n  appName 'x',\r\n};`);
    writeFileSync(join(empty, 'settings.ts'), GOOD);
    const of = (config: string) => loadOwnerSettings({ LATCHKEY_CONFIG: config });
    await assert.rejects(of(broken), (error) => {
      assert.ok(error instanceof WrongSettings && error.lines.length === 1);
      assert.match(error.message, /^\/.*\/settings\.ts does not load: .*line 3, column \d+ of \//);
      return true;
    });
    await assert.rejects(of(empty), /exports no settings/);
    rmSync(folder, { recursive: true });
  });
});
