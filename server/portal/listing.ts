import type { Context } from 'koa';
import type { Listing } from '../../views/kit/listing.ts';
import { withoutSecrets } from '../ground/without-secrets.ts';
import { queryOne } from '../http/query.ts';

/** A hundred fit three screens. */
const PAGE_ROWS = 40;
const SEARCH_LENGTH_MAX = 100;

/** How rows of a list are searched and ordered. */
export type Ways<T> = {
  path: string;
  /** What a row is found by. */
  textOf(row: T): string;
  /** In the order in which they are offered. The first is that of the rows as they come. */
  sorts: readonly { value: string; label: string; compare?: (one: T, other: T) => number }[];
};

/**
 * One page of rows that an account has a bounded number of, as the query says: `q` (each word is somewhere in the
 * row), `sort`, `page`. A query that makes no sense is the first page in the usual order. `isFound` says of other rows
 * whether they were searched for.
 */
export function listingOf<T>(ctx: Context, all: readonly T[], ways: Ways<T>) {
  const { path, textOf, sorts } = ways;
  // It is shown again, and people paste values into whatever they search with.
  const q = withoutSecrets(queryOne(ctx, 'q').trim()).slice(0, SEARCH_LENGTH_MAX);
  const words = q.toLowerCase().split(/\s+/);
  const isFound = (row: T) => {
    const text = textOf(row).toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const sort = sorts.find(({ value }) => value === queryOne(ctx, 'sort')) ?? sorts[0];
  const found = all.filter(isFound);
  const ordered = sort?.compare === undefined ? found : found.toSorted(sort.compare);
  const pages = Math.max(1, Math.ceil(found.length / PAGE_ROWS));
  const page = Math.min(pageFrom(queryOne(ctx, 'page')), pages);
  const listing: Listing = {
    path,
    q,
    sort: sort?.value ?? '',
    sorts: sorts.map(({ value, label }) => ({ value, label })),
    page,
    pages,
    found: found.length,
    total: all.length,
  };
  return { rows: ordered.slice((page - 1) * PAGE_ROWS, page * PAGE_ROWS), listing, isFound };
}

/** Orders that most lists have. */
export const NEWEST = { value: 'newest', label: 'Newest first' } as const;
export const BY_NAME = { value: 'name', label: 'By name', compare: byName };
export const LAST_USED = {
  value: 'used',
  label: 'Last used first',
  compare: (one: { lastUsedAt?: number | undefined }, other: { lastUsedAt?: number | undefined }) =>
    (other.lastUsedAt ?? 0) - (one.lastUsedAt ?? 0),
};
export const EXPIRING = {
  value: 'expiring',
  label: 'Expiring first',
  compare: (one: { expiresAt?: number | undefined }, other: { expiresAt?: number | undefined }) =>
    (one.expiresAt ?? Number.MAX_SAFE_INTEGER) - (other.expiresAt ?? Number.MAX_SAFE_INTEGER),
};

/** As people order names: case and accents aside, `Key 9` before `Key 10`. */
const names = new Intl.Collator('en', { sensitivity: 'base', numeric: true });

function byName(one: { name: string }, other: { name: string }): number {
  return names.compare(one.name, other.name);
}

function pageFrom(text: string): number {
  return /^[1-9]\d{0,3}$/.test(text) ? Number(text) : 1;
}
