import type { Context, Next } from 'koa';

/** Names of headers (RFC 9110 section 5.6.2) with commas between them. */
const HEADER_NAMES = /^[\w!#$%&'*+.^`|~, -]+$/;

const ALWAYS = 'Authorization, Content-Type';

/**
 * Answers a browser that asks before a page of another site may call. The headers are those that it asks for: what a
 * page may send is nothing to us, and tracing libraries add theirs to every call.
 */
export function answerPreflight(ctx: Context, methods: string): void {
  const asked = ctx.get('access-control-request-headers');
  ctx.set('Access-Control-Allow-Methods', methods);
  ctx.set('Access-Control-Allow-Headers', HEADER_NAMES.test(asked) ? `${ALWAYS}, ${asked}` : ALWAYS);
  ctx.set('Access-Control-Max-Age', '600');
  ctx.vary('Access-Control-Request-Headers');
  ctx.status = 204;
}

/** Whether a browser asks before it calls; an OPTIONS without this header asks what an address is called with. */
export function isPreflight(ctx: Context): boolean {
  return ctx.method === 'OPTIONS' && ctx.get('access-control-request-method') !== '';
}

/** The documents at these paths may be read by anybody, from a page of any site too. */
export function openDocuments(paths: readonly string[]) {
  return (ctx: Context, next: Next): Promise<unknown> | undefined => {
    if (!paths.includes(ctx.path)) return next();
    ctx.set('Access-Control-Allow-Origin', '*');
    if (!isPreflight(ctx)) return next();
    answerPreflight(ctx, 'GET, HEAD');
    return undefined;
  };
}
