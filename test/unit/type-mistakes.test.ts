import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { CONTAINED_LENGTH_MAX } from '../../adapters/port.ts';
import {
  always,
  and,
  contains,
  type Expression,
  has,
  is,
  isEmpty,
  isIn,
  isLess,
  isNot,
  not,
  or,
} from '../../server/data/expressions.ts';
import type { StoredRecord } from '../../server/data/record.ts';
import { NOBODY, resolve } from '../../server/data/resolve.ts';
import { type DataType, defineType, kindsOf, type RuleCaller } from '../../server/data/type.ts';
import { mistakesOfType } from '../../server/data/type-mistakes.ts';
import { warningsOfType } from '../../server/data/type-warnings.ts';

const profile = defineType({
  name: 'profile',
  description: 'What is known of an account',
  fields: { team: z.string(), level: z.number(), teams: z.array(z.string()) },
  onePerAccount: true,
});
const diary = defineType({ name: 'diary', description: 'A diary', fields: { text: z.string() } });

const FIELDS = {
  title: z.string(),
  pages: z.number().optional(),
  hot: z.boolean(),
  state: z.enum(['open', 'closed']),
  readers: z.array(z.string()),
  extra: z.object({ a: z.number() }),
};

/** As an owner writes who has no compiler at hand: names and values are whatever was typed. */
// biome-ignore lint/suspicious/noExplicitAny: what the compiler would refuse is what is tried
type Anything = any;
function note(when: (record: Anything, caller: RuleCaller) => Anything, more: object = {}): DataType {
  return defineType({
    name: 'note',
    description: 'A note',
    fields: FIELDS,
    rules: (record, caller) => [{ name: 'R', when: when(record, caller), find: true, ...more }],
  });
}
const mistakesIn = (type: DataType) => [...mistakesOfType(type, [type, profile, diary])];
let deep: Expression = always;
for (let level = 0; level < 12; level += 1) deep = not(deep);

const refused: [when: Parameters<typeof note>[0], says: RegExp][] = [
  [(record) => isEmpty(record.titel), /when: there is no field titel \(did you mean title\?\)/],
  [(record) => is(record.titel, 'x'), /there is no field titel/],
  [(record) => is(record.constructor, 'x'), /there is no field constructor/],
  [(record) => is(record, 'x'), /is its name right\?/],
  [() => is(null as Anything, 'x'), /is its name right\?/],
  [
    (record, caller) => is(record.title, (caller as Anything).acount),
    /the caller has no acount \(did you mean account\?\)/,
  ],
  [(record, caller) => is(record.title, caller.metadata as Anything), /wanted a text, a number/],
  [
    (record, caller) => is(record.title, caller.own(profile as Anything).tema as Anything),
    /caller\.own: there is no field tema \(did you mean team\?\) in profile/,
  ],
  [(record, caller) => is(record.title, caller.own().title as Anything), /note has no onePerAccount/],
  [
    (record, caller) => is(record.title, caller.own(undefined as Anything).title as Anything),
    /wanted a type that a file/,
  ],
  [(record) => is(record.title, null as Anything), /wanted a text, a number/],
  [(record, caller) => is(caller.account, record.title), /two fields of the record|something of the caller/],
  [(record) => is(record.title, record.state), /two fields of the record/],
  [(record) => is(record.pages, '3'), /pages holds numbers/],
  [(record) => isIn(record.pages, [1, '2'] as Anything), /pages holds numbers/],
  [(record, caller) => is(record.hot, caller.metadata('hot') as Anything), /hot holds booleans/],
  [(record, caller) => isLess(record.pages, caller.own(profile).team as Anything), /pages holds numbers/],
  [(record, caller) => is(record.title, caller.scopes as Anything), /wanted a text/],
  [(record, caller) => isIn(record.title, caller.account as Anything), /wanted a list/],
  [(record) => isIn(record.title, 'open' as Anything), /wanted a list/],
  [(record) => is(record.readers, 'x'), /readers cannot be asked for like that/],
  [(record) => is(record.extra, 'x'), /extra cannot be asked for like that/],
  [(record) => has(record.title, 'x'), /title cannot be asked for like that/],
  [(_, caller) => contains(caller.scopes as Anything, 'x'), /scopes cannot be asked for like that/],
  [(record, caller) => is(record.title, caller.own(diary).text), /diary has no onePerAccount/],
  [(record, caller) => is(record.title, caller.own({ ...diary, name: 'gone' }).text), /wanted a type that a/],
  [() => and(), /at least one expression/],
  [() => or(), /at least one expression/],
  [() => ({ and: null }), /at least one expression/],
  [() => ({ or: 'abc' }), /at least one expression/],
  [() => not(undefined as Anything), /wanted an expression/],
  [() => undefined, /wanted an expression/],
  [() => true, /wanted an expression/],
  [() => deep, /more than 10 levels/],
  [(record) => or(...Array.from({ length: 101 }, () => is(record.title, 'x'))), /more than 100 comparisons/],
];

