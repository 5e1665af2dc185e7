import type { Context, Next } from 'koa';
import { QUERY_PARAMETERS_MAX } from '../ground/limits.ts';
import { QUERY_LENGTH_MAX } from './authorization-request-limit.ts';
import { readFields, sentTwice, tooManyFields } from './body.ts';
import { seeOther } from './page.ts';

/** Of these two, POST must be answered as GET is. */
const PATHS = ['/oauth/authorize', '/oauth/end-session'];

/** A request may name several resources (RFC 8707 section 2). */
const REPEATABLE = 'resource';

/**
 * An authorization or logout request that an app's page posts (OpenID Connect Core section 3.1.2.1, RP-Initiated
 * Logout section 2). It is sent on to the same address with its fields in the query: browsers send our SameSite=Lax
 * cookie with that, and not with another site's post. Nothing is kept for it, so the limit counts what follows.
 */
export async function postedRequest(ctx: Context, next: Next): Promise<void> {
  if (ctx.method !== 'POST' || !PATHS.includes(ctx.path)) return next();
  const query = new URLSearchParams(ctx.querystring);
  const names = new Set(query.keys());
  let count = query.size;
  for (const [name, value] of await readFields(ctx, QUERY_LENGTH_MAX)) {
    if (names.has(name) && name !== REPEATABLE) throw sentTwice(name);
    if (++count > QUERY_PARAMETERS_MAX) throw tooManyFields(QUERY_PARAMETERS_MAX);
    names.add(name);
    query.append(name, value);
  }
  seeOther(ctx, query.size === 0 ? ctx.path : `${ctx.path}?${query}`);
}
