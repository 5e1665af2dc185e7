import type mongoose from 'mongoose';
import type { Declaration } from '../port.ts';
import type { Documents } from './documents.ts';
import { fieldOf } from './queries.ts';
import { COMMIT, nextOf } from './reservations.ts';

/** Creates the indexes that are missing, one by one: FerretDB 1 mixes up a list of which some are there. */
export async function makeSchema<R extends { id: string }>(
  documents: Documents,
  declaration: Declaration<R>,
): Promise<void> {
  const known = new Set(await indexNames(documents));
  if (declaration.committed === true && !known.has(COMMIT)) {
    // For who looks for what was left behind. Sparse, so that other writes do not touch it.
    await documents.createIndex({ [COMMIT]: 1 }, { name: COMMIT, sparse: true });
  }
  const next = declaration.committed === true ? (declaration.unique ?? []).map(nextOf) : [];
  for (const field of [...(declaration.unique ?? []), ...next]) {
    const name = `unique_${field}`;
    // Sparse: rows without the field do not exclude each other. FerretDB ignores the word and does that
    // anyway.
    if (!known.has(name))
      await documents.createIndex({ [fieldOf(field)]: 1 }, { name, unique: true, sparse: true });
  }
  for (const fields of declaration.indexes ?? []) {
    const name = `by_${fields.join('_')}`;
    // The id at the end makes paging with ties a walk along the index.
    const keys = Object.fromEntries([...fields.map(fieldOf), '_id'].map((key) => [key, 1 as const]));
    if (!known.has(name)) await documents.createIndex(keys, { name });
  }
}

async function indexNames(documents: Documents): Promise<string[]> {
  try {
    return (await documents.listIndexes().toArray()).map((index) => index.name as string);
  } catch (error) {
    // A collection that is not there yet: it comes with its first index or row.
    if ((error as mongoose.mongo.MongoServerError).codeName === 'NamespaceNotFound') return [];
    throw error;
  }
}
