import type { Context } from 'koa';
import { sentTwice } from './body.ts';

/** A query parameter, '' when absent. Throws Problem 400 when it was sent twice (parameter pollution). */
export function queryOne(ctx: Context, name: string): string {
  const value = ctx.query[name];
  if (Array.isArray(value)) throw sentTwice(name);
  return value ?? '';
}

/** The values of a query parameter that may be there several times. */
export function queryAll(ctx: Context, name: string): string[] {
  return [ctx.query[name] ?? []].flat();
}
