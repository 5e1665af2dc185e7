import { Problem } from '../ground/errors.ts';
import { type Limit, type Limiter, networkOf } from '../ground/limiter.ts';
import { HOUR_SECONDS } from '../ground/time.ts';
import type { Email } from './email.ts';

/** Each link goes to an address that somebody typed: nobody's mailbox is to be filled through us. */
const MAIL_LIMIT: Limit = { limit: 5, windowSeconds: HOUR_SECONDS };
const ADDRESS_LIMIT: Limit = { limit: 30, windowSeconds: HOUR_SECONDS };
/** Passwords typed, or hashed, behind one link. */
export const LINK_LIMIT: Limit = { limit: 10, windowSeconds: HOUR_SECONDS };

/** Counts a link that somebody asks for. Throws Problem 429 past the limits. */
export async function countAsking(
  limiter: Limiter,
  kind: 'sign-up' | 'reset',
  asked: { email: Email; from: string },
): Promise<void> {
  await limiter.count(`${kind}:${networkOf(asked.from)}`, ADDRESS_LIMIT);
  await limiter.count(`${kind}:${asked.email.key}`, MAIL_LIMIT);
}

/** The link is none, or none any more. */
export function linkDead(hint: string): Problem {
  const message = 'This link was used already, or is too old.';
  return new Problem({ status: 400, code: 'LINK_DEAD', message, hint });
}
