import type { Context } from 'koa';
import { Problem } from '../ground/errors.ts';
import { API_BODY_BYTES_MAX } from '../ground/limits.ts';
import { readBody } from '../http/body.ts';
import { shortName } from '../workflows/parameters.ts';
import { jsonFaultOf, NAMES_MAX } from './json-faults.ts';

/** What was sent in one place, by name. Values of a form or query are texts, those of JSON have their types. */
export type Sent = { kind: 'json' | 'text'; values: ReadonlyMap<string, unknown> };

/** Nothing was sent. */
export const NOTHING: Sent = { kind: 'text', values: new Map() };

const FORM_TYPE = 'application/x-www-form-urlencoded';
const SEND_JSON = 'Send a JSON object with the header "Content-Type: application/json".';

/**
 * Reads a JSON object or an urlencoded form, bounded. Anything else is a Problem that says what it looks
 * like.
 */
export async function readRequestBody(ctx: Context): Promise<Sent> {
  const bytes = await readBody(ctx, API_BODY_BYTES_MAX);
  if (bytes.length === 0) return NOTHING;
  const [type = '', ...rest] = ctx.get('content-type').toLowerCase().split(';');
  const charset = /charset\s*=\s*"?([^\s"]+)/.exec(rest.join(';'))?.[1] ?? 'utf-8';
  const mediaType = type.trim();
  if (!['utf-8', 'utf8', 'us-ascii'].includes(charset)) {
    throw notUnderstood('The body is in a charset that is not read.', 'Send it as UTF-8.');
  }
  const text = decoded(bytes);
  if (mediaType === 'application/json' || /^application\/[\w.-]+\+json$/.test(mediaType))
    return jsonFrom(text);
  if (looksLikeJson(text)) throw jsonSentAs(mediaType);
  if (mediaType === FORM_TYPE) return { kind: 'text', values: pairsOf(text, 'body') };
  throw wrongType(mediaType);
}

/** Reads the query of the address. */
export function readRequestQuery(ctx: Context): Sent {
  if (ctx.querystring === '') return NOTHING;
  return { kind: 'text', values: pairsOf(ctx.querystring, 'query') };
}

function decoded(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    const hint = 'Send it as UTF-8; the program that made it probably used another encoding.';
    throw invalidData('The body is not valid UTF-8.', hint, { cause: error });
  }
}

function jsonFrom(text: string): Sent {
  const value = parsedJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidData(
      'The body is JSON, but not an object.',
      'Send one object that has the parameters as its names.',
    );
  }
  const fault = jsonFaultOf(text);
  if (fault !== undefined) {
    const hint = `Send each name once, at most ${NAMES_MAX}, in a flat object.`;
    throw invalidData(`The body cannot be used: ${fault}.`, hint);
  }
  return { kind: 'json', values: new Map(Object.entries(value)) };
}

/**
 * The parser's own message would repeat what was sent, which may be a password; only the place is taken
 * from it.
 */
function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const place = /line \d+ column \d+/.exec((error as Error).message)?.[0];
    throw invalidData(
      `The body is not valid JSON${place === undefined ? '' : ` (${place})`}.`,
      /^[\w.-]+=/.test(text)
        ? 'It looks like a form: send it with the header "Content-Type: application/x-www-form-urlencoded".'
        : 'Names and texts need double quotes, and nothing but a closing brace may follow the last value.',
    );
  }
}

function pairsOf(text: string, place: 'query' | 'body'): ReadonlyMap<string, string> {
  // Counted before they are parsed, which takes long for many.
  if (text.split('&', NAMES_MAX + 1).length > NAMES_MAX) {
    throw invalidData(
      `The ${place} has more than ${NAMES_MAX} names.`,
      `Send at most ${NAMES_MAX}, each once.`,
    );
  }
  const values = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (values.has(name)) {
      const parameter = shortName(name);
      const message = `${parameter} is in the ${place} more than once.`;
      throw invalidData(message, 'Send each parameter once.', { parameter });
    }
    values.set(name, value);
  }
  return values;
}

function jsonSentAs(mediaType: string): Problem {
  const sentAs = mediaType === '' ? 'without a Content-Type' : `as ${shortName(mediaType)}`;
  // What curl sends by itself.
  const curl = mediaType === FORM_TYPE ? ' (curl: -H "Content-Type: application/json")' : '';
  const hint = `Add the header "Content-Type: application/json"${curl}.`;
  return notUnderstood(`The body looks like JSON, but was sent ${sentAs}.`, hint);
}

function wrongType(mediaType: string): Problem {
  if (mediaType === 'multipart/form-data') {
    return notUnderstood('The body is a multipart form, which is not read.', SEND_JSON);
  }
  return notUnderstood(
    mediaType === ''
      ? 'The body has no Content-Type.'
      : `A body of the type ${shortName(mediaType)} is not read.`,
    `${SEND_JSON} A form (application/x-www-form-urlencoded) is read too.`,
  );
}

function looksLikeJson(text: string): boolean {
  return /^\s*[{[]\s*["{[\]}]/.test(text);
}

function notUnderstood(message: string, hint: string): Problem {
  return new Problem({ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE', message, hint });
}

function invalidData(
  message: string,
  hint: string,
  more: { parameter?: string; cause?: unknown } = {},
): Problem {
  return new Problem({ status: 400, code: 'INVALID_DATA', message, hint, ...more });
}
