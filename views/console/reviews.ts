import { monthInProse } from '../../server/ground/time.ts';
import type { FormProblem } from '../form-problem.ts';
import { type Html, html, type Part } from '../html.ts';
import { buttonLink, buttons, labelOf } from '../kit/buttons.ts';
import { badge, doneNotice } from '../kit/notices.ts';
import { dataTable } from '../kit/tables.ts';
import { relativeTime } from '../kit/times.ts';
import { layout, type Site, type Viewer } from '../layout.ts';
import { KIND_WORDS, type ReviewItemView, reasonsOf } from '../review-words.ts';
import { CREDENTIALS_PATH } from './credential-link.ts';
import { type ListAsked, listForm, listPager } from './list.ts';
import { managePage } from './reason.ts';

type AnswerView = 'keep' | 'pause' | 'revoke';

type ItemView = ReviewItemView & {
  id: string;
  /** What it can be answered with. */
  answers: readonly AnswerView[];
  answer?: AnswerView | undefined;
  answeredAt?: number | undefined;
  answeredBy?: { kind: string; reason?: string | undefined } | undefined;
};

/** What one account was asked in one month. */
type ReviewView = {
  id: string;
  accountId: string;
  account: string;
  month: string;
  createdAt: number;
  answerBy: number;
  items: readonly ItemView[];
};

type ReviewsAsked = Omit<ListAsked, 'filters'> & { month: string; state: string };

const PATH = '/admin/reviews';
const VERBS = { keep: 'Keep', pause: 'Pause', revoke: 'Revoke' } as const;
const DONE = { keep: 'kept', pause: 'paused', revoke: 'revoked' } as const;
const CONSEQUENCES: Record<AnswerView, string> = {
  keep: 'Nothing changes. Its owner is asked again next month if it still looks unneeded.',
  pause: 'It is refused from its next call on, until an admin resumes it. Nothing of it is lost.',
  revoke: 'It is refused from its next call on, for good. Whatever uses it needs a new one.',
};
const ANSWERED = {
  keep: 'It was kept, and the answer is on record.',
  pause: 'It is paused, and the answer is on record.',
  revoke: 'It is revoked, and the answer is on record.',
};

/** /admin/reviews */
export function everyReviewPage(
  site: Site,
  viewer: Viewer,
  props: {
    reviews: readonly (Omit<ReviewView, 'items'> & {
      items: readonly { answer?: AnswerView | undefined }[];
    })[];
    asked: ReviewsAsked;
    /** What was asked this month, in all. */
    thisMonth: { accounts: number; credentials: number } | undefined;
    now: number;
  },
): Html {
  const { reviews, asked, thisMonth, now } = props;
  const state = {
    label: 'Answers',
    name: 'state',
    value: asked.state,
    options: [
      { value: '', label: 'All' },
      { value: 'unanswered', label: 'Not all answered' },
      { value: 'answered', label: 'All answered' },
    ],
  };
  const list = { ...asked, filters: [state] };
  return layout(site, {
    title: 'Reviews',
    lead: 'On the first of each month everybody is asked about what of theirs is unused, has admin rights, is long-lived or about to expire.',
    viewer,
    current: PATH,
    action: { label: 'What would be asked now', url: `${PATH}/now` },
    body: [
      thisMonth &&
        html`<p>This month ${thisMonth.accounts.toLocaleString('en')} ${thisMonth.accounts === 1 ? 'account was' : 'accounts were'} asked about ${thisMonth.credentials.toLocaleString('en')} ${thisMonth.credentials === 1 ? 'credential' : 'credentials'}.</p>`,
      listForm(list, 'A whole e-mail address, or the id of an account or a review.'),
      dataTable({
        caption: 'Reviews',
        columns: ['Account', 'Month', 'Asked about', 'Without an answer', 'Answer by'],
        rows: reviews.map(({ id, account, month, items, answerBy }) => [
          html`<a href="${PATH}/${id}"><bdi>${account}</bdi></a>`,
          html`<a href="${PATH}?month=${month}">${monthInProse(month)}</a>`,
          String(items.length),
          unansweredOf(items),
          relativeTime(answerBy, now),
        ]),
        empty:
          asked.q + asked.state + asked.month === ''
            ? { title: 'No review yet', text: 'The first one is made on the first of next month.' }
            : { title: 'No review found', text: 'Search for a whole address, or choose other answers.' },
      }),
      listPager(list),
    ],
  });
}

function unansweredOf(items: readonly { answer?: AnswerView | undefined }[]): Part {
  const count = items.filter(({ answer }) => answer === undefined).length;
  return count === 0 ? badge('active', 'None') : badge('expiring', String(count));
}

