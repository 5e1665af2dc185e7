import type { Collection, Listing } from '../../adapters/port.ts';

const PAGE_ROWS = 200;

/** All rows that are wanted, read a page at a time. */
export async function listAll<R extends { id: string }>(
  rows: Collection<R>,
  wanted: Omit<Listing<R>, 'limit'>,
) {
  const all: R[] = [];
  for (;;) {
    const after = all.at(-1);
    const page = await rows.list({ ...wanted, limit: PAGE_ROWS, ...(after === undefined ? {} : { after }) });
    all.push(...page);
    if (page.length < PAGE_ROWS) return all;
  }
}
