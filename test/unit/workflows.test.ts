import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import type { Bearer } from '../../server/access/bearer.ts';
import { nearMissOf } from '../../server/ground/near-miss.ts';
import { WrongSettings } from '../../server/ground/settings.ts';
import { createCatalogue } from '../../server/workflows/catalogue.ts';
import { exampleCall } from '../../server/workflows/example-call.ts';
import { inspectJson, isTooDeep } from '../../server/workflows/json-faults.ts';
import { loadDeclarations } from '../../server/workflows/load-declarations.ts';
import { checkParameters } from '../../server/workflows/parameters.ts';
import { type Callers, defineWorkflow, type Workflow } from '../../server/workflows/workflow.ts';

const CONFIG = join(import.meta.dirname, '../../config');

describe('what ships in config/', () => {
  test('loads', async () => {
    const { workflows, types } = await loadDeclarations(CONFIG);
    assert.deepEqual(
      [...workflows.values()].map(({ name, callers }) => [name, callers]),
      [['create_transaction', 'account']],
    );
    assert.deepEqual([...types.keys()], ['transaction']);
  });

  test('a scope of a workflow has a ready-made call that its own parameters accept', async () => {
    const declarations = await loadDeclarations(CONFIG);
    const call = exampleCall(declarations, 'wf:create_transaction');
    assert.deepEqual(call, {
      name: 'create_transaction',
      method: 'POST',
      path: '/api/1.1/wf/create_transaction',
      body: { account: 'savings', phone: '+358 40 123 4567', amount: 49.9 },
    });
    assert.equal(exampleCall(declarations, 'profile'), undefined);
    assert.equal(exampleCall(declarations, 'wf:constructor'), undefined);
  });
});

const amounts: [amount: unknown, right: boolean][] = [
  [0.01, true],
  [19.99, true],
  [4.35, true],
  [1.1, true],
  [0.07, true],
  [999_999_999.99, true],
  [0.30000000000000004, false],
  [19.990000000000002, false],
  [0.005, false],
  [5e-324, false],
  [1_000_000_000.01, false],
  [1_000_000_000, true],
  [0, false],
  [-1, false],
  [1.005, false],
  [1e-9, false],
  [1_000_000_001, false],
  [Number.POSITIVE_INFINITY, false],
  [Number.NaN, false],
  ['1', false],
  [null, false],
  [{ $gt: 0 }, false],
];

describe('create_transaction takes sensible values only', () => {
  const schemaOf = async (name: string) =>
    (await loadDeclarations(CONFIG)).workflows.get('create_transaction')?.parameters[name]?.schema;

  for (const [amount, right] of amounts) {
    test(`amount ${JSON.stringify(amount)} is ${right ? 'right' : 'wrong'}`, async () => {
      assert.equal((await schemaOf('amount'))?.safeParse(amount).success, right);
    });
  }
  for (const account of [
    '',
    '  ',
    'a\nb',
    'a\u0000',
    'a\u2028b',
    '\u202eab',
    'a\u2066b',
    'a\u0085b',
    'a\tb',
    '\u200d',
    'a\u200bb',
    'a\u00adb',
    '\ud800',
    'x'.repeat(101),
    5,
    {},
  ]) {
    test(`account ${JSON.stringify(account).slice(0, 20)} is wrong`, async () => {
      assert.equal((await schemaOf('account'))?.safeParse(account).success, false);
    });
  }
  for (const account of [
    'x'.repeat(100),
    'می\u200cخواهم',
    '👨\u200d👩\u200d👧\u200d👦 Family',
    '❤\ufe0f',
    'José',
    'हिन्दी',
    '日本',
    '😀'.repeat(100),
  ]) {
    test(`account ${account.slice(0, 20)} is right, as it is`, async () => {
      assert.equal((await schemaOf('account'))?.parse(account), account);
    });
  }
  test('every amount of cents is itself', async () => {
    const amount = await schemaOf('amount');
    for (let cents = 1; cents < 20_000; cents += 1) assert.equal(amount?.parse(cents / 100), cents);
    for (let cents = 100_000_000_000; cents > 99_999_990_000; cents -= 1) {
      assert.equal(amount?.parse(cents / 100), cents);
    }
  });
  for (const phone of ['', '1', '+', '++1', 'call me', '+358401234567\n', '٠١٢٣٤٥٦', 3584012345]) {
    test(`phone ${JSON.stringify(phone)} is wrong`, async () => {
      assert.equal((await schemaOf('phone'))?.safeParse(phone).success, false);
    });
  }
});

