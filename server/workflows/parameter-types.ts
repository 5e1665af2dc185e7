import { z } from 'zod';
import type { Fields, RecordOf } from '../data/record.ts';
import type { DataType } from '../data/type.ts';
import { UPLOAD_BYTES_MAX } from '../ground/limits.ts';
import { isUnfit, VISIBLE } from '../ground/visible-text.ts';
import { readDate, wordFor } from './sent-date.ts';
import { type FilePart, readFile, type UploadedFile } from './sent-file.ts';
import type { Workflow } from './workflow.ts';

/*
 * Schemas beside zod's own, for what JSON has no word for. Each says in its JSON Schema what it is, so that it is found
 * again within a list, or behind `.optional()`.
 */

/** What one of these schemas takes; `words` and, for a list of them, `listed` as pages say it. */
export type ParameterType = { words: string; listed: string } & (
  | { is: 'date' | 'address' | 'record' }
  | { is: 'file'; bytesMax: number }
);

/** The key of JSON Schema that it stands under. */
const KEY = 'x-latchkey';

/** A moment: ISO 8601 with a time zone, a day alone (its midnight in UTC), or milliseconds since 1970. `run` gets a Date. */
export function date(): z.ZodType<Date, string | number | Date> {
  const about = { type: 'string', format: 'date-time' };
  return typed({ is: 'date', words: 'date', listed: 'dates' }, about, readDate) as never;
}

/** A postal address as people write it, and where that is, if the caller knows. */
export type SentAddress = { address: string; lat?: number; lng?: number };

/** A text, or `{ address, lat, lng }`; `run` gets the latter. Nothing looks up what it says, or where it is. */
export function address(): z.ZodType<SentAddress, string | SentAddress> {
  const about = {
    anyOf: [
      { type: 'string' },
      {
        type: 'object',
        properties: { address: { type: 'string' }, lat: { type: 'number' }, lng: { type: 'number' } },
        required: ['address'],
      },
    ],
  };
  return typed({ is: 'address', words: 'address', listed: 'addresses' }, about, readAddress) as never;
}

/**
 * A file of at most `maxBytes`: `{ filename, contents }` with its bytes in base64, or a part of multipart/form-data. Its
 * type is the one that the caller says, among `types` where they are given.
 */
export function file(wanted: {
  maxBytes: number;
  types?: readonly string[];
}): z.ZodType<UploadedFile, { filename: string; contents: string; type?: string } | FilePart> {
  const { maxBytes: bytesMax, types } = wanted;
  const about = {
    type: 'object',
    properties: {
      filename: { type: 'string' },
      contents: { type: 'string', contentEncoding: 'base64' },
      type: types === undefined ? { type: 'string' } : { type: 'string', enum: [...types] },
    },
    required: ['filename', 'contents'],
  };
  const size = bytesInWords(bytesMax);
  const kind = { words: `file (at most ${size})`, listed: `files (at most ${size} each)` };
  const read = (sent: unknown) => readFile(sent, { bytesMax, types });
  return typed({ is: 'file', bytesMax, ...kind }, about, read) as never;
}

/** The id of a record of this type that the caller may see; `run` gets what they may see of it. */
export function record<F extends Fields>(
  type: DataType<F>,
): z.ZodType<{ id: string } & Partial<RecordOf<F>>, string> {
  const { name } = type;
  const a = /^[aeiou]/.test(name) ? 'an' : 'a';
  const kind = { words: `id of ${a} ${name}`, listed: `ids, each of ${a} ${name}` };
  const read = (sent: unknown) => readId(sent, type as unknown as DataType);
  return typed({ is: 'record', ...kind }, { type: 'string' }, read) as never;
}

/** In the place of a record, until it is looked up for who calls (named-records.ts). */
export class NamedRecord {
  readonly type: DataType;
  readonly id: string;

  constructor(type: DataType, id: string) {
    this.type = type;
    this.id = id;
  }
}

/** Longer than any id of ours. */
const ID_LENGTH_MAX = 100;

function readId(sent: unknown, type: DataType): NamedRecord | string {
  if (typeof sent === 'string' && sent !== '' && sent.length <= ID_LENGTH_MAX)
    return new NamedRecord(type, sent);
  const what = typeof sent === 'string' ? 'another text' : wordFor(sent);
  return `expected the id of a record of type ${type.name}, received ${what}`;
}

const ADDRESS_LENGTH_MAX = 500;

