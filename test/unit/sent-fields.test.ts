import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { sentFields, wholeRecord } from '../../server/api/data/fields.ts';
import { sentInJson } from '../../server/api/request-body.ts';
import { defineType } from '../../server/data/type.ts';
import { Problem } from '../../server/ground/errors.ts';
import { makeConfigFolder } from '../support/config-folder.ts';

/** What arrives in a record is what was sent, or it is refused. */

const parcel = defineType({
  name: 'parcel',
  description: 'A parcel',
  fields: {
    weight: z.number().optional(),
    paid: z.coerce.boolean().optional(),
    count: z.coerce.number().optional(),
    label: z.string().trim().optional(),
    state: z.string().default('new'),
  },
});

test('a number or a yes that would arrive as another one is refused, and named', () => {
  for (const [json, field, says] of [
    ['{"weight":0.12345678901234567890123}', 'weight', /so many digits/],
    ['{"weight":1e999}', 'weight', /so large a number/],
    ['{"count":"9007199254740993"}', 'count', /integers beyond/],
    ['{"count":""}', 'count', /it would arrive as 0/],
    ['{"count":[]}', 'count', /it would arrive as 0/],
    ['{"paid":"false"}', 'paid', /it would arrive as true/],
  ] as const)
    assert.throws(
      () => sentFields(parcel, sentInJson(json), { requestId: 'r', sender: 's' }),
      (error) => error instanceof Problem && error.parameter === field && says.test(error.message),
      json,
    );
});

test('what its schema makes of it is stored, and the default of what is not sent', () => {
  const sent = sentInJson('{"weight":1.5,"paid":true,"count":"12","label":" a "}');
  assert.deepEqual(wholeRecord(parcel, sent, { requestId: 'r', sender: 's' }), {
    weight: 1.5,
    paid: true,
    count: 12,
    label: 'a',
    state: 'new',
  });
});

const box = defineType({
  name: 'box',
  description: 'A box',
  fields: {
    weight: z.number(),
    label: z.string().trim().max(20),
    tags: z.array(z.string()),
    code: z.string().min(1),
    size: z.enum(['s', 'm']),
  },
});

test('a value of another kind is told with what the field takes, and what was probably done', () => {
  for (const [json, hint] of [
    ['{"weight":"3"}', 'It was sent as a text: leave out the quotes around it. weight takes: number.'],
    ['{"label":5}', 'Send it as text, in double quotes. label takes: text, at most 20 characters.'],
    ['{"tags":"a"}', 'It is a list: put brackets around it. tags takes: list of text.'],
    [
      '{"code":""}',
      'code is required and was sent as an empty text, as if the variable that holds it had no value. code takes: text, at least 1 character.',
    ],
    ['{"size":"l"}', 'size takes: "s" or "m".'],
    [
      '{"size":["s"]}',
      'It was sent as a list of one: leave out the brackets around it. size takes: "s" or "m".',
    ],
  ] as const)
    assert.throws(
      () => sentFields(box, sentInJson(json), { requestId: 'r', sender: 's' }),
      { code: 'INVALID_DATA', hint },
      json,
    );
});

test('what programs write that made no JSON of it is told', () => {
  for (const [json, says] of [
    ['[object Object]', /what JSON\.stringify makes of it/],
    ['{"label":"a","weight":NaN}', /no None, True/],
    ['{"paid": True}', /no None, True/],
    ['{"label":None}', /no None, True/],
    ['{"label":": None",}', /double quotes/],
    ["{'label':'a'}", /double quotes/],
  ] as const)
    assert.throws(
      () => sentFields(box, sentInJson(json), { requestId: 'r', sender: 's' }),
      { code: 'INVALID_DATA', hint: says },
      json,
    );
});

test('what a schema starts and does not await is told of when it fails, and ends nothing', () => {
  const made = makeConfigFolder({
    'types/note.ts': `
      import { defineType } from 'latchkey';
      import { z } from 'zod';
      const failing = (schema, what) => schema.refine((value) => Promise.reject(new Error(what + ' ' + value)) && true);
      export const note = defineType({
        name: 'note',
        description: 'A note',
        fields: {
          text: failing(z.string(), 'text'),
          state: failing(z.string().default('new'), 'state'),
          left: failing(z.string().optional(), 'left'),
        },
      });`,
  });
  const script = `
    import { wholeRecord } from './server/api/data/fields.ts';
    import { sentInJson } from './server/api/request-body.ts';
    import { createPrivacy } from './server/data/privacy.ts';
    import { writesOf } from './server/data/record-writes.ts';
    import { NOBODY } from './server/data/resolve.ts';
    import { catchLateFailures } from './server/workflows/late-failures.ts';
    import { loadDeclarations } from './server/workflows/load-declarations.ts';
    const say = (...what) => console.log(...what);
    catchLateFailures(
      ({ workflow, requestId, err }) => say(requestId, err.message),
      (error) => say('the end', error.message),
    );
    const { types } = await loadDeclarations(process.env.FOLDER);
    const note = types.get('note');
    const fields = wholeRecord(note, sentInJson('{"text":"a"}'), { requestId: 'request-1', sender: 's' });
    writesOf(note, createPrivacy(note, NOBODY, true), () => 1).made(fields, { createdBy: 'acc_1' });
  `;
  const args = ['--input-type=module', '--eval', script];
  const said = execFileSync(process.execPath, args, {
    cwd: join(import.meta.dirname, '../..'),
    encoding: 'utf8',
    env: { ...process.env, FOLDER: made.folder },
  });
  made.remove();
  assert.deepEqual(said.trim().split('\n').sort(), [
    'request-1 left undefined',
    'request-1 state new',
    'request-1 text a',
    'start left undefined',
    'start state new',
  ]);
});
