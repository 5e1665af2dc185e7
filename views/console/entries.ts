import { DOWNLOADED_ENTRIES_MAX } from '../../server/ground/limits.ts';
import { type Html, html, type Part } from '../html.ts';
import { field } from '../kit/fields.ts';
import { listPager } from './list.ts';

/** Who or what an entry names: the name, the id where that says more, and the page about it. */
export type NamedView = { label: string; id: string; url?: string | undefined };

/** A list of entries: the ways on through it, and what it is as a file. */
export type EntryPages = {
  isPartial: boolean;
  csvUrl: string;
  firstUrl: string | undefined;
  nextUrl: string | undefined;
};

/** The name, which somebody chose, and the id below it. */
export function namedCell({ label, id, url }: NamedView): Html {
  const name = url === undefined ? html`<bdi>${label}</bdi>` : html`<a href="${url}"><bdi>${label}</bdi></a>`;
  return html`${name}${id !== '' && html`<br><span class="fine"><code>${id}</code></span>`}`;
}

/** Longer than any e-mail address or id. */
const ASKED_LENGTH_MAX = 254;

/** The fields of a form by which entries are found, filled in as they were. */
export function askedFields<N extends string>(asked: Record<N, string>): (label: string, name: N) => Html {
  return (label, name) =>
    field({ label, name, value: asked[name], autocomplete: 'off', lengthMax: ASKED_LENGTH_MAX });
}

/** Below a list of entries. */
export function entryPager({ csvUrl, ...pages }: EntryPages, isEmpty: boolean): Part {
  const most = DOWNLOADED_ENTRIES_MAX.toLocaleString('en');
  const file = html`<p class="fine"><a href="${csvUrl}" download>Download as CSV</a>, the newest ${most} at most. Of what few entries match, as many as a look at some hundred thousand finds.</p>`;
  return [!isEmpty && file, listPager(pages)];
}

/** What stands in place of a list without entries. */
export function noEntries(isPartial: boolean) {
  return isPartial
    ? { title: 'Nothing here yet', text: 'None of the newest entries matches. Older ones may.' }
    : { title: 'Nothing here', text: 'No entry matches all of this.' };
}