const IMPORTS = `import { z } from '${import.meta.resolve('zod')}';
import { date, defineType, defineWorkflow, file, record } from '${import.meta.resolve('latchkey')}';
`;
const workflow = (changes: string) => `${IMPORTS}
export const workflow = defineWorkflow({
  name: 'pay', description: 'Pay', callers: 'account', parameters: {}, returns: z.object({}), run: () => ({}),
  ...${changes} as never,
});`;
const type = (changes: string) => `${IMPORTS}
export const type = defineType({ name: 'bill', description: 'A bill', fields: { amount: z.number() }, ...${changes} as never });`;

const mistakes: [what: string, files: Record<string, string>, wanted: RegExp[]][] = [
  ['a syntax error', { 'workflows/a.ts': 'export const x = (' }, [/a\.ts: it does not load: .*Syntax/i]],
  [
    'a throw while loading',
    { 'workflows/a.ts': 'throw new Error("no luck")' },
    [/a\.ts: it does not load: Error: no luck/],
  ],
  [
    'a missing import',
    { 'workflows/a.ts': 'import "./not-there.ts"' },
    [/a\.ts: it does not load: .*not-there/],
  ],
  [
    'no export',
    { 'workflows/a.ts': 'export const other = 1' },
    [/a\.ts: it exports no workflow: .*; what only others import is named _NAME\.ts$/],
  ],
  [
    'files that Node does not read',
    { 'workflows/a.tsx': '', 'workflows/b.JS': '' },
    [/a\.tsx: Node does not read it: wanted a name that ends in \.ts/, /b\.JS: Node does not read it/],
  ],
  [
    'a bare object',
    { 'workflows/a.ts': 'export const workflow = { name: "a" }' },
    [/a\.ts: it exports no workflow/],
  ],
  ['a type among the workflows', { 'workflows/a.ts': type('{}') }, [/a\.ts: it exports no workflow/]],
  [
    'two in a file',
    {
      'workflows/a.ts': `${workflow('{}')}\nexport const second = defineWorkflow({ ...workflow } as never);`,
    },
    [/a\.ts: it exports more than one workflow/],
  ],
  ['a name in capitals', { 'workflows/a.ts': workflow("{ name: 'PayBill' }") }, [/a\.ts: name is "PayBill"/]],
  ['a name with a path', { 'workflows/a.ts': workflow("{ name: '../me' }") }, [/name is "\.\.\/me"/]],
  ['no name', { 'workflows/a.ts': workflow('{ name: undefined }') }, [/name is undefined/]],
  ['a taken name', { 'workflows/a.ts': workflow("{ name: 'issue_token' }") }, [/belongs to a built-in/]],
  [
    'one name twice',
    { 'workflows/a.ts': workflow('{}'), 'workflows/b.ts': workflow('{}') },
    [/b\.ts: the name pay is taken by .*a\.ts/],
  ],
  ['no description', { 'workflows/a.ts': workflow("{ description: ' ' }") }, [/description: wanted/]],
  ['an unknown caller', { 'workflows/a.ts': workflow("{ callers: 'all' }") }, [/callers: wanted/]],
  ['an unknown method', { 'workflows/a.ts': workflow("{ method: 'PUT' }") }, [/method: wanted/]],
  ['no returns', { 'workflows/a.ts': workflow('{ returns: {} }') }, [/returns: wanted a zod schema/]],
  ['no run', { 'workflows/a.ts': workflow('{ run: 1 }') }, [/run: wanted a function/]],
  [
    'no parameters',
    { 'workflows/a.ts': workflow('{ parameters: undefined }') },
    [/parameters: wanted an object/],
  ],
  [
    'parameters of the wrong shape',
    {
      'workflows/a.ts': workflow(`{ parameters: {
        'to-whom': { schema: z.string(), description: 'x', example: 'x' },
        plain: z.string(),
        when: { schema: z.date(), description: 'x', example: new Date(0) },
        many: { schema: z.number(), description: 'x', example: 'three' },
        place: { schema: z.string(), in: 'header', description: 'x', example: 'x' },
        slow: { schema: z.string().refine(async () => true), description: 'x', example: 'x' },
        bare: { schema: z.string(), example: 'x' },
      } }`),
    },
    [
      /parameter to-whom: wanted a name/,
      /parameter plain: wanted \{ schema/,
      /parameter when: it cannot be sent: .*Date.*; use date\(\) from 'latchkey'/,
      /parameter many: example: its own schema refuses it/,
      /parameter place: in: wanted/,
      /parameter slow: schema: .*[Aa]sync/,
      /parameter bare: it needs a description/,
    ],
  ],
  [
    'files, dates and records where they cannot be',
    {
      'workflows/a.ts': workflow(`(() => {
        const about = { description: 'x', example: { filename: 'a', contents: '' } };
        const doc = file({ maxBytes: 5 });
        const bill = defineType({ name: 'bill', description: 'x', fields: { amount: z.number() } });
        return { parameters: {
          raw: { schema: z.file(), description: 'x', example: new File([], 'x') },
          place: { ...about, schema: doc, in: 'either' },
          large: { ...about, schema: file({ maxBytes: 20_000_001 }) },
          none: { ...about, schema: file({ maxBytes: 0 }) },
          text: { ...about, schema: file({ maxBytes: '5' }) },
          inside: { schema: z.object({ doc }), description: 'x', example: { doc: about.example } },
          one_of: { ...about, schema: z.union([doc, z.string()]) },
          right: { schema: doc.array().max(3).optional(), description: 'x', example: [about.example] },
          at: { schema: date(), description: 'x', example: 1795336731000 },
          days: { schema: date().array(), description: 'x', example: [1795336731000] },
          of: { schema: record(bill), description: 'x', example: 'obj_1' },
          made: { schema: record(bill).transform((one) => one.id), description: 'x', example: 'obj_1' },
          many: { schema: record(bill).array(), description: 'x', example: [] },
        }, returns: z.object({ doc, bills: record(bill).array(), at: date() }) };
      })()`),
      'workflows/b.ts': workflow(
        `{ name: 'b', method: 'GET', parameters: { doc: { schema: file({ maxBytes: 5 }), description: 'x', example: { filename: 'a', contents: '' } } } }`,
      ),
    },
    [
      /returns: an answer is JSON and has no files/,
      /returns: return the fields of a record/,
      /parameter raw: use file\(\) from 'latchkey'/,
      /parameter place: in: a file is read from the 'body'/,
      /parameter large: file: maxBytes: wanted a whole number from 1 to 20000000/,
      /parameter none: file: maxBytes/,
      /parameter text: file: maxBytes/,
      /parameter inside: a file\(\) stands by itself or in a list/,
      /parameter one_of: a file\(\) stands by itself/,
      /parameter at: example: write it as in ISO 8601/,
      /parameter days: example: write it as in ISO 8601/,
      /parameter of: record\(bill\): wanted a type that a file in types\/ itself exports/,
      /parameter made: record\(\): what is made of the record is made in run/,
      /parameter many: example: wanted one id at least/,
      /b\.ts: parameter doc: a GET has no body/,
    ],
  ],
  [
    'a body parameter of a GET workflow',
    {
      'workflows/a.ts': workflow(
        `{ method: 'GET', parameters: { a: { schema: z.string(), in: 'body', description: 'x', example: 'x' } } }`,
      ),
    },
    [/parameter a: in: a GET workflow/],
  ],
  [
    'a type that no file declares',
    {
      'workflows/a.ts': workflow(
        "{ types: { bill: defineType({ name: 'bill', description: 'x', fields: {} }) } }",
      ),
    },
    [/types\.bill: wanted a type that a file in types\/ itself exports/],
  ],
  [
    'types of the wrong shape, all at once',
    {
      'types/a.ts': type("{ name: 'Bill' }"),
      'types/b.ts': type('{ fields: {} }'),
      'types/c.ts': type(
        "{ name: 'c', fields: { id: z.string(), Amount: z.number(), at: z.date(), n: 5, gone: z.string().nullable(), any: z.any() } }",
      ),
    },
    [
      /types\/a\.ts: name is "Bill"/,
      /types\/b\.ts: fields is wanted/,
      /types\/c\.ts: field id: each record has that/,
      /types\/c\.ts: field Amount: wanted a name/,
      /types\/c\.ts: field at: it cannot be stored: .*Date/,
      /types\/c\.ts: field n: wanted a zod schema/,
      /types\/c\.ts: field gone: it takes null/,
      /types\/c\.ts: field any: it takes null/,
    ],
  ],
];

describe('a declaration with a mistake stops the start', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-config-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** A folder of its own each time, since modules are loaded once. */
  async function written(files: Record<string, string>): Promise<string> {
    const config = await mkdtemp(join(folder, 'config-'));
    await mkdir(join(config, 'workflows'));
    await mkdir(join(config, 'types'));
    for (const [name, text] of Object.entries(files)) await writeFile(join(config, name), text);
    return config;
  }

  for (const [what, files, wanted] of mistakes) {
    test(what, async () => {
      const config = await written(files);
      await assert.rejects(loadDeclarations(config), (error) => {
        assert.ok(error instanceof WrongSettings);
        for (const line of wanted) assert.match(error.lines.join('\n'), line);
        assert.equal(error.lines.length, wanted.length, error.message);
        return true;
      });
    });
  }

  test('a parameter that names a record of a declared type is none', async () => {
    const config = await written({
      'types/bill.ts': type("{ name: 'bill' }"),
      'workflows/a.ts': `import { type as bill } from '../types/bill.ts';\n${workflow("{ parameters: { of: { schema: record(bill), description: 'd', example: 'obj_1' } } }")}`,
    });
    assert.deepEqual([...(await loadDeclarations(config)).workflows.keys()], ['pay']);
  });

  test('what is no declaration is left alone, and missing folders are empty ones', async () => {
    const config = await written({
      'workflows/a.ts': workflow('{}'),
      'workflows/README.md': 'text',
      'workflows/.hidden.ts': 'throw 1',
      'workflows/a.test.ts': 'throw 1',
      'workflows/a.spec.ts': 'throw 1',
      'workflows/a.d.ts': 'export {};',
    });
    assert.deepEqual([...(await loadDeclarations(config)).workflows.keys()], ['pay']);
    assert.equal((await loadDeclarations(join(config, 'nowhere'))).workflows.size, 0);
  });
});

