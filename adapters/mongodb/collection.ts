import type mongoose from 'mongoose';
import { type CheckedChange, type Checks, createChecks } from '../checks.ts';
import { type Collection, type Declaration, type Listing, Taken, type Where } from '../port.ts';
import type { Commits } from './commit.ts';
import { type Ask, askUnlessReserved, changesUnlessReserved } from './committed.ts';
import { type Document, type Documents, documentOf, rowOf } from './documents.ts';
import { duplicateField, duplicatesOf, isDuplicate, unavailableFrom } from './failures.ts';
import { allOf, behindFilter, changeUpdate, conditionFilter, type Filter, fieldOf } from './queries.ts';
import { FREE, nextOf, SEEN, withNextOfChange, withNextOfRow } from './reservations.ts';
import { makeSchema } from './schema.ts';

/** What the methods of one collection share. */
type Shared<R extends { id: string }> = {
  documents: Documents;
  checks: Checks<R>;
  /** What holds of every row that is seen, and of every one that may be written to (reservations.ts). */
  seen: readonly Filter[];
  free: readonly Filter[];
  /** What more is written with a row or a change. */
  whole(document: Document): Document;
  wholeChange(change: CheckedChange): CheckedChange;
  ask: Ask<R>;
  /** What a list or a count may take. */
  bounds: { maxTimeMS?: number };
};

/**
 * A write is done when most of a replica set have it in their journals, or when one server has it in memory.
 */
const WRITE_TIMEOUT_MS = 5000;
const WRITE_CONCERNS = {
  disk: { w: 'majority', j: true, wtimeoutMS: WRITE_TIMEOUT_MS },
  process: { w: 1 },
} as const;

/**
 * Makes ready the indexes of a declaration and gives the port's words for it. Rows are checked against their schemas
 * above this, so the collection of mongoose's connection is used and not a model, which would cast and check
 * once more.
 */
export async function openCollection<R extends { id: string }>(
  declaration: Declaration<R>,
  db: mongoose.mongo.Db,
  { commits, searchMsMax }: { commits: Pick<Commits, 'note' | 'meet'>; searchMsMax: number },
): Promise<Collection<R>> {
  const shared = sharedOf(declaration, db, searchMsMax);
  await shared.ask(() => makeSchema(shared.documents, declaration));
  if (declaration.committed !== true) return collectionOf(shared);
  commits.note(declaration.name);
  const parts = { ...shared, declaration, meet: (met: Document) => commits.meet(declaration.name, met) };
  const rows = collectionOf({ ...shared, ask: askUnlessReserved(parts) });
  return { ...rows, ...changesUnlessReserved(rows, parts) };
}

function collectionOf<R extends { id: string }>(shared: Shared<R>): Collection<R> {
  return { ...readsOf(shared), ...insertsOf(shared), ...changesOf(shared), ...removalsOf(shared) };
}

/** Adds rows to a collection that is open already, with a durability of its own. */
export function insertsWith<R extends { id: string }>(
  declaration: Declaration<R>,
  db: mongoose.mongo.Db,
  durability: NonNullable<Declaration<R>['durability']>,
): Pick<Collection<R>, 'insertMany'> {
  return insertsOf(sharedOf({ ...declaration, durability }, db));
}

function sharedOf<R extends { id: string }>(
  declaration: Declaration<R>,
  db: mongoose.mongo.Db,
  searchMsMax?: number,
): Shared<R> {
  const { name, durability = 'disk' } = declaration;
  const writeConcern = WRITE_CONCERNS[durability];
  const documents = db.collection<Document>(name, { writeConcern, ignoreUndefined: true });

  async function ask<T>(command: () => Promise<T>, written: Partial<R> = {}): Promise<T> {
    try {
      return await command();
    } catch (error) {
      if (!isDuplicate(error)) throw unavailableFrom(error);
      const field = duplicateField(error) ?? (await ask(() => takenField(documents, declaration, written)));
      throw new Taken(name, field);
    }
  }

  const checks = createChecks(declaration);
  const { committed, unique = [] } = declaration;
  const bounds = declaration.searched !== true || searchMsMax === undefined ? {} : { maxTimeMS: searchMsMax };
  const same = { documents, checks, ask, bounds };
  if (committed !== true)
    return {
      ...same,
      seen: [],
      free: [],
      whole: (one) => one,
      wholeChange: (change) => change,
    };
  return {
    ...same,
    seen: [SEEN],
    free: [FREE],
    whole: (document) => withNextOfRow(document, unique),
    wholeChange: (change) => withNextOfChange(change, unique),
  };
}

