import { randomUUID } from 'node:crypto';
import {
  type IncomingMessage,
  maxHeaderSize,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { ProblemCode } from '../ground/errors.ts';

/**
 * Answers what is no request, or none that anybody may handle, in the API's form. Returns what refuses a request of HTTP/1.1
 * without Host, or with two. `lastOn`: the answer to the last request that came on a connection.
 */
export function refuseUnreadable(
  server: Server,
  parts: { log: Pick<Logger, 'info'>; lastOn: (socket: Socket) => ServerResponse | undefined },
): (res: ServerResponse) => void {
  const { log, lastOn } = parts;
  /** Nothing behind what is no request is one; Node tells of all that comes. */
  const broken = new WeakSet<Socket>();

  /** What stands before has its answer first: it may have changed something. */
  function whenAnswered(socket: Socket, act: () => void): void {
    if (broken.has(socket)) return;
    broken.add(socket);
    const last = lastOn(socket);
    if (last !== undefined && isAnswering(last)) last.once('close', act);
    else act();
  }

  /** With `fault` as Node calls it. */
  function refused(refusal: Refusal, { remoteAddress: from }: Socket, fault?: string): Told {
    const told = { ...refusal, requestId: randomUUID() };
    const { requestId, status } = told;
    log.info({ requestId, status, fault, from }, 'unreadable request');
    return told;
  }

  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET') return void socket.destroy();
    whenAnswered(socket, () => {
      const last = lastOn(socket);
      const hasBegun = last?.headersSent === true && !last.writableFinished;
      if (hasBegun || !socket.writable) return void socket.destroy();
      const told = refused(refusalOf(error.code), socket, error.code);
      socket.end(inBytes(told), () => socket.destroySoon());
    });
  });

  server.on('connect', (_req, socket: Socket) => {
    // Node listens on it no longer: an error that nobody hears would end the process.
    socket.on('error', () => socket.destroy());
    socket.on('drain', () => lastOn(socket)?.emit('drain'));
    socket.setTimeout(server.timeout, () => socket.destroy());
    socket.resume();
    whenAnswered(socket, () => {
      if (!socket.writable) return void socket.destroy();
      const told = refused(NO_PROXY, socket);
      socket.end(inBytes(told, { Allow: 'GET, HEAD, POST, OPTIONS' }), () => socket.destroySoon());
    });
  });

  return (res) => {
    const told = refused(WITHOUT_HOST, res.req.socket);
    const { headers, body } = answerOf(told);
    res.writeHead(told.status, headers).end(body);
  };
}

/** Whether a request is here whole and its answer is not. */
export function isAnswering(res: ServerResponse | undefined): boolean {
  return res?.req.complete === true && !res.writableFinished;
}

type Refusal = { status: number; code: ProblemCode; message: string; hint: string };
type Told = Refusal & { requestId: string };

/** What Node's parser refuses before there is a request that anybody could answer. */
function refusalOf(fault: string | undefined): Refusal {
  const [status, message, hint] = REFUSALS[fault ?? ''] ?? [400, UNREADABLE, 'This port speaks HTTP/1.1.'];
  return { status, code: 'INVALID_REQUEST', message, hint };
}

const UNREADABLE = 'This is no HTTP request that can be read.';
const LENGTH_HINT =
  'Send one Content-Length, the number of bytes of the body, or else Transfer-Encoding: chunked, as HTTP clients do by themselves.';
const HEADER_HINT =
  'Let each header be one line that ends with CRLF: a name without blanks, a colon, and a value without control characters.';
const VERSION_HINT =
  'End the first line with HTTP/1.1 and CRLF; HTTP/2 is spoken by the proxy in front, if there is one.';

