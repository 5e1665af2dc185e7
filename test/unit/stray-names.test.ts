import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { strayNameIn } from '../../server/workflows/stray-names.ts';

const person = z.object({
  name: z.string().optional(),
  home: z.object({ street: z.string().optional() }).nullable(),
});
const people = z.array(person);

/** Where a name stands that was probably meant to be another one; nothing where none does. */
const SENT: [schema: z.ZodType, value: unknown, path?: string, meant?: string][] = [
  [person, { nmae: 'Ann' }, 'nmae', 'name'],
  [person, { name: 'Ann', nmae: 'x' }],
  [person, { colour: 'red' }],
  [person, { home: { steret: 'x' } }, 'home.steret', 'street'],
  [person, { home: null }],
  [person, { home: 'here' }],
  [person, null],
  [z.string(), { nmae: 'Ann' }],
  [person, 'nmae'],
  [person.optional(), { nmae: 'Ann' }, 'nmae', 'name'],
  [person.transform(Object), { nmae: 'Ann' }, 'nmae', 'name'],
  [people, [{ nmae: 'Ann' }], '0.nmae', 'name'],
  [people, [{}, { home: { steret: 'x' } }], '1.home.steret', 'street'],
  [people, [...Array(19).fill({}), { nmae: 'x' }], '19.nmae', 'name'],
  [people, [...Array(20).fill({}), { nmae: 'x' }]],
  [z.array(z.string()), ['nmae']],
  [z.looseObject({ name: z.string().optional() }), { nmae: 'Ann' }],
  // Two that are near each other: either may be left out.
  [z.object({ state: z.string().optional(), stated: z.string().optional() }), { state: 'x' }],
];

for (const [schema, value, path, meant] of SENT) {
  test(`${JSON.stringify(value).slice(0, 60)}: ${path ?? 'nothing'}`, () => {
    assert.deepEqual(strayNameIn(schema, value), path === undefined ? undefined : { path, meant });
  });
}