/** /admin/reviews/ID */
export function oneReviewPage(
  site: Site,
  viewer: Viewer,
  { review, now, done }: { review: ReviewView; now: number; done: string },
): Html {
  const { id, account, accountId, month, createdAt, answerBy, items } = review;
  const isOpen = answerBy > now;
  return layout(site, {
    title: `${monthInProse(month)}: ${account}`,
    lead: html`<a href="/admin/accounts/${accountId}">${account}</a> was asked ${relativeTime(createdAt, now)}. ${
      isOpen
        ? html`The time to answer ends ${relativeTime(answerBy, now)}; until then you can answer for its owner.`
        : 'The time to answer is over.'
    }`,
    viewer,
    current: PATH,
    back: { label: 'Reviews', url: PATH },
    body: [
      doneNotice(ANSWERED, done),
      dataTable({
        caption: 'What was asked',
        columns: ['Name', 'Why', 'Answer'],
        rows: items.map((item) => [
          nameOf(item),
          reasonsOf(item, createdAt),
          isOpen && item.answer === undefined ? answerLinks(id, item) : answerOf(item, now),
        ]),
      }),
    ],
  });
}

/** Leads to its page. */
function nameOf({ id, kind, name }: ReviewItemView & { id: string }): Part {
  const url = kind === 'service' ? `/admin/services/${id}` : `${CREDENTIALS_PATH}/${id}`;
  return html`<a href="${url}"><bdi>${name}</bdi></a><br><span class="fine">${KIND_WORDS[kind]}</span>`;
}

function answerLinks(review: string, { id, name, answers }: ItemView): Part {
  return buttons(
    ...answers.map((answer) =>
      buttonLink(labelOf(`${VERBS[answer]}…`, name), `${PATH}/${review}/${id}/${answer}`),
    ),
  );
}

function answerOf({ answer, answeredAt = 0, answeredBy }: ItemView, now: number): Part {
  if (answer === undefined) return 'Not answered';
  const { kind, reason } = answeredBy ?? {};
  const byOwner = kind === 'system' ? 'by this site, for want of an answer' : 'by its owner';
  const by = reason === undefined ? byOwner : `by an admin (reason: ${reason})`;
  return html`${badge('neutral', DONE[answer])} ${relativeTime(answeredAt, now)}<div class="fine">${by}</div>`;
}

/** Asks once more, and why, before a review is answered for somebody. */
export function answerForPage(
  site: Site,
  viewer: Viewer,
  props: {
    review: string;
    item: ReviewItemView & { id: string };
    account: string;
    answer: AnswerView;
    now: number;
    reason: string;
    problem: FormProblem | undefined;
  },
): Html {
  const { review, item, account, answer, now, reason, problem } = props;
  return managePage(site, viewer, {
    title: `${VERBS[answer]} “${item.name}” of ${account}?`,
    consequences: [`A ${KIND_WORDS[item.kind]}: ${reasonsOf(item, now)}.`, CONSEQUENCES[answer]],
    action: `${PATH}/${review}/${item.id}/${answer}`,
    confirmLabel: VERBS[answer],
    current: PATH,
    cancelUrl: `${PATH}/${review}`,
    danger: answer !== 'keep',
    reason,
    problem,
  });
}

/** /admin/reviews/now: nothing is mailed or changed. */
export function reviewPreviewPage(
  site: Site,
  viewer: Viewer,
  props: {
    accounts: readonly {
      account: { id: string; email: string };
      findings: readonly (ReviewItemView & { id: string })[];
    }[];
    firstUrl: string | undefined;
    nextUrl: string | undefined;
    isPartial: boolean;
    now: number;
  },
): Html {
  const { accounts, now, ...pages } = props;
  return layout(site, {
    title: 'What would be asked now',
    lead: 'What a review would ask everybody if it were made now. Nothing is mailed or changed.',
    viewer,
    current: PATH,
    back: { label: 'Reviews', url: PATH },
    body: [
      dataTable({
        caption: 'What would be asked',
        columns: ['Name', 'Account', 'Why', 'Last used'],
        look: 'low',
        rows: accounts.flatMap(({ account, findings }) =>
          findings.map((finding) => [
            nameOf(finding),
            html`<a href="/admin/accounts/${account.id}">${account.email}</a>`,
            reasonsOf(finding, now),
            finding.lastUsedAt === undefined ? 'Never' : relativeTime(finding.lastUsedAt, now),
          ]),
        ),
        empty: { title: 'Nothing to ask', text: 'All that these accounts have is in use, and ends in time.' },
      }),
      listPager(pages),
    ],
  });
}
