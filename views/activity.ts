import { DOWNLOADED_ENTRIES_MAX } from '../server/ground/limits.ts';
import { isoDate } from '../server/ground/time.ts';
import { type Html, html, type Part } from './html.ts';
import { submit } from './kit/buttons.ts';
import { type Day, dayChart, words } from './kit/chart.ts';
import { select } from './kit/choices.ts';
import { code } from './kit/code.ts';
import { field } from './kit/fields.ts';
import { badge } from './kit/notices.ts';
import { type Period, periodFields } from './kit/period.ts';
import { dataTable, foldedTable, pager } from './kit/tables.ts';
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
  /** The list of those with the same reason. */
  resultUrl?: string | undefined;
  /** Of a call: how long it took. */
  ms?: number | undefined;
  from: string;
  requestId: string;
  /** An admin's token was used, which privacy rules do not hold back. */
  privacyBypassed: boolean;
  /** How many records those would have kept from it, where that was counted. */
  hidden?: number | undefined;
};

/** What the list is filtered by; '' is no filter. */
export type Asked = Period & {
  /** Id of a credential or client. */
  credential: string;
  result: string;
  /** A request id. */
  request: string;
};

export type CountsView = {
  days: readonly Day[];
  routes: readonly { route: string; result: string; count: number }[];
};

/** An account's calls and changes, newest first. */
export function activityPage(
  site: Site,
  viewer: Viewer,
  props: {
    entries: readonly EntryView[];
    /** What can be filtered by; the value is a credential's or client's id. */
    credentials: readonly { id: string; label: string }[];
    asked: Asked;
    results: readonly { value: string; label: string }[];
    /** `2026-02-20` */
    today: string;
    /** Calls a day, and by route for one credential, where they are counted by what is filtered by. */
    counts: CountsView | undefined;
    /** The search was given up for now; the older page goes on. */
    isPartial: boolean;
    csvUrl: string;
    newestUrl: string | undefined;
    olderUrl: string | undefined;
  },
): Html {
  const { entries, asked, isPartial, newestUrl, olderUrl } = props;
  const isFiltered = Object.values(asked).some((value) => value !== '');
  return layout(site, {
    title: 'Activity',
    lead: 'Every call made with your credentials and every change of them, newest first.',
    viewer,
    current: '/activity',
    body: [
      filterForm(props),
      props.counts && callCounts(props.counts),
      dataTable({
        caption: 'Calls and changes',
        columns: ['What', 'About', 'Result', 'When', 'From, request id'],
        rows: entries.map(entryCells),
        empty: emptyOf(isFiltered, isPartial),
      }),
      isPartial &&
        html`<p class="hint">Few entries match. Those that are older have not been looked at yet.</p>`,
      entries.length > 0 &&
        html`<p class="fine"><a href="${props.csvUrl}" download>Download as CSV</a>, the newest ${DOWNLOADED_ENTRIES_MAX.toLocaleString('en')} at most</p>`,
      pager({ newerUrl: newestUrl, olderUrl }),
    ],
  });
}

/** Else a first call stands in the list below words that there is none. */
const NOT_YET = 'the last minute is not counted yet';

/** Calls a day as a chart, and by route and day as tables. */
export function callCounts({ days, routes }: CountsView): Part {
  const total = (name: 'whole' | 'problems') => days.reduce((sum, day) => sum + day[name], 0);
  const [first, last] = [days[0], days.at(-1)];
  if (first === undefined || last === undefined || total('whole') + total('problems') === 0) {
    const yet = last === undefined ? '' : `; ${NOT_YET}`;
    return html`<p class="fine">No calls ${spanOf(first, last)}${yet}.</p>`;
  }
  const summary = `${words(total('whole'), total('problems'))}. Days are those of UTC; ${NOT_YET}.`;
  return [
    dayChart({ title: 'Calls a day', summary, days }),
    foldedTable({
      caption: 'Calls by route',
      columns: ['Route', 'Result', 'Calls'],
      rows: routes.map(({ route, result, count }) => [
        route === '' ? 'Any' : code(route),
        result,
        count.toLocaleString('en'),
      ]),
    }),
    foldedTable({
      caption: 'Calls by day',
      columns: ['Day', 'Calls', 'Refused or failed'],
      rows: days
        .filter(({ whole, problems }) => whole + problems > 0)
        .map(({ day, whole, problems }) => [
          isoDate(day),
          (whole + problems).toLocaleString('en'),
          problems.toLocaleString('en'),
        ]),
    }),
  ];
}

/** The days of a chart in words. */
function spanOf(first: Day | undefined, last: Day | undefined): string {
  if (first === undefined || last === undefined) return 'in this period';
  if (first.day === last.day) return `on ${isoDate(first.day)}`;
  return `from ${isoDate(first.day)} to ${isoDate(last.day)}`;
}

function emptyOf(isFiltered: boolean, isPartial: boolean) {
  const title = 'Nothing here';
  if (isPartial) return { title, text: 'None of the newest entries matches. Older ones may.' };
  if (isFiltered)
    return {
      title,
      text: 'No call or change matches all of this.',
      action: { label: 'Show everything', url: '/activity' },
    };
  const text = 'Calls and changes appear here as soon as they happen.';
  return { title, text, action: { label: 'Make a token', url: '/tokens/new' } };
}

function filterForm(props: {
  credentials: readonly { id: string; label: string }[];
  asked: Asked;
  results: readonly { value: string; label: string }[];
  today: string;
}): Html {
  const { credentials, asked, results, today } = props;
  return html`<form method="get" action="/activity" class="filters">${[
    select({
      label: 'Show',
      name: 'credential',
      value: asked.credential,
      options: [
        { value: '', label: 'Everything' },
        ...credentials.map(({ id, label }) => ({ value: id, label })),
      ],
    }),
    select({ label: 'Result', name: 'result', value: asked.result, options: results }),
    ...periodFields(asked, { today, exact: 'day' }),
    field({
      label: 'Request id',
      name: 'request',
      value: asked.request,
      autocomplete: 'off',
    }),
    submit('Filter', 'quiet'),
  ]}</form>`;
}

/** What it was, what it is about, how it went, when, and from where. */
export function entryCells(entry: EntryView): [Part, Part, ...Part[]] {
  return [
    entry.what,
    entry.name,
    resultCell(entry),
    exactTime(entry.at),
    fromCell(entry.from, entry.requestId),
  ];
}

/** How it went, how long it took, and whether privacy rules held it back. */
export function resultCell(entry: EntryView, asAdmin = 'Privacy rules passed over'): Html {
  return html`${resultOf(entry)}${entry.privacyBypassed && html` ${badge('admin', asAdmin + hiddenOf(entry))}`}${
    entry.ms !== undefined && html` <span class="fine whole">${entry.ms} ms</span>`
  }`;
}

function hiddenOf({ hidden }: EntryView): string {
  if (hidden === undefined) return '';
  return ` for ${hidden} ${hidden === 1 ? 'record' : 'records'}`;
}

/** From where, and in which request. */
export function fromCell(from: string, requestId: string): Html {
  return html`${from}${requestId !== '' && html`<br><code class="request-id">${requestId}</code>`}`;
}

function resultOf({ succeeded, result, reason, resultUrl }: EntryView): Html {
  if (succeeded) return html`<span class="whole">${result}</span>`;
  const why = resultUrl === undefined ? reason : html`<a href="${resultUrl}">${reason}</a>`;
  return html`${badge('problem', result)} ${why}`;
}
