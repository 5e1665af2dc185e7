import type { Bucket, Limit, Limiter } from '../ground/limiter.ts';
import { DAY_SECONDS, HOUR_SECONDS } from '../ground/time.ts';
import type { Effects, EffectsOfChange } from './effects.ts';

/** More than anybody makes by hand, and all that an account may have; each act mails its owner or stays in its history. */
const ACT_LIMITS: readonly Limit[] = [
  { limit: 120, windowSeconds: HOUR_SECONDS },
  { limit: 300, windowSeconds: DAY_SECONDS },
];

/**
 * Bounds what one account does on pages: whatever is made that mails, and changes that are `repeatable`. Ending
 * something is never refused; there is no more of it than was made.
 */
export function limitActs(effects: Effects, limiter: Pick<Limiter, 'run'>): Effects {
  /** Most changes are none of these, and pass as they are. */
  function counted<T>(buckets: readonly Bucket[], change: () => Promise<T>): Promise<T> {
    return buckets.length === 0 ? change() : limiter.run(buckets, change);
  }

  return {
    ...effects,
    insert: (collection, row, caused) =>
      counted(caused.mail === undefined || caused.mail.length === 0 ? [] : actBuckets(caused), () =>
        effects.insert(collection, row, caused),
      ),
    update: (collection, id, change, guard, caused) =>
      counted(caused.repeatable === true ? actBuckets(caused) : [], () =>
        effects.update(collection, id, change, guard, caused),
      ),
  };
}

/** The operator, and services that act for many, are not one person at a page. */
function actBuckets({ audit = [] }: EffectsOfChange): readonly Bucket[] {
  const act = audit.find(({ actor }) => actor.kind === 'account');
  if (act === undefined) return [];
  return ACT_LIMITS.map((limit) => [`acts:${act.accountId}`, limit]);
}