describe('the catalogue', () => {
  const named = (name: string, callers: Callers): Workflow =>
    defineWorkflow({
      name,
      description: name,
      callers,
      parameters: {},
      returns: z.object({}),
      run: () => ({}),
    });
  const catalogue = createCatalogue(
    [named('ring', 'anyone'), named('pay', 'account'), named('close_all', 'admin')],
    'http://localhost:3000',
  );
  const holder = (scopes: string[], admin = true) => ({ scopes, account: { admin } }) as unknown as Bearer;
  const callable = (caller: Bearer | undefined) => catalogue.callableBy(caller).map(({ name }) => name);

  const callers: [who: string, caller: Bearer | undefined, may: string[]][] = [
    ['nobody', undefined, ['ring']],
    ['a token without scopes', holder([]), ['ring']],
    ['a token of one workflow', holder(['wf:pay']), ['ring', 'pay']],
    ['a token that names an admin workflow', holder(['wf:close_all']), ['ring']],
    ['an admin token', holder(['admin']), ['ring', 'pay', 'close_all']],
  ];
  for (const [who, caller, may] of callers) {
    test(`${who} may call ${may}`, () => {
      assert.deepEqual(callable(caller), may);
      if (caller === undefined) return;
      for (const name of ['ring', 'pay', 'close_all']) {
        const call = () => catalogue.requireRights(caller, catalogue.get(name) ?? assert.fail(name));
        if (may.includes(name)) call();
        else assert.throws(call, { status: 403, code: 'insufficient_scope' });
      }
    });
  }

  test('an admin token of somebody who is no admin any more calls no admin workflow', () => {
    const call = () =>
      catalogue.requireRights(holder(['admin'], false), catalogue.get('close_all') as Workflow);
    assert.throws(call, { status: 403, code: 'FORBIDDEN' });
  });

  test('a name that is not there is answered with what the caller may call, and no more', () => {
    const hintOf = (name: string, caller?: Bearer) => catalogue.noSuchWorkflow(name, caller).hint;
    assert.equal(hintOf('close-all', holder(['admin'])), 'Did you mean close_all?');
    assert.equal(hintOf('close-all', holder(['wf:pay'])), 'This token may call: ring, pay.');
    assert.equal(hintOf('close-all'), 'Without a token may be called: ring. Send one for the others.');
    assert.equal(catalogue.get('constructor'), undefined);
  });
});

