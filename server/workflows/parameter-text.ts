import type { z } from 'zod';
import { lossOf, NUMBER } from '../ground/exact-number.ts';
import { inspectJson, isTooDeep } from './json-faults.ts';

type Parsed = z.ZodSafeParseResult<unknown>;

/** What a text was read as; `changed` where it spells a number that would not arrive as it was sent, and why. */
export type Read = { parsed: Parsed; changed?: string | undefined };

/**
 * Reads what came as a text, for a query and a form know nothing else. One that the schema refuses as a text is tried
 * as what it spells: a number, yes or no, JSON of an object or a list, a list of one. The texts of a repeated name are
 * a list.
 */
export function readText(schema: z.ZodType, value: string | string[]): Read {
  const asText = schema.safeParse(value);
  if (value === '' || (asText.success && !isMisread(schema, value, asText.data))) return { parsed: asText };
  if (Array.isArray(value)) return readSpelt(schema, value, value.map(spelledOut));
  const spelt = spelledOut(value);
  const asSpelt = readSpelt(schema, [value], spelt);
  if (asSpelt.parsed.success) return asSpelt;
  const asJson = readJson(schema, value);
  if (asJson !== undefined) return asJson;
  const asList = schema.safeParse([value]);
  if (asList.success) return { parsed: asList };
  const asSpeltList = readSpelt(schema, [value], [spelt]);
  if (asSpeltList.parsed.success) return asSpeltList;
  // Of a number that is refused it is told why, and not that it came as a text, as all of a form does.
  return typeof spelt === 'number' && wantsNumber(asText) ? asSpelt : { parsed: asText };
}

function readSpelt(schema: z.ZodType, texts: readonly string[], spelt: unknown): Read {
  return {
    parsed: schema.safeParse(spelt),
    changed: texts.map(lossOfText).find((loss) => loss !== undefined),
  };
}

/** Why the number that a text spells would not arrive as it was sent. */
export function lossOfText(value: unknown): string | undefined {
  return typeof value === 'string' && NUMBER.test(value) ? lossOf(value) : undefined;
}

/**
 * Whether a schema that makes a number or a yes of whatever it gets (`z.coerce`), of an empty list too, made one of
 * nothing, or a yes of the word `false`.
 */
export function isMisread(schema: z.ZodType, value: unknown, read: unknown): boolean {
  if (typeof read !== 'number' && typeof read !== 'boolean') return false;
  const text = typeof value === 'string' ? value.trim().toLowerCase() : undefined;
  const isNothing = value === null || text === '' || (Array.isArray(value) && value.length === 0);
  if (!isNothing && !(read === true && text === 'false')) return false;
  return ['number', 'boolean'].includes(typeof schema.safeParse([]).data);
}

/** Undefined for what is no JSON of an object or a list that the schema takes. */
function readJson(schema: z.ZodType, text: string): Read | undefined {
  const value = objectFrom(text);
  if (value === undefined) return undefined;
  const parsed = schema.safeParse(value);
  if (!parsed.success) return undefined;
  return { parsed, changed: unfitTextIn(value) ?? inspectJson(text).changed.values().next().value };
}

/** The object or list whose JSON a text is; nothing where a body of such JSON would be refused. */
export function objectFrom(text: string): object | undefined {
  if (!/^\s*[[{]/.test(text) || isTooDeep(text)) return undefined;
  try {
    const value = JSON.parse(text) as object;
    return inspectJson(text).fault === undefined ? value : undefined;
  } catch {
    return undefined;
  }
}

function wantsNumber(parsed: Parsed): boolean {
  const [issue] = parsed.error?.issues ?? [];
  return issue?.code === 'invalid_type' && ['number', 'int'].includes(issue.expected);
}

/** The number or yes/no that a text spells, or the text itself. */
export function spelledOut(text: string): number | boolean | string {
  if (NUMBER.test(text)) return Number(text);
  return text === 'true' ? true : text === 'false' ? false : text;
}

export const HAS_NUL = 'it has the character NUL';

/**
 * Why a text in a value does not stay as it is: half a character (a lone surrogate) has no UTF-8, so a store, a mail
 * and an answer would have another one in its place, and the character NUL ends a text elsewhere.
 */
export function unfitTextIn(value: unknown): string | undefined {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) return 'it has half a character (a lone surrogate)';
    return value.includes('\0') ? HAS_NUL : undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  for (const part of Array.isArray(value) ? value : Object.entries(value).flat()) {
    const unfit = unfitTextIn(part);
    if (unfit !== undefined) return unfit;
  }
  return undefined;
}
