import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadDeclarations } from '../../server/workflows/load-declarations.ts';
import { makeConfigFolder } from '../support/config-folder.ts';

const workflow = (more: string, schema = 'z.string()') => `
import { defineWorkflow } from 'latchkey';
import { z } from 'zod';
export const workflow = defineWorkflow({
  name: 'tried', description: 'Tried', callers: 'anyone', returns: z.object({}), run: () => ({}),
  parameters: { where: { schema: ${schema}, description: 'Where', example: 'http://x.example' } },
  ${more}
} as never);
`;

for (const [what, text, says] of [
  ['no time', workflow('limits: { seconds: 0 },'), /limits.seconds: wanted a whole number from 1 to 30/],
  ['too much time', workflow('limits: { seconds: 31 },'), /limits.seconds/],
  ['half a call', workflow('limits: { callsAMinute: 0.5 },'), /limits.callsAMinute: wanted a whole number/],
  [
    'a limit that is not there',
    workflow('limits: { minutes: 1 },'),
    /limits\.minutes: what limits a workflow has no such key, only seconds, callsAMinute \(line 7, column 13\)/,
  ],
  ['limits that are none', workflow('limits: 5,'), /limits: wanted \{ seconds, callsAMinute \}/],
  [
    'a key that means nothing',
    workflow('limit: { seconds: 5 },'),
    /limit: a workflow has no such key \(did you mean limits\?\), only name, .* \(line 7, column 3\)/,
  ],
  [
    'an optional parameter without an example',
    workflow("parameters: { where: { schema: z.string().optional(), description: 'Where' } },"),
    /parameter where: it needs an example, also where it may be left out/,
  ],
  [
    'parameters in a schema',
    workflow('parameters: z.object({ where: z.string() }),'),
    /parameters: wanted .* without z\.object\(…\) around it \(line 6, column 3\)$/,
  ],
  [
    'a description in another encoding',
    workflow("description: 'Gr\ufffdn',"),
    /description: it has a sign that could not be read: save the file as UTF-8 \(line /,
  ],
  ['types in a list', workflow('types: [],'), /types: wanted an object of types/],
  ['no run', workflow('run: undefined,'), /run: wanted a function: run\(\{ parameters/],
  [
    'a parameter whose default is none',
    workflow('', "z.enum(['http://x.example', 'b']).default('c')"),
    /parameter where: default: its own schema refuses it: Invalid option/,
  ],
  [
    'a parameter that would end the process',
    workflow('', 'z.string().refine(() => process.abort === process.exit())'),
    /parameter where: schema: Error: process\.exit would end/,
  ],
  [
    'a parameter that never ends',
    workflow('', 'z.string().refine(() => { for (;;); })'),
    /its schemas took longer than 2 seconds when they were tried .* \(line 4, /,
  ],
  [
    'a parameter that gives everything a property',
    workflow('', 'z.string().transform((text) => Object.assign({}.constructor.prototype, { text }))'),
    /its schemas changed what every value has when they were tried/,
  ],
  [
    'an object of a class for the process',
    workflow('', 'z.string().transform((text) => ({ at: new URL(text) }))'),
    /parameter where: schema: .*process.*at: an object of the class URL; make that in run/,
  ],
] as const) {
  test(`a workflow with ${what} stops the start with a line that says so`, async (t) => {
    const config = makeConfigFolder({ 'workflows/tried.ts': text });
    t.after(config.remove);
    await assert.rejects(loadDeclarations(config.folder), says);
  });
}

test('a type with a field that never ends on nothing stops the start with a line that says so', async (t) => {
  const text = `
import { defineType } from 'latchkey';
import { z } from 'zod';
const field = z.string().optional().refine((value) => { while (value === undefined); return true; });
export const type = defineType({ name: 'tried', description: 'Tried', fields: { field } });
`;
  const config = makeConfigFolder({ 'types/tried.ts': text });
  t.after(config.remove);
  await assert.rejects(
    loadDeclarations(config.folder),
    /types\/tried\.ts: its schemas took longer than 2 seconds when they were tried .* and with nothing/,
  );
});
