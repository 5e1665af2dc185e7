import type { Context } from 'koa';
import type { FormProblem } from '../../views/credential-parts.ts';
import { Problem } from '../errors.ts';

/** Longer ones do not come back through a browser's address line; then the form starts empty. */
const QUERY_LENGTH_MAX = 3000;

/**
 * What was wrong with a form, to be shown with the form itself and what was typed. Throws everything that is not
 * the fault of one of its fields.
 */
export function formProblemOf(error: unknown): FormProblem & { status: number } {
  if (!(error instanceof Problem) || error.parameter === undefined || error.status >= 500) throw error;
  return { parameter: error.parameter, text: `${error.message} ${error.hint}`, status: error.status };
}

/** The path of a form with its values in the query: so it comes back filled in after a fresh sign-in. */
export function pathOfForm(
  path: string,
  values: Record<string, string | boolean | readonly string[]>,
): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    const texts = typeof value === 'object' ? value : [value === true ? 'yes' : value || ''];
    for (const text of texts) if (text !== '') query.append(name, text);
  }
  const whole = query.size === 0 ? path : `${path}?${query}`;
  return whole.length > QUERY_LENGTH_MAX ? path : whole;
}

/** The values of a query parameter that may be there several times. */
export function queryAll(ctx: Context, name: string): string[] {
  return [ctx.query[name] ?? []].flat();
}

/** The answer to a form that did its work: go there with GET (RFC 9110 section 15.4.4). */
export function seeOther(ctx: Context, path: string): void {
  ctx.status = 303;
  ctx.set('Cache-Control', 'no-store');
  ctx.set('Location', path);
  ctx.body = '';
}

/** The same for what is not there and what belongs to another account. */
export function notFound(what: string): Problem {
  return new Problem({
    status: 404,
    code: 'not_found',
    message: `There is no such ${what}.`,
    hint: 'Go back to the list: it may have been removed.',
  });
}
