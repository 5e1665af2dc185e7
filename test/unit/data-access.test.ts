import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { z } from 'zod';
import { openStore } from '../../adapters/open.ts';
import { CONTAINED_LENGTH_MAX, type Store } from '../../adapters/port.ts';
import type { Bearer } from '../../server/access/bearer.ts';
import { createDataAccess, type DataCaller, shownToAccount } from '../../server/data/access.ts';
import { characterBudget } from '../../server/data/character-budget.ts';
import { and, is, isNot, or } from '../../server/data/expressions.ts';
import { createPrivacy } from '../../server/data/privacy.ts';
import type { StoredRecord } from '../../server/data/record.ts';
import { writesOf } from '../../server/data/record-writes.ts';
import type { Records } from '../../server/data/records.ts';
import { NOBODY } from '../../server/data/resolve.ts';
import { type OpenType, openDataRows } from '../../server/data/rows.ts';
import { touchEntries } from '../../server/data/touched-owners.ts';
import { type DataType, defineType } from '../../server/data/type.ts';
import { Problem } from '../../server/ground/errors.ts';
import { WrongSettings } from '../../server/ground/settings.ts';
import { sqliteStores } from '../support/stores.ts';

/** What the rules of a type are given of who calls, and what they hold to whatever asks for records. */

const member = defineType({
  name: 'member',
  description: 'Of an account',
  fields: { team: z.string() },
  onePerAccount: true,
});

const plan = defineType({
  name: 'plan',
  description: 'A plan of a team',
  fields: {
    team: z.string(),
    tier: z.string().optional(),
    secret: z.string().optional(),
    tags: z.array(z.string()).optional(),
  },
  rules: (record, caller) => [
    {
      name: 'The team',
      when: and(isNot(record.team, ''), or(is(record.team, caller.own(member).team))),
      find: true,
      view: ['team'],
      constrain: ['team', 'createdAt'],
    },
    { name: 'What was bought', when: is(record.tier, caller.metadata('plan')), view: ['tier'] },
    {
      name: 'Whoever made it',
      when: is(record.createdBy, caller.account),
      find: true,
      view: true,
      create: true,
      constrain: true,
      change: ['tags'],
      delete: true,
    },
  ],
});

const account = (id: string, more: object = {}) =>
  ({
    id,
    email: `${id}@example.com`,
    createdAt: 1,
    admin: false,
    ...more,
  }) as unknown as DataCaller['account'];
const callerOf = (id: string, more: Partial<DataCaller> = {}): DataCaller => ({
  account: account(id),
  actsFor: 'account',
  scopes: [],
  ...more,
});
const TEAMS: Record<string, string | undefined> = { acc_ann: 'red', acc_bob: 'blue' };
const forbids = (what: () => unknown) =>
  assert.throws(what, (error) => error instanceof Problem && error.status === 403);

it('lets a field be changed where a rule gives it for the record as it is and as it would be', () => {
  const door = defineType({
    name: 'door',
    description: 'A door',
    fields: { state: z.string(), text: z.string().optional() },
    rules: (record) => [{ name: 'While open', when: is(record.state, 'open'), view: true, change: true }],
  });
  const { changed, removed } = writesOf(door, createPrivacy(door, NOBODY), () => 5);
  const row = (state: string) => ({ id: 'obj_1', createdAt: 1, state }) as StoredRecord;
  for (const [from, fields] of [
    ['open', { state: 'shut' }],
    ['shut', { state: 'open' }],
    ['shut', { text: 'x' }],
    ['shut', {}],
  ] as const)
    forbids(() => changed(row(from), fields));
  forbids(() => removed(row('open')));
  const { change, guard } = changed({ ...row('open'), version: 2 }, { text: 'x' });
  assert.deepEqual(change, { set: { text: 'x', modifiedAt: 5, version: 3 } });
  assert.deepEqual(guard, [['version', '=', 2]]);
});

