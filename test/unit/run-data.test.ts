import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { z } from 'zod';
import { openStore } from '../../adapters/open.ts';
import { type Store, Unavailable } from '../../adapters/port.ts';
import type { Bearer } from '../../server/access/bearer.ts';
import { createDataAccess } from '../../server/data/access.ts';
import { is } from '../../server/data/expressions.ts';
import { type OpenType, openDataRows } from '../../server/data/rows.ts';
import { notAllowed } from '../../server/data/rule-refusals.ts';
import { defineType } from '../../server/data/type.ts';
import { Problem } from '../../server/ground/errors.ts';
import { WORKFLOW_ANSWER_CHARACTERS_MAX } from '../../server/ground/limits.ts';
import { createPassedRules } from '../../server/workflows/passed-rules.ts';
import { errorFrom, failureOf } from '../../server/workflows/process/messages.ts';
import { createRunData } from '../../server/workflows/run-data.ts';
import { runHere } from '../../server/workflows/run-here.ts';
import { defineWorkflow, type RecordsOf } from '../../server/workflows/workflow.ts';
import { sqliteStores } from '../support/stores.ts';

/** What a run may do with one record both under the rules for its caller and around them. */

const fields = { text: z.string(), views: z.number(), secret: z.string().optional() };
const post = defineType({
  name: 'post',
  description: 'A post',
  fields,
  rules: (record, caller) => [
    { name: 'Everybody', when: is(record.secret, 'open'), find: true, view: ['text'] },
    {
      name: 'Whoever made it',
      when: is(record.createdBy, caller.account),
      find: true,
      view: ['text', 'views'],
      change: ['text'],
    },
  ],
});

const account = { id: 'acc_1', email: 'ann@example.com', admin: false };
const caller = { account, actsFor: 'account', scopes: [], tokenId: 'tok_1' } as unknown as Bearer;
const accounts = { get: async (id: string) => (id === account.id ? caller.account : undefined) };
const stored = { id: 'obj_1', createdAt: 1, createdBy: 'acc_1', text: 'a', views: 1, secret: 's' };

