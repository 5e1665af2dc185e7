import { setTimeout as sleep } from 'node:timers/promises';
import type mongoose from 'mongoose';
import type { CheckedChange } from '../checks.ts';
import { Unavailable } from '../port.ts';
import type { Document, Documents } from './documents.ts';
import { isDuplicate } from './failures.ts';
import { changeUpdate, type Filter } from './queries.ts';
import { COMMIT, released, UNSEEN } from './reservations.ts';

/**
 * How commits end (commit.ts tells the story): what was decided is applied, and what cannot be decided any more is given
 * back. Whoever meets a reservation may do either, at once with others, and again.
 */

/** One write in a commit's record. */
export type RecordedWrite = {
  collection: string;
  id: string;
  kind: 'insert' | 'change' | 'remove';
  /** A `CheckedChange` as JSON: names in it may be any. */
  change?: string;
};

/** Which row. */
export type RowName = Pick<RecordedWrite, 'collection' | 'id'>;

/** What is on record of a commit while it is under way. */
export type CommitRecord = {
  _id: string;
  state: 'preparing' | 'committed';
  at: Date;
  writes: RecordedWrite[];
};

/** What the steps of commits share. */
export type Shared = {
  records: mongoose.mongo.Collection<CommitRecord>;
  documentsOf: (collection: string) => Documents;
  /** Runs before each step. */
  atStep: (step: string) => Promise<unknown>;
  serverTime: () => Promise<number>;
  staleMs: number;
};

/** A row or a value that another commit has reserved. */
export const BUSY: unique symbol = Symbol('reserved');

/** So long a commit waits, whose own rows others wait for meanwhile. */
export const COMMIT_PATIENCE_MS = 1000;
const PAUSE_MS = 10;

/** Acknowledged when one server has it in memory. */
export const FAST = { writeConcern: { w: 1 } } as const;

/** Ends the commit that has reserved a row, or gives it a moment. */
export async function meet(
  shared: Shared,
  collection: string,
  { _id, [COMMIT]: commit }: Document,
): Promise<void> {
  if (typeof commit === 'string') await settle(shared, commit, [{ collection, id: _id }]);
}

/** Ends a commit if it can be ended. `rows` are those known to be reserved by it. */
async function settle(shared: Shared, id: string, rows: readonly RowName[]): Promise<void> {
  const record = await shared.records.findOne({ _id: id });
  if (record === null) return release(shared, id, rows);
  if (record.state === 'committed') return apply(shared, id, record.writes);
  if ((await shared.serverTime()) - record.at.getTime() >= shared.staleMs)
    await giveBack(shared, id, record.writes);
}

/** Carries out what was decided. Safe to repeat and to race. */
export async function apply(shared: Shared, id: string, writes: readonly RecordedWrite[]): Promise<void> {
  const alike = Map.groupBy(writes, ({ collection, kind, change }) => `${collection} ${kind} ${change}`);
  await eachOf([...alike.values()], async (group) => {
    await shared.atStep('apply');
    await applyAlike(shared, id, group);
  });
  await shared.atStep('end');
  // Should a power cut bring the record back, there is nothing left that it would change.
  await shared.records.deleteOne({ _id: id }, FAST);
}

/** What is done to several rows alike is one command. One row has a command that the driver may repeat by itself. */
async function applyAlike({ documentsOf }: Shared, commit: string, group: RecordedWrite[]): Promise<void> {
  const [write, ...more] = group;
  if (write === undefined) return;
  const documents = documentsOf(write.collection);
  const reserved = { _id: among(group.map(({ id }) => id)), [COMMIT]: commit };
  const isOne = more.length === 0;
  if (write.kind === 'remove') {
    await (isOne ? documents.deleteOne(reserved) : documents.deleteMany(reserved));
  } else {
    const update = appliedBy(write);
    await (isOne ? documents.updateOne(reserved, update) : documents.updateMany(reserved, update));
  }
}

/** Matches these ids. */
function among(ids: readonly string[]): string | { $in: readonly string[] } {
  const [id, ...more] = ids;
  return id !== undefined && more.length === 0 ? id : { $in: ids };
}

