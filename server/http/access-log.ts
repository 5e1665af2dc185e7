import type { Context, Next } from 'koa';
import type { Logger } from 'pino';
import { afterBurst } from '../../adapters/burst.ts';
import { withoutSecrets } from '../without-secrets.ts';
import { noteRequest } from './request.ts';

/**
 * One line a request. The path is given without its query, the ids of waiting sign-ins, and what may be a
 * token.
 */
export function accessLog(log: Logger, proxies: readonly string[]) {
  let lines: object[] = [];

  /** Those of one burst one after another: each takes half the time that it takes between other work. */
  function write(): void {
    const due = lines;
    lines = [];
    for (const line of due) log.info(line, 'request');
  }

  return async (ctx: Context, next: Next): Promise<void> => {
    const startedAt = performance.now();
    const request = noteRequest(ctx, proxies);
    ctx.set('X-Request-Id', request.id);
    await next();
    if (lines.length === 0) afterBurst(write);
    lines.push({
      requestId: request.id,
      method: ctx.method,
      path: withoutSecrets(withoutWaiting(ctx.path)),
      status: ctx.status,
      ms: Math.round((performance.now() - startedAt) * 10) / 10,
      from: request.from,
      credential: request.credential,
    });
  };
}

/** The path without the id of a sign-in that waits. */
function withoutWaiting(path: string): string {
  // Most paths are others, and a look costs less than a replacement.
  return WAITING.test(path) ? path.replace(WAITING, '$1:uid') : path;
}

const WAITING = /^(\/interaction\/|\/oauth\/authorize\/)[^/]+/;