describe('parameters without a request', () => {
  const workflow = defineWorkflow({
    name: 'pay',
    description: 'Pay',
    callers: 'account',
    parameters: {
      amount: { schema: z.number(), description: 'How much', example: 5 },
      note: { schema: z.string().optional(), description: 'A note', example: 'Rent' },
    },
    returns: z.object({}),
    run: () => ({}),
  });
  /** As the arguments of a tool call would be. */
  const check = (values: Record<string, unknown>) =>
    checkParameters(workflow, {
      find: (name) => (Object.hasOwn(values, name) ? { value: values[name], isText: false } : undefined),
      findWrapped: () => undefined,
      strangers: Object.keys(values).filter((name) => !Object.hasOwn(workflow.parameters, name)),
      howToSend: (name) => `Give ${name}.`,
      hintForAbsent: (name) => `${name} is wanted.`,
    });

  test('are given out checked', () => {
    assert.deepEqual(check({ amount: 3, other: 1 }), { amount: 3, note: undefined });
  });
  const wrong: [values: Record<string, unknown>, code: string, parameter: string, hint: RegExp][] = [
    [{}, 'MISSING_DATA', 'amount', /^amount is wanted\.$/],
    [
      { sum: 3, to: 'x', for: 'y', lk_pat_a: 1 },
      'MISSING_DATA',
      'amount',
      /^There is no parameter sum, to, for\. amount is wanted\.$/,
    ],
    [
      { amuont: 3 },
      'MISSING_DATA',
      'amount',
      /^amuont was sent: is it amount that you mean\? Give amount\.$/,
    ],
    [{ amount: '3' }, 'INVALID_DATA', 'amount', /leave out the quotes/],
    [{ amount: 3, notes: 'x' }, 'INVALID_DATA', 'notes', /^Did you mean note\?$/],
    [{ amount: 'x', notes: 'x' }, 'INVALID_DATA', 'notes', /./],
  ];
  for (const [values, code, parameter, hint] of wrong) {
    test(`${JSON.stringify(values)} is ${code} of ${parameter}`, () => {
      assert.throws(() => check(values), { status: 400, code, parameter, hint });
    });
  }
});