function appliedBy({ kind, change }: RecordedWrite): Filter {
  if (kind === 'insert') return { $unset: { [COMMIT]: '', [UNSEEN]: '' } };
  const update = changeUpdate(JSON.parse(change ?? '') as CheckedChange) ?? {};
  return { ...update, $unset: { ...(update.$unset as object | undefined), [COMMIT]: '' } };
}

/** Ends a commit whose process is taken for dead, unless it was decided just now. */
async function giveBack(shared: Shared, id: string, writes: readonly RowName[]): Promise<void> {
  await shared.atStep('undecide');
  const ended = await shared.records.deleteOne({ _id: id, state: 'preparing' });
  if (ended.deletedCount > 0) await release(shared, id, writes);
}

/** Gives back the rows of a commit that will never be. Safe to repeat and to race. */
export async function release(shared: Shared, id: string, rows: readonly RowName[]): Promise<void> {
  const until = performance.now() + COMMIT_PATIENCE_MS;
  await eachOf([...Map.groupBy(rows, ({ collection }) => collection)], async ([collection, group]) => {
    const documents = shared.documentsOf(collection);
    await shared.atStep('release');
    const reserved = await documents.find({ _id: among(group.map((row) => row.id)), [COMMIT]: id }).toArray();
    const [unseen, seen] = [true, false].map((isUnseen) =>
      reserved.filter((document) => (document[UNSEEN] === true) === isUnseen),
    ) as [Document[], Document[]];
    if (unseen.length > 0) {
      const _id = among(unseen.map((document) => document._id));
      await documents.deleteMany({ _id, [COMMIT]: id, [UNSEEN]: true });
    }
    await eachOf(seen, async (document) => {
      await shared.atStep('release');
      const result = await whileBusy(until, () => releaseRow(documents, id, document));
      if (result === BUSY) throw new Unavailable('a row cannot be given back yet');
    });
  });
}

/** What it holds is as it was when it was reserved: nobody else writes to it meanwhile. */
async function releaseRow(
  documents: Documents,
  commit: string,
  document: Document,
): Promise<true | typeof BUSY> {
  try {
    await documents.updateOne({ _id: document._id, [COMMIT]: commit }, released(document));
    return true;
  } catch (error) {
    // Another commit has taken the row's old value, and is about to see that it may not.
    if (!isDuplicate(error)) throw error;
    return BUSY;
  }
}

/** Ends what commits of processes that died left behind in these collections; those that are under way go on. */
export async function settleAll(shared: Shared, collections: Iterable<string>): Promise<void> {
  const records = await shared.records.find({}, { projection: { _id: 1 } }).toArray();
  const ids = records.map(({ _id }) => ({ id: _id, rows: [] as RowName[] }));
  for (const collection of collections) {
    const reserved = { [COMMIT]: { $exists: true } };
    const found = await shared
      .documentsOf(collection)
      .find(reserved, { projection: { [COMMIT]: 1 } })
      .toArray();
    for (const { _id, [COMMIT]: id } of found)
      ids.push({ id: id as string, rows: [{ collection, id: _id }] });
  }
  await eachOf(ids, ({ id, rows }) => settle(shared, id, rows));
}

/** Rows that are written at once. */
const AT_ONCE = 50;

/** Does all of them, and only then throws what one of them threw: nothing is still on its way. */
export async function eachOf<T, U>(all: readonly T[], run: (one: T) => Promise<U>): Promise<U[]> {
  const results: PromiseSettledResult<U>[] = [];
  for (let from = 0; from < all.length; from += AT_ONCE) {
    results.push(...(await Promise.allSettled(all.slice(from, from + AT_ONCE).map(run))));
  }
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

/** Tries again, with pauses that grow, until `until` (of `performance.now`). */
export async function whileBusy<T>(
  until: number,
  attempt: () => Promise<T | typeof BUSY>,
): Promise<T | typeof BUSY> {
  for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, 10 * PAUSE_MS)) {
    const result = await attempt();
    if (result !== BUSY || performance.now() > until) return result;
    await sleep(pauseMs * (0.5 + Math.random()));
  }
}
