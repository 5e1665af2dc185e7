import type { Context, Next } from 'koa';
import { Problem } from '../ground/errors.ts';
import { QUERY_PARAMETERS_MAX } from '../ground/limits.ts';
import { notUtf8, tooManyFields } from './body.ts';
import { fieldNotUtf8 } from './utf8.ts';

/** What a plain target is made of (RFC 3986), and what browsers leave as it is beside that; no fragment. */
const PLAIN = /^\/[!"$-~]*$/;

/**
 * Refuses a request whose target (RFC 9112 section 3.2) is no plain path with a query of bounded length, before
 * anything looks into it: Koa throws for some targets, believes the host that others name, and takes long for many
 * parameters. The target is replaced by what of it is a plain path, which the log and the answer's form go by.
 */
export function plainTarget(ctx: Context, next: Next): Promise<void> {
  const target = ctx.req.url ?? '';
  const isPlain = PLAIN.test(target);
  const query = isPlain ? target.indexOf('?') : 0;
  if (query === -1) return next();
  const fault = isPlain ? faultOfQuery(target.slice(query + 1)) : notPlain(target);
  if (fault === undefined) return next();
  ctx.req.url = plainPathIn(target);
  throw fault;
}

function faultOfQuery(query: string): Problem | undefined {
  if (hasTooMany(query)) {
    const hint = `Send at most ${QUERY_PARAMETERS_MAX} in the address, and what is more in the body.`;
    return tooManyFields(QUERY_PARAMETERS_MAX, hint);
  }
  const foreign = fieldNotUtf8(query);
  return foreign === undefined ? undefined : notUtf8(foreign);
}

function hasTooMany(query: string): boolean {
  // Each takes what separates it from the next.
  if (query.length < QUERY_PARAMETERS_MAX) return false;
  return query.split('&', QUERY_PARAMETERS_MAX + 1).length > QUERY_PARAMETERS_MAX;
}

/** The path behind a scheme and host, without query and fragment; `/` where there is none. */
function plainPathIn(target: string): string {
  const [path = ''] = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').split(/[?#]/, 1);
  return PLAIN.test(path) ? path : '/';
}

function notPlain(target: string): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_REQUEST',
    message: 'The request line has no plain path.',
    hint: target.startsWith('/')
      ? 'Percent-encode what is neither a letter, a digit nor a sign of ASCII, as UTF-8 (curl: -G --data-urlencode).'
      : 'Ask for a path that begins with a slash; a proxy must pass on the path alone, not the whole URL.',
  });
}
