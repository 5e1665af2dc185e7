import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openGoneRows } from '../../server/data/rows.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { textOf } from '../support/page-text.ts';
import { openPeople } from '../support/people.ts';
import { startTestServer } from '../support/server.ts';

/* What becomes of the records of an account that takes its data out, and that is deleted. */

const typeWith = (name: string, more: string) => `
import { defineType, is } from 'latchkey';
import { z } from 'zod';
export const type = defineType({
  name: '${name}',
  description: 'Of a person',
  fields: { text: z.string(), score: z.int().optional() },
  ${more}
});
`;
const RULES = `rules: (record, caller) => [
  { name: 'Own', when: is(record.createdBy, caller.account), find: true, view: ['text', 'createdAt'], create: true },
],`;

let server: ApiServer;
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-data-'));
  await mkdir(join(folder, 'types'));
  await mkdir(join(folder, 'workflows'));
  for (const [name, more] of [
    ['diary', `${RULES} deletedWithAccount: true,`],
    ['invoice', RULES],
    ['flag', ''],
  ] as const)
    await writeFile(join(folder, `types/${name}.ts`), typeWith(name, more));
  server = await startApiServer({ config: folder });
});
after(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

test('gives an account what it may see of its records, and deletes with it those that are to go', async () => {
  const { domain } = server;
  const scopes = ['diary', 'invoice'].flatMap((type) => [`data:${type}:read`, `data:${type}:write`]);
  const [ann, bob] = [await server.token({ scopes }), await server.token({ scopes })];
  const make = (type: string, token: string, json: object) =>
    server.call(`/api/1.1/obj/${type}`, { method: 'POST', token, json });
  for (const { value } of [ann, bob]) {
    for (const type of ['diary', 'invoice'])
      assert.equal((await make(type, value, { text: 'mine', score: 7 })).status, 201);
  }
  const { accountId } = ann.credential;
  const flag = { id: 'obj_flag', createdAt: 1, createdBy: accountId, text: 'watched' };
  await domain.types.get('flag')?.rows.insert(flag);
  const account = (await domain.accounts.get(accountId)) ?? assert.fail();

  const pieces: string[] = [];
  for await (const piece of await domain.accountData.take(account, { kind: 'operator' })) pieces.push(piece);
  const { data } = JSON.parse(pieces.join('')) as { data: Record<string, Record<string, unknown>[]> };
  // Without rules, it is for them as if it were not there.
  assert.deepEqual(Object.keys(data), ['diary', 'invoice']);
  for (const type of ['diary', 'invoice'])
    assert.deepEqual(Object.keys(data[type]?.[0] ?? {}).toSorted(), ['created_at', 'id', 'text']);

  const count = (type: string, owner: string) =>
    domain.types.get(type)?.rows.count([['createdBy', '=', owner]]);
  // What a record carries yet is not lost with it: the account waits for it, too.
  const rows = domain.types.get('diary')?.rows ?? assert.fail();
  const [diary] = await rows.list({ where: [['createdBy', '=', accountId]], limit: 1 });
  const pending = { audit: [], mail: [] };
  await rows.update(diary?.id ?? '', { set: { pending, pendingAt: 1, pendingId: 'p' } });
  assert.equal(await domain.removal.remove(account, { kind: 'operator' }), 'going on');
  assert.deepEqual(
    [await count('diary', accountId), (await domain.accounts.get(accountId)) !== undefined],
    [1, true],
  );
  await rows.update(diary?.id ?? '', { unset: ['pending', 'pendingAt', 'pendingId'] });
  await domain.removal.remove((await domain.accounts.get(accountId)) ?? assert.fail(), { kind: 'operator' });
  assert.equal(await domain.accounts.get(accountId), undefined);
  assert.deepEqual([await count('diary', accountId), await count('invoice', accountId)], [0, 1]);
  const other = bob.credential.accountId;
  assert.deepEqual([await count('diary', other), await count('invoice', other)], [1, 1]);
});

test('tells an account by name what goes and what stays of what it may see, and nothing of its records', async (t) => {
  const site = await startTestServer({ config: folder });
  const people = await openPeople(site);
  t.after(async () => {
    await people.close();
    await site.stop();
  });
  const { agent, account } = await people.person();
  const page = async (path: string) => textOf((await agent.get(path)).text);
  const before = await page('/account/delete');
  assert.match(
    before,
    /this is deleted too: “diary” \(Of a person\)\. [^:]* this stays: “invoice” \(Of a person\)\. There may be data of yours/,
  );
  assert.doesNotMatch(before, /flag/);
  assert.match(await page('/account/data'), /no longer shows to anybody is not in it/);

  const { rows } = await openGoneRows(people.domain.store, ['diary', 'flag'], people.domain.clock);
  for (const type of ['diary', 'flag'])
    await (rows[type] ?? assert.fail()).insert({ id: 'obj_of', createdAt: 1, createdBy: account.id });
  assert.equal(await page('/account/delete'), before);
});