function readsOf<R extends { id: string }>(
  shared: Shared<R>,
): Pick<Collection<R>, 'get' | 'find' | 'list' | 'count'> {
  const { documents, checks, seen, ask, bounds } = shared;
  const one = async (filter: Filter): Promise<R | undefined> => {
    const document = await ask(() => documents.findOne({ ...filter, ...allOf(seen) }));
    return document === null ? undefined : rowOf<R>(document);
  };

  return {
    async get(id) {
      return one({ _id: checks.checkId(id) });
    },

    async find(field, value) {
      return one({ [fieldOf(field)]: { $eq: checks.checkKey(field, value) } });
    },

    async list(listing) {
      const { filter, sort, limit, skip } = listingQuery(checks, listing, seen);
      // To the driver a limit of 0 means "all".
      if (limit === 0) return [];
      const find = () => documents.find(filter, bounds).sort(sort).skip(skip).limit(limit);
      const { takes } = listing;
      if (takes !== undefined) return ask(() => taken<R>(find(), takes));
      return (await ask(() => find().toArray())).map(rowOf<R>);
    },

    async count(where, { most } = {}) {
      const filter = whereFilter(checks, where, seen);
      if (most === undefined) return ask(() => documents.countDocuments(filter, bounds));
      // The driver takes no limit of 0.
      const limit = checks.checkLimit(most);
      return limit === 0 ? 0 : ask(() => documents.countDocuments(filter, { ...bounds, limit }));
    },
  };
}

function insertsOf<R extends { id: string }>(
  shared: Shared<R>,
): Pick<Collection<R>, 'insert' | 'insertMany' | 'put'> {
  const { documents, checks, free, whole, ask } = shared;
  const checked = (row: R): Document => {
    checks.checkRow(row);
    return whole(documentOf(row));
  };

  /** Adds one row unless its id is there. */
  async function insertNew(row: R, document: Document): Promise<number> {
    try {
      await ask(() => documents.insertOne(document), row);
      return 1;
    } catch (error) {
      if (!(error instanceof Taken)) throw error;
      // Where a value of the row is taken besides, it may be that one which is named.
      if (error.field === 'id' || (await isThere(document))) return 0;
      throw error;
    }
  }

  async function isThere({ _id }: Document): Promise<boolean> {
    return (await ask(() => documents.countDocuments({ _id }, { limit: 1 }))) > 0;
  }

  return {
    async insert(row) {
      const document = checked(row);
      await ask(() => documents.insertOne(document), row);
    },

    async insertMany(rows) {
      const all = rows.map(checked);
      if (all.length === 0) return 0;
      try {
        return (await documents.insertMany(all, { ordered: false })).insertedCount;
      } catch (error) {
        const refused = duplicatesOf(error, all.length);
        if (refused === undefined) throw unavailableFrom(error);
        // Mostly a repeat. Each refused row is asked about alone, because only then is it sure what was
        // taken.
        let added = all.length - refused.length;
        for (const index of refused) {
          added += await insertNew(rows[index] as R, all[index] as Document);
        }
        return added;
      }
    },

    async put(row) {
      const { _id, ...fields } = checked(row);
      const replace = () => documents.replaceOne({ _id, ...allOf(free) }, fields, { upsert: true });
      try {
        await ask(replace, row);
      } catch (error) {
        // Two that put a new row at once may both try to insert it; now it is there to be replaced.
        if (!(error instanceof Taken) || error.field !== 'id') throw error;
        await ask(replace, row);
      }
    },
  };
}

