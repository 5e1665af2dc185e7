import type { SeenRecord } from '../../data/record.ts';
import type { DataType } from '../../data/type.ts';
import { Problem } from '../../ground/errors.ts';
import { nearMissHint } from '../../ground/near-miss.ts';
import { isoTime } from '../../ground/time.ts';
import { shortName } from '../../ground/without-secrets.ts';

/** What each record has by itself, as Bubble's Data API calls it. */
const OWN_NAMES = new Map([
  ['_id', 'id'],
  ['Created Date', 'createdAt'],
  ['Modified Date', 'modifiedAt'],
  ['Created By', 'createdBy'],
]);

/** Whether each record has this by itself. */
export function isOwnName(name: string): boolean {
  return OWN_NAMES.has(name);
}

/** The field of the type that is called so; undefined where none is. */
export function fieldNamed({ fields }: DataType, name: string): string | undefined {
  return OWN_NAMES.get(name) ?? (Object.hasOwn(fields, name) ? name : undefined);
}

/** All that a field may be called. */
export function namesOf({ fields }: DataType): string[] {
  return [...OWN_NAMES.keys(), ...Object.keys(fields)];
}

/** Whether a field is a moment: stored in epoch seconds, and written otherwise. */
export function isMoment(field: string): boolean {
  return field === 'createdAt' || field === 'modifiedAt';
}

/** A record, with the fields that the caller may see, as it is sent. */
export function recordJson(seen: SeenRecord): Record<string, unknown> {
  const { id, createdAt, modifiedAt, createdBy, ...fields } = seen;
  return {
    _id: id,
    ...fields,
    ...(createdAt === undefined ? {} : { 'Created Date': isoTime(createdAt) }),
    ...(modifiedAt === undefined ? {} : { 'Modified Date': isoTime(modifiedAt) }),
    ...(createdBy === undefined ? {} : { 'Created By': createdBy }),
  };
}

/** What no field is called; `known` are the names that the caller may be told of. */
export function unrecognizedField(name: string, known: readonly string[]): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_DATA',
    message: `Unrecognized field: ${shortName(name)}`,
    hint: nearMissHint(name, known, `There are: ${known.join(', ')}.`),
    parameter: shortName(name),
  });
}

/** What a value is, in words, without a part of it. */
export function kindInWords(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'boolean') return String(value);
  return value === undefined ? 'nothing' : typeof value === 'number' ? 'a number' : 'a text';
}
