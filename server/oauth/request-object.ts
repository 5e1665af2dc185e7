import { decodeJwt } from 'jose';
import type { Context, Next } from 'koa';

/** What says how an app reads the answer, which it may say in the request object alone. */
const ABOUT_ANSWER = ['response_mode', 'state'];

/**
 * The engine refuses request objects (OpenID Connect Core section 6), and sends that to the app. Stands before it, so
 * that the refusal goes the way on which the app waits for it. Where it goes to is said in the query alone.
 */
export async function heedRequestObject(ctx: Context, next: Next): Promise<void> {
  const query = new URLSearchParams(ctx.querystring);
  const object = query.get('request');
  if (ctx.path === '/oauth/authorize' && object !== null) {
    const claims = claimsOf(object);
    for (const name of ABOUT_ANSWER) {
      const value = claims[name];
      if (typeof value === 'string' && !query.has(name)) query.set(name, value);
    }
    ctx.querystring = query.toString();
  }
  return next();
}

function claimsOf(object: string): Record<string, unknown> {
  try {
    return decodeJwt(object);
  } catch {
    return {};
  }
}
