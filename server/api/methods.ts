import type { Context } from 'koa';
import { Problem } from '../ground/errors.ts';

/** The `Allow` header of an address that is called with these: HEAD is GET without the body (RFC 9110 section 9.3.2). */
export function allowOf(methods: readonly string[]): string {
  const all = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return [...all, 'OPTIONS'].join(', ');
}

/** The answer to another method; `what` is what was called, for people. */
export function wrongMethod(ctx: Context, what: string, methods: readonly string[]): Problem {
  return new Problem({
    status: 405,
    code: 'METHOD_NOT_ALLOWED',
    message: `${what} is not called with ${ctx.method}.`,
    hint: `Call it with ${methods.join(' or ')}.`,
    headers: { Allow: allowOf(methods) },
  });
}