test('a rule that asks for what there is not, or compares what cannot be the same, is a mistake that is told', () => {
  for (const [when, says] of refused) {
    const mistakes = mistakesIn(note(when));
    assert.equal(mistakes.length, 1, `${when}: ${mistakes}`);
    assert.match(mistakes[0] ?? '', says, String(when));
  }
});

test('what can be asked for is no mistake', () => {
  const good: Parameters<typeof note>[0][] = [
    (record, caller) => is(record.createdBy, caller.account),
    (record, caller) => and(is(record.state, 'open'), not(isEmpty(caller.client))),
    (record, caller) => isIn(record.title, caller.scopes),
    (record, caller) => isIn(record.title, caller.own(profile).teams as Anything),
    (record, caller) => isLess(record.pages, caller.own(profile).level),
    (record, caller) => has(record.readers, caller.account),
    (_, caller) => has(caller.scopes, 'read'),
    (_, caller) => is(caller.own(profile).team, 'x'),
    (_, caller) => isEmpty(caller.own(profile).level),
    (record) => isEmpty(record.extra),
    () => always,
  ];
  for (const when of good) assert.deepEqual(mistakesIn(note(when)), [], String(when));
});

test('rights name fields that there are, and change only such as can be changed', () => {
  const rights: [more: object, says: RegExp[]][] = [
    [{ view: ['title', 'titel'] }, [/view: there is no field titel \(did you mean title\?\)$/]],
    [{ view: ['constructor', 'pending', 'version'] }, [/constructor/, /pending/, /version/]],
    [{ change: ['createdBy', 'id'] }, [/nobody can change createdBy/, /nobody can change id/]],
    [{ change: 'title' }, [/wanted true or a list of fields/]],
    [{ find: 'yes' }, [/find: wanted true or false/]],
    [{ read: true }, [/there is no right read$/]],
    [{ constrian: true }, [/there is no right constrian \(did you mean constrain\?\)$/]],
  ];
  for (const [more, says] of rights) {
    const mistakes = mistakesIn(note(() => always, more));
    assert.equal(mistakes.length, says.length, String(mistakes));
    for (const [index, one] of says.entries()) assert.match(mistakes[index] ?? '', one);
  }
});

test('conditions that are combined by && and || are told of, as the rule would go by one of them only', () => {
  const combined = (when: (record: Anything, caller: RuleCaller) => Anything) => {
    const type = defineType({
      name: 'note',
      description: 'A note',
      fields: FIELDS,
      rules: (record, caller) => [{ name: 'R', when: when(record, caller), find: true }],
    });
    return mistakesIn(type);
  };
  for (const when of [
    (record, caller) => is(record.createdBy, caller.account) && is(record.state, 'open'),
    (record, caller) => not(is(record.createdBy, caller.account) && is(record.state, 'open')),
    (record, caller) => and(is(record.createdBy, caller.account), is(record.hot, true)) && always,
  ] as Parameters<typeof combined>[0][]) {
    const [mistake, ...more] = combined(when);
    assert.match(
      mistake ?? '',
      /^rules: a condition is made that no rule goes by: combine .* by and\(…\)/,
      String(when),
    );
    assert.deepEqual(more, []);
  }
  const either = defineType({
    name: 'note',
    description: 'A note with || in its description',
    fields: FIELDS,
    rules: (record, caller) => [
      { name: 'R', when: is(record.createdBy, caller.account) || is(record.state, 'open'), find: true },
    ],
  });
  assert.deepEqual(mistakesIn(either), []);
  assert.match([...warningsOfType(either, [either])].join(), /^rules: \|\| is worked out once/);
  const named = defineType({
    name: 'note',
    description: 'A note',
    fields: FIELDS,
    rules: (record) => [
      { name: 'Open || hot', when: or(is(record.state, 'open'), is(record.hot, true)), find: true },
    ],
  });
  assert.deepEqual([...mistakesIn(named), ...warningsOfType(named, [named])], []);
});

