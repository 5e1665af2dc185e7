import { types } from 'node:util';
import { NamedRecord } from '../parameter-types.ts';

/** To look at more of them, and to hand them on, takes a second of everybody's time: a schema splits texts, say. */
const VALUES_MAX = 1_000_000;
/** Characters and bytes: what a schema fills up to a length that a caller says. All files of a call are less. */
const SIZE_MAX = 64 * 1024 * 1024;

/** What does not arrive, and where in the value it is, from the outside in. */
type Unfit = { what: string; path: readonly string[] };

/** What was looked at already, as a value may be a part of itself, and how much may still come. */
type Walk = { seen: Set<object>; valuesLeft: number; sizeLeft: number };

/**
 * What of this value would not arrive in another process as it is (the class of an object is dropped without a word), and
 * where; undefined where all of it does.
 */
export function unfitForProcess(value: unknown): string | undefined {
  const found = unfit(value, { seen: new Set(), valuesLeft: VALUES_MAX, sizeLeft: SIZE_MAX });
  if (found === undefined) return undefined;
  const { what, path } = found;
  return path.length === 0 ? what : `${path.join('.')}: ${what}`;
}

function unfit(value: unknown, walk: Walk): Unfit | undefined {
  if (typeof value === 'function' || typeof value === 'symbol')
    return { what: `a ${typeof value}`, path: [] };
  if (typeof value === 'string') return tooLarge(value.length, walk);
  if (typeof value !== 'object' || value === null) return undefined;
  if (isKept(value)) return 'byteLength' in value ? tooLarge(Number(value.byteLength), walk) : undefined;
  // The record itself stands in its place by then.
  if (value instanceof NamedRecord || walk.seen.has(value)) return undefined;
  walk.seen.add(value);
  if (types.isMap(value) || types.isSet(value)) return firstUnfit([...value].flat(), walk);
  if (Array.isArray(value)) return firstUnfit(value, walk);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null)
    return firstUnfit(Object.values(value), walk, Object.keys(value));
  return { what: `an object of the class ${value.constructor?.name || 'without a name'}`, path: [] };
}

/** Of the classes that stay what they are (node:v8, serialize). */
function isKept(value: object): boolean {
  return (
    types.isDate(value) || types.isRegExp(value) || types.isArrayBuffer(value) || ArrayBuffer.isView(value)
  );
}

function tooLarge(size: number, walk: Walk): Unfit | undefined {
  walk.sizeLeft -= size;
  return walk.sizeLeft < 0 ? { what: `more than ${SIZE_MAX} characters and bytes`, path: [] } : undefined;
}

/** A list may be as long as a caller says, and empty: that counts. */
function firstUnfit(values: readonly unknown[], walk: Walk, names?: readonly string[]): Unfit | undefined {
  walk.valuesLeft -= values.length;
  if (walk.valuesLeft < 0) return { what: `more than ${VALUES_MAX} values`, path: [] };
  for (let at = 0; at < values.length; at += 1) {
    const found = unfit(values[at], walk);
    if (found !== undefined) return { ...found, path: [names?.[at] ?? String(at), ...found.path] };
  }
  return undefined;
}
