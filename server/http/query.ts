import type { Context } from 'koa';
import { sentTwice } from './body.ts';

/*
 * The one reader of queries: Koa's own (`ctx.query`) takes time that grows with the square of their length.
 * request-target.ts has bounded them, and refused what is no UTF-8.
 */

/** A query parameter, '' when absent. Throws Problem 400 when it was sent twice (parameter pollution). */
export function queryOne(ctx: Context, name: string): string {
  const found = queryAll(ctx, name);
  if (found.length > 1) throw sentTwice(name);
  return found[0] ?? '';
}

/** The values of a query parameter that may be there several times. */
export function queryAll(ctx: Context, name: string): string[] {
  return ctx.querystring === '' ? [] : new URLSearchParams(ctx.querystring).getAll(name);
}
