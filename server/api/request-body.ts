import type { Context } from 'koa';
import { Problem } from '../ground/errors.ts';
import { API_BODY_BYTES_MAX } from '../ground/limits.ts';
import { shortName } from '../ground/without-secrets.ts';
import { readBody } from '../http/body.ts';
import { fieldNotUtf8, SEND_UTF8, utf8Of } from '../http/utf8.ts';
import {
  DEPTH_MAX,
  inspectJson,
  isMostlyLongTexts,
  isTooDeep,
  NAMES_MAX,
  TOO_DEEP,
  VALUES_MAX,
} from '../workflows/json-faults.ts';
import type { Room } from './body-room.ts';
import { readMultipart } from './multipart.ts';

/**
 * What was sent in one place, by name. Values of a form or query are texts, or lists of texts where a name is repeated;
 * those of JSON have their types. `changed`: names whose value has a number that did not arrive as it was sent, and why.
 */
export type Sent = {
  kind: 'json' | 'text';
  values: ReadonlyMap<string, unknown>;
  changed: ReadonlyMap<string, string>;
};

/** Nothing was sent. */
export const NOTHING: Sent = { kind: 'text', values: new Map(), changed: new Map() };

const FORM_TYPE = 'application/x-www-form-urlencoded';
const MULTIPART_TYPE = 'multipart/form-data';
const SEND_JSON = 'Send a JSON object with the header "Content-Type: application/json".';

/** What is read beyond a plain body: forms of parts, and files in these parameters, for which there is room. */
export type BodyWanted = {
  parts: boolean;
  files?: { bytesMax: number; names: ReadonlySet<string>; room: Room } | undefined;
};

/**
 * Reads a JSON object or a form, bounded. Anything else is a Problem that says what it looks like.
 */
export async function readRequestBody(
  ctx: Context,
  { parts, files }: BodyWanted = { parts: false },
): Promise<Sent> {
  const contentType = ctx.get('content-type');
  const [type = '', ...rest] = contentType.toLowerCase().split(';');
  const mediaType = type.trim();
  const isJson = mediaType === 'application/json' || /^application\/[\w.-]+\+json$/.test(mediaType);
  const isMultipart = parts && mediaType === MULTIPART_TYPE;
  const forFiles = files === undefined ? 0 : bytesForFiles(files.bytesMax, { isJson, isMultipart });
  const bytes = await readBody(ctx, API_BODY_BYTES_MAX + forFiles, files?.room.take);
  if (bytes.length === 0) return NOTHING;
  if (isMultipart) return { ...NOTHING, values: await readMultipart(bytes, contentType) };
  const charset = /charset\s*=\s*"?([^\s"]+)/.exec(rest.join(';'))?.[1] ?? 'utf-8';
  if (!['utf-8', 'utf8', 'us-ascii'].includes(charset)) {
    throw notUnderstood('The body is in a charset that is not read.', 'Send it as UTF-8.');
  }
  if (bytes.length > API_BODY_BYTES_MAX && !isMostlyLongTexts(bytes, API_BODY_BYTES_MAX)) throw tooMuchElse();
  const text = decoded(bytes);
  if (isJson) {
    const sent = sentInJson(text);
    if (bytes.length > API_BODY_BYTES_MAX) requireFilesOnly(sent, files?.names);
    return sent;
  }
  if (looksLikeJson(text)) throw jsonSentAs(mediaType);
  if (mediaType === FORM_TYPE) return { ...NOTHING, values: pairsOf(text, 'body') };
  throw wrongType(mediaType);
}

/** What a body with files of so many bytes is longer. In base64, with line ends that are escaped, half of it comes to it. */
function bytesForFiles(bytesMax: number, { isJson, isMultipart }: Record<'isJson' | 'isMultipart', boolean>) {
  if (isMultipart) return bytesMax;
  return isJson ? Math.ceil(bytesMax * 1.5) : 0;
}

/** What is longer than other bodies is so for its files: no other parameter has more in it than in those. */
function requireFilesOnly({ values }: Sent, names: ReadonlySet<string> | undefined): void {
  let left = API_BODY_BYTES_MAX;
  for (const [name, value] of values) if (names?.has(name) !== true) take(value);

  function take(value: unknown): void {
    if (typeof value === 'string') left -= value.length;
    else if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) take(part);
    if (left < 0) throw tooMuchElse();
  }
}

/** Reads the query of the address. */
export function readRequestQuery(ctx: Context): Sent {
  if (ctx.querystring === '') return NOTHING;
  return { ...NOTHING, values: pairsOf(ctx.querystring, 'query') };
}

/** Whether a request has a body, whatever its method (RFC 9112 section 6). */
export function hasBody(ctx: Context): boolean {
  return ctx.get('transfer-encoding') !== '' || Number(ctx.get('content-length')) > 0;
}

function decoded(bytes: Buffer): string {
  const text = utf8Of(bytes);
  if (text === undefined) throw notUtf8('body');
  return text;
}

function notUtf8(place: 'query' | 'body', more: { parameter?: string } = {}): Problem {
  return invalidData(`The ${place} is not valid UTF-8.`, SEND_UTF8, more);
}

