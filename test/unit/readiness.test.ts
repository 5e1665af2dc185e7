import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStore } from '../../adapters/open.ts';
import { type Store, Unavailable } from '../../adapters/port.ts';
import { createReadiness, type Probe, probeDeclaration } from '../../server/ground/readiness.ts';
import { eachStore } from '../support/stores.ts';
import { until } from '../support/until.ts';

eachStore(({ url }) => {
  async function opened() {
    const store = await openStore(await url());
    const probes = await store.collection(probeDeclaration);
    let writes = 0;
    let hinder: ((row: Probe) => Promise<void>) | undefined;
    const counted = {
      put(row: Probe) {
        writes += 1;
        return hinder?.(row) ?? probes.put(row);
      },
    };
    return {
      store,
      probes,
      writes: () => writes,
      hinder: (how: typeof hinder) => {
        hinder = how;
      },
      readiness: (more: { store?: Pick<Store, 'ping'>; answerWithinMs?: number } = {}) =>
        createReadiness({ store, probes: counted, clock: () => 1_800_000_000, ...more }),
    };
  }

  test('a change is tried, once a second however often it is asked for', async () => {
    const { store, probes, writes, readiness } = await opened();
    const { check } = readiness();
    const started = performance.now();
    await Promise.all(Array.from({ length: 50 }, check));
    for (let times = 0; times < 50; times += 1) await check();
    assert.ok(writes() <= 1 + (performance.now() - started) / 1000, String(writes()));
    assert.equal((await probes.get('readyz'))?.at, 1_800_000_000);
    await until('it is tried again', async () => {
      await check();
      return writes() > 1;
    });
    await store.close();
  });

  test('a store that reads and takes no change is not ready, and is again when it does', async () => {
    const { store, hinder, readiness } = await opened();
    const { check } = readiness();
    hinder(() => Promise.reject(new Unavailable('full')));
    await assert.rejects(check, Unavailable);
    hinder(undefined);
    await until('it is ready again', () =>
      check().then(
        () => true,
        () => false,
      ),
    );
    await store.close();
    await until('a closed one is told', () =>
      check().then(
        () => false,
        (error) => error instanceof Unavailable,
      ),
    );
  });

  test('a store that hangs is told in time, and is not asked more and more', async () => {
    const { store, writes, hinder, readiness } = await opened();
    const { check } = readiness({ answerWithinMs: 50 });
    hinder(() => new Promise(() => undefined));
    await assert.rejects(check, Unavailable);
    await Promise.all(Array.from({ length: 20 }, () => assert.rejects(check, Unavailable)));
    assert.equal(writes(), 1);
    await store.close();
  });
});
