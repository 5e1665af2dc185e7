import type { Collection, Where } from '../../adapters/port.ts';
import { ACTIVE_ONLY, type Account } from '../accounts/account.ts';
import type { Accounts } from '../accounts/accounts.ts';
import { monthOf, type Review, type ReviewDigest } from '../credentials/review.ts';
import type { Finding } from '../credentials/review-findings.ts';
import type { Reviews } from '../credentials/reviews.ts';
import type { Clock } from '../ground/clock.ts';
import { REVIEW_ANSWER_SECONDS } from '../ground/limits.ts';
import { type PageAsked, type PageOf, pageByKey, wholeList } from './by-key.ts';
import { findNamed } from './named-account.ts';

/** What is asked for; all of it must hold. */
export type ReviewsAsked = {
  /** E-mail address or id of an account, or the id of a review; '' for all. */
  search: string;
  /** `2027-02`; '' for all. */
  month: string;
  state?: ReviewState | undefined;
};

export const REVIEW_STATES = ['unanswered', 'answered'] as const;
export type ReviewState = (typeof REVIEW_STATES)[number];

/** A review with whom it asked: the address, or the id of an account that is gone. */
export type ReviewOf = Review & { account: string };

/** What a review would ask of an account now. */
export type Preview = { account: Account; findings: Finding[] };

/** Accounts that are looked at together for a page of what would be asked now: two reads of the store each. */
const ACCOUNTS_AT_ONCE = 10;
const STEPS_MAX = 10;
/** With so many lines, and those of the accounts beside them, a page is full. */
const FINDINGS_ENOUGH = 40;

type Parts = {
  rows: {
    reviews: Collection<Review>;
    reviewDigests: Collection<ReviewDigest>;
    accounts: Collection<Account>;
  };
  accounts: Pick<Accounts, 'get' | 'findByEmail'>;
  reviews: Pick<Reviews, 'findings'>;
  clock: Clock;
};

/** The monthly reviews of everybody, for admins. */
export function createReviewList(parts: Parts) {
  const { rows, accounts, reviews, clock } = parts;

  async function withAccount(review: Review): Promise<ReviewOf> {
    return { ...review, account: (await accounts.get(review.accountId))?.email ?? review.accountId };
  }

  async function previewOf(account: Account): Promise<Preview & { id: string }> {
    return { id: account.id, account, findings: await reviews.findings(account.id) };
  }

  return {
    /** One page, the newest first. Throws Problem 400. */
    async list(asked: ReviewsAsked, page: PageAsked): Promise<PageOf<ReviewOf>> {
      const one = asked.search === '' ? undefined : await rows.reviews.get(asked.search);
      const found = one
        ? wholeList([one])
        : await pageByKey(rows.reviews, page, await wantedOf(parts, asked));
      return { ...found, rows: await Promise.all(found.rows.map(withAccount)) };
    },

    /** One review; undefined where there is none. */
    async get(id: string): Promise<ReviewOf | undefined> {
      const review = await rows.reviews.get(id);
      return review && withAccount(review);
    },

    /** What the admins were told of this month; undefined before they were, and where nothing was asked. */
    thisMonth: (): Promise<ReviewDigest | undefined> => rows.reviewDigests.get(monthOf(clock())),

    /** What a review would ask of the next accounts, or of this one, if it were made now. A page may have none, and not be the last. */
    async preview(page: PageAsked, accountId?: string): Promise<PageOf<Preview & { id: string }>> {
      const where: Where<Account> =
        accountId === undefined ? ACTIVE_ONLY : [...ACTIVE_ONLY, ['id', '=', accountId]];
      const found: (Preview & { id: string })[] = [];
      let next: string | undefined = page.cursor;
      for (let step = 0; step < STEPS_MAX; step += 1) {
        const looked: PageOf<Account> = await pageByKey(
          rows.accounts,
          { ...page, cursor: next, limit: ACCOUNTS_AT_ONCE },
          { where, order: { by: 'id' } },
        );
        const asked = await Promise.all(looked.rows.map(previewOf));
        found.push(...asked.filter(({ findings }) => findings.length > 0));
        next = looked.next;
        if (next === undefined || findingsIn(found) >= FINDINGS_ENOUGH) break;
      }
      return { rows: found, next, isPartial: next !== undefined };
    },
  };
}

function findingsIn(previews: readonly Preview[]): number {
  return previews.reduce((sum, { findings }) => sum + findings.length, 0);
}

type Wanted = Parameters<typeof pageByKey<Review>>[2];

async function wantedOf({ accounts }: Parts, { search, month, state }: ReviewsAsked): Promise<Wanted> {
  const isMatch = (review: Review) =>
    (month === '' || review.month === month) &&
    (state === undefined || isUnanswered(review) === (state === 'unanswered'));
  if (search !== '') {
    const account = await findNamed(accounts, search);
    const where = [['accountId', '=', account?.id ?? search]] as const;
    return { where, order: { by: 'createdAt', descending: true }, isMatch };
  }
  const [from, before] = answeredBetween(month);
  const where = [
    ['answerBy', '>=', from],
    ['answerBy', '<', before],
  ] as const;
  return { where, order: { by: 'answerBy', descending: true }, isMatch };
}

/** When reviews of a month are to be answered by, the last to be mailed in it. */
function answeredBetween(month: string): [from: number, before: number] {
  const [, year, number] = /^(\d{4})-(\d\d)$/.exec(month) ?? [];
  if (year === undefined) return [0, Number.MAX_SAFE_INTEGER];
  const startOf = (at: number) => Date.UTC(Number(year), at) / 1000;
  const index = Number(number) - 1;
  return [startOf(index), startOf(index + 1) + REVIEW_ANSWER_SECONDS];
}

/** Whether something of it has no answer, of the owner or after its time of this site. */
export function isUnanswered({ items }: Pick<Review, 'items'>): boolean {
  return items.some(({ answer }) => answer === undefined);
}
