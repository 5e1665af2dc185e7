import type mongoose from 'mongoose';
import { type Declaration, Taken } from '../port.ts';
import type { Documents } from './documents.ts';
import { isDuplicate } from './failures.ts';
import { fieldOf } from './queries.ts';
import { COMMIT, nextOf, ownField } from './reservations.ts';

const uniqueName = (field: string) => `unique_${field}`;
/** A comma stands in no name of a field, so no two indexes have the same name. */
const indexName = (fields: readonly string[]) => `by_${fields.join()}`;

/**
 * Creates the indexes that are missing, one by one, because FerretDB 1 mixes up a list of which some are there; and removes
 * what an `exact` declaration has no more.
 */
export async function makeSchema<R extends { id: string }>(
  documents: Documents,
  declaration: Declaration<R>,
): Promise<void> {
  const { committed = false, unique: declared = [], indexes = [], exact = false } = declaration;
  const unique = committed ? [...declared, ...declared.map(nextOf)] : declared;
  const known = await knownIndexes(documents);
  if (committed && !known.has(COMMIT)) {
    // For who looks for what was left behind. Sparse, so that other writes do not touch it.
    await documents.createIndex({ [COMMIT]: 1 }, { name: COMMIT, sparse: true });
  }
  const asked = new Set([...unique.map(uniqueName), ...indexes.map((fields) => keysOf(fields).join())]);
  for (const [name, keys] of known) {
    const isOfDeclaration = /^(unique|by)_/.test(name);
    if (exact && isOfDeclaration && !asked.has(name) && !asked.has(keys)) await documents.dropIndex(name);
  }
  for (const field of unique) {
    // Sparse: rows without the field do not exclude each other. FerretDB ignores the word and does that
    // anyway.
    if (known.has(uniqueName(field))) continue;
    try {
      const options = { name: uniqueName(field), unique: true, sparse: true };
      await documents.createIndex({ [fieldOf(field)]: 1 }, options);
    } catch (error) {
      throw isDuplicate(error) ? new Taken(declaration.name, ownField(field)) : error;
    }
  }
  // What has the same keys is the same, whatever it is called: older stores had other names.
  const there = new Set(known.values());
  for (const fields of indexes) {
    const keys = keysOf(fields);
    if (there.has(keys.join())) continue;
    there.add(keys.join());
    const key = Object.fromEntries(keys.map((one) => [one, 1 as const]));
    await documents.createIndex(key, { name: indexName(fields) });
  }
}

/** The id at the end makes paging with ties a walk along the index. */
function keysOf(fields: readonly string[]): string[] {
  return [...fields.map(fieldOf), '_id'];
}

/** By name, the keys of each index. */
async function knownIndexes(documents: Documents): Promise<Map<string, string>> {
  try {
    const known = await documents.listIndexes().toArray();
    return new Map(known.map(({ name, key }) => [String(name), Object.keys(key as object).join()]));
  } catch (error) {
    // A collection that is not there yet: it comes with its first index or row.
    if ((error as mongoose.mongo.MongoServerError).codeName === 'NamespaceNotFound') return new Map();
    throw error;
  }
}
