import type Router from '@koa/router';
import type { Context, Next } from 'koa';
import { Problem } from '../ground/errors.ts';
import { nothingHere } from './error-response.ts';

/** Where something answers, in its one spelling or as a pattern, and with which methods. */
export type Address = { path: string | RegExp; methods: readonly string[] };

/** All that these routers answer to. */
export function addressesOf(routers: readonly Router[]): Address[] {
  return routers.flatMap(({ stack }) =>
    stack.map(({ path, regexp, methods }) => ({
      path: String(path).includes(':') ? regexp : String(path),
      methods,
    })),
  );
}

/**
 * Lets a request on to an address that is there, with a method that it has: another address is 404, another method
 * 405 with `Allow` (RFC 9110 section 15.5.6). OPTIONS is answered here where it is no preflight of a browser.
 */
export function onlyAt(addresses: readonly Address[]) {
  const methodsAt = finderOf(addresses);
  return (ctx: Context, next: Next): Promise<void> => {
    const methods = methodsAt(ctx.path);
    if (methods.length === 0) throw nothingHere(ctx);
    const isPreflight = ctx.get('access-control-request-method') !== '';
    if (methods.includes(ctx.method) && (ctx.method !== 'OPTIONS' || isPreflight)) return next();
    const allow = [...new Set([...methods, 'OPTIONS'])].join(', ');
    if (ctx.method !== 'OPTIONS') throw methodNotAllowed(ctx, methods, allow);
    ctx.set('Allow', allow);
    ctx.status = 204;
    return Promise.resolve();
  };
}

function methodNotAllowed(ctx: Context, methods: readonly string[], allow: string): Problem {
  // Its body is not read, and must not be taken for the next request.
  ctx.set('Connection', 'close');
  const wanted = methods.filter((method) => method !== 'HEAD' && method !== 'OPTIONS');
  return new Problem({
    status: 405,
    code: 'METHOD_NOT_ALLOWED',
    message: `This address is not asked with ${ctx.method}.`,
    hint: `Ask it with ${wanted.join(' or ')}.`,
    headers: { Allow: allow },
  });
}

/** Most paths are whole, so only what is left is matched with each pattern. */
function finderOf(addresses: readonly Address[]): (path: string) => readonly string[] {
  const whole = new Map<string, string[]>();
  const patterns: { pattern: RegExp; methods: readonly string[] }[] = [];
  for (const { path, methods } of addresses) {
    if (typeof path === 'string') whole.set(path, [...(whole.get(path) ?? []), ...methods]);
    else patterns.push({ pattern: path, methods });
  }
  return (path) =>
    whole.get(path) ?? patterns.flatMap(({ pattern, methods }) => (pattern.test(path) ? methods : []));
}
