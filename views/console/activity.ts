import { type EntryView, fromCell, resultCell } from '../activity.ts';
import { type Html, html, type Part } from '../html.ts';
import { submit } from '../kit/buttons.ts';
import { checkbox, select } from '../kit/choices.ts';
import { type Period, periodFields } from '../kit/period.ts';
import { disclosure } from '../kit/sections.ts';
import { dataTable } from '../kit/tables.ts';
import { exactTime } from '../kit/times.ts';
import { layout, type Site, type Viewer } from '../layout.ts';
import {
  askedFields,
  type EntryPages,
  entryPager,
  type NamedView,
  namedCell,
  namedInLine,
  noEntries,
  timeInLine,
} from './entries.ts';

/** One call of anybody, in words. */
export type CallView = EntryView & {
  account: NamedView;
  credential: NamedView;
  /** All of the same request. */
  requestUrl: string | undefined;
  /** Which privacy rules refused it. */
  rulesUrl: string | undefined;
};

/** What the list is filtered by; '' is no filter. */
export type CallsAskedView = Period & {
  account: string;
  credential: string;
  result: string;
  address: string;
  request: string;
  /** `yes`: only what privacy rules did not hold back. */
  admin: string;
};

const PATH = '/admin/activity';

/** /admin/activity */
export function callsPage(
  site: Site,
  viewer: Viewer,
  props: EntryPages & {
    calls: readonly CallView[];
    asked: CallsAskedView;
    results: readonly { value: string; label: string }[];
    /** `2026-02-20` */
    today: string;
  },
): Html {
  const { calls, asked, isPartial } = props;
  const isWhole = asked.request !== '';
  return layout(site, {
    title: 'Activity',
    lead: 'Every call with a credential of anybody, newest first. Its time leads to all of its request.',
    viewer,
    current: PATH,
    body: [
      filterForm(props),
      dataTable({
        caption: 'Calls',
        columns: ['What', 'Account', 'Credential', 'Result', 'When', isWhole ? 'From, request id' : 'From'],
        rows: calls.map(isWhole ? wholeRow : lineOf),
        ...(isWhole ? {} : { look: 'log' }),
        empty: noEntries(isPartial),
      }),
      entryPager(props, calls.length === 0),
    ],
  });
}

/** One of many: what has no room stands on the page of its request. */
function lineOf(call: CallView): Part[] {
  const { what, account, credential, at, from, requestUrl } = call;
  return [
    what,
    namedInLine(account),
    namedInLine(credential),
    resultCell(call, call.hidden === undefined ? 'Admin' : 'Admin, past the rules'),
    timeInLine(at, requestUrl),
    from,
  ];
}

function wholeRow(call: CallView): Part[] {
  const { what, account, credential, at, from, requestId, rulesUrl } = call;
  return [
    what,
    namedCell(account),
    namedCell(credential),
    html`${resultCell(call)}${rulesUrl !== undefined && html` <a href="${rulesUrl}">Which rules</a>`}`,
    exactTime(at),
    fromCell(from, requestId),
  ];
}

function filterForm({
  asked,
  results,
  today,
}: {
  asked: CallsAskedView;
  results: readonly { value: string; label: string }[];
  today: string;
}): Html {
  const text = askedFields(asked);
  return html`<form method="get" action="${PATH}" role="search">${[
    text('Account: e-mail or id', 'account'),
    text('Token, service or app: its id', 'credential'),
    select({ label: 'Result', name: 'result', value: asked.result, options: results }),
    ...periodFields(asked, { today, exact: 'minute' }),
    disclosure({
      summary: 'More filters',
      open: asked.address + asked.request + asked.admin !== '',
      body: [
        text('From: network address', 'address'),
        text('Request id', 'request'),
        checkbox({
          label: 'Only admin use: privacy rules passed over',
          name: 'admin',
          checked: asked.admin === 'yes',
        }),
      ],
    }),
    submit('Filter', 'quiet'),
  ]}</form>`;
}