function changesOf<R extends { id: string }>(
  shared: Shared<R>,
): Pick<Collection<R>, 'update' | 'updateMany'> {
  const { documents, checks, free, wholeChange, ask } = shared;

  return {
    async update(id, change, guard = []) {
      const checked = checks.checkChange(change);
      const update = changeUpdate(wholeChange(checked));
      const filter = { _id: checks.checkId(id), ...whereFilter(checks, guard, free) };
      const written = { ...Object.fromEntries(checked.set), id } as Partial<R>;
      const document = await ask(
        () =>
          update === undefined
            ? documents.findOne(filter)
            : documents.findOneAndUpdate(filter, update, { returnDocument: 'after' }),
        written,
      );
      return document === null ? undefined : rowOf<R>(document);
    },

    async updateMany(where, change) {
      const checked = checks.checkChange(change);
      const update = changeUpdate(wholeChange(checked));
      const filter = whereFilter(checks, where, free);
      if (update === undefined) return ask(() => documents.countDocuments(filter));
      const written = Object.fromEntries(checked.set) as Partial<R>;
      return (await ask(() => documents.updateMany(filter, update), written)).matchedCount;
    },
  };
}

function removalsOf<R extends { id: string }>(
  shared: Shared<R>,
): Pick<Collection<R>, 'remove' | 'removeMany'> {
  const { documents, checks, free, ask } = shared;

  return {
    async remove(id, guard = []) {
      const filter = { _id: checks.checkId(id), ...whereFilter(checks, guard, free) };
      return (await ask(() => documents.deleteOne(filter))).deletedCount > 0;
    },

    async removeMany(where, limit) {
      const filter = whereFilter(checks, where, free);
      if (checks.checkLimit(limit) === 0) return 0;
      const projection = { _id: 1 };
      const found = await ask(() => documents.find(filter, { projection }).limit(limit).toArray());
      const ids = { _id: { $in: found.map(({ _id }) => _id) } };
      // The condition once more: a row that stopped fitting in between stays.
      return (await ask(() => documents.deleteMany({ $and: [ids, filter] }))).deletedCount;
    },
  };
}

function whereFilter<R extends { id: string }>(
  checks: Checks<R>,
  where: Where<R>,
  more: readonly Filter[],
): Filter {
  return allOf([...checks.checkWhere(where).map(conditionFilter), ...more]);
}

function listingQuery<R extends { id: string }>(
  checks: Checks<R>,
  listing: Listing<R>,
  more: readonly Filter[],
) {
  const { where = [], after } = listing;
  const orders = checks.checkOrder(listing.order);
  const parts = [...checks.checkWhere(where).map(conditionFilter), ...more];
  if (after !== undefined) parts.push(behindFilter(checks.checkPlaces(after, orders)));
  return {
    filter: allOf(parts),
    sort: Object.fromEntries(
      orders.map(({ by, descending }) => [fieldOf(by), descending ? (-1 as const) : (1 as const)]),
    ),
    limit: checks.checkLimit(listing.limit),
    skip: checks.checkLimit(listing.skip ?? 0),
  };
}

async function taken<R>(found: AsyncIterable<Document>, takes: (row: R) => boolean): Promise<R[]> {
  const rows: R[] = [];
  for await (const document of found) {
    const row = rowOf<R>(document);
    if (!takes(row)) break;
    rows.push(row);
  }
  return rows;
}

/** Which value of a refused row is in use, where the server does not say. */
async function takenField<R extends { id: string }>(
  documents: Documents,
  declaration: Declaration<R>,
  written: Partial<R>,
): Promise<string> {
  for (const field of declaration.unique ?? []) {
    const value: unknown = written[field];
    if (value === undefined) continue;
    const other = written.id === undefined ? {} : { _id: { $ne: written.id } };
    const names = declaration.committed === true ? [field, nextOf(field)] : [field];
    const either = names.map((name) => ({ [name]: { $eq: value } }));
    if ((await documents.findOne({ $or: either, ...other })) !== null) return field;
  }
  return 'id';
}
