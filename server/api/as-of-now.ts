import type { Bearer } from '../access/bearer.ts';

/**
 * A call that takes longer than this has its caller judged again before it changes anything: the token may be revoked by
 * now.
 */
export const JUDGED_AGAIN_MS = 100;

/** Answers the caller, judged again where that was a while ago: before a body that was slow to come, or a long run. */
export function asOfNow<C extends Bearer | undefined>(caller: C, judge: () => Promise<C>): () => Promise<C> {
  let judged = caller;
  let judgedMs = performance.now();
  return async () => {
    if (judged === undefined || performance.now() - judgedMs <= JUDGED_AGAIN_MS) return judged;
    judged = await judge();
    judgedMs = performance.now();
    return judged;
  };
}