test('what JavaScript works out when a type is loaded is warned of, as records and callers are not known then', () => {
  const warnings = (rules: (record: Anything, caller: RuleCaller & Anything) => Anything[]) => {
    const type = defineType({ name: 'note', description: 'A note', fields: FIELDS, rules });
    assert.deepEqual(mistakesIn(type), [], String(rules));
    return [...warningsOfType(type, [type])];
  };
  const R = { name: 'R', find: true } as const;
  for (const [operators, rules] of [
    ['?', (record, caller) => [{ ...R, when: record.hot ? always : is(record.createdBy, caller.account) }]],
    ['&&', (record, caller) => [{ ...R, when: record.hot && is(record.createdBy, caller.account) }]],
    ['!== &&', (record) => [{ ...R, when: record.state !== 'done' && is(record.hot, true) }]],
    ['??', (record, caller) => [{ ...R, when: is(record.title ?? record.createdBy, caller.account) }]],
    ['!', (record, caller) => [{ ...R, when: is(record.hot, !caller.account) }]],
    ['===', (record) => [{ ...R, when: is(record.hot, record.state === record.title) }]],
    ['<', (record) => [{ ...R, when: is(record.hot, record.createdAt < 5) }]],
    [
      'if',
      (record) => {
        if (record.hot) return [{ ...R, when: always }];
        return [];
      },
    ],
  ] as [string, Parameters<typeof warnings>[0]][]) {
    const [warning, ...more] = warnings(rules);
    assert.ok(warning?.startsWith(`rules: ${operators} is worked out once`), `${operators}: ${warning}`);
    assert.deepEqual(more, []);
  }
  // Neither arrows nor what may be absent, nor what stands in texts and comments.
  const plain = warnings((record, caller) => {
    // Is it && hot?
    const mine = () => is(record.createdBy, caller?.account);
    return [{ ...R, name: 'a ? b : c', when: mine() }];
  });
  assert.deepEqual(plain, []);
});

