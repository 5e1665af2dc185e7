import type { Context, Next } from 'koa';
import { Problem } from '../ground/errors.ts';

/** Headers that name a host beside `Host`. */
const OTHER_NAMES = ['x-forwarded-host', ':authority'];

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/**
 * Every URL that we write is built from the configured public URL, never from what a caller claims (Koa's
 * ctx.host and the engine's URLs follow the Host header): the header is set to what it should be before
 * anything reads it. On a developer's machine, pages asked for under another name of it are sent to the
 * configured one, because cookies belong to a name.
 */
export function canonicalHost(url: string) {
  const { host, protocol } = new URL(url);
  const loopback = LOOPBACK.test(host);
  return (ctx: Context, next: Next): Promise<void> | undefined => {
    // A whole URL in the request line (RFC 9112 section 3.2.2) names a host too, and Koa and the engine would
    // believe it.
    if (!ctx.req.url?.startsWith('/')) {
      throw new Problem({
        status: 400,
        code: 'INVALID_REQUEST',
        message: 'The request line has no plain path.',
        hint: 'Ask for a path that begins with a slash; a proxy must pass on the path alone, not the whole URL.',
      });
    }
    const { headers } = ctx.req;
    const asked = headers.host ?? '';
    headers.host = host;
    headers['x-forwarded-proto'] = protocol.slice(0, -1);
    for (const name of OTHER_NAMES) if (headers[name] !== undefined) delete headers[name];
    if (loopback && asked !== host && LOOPBACK.test(asked) && isPageView(ctx)) {
      ctx.status = 307;
      ctx.redirect(`${url}${ctx.originalUrl}`);
      return undefined;
    }
    return next();
  };
}

function isPageView(ctx: Context): boolean {
  return ctx.method === 'GET' && ctx.get('sec-fetch-mode') === 'navigate';
}