describe('nearMissOf', () => {
  const names = ['create_transaction', 'account', 'phone', 'to'];
  const near: [given: string, meant: string | undefined][] = [
    ['createTransaction', 'create_transaction'],
    ['create-transaction', 'create_transaction'],
    ['CREATE TRANSACTION', 'create_transaction'],
    ['create_transactions', 'create_transaction'],
    ['create_transacton', 'create_transaction'],
    ['create_trasnaction', 'create_transaction'],
    ['acount', 'account'],
    ['phome', 'phone'],
    ['hpone', 'phone'],
    ['To', 'to'],
    ['no', undefined],
    ['accouts', undefined],
    ['', undefined],
    ['x'.repeat(100_000), undefined],
  ];
  for (const [given, meant] of near) {
    test(`${given.slice(0, 30)} → ${meant}`, () => assert.equal(nearMissOf(given, names), meant));
  }
});

const jsonFaultOf = (text: string) => inspectJson(text).fault;

test('knows endless nesting before the parser has worked on it, in what is no JSON too', () => {
  const nested = (depth: number) => `${'[{"a":'.repeat(depth / 2)}1${'}]'.repeat(depth / 2)}`;
  assert.deepEqual([isTooDeep(nested(32)), isTooDeep(nested(34))], [false, true]);
  assert.equal(isTooDeep('['.repeat(4_000_000)), true);
  for (const text of [
    JSON.stringify('['.repeat(99)),
    '[],'.repeat(99),
    `"${'['.repeat(99)}`,
    '"\\"'.repeat(99),
    '',
  ])
    assert.equal(isTooDeep(text), false, text);
});

