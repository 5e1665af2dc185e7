import { type Html, html } from '../html.ts';
import { submit } from '../kit/buttons.ts';
import { checkbox, select } from '../kit/choices.ts';
import { type Period, periodFields } from '../kit/period.ts';
import { disclosure } from '../kit/sections.ts';
import { dataTable } from '../kit/tables.ts';
import { exactTime } from '../kit/times.ts';
import { layout, type Site, type Viewer } from '../layout.ts';
import { askedFields, type EntryPages, entryPager, type NamedView, namedCell, noEntries } from './entries.ts';

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
  const { changes, isPartial } = props;
  return layout(site, {
    title: 'Audit',
    lead: 'Every change of an account and of what it has, newest first: who made it, from where, and why.',
    viewer,
    current: PATH,
    body: [
      filterForm(props),
      dataTable({
        caption: 'Changes',
        columns: ['What', 'Who', 'Account, about', 'When', 'From, request id'],
        rows: changes.map(rowOf),
        empty: noEntries(isPartial),
      }),
      entryPager(props, changes.length === 0),
    ],
  });
}

function rowOf({ what, reason, who, account, target, at, from, requestId }: ChangeView) {
  return [
    html`${what}${reason !== undefined && html`<br><span class="fine">Reason: <bdi>${reason}</bdi></span>`}`,
    namedCell(who),
    // What is about the account as a whole is told once.
    target.label === account.label ? namedCell(account) : html`${namedCell(account)}<br>${namedCell(target)}`,
    exactTime(at),
    html`${from}${requestId !== '' && html`<br><code class="request-id">${requestId}</code>`}`,
  ];
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
    text('Account: e-mail address or id', 'account'),
    text('Who did it: e-mail address, id or operator', 'actor'),
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