/** The names and values of a JSON object; `what` is what the text is, for people. Throws Problem where it is none. */
export function sentInJson(text: string, what = 'body'): Sent {
  const value = parsedJson(text, what);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidData(`The ${what} is JSON, but not an object.`, hintForNoObject(value));
  }
  const { fault, changed } = inspectJson(text);
  if (fault !== undefined) throw unusable(what, fault);
  return { kind: 'json', values: new Map(Object.entries(value)), changed };
}

function unusable(what: string, fault: string): Problem {
  const hint = `Send each name once, at most ${NAMES_MAX} of them in an object, nested at most ${DEPTH_MAX} deep, with at most ${VALUES_MAX} values in all.`;
  return invalidData(`The ${what} cannot be used: ${fault}.`, hint);
}

function hintForNoObject(value: unknown): string {
  const how = 'Send one object that has parameters or fields as its names.';
  if (typeof value === 'string' && looksLikeJson(value)) {
    return `It is JSON inside a text, as if it was encoded twice. ${how}`;
  }
  return Array.isArray(value) && value.length === 1
    ? `It is a list of one: leave out the square brackets around it. ${how}`
    : how;
}

/**
 * The parser's own message would repeat what was sent, which may be a password; only the place is taken
 * from it.
 */
function parsedJson(text: string, what: string): unknown {
  if (isTooDeep(text)) throw unusable(what, TOO_DEEP);
  try {
    return JSON.parse(text);
  } catch (error) {
    const place = /line \d+ column \d+/.exec((error as Error).message)?.[0];
    throw invalidData(
      `The ${what} is not valid JSON${place === undefined ? '' : ` (${place})`}.`,
      hintForBadJson(text),
    );
  }
}

function hintForBadJson(text: string): string {
  if (/^[\w.-]+=/.test(text)) {
    return 'It looks like a form: send it with the header "Content-Type: application/x-www-form-urlencoded".';
  }
  if (text.includes('\0')) return 'It has zero bytes, as UTF-16 has: send it as UTF-8.';
  if (/^\s*\[object \w+\]\s*$/.test(text)) {
    return 'It is what a program writes for an object that it did not make JSON of: send what JSON.stringify makes of it.';
  }
  // The last text may have no end: where a text had to have one, it would be looked for anew from each quotation mark.
  const withoutTexts = text.replace(/"(?:\\.|[^"\\])*"?/gs, '""');
  if (/[:[,]\s*(?:None|True|False|NaN|undefined|-?Infinity)\b/.test(withoutTexts)) {
    return 'JSON has true, false and null, and no None, True, False, undefined, NaN or Infinity: have a library write it.';
  }
  return 'Names and texts need double quotes, and nothing but a closing brace may follow the last value.';
}

/** A name that is repeated has the list of its values. */
function pairsOf(text: string, place: 'query' | 'body'): ReadonlyMap<string, string | string[]> {
  // Counted before they are parsed, which takes long for many.
  if (text.split('&', NAMES_MAX + 1).length > NAMES_MAX) {
    throw invalidData(
      `The ${place} has more than ${NAMES_MAX} names.`,
      `Send at most ${NAMES_MAX}, each once.`,
    );
  }
  requireUtf8(text, place);
  const values = new Map<string, string | string[]>();
  for (const [name, value] of new URLSearchParams(text)) {
    const before = values.get(name);
    if (Array.isArray(before)) before.push(value);
    else values.set(name, before === undefined ? value : [before, value]);
  }
  return values;
}

/** Bytes that are written as %E4: `URLSearchParams` silently puts a question mark for what is no UTF-8. */
function requireUtf8(text: string, place: 'query' | 'body'): void {
  const parameter = fieldNotUtf8(text);
  if (parameter !== undefined) throw notUtf8(place, { parameter: shortName(parameter) });
}

function jsonSentAs(mediaType: string): Problem {
  const sentAs = mediaType === '' ? 'without a Content-Type' : `as ${shortName(mediaType)}`;
  // What curl sends by itself.
  const curl = mediaType === FORM_TYPE ? ' (curl: -H "Content-Type: application/json")' : '';
  const hint = `Add the header "Content-Type: application/json"${curl}.`;
  return notUnderstood(`The body looks like JSON, but was sent ${sentAs}.`, hint);
}

function wrongType(mediaType: string): Problem {
  if (mediaType === MULTIPART_TYPE) {
    return notUnderstood('The body is a multipart form, which is not read.', SEND_JSON);
  }
  return notUnderstood(
    mediaType === ''
      ? 'The body has no Content-Type.'
      : `A body of the type ${shortName(mediaType)} is not read.`,
    `${SEND_JSON} A form (application/x-www-form-urlencoded) is read too.`,
  );
}

function tooMuchElse(): Problem {
  return new Problem({
    status: 413,
    code: 'TOO_LARGE',
    message: `Without its files the body is larger than ${API_BODY_BYTES_MAX} bytes.`,
    hint: `Send at most ${API_BODY_BYTES_MAX} bytes beside the files.`,
  });
}

function looksLikeJson(text: string): boolean {
  return /^\s*[{[]\s*["{[\]}]/.test(text);
}

function notUnderstood(message: string, hint: string): Problem {
  return new Problem({ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE', message, hint });
}

function invalidData(message: string, hint: string, more: { parameter?: string } = {}): Problem {
  return new Problem({ status: 400, code: 'INVALID_DATA', message, hint, ...more });
}
