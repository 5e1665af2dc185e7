import type { Context } from 'koa';
import { Problem } from '../ground/errors.ts';
import { fieldNotUtf8, fieldOfBytesNotUtf8, SEND_UTF8, utf8Of } from './utf8.ts';

/** Enough for any form of ours; a longer one is not from our pages. */
const FORM_BYTES_MAX = 64 * 1024;

/** A scope is a field of its own, and an app may have hundreds of workflows. */
const FIELDS_MAX = 1000;

/** The fields of a form that was posted. */
export type Form = {
  /** The field's value, '' when absent. Throws Problem 400 when it was sent twice. */
  one(name: string): string;
  all(name: string): string[];
};

/** Reads a form post of one of our pages: only application/x-www-form-urlencoded, bounded, strings only. */
export async function readForm(ctx: Context): Promise<Form> {
  const values = await readFields(ctx, FORM_BYTES_MAX);
  return {
    one(name) {
      const found = values.getAll(name);
      if (found.length > 1) throw sentTwice(name);
      return found[0] ?? '';
    },
    all: (name) => values.getAll(name),
  };
}

/** The fields of a form of at most `bytesMax` bytes. Throws Problem 400 for one whose bytes are no UTF-8. */
export async function readFields(ctx: Context, bytesMax: number): Promise<URLSearchParams> {
  if (!ctx.is('application/x-www-form-urlencoded')) {
    ctx.set('Connection', 'close');
    throw new Problem({
      status: 415,
      code: 'UNSUPPORTED_MEDIA_TYPE',
      message: 'This page reads forms only.',
      hint: 'Send the form from its page (application/x-www-form-urlencoded).',
    });
  }
  const body = await readBody(ctx, bytesMax);
  const text = utf8Of(body);
  const foreign = text === undefined ? fieldOfBytesNotUtf8(body) : fieldNotUtf8(text);
  if (foreign !== undefined) throw notUtf8(foreign);
  const values = new URLSearchParams(text);
  if (values.size > FIELDS_MAX) throw tooManyFields(FIELDS_MAX);
  return values;
}

/** A field in another encoding. */
export function notUtf8(name: string): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_DATA',
    message: `The field ${name} is not valid UTF-8.`,
    hint: SEND_UTF8,
    parameter: name,
  });
}

/** More fields than are read, in a form or a query. */
export function tooManyFields(max: number, hint = `Send at most ${max}.`): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_DATA',
    message: `The request has more than ${max} parameters.`,
    hint,
  });
}

/** A field that was sent twice: two readers would take different ones (parameter pollution). */
export function sentTwice(name: string, hint = 'Send each field once.'): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_REQUEST',
    message: `The field ${name} was sent more than once.`,
    hint,
    parameter: name,
  });
}

/**
 * Reads a whole body of at most `bytesMax` bytes. When it gives up half way the connection is closed after
 * the answer, because the rest of the body would be taken for the next request.
 */
export async function readBody(
  ctx: Context,
  bytesMax: number,
  /** Told of each part as it comes; what it throws ends the reading. */
  onBytes?: (count: number) => void,
): Promise<Buffer> {
  const encoding = ctx.get('content-encoding');
  if (encoding !== '' && encoding !== 'identity') {
    ctx.set('Connection', 'close');
    throw new Problem({
      status: 415,
      code: 'UNSUPPORTED_ENCODING',
      message: `A body with Content-Encoding ${JSON.stringify(encoding.slice(0, 20))} is not read.`,
      hint: 'Send the body as it is, without compression.',
    });
  }
  const length = ctx.request.length;
  if (length !== undefined && length > bytesMax) throw tooLarge(ctx, bytesMax);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of ctx.req.iterator({ destroyOnReturn: false })) {
      bytes += (chunk as Buffer).length;
      if (bytes > bytesMax) throw tooLarge(ctx, bytesMax);
      onBytes?.((chunk as Buffer).length);
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    ctx.set('Connection', 'close');
    throw error instanceof Problem ? error : cutOff(error);
  }
  if (length !== undefined && bytes !== length) throw cutOff(undefined);
  return Buffer.concat(chunks, bytes);
}

function tooLarge(ctx: Context, bytesMax: number): Problem {
  ctx.set('Connection', 'close');
  return new Problem({
    status: 413,
    code: 'TOO_LARGE',
    message: `The body is larger than ${bytesMax} bytes.`,
    hint: `Send at most ${bytesMax} bytes.`,
  });
}

function cutOff(cause: unknown): Problem {
  return new Problem({
    status: 400,
    code: 'INCOMPLETE_BODY',
    message: 'The body ended before it was complete.',
    hint: 'Send it again, with a Content-Length that fits.',
    cause,
  });
}
