import { decoded } from '../ground/without-secrets.ts';
import type { Credential } from './credential.ts';
import { BODY_LENGTH, checkFormat, prefixOf } from './secret-format.ts';

/** A value of ours in a text. It is a secret: only `line`, `kind` and its ends may be shown. */
export type Sighting = { value: string; kind: Credential['kind']; line: number };

const KINDS = ['personal_access_token', 'client_secret'] as const;

/** How a value begins, with underscores that may be percent-encoded, also over again. */
const BEGINNING = /lk(?:_|%(?:25){0,2}5[fF])(?:pat|cs)(?:_|%(?:25){0,2}5[fF])/g;

const CHARACTERS = /[0-9A-Za-z]{1,36}/y;

/**
 * What splits a value: quotes with a sign between them, line ends that mails, shells and JSON put in, a tag that
 * highlights, a soft hyphen.
 */
const JOINT =
  /(?:["'`]\s{0,40}[+.,&\\]?\s{0,40}["'`]|[\\=]\r?\n\s{0,40}|%0[dD]%0[aA]|%0[aA]|<\/?[a-z]{1,10}>|\\n|\u00ad){1,3}/y;

/** So much of a text one value may take up: its characters, and what splits them. */
const SPAN_MAX = 1024;
/** What is looked at again with the next chunk, in which it may go on. */
const REST_LENGTH = 2 * SPAN_MAX;

/** How base64 writes each beginning, by how many bytes of its group come before it. */
const ENCODED = KINDS.flatMap((kind) =>
  [0, 1, 2].map((before) => {
    const prefix = prefixOf(kind);
    const written = Buffer.from('x'.repeat(before) + prefix).toString('base64');
    // Characters that other bytes have a part in are left out.
    const skipped = [0, 2, 3][before] ?? 0;
    const whole = Math.floor(((before + prefix.length) * 8) / 6);
    return { pattern: written.slice(skipped, whole), skipped, prefix, bytesBefore: before + prefix.length };
  }),
);
const ENCODED_BEGINNING = new RegExp(ENCODED.map(({ pattern }) => pattern).join('|'), 'g');
/** As long as a whole value, in either alphabet, with a line end or two. */
const BASE64 = /[\w+/\r\n-]{1,72}/y;

/**
 * Finds our tokens and client secrets in a text of any size by their prefix and checksum: as they stand, split between
 * quotes or lines, percent-encoded, and in base64, as Basic authentication has them. Each place is a sighting.
 */
export async function* findLeaks(chunks: AsyncIterable<Buffer | string>): AsyncGenerator<Sighting> {
  let text = '';
  let line = 1;
  for await (const chunk of chunks) {
    // One character a byte: ours are ASCII. UTF-16 is ASCII with zeros between.
    text += (typeof chunk === 'string' ? chunk : chunk.toString('latin1')).replaceAll('\0', '');
    const end = text.length - REST_LENGTH;
    if (end < REST_LENGTH) continue;
    yield* sightingsIn(text, end, line);
    line += linesIn(text.slice(0, end));
    text = text.slice(end);
  }
  yield* sightingsIn(text, text.length, line);
}

/** Those that begin before `end`, in their order. */
function sightingsIn(text: string, end: number, firstLine: number): Sighting[] {
  const found = [
    ...[...text.matchAll(BEGINNING)].map((match) => ({
      at: match.index,
      value: valueAt(text, match.index, match[0]),
    })),
    ...[...text.matchAll(ENCODED_BEGINNING)].map((match) => ({
      at: match.index,
      value: encodedValueAt(text, match.index, match[0]),
    })),
  ].sort((one, other) => one.at - other.at);
  let counted = 0;
  let line = firstLine;
  return found.flatMap(({ value, at }) => {
    if (value === undefined || at >= end) return [];
    line += linesIn(text.slice(counted, at));
    counted = at;
    return [{ value, kind: value.startsWith(prefixOf(KINDS[0])) ? KINDS[0] : KINDS[1], line }];
  });
}

function linesIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

/** The whole value whose prefix is written here, put together; undefined where its checksum does not fit. */
function valueAt(text: string, begin: number, written: string): string | undefined {
  let at = begin + written.length;
  let body = '';
  while (at - begin < SPAN_MAX) {
    CHARACTERS.lastIndex = at;
    const some = CHARACTERS.exec(text)?.[0] ?? '';
    body += some;
    if (body.length >= BODY_LENGTH) break;
    at += some.length;
    JOINT.lastIndex = at;
    const joint = JOINT.exec(text)?.[0];
    if (joint === undefined) return undefined;
    at += joint.length;
  }
  const value = decoded(written) + body.slice(0, BODY_LENGTH);
  return checkFormat(value) === 'ours' ? value : undefined;
}

function encodedValueAt(text: string, index: number, pattern: string): string | undefined {
  BASE64.lastIndex = index;
  const written = BASE64.exec(text)?.[0] ?? '';
  for (const { pattern: wanted, skipped, prefix, bytesBefore } of ENCODED) {
    if (wanted !== pattern) continue;
    const plain = Buffer.from('A'.repeat(skipped) + written, 'base64').toString('latin1');
    const value = valueAt(prefix + plain.slice(bytesBefore), 0, prefix);
    if (value !== undefined) return value;
  }
  return undefined;
}
