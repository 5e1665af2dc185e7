import { REVIEW_ANSWER_SECONDS } from '../../server/ground/limits.ts';
import { duration, monthInProse, timeInProse } from '../../server/ground/time.ts';
import { type Html, html } from '../html.ts';
import { KIND_WORDS, type ReviewItemView, reasonsOf } from '../review-words.ts';
import { type MailSite, mailLayout, type WrittenMail } from './layout.ts';

export type { ReviewItemView } from '../review-words.ts';

/** So many are named to admins; the command line has the rest. */
const NAMED_MAX = 50;

/** Asks an owner about their credentials. Each has a link for each answer, which leads to a page and does nothing yet. */
export function reviewMail(
  site: MailSite,
  review: {
    id: string;
    items: readonly (ReviewItemView & { token: string | undefined })[];
    answerBy: number;
    now: number;
  },
): WrittenMail {
  const { id, items, answerBy, now } = review;
  const [first] = items;
  const linked = items.filter(({ token }) => token !== undefined);
  const rest = items.length - linked.length;
  return mailLayout(site, {
    subject:
      items.length === 1 && first !== undefined
        ? `Do you still need your ${first.kind} ${first.name}?`
        : `Do you still need these ${items.length} credentials?`,
    heading: 'Do you still need these?',
    paragraphs: [
      'What nobody needs is best ended before somebody finds it. Each link shows a page first and does nothing before you confirm.',
      ...linked.map((item) => asked(site, id, item, now)),
      ...(rest > 0 ? [`And ${rest} more, which are asked about on the page of your reviews.`] : []),
      items.some(({ reasons }) => reasons.includes('all_powerful'))
        ? 'What has admin rights and is not used is paused if you do not answer. Of anything else nothing changes.'
        : 'If you do not answer, nothing changes.',
      'What you keep stays as it is, and is asked about again next month if it still looks unneeded.',
    ],
    facts: [{ label: 'Answer until', value: timeInProse(answerBy) }],
    action: { label: 'See your reviews', url: `${site.url}/account/reviews` },
    footer:
      'You get this once a month because these are yours. The links work once, and for you alone: do not pass this mail on.',
  });
}

function asked(
  site: MailSite,
  id: string,
  item: ReviewItemView & { token: string | undefined },
  now: number,
): Html {
  const link = (answer: string) =>
    `${site.url}/review?${new URLSearchParams({ id, token: item.token ?? '', answer })}`;
  return html`<strong>${item.name}</strong> (${KIND_WORDS[item.kind]}): ${reasonsOf(item, now)}<br><a href="${link('keep')}">Keep</a>${
    item.kind !== 'secret' && html`<br><a href="${link('pause')}">Pause</a>`
  }<br><a href="${link('revoke')}">Revoke</a>`;
}

/** Tells an owner what was paused because nobody answered. */
export function pausedUnanswered(
  site: MailSite,
  { items, now }: { items: readonly ReviewItemView[]; now: number },
): WrittenMail {
  const [first] = items;
  return mailLayout(site, {
    subject: items.length === 1 ? `Paused: ${first?.name}` : `${items.length} credentials were paused`,
    heading: 'Paused, because nobody answered',
    paragraphs: [
      'This has admin rights, was not used, and nobody answered the review. Whatever uses it is refused until you resume it. Nothing of it is lost.',
    ],
    facts: items.map((item) => ({ label: item.name, value: reasonsOf(item, now) })),
    action: {
      label: first?.kind === 'service' ? 'See your services' : 'See your tokens',
      url: `${site.url}${first?.kind === 'service' ? '/services' : '/tokens'}`,
    },
    footer: 'You get this because it is yours. Resume it there if you need it, or revoke it.',
  });
}

/** Tells an admin what the owners were asked in a month. */
export function reviewDigest(
  site: MailSite,
  digest: {
    month: string;
    accounts: number;
    credentials: number;
    byReason: Record<ReviewItemView['reasons'][number], number>;
    powerful: readonly (ReviewItemView & { owner: string })[];
    now: number;
  },
): WrittenMail {
  const { month, accounts, credentials, byReason, powerful, now } = digest;
  const rest = powerful.length - NAMED_MAX;
  const named = powerful.slice(0, NAMED_MAX).map((item) => ({
    label: `${item.name} of ${item.owner}`,
    value: reasonsOf(item, now),
  }));
  return mailLayout(site, {
    subject: `Review of credentials, ${monthInProse(month)}`,
    heading: `Review of credentials, ${monthInProse(month)}`,
    paragraphs: [
      `Each owner was asked about theirs. What has admin rights, is not used and is not answered for is paused in ${duration(REVIEW_ANSWER_SECONDS)}.`,
    ],
    facts: [
      { label: 'Accounts asked', value: String(accounts) },
      { label: 'Credentials named', value: String(credentials) },
      { label: 'With admin rights', value: String(byReason.all_powerful) },
      { label: 'Never used', value: String(byReason.never_used) },
      { label: 'Unused', value: String(byReason.unused) },
      { label: 'About to expire', value: String(byReason.expiring) },
      { label: 'Long-lived', value: String(byReason.long_lived) },
      ...named,
      rest > 0 && { label: 'And with admin rights', value: `${rest} more` },
    ],
    footer: 'You get this because you are an admin. On the server “latchkey review” lists who answered what.',
  });
}
