import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { z } from 'zod';
import type { Bearer } from '../../server/access/bearer.ts';
import type { Account } from '../../server/accounts/account.ts';
import { createDataAccess } from '../../server/data/access.ts';
import { type CallerNamed, findExplainedCaller } from '../../server/data/explained-caller.ts';
import { createExplain } from '../../server/data/explanation.ts';
import {
  always,
  and,
  contains,
  type Expression,
  has,
  is,
  isAtMost,
  isEmpty,
  isIn,
  isNot,
  not,
  or,
} from '../../server/data/expressions.ts';
import type { StoredRecord } from '../../server/data/record.ts';
import { type OpenType, openDataRows } from '../../server/data/rows.ts';
import { expressionInWords, valueInWords } from '../../server/data/rule-words.ts';
import { explanationForPrograms, findsInWords } from '../../server/data/shown-explanation.ts';
import { defineType, type Rule } from '../../server/data/type.ts';
import { RECORDS_COUNTED_MAX } from '../../server/ground/limits.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';

const profile = defineType({
  name: 'profile',
  description: 'What is known of an account',
  fields: { team: z.string() },
  onePerAccount: true,
});

const fields = {
  state: z.enum(['open', 'closed']).optional(),
  pages: z.number().optional(),
  readers: z.array(z.string()).optional(),
  team: z.string().optional(),
};
const words: [Expression, string][] = [];
const paper = defineType({
  name: 'paper',
  description: 'A paper',
  fields,
  rules(record, caller) {
    words.push(
      [always, 'always'],
      [is(record.createdBy, caller.account), 'createdBy is the caller’s account'],
      [not(is(record.state, 'open')), 'state is not "open"'],
      [not(isAtMost(record.pages, 3)), 'pages is not at most 3'],
      [isIn(record.state, ['open', 'closed']), 'state is one of "open", "closed"'],
      [isIn(record.team, caller.scopes), 'team is one of the caller’s scopes'],
      [contains(record.team, 'a'), 'team contains "a"'],
      [has(record.readers, caller.email), 'readers has the caller’s e-mail address'],
      [isEmpty(record.readers), 'readers is empty'],
      [not(isEmpty(caller.client)), 'the caller’s service or app is not empty'],
      [is(record.team, caller.metadata('plan')), 'team is the caller’s metadata plan'],
      [is(record.team, caller.own(profile).team), 'team is team of the caller’s own profile'],
      [
        and(is(record.state, 'open'), or(isNot(record.pages, 1), not(and(always, isEmpty(record.team))))),
        'state is "open" and (pages is not 1 or (not (always and team is empty)))',
      ],
    );
    return [
      {
        name: 'Whoever made it',
        when: is(record.createdBy, caller.account),
        find: true,
        view: true,
        constrain: ['state'],
        create: true,
        change: ['state'],
        delete: true,
      },
      {
        name: 'The team',
        when: and(is(record.team, caller.own(profile).team), is(record.state, 'open')),
        view: ['state', 'team'],
      },
      { name: 'A service', when: not(isEmpty(caller.client)), find: true, view: ['pages'] },
    ];
  },
});

const bare = defineType({ name: 'bare', description: 'Without rules', fields: { note: z.string() } });

