import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { type Cache, createCache } from '../../adapters/sqlite/cache.ts';

/** The rows that SQLite's engine remembers; that they are never stale is tested through files, in test/contract. */
describe('the row cache', () => {
  let version: number;
  let cache: Cache;

  beforeEach(() => {
    version = 1;
    cache = createCache({ version: () => version }, 1000);
    cache.refresh();
  });

  const docOf = (id: string, more: object = {}) => JSON.stringify({ id, ...more });

  it('gives a row by each value that it was found by, frozen', () => {
    const table = cache.table('rows');
    const doc = docOf('one', { hash: 'h', inner: { list: [1] } });
    table.remember('hash', 'h', doc);
    const first = table.get('id', 'one') as { inner: { list: number[] } };
    assert.throws(() => first.inner.list.push(2), TypeError);
    assert.deepEqual(table.get('hash', 'h'), JSON.parse(doc));
    assert.equal(table.get('email', 'h'), undefined);
    assert.equal(cache.table('other').get('id', 'one'), undefined, 'another table');
  });

  it('keeps names that are special to JavaScript', () => {
    const table = cache.table('rows');
    const doc = '{"id":"one","extra":{"__proto__":{"admin":true},"constructor":1}}';
    for (const row of [table.remember('id', 'one', doc), table.get('id', 'one')]) {
      assert.equal(JSON.stringify(row), doc);
      assert.equal((row as { extra: { admin?: boolean } }).extra.admin, undefined);
    }
  });

  it('forgets a row under all its names', () => {
    const table = cache.table('rows');
    const doc = docOf('one', { hash: 'h', label: 'l' });
    table.remember('id', 'one', doc);
    table.remember('hash', 'h', doc);
    table.remember('label', 'l', doc);
    table.remember('id', 'two', docOf('two'));
    assert.equal((table.get('label', 'l') as { id: string }).id, 'one');
    table.forget('one');
    for (const [field, value] of [
      ['id', 'one'],
      ['hash', 'h'],
      ['label', 'l'],
    ] as const) {
      assert.equal(table.get(field, value), undefined, field);
    }
    assert.deepEqual(table.get('id', 'two'), { id: 'two' });
  });

  it('does not give a row by a value that is not its own, under which it could not be forgotten', () => {
    const table = cache.table('rows');
    table.remember('id', 'one', docOf('one', { email: 'before@example.com', verified: true }));
    table.remember('email', 'after@example.com', docOf('one', { email: 'after@example.com' }));
    table.remember('verified', 1, docOf('one', { verified: true }));
    assert.equal(table.get('email', 'after@example.com'), undefined);
    assert.equal(table.get('verified', 1), undefined);
  });

  it('forgets one table, and all of them when another connection changed the file', () => {
    const [one, two] = [cache.table('one'), cache.table('two')];
    one.remember('id', 'a', docOf('a'));
    two.remember('id', 'a', docOf('a'));
    one.forgetAll();
    assert.equal(one.get('id', 'a'), undefined);
    cache.refresh();
    assert.deepEqual(two.get('id', 'a'), { id: 'a' });
    version = 2;
    cache.refresh();
    assert.equal(two.get('id', 'a'), undefined);
  });

  it('holds a bounded number of characters: the oldest rows go', () => {
    const table = cache.table('rows');
    const text = 'x'.repeat(250);
    for (const id of ['a', 'b', 'c', 'd', 'e']) table.remember('id', id, docOf(id, { text }));
    const known = ['a', 'b', 'c', 'd', 'e'].filter((id) => table.get('id', id) !== undefined);
    assert.deepEqual(known, ['c', 'd', 'e']);
    table.remember('id', 'big', docOf('big', { text: 'x'.repeat(2000) }));
    assert.equal(table.get('id', 'big'), undefined);
  });
});
