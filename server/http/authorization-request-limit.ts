import type { Context, Next } from 'koa';
import { Problem } from '../ground/errors.ts';
import { type Limiter, networkBuckets } from '../ground/limiter.ts';
import { MINUTE_SECONDS } from '../ground/time.ts';
import { addressOf } from './request.ts';

/** An office behind one address signs in at nine o'clock; a script fills a disk. */
const REQUESTS = { limit: 1000, windowSeconds: 10 * MINUTE_SECONDS };

/** Room for a large `state` beside everything else that RFC 6749 and OpenID Connect name. */
export const QUERY_LENGTH_MAX = 6_000;

/**
 * Bounds the authorization requests that one network makes, and their size: each needs nobody signed in and leaves
 * a row for up to an hour.
 */
export function limitAuthorizationRequests(limiter: Pick<Limiter, 'countEach'>, paths: readonly string[]) {
  return async (ctx: Context, next: Next): Promise<void> => {
    if (paths.includes(ctx.path)) {
      if (ctx.querystring.length > QUERY_LENGTH_MAX) {
        throw new Problem({
          status: 414,
          code: 'invalid_request',
          message: 'The address of this request is too long.',
          hint: `Send at most ${QUERY_LENGTH_MAX} characters; keep what is longer with the app, under a short state.`,
        });
      }
      await limiter.countEach(networkBuckets('begin', addressOf(ctx), REQUESTS));
    }
    await next();
  };
}
