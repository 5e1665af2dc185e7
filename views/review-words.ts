import { REVIEW_LONG_DAYS } from '../server/ground/limits.ts';
import { DAY_SECONDS, timeFromNow } from '../server/ground/time.ts';

/** A credential that a review names. */
export type ReviewItemView = {
  kind: 'token' | 'service' | 'secret';
  name: string;
  reasons: readonly ('all_powerful' | 'never_used' | 'unused' | 'expiring' | 'long_lived')[];
  createdAt: number;
  expiresAt?: number | undefined;
  lastUsedAt?: number | undefined;
  /** When its owner said in an earlier review that they need it. */
  keptAt?: number | undefined;
};

/** What a credential is, in words. */
export const KIND_WORDS = { token: 'token', service: 'service', secret: 'secret of an app' } as const;

/** Why a review names it, in words. */
export function reasonsOf(item: ReviewItemView, now: number): string {
  const days = (since: number) => `${Math.max(1, Math.floor((now - since) / DAY_SECONDS))} days`;
  const words: Record<ReviewItemView['reasons'][number], string> = {
    all_powerful: 'has admin rights, past privacy rules',
    never_used: `never used in the ${days(item.createdAt)} since it was made`,
    unused: `not used for ${days(item.lastUsedAt ?? item.createdAt)}`,
    expiring: `ends ${timeFromNow((item.expiresAt ?? now) - now)}`,
    long_lived: item.expiresAt === undefined ? 'never expires' : `lives longer than ${REVIEW_LONG_DAYS} days`,
  };
  const { keptAt } = item;
  const kept = keptAt === undefined ? [] : [`kept ${timeFromNow(keptAt - now)}`];
  return [...item.reasons.map((reason) => words[reason]), ...kept].join(', ');
}
