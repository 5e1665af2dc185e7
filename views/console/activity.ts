import { type EntryView, entryCells } from '../activity.ts';
import { type Html, html } from '../html.ts';
import { submit } from '../kit/buttons.ts';
import { checkbox, select } from '../kit/choices.ts';
import { type Period, periodFields } from '../kit/period.ts';
import { disclosure } from '../kit/sections.ts';
import { dataTable } from '../kit/tables.ts';
import { layout, type Site, type Viewer } from '../layout.ts';
import { askedFields, type EntryPages, entryPager, type NamedView, namedCell, noEntries } from './entries.ts';

/** One call of anybody, in words. */
export type CallView = EntryView & { account: NamedView; credential: NamedView };

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
  const { calls, isPartial } = props;
  return layout(site, {
    title: 'Activity',
    lead: 'Every call that was made with a credential of anybody, newest first.',
    viewer,
    current: PATH,
    body: [
      filterForm(props),
      dataTable({
        caption: 'Calls',
        columns: ['What', 'Account, credential', 'Result', 'When', 'From, request id'],
        rows: calls.map(rowOf),
        empty: noEntries(isPartial),
      }),
      entryPager(props, calls.length === 0),
    ],
  });
}

function rowOf(call: CallView) {
  const [what, , ...rest] = entryCells(call);
  return [what, html`${namedCell(call.account)}<br>${namedCell(call.credential)}`, ...rest];
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
    text('Account: e-mail address or id', 'account'),
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
