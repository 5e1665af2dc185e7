import type { Collection, Condition, Listing, Where } from '../../adapters/port.ts';

/** Rows that are looked at for one page: some 20 ms of work on a small machine. */
const ROWS_READ_MAX = 3000;
const BATCH_ROWS = 500;

type Row = { id: string; at: number };

/** What was found, and where the search was given up, if it was: it can go on from there. */
export type Found<R> = { rows: R[]; stoppedAt: R | undefined };

/**
 * The first rows of a list, in the order of time, that match: `where` is what an index leads to, `isMatch` what is looked
 * at in each row. However few match, no more than a certain number of rows is read.
 *
 * The engine is told only where in time to begin: of a span with two ends SQLite thinks that it is short, and walks any
 * index on times instead of the one that leads to the rows.
 */
export async function searchRows<R extends Row>(
  collection: Pick<Collection<R>, 'list'>,
  wanted: {
    where: Where<R>;
    isMatch: ((row: R) => boolean) | undefined;
    descending: boolean;
    /** The first moment, and the first that is too late. */
    from?: number | undefined;
    before?: number | undefined;
    after?: R | undefined;
    /** Rows that are enough. */
    count: number;
  },
): Promise<Found<R>> {
  const { descending, from = 0, before = Infinity, count, isMatch = () => true } = wanted;
  const order = { by: 'at', descending } as unknown as Required<Listing<R>>['order'];
  const isBehindEnd = ({ at }: R) => (descending ? at < from : at >= before);
  const limit = wanted.isMatch === undefined ? count : BATCH_ROWS;
  const rows: R[] = [];
  let after = wanted.after;
  let where = [...wanted.where, ...(after === undefined ? beginningOf<R>(wanted) : [])];
  for (let read = 0; read < ROWS_READ_MAX; read += limit) {
    const page = await collection.list({ where, order, limit, ...(after && { after }) });
    rows.push(...page.filter((row) => !isBehindEnd(row) && isMatch(row)));
    after = page.at(-1);
    const isOver = page.length < limit || after === undefined || isBehindEnd(after);
    if (isOver || rows.length >= count) return { rows, stoppedAt: undefined };
    where = [...wanted.where];
  }
  return { rows, stoppedAt: after };
}

function beginningOf<R extends Row>(wanted: {
  descending: boolean;
  from?: number | undefined;
  before?: number | undefined;
}): Condition<R>[] {
  const { descending, from, before } = wanted;
  const [test, at] = descending ? ['<', before] : ['>=', from];
  return at === undefined ? [] : ([['at', test, at]] as unknown as Condition<R>[]);
}
