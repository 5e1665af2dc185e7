import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { z } from 'zod';
import { defineType } from '../../server/data/type.ts';
import { mistakesOfType } from '../../server/data/type-mistakes.ts';
import { warningsOfType } from '../../server/data/type-warnings.ts';
import { defineWorkflow } from '../../server/workflows/workflow.ts';
import { mistakesOfWorkflow } from '../../server/workflows/workflow-mistakes.ts';

/** What may stand anywhere in a declaration that no compiler has seen. */
const ODD = [
  undefined,
  null,
  false,
  0,
  NaN,
  1n,
  '',
  'x'.repeat(300),
  Symbol('odd'),
  [],
  [null],
  [['title'], [Symbol('odd')]],
  {},
  Object.create(null),
  () => undefined,
  z.string(),
  new Date(Number.NaN),
  new Proxy({}, { getPrototypeOf: () => null }),
];

const TYPE = {
  name: 'note',
  description: 'A note',
  fields: { title: z.string(), pages: z.number().optional() },
  indexes: [['title', 'pages']],
  unique: ['title'],
  onePerAccount: true,
  deletedWithAccount: true,
  rules: [
    {
      name: 'R',
      when: {
        and: [
          { left: { record: 'title' }, test: '=', right: { caller: 'metadata', key: 'plan' } },
          { not: { or: [{ left: { record: 'pages' }, test: 'in', right: [1, 2] }, { always: true }] } },
        ],
      },
      find: true,
      view: ['title'],
      constrain: true,
      create: true,
      change: ['title'],
      delete: true,
    },
  ],
};

const note = defineType({ name: 'note', description: 'A note', fields: { title: z.string() } });
const WORKFLOW = {
  name: 'tried',
  description: 'Tried',
  method: 'POST',
  callers: 'account',
  parameters: {
    where: { schema: z.string(), description: 'Where', in: 'body', example: 'here', default: 'there' },
    pages: { schema: z.number().array(), description: 'Pages', in: 'query', example: [1] },
  },
  types: { note },
  limits: { seconds: 1, callsAMinute: 1 },
  returns: z.object({ said: z.string() }),
  run: () => ({ said: 'x' }),
};

/** Made by functions of ours, whatever they are given. */
const OURS = ['test', 'caller', 'record'];

/** The value with something odd in each of its places in turn, and where that is. */
function* withOdd(value: unknown, odd: unknown): Generator<[path: string, changed: unknown]> {
  yield ['', odd];
  const isPlain = Object.getPrototypeOf(Object(value)) === Object.prototype && value !== note;
  if (!isPlain && !Array.isArray(value)) return;
  for (const [key, part] of Object.entries(value as object)) {
    if (OURS.includes(key)) continue;
    for (const [path, changed] of withOdd(part, odd)) {
      const copy: unknown = Array.isArray(value)
        ? value.with(Number(key), changed)
        : { ...(value as object), [key]: changed };
      yield [`.${key}${path}`, copy];
    }
  }
}

/** What the owner's file calls throws with its line; what we find in what it gave must never throw. */
function defined<T>(define: () => T): T | undefined {
  try {
    return define();
  } catch {
    return undefined;
  }
}

test('whatever stands in a type, its mistakes are told', () => {
  for (const odd of ODD) {
    for (const [path, written] of withOdd(TYPE, odd)) {
      const { rules, ...rest } = Object(written);
      const type = defined(() => defineType({ ...rest, rules: Array.isArray(rules) ? () => rules : rules }));
      if (type === undefined) continue;
      const told = () => {
        const mistakes = [...mistakesOfType(type, [type])];
        return mistakes.length > 0 ? mistakes : [...warningsOfType(type, [type])];
      };
      assert.doesNotThrow(told, `${path}: ${inspect(odd)}`);
    }
  }
});

test('whatever stands in a workflow, its mistakes are told', () => {
  for (const odd of ODD) {
    for (const [path, written] of withOdd(WORKFLOW, odd)) {
      const workflow = defined(() => defineWorkflow(Object(written)));
      if (workflow === undefined) continue;
      const told = () => [...mistakesOfWorkflow(workflow, new Set([note]))];
      assert.doesNotThrow(told, `${path}: ${inspect(odd)}`);
    }
  }
});
