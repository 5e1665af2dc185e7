import { SEARCH_LENGTH_MAX } from '../../server/ground/limits.ts';
import { type Html, html, type Part } from '../html.ts';
import { submit } from '../kit/buttons.ts';
import { select } from '../kit/choices.ts';
import { field } from '../kit/fields.ts';

/** How a list of the console was asked for, and the ways on. */
export type ListAsked = {
  path: string;
  q: string;
  filters: readonly { label: string; name: string; value: string; options: readonly Option[] }[];
  firstUrl: string | undefined;
  nextUrl: string | undefined;
  /** Whether the search was given up for now: see server/management/by-key.ts. */
  isPartial: boolean;
};

type Option = { value: string; label: string };

/**
 * Above a list: what it is searched and filtered by. It works without scripts. `post`: the search may be a secret, which
 * has no place in an address.
 */
export function listForm(
  asked: ListAsked,
  hint: string,
  { method = 'get', problem }: { method?: 'get' | 'post'; problem?: string | undefined } = {},
): Html {
  const search = field({
    label: 'Search',
    name: 'q',
    value: asked.q,
    hint,
    problem,
    autocomplete: 'off',
    lengthMax: SEARCH_LENGTH_MAX,
  });
  return html`<form method="${method}" action="${asked.path}" role="search">${search}${asked.filters.map((filter) => select(filter))}${submit('Show', 'quiet')}</form>`;
}

/** Below a list: the ways to its first page and the next one. */
export function listPager({
  firstUrl,
  nextUrl,
  isPartial,
}: Pick<ListAsked, 'firstUrl' | 'nextUrl' | 'isPartial'>): Part {
  const partial =
    isPartial &&
    html`<p class="fine">Only a part of the list was searched so far. The next page goes on from there.</p>`;
  const to = (url: string | undefined, label: string, rel: string) =>
    url !== undefined && html`<a class="button quiet" href="${url}" rel="${rel}">${label}</a>`;
  if (firstUrl === undefined && nextUrl === undefined) return partial;
  return html`${partial}<nav class="pager" aria-label="Pages">${to(firstUrl, 'First page', 'first')}${to(nextUrl, 'Next', 'next')}</nav>`;
}