test('rules that are no list of rules are told of', () => {
  const with_ = (rules: Anything) =>
    defineType({ name: 'note', description: 'A note', fields: FIELDS, rules });
  assert.match(mistakesIn(with_(() => 'x'))[0] ?? '', /gives a list of rules/);
  assert.match(mistakesIn(with_(() => undefined))[0] ?? '', /gives a list of rules/);
  assert.match(
    mistakesIn(with_([{ name: 'R', when: always, find: true }]))[0] ?? '',
    /gives a list of rules/,
  );
  assert.match(mistakesIn(with_(() => [undefined]))[0] ?? '', /wanted \{ name, when/);
  assert.match(mistakesIn(with_(() => [{ name: '', when: always }]))[0] ?? '', /wanted \{ name, when/);
});

test('what else a declaration says is told where it means nothing', () => {
  const with_ = (more: object) =>
    mistakesIn(defineType({ name: 'note', description: 'A note', fields: FIELDS, ...more }));
  const wrong: [more: object, says: RegExp][] = [
    [
      { fields: z.object({ title: z.string() }) },
      /^fields: wanted .* itself, without z\.object\(…\) around it$/,
    ],
    [{ indices: [['title']] }, /^indices: a type has no such key, only name, .*indexes/],
    [{ onePerAcount: true }, /^onePerAcount: .*did you mean onePerAccount\?/],
    [{ onePerAccount: 'yes' }, /^onePerAccount: wanted true or false/],
    [{ indexes: ['title', 'pages'] }, /^indexes: wanted a list of lists/],
    [{ indexes: 'title' }, /^indexes: wanted a list of lists/],
    [{ indexes: [['titel']] }, /^indexes: there is no field titel \(did you mean title\?\)/],
    [{ unique: 'title' }, /^unique: wanted a list of fields/],
    [
      { fields: { state: z.enum(['open', 'closed']).default('shut' as never) } },
      /^field state: default: its own/,
    ],
    [
      {
        fields: {
          pages: z
            .number()
            .default('3' as never)
            .optional(),
        },
      },
      /^field pages: default: its own/,
    ],
  ];
  for (const [more, says] of wrong) {
    const mistakes = with_(more);
    assert.equal(mistakes.length, 1, String(mistakes));
    assert.match(mistakes[0] ?? '', says);
  }
  const good = [
    z.number().default(3),
    z.array(z.string()).default(() => []),
    z.string().transform(Number).pipe(z.number()).default(3),
    z.string().trim().default('x').optional(),
  ];
  for (const pages of good) assert.deepEqual(with_({ fields: { pages } }), []);
});

test('a name that is misspelt lets nobody in, however it got past the check', () => {
  const kinds = kindsOf(note(() => always));
  for (const misspelt of [undefined, { record: 'titel' }, { caller: 'acount' }] as Anything[]) {
    for (const leaf of [isEmpty(misspelt), is(misspelt, 'x'), has(misspelt, 'x')]) {
      for (const expression of [leaf, not(leaf)])
        assert.equal(resolve(expression, NOBODY, kinds), false, JSON.stringify(expression));
    }
  }
});

test("what the caller's own record holds of before its type was another is compared with nothing", () => {
  const kinds = kindsOf(note(() => always));
  const own = (key: string) => ({ caller: 'own', type: 'profile', key }) as const;
  const caller = (row: object) => ({
    ...NOBODY,
    account: 'acc_1',
    own: new Map([['profile', row as StoredRecord]]),
  });
  const [many, long] = [['x', { $ne: null }], 'x'.repeat(CONTAINED_LENGTH_MAX + 1)];
  for (const team of [{ $ne: null }, ['x'], null, Number.NaN]) {
    for (const expression of [
      is({ record: 'title' }, own('team') as Anything),
      not(is({ record: 'title' }, own('team') as Anything)),
      isIn({ record: 'title' }, own('level') as Anything),
      not(isIn({ record: 'title' }, own('level') as Anything)),
      isIn({ record: 'title' }, own('many') as Anything),
      contains({ record: 'title' }, own('long') as Anything),
      not(contains({ record: 'title' }, own('long') as Anything)),
      is({ record: 'title' }, own('constructor') as Anything),
      not(is(own('constructor') as Anything, 'x')),
    ]) {
      assert.equal(
        resolve(expression, caller({ team, level: 3, many, long }), kinds),
        false,
        JSON.stringify(expression),
      );
    }
  }
});

test('the rules of a type go by the caller’s own record of the same type', () => {
  const colleague = defineType({
    name: 'colleague',
    description: 'Who somebody is in their team',
    fields: { name: z.string(), team: z.string() },
    onePerAccount: true,
    rules: (record, caller) => [
      { name: 'Colleagues', when: is(record.team, caller.own().team), find: true, view: ['name'] },
    ],
  });
  assert.deepEqual([...mistakesOfType(colleague, [colleague])], []);
  const [rule] = colleague.rules;
  const caller = { ...NOBODY, own: new Map([['colleague', { team: 'blue' } as unknown as StoredRecord]]) };
  assert.deepEqual(rule && resolve(rule.when, caller, kindsOf(colleague)), [['team', '=', 'blue']]);
});

const STAFF = { role: z.string(), nickname: z.string().optional() };
function staff(rule: (record: Anything, caller: RuleCaller) => object): DataType<typeof STAFF> {
  return defineType({
    name: 'staff',
    description: 'What somebody is here',
    fields: STAFF,
    onePerAccount: true,
    rules: (record, caller) => [{ name: 'S', when: always, ...rule(record, caller) }],
  });
}

test('a rule that goes by what callers write of themselves is warned of', () => {
  const mine = (record: Anything, caller: RuleCaller) => is(record.createdBy, caller.account);
  const warned: [rule: Parameters<typeof staff>[0], isWarned: boolean][] = [
    [(record, caller) => ({ when: mine(record, caller), change: true }), true],
    [(record, caller) => ({ when: mine(record, caller), change: ['role'] }), true],
    [(record, caller) => ({ when: mine(record, caller), create: true }), true],
    [(record, caller) => ({ when: not(isNot(record.createdBy, caller.account)), create: true }), true],
    [(_, caller) => ({ when: has(caller.scopes, 'data:staff:write'), change: true }), true],
    [() => ({ change: true }), true],
    [(record, caller) => ({ when: mine(record, caller), change: ['nickname'] }), false],
    [(record, caller) => ({ when: mine(record, caller), view: true, find: true, delete: true }), false],
    [
      (record, caller) => ({ when: and(mine(record, caller), is(record.role, 'guest')), create: true }),
      false,
    ],
    [(record, caller) => ({ when: isNot(record.createdBy, caller.account), change: true }), false],
    [(_, caller) => ({ when: is(caller.metadata('role'), 'boss'), change: true }), false],
    [(_, caller) => ({ when: not(isEmpty(caller.client)), change: true }), false],
  ];
  for (const [rule, isWarned] of warned) {
    const own = staff(rule);
    const type = defineType({
      name: 'note',
      description: 'A note',
      fields: FIELDS,
      rules: (_, caller) => [
        {
          name: 'R',
          when: or(is(caller.own(own).role, 'boss'), is(caller.own(own).role, 'chief')),
          find: true,
        },
      ],
    });
    assert.deepEqual([...mistakesOfType(own, [own]), ...mistakesOfType(type, [type, own])], []);
    const warnings = [...warningsOfType(type, [type, own])];
    assert.equal(warnings.length, isWarned ? 1 : 0, `${rule}: ${warnings}`);
    for (const warning of warnings)
      assert.match(warning, /^rule R: it goes by staff\.role .*\(rule S of staff\)/);
  }
});

test('a field that cannot be stored, or that each record has by itself, is a mistake that is told', () => {
  const with_ = (fields: Anything, more: object = {}) =>
    mistakesIn(defineType({ name: 'note', description: 'A note', fields, ...more }));
  for (const [name, schema, says] of [
    ...['id', 'version', 'pending', 'created_at', 'created_by', 'modified_at'].map(
      (own) => [own, z.string(), /each record has that by itself/] as const,
    ),
    ['createdBy', z.string(), /wanted a name of lower case/],
    ['_commit', z.string(), /wanted a name of lower case/],
    ['a', z.string().nullable(), /it takes null/],
    ['a', z.date(), /it cannot be stored/],
    ['a', z.map(z.string(), z.string()), /it cannot be stored/],
    ['a', { type: 'string' }, /wanted a zod schema/],
  ] as const)
    assert.match(with_({ [name]: schema }).join('\n'), says, name);
  const fields = {
    title: z.string(),
    tags: z.array(z.string()),
    mixed: z.array(z.union([z.string(), z.object({})])),
  };
  for (const [more, says] of [
    [{ indexes: [['tags']] }, /indexes: tags holds no text, number or boolean/],
    [{ unique: ['tags'] }, /unique: tags holds no text/],
    [{ unique: ['titel'] }, /unique: .*titel/],
    [{ deletedWithAccount: 'yes' }, /deletedWithAccount: wanted true or false/],
    [{ onePerAccount: 1 }, /onePerAccount: wanted true or false/],
  ] as const)
    assert.match(with_(fields, more).join('\n'), says);
  assert.deepEqual(with_(fields), []);
  // What its elements are is not known of each, so none is looked for.
  assert.equal(kindsOf({ fields }).get('mixed'), 'other');
  assert.equal(
    kindsOf({ fields: { a: z.enum(['x', 'y']), b: z.literal(['x', 1]) } as Anything }).get('b'),
    'other',
  );
});

test('ten levels are read, and no more', () => {
  const nested = (levels: number): Expression => (levels === 0 ? always : not(nested(levels - 1)));
  assert.deepEqual(mistakesIn(note(() => nested(10))), []);
  assert.match(mistakesIn(note(() => nested(11))).join(), /more than 10 levels/);
});
