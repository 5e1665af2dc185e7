import { nearMissOf } from '../ground/near-miss.ts';
import { isUnfit, VISIBLE } from '../ground/visible-text.ts';
import { wordFor } from './sent-date.ts';

/** A file as `run` gets it. */
export type UploadedFile = {
  /** Without folders. Whoever sent it chose it. */
  filename: string;
  /** The media type that it was sent as. */
  type: string;
  bytes: Uint8Array<ArrayBuffer>;
};

/** A file as it came as a part of a form. */
export class FilePart {
  readonly filename: string;
  readonly type: string;
  readonly bytes: Uint8Array;

  constructor(filename: string, type: string, bytes: Uint8Array) {
    this.filename = filename;
    this.type = type;
    this.bytes = bytes;
  }
}

/** What file systems keep. */
const FILENAME_LENGTH_MAX = 255;
const UNKNOWN_TYPE = 'application/octet-stream';
const TYPE = /^[a-z0-9!#$&^_.+-]{1,100}\/[a-z0-9!#$&^_.+-]{1,100}$/;
const DATA_URL = /^data:([^,;]{0,200})((?:;[^,;]{0,200}){0,5}),/i;

/** How files of some types begin: one that says so and does not is not taken. All others are taken at their word. */
const BEGINNINGS: Record<string, readonly string[]> = {
  'image/png': ['89504e470d0a1a0a'],
  'image/jpeg': ['ffd8ff'],
  'image/gif': ['474946383761', '474946383961'],
  'application/pdf': ['25504446'],
  'application/zip': ['504b0304', '504b0506'],
};

const WANTED =
  'expected a file: {"filename": …, "type": …, "contents": its bytes in base64}, or a part of multipart/form-data';

/** Reads a file from JSON or from a part of a form. Answers why not, in words, where it is none that is wanted. */
export function readFile(
  sent: unknown,
  wanted: { bytesMax: number; types: readonly string[] | undefined },
): UploadedFile | string {
  const found = sent instanceof FilePart ? sent : fromJson(sent);
  if (typeof found === 'string') return found;
  const filename = baseName(found.filename);
  if (!isGoodName(filename)) {
    return `its filename is none: expected 1 to ${FILENAME_LENGTH_MAX} visible characters on one line`;
  }
  const type = found.type.split(';', 1)[0]?.trim().toLowerCase() || UNKNOWN_TYPE;
  if (!TYPE.test(type)) return 'its type is no media type such as image/png';
  if (wanted.types !== undefined && !wanted.types.includes(type)) {
    const types = wanted.types.join(' or ');
    return found.type === ''
      ? `expected a file of the type ${types}; it was sent without one: say "type" beside its contents`
      : `expected a file of the type ${types}, and it was sent as ${type}`;
  }
  const { bytes } = found;
  if (bytes.length > wanted.bytesMax) {
    return `it has ${bytes.length} bytes, and at most ${wanted.bytesMax} are taken`;
  }
  if (!beginsLike(type, bytes)) return `it was sent as ${type}, but does not begin like such a file`;
  // A copy of its own: what stands around the bytes in memory is somebody else's and would go to `run` with them.
  return { filename, type, bytes: new Uint8Array(bytes) };
}

function fromJson(sent: unknown): { filename: string; type: string; bytes: Uint8Array } | string {
  if (typeof sent === 'string') return withoutName(sent);
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) {
    return `${WANTED}; received ${wordFor(sent)}`;
  }
  const { filename, contents, type = '' } = sent as Record<string, unknown>;
  for (const [name, value] of Object.entries({ filename, contents })) {
    if (typeof value === 'string') continue;
    if (value !== undefined) return `${name}: expected a text, received ${wordFor(value)}`;
    const near = nearMissOf(name, Object.keys(sent).slice(0, 20));
    return near === undefined
      ? `${WANTED}; it has no ${name}`
      : `it has no ${name}, but something of nearly that name`;
  }
  if (typeof type !== 'string') return `type: expected a text such as image/png, received ${wordFor(type)}`;
  return fromBase64(filename as string, type, contents as string);
}

/** A text in the place of a file: what was probably meant by it. */
function withoutName(text: string): string {
  if (/^[a-z][a-z0-9+.-]{1,20}:\/\//i.test(text)) {
    return 'it is an address, and this server fetches nothing on a caller’s word: send the file itself';
  }
  if (DATA_URL.test(text)) return `${WANTED}; a data: URL goes into contents, beside its filename`;
  return `${WANTED}; received a text`;
}

function fromBase64(filename: string, type: string, contents: string) {
  const head = DATA_URL.exec(contents.slice(0, 2000));
  if (head !== null && !/;base64$/i.test(head[2] ?? '')) return 'contents: its data: URL is not in base64';
  if (head === null && /^[a-z][a-z0-9+.-]{1,20}:\/\//i.test(contents)) return withoutName(contents);
  const said = head?.[1] ?? '';
  if (said !== '' && type !== '' && said.toLowerCase() !== type.toLowerCase()) {
    return 'its type and that of its data: URL differ: send one of them';
  }
  const bytes = bytesOfBase64(head === null ? contents : contents.slice(head[0].length));
  return typeof bytes === 'string' ? bytes : { filename, type: type || said, bytes };
}

/** Line ends are passed over, and either alphabet of RFC 4648 is read, with or without the padding at the end. */
function bytesOfBase64(contents: string): Uint8Array | string {
  // Letters of other scripts would be taken for ASCII.
  if (Buffer.byteLength(contents) !== contents.length) return NO_BASE64;
  const text = /\s/.test(contents) ? withoutBlanks(contents) : contents;
  let length = text.length;
  while (text[length - 1] === '=' && text.length - length < 2) length -= 1;
  if (length % 4 === 1) return 'contents: this base64 is cut off, or has too much';
  if (text.length !== length && text.length % 4 !== 0)
    return 'contents: this base64 is cut off, or has too much';
  const bytes = Buffer.from(text, 'base64');
  // What is no base64 was passed over, so that less came out than went in.
  return bytes.length === Math.floor((length * 3) / 4) ? bytes : NO_BASE64;
}

const NO_BASE64 = 'contents: expected base64; it has other characters';
const [TAB, CARRIAGE_RETURN, BLANK] = [0x09, 0x0d, 0x20];

/** By hand: with a blank behind each letter an expression takes a second for the largest file. */
function withoutBlanks(ascii: string): string {
  const bytes = Buffer.from(ascii, 'latin1');
  let length = 0;
  for (const byte of bytes) {
    if (byte === BLANK || (byte >= TAB && byte <= CARRIAGE_RETURN)) continue;
    bytes[length] = byte;
    length += 1;
  }
  return bytes.toString('latin1', 0, length);
}

/** Some clients send the whole path (RFC 7578 section 4.2: it must not be used). */
function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}

function isGoodName(name: string): boolean {
  if (name.length > FILENAME_LENGTH_MAX || name === '.' || name === '..') return false;
  return VISIBLE.test(name) && !isUnfit(name) && name.trim() === name;
}

function beginsLike(type: string, bytes: Uint8Array): boolean {
  const beginnings = Object.hasOwn(BEGINNINGS, type) ? (BEGINNINGS[type] ?? []) : [];
  if (beginnings.length === 0) return true;
  const head = Buffer.from(bytes.subarray(0, 8)).toString('hex');
  return beginnings.some((beginning) => head.startsWith(beginning));
}
