import type { Bearer } from '../access/bearer.ts';

/** A call that takes longer than this has its caller judged again before it changes anything: the token may be revoked by now. */
export const JUDGED_AGAIN_MS = 100;

/** Answers the caller, judged again where that was a while ago: before a body that was slow to come, or a long run. */
export function asOfNow(
  caller: Bearer | undefined,
  judge: () => Promise<Bearer | undefined>,
): () => Promise<Bearer | undefined> {
  let [judged, judgedMs] = [caller, performance.now()];
  return async () => {
    if (judged === undefined || performance.now() - judgedMs <= JUDGED_AGAIN_MS) return judged;
    [judged, judgedMs] = [await judge(), performance.now()];
    return judged;
  };
}
