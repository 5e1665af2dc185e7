import type mongoose from 'mongoose';
import { isScalar } from '../checks.ts';
import { frozen } from '../frozen.ts';
import { toJson } from '../json-text.ts';

/**
 * Rows as documents. `id` is `_id`; scalars and lists of scalars stand as themselves; everything with more
 * structure is stored as `{ json: TEXT }`, because names with dots or dollars and lists in lists are not
 * welcome on every engine that speaks this protocol, and nothing here asks for what lies inside.
 */
export type Document = { _id: string } & Record<string, unknown>;

export type Documents = mongoose.mongo.Collection<Document>;

export function documentOf(row: { id: string }): Document {
  const document: Document = { _id: row.id };
  for (const [field, value] of Object.entries(row)) {
    if (field !== 'id' && value !== undefined) document[field] = storedValue(value);
  }
  return document;
}

export function rowOf<R>(document: Document): R {
  const row: Record<string, unknown> = { id: document._id };
  for (const [field, value] of Object.entries(document)) {
    if (!field.startsWith('_')) row[field] = isJsonText(value) ? JSON.parse(value.json) : value;
  }
  return frozen(row as R);
}

export function storedValue(value: unknown): unknown {
  if (isScalar(value) || (Array.isArray(value) && value.every(isScalar))) return value;
  return { json: toJson(value) };
}

function isJsonText(value: unknown): value is { json: string } {
  return typeof value === 'object' && value !== null && 'json' in value;
}
