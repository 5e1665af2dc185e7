import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { defineType } from '../../server/data/type.ts';
import { Problem } from '../../server/ground/errors.ts';
import type { Asked, FoundRecord } from '../../server/workflows/run-protocol.ts';
import { createStage } from '../../server/workflows/stage.ts';
import { defineWorkflow, type RecordsOf } from '../../server/workflows/workflow.ts';

/** What a run may stage, and what it sees of it; the server is asked as a thread asks it. */

const fields = { text: z.string(), tags: z.array(z.string()).optional() };
const post = defineType({ name: 'post', description: 'A post', fields });
const workflow = defineWorkflow({
  name: 'edit',
  description: 'Edit',
  callers: 'account',
  parameters: {},
  types: { post },
  returns: z.unknown(),
  run: () => undefined,
});

function staged(isAdmin = false) {
  const asked: Asked[] = [];
  const stored: FoundRecord = { record: { id: 'obj_1', createdAt: 1, text: 'a' }, version: 3 };
  const stage = createStage(workflow, {
    accountId: 'acc_1',
    isAdmin,
    clock: () => 1000,
    ask: async (one) => {
      asked.push(one);
      if (one.what === 'count') return 1;
      return one.what === 'get' && one.id !== 'obj_1' ? [] : [{ ...stored }];
    },
  });
  return { ...stage, asked, stored, posts: stage.data.post as unknown as RecordsOf<typeof fields> };
}
const mail = (subject: string) => ({ to: 'ann@example.com', subject, text: 'x' });

test('a run stages a thousand records and fifty mails, and no more', () => {
  const { posts, mail: mails, close } = staged();
  for (let count = 0; count < 1000; count += 1) posts.create({ text: 'x' });
  assert.throws(() => posts.create({ text: 'x' }), /more is stored or mailed than one run may/);
  for (let count = 0; count < 50; count += 1) mails.send(mail('s'.repeat(500)));
  assert.throws(() => mails.send(mail('s')), /more is stored or mailed than one run may/);
  assert.throws(() => staged().mail.send(mail('s'.repeat(501))), /one line of at most 500/);
  const { writes, mail: sent } = close();
  assert.deepEqual([writes.length, sent.length], [1000, 50]);
  assert.throws(() => posts.create({ text: 'x' }), /it is over; await what run starts/);
});

test('a run stages four million characters, and no more', () => {
  const { posts } = staged();
  const text = 'x'.repeat(1_000_000);
  for (let count = 0; count < 4; count += 1) posts.create({ text });
  assert.throws(() => posts.create({ text }), /more is stored or mailed than one run may/);
});

test('a mail goes to one address, with a subject of one line', () => {
  const { mail: mails, close } = staged();
  for (const to of [
    'a@example.com, b@example.com',
    'ann',
    'a@example.com\nBcc: b@example.com',
    ['a@example.com'],
  ])
    assert.throws(() => mails.send({ ...mail('s'), to: to as string }), /`to` must be one e-mail address/);
  for (const subject of ['s\nBcc: b@example.com', 's\r'])
    assert.throws(() => mails.send(mail(subject)), /one line of at most 500/);
  mails.send({ ...mail('s'), html: '<p>x</p>' });
  assert.deepEqual(close().mail, [{ ...mail('s'), html: '<p>x</p>' }]);
});

test('a field with the name of something that every object has may be left out', () => {
  const house = defineType({
    name: 'house',
    description: 'A house',
    fields: { constructor: z.string().optional() },
  });
  const parts = { accountId: 'acc_1', isAdmin: false, clock: () => 1000, ask: async () => 0 };
  const { data, close } = createStage({ ...workflow, types: { house } }, parts);
  data.house?.create({});
  assert.deepEqual(
    close().writes.map((write) => write.what === 'create' && write.fields),
    [{}],
  );
});

test('what is staged is what it was when it was staged', () => {
  const { posts, close } = staged();
  const tags = ['a'];
  const { id, tags: made } = posts.create({ text: 'x', tags });
  for (const list of [tags, made]) list?.push('b');
  const [write] = close().writes;
  assert.deepEqual(write?.what === 'create' && [write.id, write.fields], [id, { text: 'x', tags: ['a'] }]);
});

test('what a run changes of a record that it made is made so, and undefined takes a field away', async () => {
  const { posts, close } = staged();
  const { id } = posts.create({ text: 'x', tags: ['a'] });
  const changed = await posts.change(id, { text: 'y', tags: undefined });
  assert.deepEqual([changed.text, 'tags' in changed], ['y', false]);
  assert.deepEqual(
    close().writes.map((write) => write.what === 'create' && [write.id, write.fields]),
    [[id, { text: 'y' }]],
  );
});

