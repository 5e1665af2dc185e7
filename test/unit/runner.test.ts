import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Bearer } from '../../server/access/bearer.ts';
import type { Account } from '../../server/accounts/account.ts';
import { createDataAccess } from '../../server/data/access.ts';
import { is } from '../../server/data/expressions.ts';
import { type OpenType, openDataRows } from '../../server/data/rows.ts';
import { defineType } from '../../server/data/type.ts';
import { Problem } from '../../server/ground/errors.ts';
import { countCall } from '../../server/workflows/bounds.ts';
import { record } from '../../server/workflows/parameter-types.ts';
import { createPassedRules } from '../../server/workflows/passed-rules.ts';
import { createRunData } from '../../server/workflows/run-data.ts';
import type { RunResult } from '../../server/workflows/run-here.ts';
import type { FoundRecord } from '../../server/workflows/run-protocol.ts';
import { createRunner } from '../../server/workflows/runner.ts';
import { defineWorkflow, type Workflow, type WorkflowCaller } from '../../server/workflows/workflow.ts';
import { openTestDomain, type TestDomain } from '../support/domain.ts';

/** What a run gets of who calls and of the records that they name, and how often it is begun again. */

const card = defineType({
  name: 'card',
  description: 'A card',
  fields: { title: z.string(), secret: z.string().optional() },
  rules: (row, caller) => [
    {
      name: 'Whoever made it',
      when: is(row.createdBy, caller.account),
      ...{ find: true, view: ['title'], create: true, change: true, delete: true },
    },
  ],
});
const other = defineType({ name: 'other', description: 'Of no workflow here', fields: { a: z.string() } });

type Run = (call: {
  parameters: { card?: { id: string; title?: string; secret?: string } };
  caller: WorkflowCaller;
  // biome-ignore lint/suspicious/noExplicitAny: each test has another run
  data: any;
}) => unknown;

