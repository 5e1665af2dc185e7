import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { sentFields, wholeRecord } from '../../server/api/data/fields.ts';
import { sentInJson } from '../../server/api/request-body.ts';
import { defineType } from '../../server/data/type.ts';
import { Problem } from '../../server/ground/errors.ts';

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
      () => sentFields(parcel, sentInJson(json)),
      (error) => error instanceof Problem && error.parameter === field && says.test(error.message),
      json,
    );
});

test('what its schema makes of it is stored, and the default of what is not sent', () => {
  const sent = sentInJson('{"weight":1.5,"paid":true,"count":"12","label":" a "}');
  assert.deepEqual(wholeRecord(parcel, sent), {
    weight: 1.5,
    paid: true,
    count: 12,
    label: 'a',
    state: 'new',
  });
});
