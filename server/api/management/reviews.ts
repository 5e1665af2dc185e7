import { z } from 'zod';
import { ANSWERS, type ReviewItem } from '../../credentials/review.ts';
import { noSuch } from '../../ground/errors.ts';
import { managerFrom } from '../../management/reason.ts';
import { isUnanswered, REVIEW_STATES, type ReviewOf } from '../../management/review-list.ts';
import { timesOf } from '../times.ts';
import {
  bodyOf,
  type ManagementEndpoint,
  pageAskedBy,
  pageQuery,
  queryOf,
  reasonBody,
  searchQuery,
} from './endpoint.ts';
import type { ManagementDependencies } from './routes.ts';

const listQuery = searchQuery.extend({
  month: z
    .string()
    .regex(/^\d{4}-\d\d$/)
    .optional(),
  state: z.enum(REVIEW_STATES).optional(),
});
const previewQuery = pageQuery.pick({ cursor: true }).extend({ account_id: z.string().max(80).optional() });
const answerBody = reasonBody.extend({ item: z.string(), answer: z.enum(ANSWERS) });

/** `/reviews…` and `/review`: what was asked in each month and answered, and what would be asked now. */
export function reviewEndpoints({ reviewList, reviews }: ManagementDependencies): ManagementEndpoint[] {
  return [
    {
      method: 'GET',
      path: '/reviews',
      async answer({ ctx }) {
        const { q = '', month = '', state, ...page } = queryOf(ctx, listQuery);
        const { rows, next } = await reviewList.list({ search: q, month, state }, pageAskedBy(ctx, page));
        return { items: rows.map(reviewJson), next_cursor: next ?? null };
      },
    },
    {
      method: 'POST',
      path: '/reviews/:reviewId/answer',
      async answer({ ctx, params, actor }) {
        const { item, answer, reason } = await bodyOf(ctx, answerBody);
        const manager = managerFrom(actor, reason);
        const review = await reviewList.get(params.reviewId ?? '');
        if (review === undefined) throw noSuch('review');
        await reviews.answer({ id: review.id, accountId: review.accountId, itemId: item, answer }, manager);
        return reviewJson((await reviewList.get(review.id)) ?? review);
      },
    },
    {
      method: 'GET',
      path: '/review',
      async answer({ ctx }) {
        const { account_id: accountId, ...page } = queryOf(ctx, previewQuery);
        const { rows, next } = await reviewList.preview(pageAskedBy(ctx, page), accountId);
        const items = rows.flatMap(({ account, findings }) =>
          findings.map((finding) => ({
            account_id: account.id,
            account: account.email,
            ...itemJson(finding),
          })),
        );
        return { items, next_cursor: next ?? null };
      },
    },
  ];
}

/** A review as programs are told of it. */
function reviewJson(review: ReviewOf) {
  const { id, month, accountId, account, createdAt, answerBy, items } = review;
  return {
    id,
    month,
    account_id: accountId,
    account,
    state: isUnanswered(review) ? 'unanswered' : 'answered',
    ...timesOf('created', createdAt),
    ...timesOf('answer_by', answerBy),
    asked: items.map((item) => ({
      ...itemJson(item),
      answer: item.answer ?? null,
      ...timesOf('answered', item.answeredAt),
      answered_by: item.answeredBy?.kind ?? null,
      reason: item.answeredBy?.reason ?? null,
    })),
  };
}

type Shown = Pick<ReviewItem, 'id' | 'kind' | 'name' | 'reasons' | 'createdAt' | 'expiresAt' | 'lastUsedAt'>;

function itemJson({ id, kind, name, reasons, createdAt, expiresAt, lastUsedAt }: Shown) {
  return {
    id,
    kind,
    name,
    reasons,
    ...timesOf('created', createdAt),
    ...timesOf('expires', expiresAt),
    ...timesOf('last_used', lastUsedAt),
  };
}
