import { html, type Part } from '../html.ts';
import { submit } from './buttons.ts';
import { select } from './choices.ts';
import { field } from './fields.ts';
import type { emptyState } from './notices.ts';

/** Fewer than these are found by looking. */
const FORM_ROWS_MIN = 10;
/** A name, or some words of it. */
const SEARCH_LENGTH_MAX = 100;

/** What is shown of a list: which part of it, in which order. */
export type Listing = {
  /** The path of its page. */
  path: string;
  /** What was searched for, '' for nothing. */
  q: string;
  /** The chosen order, one of `sorts`; the first of them is that of a page that was asked for none. */
  sort: string;
  sorts: readonly { value: string; label: string }[];
  /** From 1 on. */
  page: number;
  pages: number;
  /** How many there are that were searched for, and at all. */
  found: number;
  total: number;
};

/** Whether a list is so long that its rows are kept short. */
export function isLong({ total }: Pick<Listing, 'total'>): boolean {
  return total >= FORM_ROWS_MIN;
}

/** Above a list: search and order, where it is long enough to need them. It works without scripts. */
export function listingForm(listing: Listing): Part {
  const { path, q, sort, sorts, found, total } = listing;
  if (!isLong(listing) && q === '') return false;
  const counted = q === '' ? undefined : `${found.toLocaleString('en')} of ${total.toLocaleString('en')}`;
  return html`<form method="get" action="${path}" role="search">${field({
    label: 'Search',
    name: 'q',
    value: q,
    autocomplete: 'off',
    lengthMax: SEARCH_LENGTH_MAX,
  })}${select({ label: 'Order', name: 'sort', value: sort, options: sorts })}${submit('Show', 'quiet')}</form>${
    counted !== undefined && html`<p class="fine">${counted}. <a href="${path}">Show all</a></p>`
  }`;
}

/** Below a list: the ways to the pages before and behind this one, where there are several. */
export function listingPages(listing: Listing): Part {
  const { page, pages } = listing;
  if (pages < 2) return false;
  const to = (other: number, label: string, rel: 'prev' | 'next') =>
    other >= 1 &&
    other <= pages &&
    html`<a class="button quiet" href="${pathOfPage(listing, other)}" rel="${rel}">${label}</a>`;
  return html`<nav class="pager" aria-label="Pages">${to(page - 1, 'Previous', 'prev')}<span class="fine">Page ${page} of ${pages}</span>${to(page + 1, 'Next', 'next')}</nav>`;
}

/** What stands in the place of a list that is empty: that nothing was found, or `none` where there is nothing at all. */
export function emptyListing(listing: Listing, none: Parameters<typeof emptyState>[0]) {
  if (listing.total === 0) return none;
  const action = { label: 'Show all', url: listing.path };
  return { title: 'Nothing found', text: 'Search for a part of a name, or for one word.', action };
}

function pathOfPage({ path, q, sort, sorts }: Listing, page: number): string {
  const query = new URLSearchParams();
  if (q !== '') query.set('q', q);
  if (sort !== sorts[0]?.value) query.set('sort', sort);
  if (page > 1) query.set('page', String(page));
  return query.size === 0 ? path : `${path}?${query}`;
}
