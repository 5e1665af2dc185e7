import { type Html, html } from './html.ts';
import { submit } from './kit/buttons.ts';
import { select } from './kit/choices.ts';
import { code } from './kit/code.ts';
import { badge } from './kit/notices.ts';
import { dataTable, pager } from './kit/tables.ts';
import { exactTime } from './kit/times.ts';
import { layout, type Site, type Viewer } from './layout.ts';

/** One call or change, in words. */
export type EntryView = {
  at: number;
  /** `Called POST /api/1.1/wf/x`, `Token revoked`. */
  what: string;
  /** The credential or thing that it is about. */
  name: string;
  /** In a word: `Success`, `Refused`. */
  result: string;
  /** Why it was refused or failed: `insufficient scope (403)`. */
  reason?: string | undefined;
  /** Whether it went well; a change is there only if it did. */
  succeeded: boolean;
  from: string;
  requestId: string;
  /** An admin's token was used, which privacy rules do not hold back. */
  privacyBypassed: boolean;
};

/** An account's calls and changes, newest first. */
export function activityPage(
  site: Site,
  viewer: Viewer,
  props: {
    entries: readonly EntryView[];
    /** What can be filtered by; the value is a credential's or client's id. */
    credentials: readonly { id: string; label: string }[];
    /** Id of the one filtered by, '' for all. */
    credential: string;
    newestUrl: string | undefined;
    olderUrl: string | undefined;
  },
): Html {
  const { entries, credentials, credential, newestUrl, olderUrl } = props;
  return layout(site, {
    title: 'Activity',
    lead: 'Every call made with your credentials and every change of them, newest first.',
    viewer,
    current: '/activity',
    body: [
      html`<form method="get" action="/activity">${select({
        label: 'Show',
        name: 'credential',
        value: credential,
        options: [
          { value: '', label: 'Everything' },
          ...credentials.map(({ id, label }) => ({ value: id, label })),
        ],
      })}${submit('Filter', 'quiet')}</form>`,
      dataTable({
        caption: 'Calls and changes',
        columns: ['What', 'About', 'Result', 'When', 'From'],
        rows: entries.map(rowOf),
        empty: {
          title: 'Nothing here',
          text: 'Calls and changes appear here as soon as they happen.',
          action: credential === '' ? { label: 'Make a token', url: '/tokens/new' } : undefined,
        },
      }),
      pager({ newerUrl: newestUrl, olderUrl }),
    ],
  });
}

function rowOf(entry: EntryView) {
  return [
    entry.what,
    entry.name,
    html`${entry.succeeded ? html`<span class="whole">${entry.result}</span>` : html`${badge('problem', entry.result)} ${entry.reason}`}${
      entry.privacyBypassed && html` ${badge('admin', 'Privacy rules passed over')}`
    }`,
    exactTime(entry.at),
    html`${entry.from}${entry.requestId !== '' && html`<br>${code(entry.requestId)}`}`,
  ];
}