describe('rules are explained', () => {
  let domain: TestDomain;
  let types: ReadonlyMap<string, OpenType>;
  let explain: ReturnType<typeof createExplain>;
  let [ann, ben]: Account[] = [];
  const typeOf = (name: string) => types.get(name) ?? assert.fail(name);
  const why = (asked: CallerNamed, id?: string, type = 'paper') =>
    explain(typeOf(type), asked, { id, by: actor });

  before(async () => {
    domain = await openTestDomain();
    [ann, ben] = [await domain.account('ann@example.com', true), await domain.account('ben@example.com')];
    const declared = new Map([paper, profile, bare].map((type) => [type.name, type]));
    types = (await openDataRows(domain.store, declared, domain.clock)).opened;
    const dataAccess = createDataAccess({ types, clock: domain.clock });
    explain = createExplain({ ...domain, dataAccess });
    const put = (type: string, row: Partial<StoredRecord> & { id: string } & Record<string, unknown>) =>
      typeOf(type).rows.insert({ createdAt: 1, ...row });
    await put('profile', { id: 'obj_p', createdBy: ben?.id ?? '', team: 'red' });
    await put('paper', { id: 'obj_1', createdBy: ann?.id ?? '', team: 'red', state: 'closed' });
    await put('paper', { id: 'obj_2', createdBy: ben?.id ?? '', team: 'blue' });
    await put('paper', { id: 'obj_3', team: 'red', state: 'open', pages: 1 });
  });
  after(() => domain.stop());

  it('in words, for every test and operand', () => {
    for (const [expression, wanted] of words) assert.equal(expressionInWords(expression), wanted);
  });

  it('says what an account finds, sees and may do, by which rules', async () => {
    const {
      finds,
      find,
      create,
      delete: remove,
      fields: explained,
      rules,
      caller,
    } = await why({ account: 'ben@example.com' });
    assert.deepEqual(finds, { count: 1, of: 3, byRules: 1 });
    assert.deepEqual(find, { held: 'some', by: ['Whoever made it'], more: 0 });
    for (const right of [create, remove])
      assert.deepEqual(right, { held: 'some', by: ['Whoever made it'], more: 0 });
    const of = (name: string) => explained.find((field) => field.name === name);
    assert.deepEqual(of('team'), {
      name: 'team',
      view: { held: 'some', by: ['Whoever made it', 'The team'], more: 0 },
      constrain: { held: 'no', by: [], more: 0 },
      change: { held: 'no', by: [], more: 0 },
    });
    assert.deepEqual(
      rules.map(({ name, held, because }) => [name, held, because]),
      [
        [
          'Whoever made it',
          'some',
          [`createdBy is the caller’s account: the caller’s account is ${ben?.id}`],
        ],
        [
          'The team',
          'some',
          [
            'team is team of the caller’s own profile: team of the caller’s own profile is "red"',
            'state is "open"',
          ],
        ],
        ['A service', 'no', ['the caller’s service or app is not empty: the caller’s service or app: none']],
      ],
    );
    assert.equal(caller.accountId, ben?.id);
  });

  it('says of one record which comparison failed, with both sides', async () => {
    const { record, get, find, rules, fields: explained } = await why({ account: ben?.id }, 'obj_1');
    assert.deepEqual([record?.id, get.held, find.held], ['obj_1', 'no', 'no']);
    assert.deepEqual(rules[0]?.because, [
      `createdBy is the caller’s account: createdBy is ${ann?.id}, the caller’s account is ${ben?.id}`,
    ]);
    assert.deepEqual(rules[1]?.because, ['state is "open": state is "closed"']);
    assert.ok(explained.every(({ view }) => view.held === 'no'));
    const open = await why({ account: ben?.id }, 'obj_3');
    assert.deepEqual([open.get.held, open.find.held, open.rules[1]?.held], ['yes', 'no', 'yes']);
    assert.deepEqual(
      open.fields.filter(({ view }) => view.held === 'yes').map(({ name }) => name),
      ['state', 'team'],
    );
    await assert.rejects(why({ account: ben?.id }, 'obj_none'), /no such record of paper/);
  });

  it('tells the owner of a record that an admin asked about it, and of counts nobody', async () => {
    const looks = async () =>
      (await domain.audited(ben?.id ?? '')).filter((one) => one.startsWith('data.looked_at'));
    await why({ account: ben?.id });
    assert.deepEqual(await looks(), []);
    await why({ account: ben?.id }, 'obj_2');
    await why({}, 'obj_2');
    assert.deepEqual(await looks(), ['data.looked_at paper']);
    await explain(typeOf('paper'), {}, { id: 'obj_2', by: { kind: 'account', id: ben?.id } });
    assert.deepEqual(await looks(), ['data.looked_at paper']);
  });

  it('knows a token by its value or id, dead, narrow and honey ones too', async () => {
    const { credential, value } = await domain.tokens.mint(
      {
        account: ben as Account,
        name: 'T',
        scopes: ['data:transaction:read'],
        narrowing: { ipRanges: ['192.0.2.0/24'] },
        expiresAt: domain.clock() + 3600,
      },
      actor,
    );
    const live = await why({ value });
    assert.deepEqual(live.caller.places, ['Only from 192.0.2.0/24']);
    assert.deepEqual(live.caller.scopes, ['data:transaction:read']);
    assert.deepEqual(live.caller.obstacles, [
      'It lacks the scope data:paper:read: by itself the Data API refuses that.',
      'It lacks the scope data:paper:write: by itself the Data API refuses that.',
    ]);
    assert.ok(!JSON.stringify(live).includes(value));
    await domain.tokens.revoke({ accountId: ben?.id ?? '', id: credential.id }, actor);
    const dead = await why({ credential: credential.id });
    assert.match(dead.caller.obstacles[0] ?? '', /^The token is revoked since /);
    assert.equal(dead.finds.count, 1);
    await assert.rejects(why({ value: 'nothing' }), /no such token/);
    const honey = await domain.tokens.mint(
      {
        account: ben as Account,
        name: 'H',
        scopes: ['profile'],
        honey: true,
        expiresAt: domain.clock() + 60,
      },
      actor,
    );
    assert.match((await why({ value: honey.value })).caller.obstacles.join(), /honey/);
    assert.deepEqual(await domain.mailed('ann@example.com'), [], 'no alarm for a question');
  });

  it('says what keeps calls out: of a credential, a client, and the accounts behind them', async () => {
    const [dev, eve] = [
      await domain.account('dev@example.com', true),
      await domain.account('eve@example.com'),
    ];
    const { rows } = domain;
    const expiresAt = domain.clock() + 3600;
    const rights = {
      scopes: ['data:transaction:read', 'data:transaction:write'],
      actsFor: 'account',
      reason: 'test',
    } as const;
    const wanted = { ...rights, account: dev, name: 'S', resourceServer: false, expiresAt };
    const { client: service } = await domain.services.create(wanted, actor);
    const redirect = {
      redirectUris: ['https://shop.example/cb'],
      scopes: ['data:transaction:read', 'data:transaction:write'],
    };
    const made = { ...redirect, account: dev, name: 'Shop', confidential: true };
    const { client: app } = await domain.apps.create(made, actor);
    const token = { account: eve, name: 'T', scopes: [...rights.scopes], expiresAt };
    const { credential } = await domain.tokens.mint(token, actor);
    const of = async (asked: CallerNamed) => (await why(asked)).caller;
    const out = async (asked: CallerNamed) =>
      (await of(asked)).obstacles
        .filter((one) => !one.startsWith('It lacks'))
        .join(' ')
        .replaceAll(/ since [^.]*/g, '');
    const byApp = { client: app.id, account: eve.id };
    const all: CallerNamed[] = [
      { credential: credential.id },
      { client: service.id },
      byApp,
      { account: eve.id },
    ];
    for (const asked of all) assert.equal(await out(asked), '', JSON.stringify(asked));
    const acting = await of(byApp);
    assert.deepEqual(
      [acting.accountId, acting.words],
      [eve.id, 'the app “Shop”, which acts for eve@example.com, with all scopes that it may ask for'],
    );
    await assert.rejects(why({ client: app.id }), { parameter: 'account' });
    await assert.rejects(why({ client: service.id, account: eve.id }), { parameter: 'account' });

    const at = domain.clock();
    await rows.accounts.update(eve.id, { set: { suspendedAt: at } });
    assert.match(await out({ credential: credential.id }), /^Its account is suspended\.$/);
    for (const asked of [byApp, { account: eve.id }])
      assert.match(await out(asked), /^The account is suspended\.$/, JSON.stringify(asked));
    await rows.accounts.update(eve.id, { unset: ['suspendedAt'] });
    await rows.accounts.update(dev.id, { set: { suspendedAt: at } });
    assert.match(await out(byApp), /^The account of the app’s developer is suspended\.$/);
    assert.match(await out({ client: service.id }), /^The account is suspended\.$/);
    await rows.accounts.update(dev.id, { unset: ['suspendedAt'] });
    await rows.clients.update(service.id, { set: { pausedAt: at } });
    assert.match(await out({ client: service.id }), /^The service is paused\.$/);
    await rows.clients.update(service.id, { set: { revokedAt: at } });
    assert.match(await out({ client: service.id }), /^The service is revoked\.$/);
  });

  it('says who passes the rules, and why', async () => {
    const service = async (scopes: string[], actsFor: 'app' | 'account') => {
      const { client } = await domain.services.create(
        {
          account: ann as Account,
          name: `S ${scopes.join()} ${actsFor}`,
          scopes,
          actsFor,
          resourceServer: false,
          reason: 'test',
          expiresAt: domain.clock() + 3600,
        },
        actor,
      );
      return client.id;
    };
    const whole = await why({ client: await service(['admin'], 'app') });
    assert.deepEqual(whole.passes.read, {
      held: true,
      why: 'It acts for the whole app, and its owner is an admin.',
    });
    assert.deepEqual([whole.finds, whole.get.by], [{ count: 3, of: 3, byRules: 3 }, ['Past the rules']]);
    const bareOne = await why({ client: whole.caller.clientId }, undefined, 'profile');
    assert.equal(findsInWords(bareOne), '1 of 1 record; by the rules alone 0');
    const changed = whole.fields.filter(({ change }) => change.held === 'yes').map(({ name }) => name);
    assert.deepEqual(changed, Object.keys(fields), 'nobody changes when a record was made');
    const own = await why({ client: await service(['profile'], 'account') });
    assert.equal(own.passes.read.held, false);
    assert.equal(own.rules[2]?.held, 'yes');
    assert.equal(own.finds.count, 3);
    await assert.rejects(why({ client: own.caller.clientId, account: ben?.id }), /not the owner/);
    const none = await why({ account: ben?.id }, undefined, 'bare');
    assert.match(none.caller.obstacles[0] ?? '', /has no rules/);
    const half = await why(
      { client: await service(['admin:data:transaction:read'], 'app') },
      undefined,
      'bare',
    );
    assert.deepEqual(half.caller.obstacles, [
      'It lacks the scope admin:data:bare:read: by itself the Data API refuses that.',
      'It lacks the scope admin:data:bare:write: by itself the Data API refuses that.',
    ]);
  });

  it('says so of who has an admin scope, and of whose owner is no admin any more', async () => {
    const dan = await domain.account('dan@example.com', true);
    const expiresAt = domain.clock() + 3600;
    const { client: whole } = await domain.services.create(
      {
        ...{ account: dan, name: 'Whole', scopes: ['profile'], actsFor: 'app', reason: 'test' },
        ...{ resourceServer: false, expiresAt },
      },
      actor,
    );
    const tokenWith = async (scope: string) => {
      const wanted = { account: dan, name: scope, scopes: ['profile'], expiresAt };
      const { id } = (await domain.tokens.mint(wanted, actor)).credential;
      await domain.rows.credentials.update(id, { set: { scopes: [scope] } });
      return { credential: id };
    };
    const [scoped, little] = [await tokenWith('admin'), await tokenWith('profile')];
    const elsewhere = await tokenWith('admin:data:transaction:read');
    const passes = async (asked: CallerNamed) => {
      const { read, write } = (await why(asked)).passes;
      return [read.held, read.why, write.held, write.why];
    };
    const neither = 'It neither acts for the whole app nor has an admin scope for this.';
    const app = 'It acts for the whole app, and its owner is an admin.';
    assert.deepEqual(await passes({ client: whole.id }), [true, app, true, app]);
    const scope = 'It has an admin scope for this, and its owner is an admin.';
    assert.deepEqual(await passes(scoped), [true, scope, true, scope]);
    for (const one of [little, elsewhere])
      assert.deepEqual(await passes(one), [false, neither, false, neither]);
    await domain.rows.accounts.update(dan.id, { set: { admin: false } });
    const before = 'Its owner is no admin any more.';
    for (const one of [{ client: whole.id }, scoped])
      assert.deepEqual(await passes(one), [false, before, false, before]);
    assert.deepEqual(await passes(little), [false, neither, false, neither]);
  });

  it('tells in one entry of a minute how often one admin asked about one record', async () => {
    const owner = await domain.account('owner@example.com');
    for (const id of ['obj_8', 'obj_9'])
      await typeOf('paper').rows.insert({ id, createdAt: 1, createdBy: owner.id, team: 'red' } as never);
    const told = async () => {
      const entries = await domain.rows.audit.list({ where: [['accountId', '=', owner.id]], limit: 100 });
      return entries
        .filter(({ action }) => action === 'data.looked_at')
        .map(({ targetId, actor: { id }, count }) => `${targetId} by ${id}: ${count}`)
        .sort();
    };
    const look = (id: string, by: string) =>
      explain(typeOf('paper'), {}, { id, by: { kind: 'account', id: by } });
    domain.pass(60 - (domain.clock() % 60));
    await look('obj_8', 'acc_x');
    domain.pass(59);
    await look('obj_8', 'acc_x');
    const one = 'obj_8 by acc_x: 2';
    assert.deepEqual(await told(), [one]);
    await look('obj_8', 'acc_y');
    await look('obj_9', 'acc_x');
    const others = ['obj_8 by acc_y: 1', 'obj_9 by acc_x: 1'];
    assert.deepEqual(await told(), [one, ...others]);
    domain.pass(1);
    await look('obj_8', 'acc_x');
    assert.deepEqual(await told(), ['obj_8 by acc_x: 1', one, ...others]);
  });

  it('counts no records for somebody who has gone', async () => {
    const signal = AbortSignal.abort(new Error('gone'));
    await assert.rejects(explain(typeOf('paper'), {}, { by: actor, signal }), /gone/);
  });

  it('answers of nobody who is signed in', async () => {
    const { caller, finds, rules } = await why({});
    assert.deepEqual([caller.accountId, finds.count], [undefined, 0]);
    assert.match(caller.obstacles.join(), /^Without a token the Data API answers nothing/);
    assert.deepEqual(
      rules.map(({ held }) => held),
      ['no', 'no', 'no'],
    );
  });

  it('agrees with what the records themselves let each caller do', async () => {
    const dataAccess = createDataAccess({ types, clock: domain.clock });
    const every: CallerNamed[] = [{}, { account: ann?.id }, { account: ben?.id }];
    for (const { id } of await domain.services.list(ann?.id ?? '')) every.push({ client: id });
    assert.ok(every.length >= 5);
    for (const asked of every) {
      const { caller } = await findExplainedCaller(domain, asked, 'paper');
      const records = await dataAccess.recordsFor(typeOf('paper'), caller as Bearer, { verb: 'read' });
      const listed = await records.list({ constraints: [], order: [], skip: 0, limit: 10 });
      assert.equal((await why(asked)).finds.count, listed.length);
      for (const id of ['obj_1', 'obj_2', 'obj_3']) {
        const told = await why(asked, id);
        const row = await records.get(id);
        assert.equal(told.get.held === 'yes', row !== undefined, id);
        assert.equal(
          told.find.held === 'yes',
          listed.some((one) => one.id === id),
          id,
        );
        if (row === undefined) continue;
        const seen = Object.keys(records.seen(row)).filter((field) => field !== 'id');
        const views = told.fields.filter(({ name, view }) => view.held === 'yes' && row[name] !== undefined);
        assert.deepEqual(views.map(({ name }) => name).sort(), seen.sort(), id);
        for (const { name, change } of told.fields.filter(({ name: one }) => Object.hasOwn(fields, one)))
          assert.equal(change.held === 'yes', records.mayChange(row, name), `${id} ${name}`);
      }
    }
  });

  it('stays short for megabytes, many rules and tokens in values', async () => {
    const token = `lk_pat_${'A'.repeat(36)}`;
    assert.equal(valueInWords('é '.repeat(2_000_000)), `"${'é '.repeat(50)}" and so on`);
    const numbers = Array.from({ length: 12 }, (_, number) => number);
    assert.equal(valueInWords(numbers), '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more');
    assert.ok(!valueInWords(`my ${token}`).includes(token));
    assert.ok(!valueInWords('x'.repeat(90) + token).includes('AAAA'));
    await typeOf('paper').rows.insert({ id: 'obj_big', createdAt: 1, team: 'é'.repeat(4_000_000) } as never);
    const { rules } = await why({ account: ben?.id }, 'obj_big');
    assert.ok(JSON.stringify(rules).length < 3000);
    await typeOf('paper').rows.remove('obj_big');
  });
});

