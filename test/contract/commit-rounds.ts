import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { type Store, Taken } from '../../adapters/port.ts';
import { CENTS, type Ledger, openLedger, type Purse } from './ledger.ts';

/** One transfer of a round; all of them run at once. */
export type Plan = {
  from: string;
  /** A purse, or undefined for a new one. */
  to: string | undefined;
  isEmptied: boolean;
  /** A purse that it only reads. */
  sees: string | undefined;
  /** Unique values that the two will have: of few, so that transfers want the same. */
  seats: readonly [string | undefined, string | undefined];
  /** Only moves the version of `from` on, without a commit. */
  isTouch: boolean;
  process: number;
  startsAfterMs: number;
  /** The step before which its process dies, and how long each takes until then. */
  diesAt: number | undefined;
  stepMs: number;
};

export const PURSES = ['p0', 'p1', 'p2', 'v0', 'v1'];

const seat = fc.option(fc.constantFrom('A', 'B', 'C', 'D'), { nil: undefined });

const plan: fc.Arbitrary<Plan> = fc.record({
  from: fc.constantFrom(...PURSES),
  to: fc.option(fc.constantFrom(...PURSES), { nil: undefined, freq: 4 }),
  isEmptied: fc.nat(5).map((n) => n === 0),
  sees: fc.option(fc.constantFrom(...PURSES), { nil: undefined, freq: 1 }),
  seats: fc.tuple(seat, seat),
  isTouch: fc.nat(5).map((n) => n === 0),
  process: fc.nat(1),
  startsAfterMs: fc.nat(60),
  diesAt: fc.option(fc.integer({ min: 1, max: 14 }), { nil: undefined }),
  stepMs: fc.constantFrom(0, 0, 0, 2, 10, 60),
});

export const anyRound = fc.array(plan, { minLength: 6, maxLength: 12 });

type Fate = { left: number; stepMs: number; die: () => void };

const fates = new AsyncLocalStorage<Fate>();

/** What the MongoDB engine calls before each step: a process that has died never comes back from it. */
export async function atStep(): Promise<unknown> {
  const fate = fates.getStore();
  if (fate === undefined) return;
  if (fate.stepMs > 0) await sleep(Math.random() * fate.stepMs);
  fate.left -= 1;
  if (fate.left > 0) return;
  fate.die();
  return new Promise(() => undefined);
}

type Outcome = boolean | 'died';

/** Runs a round on fresh purses through these processes, while another reads; then settles and looks at what is there. */
export async function runRound(
  plans: readonly Plan[],
  processes: readonly Ledger[],
  settler: Store,
): Promise<void> {
  const [first] = processes as [Ledger];
  await first.empty();
  await first.fill(PURSES);
  const reading = readAll(await openLedger(settler));
  const outcomes = await Promise.all(
    plans.map(async (one, i) => {
      await sleep(one.startsAfterMs);
      return survive(one, () => runPlan(one, `t${i}`, processes[one.process % processes.length] as Ledger));
    }),
  );
  const seen = await reading.stop();
  await settleUntilQuiet(settler);
  await checkRound({ plans, outcomes, seen, ledger: first });
}

/** What the run answers, or that its process died. */
function survive(
  { diesAt = Number.POSITIVE_INFINITY, stepMs }: Plan,
  run: () => Promise<boolean>,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    fates.run({ left: diesAt, stepMs, die: () => resolve('died') }, () => run().then(resolve, reject));
  });
}

async function runPlan(one: Plan, name: string, ledger: Ledger): Promise<boolean> {
  const isApart = one.sees !== one.from && one.sees !== one.to;
  const [from, to, sees] = await Promise.all([
    ledger.get(one.from),
    one.to && ledger.get(one.to),
    isApart && one.sees ? ledger.get(one.sees) : undefined,
  ]);
  if (from === undefined || from.id === one.to) return false;
  if (one.isTouch) return ledger.touch(`single-${name}`, from);
  if (one.to !== undefined && to === undefined) return false;
  try {
    return await ledger.transfer(name, {
      from,
      to: to || `${one.from}-${name}`,
      isEmptied: one.isEmptied,
      sees,
      seats: one.seats,
    });
  } catch (error) {
    if (!(error instanceof Taken) || error.field !== 'seat') throw error;
    return false;
  }
}

