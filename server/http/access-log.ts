import type { Context, Next } from 'koa';
import type { Logger } from 'pino';
import { withoutSecrets } from '../without-secrets.ts';
import { addressOf, noteAddress, requestIdOf } from './request.ts';

const credentials = new WeakMap<object, string>();

/** Which credential this request came with, for its line in the log. Takes a `token_id`, never a token. */
export function noteCredential(ctx: Context, tokenId: string): void {
  credentials.set(ctx.req, tokenId);
}

/**
 * One line a request. The path is given without its query, the ids of waiting sign-ins, and what may be a
 * token.
 */
export function accessLog(log: Logger, proxies: readonly string[]) {
  return async (ctx: Context, next: Next): Promise<void> => {
    const startedAt = performance.now();
    noteAddress(ctx, proxies);
    ctx.set('X-Request-Id', requestIdOf(ctx));
    await next();
    log.info(
      {
        requestId: requestIdOf(ctx),
        method: ctx.method,
        path: withoutSecrets(ctx.path.replace(WAITING, '$1:uid')),
        status: ctx.status,
        ms: Math.round((performance.now() - startedAt) * 10) / 10,
        from: addressOf(ctx),
        credential: credentials.get(ctx.req),
      },
      'request',
    );
  };
}

const WAITING = /^(\/interaction\/|\/oauth\/authorize\/)[^/]+/;
