import { z } from 'zod';
import { declare } from '../../adapters/port.ts';
import { pendingEffects } from '../effects/effects.ts';
import { actorSchema } from '../ground/actor.ts';
import { isoTime } from '../ground/time.ts';
import { REASONS } from './review-findings.ts';

/** What an owner says about a credential that a review names. */
export const ANSWERS = ['keep', 'pause', 'revoke'] as const;

export type Answer = (typeof ANSWERS)[number];

const itemSchema = z.strictObject({
  id: z.string(),
  kind: z.enum(['token', 'service', 'secret']),
  clientId: z.string().optional(),
  name: z.string(),
  reasons: z.array(z.enum(REASONS)),
  createdAt: z.number(),
  expiresAt: z.number().optional(),
  lastUsedAt: z.number().optional(),
  /** When its owner said in an earlier review that they need it. */
  keptAt: z.number().optional(),
  /** SHA-256 of the secret in its mailed links; absent where the mail had no room for them. */
  linkHash: z.string().optional(),
  answer: z.enum(ANSWERS).optional(),
  answeredAt: z.number().optional(),
  /** Who answered; the system where nobody did in time. */
  answeredBy: actorSchema.optional(),
  /** Present while the answer is still to be carried out. */
  isOpen: z.literal(true).optional(),
});

/** One credential of a review, and what became of it. */
export type ReviewItem = z.infer<typeof itemSchema>;

/** What one account was asked in one month, kept with the answers. */
const reviewSchema = z.strictObject({
  /** Of account and month, so that there is one, whoever makes it and however often. */
  id: z.string(),
  accountId: z.string(),
  /** `2027-02` */
  month: z.string(),
  createdAt: z.number(),
  /** Until then it can be answered. */
  answerBy: z.number(),
  /** The same until what was not answered was looked at; absent afterwards. */
  closesAt: z.number().optional(),
  items: z.array(itemSchema),
  /** How often the items were written: they are written whole, so each write names the state that it read. */
  writes: z.number(),
  /** Since then some answer is to be carried out; absent where all are. */
  actAt: z.number().optional(),
  ...pendingEffects,
});

export type Review = z.infer<typeof reviewSchema>;

export const reviewDeclaration = declare<Review>({
  name: 'reviews',
  schema: reviewSchema,
  indexes: [['accountId', 'createdAt'], ['month'], ['answerBy'], ['closesAt'], ['actAt'], ['pendingAt']],
});

const countsSchema = z.strictObject({
  accounts: z.number(),
  credentials: z.number(),
  byReason: z.record(z.enum(REASONS), z.number()),
});

/** How many credentials of how many accounts there is something to say about, by what it is. */
export type ReviewCounts = z.infer<typeof countsSchema>;

/** What the admins were told of one month. */
const reviewDigestSchema = z.strictObject({
  /** The month. */
  id: z.string(),
  createdAt: z.number(),
  counts: countsSchema,
  ...pendingEffects,
});

export type ReviewDigest = z.infer<typeof reviewDigestSchema>;

export const reviewDigestDeclaration = declare<ReviewDigest>({
  name: 'review_digests',
  schema: reviewDigestSchema,
  indexes: [['createdAt'], ['pendingAt']],
});

/** `2027-02` */
export function monthOf(at: number): string {
  return isoTime(at).slice(0, 7);
}
