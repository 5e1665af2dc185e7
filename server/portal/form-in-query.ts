import type { Context } from 'koa';
import type { Form } from '../http/body.ts';
import { queryAll, queryOne } from '../http/query.ts';

/** Longer ones do not come back through a browser's address line; then the form starts empty. */
const QUERY_LENGTH_MAX = 3000;

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

/** The values that such a path carries, read as those of a posted form are. */
export function formInQuery(ctx: Context): Form {
  return { one: (name) => queryOne(ctx, name), all: (name) => queryAll(ctx, name) };
}
