import { randomUUID } from 'node:crypto';
import type mongoose from 'mongoose';
import { type CheckedWrite, createWriteChecks } from '../checked-writes.ts';
import { toJson } from '../json-text.ts';
import { type Declaration, type Store, Taken } from '../port.ts';
import { type Document, type Documents, documentOf } from './documents.ts';
import { duplicatesOf, isDuplicate, unavailableFrom } from './failures.ts';
import { allOf, conditionFilter, type Filter } from './queries.ts';
import { COMMIT, FREE, nextOf, SEEN, UNSEEN, withNextOfChange, withNextOfRow } from './reservations.ts';
import {
  apply,
  BUSY,
  COMMIT_PATIENCE_MS,
  type CommitRecord,
  eachOf,
  FAST,
  meet,
  type RecordedWrite,
  release,
  type Shared,
  settleAll,
  whileBusy,
} from './settle.ts';

/**
 * How writes stay whole without a transaction over several documents. A commit has a record in `commits`, with its writes:
 * - Prepare: the record is made, `preparing`. Each row to be changed or removed is reserved by one guarded write that
 *   names the commit; new rows are inserted as ones that nobody sees; a unique value that a row will have is taken in the
 *   field beside it, which is unique as well. Nothing is visible yet.
 * - Commit: one write, guarded by `preparing`, makes the record `committed`. From here on all of it happens.
 * - Apply: each row gets its change and loses its reservation; then the record is removed.
 * Whoever meets a reservation looks at the record: `committed`, then it applies the rest; `preparing` for some seconds, then
 * it removes the record, guarded by `preparing`, so that the commit cannot be decided any more, and gives the rows back;
 * a moment of `preparing`, then it waits. A record is removed only after all was applied, so a reservation without one is to
 * be given back. Each write to a row is guarded by its reservation, so any number may help at once, and repeat it.
 * Rows are reserved in the order of collection and id, so that of two commits one always comes through.
 */
export type Commits = ReturnType<typeof createCommits>;

/** For tests: runs before each step, and so may hold it up, or never come back as if the process had died there. */
export type CommitOptions = { atStep?: (step: string) => Promise<unknown>; staleMs?: number };

/** How long a commit may take to be prepared before another takes it for dead. */
const STALE_MS = 3000;

/** A write of a commit that is under way. */
type PlannedWrite = RecordedWrite & {
  documents: Documents;
  taken: CheckedWrite['taken'];
  /** What a new row is. */
  document: Document;
  /** What must hold of a row that is there. */
  guard: Filter[];
};

export function createCommits(
  db: mongoose.mongo.Db,
  /** Makes sure that the collection's indexes are there. */
  open: (declaration: Declaration<{ id: string }>) => Promise<unknown>,
  { atStep = async () => undefined, staleMs = STALE_MS }: CommitOptions = {},
) {
  const writeConcern = { w: 'majority', j: true, wtimeoutMS: 5000 } as const;
  const shared: Shared = {
    records: db.collection<CommitRecord>('commits', { writeConcern }),
    documentsOf: (name) => db.collection<Document>(name, { writeConcern, ignoreUndefined: true }),
    atStep,
    serverTime: async () => ((await db.command({ hello: 1 })).localTime as Date).getTime(),
    staleMs,
  };
  const checkedWrites = createWriteChecks();
  const opened = new Set<string>();

  async function commit(writes: readonly CheckedWrite[]): Promise<boolean> {
    const planned = writes.map((write) => planOf(write, shared));
    const id = randomUUID();
    await makeRecord(shared, id, planned);
    try {
      if (!(await prepare(shared, id, planned))) return await abandon(shared, id, planned);
    } catch (error) {
      await abandon(shared, id, planned).catch(() => undefined);
      // What saw other rows than there are may find that it wants another value.
      if (error instanceof Taken && !(await areHeld(planned))) return false;
      throw error;
    }
    // Else it was taken for dead.
    if (!(await decide(shared, id))) return abandon(shared, id, planned);
    await apply(shared, id, planned);
    return true;
  }

  return {
    /** The collections whose rows may be reserved. */
    note(name: string): void {
      opened.add(name);
    },

    commit: (async (writes) => {
      const all = checkedWrites(writes);
      for (const { declaration } of all) if (!opened.has(declaration.name)) await open(declaration);
      return all.length === 0 || (await asked(() => commit(all)));
    }) satisfies Store['commit'],

    settleCommits: () => asked(() => settleAll(shared, opened)),

    /** Ends the commit that has reserved a row, if it can be ended. */
    meet: (collection: string, document: Document) => asked(() => meet(shared, collection, document)),
  };
}

async function asked<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw unavailableFrom(error);
  }
}

function planOf(write: CheckedWrite, { documentsOf }: Shared): PlannedWrite {
  const { declaration, id, taken } = write;
  const { name: collection, unique = [] } = declaration;
  const shared = {
    collection,
    documents: documentsOf(collection),
    id,
    taken,
    document: { _id: id },
    guard: [],
  };
  if ('insert' in write) {
    return { ...shared, kind: 'insert', document: withNextOfRow(documentOf(write.insert), unique) };
  }
  const guard = write.guard.map(conditionFilter);
  if ('remove' in write) return { ...shared, kind: 'remove', guard };
  return { ...shared, kind: 'change', guard, change: toJson(withNextOfChange(write.change, unique)) };
}

