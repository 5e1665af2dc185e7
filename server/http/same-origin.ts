import type { Context, Next } from 'koa';
import { Problem } from '../ground/errors.ts';

/**
 * Refuses every change of state that another site's page could have sent with our cookies. Browsers say where
 * a request comes from (Fetch Metadata `Sec-Fetch-Site`; older ones `Origin`); a request that says neither is
 * refused too. Our pages need no further token.
 */
export function sameOriginOnly(origin: string) {
  return async (ctx: Context, next: Next): Promise<void> => {
    if (!['GET', 'HEAD', 'OPTIONS'].includes(ctx.method) && !comesFromUs(ctx, origin)) {
      ctx.set('Connection', 'close');
      throw new Problem({
        status: 403,
        code: 'FOREIGN_ORIGIN',
        message: 'This request did not come from a page of this site.',
        hint: `Open ${origin} yourself and send the form from there.`,
      });
    }
    await next();
  };
}

function comesFromUs(ctx: Context, origin: string): boolean {
  const site = ctx.get('sec-fetch-site');
  const claimed = ctx.get('origin');
  if (claimed !== '' && claimed !== origin) return false;
  if (site !== '') return site === 'same-origin';
  return claimed === origin;
}

/** It is written into rows that need nobody signed in, and no page here has a longer address. */
const PATH_LENGTH_MAX = 8_000;

/** `value` if it is a path on this site, else `fallback`: nobody is sent elsewhere by a link to us. */
export function safePath(value: string, fallback: string): string {
  if (value.length > PATH_LENGTH_MAX) return fallback;
  // A backslash or a control character is read as a slash, or dropped, by browsers: //evil.example in
  // disguise.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (!value.startsWith('/') || /^\/[/\\]|[\\\u0000-\u001f\u007f]/.test(value)) return fallback;
  const base = 'http://same-origin.invalid';
  const url = URL.parse(value, base);
  // Dot segments are resolved by now: /.//evil.example has become //evil.example, another site's address.
  if (url === null || url.origin !== base || url.pathname.startsWith('//')) return fallback;
  return `${url.pathname}${url.search}${url.hash}`;
}
