import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { createWriteChecks } from '../../adapters/checked-writes.ts';
import { declare, writeOf } from '../../adapters/port.ts';

type Row = { id: string; label?: string | undefined; note?: string | undefined };

const schema = z.strictObject({ id: z.string(), label: z.string().optional(), note: z.string().optional() });
const declared = (name: string) => declare<Row>({ name, schema, unique: ['label'], committed: true });
const [one, other] = [declared('one'), declared('other')];

describe('the writes of a commit', () => {
  it('come in the order of collection and id, so that no two commits wait for each other', () => {
    const writes = ['b', 'a', 'c'].flatMap((id) => [
      writeOf({ declaration: other, id, remove: true, guard: [] }),
      writeOf({ declaration: one, id, remove: true, guard: [] }),
    ]);
    const inOrder = ['one a', 'one b', 'one c', 'other a', 'other b', 'other c'];
    for (const order of [writes, writes.toReversed()]) {
      const checked = createWriteChecks()(order);
      assert.deepEqual(
        checked.map(({ declaration, id }) => `${declaration.name} ${id}`),
        inOrder,
      );
    }
  });

  it('take the unique values that they have, and no absent one', () => {
    const checked = createWriteChecks()([
      writeOf({ declaration: one, insert: { id: 'a', label: 'A', note: 'x' } }),
      writeOf({ declaration: one, insert: { id: 'b', label: undefined } }),
      writeOf({ declaration: one, id: 'c', change: { set: { label: 'C', note: 'y' } }, guard: [] }),
      writeOf({ declaration: one, id: 'd', change: { set: { note: 'y' }, unset: ['label'] }, guard: [] }),
      writeOf({ declaration: one, id: 'e', remove: true, guard: [] }),
    ]);
    assert.deepEqual(
      checked.map(({ taken }) => taken),
      [[['label', 'A']], [], [['label', 'C']], [], []],
    );
  });

  it('name a row once, by the name of its collection', () => {
    const check = createWriteChecks();
    const remove = (declaration: typeof one) => writeOf({ declaration, id: 'a', remove: true, guard: [] });
    assert.equal(check([remove(one), remove(other)]).length, 2);
    assert.throws(() => check([remove(one), remove(other), remove(one)]), /^TypeError: one: .* a row once/);
  });
});
