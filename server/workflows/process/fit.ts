import { types } from 'node:util';
import { NamedRecord } from '../parameter-types.ts';

/**
 * What of this value would not arrive in another process as it is (the class of an object is dropped without a word), and
 * where; undefined where all of it does.
 */
export function unfitForProcess(value: unknown): string | undefined {
  return unfit(value, '', new Set());
}

/** `seen`: what was looked at already, as a value may be a part of itself. */
function unfit(value: unknown, path: string, seen: Set<object>): string | undefined {
  if (typeof value === 'function' || typeof value === 'symbol') return told(`a ${typeof value}`, path);
  if (typeof value !== 'object' || value === null || isKept(value)) return undefined;
  // The record itself stands in its place by then.
  if (value instanceof NamedRecord || seen.has(value)) return undefined;
  seen.add(value);
  if (types.isMap(value) || types.isSet(value)) return firstUnfit([...value].flat().entries(), path, seen);
  const prototype: unknown = Object.getPrototypeOf(value);
  // Of a list what it holds: it may be as long as a caller says, and empty.
  if (Array.isArray(value) || prototype === Object.prototype || prototype === null)
    return firstUnfit(Object.entries(value), path, seen);
  return told(`an object of the class ${value.constructor?.name || 'without a name'}`, path);
}

/** Of the classes that stay what they are (node:v8, serialize). */
function isKept(value: object): boolean {
  return (
    types.isDate(value) || types.isRegExp(value) || types.isArrayBuffer(value) || ArrayBuffer.isView(value)
  );
}

function firstUnfit(
  entries: Iterable<[string | number, unknown]>,
  path: string,
  seen: Set<object>,
): string | undefined {
  for (const [key, value] of entries) {
    const found = unfit(value, path === '' ? String(key) : `${path}.${key}`, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

function told(what: string, path: string): string {
  return path === '' ? what : `${path}: ${what}`;
}
