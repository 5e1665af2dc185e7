import { type Collection, type Declaration, type Store, TooBusy, TooSlow } from '../../adapters/port.ts';
import { Problem } from '../ground/errors.ts';
import { SEARCH_SECONDS_MAX } from '../ground/limits.ts';

/** The same collections, whose lists and counts tell a caller what to do where they look through too many rows. */
export function explainingLongSearches(store: Store): Pick<Store, 'collection'> {
  return {
    async collection<R extends { id: string }>(declaration: Declaration<R>): Promise<Collection<R>> {
      const rows = await store.collection(declaration);
      return {
        ...rows,
        list: (listing) => rows.list(listing).catch(explain),
        count: (where, bounds) => rows.count(where, bounds).catch(explain),
      };
    },
  };
}

function explain(error: unknown): never {
  if (error instanceof TooSlow) {
    throw new Problem({
      status: 504,
      code: 'TIMEOUT',
      message: `To look through these records took more than ${SEARCH_SECONDS_MAX} seconds.`,
      hint: 'Narrow them down by a field that the type has an index for, or have them not counted (exclude_remaining). The owner of the app can give the type more indexes.',
      cause: error,
    });
  }
  if (error instanceof TooBusy) {
    throw new Problem({
      status: 503,
      code: 'TOO_BUSY',
      message: 'There are too many records to look through just now.',
      hint: 'Try again in a few seconds. What is narrowed down by a field that the type has an index for need not wait.',
      headers: { 'Retry-After': String(SEARCH_SECONDS_MAX) },
      cause: error,
    });
  }
  throw error;
}
