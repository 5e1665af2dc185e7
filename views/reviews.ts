import { monthInProse } from '../server/ground/time.ts';
import { type Html, html, type Part } from './html.ts';
import { labelOf } from './kit/buttons.ts';
import { narrowFormPage } from './kit/form-pages.ts';
import { badge } from './kit/notices.ts';
import { bulletList, section } from './kit/sections.ts';
import { dataTable } from './kit/tables.ts';
import { relativeTime } from './kit/times.ts';
import { layout, type Site, type Viewer } from './layout.ts';
import { KIND_WORDS, type ReviewItemView, reasonsOf } from './review-words.ts';

type AnswerView = 'keep' | 'pause' | 'revoke';

/** One month's review of an account, with its answers. */
export type ReviewView = {
  id: string;
  month: string;
  createdAt: number;
  answerBy: number;
  items: readonly (ReviewItemView & {
    id: string;
    /** What it can be answered with. */
    answers: readonly AnswerView[];
    /** The app of a secret. */
    clientId?: string | undefined;
    answer?: AnswerView | undefined;
    answeredAt?: number | undefined;
    answeredBy?: { kind: string; from?: string | undefined; reason?: string | undefined } | undefined;
  })[];
};

const VERBS = { keep: 'Keep', pause: 'Pause', revoke: 'Revoke' } as const;
const DONE = { keep: 'kept', pause: 'paused', revoke: 'revoked' } as const;

const CONSEQUENCES: Record<AnswerView, string> = {
  keep: 'Nothing changes. Next month you are asked again if it still looks unneeded.',
  pause: 'It is refused from its next call on, until you resume it. Nothing of it is lost.',
  revoke: 'It is refused from its next call on, for good. Whatever uses it needs a new one.',
};

/** Behind a link of the mail or of the page: one button does what the link says. */
export function answerReviewPage(
  site: Site,
  props: {
    item: ReviewItemView;
    answer: AnswerView;
    answers: readonly AnswerView[];
    /** What names the item: of the mailed link its token, of the page its id. */
    link: Record<string, string>;
    email: string;
    now: number;
  },
): Html {
  const { item, answer, answers, link, email, now } = props;
  const others = answers
    .filter((one) => one !== answer)
    .map((one) => html` <a href="${urlOf(link, one)}">${VERBS[one]} it instead</a>`);
  return narrowFormPage(site, {
    title: `${VERBS[answer]} “${item.name}”?`,
    lead: html`A ${KIND_WORDS[item.kind]} of ${email}: ${reasonsOf(item, now)}.`,
    problem: undefined,
    action: '/review',
    fields: { ...link, answer },
    inputs: [bulletList([CONSEQUENCES[answer]])],
    submitLabel: VERBS[answer],
    below: html`<p>${others}</p>`,
  });
}

function urlOf(link: Record<string, string>, answer: AnswerView): string {
  return `/review?${new URLSearchParams({ ...link, answer })}`;
}

/** After an answer. */
export function reviewAnsweredPage(site: Site, answer: AnswerView): Html {
  return layout(site, {
    title: `It was ${DONE[answer]}`,
    narrow: true,
    body: [
      html`<p>${answer === 'keep' ? 'Nothing was changed.' : 'It is refused from its next call on.'}
Your answer is on record.</p>`,
      html`<p><a href="/account/reviews">See your reviews</a></p>`,
    ],
  });
}

/** `/account/reviews`: what was asked in each month, and what was answered. */
export function reviewsPage(
  site: Site,
  viewer: Viewer,
  { reviews, now }: { reviews: readonly ReviewView[]; now: number },
): Html {
  return layout(site, {
    title: 'Reviews',
    lead: 'On the first of each month you get a mail about what of yours is unused, has admin rights, is long-lived or about to expire.',
    viewer,
    current: '/account',
    back: { label: 'Account', url: '/account' },
    body:
      reviews.length === 0
        ? html`<p>There was nothing to ask you so far.</p>`
        : reviews.map((review) => reviewSection(review, now)),
  });
}

function reviewSection({ id, month, createdAt, answerBy, items }: ReviewView, now: number): Html {
  const isOpen = answerBy > now;
  return section({
    title: monthInProse(month),
    lead: html`Mailed ${relativeTime(createdAt, now)}. ${
      isOpen && html`Answer here or by the links of the mail; both end ${relativeTime(answerBy, now)}.`
    }`,
    body: dataTable({
      caption: `Review of ${monthInProse(month)}`,
      columns: ['Name', 'Why', 'Answer'],
      rows: items.map((item) => [
        html`<a href="${pageOf(item)}">${item.name}</a><br><span class="fine">${KIND_WORDS[item.kind]}</span>`,
        reasonsOf(item, createdAt),
        isOpen && item.answer === undefined ? answerLinks(id, item) : answerOf(item, now),
      ]),
    }),
  });
}

/** Where it is paused and revoked, whatever was answered. */
function pageOf({ kind, id, clientId }: ReviewView['items'][number]): string {
  if (kind === 'secret') return `/developer/${clientId}`;
  return kind === 'service' ? `/services/${id}` : `/tokens/${id}`;
}

function answerLinks(review: string, { id, name, answers }: ReviewView['items'][number]): Part {
  const link = (answer: AnswerView) =>
    html`<a href="${urlOf({ id: review, item: id }, answer)}">${labelOf(VERBS[answer], name)}</a> `;
  return answers.map(link);
}

function answerOf({ answer, answeredAt = 0, answeredBy }: ReviewView['items'][number], now: number): Part {
  if (answer === undefined) return 'Not answered';
  const { kind, from = 'unknown', reason } = answeredBy ?? {};
  const byOwner = kind === 'system' ? 'by this site, for want of an answer' : `from ${from}`;
  const by = reason === undefined ? byOwner : `by an admin of this site (reason: ${reason})`;
  return html`${badge('neutral', DONE[answer])} ${relativeTime(answeredAt, now)}<br><span class="fine">${by}</span>`;
}
