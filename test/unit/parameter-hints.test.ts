import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { MINUS_ZERO } from '../../server/ground/exact-number.ts';
import {
  hintForText,
  hintForUnfit,
  hintForWrong,
  OPERATOR,
  slipOf,
} from '../../server/workflows/parameter-hints.ts';
import { address } from '../../server/workflows/parameter-types.ts';

const number = z.number();
const text = z.string();
const flag = z.boolean();
const tags = z.array(z.string());
const code = z.string().regex(/^\d+$/);
const phone = z.string().regex(/^\+358\d*$/);

const LIST = 'It is a list: put brackets around it.';
const LIST_OF_ONE = 'It was sent as a list of one: leave out the brackets around it.';
const IN_OBJECT = 'It was sent inside an object: send the value itself.';
const NO_QUOTES = 'It was sent as a text: leave out the quotes around it.';
const LOWER = 'Send it in lower case, without blanks around it.';
const QUOTES = 'Send it as text, in double quotes.';
const BLANKS = 'It has blanks or line ends around it.';
const POINT = 'Send it with a decimal point.';
const PLUS = 'A + in a form or a query means a blank: write it as %2B.';
const TWICE = 'It is JSON inside a text, as if it was encoded twice: leave out the quotes around it.';
const TRUE = 'Send true or false.';

/** What was sent in JSON. Where none of these slips would mend it, nothing is said. */
const IN_JSON: [schema: z.ZodType, value: unknown, slip: string][] = [
  [number, '5', NO_QUOTES],
  [number, ' 5 ', NO_QUOTES],
  [flag, 'TRUE', NO_QUOTES],
  [flag, 'yes', ''],
  [number, '3,5', POINT],
  [number, '-3,55', POINT],
  [number, 'x3,5', ''],
  [number, '3,5x', ''],
  [number, '3,', ''],
  [number, ',5', ''],
  [z.number().max(3), '3,5', ''],
  [number, [5], LIST_OF_ONE],
  [number, ['a'], ''],
  [number, [5, 6], ''],
  [number, { value: 5 }, IN_OBJECT],
  [number, { unit: 'm', value: 5 }, IN_OBJECT],
  [number, { unit: 'm' }, ''],
  [text, { $ne: 'x' }, OPERATOR],
  [number, { $gt: 5 }, OPERATOR],
  [address(), { address: 'Street 1', lat: 91, lng: 0 }, ''],
  [number, { ...Array(10).fill('x'), last: 5 }, ''],
  [number, { ...Array(9).fill('x'), last: 5 }, IN_OBJECT],
  [text, 5, QUOTES],
  [code, true, ''],
  [tags, 'a', LIST],
  [z.array(number), 5, LIST],
  [z.array(number), true, ''],
  [z.object({ a: number }), '{"a":1}', TWICE],
  [z.object({ a: number }), '{"a":"b"}', ''],
  [code, ' 12\n', BLANKS],
  [code, ' 1 2 ', ''],
  [phone, ' 12', ''],
];

/** The same in a form or a query, where all is text. */
const AS_TEXT: [schema: z.ZodType, value: string, slip: string][] = [
  [number, ' 5', LOWER],
  [flag, 'True', LOWER],
  [flag, 'Yes', TRUE],
  [flag, 'ON', TRUE],
  [flag, '1', TRUE],
  [flag, 'yesterday', ''],
  [flag, 'oh yes', ''],
  [number, 'yes', ''],
  [z.literal(false), 'yes', ''],
  [phone, ' 358', PLUS],
  [phone, '0358', ''],
  [phone, ' 358x', ''],
  [code, '12 ', BLANKS],
  [number, '3,5', POINT],
  [z.object({ a: number }), '{"a":1}', ''],
  [tags, 'a', ''],
];

for (const [isText, rows] of [
  [false, IN_JSON],
  [true, AS_TEXT],
] as const) {
  for (const [schema, value, slip] of rows) {
    test(`${isText ? 'as text' : 'in JSON'} ${JSON.stringify(value)}: ${slip || 'nothing is said'}`, () => {
      assert.equal(slipOf('it', { schema }, { value, isText }), slip);
    });
  }
}

for (const [value, what] of [
  [null, 'null'],
  [[], 'an empty list'],
  [{}, 'an empty object'],
  [' ', 'an empty text'],
  ['undefined', 'a word for nothing'],
  ['None', 'a word for nothing'],
] as const) {
  test(`what says nothing is told as that: ${JSON.stringify(value)}`, () => {
    const wanted = `it is required and was sent as ${what}, as if the variable that holds it had no value.`;
    assert.equal(slipOf('it', { schema: number }, { value, isText: false }), wanted);
    const optional = { schema: number.optional() };
    const leaveOut = `it may be left out: leave it out instead of sending ${what}.`;
    assert.equal(slipOf('it', optional, { value, isText: false }), leaveOut);
  });
}

test('the example follows, and of what is within only what is nothing is told', () => {
  const schema = z.object({ a: z.object({ b: number }) });
  const parameter = { schema, description: 'It', example: { a: { b: 1 } } };
  const hint = (value: unknown, path: PropertyKey[]) =>
    hintForWrong('it', parameter, { value, isText: false }, path);
  const example = 'It. For example {"a":{"b":1}}.';
  assert.equal(
    hint({ a: { b: '' } }, ['a', 'b']),
    `a.b was sent as an empty text: where it has no value, leave it out. ${example}`,
  );
  assert.equal(hint({ a: { b: 'x' } }, ['a', 'b']), example);
  assert.equal(hint({ a: 1 }, ['a', 'b']), example);
  assert.equal(hint(5, []), example);
});

test('what does not arrive as it was sent: whole characters, zero, a text of digits', () => {
  const parameter = { schema: number, description: 'It', example: 1 };
  const hint = (schema: z.ZodType, changed: string | undefined, isText = false) =>
    hintForUnfit({ ...parameter, schema }, {
      value: 1,
      isText,
      ...(changed === undefined ? {} : { changed }),
    } as never);
  assert.match(hint(text, undefined), /whole characters/);
  assert.equal(hint(number, MINUS_ZERO), 'Send 0. It. For example 1.');
  assert.match(hint(code, 'it changes'), /^Send it as text, in double quotes: only a text keeps/);
  for (const other of [hint(number, 'it changes'), hint(code, 'it changes', true)])
    assert.match(other, /no more than fifteen/);
});

test('what to do about a text that is not kept follows from what is in it', () => {
  assert.match(hintForText({ a: ['x\0'] }), /Leave out the character NUL/);
  assert.match(hintForText('\ud800'), /whole characters/);
});