it('a thousand rules are explained in one go', async () => {
  const domain = await openTestDomain();
  const many = defineType({
    name: 'many',
    description: 'Many rules',
    fields,
    rules: (record, caller) =>
      Array.from(
        { length: 1000 },
        (_, number): Rule<typeof fields> => ({
          name: `Rule ${number}`,
          when:
            number === 0
              ? or(...Array.from({ length: 99 }, (_nothing, page) => is(record.pages, page)))
              : not(isEmpty(caller.account)),
          ...(number === 0 ? { find: true } : { view: ['pages'] }),
        }),
      ),
  });
  const { opened } = await openDataRows(domain.store, new Map([['many', many]]), domain.clock);
  const ann = await domain.account('ann@example.com');
  const type = opened.get('many') as OpenType;
  await type.rows.insert({ id: 'obj_1', createdAt: 1, pages: 98 } as never);
  const dataAccess = createDataAccess({ types: opened, clock: domain.clock });
  const { finds, get, rules } = await createExplain({ ...domain, dataAccess })(
    type,
    { account: ann.id },
    { by: actor },
  );
  assert.deepEqual(
    [finds, get.by.length, get.more, rules.length],
    [{ count: 1, of: 1, byRules: 1 }, 5, 995, 1000],
  );
  assert.deepEqual([rules[0]?.because.length, rules[0]?.because.at(-1)], [11, 'and 89 more']);
  await domain.stop();
});

