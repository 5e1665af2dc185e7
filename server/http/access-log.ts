import type { Context, Next } from 'koa';
import type { Logger } from 'pino';
import type { Clock } from '../ground/clock.ts';
import { withoutSecrets } from '../ground/without-secrets.ts';
import type { ClientAddress } from './client-address.ts';
import { beginNotes } from './request.ts';

/**
 * One line a request. The path is given without its query, the ids of waiting sign-ins, and what may be a
 * token.
 */
export function accessLog(log: Logger, clientAddress: ClientAddress, clock: Clock) {
  return async (ctx: Context, next: Next): Promise<void> => {
    const request = beginNotes(ctx, clientAddress, clock);
    ctx.set('X-Request-Id', request.id);
    await next();
    log.info(
      {
        requestId: request.id,
        method: ctx.method,
        path: withoutSecrets(ctx.path.replace(INTERACTION, '$1:uid')),
        status: ctx.status,
        ms: Math.round((performance.now() - request.startedMs) * 10) / 10,
        from: request.address,
        credential: request.credential,
        explain: request.explain,
      },
      'request',
    );
  };
}

/** The id of a sign-in that waits stands behind these. */
const INTERACTION = /^(\/interaction\/|\/oauth\/authorize\/)[^/]+/;
