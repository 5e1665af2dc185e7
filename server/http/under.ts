import type { Context, Middleware, Next } from 'koa';

/**
 * A group of routes below these paths, with what stands before them. Requests for other paths pass it by; those for
 * its own end in it.
 */
export function under(paths: readonly string[], ...group: Middleware[]) {
  const isInside = (path: string) => paths.some((top) => path === top || path.startsWith(`${top}/`));
  return (ctx: Context, next: Next): Promise<unknown> =>
    isInside(ctx.path) ? group.reduceRight<Next>((rest, one) => () => one(ctx, rest), nothingMore)() : next();
}

async function nothingMore(): Promise<void> {}
