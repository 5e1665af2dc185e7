import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { openMongodb } from '../../adapters/mongodb/store.ts';
import { type Collection, declare, type Store, Taken, type Write, writeOf } from '../../adapters/port.ts';
import { mongodbStores } from '../support/stores.ts';
import { type Item, item, items } from './items.ts';

const declaration = declare({ ...items, name: 'committed_items', committed: true });

/** What others see of a commit whose process died, and what they do about it: only MongoDB leaves anything to be seen. */
mongodbStores(({ url }) => {
  let dying: Store;
  let living: Store;
  let rows: Collection<Item>;
  let deadly: string;
  let died: () => void;
  /** What a step waits for. For ever, it is as if the process had died there. */
  let hold: Promise<unknown>;

  let address: string;

  before(async () => {
    address = await url();
    const atStep = async (step: string) => {
      if (step !== deadly) return;
      died();
      await hold;
    };
    dying = await openMongodb(address, undefined, { atStep });
    living = await openMongodb(address, undefined, { staleMs: 0 });
    rows = await living.collection(declaration);
  });
  beforeEach(async () => {
    hold = new Promise(() => undefined);
    await rows.removeMany([], 100);
    await rows.insertMany([item('a', { label: 'A' }), item('b', { label: 'B' }), item('c')]);
  });
  after(() => Promise.all([dying.close(), living.close()]));

  /** A commit that moves `a` on, removes `b` and makes `d`, and dies before this step. */
  async function dieBefore(
    step: string,
    more: readonly Write[] = [],
  ): Promise<{ outcome: Promise<boolean> }> {
    deadly = step;
    const death = new Promise<void>((resolve) => {
      died = resolve;
    });
    const writes = [
      writeOf({
        declaration,
        id: 'a',
        change: { set: { label: 'A2' }, add: { size: 1 } },
        guard: [['size', '=', 1]],
      }),
      writeOf({ declaration, id: 'b', remove: true, guard: [] }),
      writeOf({ declaration, insert: item('d', { label: 'D' }) }),
      ...more,
    ];
    const outcome = dying.commit(writes);
    await Promise.race([death, outcome]);
    return { outcome };
  }

  const asItWas = [item('a', { label: 'A' }), item('b', { label: 'B' }), item('c')];
  const asItWillBe = [item('a', { label: 'A2', size: 2 }), item('c'), item('d', { label: 'D' })];
  const all = () => rows.list({ limit: 100 });

  for (const [step, wanted] of [
    ['decide', asItWas],
    ['apply', asItWillBe],
  ] as const) {
    it(`shows rows as they were until a commit is settled that died before "${step}"`, async () => {
      await dieBefore(step);
      assert.deepEqual(await all(), asItWas);
      assert.deepEqual([await rows.get('a'), await rows.get('d')], [asItWas[0], undefined]);
      assert.deepEqual(
        [await rows.find('label', 'A2'), await rows.find('label', 'D')],
        [undefined, undefined],
      );
      assert.deepEqual([await rows.count([]), await rows.count([['label', '=', 'D']])], [3, 0]);
      await living.settleCommits();
      assert.deepEqual(await all(), wanted);
    });
  }

  it('gives back what a refused commit that died had reserved, also where its record is gone', async () => {
    const refused = writeOf({ declaration, id: 'c', change: {}, guard: [['size', '=', 99]] });
    await dieBefore('release', [refused]);
    const changed = await rows.update('a', { set: { hot: true } });
    assert.deepEqual(changed, { ...asItWas[0], hot: true });
    assert.equal(await rows.remove('b'), true);
  });

  it('takes nothing back of a commit that is decided just then', async () => {
    const [ready, going] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const slow = await openMongodb(address, undefined, {
      staleMs: 0,
      async atStep(step) {
        if (step !== 'undecide') return;
        ready.resolve();
        await going.promise;
      },
    });
    await slow.collection(declaration);
    const decision = Promise.withResolvers<void>();
    hold = decision.promise;
    await dieBefore('decide');
    const settled = slow.settleCommits();
    await ready.promise;
    // It goes on, is decided, and dies before anything of it is applied.
    deadly = 'apply';
    const death = new Promise<void>((resolve) => {
      died = resolve;
    });
    hold = new Promise(() => undefined);
    decision.resolve();
    await death;
    going.resolve();
    await settled;
    await living.settleCommits();
    assert.deepEqual(await all(), asItWillBe);
    await slow.close();
  });

  it('gives others what they write to, finished or given back', async () => {
    const writes: Record<string, [write: () => Promise<unknown>, givenBack: unknown, finished: unknown]> = {
      update: [
        () => rows.update('a', { set: { hot: true } }, [['size', '=', 1]]),
        { ...asItWas[0], hot: true },
        undefined,
      ],
      remove: [() => rows.remove('b'), true, false],
      updateMany: [() => rows.updateMany([['label', 'present']], { add: { rank: 1 } }), 2, 1],
      removeMany: [() => rows.removeMany([], 100), 3, 2],
      insert: [() => rows.insert(item('d')).then(() => 'new', isTaken), 'new', 'taken'],
      insertMany: [() => rows.insertMany([item('d', { label: 'D2' }), item('e')]), 2, 1],
      unique: [() => rows.insert(item('e', { label: 'A2' })).then(() => 'new', isTaken), 'new', 'taken'],
      change: [() => rows.update('c', { set: { label: 'D' } }).then(() => 'new', isTaken), 'new', 'taken'],
      put: [
        () => rows.put(item('a', { label: 'A3' })).then(() => rows.get('a')),
        item('a', { label: 'A3' }),
        item('a', { label: 'A3' }),
      ],
    };
    for (const [name, [write, givenBack, finished]] of Object.entries(writes)) {
      for (const [step, wanted] of [
        ['decide', givenBack],
        ['apply', finished],
      ] as const) {
        await rows.removeMany([], 100);
        await rows.insertMany(asItWas);
        await dieBefore(step);
        assert.deepEqual(await write(), wanted, `${name} after ${step}`);
        await living.settleCommits();
      }
    }
  });

  it('answers false where others took it for dead, and leaves nothing reserved', async () => {
    let goOn = () => {};
    hold = new Promise((resolve) => {
      goOn = () => resolve(undefined);
    });
    const slow = await dieBefore('insert');
    await living.settleCommits();
    goOn();
    assert.equal(await slow.outcome, false);
    assert.deepEqual(await all(), asItWas);
    await rows.insert(item('d', { label: 'D' }));
    assert.equal(await rows.remove('a'), true);
  });
});

function isTaken(error: unknown): string {
  assert.ok(error instanceof Taken, String(error));
  return 'taken';
}
