import { DOWNLOADED_ENTRIES_MAX, SEARCH_LENGTH_MAX } from '../../server/ground/limits.ts';
import { type Html, html, type Part } from '../html.ts';
import { field } from '../kit/fields.ts';
import { exactTime } from '../kit/times.ts';
import { listPager } from './list.ts';

/** Who or what an entry names: with its page, as long as it is there, and its id where that says more. */
export type NamedView = {
  label: string;
  url?: string | undefined;
  id: string;
  /** The entries that have the same id. */
  onlyUrl?: string | undefined;
  /** It has no name any more: `label` says so, of each the same. */
  isGone?: boolean;
};

/** A list of entries: the ways on through it, and what it is as a file. */
export type EntryPages = {
  isPartial: boolean;
  csvUrl: string;
  firstUrl: string | undefined;
  nextUrl: string | undefined;
};

/** The name alone, or of what is gone the id, for a row of one line. What has no page leads to the entries that have its id. */
export function namedInLine({ label, url, id, onlyUrl, isGone }: NamedView): Html {
  const to = url ?? (id === '' ? undefined : onlyUrl);
  const name =
    isGone === true
      ? html`<span class="unseen">${label} </span><code>${id}</code>`
      : html`<bdi>${label}</bdi>`;
  return html`<span class="name">${linked(name, to)}</span>`;
}

/** When it was, which leads to all of the same request: there stands what has no room in one line. */
export function timeInLine(at: number, requestUrl: string | undefined): Html {
  return linked(exactTime(at), requestUrl);
}

/** The name, which somebody chose, and the id below it. */
export function namedCell({ label, url, id, onlyUrl }: NamedView): Html {
  const name = html`<bdi>${label}</bdi>`;
  const below = html`<code>${id}</code>`;
  return html`${linked(name, url)}${id !== '' && html`<br><span class="fine">${linked(below, onlyUrl)}</span>`}`;
}

function linked(text: Html, url: string | undefined): Html {
  return url === undefined ? text : html`<a href="${url}">${text}</a>`;
}

/** The fields of a form by which entries are found, filled in as they were. */
export function askedFields<N extends string>(asked: Record<N, string>): (label: string, name: N) => Html {
  return (label, name) =>
    field({ label, name, value: asked[name], autocomplete: 'off', lengthMax: SEARCH_LENGTH_MAX });
}

/** Below a list of entries. */
export function entryPager({ csvUrl, ...pages }: EntryPages, isEmpty: boolean): Part {
  const most = DOWNLOADED_ENTRIES_MAX.toLocaleString('en');
  const file = html`<p class="fine"><a href="${csvUrl}" download>Download as CSV</a>, the newest ${most} at most. A filter that few entries match is given up after some hundred thousand of them.</p>`;
  return [!isEmpty && file, listPager(pages)];
}

/** What stands in place of a list without entries. */
export function noEntries(isPartial: boolean) {
  return isPartial
    ? { title: 'Nothing here yet', text: 'None of the newest entries matches. Older ones may.' }
    : { title: 'Nothing here', text: 'No entry matches all of this.' };
}