describe('inspectJson finds what JSON.parse lets through', () => {
  const faults: [text: string, fault: RegExp | undefined][] = [
    ['{}', undefined],
    ['{"a":{"a":1},"b":[{"a":1},{"a":2}]}', undefined],
    ['{"a":"a","b":"{\\"a\\":1,\\"a\\":2}"}', undefined],
    ['{"a\\\\":1,"a":2}', undefined],
    ['["a","a"]', undefined],
    ['{"a":1,"a":2}', /"a" twice/],
    ['{"a":1, "\\u0061" : 2}', /"a" twice/],
    ['{"x":[{"a":1\n,"a"\n:2}]}', /"a" twice/],
    ['{"__proto__":1}', /__proto__/],
    ['{"x":{"__pro\\u0074o__":1}}', /__proto__/],
    [`${'['.repeat(33)}${']'.repeat(33)}`, /nested/],
    [`[${'1,'.repeat(29_990)}1]`, undefined],
    [`[${'1,'.repeat(30_000)}1]`, /more than 30000 values/],
    [`[${'{},'.repeat(15_000)}1]`, /more than 30000 values/],
    [JSON.stringify([','.repeat(60_000)]), undefined],
    [`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, /nested/],
  ];
  for (const [text, fault] of faults) {
    test(text.slice(0, 40).replaceAll('\n', ' '), () => {
      JSON.parse(text);
      if (fault === undefined) assert.equal(jsonFaultOf(text), undefined);
      else assert.match(jsonFaultOf(text) ?? '', fault);
    });
  }

  test('a long text costs no more than its length', () => {
    const texts = [
      JSON.stringify({ a: '\\"'.repeat(400_000) }),
      `{"a":[${'-1,'.repeat(29_000)}1]}`,
      `{"a":[${'1e1,'.repeat(29_000)}1]}`,
      `{"a":1${'0'.repeat(1_000_000)}}`,
      `{"a":0.${'0'.repeat(1_000_000)}1}`,
    ];
    for (const text of texts) {
      const before = performance.now();
      assert.equal(jsonFaultOf(text), undefined);
      assert.ok(performance.now() - before < 1000, text.slice(0, 20));
    }
  });
});
