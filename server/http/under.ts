import type { Context, Middleware, Next } from 'koa';
import type { Address } from './addresses.ts';

/**
 * A group of routes below these paths, with what stands before them. Requests for other paths pass it by; those for
 * its own end in it.
 */
export function under(paths: readonly string[], ...group: Middleware[]) {
  const run = inTurn(group);
  const isInside = (path: string) => paths.some((top) => path === top || path.startsWith(`${top}/`));
  return (ctx: Context, next: Next): Promise<unknown> => (isInside(ctx.path) ? run(ctx) : next());
}

/** The same for whole paths and patterns. */
export function at(addresses: readonly Address[], ...group: Middleware[]) {
  const run = inTurn(group);
  const isAt = (path: string) =>
    addresses.some((one) => (typeof one.path === 'string' ? one.path === path : one.path.test(path)));
  return (ctx: Context, next: Next): Promise<unknown> => (isAt(ctx.path) ? run(ctx) : next());
}

function inTurn(group: readonly Middleware[]): (ctx: Context) => Promise<unknown> {
  return group.reduceRight<(ctx: Context) => Promise<unknown>>(
    (rest, one) => (ctx) => one(ctx, () => rest(ctx)),
    nothingMore,
  );
}

async function nothingMore(): Promise<void> {}
