import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { sentFields } from '../../server/api/data/fields.ts';
import { checkInTime } from '../../server/data/timed-check.ts';
import { defineType } from '../../server/data/type.ts';

const ANN = { sender: 'ann' };

/** On this a bad expression tries more ways than anybody has time for. */
const EVIL = `${'a'.repeat(60)}!`;

function parse(schema: z.ZodType, value: unknown, msMax = 50): unknown {
  const declared = { what: 'type note', of: [schema], schemas: () => [schema] };
  return checkInTime(declared, ANN, () => schema.parse(value), msMax);
}

describe('schemas of an owner’s that do not end', () => {
  const never: Record<string, z.ZodType> = {
    expression: z.string().regex(/^(a+)+$/),
    'expression of an address': z.email({ pattern: /^(a+)+$/ }),
    'expression of a host': z.url({ hostname: /^(a+)+$/ }),
    'own check': z.string().refine(() => {
      for (;;);
    }),
    'own check with all caught': z.string().refine(() => {
      for (;;) {
        try {
          for (;;);
        } catch {}
      }
    }),
    transformation: z.string().transform((text) => /^(a+)+$/.test(text)),
    'within a list of objects': z.array(z.object({ text: z.string().regex(/^(a+)+$/) })),
    'behind a default': z
      .union([z.number(), z.string().regex(/^(a+)+$/)])
      .default('a')
      .optional(),
    'in a map': z.record(z.string().regex(/^(a+)+$/), z.unknown()),
  };
  const sent = (how: string): unknown => {
    if (how === 'within a list of objects') return [{ text: EVIL }];
    if (how === 'in a map') return { [EVIL]: 1 };
    return how === 'expression of a host' ? `http://${'a'.repeat(60)}.b/` : EVIL;
  };

  for (const [how, schema] of Object.entries(never)) {
    test(`${how}: ends with an error`, () => {
      assert.throws(() => parse(schema, sent(how)), /^TypeError: type note: its schemas took longer/);
    });
  }

  for (const sent of [
    '{"__proto__":{"admin":true}}',
    '{"__proto__":{"toString":"1"}}',
    '{"constructor":{"entries":"1"}}',
    '{"list":{"constructor":{"prototype":{"admin":true}}}}',
    '{"list":{"constructor":{"admin":true}}}',
    '{"at":{"constructor":{"prototype":{"getTime":1}}}}',
  ]) {
    test(`what is merged into everything is put back, and told: ${sent}`, () => {
      const { entries } = Object;
      const { toString: asText } = Object.prototype;
      const merge = (into: Record<string, unknown>, from: object): unknown => {
        for (const [name, value] of entries(from)) {
          if (typeof value === 'object') merge(into[name] as never, value);
          else into[name] = value;
        }
        return into;
      };
      const schema = z.any().transform((value) => merge({ list: [], at: new Date() }, value));
      assert.throws(() => parse(schema, JSON.parse(sent)), /^TypeError: type note: its schemas changed what/);
      assert.ok(!('admin' in {}) && asText === Object.prototype.toString && entries === Object.entries);
      assert.ok(!('admin' in []) && !('admin' in Array) && new Date(5).getTime() === 5);
    });
  }

  for (const [method, into] of Object.entries({ toString: {}, hasOwnProperty: {}, map: [], bind: parse })) {
    test(`nothing is merged into ${method}, which others call by call`, () => {
      const schema = z.any().transform((value) => Object.assign(into[method as never], value));
      assert.throws(() => parse(schema, { call: 'x' }), /not extensible/);
      assert.equal(Object.prototype.toString.call([]), '[object Array]');
      assert.deepEqual(
        Array.prototype.map.call('a', (letter) => letter),
        ['a'],
      );
    });
  }

  test('what stood still, as the machine was busy with other things, is checked once more', () => {
    let stands = true;
    const schema = z.string().refine(() => {
      if (stands) {
        stands = false;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
      }
      return true;
    });
    assert.equal(parse(schema, 'a'), 'a');
  });

  test('what took long is not checked again for a while, and others are', (t) => {
    const schemas = { slow: [z.string().regex(/^(a+)+$/)], other: [z.string().regex(/^(b+)+$/)] };
    const check = (which: 'slow' | 'other', value: string, sender = 'ann') => {
      const declared = { what: 'x', of: schemas[which], schemas: () => schemas[which] };
      return checkInTime(declared, { sender }, () => schemas[which][0]?.parse(value), 50);
    };
    assert.equal(check('slow', 'a'), 'a');
    assert.throws(() => check('slow', EVIL), /took longer/);
    assert.throws(() => check('slow', 'a'), /nothing of whoever sent it is checked by them for 15 seconds/);
    assert.equal(check('other', 'b'), 'b');
    // Whoever sent nothing bad goes on, until it seems that one of them has many accounts.
    assert.equal(check('slow', 'a', 'ben'), 'a');
    for (const sender of ['cid', 'dan']) assert.throws(() => check('slow', EVIL, sender), /took longer/);
    assert.throws(() => check('slow', 'a', 'ben'), /nothing of anybody is checked/);
    t.mock.method(performance, 'now', () => 1e12);
    assert.equal(check('slow', 'a', 'ann'), 'a');
  });

  test('fields of records are checked like that', () => {
    const note = defineType({
      name: 'note',
      description: 'A note',
      fields: { text: z.string().regex(/^(a+)+$/) },
    });
    const sent = { kind: 'json', values: new Map([['text', EVIL]]), changed: new Map() } as never;
    assert.throws(
      () => sentFields(note, sent, { requestId: 'r', ...ANN }),
      /type note: its schemas took longer than 500 ms/,
    );
  });

  test('what a check throws arrives as it is', () => {
    const error = new Error('its own');
    const schema = z.string().transform(() => {
      throw error;
    });
    assert.throws(
      () => parse(schema, 'a', 5000),
      (thrown) => thrown === error,
    );
    assert.throws(() => parse(z.string().regex(/x/), 'a', 5000), z.ZodError);
  });

  test('a schema that holds itself is checked like others', () => {
    const sections = (text: z.ZodType) => {
      const section = z.object({
        text,
        get parts(): z.ZodOptional<z.ZodArray<typeof section>> {
          return z.array(section).optional();
        },
      });
      return section;
    };
    const value = (text: string) => ({ text: 'a', parts: [{ text }] });
    assert.deepEqual(parse(sections(z.string()), value('b')), value('b'));
    assert.throws(() => parse(sections(z.string().regex(/^(a+)+$/)), value(EVIL)), /took longer/);
  });

  test('zod’s own takes no time for it', () => {
    const plain = z.object({
      text: z.string().min(1).max(10).startsWith('a'),
      many: z.array(z.tuple([z.int().positive(), z.ipv4().optional()])).default([]),
      one: z.union([z.email(), z.literal('none'), z.enum(['a', 'b']), z.record(z.string(), z.boolean())]),
    });
    let isScript = false;
    const check = () => {
      isScript = /evalmachine/.test(new Error('where').stack ?? '');
    };
    checkInTime({ what: 'x', of: plain, schemas: () => [plain] }, ANN, check);
    assert.equal(isScript, false);
    checkInTime({ what: 'x', of: {}, schemas: () => [z.string().regex(/a/)] }, ANN, check);
    assert.equal(isScript, true);
  });
});
