import type { RouterContext } from '@koa/router';
import {
  answerForPage,
  everyReviewPage,
  oneReviewPage,
  reviewPreviewPage,
} from '../../views/console/reviews.ts';
import { ANSWERS } from '../credentials/review.ts';
import { answersFor } from '../credentials/reviews.ts';
import { noSuch } from '../ground/errors.ts';
import { nothingHere } from '../http/error-response.ts';
import { sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { REVIEW_STATES } from '../management/review-list.ts';
import { adminOf, freshAdminOf, manageOnce } from './admin.ts';
import { pageAskedIn, pathWith, searchIn, waysOn } from './asked.ts';
import type { ConsoleDependencies } from './dependencies.ts';

const PATH = '/admin/reviews';

/** /admin/reviews: who was asked what each month and who answered what, answering for somebody, and what would be asked now. */
export function createReviewsPages(parts: ConsoleDependencies) {
  const { site, reviewList, reviews, clock } = parts;

  return {
    async list(ctx: RouterContext): Promise<void> {
      const admin = await adminOf(parts, ctx);
      const q = searchIn(ctx);
      const month = monthIn(ctx);
      const state = REVIEW_STATES.find((one) => one === queryOne(ctx, 'state'));
      const page = pageAskedIn(ctx);
      const { rows, next, isPartial } = await reviewList.list({ search: q, month, state }, page);
      const asked = {
        path: PATH,
        q,
        month,
        state: state ?? '',
        firstUrl: page.cursor === '' && month === '' ? undefined : pathWith(PATH, { q, state }),
        nextUrl: next && pathWith(PATH, { q, month, state, cursor: next }),
        isPartial,
      };
      const thisMonth = (await reviewList.thisMonth())?.counts;
      sendPage(ctx, everyReviewPage(site, admin, { reviews: rows, asked, thisMonth, now: clock() }));
    },

    async show(ctx: RouterContext): Promise<void> {
      const admin = await adminOf(parts, ctx);
      const found = await reviewList.get(ctx.params.reviewId ?? '');
      if (found === undefined) throw noSuch('review');
      const items = found.items.map((item) => ({ ...item, answers: answersFor(item) }));
      const review = { ...found, items };
      sendPage(ctx, oneReviewPage(site, admin, { review, now: clock(), done: queryOne(ctx, 'done') }));
    },

    /** GET /admin/reviews/now */
    async preview(ctx: RouterContext): Promise<void> {
      const admin = await adminOf(parts, ctx);
      const page = pageAskedIn(ctx);
      const { rows, next, isPartial } = await reviewList.preview(page);
      const asked = { ...waysOn(`${PATH}/now`, {}, { page, next }), isPartial };
      sendPage(ctx, reviewPreviewPage(site, admin, { accounts: rows, ...asked, now: clock() }));
    },

    async showAnswer(ctx: RouterContext): Promise<void> {
      await adminOf(parts, ctx);
      const { which, ...found } = await findItem(parts, ctx);
      const admin = await freshAdminOf(parts, ctx);
      const now = clock();
      sendPage(ctx, answerForPage(site, admin, { ...found, now, reason: '', problem: undefined }));
    },

    answer: (ctx: RouterContext): Promise<void> =>
      manageOnce(parts, ctx, {
        find: () => findItem(parts, ctx),
        async act({ which, answer, review }, manager) {
          await reviews.answer({ ...which, answer }, manager);
          return `${PATH}/${review}?done=${answer}`;
        },
        page: ({ which: _which, ...found }, { viewer, problem, sent }) =>
          answerForPage(site, viewer, { ...found, now: clock(), reason: sent.one('reason'), problem }),
      }),
  };
}

/** What is to be answered. Throws Problem 404 for what was never asked. */
async function findItem({ reviewList }: ConsoleDependencies, ctx: RouterContext) {
  const { reviewId = '', itemId = '' } = ctx.params;
  const answer = ANSWERS.find((one) => one === ctx.params.answer);
  if (answer === undefined) throw nothingHere(ctx);
  const review = await reviewList.get(reviewId);
  const item = review?.items.find(({ id }) => id === itemId);
  if (review === undefined || item === undefined) throw noSuch('review');
  const which = { id: review.id, accountId: review.accountId, itemId };
  return { which, review: review.id, item, account: review.account, answer };
}

/** What is no month is not asked for. */
function monthIn(ctx: RouterContext): string {
  const month = queryOne(ctx, 'month');
  return /^\d{4}-\d\d$/.test(month) ? month : '';
}
