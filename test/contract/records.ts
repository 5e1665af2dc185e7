import fc from 'fast-check';
import { z } from 'zod';
import { declare, type Listing } from '../../adapters/port.ts';

/**
 * Rows whose fields hold what anybody may have put there: `text`, `number`, `flag` and `tags` what the schema says, `mark`
 * texts and numbers, `any` each kind of value, and `was` what an earlier schema let in. And conditions on them, of every kind on every kind.
 */
/** What JSON has and nothing checks further. */
const value = z.unknown();
const fields = {
  id: z.string(),
  text: z.string().optional(),
  number: z.number().optional(),
  flag: z.boolean().optional(),
  tags: z.array(z.unknown()).optional(),
  mark: z.union([z.string(), z.number()]).optional(),
  any: value.optional(),
};
const schema = z.strictObject({ ...fields, was: z.string().optional() });

export type Item = z.infer<typeof schema>;
type EarlierRow = Omit<Item, 'was'> & { was?: unknown };

export const records = declare<Item>({
  name: 'records',
  schema,
  indexes: [['text', 'number'], ['number'], ['flag']],
  mixed: ['was'],
});

/** The same rows, as they were declared before. */
export const earlierRecords = declare<EarlierRow>({
  name: 'records',
  schema: z.strictObject({ ...fields, was: value.optional() }),
});

const text = fc.constantFrom(
  ...['', 'a', 'A', 'ab', 'b', 'é', 'e\u0301', '\uff5e', '𝒳', '😀', 'x\u0000y', '\u0000', '\n', ' '],
  ...["'", '"', '%', '_', '\\', '\\\\', '.', '.*', '^a$', '[a]', '(', '$ne', '[', '["a"]', '{"a":1}', '{'],
  ...['1', '0', 'true', 'null', 'x\ud800'],
);
const number = fc.constantFrom(
  ...[0, -0, 1, -1, 1.5, 0.1, 5e-324, 1e300, -1e300, 1e21, 2 ** 31, -(2 ** 31) - 1],
  ...[
    2 ** 53 - 1,
    2 ** 53,
    2 ** 53 + 2,
    -(2 ** 53) - 2,
    2 ** 60,
    2 ** 60 + 256,
    2 ** 63,
    2 ** 64,
    -(2 ** 62),
  ],
);
const scalar = fc.oneof(text, number, fc.boolean());
const list = fc.array(fc.oneof({ weight: 4, arbitrary: scalar }, fc.constant(null)), { maxLength: 3 });
const nested = fc.constantFrom<unknown>(
  ...[
    [],
    {},
    [[]],
    [['a']],
    [[1]],
    [{}],
    [{ a: 'a' }],
    { a: 'a' },
    { 0: 'a' },
    { json: 'a' },
    { json: '"a"' },
  ],
  ...[{ 'a.b': 1 }, { $eq: 'a' }, ['a', { $gt: '' }], ['a', ['b']], [null], { '': 1 }, { a: [['a']] }],
);
const anything = fc.oneof(scalar, list, nested, fc.constant(null));
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const filling = fc.record({
  text: maybe(text),
  number: maybe(number),
  flag: maybe(fc.boolean()),
  tags: maybe(fc.oneof(list, fc.constant<unknown[]>([['a'], { 'a.b': 1 }]))),
  mark: maybe(fc.oneof(text, number)),
  any: maybe(anything),
  was: maybe(anything),
});

export const someRecords: fc.Arbitrary<EarlierRow[]> = fc
  .array(filling, { minLength: 1, maxLength: 14 })
  .map((all) => all.map((one, index) => ({ id: `r${index % 2 === 0 ? '\uff5e' : '𝒳'}${index}`, ...one })));

const field = fc.constantFrom('text', 'number', 'flag', 'tags', 'mark', 'any', 'was', 'id');
const compared = fc.constantFrom('=', '!=', '<', '<=', '>', '>=', 'has', 'has not');
const test = fc.oneof(
  fc.tuple(field, compared, scalar),
  fc.tuple(field, fc.constantFrom('in', 'not in'), fc.array(scalar, { maxLength: 4 })),
  fc.tuple(field, fc.constantFrom('contains', 'lacks'), text),
  fc.tuple(field, fc.constantFrom('absent', 'present', 'empty', 'filled')),
);
const { where } = fc.letrec((tie) => ({
  condition: fc.oneof(
    { maxDepth: 4 },
    { weight: 3, arbitrary: test },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constantFrom('any', 'none'), fc.array(tie('where'), { maxLength: 3 })),
    },
  ),
  where: fc.array(tie('condition'), { maxLength: 3 }),
}));

const order = fc.record(
  { by: fc.constantFrom('text', 'number', 'flag', 'mark', 'id'), descending: fc.boolean() },
  { requiredKeys: ['by'] },
);

/** What is listed, with the place of a row in all of them instead of the row that a page begins behind. */
export type Asked = Omit<Listing<EarlierRow>, 'after'> & { behind?: number };

const asked = fc.record(
  {
    where,
    order: fc.oneof(order, fc.array(order, { maxLength: 3 })),
    limit: fc.nat(9),
    skip: fc.nat(3),
    behind: fc.nat(13),
  },
  { requiredKeys: ['limit'] },
);

export const severalAsked = fc.array(asked, {
  minLength: 8,
  maxLength: 8,
}) as fc.Arbitrary<unknown> as fc.Arbitrary<Asked[]>;