/** Reads all the time, and finds each row whole; answers the names of what it saw. */
function readAll(ledger: Ledger) {
  const seen = new Set<string>();
  let isOver = false;
  async function read(): Promise<void> {
    while (!isOver) {
      for (const purse of await ledger.all()) {
        assertWhole(purse);
        for (const name of purse.transfers) if (name.startsWith('t')) seen.add(name);
      }
      for (const name of await ledger.noted()) seen.add(name);
    }
  }
  const reading = read();
  return {
    async stop(): Promise<ReadonlySet<string>> {
      isOver = true;
      await reading;
      return seen;
    },
  };
}

function assertWhole(purse: Purse): void {
  assert.equal(purse.twin, purse.cents, JSON.stringify(purse));
  for (const name of Object.keys(purse)) assert.doesNotMatch(name, /^_/);
}

/** Those that were preparing when they died are given back after a moment. */
async function settleUntilQuiet(store: Store): Promise<void> {
  if (store.engine === 'mongodb') await sleep(STALE_MS + 10);
  await store.settleCommits();
}

/** So short that commits are also taken for dead that are only slow. */
export const STALE_MS = 40;

async function checkRound(round: {
  plans: readonly Plan[];
  outcomes: readonly Outcome[];
  seen: ReadonlySet<string>;
  ledger: Ledger;
}): Promise<void> {
  const { plans, outcomes, seen, ledger } = round;
  const done = new Set(await ledger.noted());
  const purses = new Map((await ledger.all()).map((purse) => [purse.id, purse]));
  for (const name of seen) assert.ok(done.has(name), `a read showed ${name}, which never was`);
  const versions = new Map<string, number>();
  const moved = (id: string) => versions.set(id, (versions.get(id) ?? 0) + 1);

  for (const [i, { from, to, isEmptied, isTouch, seats }] of plans.entries()) {
    const name = `t${i}`;
    const outcome = outcomes[i];
    if (isTouch) {
      if (outcome !== true) continue;
      moved(from);
      const purse = purses.get(from);
      if (purse !== undefined) assert.ok(purse.transfers.includes(`single-${name}`), `${name} at ${from}`);
      continue;
    }
    if (outcome !== 'died') assert.equal(done.has(name), outcome, name);
    const whole = done.has(name);
    const into = to ?? `${from}-${name}`;
    if (isEmptied && whole) assert.equal(purses.has(from), false, `${name} has left ${from}`);
    if (to === undefined && !whole) assert.equal(purses.has(into), false, `${name} has made ${into}`);
    for (const [id, seat] of [
      [from, seats[0]],
      [into, seats[1]],
    ] as const) {
      const purse = purses.get(id);
      if (purse === undefined) continue;
      assert.equal(purse.transfers.includes(name), whole, `${name} at ${id}`);
      if (whole && id !== `${from}-${name}`) moved(id);
      if (purse.transfers.at(-1) === name) assert.equal(purse.seat, seat);
    }
  }
  const gone = plans.filter(({ from }, i) => done.has(`t${i}`) && !purses.has(from));
  for (const id of PURSES) assert.equal(purses.has(id), !gone.some(({ from }) => from === id), id);
  for (const purse of purses.values()) {
    assertWhole(purse);
    assert.equal(purse.version, versions.get(purse.id) ?? 0, purse.id);
    if (purse.seat !== undefined) assert.equal((await ledger.find(purse.id, purse.seat))?.id, purse.id);
  }
  const cents = [...purses.values()].reduce((sum, purse) => sum + purse.cents, 0);
  assert.equal(cents, PURSES.length * CENTS);
}
