import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, it } from 'node:test';
import { z } from 'zod';
import { openStore } from '../../adapters/open.ts';
import { type Collection, declare, type Listing, type Store } from '../../adapters/port.ts';
import { openForReading } from '../../adapters/sqlite/database.ts';

const schema = z.strictObject({
  id: z.string(),
  createdAt: z.number(),
  createdBy: z.string().optional(),
  kind: z.string().optional(),
  flag: z.boolean().optional(),
});
type Item = z.infer<typeof schema>;

/** How SQLite finds rows of declared data: by an index whatever rule stands beside a constraint. */
describe('what conditions of declared data are found by', () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-'));
  const file = join(folder, 'latchkey.db');
  const prepared: string[] = [];
  const { prepare } = DatabaseSync.prototype;
  let store: Store;
  let rows: Collection<Item>;
  before(async () => {
    DatabaseSync.prototype.prepare = function (text) {
      prepared.push(text);
      return prepare.call(this, text);
    };
    store = await openStore(`sqlite:${file}`);
    rows = await store.collection(
      declare<Item>({
        name: 'data_thing',
        schema,
        indexes: [['createdBy', 'createdAt'], ['kind', 'createdAt'], ['flag']],
        searched: true,
        mixed: ['kind', 'flag'],
      }),
    );
  });
  after(async () => {
    DatabaseSync.prototype.prepare = prepare;
    await store.close();
    rmSync(folder, { recursive: true });
  });

  async function planOf(listing: Omit<Listing<Item>, 'limit'>): Promise<string> {
    prepared.length = 0;
    await rows.list({ limit: 50, ...listing });
    const text = prepared.find((one) => one.startsWith('SELECT doc')) ?? '';
    const open = openForReading(file);
    const steps = prepare.call(open, `EXPLAIN QUERY PLAN ${text}`).all();
    open.close();
    return steps.map(({ detail }) => detail).join('; ');
  }

  const rule = ['any', [[['createdBy', '=', 'acc_1']], [['flag', '=', true]]]] as const;
  const order = { by: 'createdAt', descending: true } as const;

  it('a constraint under a rule: the index of the constraint, in its order', async () => {
    const plan = await planOf({ where: [['kind', '=', 'k'], rule], order });
    assert.match(plan, /^SEARCH data_thing USING INDEX data_thing\.by\.kind,createdAt \(<expr>=\?\)/);
    assert.doesNotMatch(plan, /SCAN|TEMP B-TREE FOR ORDER BY/);
    const behind = { id: 'x', createdAt: 7 };
    assert.match(
      await planOf({ where: [['kind', '=', 'k'], rule], order, after: behind }),
      /<expr>=\? AND <expr><\?/,
    );
  });

  it('several values of a field, and a rule alone: an index for each', async () => {
    assert.match(
      await planOf({ where: [['kind', 'in', ['k', 'l']]] }),
      /^SEARCH .* data_thing\.by\.kind,createdAt/,
    );
    for (const listing of [{ where: [rule] }, { where: [rule], order }])
      assert.match(await planOf(listing), /MULTI-INDEX OR; .*by\.createdBy,createdAt .*by\.flag /);
  });
});
