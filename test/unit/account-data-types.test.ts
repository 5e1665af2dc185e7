import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { openStore } from '../../adapters/open.ts';
import { accountDataTypeDeclaration, noteAccountDataTypes } from '../../server/data/account-data-types.ts';
import { openGoneRows } from '../../server/data/rows.ts';
import { defineType } from '../../server/data/type.ts';
import { makeConfigFolder } from '../support/config-folder.ts';
import { actor, openTestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const typeNamed = (name: string, more: string) => `
import { defineType } from 'latchkey';
import { z } from 'zod';
export const type = defineType({
  name: '${name}', description: 'Of a person', fields: { text: z.string() }, unique: ['text'], ${more}
});
`;
const GOES = 'deletedWithAccount: true';

eachStore(({ url }) => {
  describe('records of a type that is declared no more', () => {
    const owner = makeConfigFolder({
      'types/diary.ts': typeNamed('diary', GOES),
      'types/invoice.ts': typeNamed('invoice', ''),
    });
    after(owner.remove);

    it('go with their account where the type said so when it was declared last', async () => {
      const storeUrl = await url();
      const openDomain = () => openTestDomain({ storeUrl, config: owner.folder });
      const before = await openDomain();
      const [ann, bob] = [await before.account('ann@example.com'), await before.account('bob@example.com')];
      for (const { id } of [ann, bob]) {
        for (const [name, { rows }] of before.types)
          await rows.insert({ id: `obj_${name}${id}`, createdAt: 1, createdBy: id, text: id });
      }
      // As a process leaves it that died before it delivered what the record brought.
      const carried = { pending: { audit: [], mail: [] }, pendingAt: 1, pendingId: 'p' };
      await before.types.get('diary')?.rows.update(`obj_diary${ann.id}`, { set: carried });
      await before.stop();

      for (const name of ['diary', 'invoice']) rmSync(join(owner.folder, `types/${name}.ts`));
      const domain = await openDomain();
      try {
        assert.deepEqual([...domain.types.keys()], []);
        const { rows } = await openGoneRows(domain.store, ['diary', 'invoice'], domain.clock);
        const left = async (of: string) =>
          Promise.all(['diary', 'invoice'].map((name) => rows[name]?.count([['createdBy', '=', of]])));
        assert.deepEqual(await left(ann.id), [1, 1]);
        const account = (await domain.accounts.get(ann.id)) ?? assert.fail();
        const pieces: string[] = [];
        for await (const piece of await domain.accountData.take(account, actor)) pieces.push(piece);
        // Nobody can say any more what of them may be seen.
        assert.deepEqual(JSON.parse(pieces.join('')).data, {});
        assert.equal(await domain.removal.remove(account, actor), 'going on');
        await domain.effects.sweep();
        domain.pass(3600);
        await domain.removal.sweep();
        assert.equal(await domain.accounts.get(ann.id), undefined);
        assert.deepEqual(
          [await left(ann.id), await left(bob.id)],
          [
            [0, 1],
            [1, 1],
          ],
        );
      } finally {
        await domain.stop();
      }
    });

    it('are noted by the server alone, and written of only where something changed', async () => {
      const store = await openStore(await url());
      after(() => store.close());
      const rows = await store.collection(accountDataTypeDeclaration);
      const declared = (...types: [name: string, goes: boolean][]) =>
        new Map(
          types.map(([name, deletedWithAccount]) => [
            name,
            defineType({ name, description: 'x', fields: {}, deletedWithAccount }),
          ]),
        );
      const note = (types: ReturnType<typeof declared>, writes: boolean) =>
        noteAccountDataTypes(rows, types, { writes });
      assert.deepEqual(await note(declared(['a', true], ['b', false]), false), []);
      assert.deepEqual(await note(declared(), true), []);
      await note(declared(['a', true], ['b', false]), true);
      assert.deepEqual(await note(declared(), true), ['a']);
      const unwritten = { ...rows, insert: () => assert.fail(), remove: () => assert.fail() };
      const same = declared(['a', true], ['b', false]);
      assert.deepEqual(await noteAccountDataTypes(unwritten, same, { writes: true }), []);
      // Its owner decided otherwise since.
      assert.deepEqual(await note(declared(['a', false]), false), []);
      assert.deepEqual(await note(declared(), true), ['a']);
      await note(declared(['a', false]), true);
      assert.deepEqual(await note(declared(), true), []);
    });
  });
});
