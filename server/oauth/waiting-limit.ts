import Provider, { errors } from 'oidc-provider';
import { Problem } from '../ground/errors.ts';
import { type Limiter, networkBuckets } from '../ground/limiter.ts';
import { MINUTE_SECONDS } from '../ground/time.ts';
import { addressOf } from '../http/request.ts';

/** An office behind one address signs in at nine o'clock; a script fills a disk. */
const WAITING = { limit: 1000, windowSeconds: 10 * MINUTE_SECONDS };

/** Room for the longest request that is let through, and what the engine found out about it. */
const WAITING_CHARACTERS_MAX = 12_000;

/**
 * Counts an authorization request that is about to wait for a person, where its row is written: it needs nobody
 * signed in and stays for an hour. Throws what the engine shows as a page, since an app can do nothing about it.
 */
export async function countWaiting(limiter: Pick<Limiter, 'countEach'>, payload: object): Promise<void> {
  if (JSON.stringify(payload).length > WAITING_CHARACTERS_MAX) {
    throw new errors.InvalidRequest(
      'the request is too long: keep what is long with the app, under a short state',
    );
  }
  const ctx = Provider.ctx;
  if (ctx === undefined) return;
  try {
    await limiter.countEach(networkBuckets('waiting', addressOf(ctx), WAITING));
  } catch (cause) {
    if (!(cause instanceof Problem)) throw cause;
    ctx.set(cause.headers);
    // RFC 6749 section 4.1.2.1 has this word; the status is ours.
    const error = new errors.CustomOIDCProviderError('temporarily_unavailable', cause.message);
    throw Object.assign(error, {
      cause,
      status: cause.status,
      statusCode: cause.status,
      allow_redirect: false,
    });
  }
}
