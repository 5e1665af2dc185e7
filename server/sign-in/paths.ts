import type { Context } from 'koa';

/** Where somebody is sent who did not want to go anywhere in particular. */
export const HOME = '/tokens';

/** A path of ours with a query; empty values and the way home are left out. */
export function pathWith(path: string, query: Record<string, string>): string {
  const given = Object.entries(query).filter(
    ([name, value]) => value !== '' && !(name === 'return_to' && value === HOME),
  );
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}

/** The answer to a form: go there with GET (RFC 9110 section 15.4.4). */
export function goTo(ctx: Context, location: string): void {
  ctx.status = 303;
  ctx.set('Cache-Control', 'no-store');
  ctx.set('Location', location);
  ctx.body = '';
}