async function makeRecord(
  { records, atStep }: Shared,
  id: string,
  planned: readonly PlannedWrite[],
): Promise<void> {
  await atStep('record');
  const writes = planned.map(({ collection, id, kind, change }) => ({
    collection,
    id,
    kind,
    ...(change !== undefined && { change }),
  }));
  // Should a power cut take the record, the commit cannot be decided, and what it reserved is given back.
  await records.updateOne(
    { _id: id },
    { $setOnInsert: { state: 'preparing', writes }, $currentDate: { at: true } },
    { ...FAST, upsert: true },
  );
}

/** Reserves everything; answers false where that cannot be. */
async function prepare(shared: Shared, commit: string, planned: readonly PlannedWrite[]): Promise<boolean> {
  const until = performance.now() + COMMIT_PATIENCE_MS;
  const added = planned.filter(({ kind }) => kind === 'insert');
  const there = planned.filter(({ kind }) => kind !== 'insert');
  for (const write of there) {
    if ((await whileBusy(until, () => reserve(shared, commit, write))) !== true) return false;
  }
  const inserts = [...Map.groupBy(added, ({ collection }) => collection).values()];
  const reserved = await eachOf(inserts, (writes) => insertUnseen(shared, commit, writes));
  if (reserved.includes(false)) return false;
  // The values are ours in the second field: nobody new can get them in the first.
  for (const write of there) if ((await holderOf(shared, commit, write)) !== undefined) return false;
  return true;
}

/** Whether all rows to be changed are as the writer saw them; what another commit has reserved is. */
async function areHeld(planned: readonly PlannedWrite[]): Promise<boolean> {
  const there = planned.filter(({ kind }) => kind !== 'insert');
  const held = await eachOf(there, ({ documents, id, guard }) =>
    documents.findOne({ _id: id, ...allOf([...guard, SEEN]) }, { projection: { _id: 1 } }),
  );
  return !held.includes(null);
}

async function decide({ records, atStep }: Shared, id: string): Promise<boolean> {
  await atStep('decide');
  const decided = await records.updateOne({ _id: id, state: 'preparing' }, { $set: { state: 'committed' } });
  return decided.matchedCount > 0;
}

async function reserve(shared: Shared, commit: string, write: PlannedWrite): Promise<boolean | typeof BUSY> {
  const { documents, id, taken, guard } = write;
  await shared.atStep('reserve');
  const next = Object.fromEntries(taken.map(([field, value]) => [nextOf(field), value]));
  try {
    const reservation = { $set: { [COMMIT]: commit, ...next } };
    const reserved = await documents.updateOne({ _id: id, ...allOf([...guard, FREE]) }, reservation);
    if (reserved.matchedCount > 0) return true;
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    await holderOf(shared, commit, write);
    return false;
  }
  const row = { _id: id, ...allOf([...guard, SEEN]) };
  const there = await documents.findOne(row, { projection: { [COMMIT]: 1 } });
  if (there === null) return false;
  await meet(shared, write.collection, there);
  return BUSY;
}

/** All new rows of one collection, in one command. */
async function insertUnseen(shared: Shared, commit: string, writes: PlannedWrite[]): Promise<boolean> {
  const unseen = writes.map(({ document }) => ({ ...document, [COMMIT]: commit, [UNSEEN]: true }));
  await shared.atStep('insert');
  try {
    await writes[0]?.documents.insertMany(unseen, { ordered: false });
    return true;
  } catch (error) {
    const refused = duplicatesOf(error, unseen.length);
    if (refused === undefined) throw error;
    for (const index of refused) await holderOf(shared, commit, writes[index] as PlannedWrite);
    return false;
  }
}

/**
 * The row that has the id or a unique value that the write takes. Throws `Taken` unless that is what another commit is
 * changing, which is ended if it can be.
 */
async function holderOf(shared: Shared, commit: string, write: PlannedWrite): Promise<Document | undefined> {
  const { documents, collection, id, kind, taken } = write;
  const places = taken.map(([field, value]) => {
    const either = [{ [field]: { $eq: value } }, { [nextOf(field)]: { $eq: value } }];
    return { field, filter: { _id: { $ne: id }, $or: either } as Filter };
  });
  if (kind === 'insert') places.unshift({ field: 'id', filter: { _id: id } });
  for (const { field, filter } of places) {
    const holder = await documents.findOne(filter, { projection: { [COMMIT]: 1 } });
    if (holder === null) continue;
    const by = holder[COMMIT];
    if (by === undefined || by === commit) throw new Taken(collection, field);
    await meet(shared, collection, holder);
    return holder;
  }
  return undefined;
}

/** Ends a commit of ours that is not decided; also what was reserved after another has given it back. */
async function abandon(shared: Shared, id: string, planned: readonly PlannedWrite[]): Promise<false> {
  await shared.atStep('undecide');
  await shared.records.deleteOne({ _id: id, state: 'preparing' });
  await release(shared, id, planned);
  return false;
}
