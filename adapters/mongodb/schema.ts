import type mongoose from 'mongoose';
import { type Declaration, Taken } from '../port.ts';
import type { Documents } from './documents.ts';
import { isDuplicate } from './failures.ts';
import { fieldOf } from './queries.ts';
import { COMMIT, nextOf, ownField } from './reservations.ts';

/** Creates the indexes that are missing, one by one: FerretDB 1 mixes up a list of which some are there. */
export async function makeSchema<R extends { id: string }>(
  documents: Documents,
  declaration: Declaration<R>,
): Promise<void> {
  const known = await knownIndexes(documents);
  const { committed = false, unique = [], indexes = [] } = declaration;
  if (committed && !known.names.has(COMMIT)) {
    // For who looks for what was left behind. Sparse, so that other writes do not touch it.
    await documents.createIndex({ [COMMIT]: 1 }, { name: COMMIT, sparse: true });
  }
  for (const field of [...unique, ...(committed ? unique.map(nextOf) : [])]) {
    const name = `unique_${field}`;
    // Sparse: rows without the field do not exclude each other. FerretDB ignores the word and does that
    // anyway.
    if (known.names.has(name)) continue;
    try {
      await documents.createIndex({ [fieldOf(field)]: 1 }, { name, unique: true, sparse: true });
    } catch (error) {
      throw isDuplicate(error) ? new Taken(declaration.name, ownField(field)) : error;
    }
  }
  for (const fields of indexes) {
    // The id at the end makes paging with ties a walk along the index.
    const keys = [...fields.map(fieldOf), '_id'];
    // What has the same keys is the same, whatever it is called: older stores had other names.
    if (known.keys.has(keys.join())) continue;
    known.keys.add(keys.join());
    const key = Object.fromEntries(keys.map((one) => [one, 1 as const]));
    // A comma stands in no name of a field, so no two indexes have the same name.
    await documents.createIndex(key, { name: `by_${fields.join()}` });
  }
}

async function knownIndexes(documents: Documents): Promise<{ names: Set<string>; keys: Set<string> }> {
  const known = { names: new Set<string>(), keys: new Set<string>() };
  try {
    for (const { name, key } of await documents.listIndexes().toArray()) {
      known.names.add(name as string);
      known.keys.add(Object.keys(key as object).join());
    }
  } catch (error) {
    // A collection that is not there yet: it comes with its first index or row.
    if ((error as mongoose.mongo.MongoServerError).codeName !== 'NamespaceNotFound') throw error;
  }
  return known;
}
