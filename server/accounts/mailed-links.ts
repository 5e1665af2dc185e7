import { Problem } from '../ground/errors.ts';
import { type Bucket, type Limit, networkBuckets, networkOf } from '../ground/limiter.ts';
import { isWholeLinkToken } from '../ground/opaque.ts';
import { DAY_SECONDS, HOUR_SECONDS } from '../ground/time.ts';
import { type Email, mailboxOf } from './email.ts';

/** Each link goes to an address that somebody typed: nobody's mailbox is to be filled through us. */
const MAILBOX_LIMITS: readonly Limit[] = [
  { limit: 10, windowSeconds: HOUR_SECONDS },
  { limit: 50, windowSeconds: DAY_SECONDS },
];
/** Fewer than for the mailbox, so that a stranger elsewhere takes not all of its owner's. */
const PAIR_LIMIT: Limit = { limit: 5, windowSeconds: HOUR_SECONDS };
const NETWORK_LIMIT: Limit = { limit: 30, windowSeconds: HOUR_SECONDS };
/** Passwords typed, or hashed, behind one link; by the day too, as long as the longest link is good. */
const LINK_LIMITS: readonly Limit[] = [
  { limit: 10, windowSeconds: HOUR_SECONDS },
  { limit: 30, windowSeconds: DAY_SECONDS },
];

/** What a link that somebody asks for is counted in, before anything is done about it. */
export function askingBuckets(
  kind: 'sign-up' | 'reset',
  asked: { email: Email; from: string },
): readonly Bucket[] {
  const mailbox = `${kind}:${mailboxOf(asked.email.key)}`;
  return [
    [`${mailbox}:${networkOf(asked.from)}`, PAIR_LIMIT],
    ...MAILBOX_LIMITS.map((limit): Bucket => [mailbox, limit]),
    ...networkBuckets(kind, asked.from, NETWORK_LIMIT),
  ];
}

/** What is done behind one mailed link is counted in. */
export function linkBuckets(kind: 'verify' | 'invitation' | 'reset-link', id: string): readonly Bucket[] {
  return LINK_LIMITS.map((limit) => [`${kind}:${id}`, limit]);
}

/** The link is none, or none any more; `hint` is for one that is whole. */
export function linkDead(hint: string, token: string): Problem {
  if (!isWholeLinkToken(token)) return linkDamaged('the mail');
  const message = 'This link was used already, or is too old.';
  return new Problem({ status: 400, code: 'LINK_DEAD', message, hint });
}

/** A program on the way cut the link off, or added to it; it may be good still. */
export function linkDamaged(source: string): Problem {
  return new Problem({
    status: 400,
    code: 'LINK_DAMAGED',
    message: 'This link is damaged: a part of it is missing, or something was added to it on the way.',
    hint: `Copy the whole link from ${source}, from http to its last character, and paste it into the address field of your browser.`,
  });
}
