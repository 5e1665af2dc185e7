import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Context } from 'koa';
import type { Form } from '../http/body.ts';
import { queryAll, queryOne } from '../http/query.ts';

/** The parameter that carries a whole form: JSON, deflated, base64url, so that it is not encoded again and again. */
const PARAMETER = 'form';
/** Servers and proxies take addresses of 8,000 characters; this one stands in another as `return_to`. */
const PARAMETER_LENGTH_MAX = 6000;
/** As large as a form that is posted may be. */
const FORM_BYTES_MAX = 64 * 1024;

/**
 * The path of a form with its values in the query: so it comes back filled in after a sign-in. Of values that are too
 * much together the longest is left out, and so is whatever has a secret of ours in it. Never for a password.
 */
export function pathOfForm(
  path: string,
  values: Record<string, string | boolean | readonly string[]>,
): string {
  const kept = Object.entries(values)
    .map(([name, value]) => [name, textsOf(value)] as const)
    .filter(([, texts]) => texts.length > 0 && !texts.some((text) => /lk_(?:pat|cs)_/i.test(text)))
    .sort(([, one], [, other]) => one.join().length - other.join().length);
  for (; kept.length > 0; kept.pop()) {
    const packed = deflateRawSync(JSON.stringify(Object.fromEntries(kept))).toString('base64url');
    if (packed.length <= PARAMETER_LENGTH_MAX) return `${path}?${PARAMETER}=${packed}`;
  }
  return path;
}

function textsOf(value: string | boolean | readonly string[]): string[] {
  if (typeof value === 'boolean') return value ? ['yes'] : [];
  return [value].flat().filter((text) => text !== '');
}

/** Whether the address carries a form at all. */
export function isFilledIn(ctx: Context): boolean {
  return queryOne(ctx, PARAMETER) !== '';
}

/** The values that such a path carries, or plain parameters of their names, read as those of a posted form are. */
export function formInQuery(ctx: Context): Form {
  const packed = queryOne(ctx, PARAMETER);
  if (packed === '') return { one: (name) => queryOne(ctx, name), all: (name) => queryAll(ctx, name) };
  const values = unpacked(packed);
  const all = (name: string) => values.get(name) ?? [];
  return { one: (name) => all(name)[0] ?? '', all };
}

/** Nothing for what is no form of ours. */
function unpacked(packed: string): Map<string, string[]> {
  try {
    const text = inflateRawSync(Buffer.from(packed, 'base64url'), { maxOutputLength: FORM_BYTES_MAX });
    const values: unknown = JSON.parse(text.toString('utf8'));
    if (typeof values !== 'object' || values === null) return new Map();
    return new Map(Object.entries(values).map(([name, value]) => [name, stringsIn(value)]));
  } catch {
    return new Map();
  }
}

function stringsIn(value: unknown): string[] {
  return [value].flat().filter((one) => typeof one === 'string');
}
