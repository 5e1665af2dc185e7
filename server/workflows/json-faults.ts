import { lossOf } from '../ground/exact-number.ts';
import { withoutSecrets } from '../ground/without-secrets.ts';

/** Deeper than any declared parameter; what walks over values later does so by recursion. */
export const DEPTH_MAX = 32;

/** More than any workflow has parameters; what looks at each name stays quick. */
export const NAMES_MAX = 1000;

/**
 * In all lists and objects together. A schema takes up to 8 µs for one that it refuses, and goes on: what fits into a body
 * would take a second of everybody's time.
 */
export const VALUES_MAX = 30_000;

/** What JSON.parse says nothing of. */
export type JsonFindings = {
  /** Why it is not taken at all, as one plain sentence. */
  fault?: string;
  /** Names of the outermost object with a number in their value that the parser changed, and why (exact-number.ts). */
  changed: ReadonlyMap<string, string>;
};

/** What is told of it. */
export const TOO_DEEP = `it is nested more than ${DEPTH_MAX} deep`;

const NUMBER = /-?\d[\d.eE+-]*/y;

/**
 * Finds what JSON.parse lets through and we do not: a name twice in an object (two readers would take different ones,
 * RFC 8259 section 4), `__proto__`, endless nesting, names and values, numbers that it changes. `text` must be valid JSON.
 */
export function inspectJson(text: string): JsonFindings {
  /** The names of each open object so far; undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  const changed = new Map<string, string>();
  let outermost = '';
  let values = 1;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at] as string;
    // Each stands behind one of these.
    if (sign === ',' || sign === '{' || sign === '[') values += 1;
    if (values > VALUES_MAX) return { fault: `it has more than ${VALUES_MAX} values`, changed };
    if (sign === '{' || sign === '[') {
      open.push(sign === '{' ? new Set() : undefined);
      if (open.length > DEPTH_MAX) return { fault: TOO_DEEP, changed };
    } else if (sign === '}' || sign === ']') {
      open.pop();
    } else if (sign === '"') {
      const end = endOfString(text, at);
      const names = open.at(-1);
      if (names !== undefined && isName(text, end)) {
        const name = JSON.parse(text.slice(at, end)) as string;
        const fault = faultOfName(name, names);
        if (fault !== undefined) return { fault, changed };
        if (open.length === 1) outermost = name;
      }
      at = end - 1;
    } else if (sign === '-' || (sign >= '0' && sign <= '9')) {
      NUMBER.lastIndex = at;
      const literal = NUMBER.exec(text)?.[0] ?? sign;
      const loss = lossOf(literal);
      if (loss !== undefined && !changed.has(outermost)) changed.set(outermost, loss);
      at += literal.length - 1;
    }
  }
  return { changed };
}

/** Whether it is nested too deep, which takes JSON.parse seconds. It is looked at before, so it may be no JSON at all. */
export function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at] as string;
    if (sign === '{' || sign === '[') depth += 1;
    else if (sign === '}' || sign === ']') depth -= 1;
    else if (sign === '"') at = endOfString(text, at) - 1;
    // A text without an end has none behind it that counts.
    if (depth > DEPTH_MAX || at < 0) return at >= 0;
  }
  return false;
}

/** Takes a name into those of its object. */
function faultOfName(name: string, names: Set<string>): string | undefined {
  if (name === '__proto__') return 'it has the name __proto__';
  if (names.has(name)) return `it has the name ${JSON.stringify(withoutSecrets(name).slice(0, 60))} twice`;
  names.add(name);
  return names.size > NAMES_MAX ? `it has more than ${NAMES_MAX} names in one object` : undefined;
}

/** Where the string that begins at `start` ends: behind its closing quote. */
function endOfString(text: string, start: number): number {
  let at = text.indexOf('"', start + 1);
  while (isEscaped(text, at)) at = text.indexOf('"', at + 1);
  return at + 1;
}

function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text[before] === '\\') before -= 1;
  return (at - before) % 2 === 0;
}

/** Shorter ones are many, where there are many bytes of them. */
const LONG_TEXT_BYTES_MIN = 1000;
const [QUOTE, BACKSLASH] = [0x22, 0x5c];

/**
 * Whether all but the long texts of some JSON is at most so many bytes: what takes time to read is everything else.
 * It is looked at before it is read, so it may be no JSON at all.
 */
export function isMostlyLongTexts(json: Buffer, bytesMax: number): boolean {
  let left = bytesMax;
  let at = 0;
  while (left >= 0) {
    const start = json.indexOf(QUOTE, at);
    if (start === -1) return json.length - at <= left;
    let end = start;
    do {
      end = json.indexOf(QUOTE, end + 1);
      left -= 2;
    } while (end !== -1 && left >= 0 && isQuoteEscaped(json, end));
    if (end === -1) return json.length - at <= left;
    left -= start - at + (end - start < LONG_TEXT_BYTES_MIN ? end - start : 0);
    at = end + 1;
  }
  return false;
}

function isQuoteEscaped(json: Buffer, at: number): boolean {
  let before = at - 1;
  while (json[before] === BACKSLASH) before -= 1;
  return (at - before) % 2 === 0;
}

/** Whether a colon follows, as it does behind names only. */
function isName(text: string, end: number): boolean {
  let at = end;
  while (' \t\r\n'.includes(text[at] ?? '.')) at += 1;
  return text[at] === ':';
}
