import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openTestStore, type TestStore } from '../../server/testing.ts';

const TYPE = `import { and, defineType, is } from 'latchkey';
import { z } from 'zod';
export const plan = defineType({
  name: 'plan',
  description: 'A plan',
  fields: { title: z.string() },
  rules: (record, caller) => [
    { name: 'Everybody', when: is(record.title, 'Open'), find: true, view: ['title'] },
    { name: 'Of who pays', when: and(is(record.createdBy, caller.account), is(caller.metadata('plan'), 'pro')), find: true, view: true, create: true, change: ['title'] },
  ],
});
`;

const workflow = (
  name: string,
  callers: string,
  run: string,
) => `import { defineWorkflow, refusal } from 'latchkey';
import { z } from 'zod';
import { plan } from '../types/plan.ts';
export const workflow = defineWorkflow({
  name: '${name}',
  description: 'Does it',
  callers: '${callers}',
  parameters: { title: { schema: z.string().max(5), description: 'A title', example: 'x' } },
  types: { plan },
  returns: z.object({ id: z.string() }),
  async run({ parameters, caller, data, mail }) { ${run} },
});
`;

describe("a store for an owner's tests", () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-tested-'));
  let store: TestStore;
  before(async () => {
    for (const name of ['types', 'workflows']) mkdirSync(join(folder, name));
    writeFileSync(
      join(folder, 'settings.ts'),
      "export const settings = { appName: 'Mine', url: 'https://id.example.com' };",
    );
    writeFileSync(join(folder, 'types/plan.ts'), TYPE);
    const files = {
      make: workflow(
        'make',
        'account',
        "const made = data.plan.create(parameters); mail.send({ to: caller.email, subject: 'Made', text: 'x' }); if (parameters.title === 'no') throw refusal('Not that.', 'Another.'); return made;",
      ),
      rename: workflow(
        'rename',
        'account',
        'const [first] = await data.plan.find(); return data.plan.change(first?.id ?? "obj_none", parameters);',
      ),
      shout: workflow('shout', 'anyone', 'return { id: String(caller?.accountId) };'),
      close: workflow('close', 'admin', 'return { id: String(caller.admin) };'),
      broken: workflow('broken', 'anyone', 'return { id: 5 } as never;'),
    };
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(folder, `workflows/${name}.ts`), text);
    store = await openTestStore(folder);
  });
  after(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });

  it('runs workflows as an account, under the rules, and has what was stored and mailed', async () => {
    const ann = await store.account({ id: 'acc_ann', email: 'ann@example.com', metadata: { plan: 'pro' } });
    const { id } = await ann.call<{ id: string }>('make', { title: 'One' });
    const [record, ...more] = await store.records('plan');
    assert.deepEqual(more, []);
    assert.deepEqual(record, { ...record, id, createdBy: 'acc_ann', title: 'One' });
    const [mail] = await store.mails();
    assert.deepEqual([mail?.to, mail?.subject], ['ann@example.com', 'Made']);
    store.pass(60);
    await ann.call('rename', { title: 'Two' });
    const [changed] = await store.records('plan');
    assert.equal(changed?.title, 'Two');
    assert.ok(Number(changed?.modifiedAt) - Number(changed?.createdAt) >= 60);
  });

  it('tells what the rules let somebody find, and see of it', async () => {
    const rules = await openTestStore(folder);
    const ann = await rules.account({ email: 'ann@example.com', metadata: { plan: 'pro' } });
    const ben = await rules.account({ email: 'ben@example.com' });
    const eve = await rules.account({ email: 'eve@example.com', admin: true });
    for (const title of ['Open', 'Shut', 'Open']) await rules.put('plan', { title }, { for: ann.id });
    const titles = async (who: typeof ann) => (await who.records('plan')).map(({ title }) => title);
    assert.deepEqual(await titles(ann), ['Open', 'Shut', 'Open']);
    assert.deepEqual(await titles(eve), ['Open', 'Shut', 'Open']);
    const [first, ...others] = await ben.records('plan');
    assert.deepEqual(Object.keys(first ?? {}).sort(), ['id', 'title']);
    assert.equal(others.length, 1);
    await assert.rejects(ben.records('plans'), /there is no type plans; there are: plan/);
    await rules.close();
  });

  it('refuses what the server refuses, and then stores and mails nothing', async () => {
    const free = await store.account({ email: 'free@example.com' });
    const narrow = await store.account({ email: 'narrow@example.com', scopes: ['profile'] });
    const paying = await store.account({ email: 'pro@example.com', metadata: { plan: 'pro' } });
    const before = [await store.records('plan'), await store.mails()];
    for (const [call, refusal] of [
      [() => free.call('make', { title: 'x' }), { code: 'FORBIDDEN', status: 403 }],
      [() => narrow.call('make', { title: 'x' }), { status: 403 }],
      [
        () => paying.call('make', { title: 'no' }),
        { code: 'NOT_RUN', message: 'Not that.', hint: 'Another.' },
      ],
      [() => paying.call('make', { title: 'too long' }), { code: 'INVALID_DATA', parameter: 'title' }],
      [() => paying.call('make', { titel: 'x' }), { code: 'MISSING_DATA' }],
      [() => paying.call('make'), { code: 'MISSING_DATA' }],
      [() => paying.call('nothing'), { code: 'NOT_FOUND', hint: /^There are: .*\bmake\b/ }],
      [() => paying.call('renam'), { code: 'NOT_FOUND', hint: 'Did you mean rename?' }],
      [() => paying.call('close', { title: 'x' }), { code: 'FORBIDDEN' }],
      [() => store.call('make', { title: 'x' }), { code: 'UNAUTHORIZED', status: 401 }],
      [() => store.call('broken', { title: 'x' }), { name: 'TypeError', message: /not what returns says/ }],
    ] as const) {
      await assert.rejects(call(), refusal);
    }
    assert.deepEqual([await store.records('plan'), await store.mails()], before);
  });

  it('calls as an admin and as nobody, and holds records of before', async () => {
    const admin = await store.account({ email: 'admin@example.com', admin: true });
    assert.deepEqual(await admin.call('close', { title: 'x' }), { id: 'true' });
    assert.deepEqual(await store.call('shout', { title: 'x' }), { id: 'undefined' });
    const kim = await store.account({ email: 'kim@example.com', metadata: { plan: 'pro' } });
    await assert.rejects(kim.call('rename', { title: 'x' }), { code: 'NOT_FOUND' });
    const { id } = await store.put('plan', { title: 'Old' }, { for: kim.id });
    assert.equal((await kim.call('rename', { title: 'New' })).id, id);
    assert.equal((await store.records('plan')).at(-1)?.title, 'New');
    await assert.rejects(store.put('plan', { title: 5 }), TypeError);
    await assert.rejects(store.records('plans'), /there is no type plans; there are: plan/);
  });

  it('has the scopes that a test gives, and of a call what is named right', async () => {
    const pro = { metadata: { plan: 'pro' } };
    const makes = await store.account({ email: 'makes@example.com', scopes: ['wf:make'], ...pro });
    await makes.call('make', { title: 'Mine' });
    await assert.rejects(makes.call('rename', { title: 'x' }), { code: 'insufficient_scope' });
    const little = await store.account({ email: 'little@example.com', admin: true, scopes: ['wf:make'] });
    await assert.rejects(little.call('close', { title: 'x' }), { code: 'insufficient_scope' });
    await assert.rejects(makes.call('make', { titel: 'x' }), {
      hint: /^titel was sent: is it title that you mean/,
    });
  });

  it('moves its clock by a second for each, has records without what the store keeps of them, and all mails', async () => {
    const own = await openTestStore(folder);
    const ann = await own.account({ email: 'ann@example.com', metadata: { plan: 'pro' } });
    const put = await own.put('plan', { title: 'One' }, { for: ann.id });
    await own.put('plan', { title: 'Two' });
    await ann.call('make', { title: 'Three' });
    own.pass(10);
    await ann.call('make', { title: 'Four' });
    const records = await own.records('plan');
    const [first] = records;
    assert.deepEqual(
      records.map(({ title, createdAt }) => [title, createdAt - (first?.createdAt ?? 0)]),
      [
        ['One', 0],
        ['Two', 1],
        // The call itself moves it before its run.
        ['Three', 3],
        ['Four', 14],
      ],
    );
    assert.deepEqual(first, put);
    const kept = ['createdAt', 'createdBy', 'id', 'modifiedAt', 'title'];
    await ann.call('rename', { title: 'Five' });
    const changed = (await own.records('plan')).find(({ title }) => title === 'Five');
    for (const record of [put, changed ?? {}]) assert.deepEqual(Object.keys(record).sort(), kept);
    const mails = await own.mails();
    assert.deepEqual(
      mails.map(({ to, text, html }) => [to, text.includes('x'), html.includes('x')]),
      [
        ['ann@example.com', true, true],
        ['ann@example.com', true, true],
      ],
    );
    assert.deepEqual(Object.keys(mails[0] ?? {}).sort(), ['html', 'subject', 'text', 'to']);
    await own.close();
  });

  it('leaves nothing behind when it is closed', async (t) => {
    const temporary = mkdtempSync(join(tmpdir(), 'latchkey-left-'));
    const { TMPDIR = tmpdir() } = process.env;
    t.after(() => {
      process.env.TMPDIR = TMPDIR;
      rmSync(temporary, { recursive: true });
    });
    process.env.TMPDIR = temporary;
    const listeners = process.listenerCount('exit');
    const one = await openTestStore(folder);
    await one.put('plan', { title: 'Open' });
    assert.deepEqual([readdirSync(temporary).length, process.listenerCount('exit')], [1, listeners + 1]);
    await one.close();
    assert.deepEqual([readdirSync(temporary), process.listenerCount('exit')], [[], listeners]);
    await assert.rejects(one.put('plan', { title: 'Open' }), /was closed/);
  });
});
