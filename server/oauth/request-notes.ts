import type { TokenNames } from '../access/bearer.ts';

/** What one part of the engine learns in a request, and another part tells or needs. */
export type Learned = {
  /** The id of the client secret that was used. */
  secretId?: string;
  /** The names of the token that was introspected. */
  names?: TokenNames;
};

/** On the request itself: a WeakMap of all requests is dear to the garbage collector. */
const LEARNED = Symbol('what the engine learned in this request');

export function learnedIn(req: object): Learned {
  const marked = req as { [LEARNED]?: Learned };
  marked[LEARNED] ??= {};
  return marked[LEARNED];
}