describe('the runner', () => {
  let domain: TestDomain;
  let types: ReadonlyMap<string, OpenType>;
  let runner: ReturnType<typeof createRunner>;
  let ann: Account;
  let parts: Parameters<typeof createRunner>[0];
  before(async () => {
    domain = await openTestDomain();
    const declared = new Map<string, typeof card | typeof other>([
      ['card', card],
      ['other', other],
    ]);
    const clock = () => domain.clock();
    ({ opened: types } = await openDataRows(domain.store, declared as never, clock));
    const dataAccess = createDataAccess({ types, clock });
    parts = { ...domain, types, dataAccess, isOwners: () => false };
    runner = createRunner(parts);
    ann = await domain.account('ann@example.com');
  });
  after(() => domain.stop());
  const rows = () => types.get('card')?.rows ?? assert.fail();
  beforeEach(() =>
    rows().put({ id: 'obj_1', createdAt: 1, createdBy: ann.id, title: 'a', secret: 's' } as never),
  );

  const workflowOf = (run: Run, seconds = 30): Workflow =>
    defineWorkflow({
      name: 'play',
      description: 'Play',
      callers: 'account',
      parameters: { card: { schema: record(card).optional(), description: 'A card', example: 'obj_1' } },
      types: { card },
      returns: z.unknown(),
      limits: { callsAMinute: 1, seconds },
      run: run as never,
    });
  const bearer = (account: Account, more: Partial<Bearer> = {}): Bearer => ({
    ...{ tokenId: 'tok_1', tokenKind: 'personal_access_token', tokenName: 'T', account, actsFor: 'account' },
    ...{ scopes: ['wf:play'], issuedAt: 1 },
    ...more,
  });

  async function ran(
    run: Run,
    {
      caller = bearer(ann),
      named = false,
      by = runner,
      seconds = 30,
      callerNow = async () => caller as Bearer | undefined,
      stopped = new AbortController().signal,
      record = undefined as Parameters<typeof runner.run>[2],
    } = {},
  ) {
    const workflow = workflowOf(run, seconds);
    const find = (name: string) => (named && name === 'card' ? { value: 'obj_1', isText: false } : undefined);
    const sent = {
      ...{ find, findWrapped: () => undefined, strangers: [] },
      ...{ howToSend: () => '', hintForAbsent: () => '' },
    };
    const parameters = by.check(workflow, sent, { requestId: 'r', sender: 's' });
    const found = await by.named(workflow, parameters, caller);
    const request = { id: 'r', from: '192.0.2.1' };
    const call = { parameters, named: found, caller, callerNow, request, stopped };
    const body = await by.run(workflow, call, record);
    return JSON.parse(body).response;
  }
  const taken = { status: 409, code: 'CONFLICT' };

  it('hands a named record as its caller sees it, and past the rules to who calls as an admin', async () => {
    const admin = await domain.account('root@example.com', true);
    const given: Run = ({ parameters }) => parameters.card;
    assert.deepEqual(await ran(given, { named: true }), { id: 'obj_1', title: 'a' });
    const asAdmin = bearer(admin, { scopes: ['admin:wf:play'] });
    assert.equal((await ran(given, { named: true, caller: asAdmin })).secret, 's');
    const looked: Run = async ({ data }) => [await data.card.get('obj_1'), await data.card.count()];
    const [seen, count] = await ran(looked, { caller: asAdmin });
    assert.deepEqual([seen.secret, count], ['s', 1]);
    // Neither by the scope of another workflow nor as an admin of before.
    for (const caller of [
      bearer(admin, { scopes: ['wf:play', 'admin:wf:other'] }),
      bearer({ ...admin, admin: false }, { scopes: ['admin:wf:play'] }),
    ]) {
      await assert.rejects(ran(given, { named: true, caller }), { status: 400, code: 'INVALID_DATA' });
      assert.deepEqual(await ran(looked, { caller }), [null, 0]);
    }
  });

  it('tells a run what was noted of the token over what was noted of its account', async () => {
    const rich = { ...ann, metadata: { plan: 'pro', tenant: 't' } };
    const noted: Run = ({ caller }) => caller.metadata;
    const caller = bearer(rich, { metadata: { plan: 'free' } });
    assert.deepEqual(await ran(noted, { caller }), { plan: 'free', tenant: 't' });
    assert.deepEqual(await ran(noted, { caller: { ...caller, actsFor: 'app' } }), { plan: 'free' });
  });

  it('begins again with the records as they are by then', async () => {
    const titles: unknown[] = [];
    await ran(
      async ({ parameters, data }) => {
        titles.push(parameters.card?.title);
        if (titles.length === 1) await rows().update('obj_1', { set: { title: 'b', version: 1 } as never });
        await data.card.change(parameters.card, { title: `${parameters.card?.title}!` });
        return 1;
      },
      { named: true },
    );
    assert.deepEqual(titles, ['a', 'b']);
    assert.equal(((await rows().get('obj_1')) as unknown as { title: string }).title, 'b!');
  });

  const title = async () => Number(((await rows().get('obj_1')) as unknown as { title: string }).title);
  const addOne: Run = async ({ data }) => {
    const { title } = await data.card.get('obj_1');
    await delay(1);
    await data.card.change('obj_1', { title: String(Number(title) + 1) });
  };

  it('does all of many runs that change one record at once: those that met others take turns', async () => {
    await rows().update('obj_1', { set: { title: '0' } as never });
    let attempts = 0;
    const counted: Run = (call) => {
      attempts += 1;
      return addOne(call);
    };
    // Those that come later are not quicker than those that wait.
    const late = delay(30).then(() => Promise.all(Array.from({ length: 15 }, () => ran(counted))));
    await Promise.all([
      late,
      ...Array.from({ length: 30 }, (_, at) => ran(counted, { named: at % 2 === 0 })),
    ]);
    assert.equal(await title(), 45);
    assert.ok(attempts <= 2.5 * 45, `${attempts} attempts`);
  });

  it('has nobody wait for a run that hangs beyond its limit, and tells who waited too long that others were quicker', async () => {
    await rows().update('obj_1', { set: { title: '0' } as never });
    const hangs = Promise.withResolvers<void>();
    let attempts = 0;
    const hanging: Run = async ({ data }) => {
      attempts += 1;
      await data.card.get('obj_1');
      if (attempts === 1) await rows().update('obj_1', { add: { version: 1 } });
      else {
        hangs.resolve();
        await new Promise(() => {});
      }
      await data.card.change('obj_1', { title: 'never' });
    };
    const startedMs = performance.now();
    const hung = assert.rejects(ran(hanging, { seconds: 0.6 }), { status: 504, code: 'TIMEOUT' });
    await hangs.promise;
    const hasty = assert.rejects(ran(addOne, { seconds: 0.25 }), taken);
    await Promise.all([hung, hasty, ...Array.from({ length: 5 }, () => ran(addOne))]);
    assert.equal(await title(), 5);
    assert.ok(performance.now() - startedMs < 1500);
  });

  it('ends at a stop what hangs and what waits for its turn, and stores nothing of it', async () => {
    const stop = new AbortController();
    const reason = { status: 503, code: 'UNAVAILABLE', message: 'stops', hint: 'x' } as const;
    const { signal: stopped } = stop;
    let attempts = 0;
    const hanging = Promise.withResolvers<void>();
    // As an owner's run, whose process goes on: what it answers later is not stored.
    const late = Promise.withResolvers<RunResult>();
    const card1 = { type: 'card', unrestricted: false, id: 'obj_1', version: 1 } as const;
    const processes: (typeof parts)['processes'] = {
      async run(_, ask) {
        attempts += 1;
        const [seen] = (await ask({ ...card1, what: 'get' })) as FoundRecord[];
        const writes = [{ ...card1, what: 'delete', version: seen?.version }] as const;
        // Somebody else is quicker.
        if (attempts !== 2) await rows().update('obj_1', { add: { version: 1 } });
        if (attempts !== 2) return { body: '1', staged: { writes, mail: [] } };
        hanging.resolve();
        return late.promise;
      },
    };
    const by = createRunner({ ...parts, isOwners: () => true, processes });
    const unused: Run = () => 1;
    const hung = assert.rejects(ran(unused, { by, stopped }), reason);
    await hanging.promise;
    const waits = assert.rejects(ran(unused, { by, stopped }), reason);
    while (attempts < 3) await delay(1);
    await delay(20);
    stop.abort(new Problem(reason));
    await Promise.all([hung, waits]);
    late.resolve({ body: '1', staged: { writes: [{ ...card1, what: 'delete' }], mail: [] } });
    await assert.rejects(ran(unused, { by, stopped }), reason);
    assert.equal(attempts, 3);
    assert.notEqual(await rows().get('obj_1'), undefined);
  });

  it('judges again who had to wait for their turn', async () => {
    let [attempts, judged] = [0, 0];
    const cutOff = { status: 401, code: 'invalid_token', message: 'gone', hint: 'x' } as const;
    const callerNow = async () => {
      judged += 1;
      if (judged > 1) throw new Problem(cutOff);
      return bearer(ann);
    };
    const reads: Run = async ({ data }) => {
      attempts += 1;
      await data.card.get('obj_1');
      await rows().update('obj_1', { add: { version: 1 } });
      if (attempts === 1) await data.card.change('obj_1', { title: 'b' });
    };
    await assert.rejects(ran(reads, { callerNow }), { status: 401 });
    assert.equal(attempts, 1);
  });

  it('gives all attempts together the time of one', async () => {
    const by = createRunner({ ...parts, timeLimitMs: 150 });
    let attempts = 0;
    const late: Run = async ({ data }) => {
      attempts += 1;
      await data.card.get('obj_1');
      await rows().update('obj_1', { set: { version: attempts } });
      await delay(60);
      await data.card.change('obj_1', { title: 'late' });
    };
    await assert.rejects(
      ran(late, { by }),
      (error) => error instanceof Problem && [409, 504].includes(error.status),
    );
    // Each within the whole of it, all five would be made.
    assert.ok(attempts < 5, `${attempts}`);
  });

  it('has the store look no further for a run that was given up, and to the end for one that was not', async () => {
    const signals: (AbortSignal | undefined)[] = [];
    const opened = types.get('card') ?? assert.fail();
    const list: OpenType['rows']['list'] = (listing) => {
      signals.push(listing.signal);
      return opened.rows.list(listing);
    };
    const watched = new Map([...types, ['card', { ...opened, rows: { ...opened.rows, list } }] as const]);
    const dataAccess = createDataAccess({ types: watched, clock: () => domain.clock() });
    const by = createRunner({ ...parts, types: watched, dataAccess, timeLimitMs: 300 });
    assert.equal((await ran(({ data }) => data.card.find(), { by })).length, 1);
    const hangs: Run = async ({ data }) => {
      await data.card.find();
      await new Promise(() => {});
    };
    await assert.rejects(ran(hangs, { by }), { status: 504 });
    assert.deepEqual(
      signals.map((signal) => signal?.reason?.code),
      [undefined, 'TIMEOUT'],
    );
  });

  it('says of a call that it passed over rules only where what was stored did', async () => {
    const admin = bearer(await domain.account('passed@example.com', true), { scopes: ['admin:wf:play'] });
    const recorded: unknown[] = [];
    const commit = async (_: unknown, call: unknown) => recorded.push(call) > 1;
    const run: Run = async ({ data }) => {
      await data.card.count();
      data.card.create({ title: 'x' });
    };
    const record = { entry: { id: 'call_1' } as never, startedMs: performance.now() };
    const by = createRunner({ ...parts, runs: { ...domain.runs, commit } as never });
    await ran(run, {
      by,
      record,
      caller: admin,
      callerNow: async () => (recorded.length === 0 ? admin : bearer(ann)),
    });
    assert.deepEqual(
      recorded.map((call) => (call as { privacyBypassed?: true }).privacyBypassed),
      [true, undefined],
    );
  });

  it('gives up after five attempts', async () => {
    let attempts = 0;
    const never: Run = async ({ data }) => {
      attempts += 1;
      await data.card.get('obj_1');
      await rows().update('obj_1', { set: { version: attempts } });
      await data.card.change('obj_1', { title: 'never' });
    };
    await assert.rejects(ran(never), taken);
    assert.equal(attempts, 5);
  });

  it('refuses at once to change what the caller may read past the rules, and not write', async () => {
    const admin = await domain.account('reader@example.com', true);
    const reader = bearer(admin, { scopes: ['wf:play', 'admin:data:card:read'] });
    let attempts = 0;
    const doing = (change: (call: Parameters<Run>[0]) => unknown) => {
      attempts = 0;
      const run: Run = async (call) => {
        attempts += 1;
        const { secret } = await call.data.card.get('obj_1');
        // Somebody else is quicker the first time.
        if (attempts === 1) await rows().update('obj_1', { add: { version: 1 } });
        await change(call);
        return secret;
      };
      return ran(run, { caller: reader });
    };
    for (const [what, change] of [
      ['change', ({ data }) => data.card.change('obj_1', { title: 'mine' })],
      ['delete', ({ data }) => data.card.delete('obj_1')],
    ] as [string, (call: Parameters<Run>[0]) => unknown][]) {
      const message = `This caller may not ${what} this card.`;
      await assert.rejects(doing(change), { status: 403, code: 'FORBIDDEN', message });
      assert.equal(attempts, 2);
    }
    // What it only reads it may hold to, and around the rules it may change it.
    assert.equal(await doing(({ data }) => data.card.expectUnchanged('obj_1')), 's');
    await doing(({ data }) => data.card.unrestricted.change('obj_1', { title: 'ours' }));
    assert.equal(((await rows().get('obj_1')) as unknown as { title: string }).title, 'ours');
  });

  it('writes only to records as the run saw them, also when they change after the rules were asked', async () => {
    const workflow = workflowOf(() => 1);
    const run = { workflow, caller: bearer(ann), isAdmin: false, passed: createPassedRules() };
    const data = createRunData(parts, run);
    const of = { type: 'card', unrestricted: false, id: 'obj_1', version: undefined };
    for (const write of [
      { ...of, what: 'delete' },
      { ...of, what: 'change', fields: { title: 'c' }, underRules: ['title'] },
    ] as const) {
      await rows().put({ id: 'obj_1', createdAt: 1, createdBy: ann.id, title: 'a' } as never);
      const planned = (await data.planned({ writes: [write], mail: [] })) ?? assert.fail();
      await rows().update('obj_1', { set: { version: 1 } });
      assert.equal(await domain.store.commit(planned.writes), false, write.what);
      assert.equal(await data.planned({ writes: [write], mail: [] }), undefined);
    }
    // What a run is not to ask for it is not given, whatever it says.
    await assert.rejects(data.ask({ type: 'other', unrestricted: true, what: 'get', id: 'x' }), TypeError);
    const forOther = { what: 'create', createdAt: 1, for: 'acc_other', fields: { title: 'x' } } as const;
    const create = { ...of, ...forOther, id: 'obj_2' };
    await assert.rejects(data.planned({ writes: [create], mail: [] }), TypeError);
  });

  it('counts the calls of each account by itself', async () => {
    const workflow = workflowOf(() => 1);
    const bob = await domain.account('bob@example.com');
    const call = (account: Account) =>
      countCall(workflow, { caller: bearer(account), from: '192.0.2.1' }, domain.limiter);
    await call(ann);
    await assert.rejects(call(ann), { status: 429, code: 'TOO_MANY_CALLS' });
    await call(bob);
  });
});
