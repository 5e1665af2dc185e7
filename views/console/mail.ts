import { MAILS_RETRIED_MAX } from '../../server/ground/limits.ts';
import type { FormProblem } from '../form-problem.ts';
import { type Html, html, type Part } from '../html.ts';
import { labelOf, submit } from '../kit/buttons.ts';
import { badge, notice } from '../kit/notices.ts';
import { dataTable } from '../kit/tables.ts';
import { relativeTime } from '../kit/times.ts';
import { layout, type Site, type Viewer } from '../layout.ts';
import { type ListAsked, listForm, listPager } from './list.ts';
import { managePage } from './reason.ts';

/** A mail as the console shows it: nothing of its text, which may hold a link that opens an account. */
type MailView = {
  id: string;
  to: string;
  subject: string;
  createdAt: number;
  dueAt?: number | undefined;
  sentAt?: number | undefined;
  failedAt?: number | undefined;
  attempts: number;
  error?: string | undefined;
};

type MailsAsked = Omit<ListAsked, 'filters'> & { state: string; fault: string };

const PATH = '/admin/mail';
const FORM_ID = 'chosen-mails';

/** What is to be sent again: some mails, or all that were given up for one reason. */
export type ToRetry = { ids: readonly string[]; fault: string };

/** /admin/mail */
export function mailsPage(
  site: Site,
  viewer: Viewer,
  {
    mails,
    asked,
    now,
    done,
  }: {
    mails: readonly MailView[];
    asked: MailsAsked;
    now: number;
    done: { count: number; isMore: boolean } | undefined;
  },
): Html {
  const list = { ...asked, filters: [stateFilter(asked.state)] };
  const isAnyUnsent = mails.some(({ sentAt }) => sentAt === undefined);
  return layout(site, {
    title: 'Mail',
    lead: 'What this site mails. Nobody sees the text here: it may hold links that open an account.',
    viewer,
    current: PATH,
    body: [
      done && doneWith(done),
      listForm(list, 'A whole e-mail address, or the id of an account or a mail.'),
      asked.fault !== '' && faultLine(asked.fault),
      dataTable({
        caption: 'Mails',
        columns: ['Mail', 'State', 'Written', 'Tries', 'Fault'],
        rows: mails.map((mail) => rowOf(mail, now)),
        empty: emptyOf(asked),
      }),
      isAnyUnsent &&
        html`<form method="get" action="${PATH}/retry" id="${FORM_ID}" class="chosen">${submit('Send the chosen ones again…', 'quiet')}</form>`,
      listPager(list),
    ],
  });
}

function emptyOf({ q, state, fault, isPartial }: MailsAsked) {
  const isAnything = q === '' && fault === '' && !isPartial;
  if (isAnything && state === 'given_up')
    return {
      title: 'No mail was given up',
      text: 'All that this site wrote is sent, or waits for its turn.',
    };
  if (isAnything && state === 'waiting')
    return { title: 'No mail waits', text: 'All that this site wrote is sent, or was given up.' };
  return { title: 'No mail found', text: 'Choose another state, or search for a whole address.' };
}

function stateFilter(value: string) {
  const options = [
    { value: 'given_up', label: 'Given up' },
    { value: 'waiting', label: 'Waiting' },
    { value: 'sent', label: 'Sent lately' },
    { value: 'any', label: 'Any, of one address' },
  ];
  return { label: 'State', name: 'state', value, options };
}

function faultLine(fault: string): Html {
  return html`<p>Given up for <code>${fault}</code>. <a href="${retryAll(fault)}">Send all of these again…</a></p>`;
}

function rowOf({ id, to, subject, error = '', ...mail }: MailView, now: number): Part[] {
  const isSent = mail.sentAt !== undefined;
  const box =
    !isSent &&
    html`<input class="choose" type="checkbox" name="id" value="${id}" form="${FORM_ID}" aria-label="Choose the mail to ${to}"> `;
  const isGivenUp = mail.failedAt !== undefined;
  return [
    html`${box}<bdi>${to}</bdi><br><span class="fine">${subject}</span>`,
    html`${stateOf(mail, now)}${!isSent && html`<div><a href="${PATH}/retry?id=${id}">${labelOf('Send again…', `to ${to}`)}</a></div>`}`,
    html`${relativeTime(mail.createdAt, now)}<div class="fine">${id}</div>`,
    String(mail.attempts),
    error !== '' &&
      html`${faultInWords(error)}<code>${error}</code>${isGivenUp && html`<br><a href="${withFault(error)}">${labelOf('All with this fault', error)}</a>`}`,
  ];
}

