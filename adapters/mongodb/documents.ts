import type mongoose from 'mongoose';
import { frozen } from '../frozen.ts';
import { toJson } from '../json-text.ts';
import { isScalar } from '../port.ts';

/**
 * Rows as documents. `id` is `_id`, and what a field holds stands as itself, so that it can be asked for; only what not
 * every engine that speaks this protocol takes (lists in lists, some names, what is nested deep) is stored as
 * `{ json: TEXT }`. Rows of before have all that in this way which is more than a list of scalars.
 */
export type Document = { _id: string } & Record<string, unknown>;

export type Documents = mongoose.mongo.Collection<Document>;

export function documentOf(row: { id: string }): Document {
  const document: Document = { _id: row.id };
  for (const [field, value] of Object.entries(row)) {
    if (field !== 'id' && value !== undefined && value !== null) document[field] = storedValue(value);
  }
  return document;
}

export function rowOf<R>(document: Document): R {
  const row: Record<string, unknown> = { id: document._id };
  for (const [field, value] of Object.entries(document)) {
    if (!field.startsWith('_')) row[field] = givenValue(value);
  }
  return frozen(row as R);
}

export function storedValue(value: unknown): unknown {
  if (isScalar(value) || (Array.isArray(value) && value.every(isScalar))) return value;
  // As JSON has it: without `undefined`, and with names and texts that are well formed.
  return storedJson(JSON.parse(toJson(value)), LEVELS_MAX);
}

/** MongoDB takes a hundred. */
const LEVELS_MAX = 50;

/** Names that mean something else to the driver, or here. */
const RESERVED: ReadonlySet<string> = new Set(['', '__proto__', '_bsontype', 'json']);

/** Whether a name can stand inside a field: with dots or dollars a path or an operator would be meant. */
function isStorable(name: string): boolean {
  return !RESERVED.has(name) && !/[.$]/.test(name) && !name.includes('\u0000');
}

function storedJson(value: unknown, levels: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const asText = { json: JSON.stringify(value) };
  if (levels === 0) return asText;
  if (Array.isArray(value))
    return value.map((element) =>
      Array.isArray(element) ? { json: JSON.stringify(element) } : storedJson(element, levels - 1),
    );
  const entries = Object.entries(value);
  if (!entries.every(([name]) => isStorable(name))) return asText;
  return Object.fromEntries(entries.map(([name, inner]) => [name, storedJson(inner, levels - 1)]));
}

function givenValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(givenValue);
  if ('json' in value) return JSON.parse(value.json as string);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, givenValue(inner)]));
}
