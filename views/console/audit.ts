import { fromCell } from '../activity.ts';
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

/** One change, in words. */
export type ChangeView = {
  at: number;
  what: string;
  who: NamedView;
  /** Whom it concerns, and the thing that was changed. */
  account: NamedView;
  target: NamedView;
  /** Why somebody did it to somebody else. */
  reason: string | undefined;
  from: string;
  requestId: string;
  /** All of the same request. */
  requestUrl: string | undefined;
};

/** What the list is filtered by; '' is no filter. */
export type ChangesAskedView = Period & {
  account: string;
  actor: string;
  action: string;
  target: string;
  address: string;
  request: string;
  /** `yes`: only what was done with a reason. */
  reason: string;
};

const PATH = '/admin/audit';

/** /admin/audit */
export function changesPage(
  site: Site,
  viewer: Viewer,
  props: EntryPages & {
    changes: readonly ChangeView[];
    asked: ChangesAskedView;
    /** `token.revoked` and what it is called. */
    actions: readonly { value: string; label: string }[];
    /** `2026-02-20` */
    today: string;
  },
): Html {
  const { changes, asked, isPartial } = props;
  const isWhole = asked.request !== '';
  return layout(site, {
    title: 'Audit',
    lead: 'Every change of an account and what it has, newest first. Its time leads to all of its request.',
    viewer,
    current: PATH,
    body: [
      filterForm(props),
      dataTable({
        caption: 'Changes',
        columns: ['What', 'Who', 'Account', 'About', 'When', isWhole ? 'From, request id' : 'From'],
        rows: changes.map(isWhole ? wholeRow : lineOf),
        ...(isWhole ? {} : { look: 'log' }),
        empty: noEntries(isPartial),
      }),
      entryPager(props, changes.length === 0),
    ],
  });
}

/** One of many: what has no room stands on the page of its request. */
function lineOf(change: ChangeView): Part[] {
  const { who, account, at, from, requestUrl } = change;
  return [
    whatCell(change),
    namedInLine(who),
    namedInLine(account),
    isOfAccount(change) ? '' : namedInLine(change.target),
    timeInLine(at, requestUrl),
    from,
  ];
}

function wholeRow(change: ChangeView): Part[] {
  const { who, account, at, from, requestId } = change;
  return [
    whatCell(change),
    namedCell(who),
    namedCell(account),
    isOfAccount(change) ? '' : namedCell(change.target),
    exactTime(at),
    fromCell(from, requestId),
  ];
}

function whatCell({ what, reason }: ChangeView): Html {
  return html`${what}${reason !== undefined && html`<div class="reason fine">Reason: <bdi>${reason}</bdi></div>`}`;
}

/** What is about the account as a whole is told once. */
function isOfAccount({ account, target }: ChangeView): boolean {
  return target.label === account.label;
}

function filterForm({
  asked,
  actions,
  today,
}: {
  asked: ChangesAskedView;
  actions: readonly { value: string; label: string }[];
  today: string;
}): Html {
  const text = askedFields(asked);
  const isKnown = asked.action === '' || actions.some(({ value }) => value === asked.action);
  const others = isKnown ? [] : [{ value: asked.action, label: asked.action }];
  return html`<form method="get" action="${PATH}" role="search">${[
    text('Account: e-mail or id', 'account'),
    text('Who: e-mail, id or operator', 'actor'),
    select({
      label: 'What',
      name: 'action',
      value: asked.action,
      options: [{ value: '', label: 'Any change' }, ...actions, ...others],
    }),
    ...periodFields(asked, { today, exact: 'minute' }),
    disclosure({
      summary: 'More filters',
      open: asked.target + asked.address + asked.request + asked.reason !== '',
      body: [
        text('About: the id of what was changed', 'target'),
        text('From: network address', 'address'),
        text('Request id', 'request'),
        checkbox({ label: 'Only with a reason', name: 'reason', checked: asked.reason === 'yes' }),
      ],
    }),
    submit('Filter', 'quiet'),
  ]}</form>`;
}
