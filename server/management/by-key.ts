import type { Collection, ScalarField, Where } from '../../adapters/port.ts';
import { Problem } from '../ground/errors.ts';
import { hashOf } from '../ground/opaque.ts';

/** Rows that are looked at for one page where no index leads to them: some 20 ms of work on a small machine. */
const ROWS_READ_MAX = 3000;
const BATCH_ROWS = 500;

/** Which part of a list is asked for. */
export type PageAsked = {
  /** What the page before gave as `next`; '' for the first page. */
  cursor: string;
  /** Rows of a page at most. */
  limit: number;
  /** Which list that is, with what it is filtered by: a cursor of another one would leave rows out without a word. */
  list?: string;
};

export type PageOf<R> = {
  rows: R[];
  /** The cursor of the page behind this one; undefined at the end. */
  next: string | undefined;
  /** So many rows did not match that the search was given up for now: the next page goes on. */
  isPartial: boolean;
};

type Row = { id: string };

/** A list that is these few rows and no more. */
export function wholeList<R>(rows: R[]): PageOf<R> {
  return { rows, next: undefined, isPartial: false };
}

/**
 * One page of a list that may have a million rows: `where` and `order` are what an index leads to, `isMatch` what is
 * looked at in each row. However few match, no more than a certain number of rows is read. Throws Problem 400 for a
 * cursor that is not ours.
 */
export async function pageByKey<R extends Row>(
  collection: Pick<Collection<R>, 'list'>,
  asked: PageAsked,
  wanted: {
    where?: Where<R>;
    /**
     * Where the list begins; with a cursor it has begun. Told apart because an engine that is given two beginnings walks
     * from the first one. `isMatch` must hold rows to it too.
     */
    start?: Where<R>;
    order: { by: ScalarField<R>; descending?: boolean };
    isMatch?: ((row: R) => boolean) | undefined;
    /** Whether neither this row nor any behind it is wanted. */
    isBehindEnd?: (row: R) => boolean;
  },
): Promise<PageOf<R>> {
  const { where = [], start = [], order, isMatch = () => true, isBehindEnd = () => false } = wanted;
  const { by } = order;
  const count = asked.limit + 1;
  const batch = wanted.isMatch === undefined ? count : BATCH_ROWS;
  const mark = markOf(asked);
  let after = placeIn(asked.cursor, by, mark) as R | undefined;
  const found: R[] = [];
  for (let read = 0; read < ROWS_READ_MAX; read += batch) {
    const from = after === undefined ? { where: [...where, ...start] } : { where, after };
    const rows = await collection.list({ ...from, order, limit: batch });
    found.push(...rows.filter((row) => isMatch(row) && !isBehindEnd(row)));
    after = rows.at(-1);
    const isOver = rows.length < batch || after === undefined || isBehindEnd(after);
    if (!isOver && found.length < count) continue;
    const rest = found.slice(0, asked.limit);
    const last = found.length > asked.limit ? rest.at(-1) : undefined;
    return { rows: rest, next: last && cursorOf(last, by, mark), isPartial: false };
  }
  return { rows: found, next: after && cursorOf(after, by, mark), isPartial: true };
}

/** Characters that tell lists apart: they are to catch a mistake, and guard nothing. */
const MARK_LENGTH = 6;

/** What tells the cursors of one list from those of others; none where the caller has one list only. */
function markOf({ list }: PageAsked): string[] {
  return list === undefined ? [] : [hashOf(list).slice(0, MARK_LENGTH)];
}

/** A place in the order: what the rows are ordered by, and the id. Nothing that whoever sees the list does not see. */
function cursorOf<R extends Row>(row: R, by: ScalarField<R>, mark: readonly string[]): string {
  return Buffer.from(JSON.stringify([row.id, row[by], ...mark])).toString('base64url');
}

/** `Listing.after` needs no more of a row than what the rows are ordered by. */
function placeIn(cursor: string, by: string, mark: readonly string[]): Row | undefined {
  if (cursor === '') return undefined;
  const [id, value, ...rest] = parsed(cursor);
  if (typeof id !== 'string' || !isKey(value) || rest.length > 1) throw foreignCursor();
  if (rest[0] !== mark[0]) throw cursorOfAnotherList();
  return { [by]: value, id } as Row;
}

/** JSON has numbers that are read as ones without an end, which no row has. */
function isKey(value: unknown): boolean {
  return typeof value === 'string' || Number.isFinite(value);
}

function parsed(cursor: string): unknown[] {
  try {
    const place: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(place) ? place : [];
  } catch {
    return [];
  }
}

function foreignCursor(): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_CURSOR',
    message: 'This cursor was not given out here.',
    hint: 'Begin without one, and go on with the one that the page before gives.',
    parameter: 'cursor',
  });
}

function cursorOfAnotherList(): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_CURSOR',
    message: 'This cursor is of another list, or of this one with another filter.',
    hint: 'Begin without one, and send the same filter with the cursor of each page.',
    parameter: 'cursor',
  });
}