it('records are counted so far as somebody reads the number', async () => {
  const domain = await openTestDomain();
  const open = defineType({
    name: 'open',
    description: 'For everybody',
    fields,
    rules: (record) => [
      { name: 'Everybody', when: isAtMost(record.pages, RECORDS_COUNTED_MAX), find: true, view: true },
      { name: 'The others', when: is(record.team, 'none'), view: true },
    ],
  });
  const { opened } = await openDataRows(domain.store, new Map([['open', open]]), domain.clock);
  const type = opened.get('open') as OpenType;
  const rows = Array.from({ length: RECORDS_COUNTED_MAX + 2 }, (_, pages) => ({
    ...{ id: `obj_${pages}`, createdAt: 1, pages },
  }));
  await type.rows.insertMany(rows as never);
  const dataAccess = createDataAccess({ types: opened, clock: domain.clock });
  const explain = createExplain({ ...domain, dataAccess });
  const told = await explain(type, {}, { by: actor });
  assert.equal(findsInWords(told), 'more than 10,000 of more than 10,000 records');
  const { records } = explanationForPrograms(told);
  assert.deepEqual(records, {
    found: 10_000,
    found_is_all: false,
    found_by_rules: 10_000,
    total: 10_000,
    total_is_all: false,
  });
  await type.rows.removeMany([['createdAt', '=', 1]], 2);
  assert.equal(findsInWords(await explain(type, {}, { by: actor })), '9,999 of 10,000 records');
  await domain.stop();
});
