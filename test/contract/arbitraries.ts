import fc from 'fast-check';
import type { Change, Collection, Condition, Listing, Where } from '../../adapters/port.ts';
import type { Item } from './items.ts';
import type { Model } from './model.ts';

/** One call that an engine and the model are both asked. */
export type Call = { of: (rows: Collection<Item> | Model) => unknown; toString: () => string };

/**
 * Calls out of few values, so that rows meet and clash: text whose order by UTF-16 units would be another,
 * numbers of every kind that BSON and JSON know, names inside `extra` that some engine might take for
 * something else.
 */
const id = fc.constantFrom('a', 'b', 'c', 'ä', '\u0000', '');
const text = fc.constantFrom(
  '',
  'a',
  'A',
  'ab',
  'a\u0000b',
  '10',
  '9',
  'é',
  '\uff5e',
  '𝒳',
  "'",
  '$ne',
  '{"a":1}',
);
const whole = [0, 1, 2, -1, 2 ** 31 - 1, 2 ** 31, 2 ** 40, 2 ** 53 - 1];
const number = fc.constantFrom(...whole, -0, 1.5, 0.1, -1e21, 5e-324);
const small = fc.constantFrom(1, 2, -1, 0.5, 2 ** 31 - 1);
const truth = fc.boolean();
const odd = [
  'a.b',
  '$set',
  '$',
  '.',
  '',
  '\u0000',
  '__proto__',
  'json',
  '_id',
  'https://a.b/c?d=e',
  '"',
  '\\ud800',
];
const key = fc.oneof(fc.constantFrom(...odd), fc.string());
const extra = fc.dictionary(key, fc.jsonValue({ maxDepth: 3 }), { noNullPrototype: true, maxKeys: 4 });
const tags = fc.array(fc.string({ unit: 'binary', maxLength: 4 }), { maxLength: 3 });
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const plain = { group: text, size: number, rank: maybe(number), hot: maybe(truth), extra: maybe(extra) };
const rowWithoutUnique: fc.Arbitrary<Item> = fc.record({ id, ...plain });
const row: fc.Arbitrary<Item> = fc.record(
  { id, label: maybe(text), code: maybe(small), ...plain, tags: maybe(tags) },
  { requiredKeys: ['id', 'group', 'size'] },
);

/** Conditions on fields that all hold `value`; the type cannot see that the fields of one call are alike. */
function conditionsOn(
  fields: readonly (keyof Item)[],
  value: fc.Arbitrary<unknown>,
): fc.Arbitrary<Condition<Item>> {
  const field = fc.constantFrom(...fields);
  const compared = fc.tuple(field, fc.constantFrom('=', '!=', '<', '<=', '>', '>='), value);
  const listed = fc.tuple(field, fc.constant('in'), fc.array(value, { maxLength: 3 }));
  return fc.oneof(compared, listed) as fc.Arbitrary<unknown> as fc.Arbitrary<Condition<Item>>;
}

const condition: fc.Arbitrary<Condition<Item>> = fc.oneof(
  conditionsOn(['id', 'label', 'group'], text),
  conditionsOn(['size', 'rank', 'code'], number),
  conditionsOn(['hot'], truth),
  fc.tuple(
    fc.constantFrom<keyof Item>('label', 'rank', 'hot', 'tags', 'extra', 'id'),
    fc.constantFrom<'absent' | 'present'>('absent', 'present'),
  ),
);
const where: fc.Arbitrary<Where<Item>> = fc.array(condition, { maxLength: 2 });

const change: fc.Arbitrary<Change<Item>> = fc.record(
  {
    set: fc.record({ group: text, hot: maybe(truth), tags: maybe(tags), extra }, { requiredKeys: [] }),
    unset: fc.subarray<'rank'>(['rank']),
    add: fc.record({ size: number }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
);
const additionToAbsent: fc.Arbitrary<Change<Item>> = fc.record({ add: fc.record({ rank: small }) });
const uniqueChange: fc.Arbitrary<Change<Item>> = fc.record({
  set: fc.record({ label: maybe(text), code: small }, { requiredKeys: [] }),
});

const oneChange = fc.oneof(change, additionToAbsent, uniqueChange);

const order = fc.record({
  by: fc.constantFrom<'id' | 'group' | 'size' | 'rank' | 'hot'>('id', 'group', 'size', 'rank', 'hot'),
  descending: truth,
});
const listing: fc.Arbitrary<Listing<Item>> = fc.record(
  { where, order, limit: fc.nat({ max: 6 }), after: row },
  { requiredKeys: ['limit'] },
);

/** What a failing run prints of a call is its name and arguments. */
function ask<A>(
  name: string,
  args: fc.Arbitrary<A>,
  of: (rows: Collection<Item> | Model, args: A) => unknown,
) {
  return args.map(
    (given): Call => ({ of: (rows) => of(rows, given), toString: () => `${name}(${fc.stringify(given)})` }),
  );
}

export const anyCall: fc.Arbitrary<Call> = fc.oneof(
  { weight: 5, arbitrary: ask('insert', row, (rows, one) => rows.insert(one)) },
  { weight: 2, arbitrary: ask('put', row, (rows, one) => rows.put(one)) },
  ask('insertMany', fc.array(rowWithoutUnique, { maxLength: 4 }), (rows, all) => rows.insertMany(all)),
  ask('get', id, (rows, one) => rows.get(one)),
  ask('find by label', text, (rows, value) => rows.find('label', value)),
  ask('find by code', small, (rows, value) => rows.find('code', value)),
  { weight: 3, arbitrary: ask('list', listing, (rows, wanted) => rows.list(wanted)) },
  ask('count', where, (rows, wanted) => rows.count(wanted)),
  {
    weight: 5,
    arbitrary: ask('update', fc.tuple(id, oneChange, where), (rows, [one, by, guard]) =>
      rows.update(one, by, guard),
    ),
  },
  ask('updateMany', fc.tuple(where, change), (rows, [wanted, by]) => rows.updateMany(wanted, by)),
  ask('remove', fc.tuple(id, where), (rows, [one, guard]) => rows.remove(one, guard)),
  ask('removeMany', where, (rows, wanted) => rows.removeMany(wanted, 1000)),
);