sqliteStores(({ url }) => {
  let store: Store;
  let plans: OpenType;
  let access: ReturnType<typeof createDataAccess>;

  before(async () => {
    store = await openStore(await url());
    const declared = new Map<string, typeof plan | typeof member>([
      ['member', member],
      ['plan', plan],
    ]);
    const { opened: types } = await openDataRows(store, declared as never, () => 1000);
    plans = types.get('plan') ?? assert.fail();
    access = createDataAccess({ types, clock: () => 1000 });
    const put = (type: string, row: object) => types.get(type)?.rows.put({ createdAt: 1, ...row } as never);
    await put('member', { id: 'obj_ann', createdBy: 'acc_ann', team: 'red' });
    await put('member', { id: 'obj_bob', createdBy: 'acc_bob', team: 'blue' });
    await put('member', { id: 'obj_gus', createdBy: 'acc_gus', team: 'green' });
    await put('plan', { id: 'obj_red', createdBy: 'acc_x', team: 'red', tier: 'pro', secret: 's' });
    await put('plan', { id: 'obj_blue', createdBy: 'acc_x', team: 'blue', tier: 'free' });
    await put('plan', { id: 'obj_zoe', createdBy: 'acc_zoe', team: 'red', secret: 'z' });
    await put('member', { id: 'obj_member', createdBy: 'acc_zoe', team: 'red' });
  });
  after(() => store.close());

  const recordsFor = (caller: DataCaller | undefined, verb: 'read' | 'write' = 'read') =>
    access.recordsFor(plans, caller, { verb });
  const listed = async (records: Records) =>
    (
      await records.list({ constraints: [], order: [{ by: 'id', descending: false }], skip: 0, limit: 9 })
    ).map(({ id }) => id);

  it('compares with the own record of who calls, wherever the rule names it, and with nobody else’s', async () => {
    for (const [id, found] of [
      ['acc_ann', ['obj_red', 'obj_zoe']],
      ['acc_bob', ['obj_blue']],
      ['acc_eve', []],
    ] as const) {
      assert.deepEqual(await listed(await recordsFor(callerOf(id))), found, id);
      assert.deepEqual((await access.valuesFor(plans, callerOf(id))).own.get('member')?.team, TEAMS[id]);
    }
    assert.deepEqual(await listed(await recordsFor(undefined)), []);
  });

  it('asks the store in the name of who calls, and of nobody by another one than the server’s own', async () => {
    const asked: unknown[] = [];
    const count: OpenType['rows']['count'] = (where, bounds = {}) => {
      asked.push(bounds.whose);
      return plans.rows.count(where, bounds);
    };
    const opened = { ...plans, rows: { ...plans.rows, count } };
    for (const caller of [callerOf('acc_ann'), undefined])
      await (await access.recordsFor(opened, caller, { verb: 'read', passes: true })).count([]);
    assert.deepEqual(asked, ['acc_ann', 'nobody']);
  });

  it('compares with what was noted of the token over what was noted of its account, and of an app with neither', async () => {
    const rich = { account: account('acc_eve', { metadata: { plan: 'pro' } }) };
    const sees = async (caller: DataCaller) => (await (await recordsFor(caller)).get('obj_red'))?.tier;
    assert.equal(await sees(callerOf('acc_eve', rich)), 'pro');
    assert.equal(await sees(callerOf('acc_eve', { ...rich, metadata: { plan: 'free' } })), undefined);
    assert.equal(await sees(callerOf('acc_eve', { metadata: { plan: 'pro' } })), 'pro');
    assert.equal(await sees(callerOf('acc_eve', { ...rich, actsFor: 'app' })), undefined);
  });

  it('passes the rules for an admin’s token, as far as its scope goes', async () => {
    const admin = account('acc_root', { admin: true });
    for (const [scopes, passes] of [
      [['admin'], { read: true, write: true }],
      [['admin:data:plan:read', 'data:plan:write'], { read: true, write: false }],
      [['admin:data:plan:write', 'data:plan:read'], { read: false, write: true }],
      [['admin:data:member:read', 'data:plan:read'], { read: false, write: false }],
    ] as const) {
      for (const verb of ['read', 'write'] as const) {
        const records = await recordsFor(callerOf('', { account: admin, scopes }), verb);
        assert.equal(records.passes, passes[verb], `${scopes} ${verb}`);
        assert.equal((await records.get('obj_red')) !== undefined, passes[verb]);
      }
    }
  });

  it('counts as hidden what the rules would not give, also not by its id', async () => {
    const caller = callerOf('acc_root', {
      account: account('acc_root', { admin: true, metadata: { plan: 'pro' } }),
      scopes: ['admin'],
    });
    const records = await recordsFor(caller);
    const rows = await plans.rows.list({ limit: 9 });
    assert.deepEqual([rows.length, records.hiddenAmong(rows)], [3, 2]);
  });

  it('shows an account on pages what it sees itself, and nothing of what is not there for it', async () => {
    const shown = await shownToAccount(access, plans, account('acc_ann'));
    const [red, blue] = await Promise.all(['obj_red', 'obj_blue'].map((id) => plans.rows.get(id)));
    assert.deepEqual(shown(red ?? assert.fail()), { id: 'obj_red', team: 'red' });
    assert.equal(shown(blue ?? assert.fail()), undefined);
  });

  it('gives the fields in the order of their type, which does not tell what was put in when', async () => {
    const records = await recordsFor(callerOf('acc_x'));
    const row = { createdBy: 'acc_x', tags: ['a'], tier: 'pro', createdAt: 1, team: 'red', id: 'obj_1' };
    const order = ['id', 'createdAt', 'createdBy', 'team', 'tier', 'tags'];
    assert.deepEqual(Object.keys(records.seen(row)), order);
    const again = { id: 'obj_1', createdAt: 1, team: 'red', tier: 'pro', tags: ['a'], createdBy: 'acc_x' };
    assert.deepEqual(Object.keys(records.seen(again)), order);
  });

  it('sorts by what is theirs in some records only where nothing stands before it, and never by a list', async () => {
    const records = await recordsFor(callerOf('acc_ann'));
    const sorted = (...fields: string[]) =>
      records.list({
        constraints: [],
        order: fields.map((by) => ({ by, descending: false })),
        skip: 0,
        limit: 9,
      });
    assert.equal((await sorted('secret')).length, 2);
    for (const ask of [() => sorted('createdAt', 'secret'), () => sorted('secret', 'tier')])
      assert.throws(ask, (error) => error instanceof Problem && error.code === 'FORBIDDEN');
    assert.throws(() => sorted('tags'), TypeError);
  });

  it('has in pages of any length what stands in the whole list, also where a part of it is sorted apart', async (t) => {
    const made = { createdBy: 'acc_gus', team: 'green', createdAt: 1 };
    const rows: object[] = [
      { ...made, id: 'obj_1', secret: 'b' },
      { ...made, id: 'obj_2', secret: 'a' },
      { ...made, id: 'obj_3' },
      // Of the same team: what is secret in them is no order for others.
      { ...made, id: 'obj_4', secret: 'z', createdBy: 'acc_x', createdAt: 3 },
      { ...made, id: 'obj_5', secret: '0', createdBy: 'acc_x', createdAt: 2 },
    ];
    await plans.rows.insertMany(rows as never);
    t.after(() => plans.rows.removeMany([['team', '=', 'green']] as never, 9));
    const records = await recordsFor(callerOf('acc_gus'));
    for (const [order, whole] of [
      [[['secret', false]], '3 4 5 2 1'],
      [[['secret', true]], '1 2 5 4 3'],
      [
        [
          ['secret', false],
          ['createdAt', false],
        ],
        '3 5 4 2 1',
      ],
      [
        [
          ['secret', true],
          ['createdAt', true],
        ],
        '1 2 4 5 3',
      ],
    ] as const) {
      for (let skip = 0; skip <= 5; skip += 1) {
        for (let limit = 1; limit <= 6; limit += 1) {
          const wanted = order.map(([by, descending]) => ({ by, descending }));
          const page = await records.list({ constraints: [], order: wanted, skip, limit });
          const ids = whole.split(' ').slice(skip, skip + limit);
          assert.deepEqual(
            page.map(({ id }) => id.slice(4)),
            ids,
            `${order.join()} ${skip} ${limit}`,
          );
        }
      }
    }
  });

  it('tells an owner once a minute of each service, and of each way to their records', async () => {
    const caller = { account: account('acc_root'), tokenId: 'tok_1' } as unknown as Bearer;
    const entryOf = async (by: string, now: number, who = caller) => {
      const accounts = { get: async (id: string) => account(id) };
      const made = { by, caller: who, request: { id: 'r', from: '192.0.2.1' } };
      const owners = ['acc_ann', 'acc_ann', 'acc_root', undefined];
      const entries = await touchEntries({ accounts, clock: () => now }, owners, made);
      assert.deepEqual(
        entries.map(({ accountId }) => accountId),
        ['acc_ann'],
      );
      return entries[0]?.id;
    };
    const first = await entryOf('data plan', 60);
    assert.equal(await entryOf('data plan', 119), first);
    const others = [
      await entryOf('data plan', 120),
      await entryOf('data member', 60),
      await entryOf('data plan', 60, { ...caller, tokenId: 'tok_2' }),
    ];
    assert.equal(new Set([first, ...others]).size, 4);
  });

  it('ends a list where its reader takes no more, also before what is sorted apart', async () => {
    const records = await recordsFor(callerOf('acc_zoe'));
    const upTo = async (id: string) => {
      const order = [{ by: 'secret', descending: false }];
      const rows = await records.list({
        constraints: [],
        order,
        skip: 0,
        limit: 9,
        takes: (row) => row.id !== id,
      });
      return rows.map((row) => row.id);
    };
    assert.deepEqual(await upTo('nothing'), ['obj_red', 'obj_zoe']);
    assert.deepEqual([await upTo('obj_zoe'), await upTo('obj_red')], [['obj_red'], []]);
  });

  it('has room for the first record, however long, and for no other beyond it', () => {
    const budget = characterBudget(10);
    assert.deepEqual([budget.takes({ text: 'long enough' }), budget.isUsedUp()], [true, false]);
    assert.deepEqual([budget.takes({}), budget.isUsedUp()], [false, true]);
    // `{}` is two characters.
    const five = characterBudget(10);
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6].map(() => five.takes({})),
      [true, true, true, true, true, false],
    );
  });

  it('asks for no field in a way that it cannot be asked for', async () => {
    const records = await recordsFor(
      callerOf('acc_zoe', { account: account('', { admin: true }), scopes: ['admin'] }),
    );
    for (const [field, test, value] of [
      ['tags', '=', 'x'],
      ['team', 'has', 'x'],
      ['team', '=', { $ne: null }],
      ['team', 'in', ['x', { $ne: null }]],
      ['team', 'contains', 'x'.repeat(CONTAINED_LENGTH_MAX + 1)],
      ['other', '=', 'x'],
    ] as const)
      assert.throws(() => records.count([{ field, test, value }]), TypeError, `${field} ${test}`);
    assert.equal(
      await records.count([{ field: 'team', test: 'contains', value: 'x'.repeat(CONTAINED_LENGTH_MAX) }]),
      0,
    );
  });

  it('stores what the type has a field for and can hold, as it will be read', async () => {
    const records = await recordsFor(callerOf('acc_ann'), 'write');
    const own = { createdBy: 'acc_ann' };
    for (const fields of [
      { team: 'red', other: 1 },
      { team: 'red', constructor: 'x' },
      { team: 7 },
      { team: 'red', tags: [{}] },
      { team: undefined },
    ])
      assert.throws(() => records.made(fields, own), TypeError, JSON.stringify(fields));
    // Half a character is U+FFFD in each store: rules are held to that.
    const made = records.made({ team: 'a\ud800', tags: ['\udc00'] }, { ...own, id: 'obj_named' }) as object;
    assert.deepEqual(made, {
      ...{ id: 'obj_named', createdAt: 1000, modifiedAt: 1000, createdBy: 'acc_ann' },
      ...{ team: 'a\ufffd', tags: ['\ufffd'] },
    });
    forbids(() => records.made({ team: 'red' }, { createdBy: 'acc_bob' }));
  });

  it('names what may be asked for instead, and no field more', async () => {
    const nobody = await recordsFor(undefined);
    const wanted = { constraints: [], order: [{ by: 'secret', descending: false }], skip: 0, limit: 9 };
    await assert.rejects(
      async () => nobody.list(wanted),
      ({ hint }: Problem) => /^Leave it out, or send one of: id\. /.test(hint ?? ''),
    );
  });

  it('lets nobody change nothing who may change nothing, and removes no record before what it carries is delivered', async () => {
    const row = (await plans.rows.get('obj_red')) ?? assert.fail();
    const ann = await recordsFor(callerOf('acc_ann'), 'write');
    forbids(() => ann.changed(row, {}));
    const maker = await recordsFor(callerOf('acc_x'), 'write');
    assert.equal(maker.changed(row, {}).change.set?.version, 1);
    const { guard } = maker.removed(row);
    await plans.rows.update('obj_red', { set: { pendingId: 'p', pendingAt: 1 } });
    assert.equal(await plans.rows.remove('obj_red', guard), false);
    await plans.rows.update('obj_red', { unset: ['pendingId', 'pendingAt'] });
    assert.equal(await plans.rows.remove('obj_red', guard), true);
  });

  it('says in one line what to do where records clash in what is to be unique from now on', async () => {
    const put = (type: DataType, row: object) =>
      openDataRows(store, new Map([[type.name, type]]), () => 1000).then(({ opened }) =>
        opened.get(type.name)?.rows.put({ createdAt: 1, createdBy: 'acc_ann', ...row } as never),
      );
    const tag = defineType({ name: 'tag', description: 'A tag', fields: { word: z.string() } });
    await put(tag, { id: 'obj_1', word: 'red' });
    await put(tag, { id: 'obj_2', word: 'red' });
    for (const [stricter, told] of [
      [
        { ...tag, unique: ['word'] },
        /^types: records of tag have the same word; take word out of unique, start, /,
      ],
      [
        { ...tag, onePerAccount: true },
        /^types: an account has made more than one tag; take onePerAccount out/,
      ],
    ] as const)
      await assert.rejects(
        put(stricter, {}),
        (error) =>
          error instanceof WrongSettings && error.lines.length === 1 && told.test(error.lines[0] ?? ''),
      );
  });
});