test('what a type does not take is the mistake of the workflow, and stages nothing', async () => {
  const { posts, close } = staged();
  for (const wrong of [{}, { text: 5 }, { text: 'x', titel: 'x' }])
    assert.throws(() => posts.create(wrong as never), /^TypeError: data\.post\.create: /);
  for (const wrong of [{ text: 5 }, { text: undefined }, { titel: 'x' }, { constructor: 'x' }])
    await assert.rejects(posts.change('obj_1', wrong as never), /^TypeError: data\.post\.change: /);
  assert.deepEqual(close().writes, []);
});

test('a wrong question is the mistake of the workflow, and asked of nobody', async () => {
  const { posts, asked } = staged();
  const find = posts.find as unknown as (wanted: object) => Promise<unknown>;
  for (const wanted of [
    { where: [['nothing', '=', 'x']] },
    { where: [['tags', '=', 'x']] },
    { where: [['text', '=', { $ne: null }]] },
    { order: { by: 'tags' } },
    { order: { by: 'nothing' } },
    { limit: -1 },
    { limit: 1.5 },
    { limit: Number.NaN },
  ])
    await assert.rejects(find(wanted), TypeError, JSON.stringify(wanted));
  // Cut in silence it would be taken for the whole.
  for (const limit of [1001, 5000, Number.POSITIVE_INFINITY])
    await assert.rejects(
      find({ limit }),
      /^TypeError: data\.post\.find: limit: .* to 1000; .*\['id', '>', last\.id\]/,
    );
  assert.equal(asked.length, 0);
  for (const limit of [0, 1000])
    await posts.find({ limit, order: [{ by: 'text', descending: true }, { by: 'id' }] });
  const order = [
    { by: 'text', descending: true },
    { by: 'id', descending: false },
  ];
  assert.deepEqual(
    asked.map((one) => one.what === 'find' && [one.limit, one.order]),
    [
      [0, order],
      [1000, order],
    ],
  );
});

for (const [how, look] of [
  ['found', (posts) => posts.find()],
  ['got', (posts) => posts.get('obj_1')],
  ['got around the rules', (posts) => posts.unrestricted.get('obj_1')],
] as [string, (posts: RecordsOf<typeof fields>) => Promise<unknown>][]) {
  test(`what a run changes is the record as it had first ${how} it, also where it looks once more`, async () => {
    const { posts, stored, close } = staged();
    await look(posts);
    stored.version = 4;
    await posts.find();
    await posts.change('obj_1', { text: 'b' });
    const [write] = close().writes;
    assert.equal(write?.what === 'change' && write.version, 3);
  });
}

test('a record is for who calls, but for an admin, who names an account', () => {
  const forOther = (isAdmin: boolean, owner: unknown) =>
    staged(isAdmin).posts.create({ text: 'x' }, { for: owner as string });
  assert.throws(
    () => forOther(false, 'acc_2'),
    (error) => error instanceof Problem && error.status === 403,
  );
  assert.equal(forOther(true, 'acc_2').createdBy, 'acc_2');
  assert.throws(() => forOther(true, 5), /for is no account id/);
  assert.equal(forOther(false, 'acc_1').createdBy, 'acc_1');
});

test('a run sees what it staged, whatever it looks up afterwards', async () => {
  const { posts, close } = staged();
  await posts.change('obj_1', { text: 'b' });
  await posts.find();
  assert.equal((await posts.get('obj_1'))?.text, 'b');
  const { id } = posts.create({ text: 'new' });
  assert.equal((await posts.get(id))?.text, 'new');
  await posts.delete(id);
  assert.equal(await posts.get(id), undefined);
  await assert.rejects(
    posts.change(id, { text: 'c' }),
    (error) => error instanceof Problem && error.status === 404,
  );
  await posts.unrestricted.change('obj_1', { tags: ['t'] });
  await posts.delete('obj_1');
  assert.deepEqual([await posts.get('obj_1'), await posts.unrestricted.get('obj_1')], [undefined, undefined]);
  assert.deepEqual(
    close().writes.map((write) => [write.what, write.id, 'version' in write && write.version]),
    [['delete', 'obj_1', 3]],
  );
});

test('of what was changed around the rules a look under them shows no field that they do not', async () => {
  const { posts } = staged();
  await posts.unrestricted.change('obj_1', { text: 'c', tags: ['t'] });
  const seen = await posts.get('obj_1');
  assert.deepEqual([seen?.text, seen && 'tags' in seen], ['c', false]);
  assert.deepEqual((await posts.unrestricted.get('obj_1'))?.tags, ['t']);
  await posts.change('obj_1', { tags: ['own'] });
  assert.deepEqual((await posts.get('obj_1'))?.tags, ['own']);
});

test('what is changed around the rules is not held to them for having been changed under them before', async () => {
  const { posts, close } = staged();
  await posts.change('obj_1', { text: 'b', tags: ['t'] });
  await posts.unrestricted.change('obj_1', { text: 'c' });
  const [write] = close().writes;
  assert.deepEqual(write?.what === 'change' && [write.fields, write.underRules, write.version], [
    { text: 'c', tags: ['t'] },
    ['tags'],
    3,
  ]);
});