sqliteStores(({ url }) => {
  let store: Store;
  let types: ReadonlyMap<string, OpenType>;

  before(async () => {
    store = await openStore(await url());
    ({ opened: types } = await openDataRows(store, new Map([['post', post]]), () => 1000));
  });
  beforeEach(() => types.get('post')?.rows.put(stored as never));
  after(() => store.close());

  /** Runs it, and answers what it gave with the writes that are planned of it, before they are done. */
  async function begun(run: (posts: RecordsOf<typeof fields>) => Promise<unknown>) {
    const workflow = defineWorkflow({
      name: 'edit',
      description: 'Edit',
      callers: 'account',
      parameters: {},
      types: { post },
      returns: z.unknown(),
      run: ({ data }) => run(data.post),
    });
    const dataAccess = createDataAccess({ types, clock: () => 1000 });
    const data = createRunData(
      { types, dataAccess, accounts },
      {
        workflow,
        caller,
        isAdmin: false,
        passed: createPassedRules(),
      },
    );
    const call = {
      parameters: {},
      known: [],
      caller: { accountId: 'acc_1', email: account.email, actsFor: 'account', admin: false, metadata: {} },
      request: { id: 'r', from: '192.0.2.1' },
    } as const;
    const parts = { clock: () => 1000, ask: data.ask, signal: AbortSignal.timeout(10_000) };
    const { body, staged } = await runHere(workflow, call, parts);
    const answer = JSON.parse(body).response;
    return { answer, staged, data, planned: await data.planned(staged) };
  }

  /** The same with the record as its writes left it. */
  async function ran(run: (posts: RecordsOf<typeof fields>) => Promise<unknown>) {
    const { answer, planned } = await begun(run);
    assert.ok(planned !== undefined && (await store.commit(planned.writes)));
    return { answer, row: await types.get('post')?.rows.get('obj_1') };
  }

  it('counts around the rules, and holds what the caller changes to them all the same', async () => {
    const forbidden = (error: unknown) => error instanceof Problem && error.parameter === 'secret';
    for (const change of [
      async (posts: RecordsOf<typeof fields>) => {
        await posts.change('obj_1', { secret: 'mine' });
        await posts.unrestricted.change('obj_1', { views: 2 });
      },
      async (posts: RecordsOf<typeof fields>) => {
        await posts.unrestricted.change('obj_1', { views: 2, secret: 'ours' });
        await posts.change('obj_1', { secret: 'mine' });
      },
    ])
      await assert.rejects(ran(change), forbidden);
    const { row } = await ran(async (posts) => {
      await posts.change('obj_1', { text: 'b' });
      await posts.unrestricted.change('obj_1', { views: 2, secret: undefined });
    });
    const { secret, ...rest } = stored;
    assert.deepEqual(row, { ...rest, text: 'b', views: 2, version: 1, modifiedAt: 1000 });
  });

  it('shows the caller no more of a record because it was changed around the rules', async () => {
    const { answer } = await ran(async (posts) => {
      await posts.unrestricted.change('obj_1', { views: 2, secret: 'open' });
      await posts.change('obj_1', { text: 'b' });
      return [await posts.get('obj_1'), await posts.unrestricted.get('obj_1')];
    });
    assert.deepEqual(answer, [
      { id: 'obj_1', text: 'b', views: 2 },
      { ...stored, text: 'b', views: 2, secret: 'open' },
    ]);
  });

  it('fails with an answer that is too long to be held until its caller has read it', async () => {
    const long = 'x'.repeat(WORKFLOW_ANSWER_CHARACTERS_MAX - 50);
    assert.equal((await begun(async () => long)).answer, long);
    await assert.rejects(
      begun(async () => `${long}${'x'.repeat(50)}`),
      /^TypeError: workflow edit: its answer has more than/,
    );
  });

  it('stores nothing for an account that is not there, around the rules neither', async () => {
    const notRun = (error: unknown) => error instanceof Problem && error.code === 'NOT_RUN';
    const make = (owner: string) =>
      ran(async (posts) => {
        await posts.unrestricted.create({ text: 'for', views: 1 }, { for: owner });
      });
    await assert.rejects(make('acc_gone'), notRun);
    await make('acc_1');
  });

  it('asks with so much and finds so much at a time only', async () => {
    await assert.rejects(
      ran((posts) => posts.count({ where: [['text', '=', 'x'.repeat(300_000)]] })),
      /where has more than 262144 characters/,
    );
    const rows = types.get('post')?.rows;
    const long = 'x'.repeat(900_000);
    for (let index = 0; index < 10; index += 1)
      await rows?.put({ ...stored, id: `obj_long${index}`, text: long, createdBy: 'acc_long' } as never);
    const find = (limit: number) =>
      ran(
        async (posts) =>
          (await posts.unrestricted.find({ limit, where: [['createdBy', '=', 'acc_long']] })).length,
      );
    await assert.rejects(find(10), /more than 8388608 characters; ask for fewer with limit/);
    assert.equal((await find(9)).answer, 9);
    await rows?.removeMany([['createdBy', '=', 'acc_long']], 10);
  });

  it('is held to what it only read where it says so, and else not', async () => {
    const rows = types.get('post')?.rows ?? assert.fail();
    const changing = (id: string, other: string, isHeld: boolean) =>
      begun(async (posts) => {
        await posts.change(id, { text: `${(await posts.get(other))?.text}!` });
        if (isHeld) await posts.expectUnchanged(other);
      });
    for (const isHeld of [false, true]) {
      await Promise.all(['obj_1', 'obj_2'].map((id) => rows.put({ ...stored, id } as never)));
      const both = [
        await changing('obj_1', 'obj_2', isHeld),
        await changing('obj_2', 'obj_1', isHeld),
      ] as const;
      const done = await Promise.all(both.map(({ planned }) => store.commit(planned?.writes ?? [])));
      assert.deepEqual(done.toSorted(), isHeld ? [false, true] : [true, true]);
      // The one that came too late is seen to be so before it asks the store.
      const late = both[done.indexOf(false)];
      if (late !== undefined) assert.equal(await late.data.planned(late.staged), undefined);
    }
    await rows.removeMany([['id', '=', 'obj_2']], 1);
  });

  it('says of what it reads, changes and expects one write each, whatever the order', async () => {
    const { planned } = await begun(async (posts) => {
      await posts.expectUnchanged('obj_1');
      await posts.change('obj_1', { text: 'b' });
      await posts.expectUnchanged('obj_1');
    });
    assert.deepEqual(
      planned?.writes.map((write) => 'change' in write && Object.keys(write.change.set ?? {})),
      [['text', 'modifiedAt', 'version']],
    );
    const { row } = await ran((posts) => posts.expectUnchanged('obj_1'));
    assert.deepEqual(row, stored);
    await assert.rejects(
      ran((posts) => posts.expectUnchanged('obj_none')),
      (error) => error instanceof Problem && error.status === 404,
    );
  });

  it('keeps both of two changes at once', async () => {
    const { answer } = await ran(async ({ unrestricted: posts }) => {
      await Promise.all([posts.change('obj_1', { text: 'b' }), posts.change('obj_1', { views: 2 })]);
      return posts.get('obj_1');
    });
    assert.deepEqual(answer, { ...stored, text: 'b', views: 2 });
  });
});

it('what rules refused is known as that in both processes', () => {
  const refused = notAllowed({ type: 'post', id: 'obj_1' }, 'delete');
  const { message, hint, refusedBy } = errorFrom(failureOf(refused)) as Problem;
  assert.deepEqual(
    [message, hint, refusedBy],
    [refused.message, refused.hint, { type: 'post', id: 'obj_1' }],
  );
});

it('a store that is away is that in both processes', () => {
  const error = errorFrom(failureOf(errorFrom(failureOf(new Unavailable('the store is away')))));
  assert.ok(error instanceof Unavailable);
  assert.equal(error.message, 'the store is away');
});
