import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { z } from 'zod';
import { rowDeclarationOf } from '../../server/data/rows.ts';
import { defineType } from '../../server/data/type.ts';
import { record } from '../../server/workflows/parameter-types.ts';
import { defineWorkflow } from '../../server/workflows/workflow.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { eachStore } from '../support/stores.ts';
import { toItsMaker } from '../support/workflows.ts';

const memo = defineType({
  name: 'memo',
  description: 'A memo',
  fields: { text: z.string() },
  rules: toItsMaker,
});

const leaveMemo = defineWorkflow({
  name: 'leave_memo',
  description: 'Leave memos for somebody',
  callers: 'account',
  parameters: { owners: { schema: z.array(z.any()), description: 'Whose', example: [] } },
  types: { memo },
  returns: z.object({}),
  run({ parameters, data }) {
    for (const owner of parameters.owners) data.memo.create({ text: 'Hello' }, { for: owner });
    return {};
  },
});

const clearMemos = defineWorkflow({
  name: 'clear_memos',
  description: 'Empty a memo and throw another away',
  callers: 'admin',
  parameters: { ids: { schema: z.array(z.string()).length(2), description: 'Which', example: ['a', 'b'] } },
  types: { memo },
  returns: z.object({}),
  async run({ parameters: { ids }, data }) {
    await data.memo.change(String(ids[0]), { text: '' });
    await data.memo.delete(String(ids[1]));
    return {};
  },
});

const keepMemo = defineWorkflow({
  name: 'keep_memo',
  description: 'Change a memo',
  callers: 'account',
  parameters: {
    id: { schema: record(memo), description: 'Which', example: 'obj_1' },
    around: { schema: z.boolean().default(false), description: 'Around the rules', example: true },
  },
  types: { memo },
  returns: z.object({}),
  async run({ parameters: { id: one, around }, data }) {
    const memos = around ? data.memo.unrestricted : data.memo;
    await memos.find({ where: [['text', '=', String(one.text)]] });
    await memos.change(one.id, { text: 'Kept' });
    return {};
  },
});

