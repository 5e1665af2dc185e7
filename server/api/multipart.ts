import { Problem } from '../ground/errors.ts';
import { givingWay } from '../ground/give-way.ts';
import { API_BODY_BYTES_MAX } from '../ground/limits.ts';
import { shortName } from '../ground/without-secrets.ts';
import { SEND_UTF8, utf8Of } from '../http/utf8.ts';
import { NAMES_MAX } from '../workflows/json-faults.ts';
import { FilePart } from '../workflows/sent-file.ts';

/** Between two of these others may have their turn. */
const STEP_BYTES = 64 * 1024;
/** RFC 2046 section 5.1.1. Looking for a long one takes long. */
const BOUNDARY = /;\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s";]{1,70}))\s*(?:;|$)/i;
const HEADERS_BYTES_MAX = 16 * 1024;
const HEADERS_MAX = 20;

type Part = { name: string | undefined; filename: string | undefined; type: string; bytes: Buffer };

/**
 * Reads a form of parts (RFC 7578). A part with a filename is a `FilePart`, all others are texts; a name that is repeated
 * has the list of its values. Throws Problem.
 */
export async function readMultipart(
  bytes: Buffer,
  contentType: string,
): Promise<ReadonlyMap<string, unknown>> {
  if (!BOUNDARY.test(contentType)) throw noBoundary();
  const values = new Map<string, unknown>();
  let textBytes = 0;
  for (const part of await partsOf(bytes, contentType)) {
    const { name, filename } = part;
    if (name === undefined) throw invalidForm('one of its parts has no name', 'Give each part a name.');
    if (filename === undefined) textBytes += part.bytes.length;
    if (textBytes > API_BODY_BYTES_MAX) throw tooMuchText();
    // A file input of a page that nobody has chosen a file for.
    if (!filename && part.type === 'application/octet-stream' && part.bytes.length === 0) continue;
    const value =
      filename === undefined ? textOf(part.bytes, name) : new FilePart(filename, part.type, part.bytes);
    const before = values.get(name);
    if (Array.isArray(before)) before.push(value);
    else values.set(name, before === undefined ? value : [before, value]);
  }
  return values;
}

async function partsOf(bytes: Buffer, contentType: string): Promise<Part[]> {
  // Few send such forms: what reads them is loaded with the first.
  const { Busboy } = await import('@fastify/busboy');
  const parts: Part[] = [];
  let fault: Problem | undefined;
  const parser = new Busboy({
    headers: { 'content-type': contentType },
    // Each part as its bytes: whether a text is UTF-8 is looked at here.
    isPartAFile: () => true,
    preservePath: true,
    limits: { parts: NAMES_MAX, headerPairs: HEADERS_MAX, headerSize: HEADERS_BYTES_MAX },
  });
  const fail = () => {
    fault ??= invalidForm(
      'it does not end with its boundary, or has a part without an end',
      'Send it whole, with the boundary that stands in its Content-Type; most clients do both by themselves.',
    );
  };
  const finished = new Promise<void>((resolve) => {
    parser.on('finish', resolve).on('error', () => {
      fail();
      resolve();
    });
  });
  parser.on('partsLimit', () => {
    fault ??= invalidForm(`it has more than ${NAMES_MAX} parts`, `Send at most ${NAMES_MAX}.`);
  });
  parser.on('file', (name: string | undefined, stream, filename, encoding, type) => {
    const chunks: Buffer[] = [];
    if (!['7bit', '8bit', 'binary'].includes(encoding)) fault ??= encoded();
    stream
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('error', fail)
      .on('end', () => parts.push({ name, filename, type, bytes: Buffer.concat(chunks) }));
  });
  const giveWay = givingWay();
  for (let at = 0; at < bytes.length && fault === undefined; at += STEP_BYTES) {
    await new Promise<void>((resolve) => {
      parser.write(bytes.subarray(at, at + STEP_BYTES), () => resolve());
    });
    await giveWay();
  }
  if (fault === undefined) {
    parser.end();
    await finished;
  }
  if (fault !== undefined) throw fault;
  // The parser passes over what it cannot read; here nothing is left out without a word.
  if (parts.length < countParts(bytes, contentType)) {
    throw invalidForm(
      'one of its parts has no Content-Disposition of form-data, or a name with a line end in it',
      'Let the client write the parts: curl -F and FormData do.',
    );
  }
  return parts;
}

/** How many parts stand between the boundaries. */
function countParts(bytes: Buffer, contentType: string): number {
  const [, quoted, bare] = BOUNDARY.exec(contentType) ?? [];
  const boundary = Buffer.from(`--${quoted ?? bare}`);
  const between = Buffer.concat([Buffer.from('\r\n'), boundary]);
  // The last one ends the form.
  let count = bytes.subarray(0, boundary.length).equals(boundary) ? 0 : -1;
  for (let at = bytes.indexOf(between); at !== -1; at = bytes.indexOf(between, at + between.length))
    count += 1;
  return count;
}

function textOf(bytes: Buffer, name: string): string {
  const text = utf8Of(bytes);
  if (text !== undefined) return text;
  throw new Problem({
    status: 400,
    code: 'INVALID_DATA',
    message: 'The body is not valid UTF-8.',
    hint: `${SEND_UTF8} What is no text is sent as a file, with a filename.`,
    parameter: shortName(name),
  });
}

function noBoundary(): Problem {
  return new Problem({
    status: 415,
    code: 'UNSUPPORTED_MEDIA_TYPE',
    message: 'The Content-Type of the form names no boundary between its parts, or one that is too long.',
    hint: 'Leave the header Content-Type away: clients that make such forms (curl -F, FormData) write it themselves, with the boundary.',
  });
}

function invalidForm(wrong: string, hint: string): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_DATA',
    message: `The body cannot be used: ${wrong}.`,
    hint,
  });
}

function encoded(): Problem {
  return invalidForm(
    'a part of it has a Content-Transfer-Encoding',
    'Send the bytes of each part as they are, without that header (RFC 7578 section 4.7).',
  );
}

function tooMuchText(): Problem {
  return new Problem({
    status: 413,
    code: 'TOO_LARGE',
    message: `Without its files the body is larger than ${API_BODY_BYTES_MAX} bytes.`,
    hint: 'What is no text is sent as a file, with a filename.',
  });
}
