import { z } from 'zod';
import { type Collection, type Declaration, declare, type Store, Taken } from '../../adapters/port.ts';
import { openCollections } from '../effects/collections.ts';
import { type Carrier, pendingEffects } from '../effects/effects.ts';
import type { Clock } from '../ground/clock.ts';
import { WrongSettings } from '../ground/settings.ts';
import { explainingLongSearches } from './long-searches.ts';
import type { StoredRecord } from './record.ts';
import type { DataType } from './type.ts';

const COLLECTION = 'data_';

/** What a store is told of a type. */
type Stored = Pick<DataType, 'name' | 'fields' | 'indexes' | 'unique' | 'onePerAccount'>;

/**
 * The collection of a declared type. Its fields are checked against the type when a record is staged, and
 * not again when it is written: a run that has happened must not fail because types/ changed meanwhile.
 */
export function rowDeclarationOf(type: Stored, { exact = false } = {}): Declaration<StoredRecord> {
  const own = {
    id: z.string(),
    createdAt: z.number(),
    createdBy: z.string().optional(),
    modifiedAt: z.number().optional(),
    version: z.number().optional(),
    ...pendingEffects,
  };
  const declared = Object.fromEntries(
    Object.keys(type.fields).map((field) => [field, z.unknown().optional()]),
  );
  // Within each, in the order of their making, which is what lists are in: so the first fifty are found without a look at
  // the others, however many there are.
  const declaredIndexes = type.indexes.map((fields) => [...new Set([...fields, 'createdAt'])]);
  const indexes = [['createdBy', 'createdAt'], ['createdAt'], ['pendingAt'], ...declaredIndexes];
  return declare<StoredRecord>({
    name: COLLECTION + type.name,
    schema: z.strictObject({ ...declared, ...own }) as unknown as Declaration<StoredRecord>['schema'],
    // The names were held to the type's own fields when it was loaded.
    unique: [...type.unique, ...(type.onePerAccount ? ['createdBy'] : [])],
    indexes,
    committed: true,
    searched: true,
    exact,
  });
}

/** A declared type with its declaration for the store and the collection of its records. */
export type OpenType = {
  type: DataType;
  declaration: Declaration<StoredRecord>;
  rows: Collection<StoredRecord>;
};

/**
 * The collections of these types, each by the type's name, and those of them that carry effects. Throws `WrongSettings`
 * where records clash in what is to be unique. `exact`: what a type no longer makes unique refuses nothing any more.
 */
export async function openDataRows(
  given: Store,
  types: ReadonlyMap<string, DataType>,
  clock: Clock,
  { exact = false } = {},
): Promise<{ opened: ReadonlyMap<string, OpenType>; carriers: Collection<Carrier>[] }> {
  const declarations = Object.fromEntries(
    [...types].map(([name, type]) => [name, rowDeclarationOf(type, { exact })]),
  );
  const store = explainingLongSearches(given);
  const { rows, carriers } = await openCollections(store, declarations, clock).catch((error: unknown) => {
    throw error instanceof Taken ? new WrongSettings([clashInWords(error)]) : error;
  });
  const opened = [...types].map(([name, type]): [string, OpenType] => [
    name,
    {
      type,
      declaration: declarations[name] as Declaration<StoredRecord>,
      rows: rows[name] as Collection<StoredRecord>,
    },
  ]);
  return { opened: new Map(opened), carriers };
}

/** The collections of types that are declared no more, each by the type's name, and those of them that carry effects. */
export function openGoneRows(store: Store, names: readonly string[], clock: Clock) {
  const known = { fields: {}, indexes: [], unique: [], onePerAccount: false };
  const declarations = names.map((name) => [name, rowDeclarationOf({ name, ...known })] as const);
  return openCollections(store, Object.fromEntries(declarations), clock);
}

/** A type was made stricter than its records are. */
function clashInWords({ collection, field }: Taken): string {
  const type = collection.slice(COLLECTION.length);
  return field === 'createdBy'
    ? `types: an account has made more than one ${type}; take onePerAccount out of it, start, delete all but one, and put it back`
    : `types: records of ${type} have the same ${field}; take ${field} out of unique, start, give them different ones, and put it back`;
}

/** Records at a time; others are served between two batches. */
const BATCH_RECORDS = 500;

/**
 * Removes a batch of an account's records of a type, and answers what is left of them: more to remove at once, some that
 * carry effects which are not delivered yet, or none.
 */
export async function removeRecordsOf(
  rows: OpenType['rows'],
  accountId: string,
): Promise<'more' | 'some' | 'none'> {
  const theirs = ['createdBy', '=', accountId] as const;
  const removed = await rows.removeMany([theirs, ['pendingId', 'absent']], BATCH_RECORDS);
  if (removed === BATCH_RECORDS) return 'more';
  return (await rows.count([theirs])) === 0 ? 'none' : 'some';
}
