import type { Context, Next } from 'koa';

/** Routes whose paths all begin in one of these ways; other requests pass them by. */
export function under(starts: readonly string[], routes: (ctx: never, next: Next) => unknown) {
  return (ctx: Context, next: Next) =>
    starts.some((start) => ctx.path.startsWith(start)) ? routes(ctx as never, next) : next();
}
