import type { Context } from 'koa';
import { SEARCH_LENGTH_MAX } from '../ground/limits.ts';
import { withoutSecrets } from '../ground/without-secrets.ts';
import { queryOne } from '../http/query.ts';
import type { PageAsked, PageOf } from '../management/by-key.ts';

/** Rows of a page. */
const PAGE_ROWS = 50;

/** Which page of a list an address asks for. */
export function pageAskedIn(ctx: Context): PageAsked {
  return { cursor: queryOne(ctx, 'cursor'), limit: PAGE_ROWS, list: ctx.path };
}

/** What was searched for. It is shown again, and people paste values into whatever they search with. */
export function searchIn(ctx: Context): string {
  return withoutSecrets(queryOne(ctx, 'q').trim()).slice(0, SEARCH_LENGTH_MAX);
}

/** How a list was asked for, as its page shows it, with the ways on: '' is what was not asked for. */
export function listAsked<A extends Record<string, string | undefined>>(
  path: string,
  asked: A,
  page: PageAsked,
  { next, isPartial }: Pick<PageOf<unknown>, 'next' | 'isPartial'>,
) {
  const shown = Object.fromEntries(Object.entries(asked).map(([name, value]) => [name, value ?? '']));
  return { path, ...(shown as Record<keyof A, string>), ...waysOn(path, asked, { page, next }), isPartial };
}

/** The path of a list with what is asked of it; what is '' is left out. */
export function pathWith(path: string, asked: Record<string, string | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(asked)) if (value) query.set(name, value);
  return query.size === 0 ? path : `${path}?${query}`;
}

/** The ways from one page of a list to its first and to the next one, with what is asked of it. */
export function waysOn(
  path: string,
  asked: Record<string, string | undefined>,
  { page, next }: { page: PageAsked } & Pick<PageOf<unknown>, 'next'>,
) {
  return {
    firstUrl: page.cursor === '' ? undefined : pathWith(path, asked),
    nextUrl: next && pathWith(path, { ...asked, cursor: next }),
  };
}