eachStore(({ engine, url }) => {
  describe(`what an admin's service does to other accounts (${engine})`, () => {
    let now = 1_800_000_000;
    let server: ApiServer;
    let ann: string;
    let bob: string;
    before(async () => {
      server = await startApiServer({
        storeUrl: await url(),
        clock: () => now,
        workflows: [leaveMemo, clearMemos, keepMemo],
        types: [memo],
      });
    });
    after(() => server.stop());
    beforeEach(async () => {
      now += 600;
      [ann, bob] = (await Promise.all(
        [1, 2].map(async () => (await server.token()).credential.accountId),
      )) as [string, string];
    });

    async function service(scopes = ['admin:wf:leave_memo']) {
      const made = await server.serviceToken(scopes);
      await server.domain.rows.clients.update(made.clientId, { set: { reason: 'Tells people' } });
      return made;
    }
    const leave = (token: string, ...owners: unknown[]) =>
      server.call('/api/1.1/wf/leave_memo', { method: 'POST', token, json: { owners } });
    const touched = async (accountId: string) =>
      (await server.domain.rows.audit.list({ where: [['accountId', '=', accountId]], limit: 100 })).filter(
        ({ action }) => action === 'data.touched',
      );
    const memosOf = async (accountId: string) =>
      (await server.domain.store.collection(rowDeclarationOf(memo))).count([['createdBy', '=', accountId]]);

    test('stands in the activity of each of them: which service, by what, when and why', async () => {
      const { value, clientId, owner } = await service();
      assert.equal((await leave(value, ann, ann, bob, owner)).status, 200);
      assert.deepEqual([await memosOf(ann), await memosOf(bob), await memosOf(owner)], [2, 1, 1]);
      for (const accountId of [ann, bob]) {
        const [entry, more] = await touched(accountId);
        assert.equal(more, undefined);
        assert.deepEqual(
          [entry?.at, entry?.actor.kind, entry?.actor.id, entry?.actor.reason, entry?.targetName],
          [now, 'client', clientId, 'Tells people', 'leave_memo'],
        );
      }
      assert.deepEqual(await touched(owner), []);
    });

    test('is one entry a minute and service, with the number of times', async () => {
      const [one, other] = [await service(), await service()];
      await Promise.all(Array.from({ length: 5 }, () => leave(one.value, ann)));
      now += 30;
      await leave(one.value, ann);
      await leave(other.value, ann);
      now += 60;
      await leave(one.value, ann);
      const counts = (await touched(ann)).map(({ actor, count }) => `${actor.id} ${count}`);
      const expected = [`${one.clientId} 6`, `${one.clientId} 1`, `${other.clientId} 1`];
      assert.deepEqual(counts.toSorted(), expected.toSorted());
    });

    test('is refused to every other token, and leaves nothing', async () => {
      const own = await server.token({ scopes: ['wf:leave_memo'] });
      const far = await server.serviceToken(['wf:leave_memo', 'admin:wf:issue_token']);
      const gone = await server.serviceToken(['admin:wf:leave_memo'], { admin: false });
      for (const token of [own.value, far.value, gone.value]) {
        const { status, body } = await leave(token, bob, ann);
        assert.deepEqual([status, body.body.status], [403, 'FORBIDDEN']);
      }
      assert.equal((await leave(own.value, own.credential.accountId)).status, 200);
      assert.deepEqual([await memosOf(ann), await touched(ann), await memosOf(bob)], [0, [], 0]);
    });

    test('needs accounts that are there, all of them', async () => {
      const { value } = await service();
      for (const [wrong, expected] of [
        ['acc_missing', 400],
        ['', 400],
        [null, 500],
        [5, 500],
        [{ $ne: '' }, 500],
      ] as const) {
        assert.equal((await leave(value, ann, wrong)).status, expected, JSON.stringify(wrong));
      }
      assert.deepEqual([await memosOf(ann), await touched(ann)], [0, []]);
      assert.equal(await server.domain.rows.runs.count([]), 0);
    });

    test('goes on where the account of an owner is gone, and tells the others', async () => {
      const memos = await server.domain.store.collection(rowDeclarationOf(memo));
      const row = (id: string, createdBy: string) => ({ id, createdAt: now, createdBy, text: 'Hello' });
      await memos.insertMany([row(`obj_${now}a`, 'acc_gone'), row(`obj_${now}b`, ann)]);
      const { value } = await service(['admin:wf:clear_memos']);
      const { status, text } = await server.call('/api/1.1/wf/clear_memos', {
        method: 'POST',
        token: value,
        json: { ids: [`obj_${now}a`, `obj_${now}b`] },
      });
      assert.equal(status, 200, text);
      assert.equal((await memos.get(`obj_${now}a`))?.version, 1);
      assert.equal(await memos.get(`obj_${now}b`), undefined);
      assert.deepEqual([(await touched(ann)).length, await touched('acc_gone')], [1, []]);
    });

    test('is marked where a service passes the rules because it acts for the app', async () => {
      const memos = await server.domain.store.collection(rowDeclarationOf(memo));
      const ids = ['c', 'd'].map((letter) => `obj_${now}${letter}`);
      await memos.insertMany(ids.map((id) => ({ id, createdAt: now, createdBy: ann, text: `Memo ${id}` })));
      const keep = async (token: string, id = '', around = false) => {
        const sent = { method: 'POST', token, json: { id, around } };
        const { status, text } = await server.call('/api/1.1/wf/keep_memo', sent);
        assert.equal(status, 200, text);
        const { privacyBypassed, hidden } = (await server.calls()).at(-1) ?? {};
        return [privacyBypassed, hidden, (await touched(ann)).length];
      };
      const own = await server.token({ accountId: ann, scopes: ['wf:keep_memo'] });
      assert.deepEqual(await keep(own.value, ids[0]), [undefined, undefined, 0]);
      // What the workflow does around the rules for everybody is no pass of who calls.
      assert.deepEqual(await keep(own.value, ids[0], true), [undefined, undefined, 0]);
      assert.deepEqual(await keep((await service(['wf:keep_memo'])).value, ids[1]), [true, 1, 1]);
    });

    test('issue_token says why the service may', async () => {
      const { value } = await service(['admin:wf:issue_token']);
      const passwordHash = await server.domain.passwords.hash('four words nobody guesses');
      const login = { email: 'carol@example.com', password: 'four words nobody guesses' };
      const carol = await server.domain.accounts.create(
        { email: login.email, passwordHash, admin: false },
        { kind: 'operator' },
      );
      const answer = await server.call('/api/1.1/wf/issue_token', {
        method: 'POST',
        token: value,
        json: login,
      });
      assert.equal(answer.status, 200, answer.text);
      const entries = await server.domain.rows.audit.list({
        where: [['accountId', '=', carol.id]],
        limit: 10,
      });
      const made = entries.find(({ action }) => action === 'token.created');
      assert.equal(made?.actor.reason, 'Tells people');
    });
  });
});