/** By Node's codes. */
const REFUSALS: Record<string, readonly [status: number, message: string, hint: string]> = {
  HPE_HEADER_OVERFLOW: [
    431,
    'The address and the headers are too large.',
    `Send less than ${maxHeaderSize / 1024} KiB of them: a shorter query; a browser may delete its cookies of this site.`,
  ],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [
    413,
    'The chunk extensions are too large.',
    'Send chunks without extensions.',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request was not whole in time.', 'Send it again, at once.'],
  HPE_INVALID_METHOD: [
    400,
    UNREADABLE,
    'Begin with a method in capitals, such as GET or POST; this port speaks HTTP/1.1, without TLS.',
  ],
  HPE_INVALID_URL: [
    400,
    'The address in the first line is none.',
    'Let it begin with /, and percent-encode what is not ASCII, as UTF-8: %C3%A4 for ä.',
  ],
  HPE_INVALID_CONSTANT: [
    400,
    'Behind the address in the first line HTTP/1.1 is wanted.',
    'Percent-encode blanks in the address: %20.',
  ],
  HPE_INVALID_VERSION: [400, UNREADABLE, VERSION_HINT],
  HPE_PAUSED_H2_UPGRADE: [400, UNREADABLE, VERSION_HINT],
  HPE_INVALID_EOF_STATE: [
    400,
    'The request ended before it was whole.',
    'Send all headers, an empty line, and as many bytes of a body as its Content-Length says.',
  ],
  HPE_STRICT: [400, 'How long the body is cannot be told.', LENGTH_HINT],
  HPE_INVALID_HEADER_TOKEN: [400, 'One of the headers cannot be read.', HEADER_HINT],
  HPE_LF_EXPECTED: [400, 'One of the headers cannot be read.', HEADER_HINT],
  HPE_CR_EXPECTED: [400, 'One of the headers cannot be read.', HEADER_HINT],
  HPE_INVALID_CONTENT_LENGTH: [400, 'How long the body is cannot be told.', LENGTH_HINT],
  HPE_UNEXPECTED_CONTENT_LENGTH: [400, 'How long the body is cannot be told.', LENGTH_HINT],
  HPE_INVALID_TRANSFER_ENCODING: [400, 'How long the body is cannot be told.', LENGTH_HINT],
  HPE_INVALID_CHUNK_SIZE: [400, 'How long the body is cannot be told.', LENGTH_HINT],
};
/** RFC 9112 section 3.2. */
const WITHOUT_HOST: Refusal = {
  status: 400,
  code: 'INVALID_REQUEST',
  message: 'A request of HTTP/1.1 has the header Host, once.',
  hint: 'Send Host with the name and the port of the address that you call, as HTTP clients do by themselves.',
};
/** RFC 9110 section 9.3.6. */
const NO_PROXY: Refusal = {
  status: 405,
  code: 'METHOD_NOT_ALLOWED',
  message: 'This is no proxy: it has no CONNECT.',
  hint: 'Take this server out of the proxy settings of your client, and call its addresses themselves.',
};

/** Older clients need none. */
export function hasOneHost({ httpVersion, rawHeaders }: IncomingMessage): boolean {
  if (httpVersion !== '1.1') return true;
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.length === 4 && rawHeaders[at]?.toLowerCase() === 'host') hosts += 1;
  }
  return hosts === 1;
}

/** An answer in the API's form, and the last on its connection. */
export function answerOf({ status: statusCode, code: status, message, hint, requestId }: Told) {
  const body = JSON.stringify({ statusCode, body: { status, message, hint, requestId } });
  const headers = {
    Connection: 'close',
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(body)),
    'Cache-Control': 'no-store',
    'X-Request-Id': requestId,
  };
  return { body, headers };
}

/** The same as it goes over the wire, where there is no request to answer: where the next one begins nobody knows. */
function inBytes(told: Told, more: Record<string, string> = {}): string {
  const { headers, body } = answerOf(told);
  const first = `HTTP/1.1 ${told.status} ${STATUS_CODES[told.status]}`;
  const lines = Object.entries({ ...headers, ...more }).map(([name, value]) => `${name}: ${value}`);
  return [first, ...lines, '', body].join('\r\n');
}