function readAddress(sent: unknown): SentAddress | string {
  if (typeof sent === 'string') {
    // In a form it is the JSON of the other kind, which is tried next.
    if (/^\s*\{/.test(sent)) return 'expected an address, received JSON inside a text';
    return isAddress(sent) ? { address: sent } : NO_ADDRESS;
  }
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) {
    return `expected an address: a text, or an object with address, lat and lng; received ${wordFor(sent)}`;
  }
  const { address: text, lat, lng } = sent as Record<string, unknown>;
  const other = Object.keys(sent).find((name) => !['address', 'lat', 'lng'].includes(name));
  if (typeof text !== 'string' || !isAddress(text)) return `address: ${NO_ADDRESS}`;
  if (lat === undefined && lng === undefined) {
    return other === undefined ? { address: text } : 'expected address, lat and lng, and nothing else in it';
  }
  if (!isWithin(lat, 90)) return 'lat: expected a number of degrees from -90 to 90';
  if (!isWithin(lng, 180)) return 'lng: expected a number of degrees from -180 to 180';
  return { address: text, lat: lat as number, lng: lng as number };
}

const NO_ADDRESS = `expected an address of 1 to ${ADDRESS_LENGTH_MAX} characters`;

function isAddress(text: string): boolean {
  if (text.length > ADDRESS_LENGTH_MAX) return false;
  return VISIBLE.test(text) && !isUnfit(text.replace(/\r?\n/g, ' '));
}

function isWithin(degrees: unknown, max: number): boolean {
  return typeof degrees === 'number' && Math.abs(degrees) <= max;
}

/** A schema that takes what `read` makes something of; a text that it answers is what is wrong. */
function typed(kind: ParameterType, about: object, read: (sent: unknown) => object | string): z.ZodType {
  return z
    .unknown()
    .meta({ ...about, [KEY]: kind })
    .transform((sent, context) => {
      const found = read(sent);
      if (typeof found !== 'string') return found;
      context.addIssue({ code: 'custom', message: found });
      return z.NEVER;
    });
}

/** `5 MB`, as limits are said. */
function bytesInWords(bytes: number): string {
  if (bytes >= 1_000_000) return `${Number((bytes / 1_000_000).toFixed(1))} MB`;
  return bytes >= 1000 ? `${Number((bytes / 1000).toFixed(1))} kB` : `${bytes} bytes`;
}

/** Of JSON Schema, as far as one of these stands in it. */
type Written = { type?: string; items?: Written; maxItems?: number; [KEY]?: ParameterType };

/** What a schema takes by itself, or each element of its list; undefined where it is none of these. */
export function parameterTypeOf(written: object): ParameterType | undefined {
  const { type, items, [KEY]: own } = written as Written;
  return own ?? (type === 'array' ? items?.[KEY] : undefined);
}

const known = new WeakMap<z.ZodType, Written>();

function writtenOf(schema: z.ZodType): Written {
  let written = known.get(schema);
  if (written === undefined) {
    written = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Written;
    known.set(schema, written);
  }
  return written;
}

/** The files that a parameter takes, in bytes; 0 where it takes none. */
export function fileBytesOf(schema: z.ZodType): number {
  const written = writtenOf(schema);
  const found = parameterTypeOf(written);
  if (found?.is !== 'file') return 0;
  const count = written.type === 'array' ? (written.maxItems ?? Number.POSITIVE_INFINITY) : 1;
  return Math.min(found.bytesMax * count, UPLOAD_BYTES_MAX);
}

/** The parameters of a workflow that are files, and how many bytes all of them may have. */
export type Uploads = { bytesMax: number; names: ReadonlySet<string> };

const uploads = new WeakMap<Workflow, Uploads | undefined>();

/** Undefined for a workflow that takes no files. */
export function uploadsOf(workflow: Workflow): Uploads | undefined {
  if (!uploads.has(workflow)) uploads.set(workflow, foundUploads(workflow));
  return uploads.get(workflow);
}

function foundUploads({ parameters }: Workflow): Uploads | undefined {
  const sizes = Object.entries(parameters).map(([name, { schema }]) => [name, fileBytesOf(schema)] as const);
  const files = sizes.filter(([, bytes]) => bytes > 0);
  if (files.length === 0) return undefined;
  const bytesMax = Math.min(
    files.reduce((sum, [, bytes]) => sum + bytes, 0),
    UPLOAD_BYTES_MAX,
  );
  return { bytesMax, names: new Set(files.map(([name]) => name)) };
}

/** What a schema takes of these, wherever it stands inside of it. */
export function typesIn(schema: z.ZodType): ParameterType[] {
  return [...typesInside(writtenOf(schema))];
}

function* typesInside(written: unknown): Generator<ParameterType> {
  if (typeof written !== 'object' || written === null) return;
  if (KEY in written) yield written[KEY] as ParameterType;
  for (const part of Object.values(written)) yield* typesInside(part);
}

const recordNames = new WeakMap<Workflow, readonly string[]>();

/** The parameters of a workflow that name records. */
export function takesRecords(workflow: Workflow): readonly string[] {
  let names = recordNames.get(workflow);
  if (names === undefined) {
    names = Object.entries(workflow.parameters)
      .filter(([, { schema }]) => typesIn(schema).some((one) => one.is === 'record'))
      .map(([name]) => name);
    recordNames.set(workflow, names);
  }
  return names;
}