function stateOf({ dueAt, sentAt, failedAt }: Omit<MailView, 'id' | 'to' | 'subject'>, now: number): Html {
  if (sentAt !== undefined) return html`${badge('active', 'Sent')} ${relativeTime(sentAt, now)}`;
  if (failedAt !== undefined) return html`${badge('problem', 'Given up')} ${relativeTime(failedAt, now)}`;
  const next = dueAt !== undefined && dueAt > now && html` tried again ${relativeTime(dueAt, now)}`;
  return html`${badge('neutral', 'Waiting')}${next}`;
}

/** Asks once more, and why. */
export function retryMailPage(
  site: Site,
  viewer: Viewer,
  props: { what: ToRetry; to: readonly string[]; reason: string; problem: FormProblem | undefined },
): Html {
  const { what, to, reason, problem } = props;
  const { ids, fault } = what;
  const many = ids.length === 1 ? 'this mail' : `these ${ids.length.toLocaleString('en')} mails`;
  const title =
    fault === '' ? `Send ${many} again?` : `Send all mails again that were given up for “${fault}”?`;
  const most = MAILS_RETRIED_MAX.toLocaleString('en');
  return managePage(site, viewer, {
    title,
    consequences: [
      ...(to.length === 0
        ? []
        : [html`To ${to.map((one, at) => html`${at > 0 && ', '}<bdi>${one}</bdi>`)}.`]),
      ids.length === 1
        ? 'It is tried at once, and again later as long as it cannot be sent.'
        : 'They are tried at once, and again later as long as they cannot be sent.',
      'A link in a mail that is too old stays too old.',
      ...(fault === '' ? [] : [`At most ${most} at once; the page says whether there are more.`]),
    ],
    action: `${PATH}/retry`,
    fields: { ids: ids.join(','), fault },
    confirmLabel: 'Send again',
    current: PATH,
    cancelUrl: `${PATH}?state=given_up`,
    danger: false,
    reason,
    problem,
  });
}

/** What the codes of the mail library and of the server mean, where it is one of these. */
function faultInWords(fault: string): Part {
  const [, words] = FAULTS.find(([start]) => fault.startsWith(start)) ?? [];
  return words !== undefined && html`${words}<br>`;
}

/** The codes that begin with these; the number behind them is what the mail server answered (RFC 5321 section 4.2.3). */
const FAULTS = [
  ['EENVELOPE RCPT TO', 'The mail server refused the recipient'],
  ['EENVELOPE MAIL FROM', 'The mail server refused the sender'],
  ['EMESSAGE', 'The mail server refused the mail'],
  ['EAUTH', 'The mail server refused user or password'],
  ['ETLS', 'No encrypted connection to the mail server'],
  ['EDNS', 'The name of the mail server is not known'],
  ['ECONNECTION', 'The mail server was not reached'],
  ['ESOCKET', 'The mail server was not reached'],
  ['ETIMEDOUT', 'The mail server did not answer in time'],
] as const;

function withFault(fault: string): string {
  return `${PATH}?${new URLSearchParams({ state: 'given_up', fault })}`;
}

function retryAll(fault: string): string {
  return `${PATH}/retry?${new URLSearchParams({ fault })}`;
}

function doneWith({ count, isMore }: { count: number; isMore: boolean }): Html {
  if (count === 0)
    return notice('info', 'No mail is sent again: none was chosen, or it is not there any more.');
  const mails = count === 1 ? 'One mail is' : `${count.toLocaleString('en')} mails are`;
  return notice('done', `${mails} due now.${isMore ? ' There are more: send all of these again.' : ''}`);
}
