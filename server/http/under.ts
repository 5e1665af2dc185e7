import type { Context, Middleware, Next } from 'koa';

/**
 * A group of routes below these paths, with what stands before them. Requests for other paths pass it by; those for
 * its own end in it.
 */
export function under(paths: readonly string[], ...group: Middleware[]) {
  const isInside = (path: string) => paths.some((top) => path === top || path.startsWith(`${top}/`));
  const run = group.reduceRight<(ctx: Context) => Promise<unknown>>(
    (rest, one) => (ctx) => one(ctx, () => rest(ctx)),
    nothingMore,
  );
  return (ctx: Context, next: Next): Promise<unknown> => (isInside(ctx.path) ? run(ctx) : next());
}

async function nothingMore(): Promise<void> {}
