import type { Collection, Where } from '../../adapters/port.ts';

/**
 * Goes through all rows of a collection, one batch at each call, which answers how many were in it: fewer than `limit` are
 * the last. A batch that fails is looked at again. By id, for in any other order many rows may be equal, and an engine
 * would sort all of those for each batch.
 */
export function walkOf<R extends { id: string }>(
  collection: Pick<Collection<R>, 'list'>,
  limit: number,
  look: (row: R) => unknown,
): () => Promise<number> {
  let last = '';
  return async () => {
    // `R` promises that it has an id; the compiler cannot see through `keyof R`.
    const where = [['id', '>', last]] as unknown as Where<R>;
    const rows = await collection.list({ where, limit });
    for (const row of rows) await look(row);
    last = rows.at(-1)?.id ?? last;
    return rows.length;
  };
}
