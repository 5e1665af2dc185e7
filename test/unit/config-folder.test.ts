import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { z } from 'zod';
import { loadOwnerSettings, readSettings } from '../../server/ground/settings.ts';
import { loadDeclarations } from '../../server/workflows/load-declarations.ts';

const root = mkdtempSync(join(tmpdir(), 'latchkey-config-'));
after(() => rmSync(root, { recursive: true }));

const TYPE = `import { always, defineType } from 'latchkey';
import { z } from 'zod';
export const note = defineType({
  name: 'note',
  description: 'A note',
  fields: { text: z.string() },
  rules: (record) => [{ name: 'Everybody', when: always, create: true }],
});
`;
const WORKFLOW = `import { defineWorkflow } from 'latchkey';
import * as z from 'zod/v4';
import { note } from '../types/note.ts';
export const workflow = defineWorkflow({
  name: 'add',
  description: 'Adds',
  callers: 'account',
  parameters: {},
  types: { note },
  returns: z.object({}),
  run: () => ({}),
});
`;
const COMMON_JS = `const { z } = require('zod');
module.exports.workflow = require('latchkey').defineWorkflow({
  name: 'old',
  description: 'Old',
  callers: 'account',
  parameters: {},
  returns: z.object({}),
  run: () => ({}),
});
`;
const SETTINGS = "export const settings = { appName: 'Mine' };\n";

/** A folder with these files, somewhere else than the installation. */
function folderWith(files: Record<string, string>): string {
  const folder = mkdtempSync(join(root, 'of-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

describe('a folder of the owner elsewhere', () => {
  const files = { 'settings.ts': SETTINGS, 'types/note.ts': TYPE, 'workflows/add.ts': WORKFLOW };

  for (const [what, more] of Object.entries({
    'no package.json': {},
    'a package.json of CommonJS': { 'package.json': '{"type":"commonjs"}' },
    'Windows line ends': { 'types/note.ts': TYPE.replaceAll('\n', '\r\n') },
    'a zod of its own': {
      'node_modules/zod/package.json': '{"name":"zod","main":"index.js"}',
      'node_modules/zod/index.js': "throw new Error('not this one')",
      'node_modules/latchkey/index.js': "throw new Error('nor this one')",
    },
  })) {
    it(`loads with ${what}, and finds latchkey and zod as the installation has them`, async () => {
      const folder = folderWith({ ...files, ...more });
      const environment = { LATCHKEY_CONFIG: folder };
      const settings = readSettings(await loadOwnerSettings(environment), {
        ...environment,
        LATCHKEY_DATA: join(root, 'data'),
      });
      assert.equal(settings.config, folder);
      assert.equal(settings.appName, 'Mine');
      assert.equal(settings.origins.appName, join(folder, 'settings.ts'));
      const { types, workflows } = await loadDeclarations(settings.config);
      assert.deepEqual([...types.keys(), ...workflows.keys()], ['note', 'add']);
      assert.ok(types.get('note')?.fields.text instanceof z.ZodString);
    });
  }

  it('may hold CommonJS, with the same zod and the same latchkey', async () => {
    const { workflows } = await loadDeclarations(folderWith({ 'workflows/old.cjs': COMMON_JS }));
    assert.ok(workflows.get('old')?.returns instanceof z.ZodObject);
  });

  it('is reached through a link', async () => {
    const link = join(root, 'link');
    symlinkSync(folderWith(files), link);
    assert.equal((await loadDeclarations(link)).types.size, 1);
  });

  for (const [what, files, says] of [
    [
      'a type that imports a workflow which imports it',
      {
        'types/note.ts': `import { workflow } from '../workflows/add.ts';\nconsole.error(workflow.name);\n${TYPE}`,
        'workflows/add.ts': WORKFLOW,
      },
      /note|workflow/,
    ],
    [
      'two files of one name',
      { 'types/note.ts': TYPE, 'types/note2.ts': TYPE },
      /note2\.ts: the name note is taken by .*note\.ts/,
    ],
    ['a file where a folder is wanted', { types: 'x' }, /types: it is no folder; wanted/],
  ] as const) {
    it(`with ${what} does not load, in words that name the file`, async () => {
      await assert.rejects(loadDeclarations(folderWith(files)), says);
    });
  }
});

describe('LATCHKEY_CONFIG', () => {
  const file = join(root, 'file');
  writeFileSync(file, '');
  symlinkSync(join(root, 'nowhere'), join(root, 'broken'));
  mkdirSync(join(root, 'empty'));
  for (const [value, says] of [
    [join(root, 'gone'), /LATCHKEY_CONFIG is ".*gone": there is no such folder; make one with .* init /],
    [file, /LATCHKEY_CONFIG is ".*file": it is no folder/],
    [join(root, 'broken'), /: it is a link that leads nowhere/],
    [join(root, 'empty'), /: there is no settings\.ts in it/],
    [`${root}\r`, /carriage return/],
    [`"${root}"`, /quotes/],
    ['~/mine', /a ~ /],
  ] as const) {
    it(`that is ${JSON.stringify(value.replace(root, ''))} is refused in one line`, async () => {
      await assert.rejects(loadOwnerSettings({ LATCHKEY_CONFIG: value }), says);
    });
  }

  it('that is empty is not set', async () => {
    assert.ok(await loadOwnerSettings({ LATCHKEY_CONFIG: '' }));
  });
});
