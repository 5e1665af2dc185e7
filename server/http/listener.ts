import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  maxHeaderSize,
  type RequestListener,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import type { ProblemCode } from '../ground/errors.ts';
import { STOP_ANSWERED_SECONDS_MAX } from '../ground/limits.ts';
import { STOPPING, serverStops } from './stopping.ts';

/** Connections that wait for their turn; the kernel allows 4096 and takes the lesser number. Node's own is 511. */
const BACKLOG = 4096;

/** More requests that a client sent without waiting are left in its connection until these are answered. */
const PIPELINED_MAX = 100;

/**
 * A connection over which nothing goes for so long is dropped, so that an answer which nobody reads is not held for ever.
 * Nothing is worked on for as long without a byte.
 */
const STILL_MS = 120_000;

/** How long a request whose body is still coming may take to be whole when the server is stopped. */
const WHOLE_MS = 1000;
/** After this whoever has no answer yet is told so, without one of what they asked for. */
const ANSWERED_MS = 1000 * STOP_ANSWERED_SECONDS_MAX;
/** So long before it what can be ended is, so that its end is answered by then. */
const ENDED_MS = ANSWERED_MS - 500;
/** So long a client may take to read that. */
const READ_MS = 250;

type Connection = {
  /** The answer to the last request that came. */
  last: ServerResponse | undefined;
  /** The one that is being made; requests behind it wait. */
  current: ServerResponse | undefined;
};

export type Listener = ReturnType<typeof createListener>;

/** The one that takes connections, in the limits that a server in the open needs. */
export function createListener(log: Pick<Logger, 'info'>, { stillMs = STILL_MS } = {}) {
  const server = createServer({
    requestTimeout: 60_000,
    headersTimeout: 20_000,
    keepAliveTimeout: 65_000,
    // Looks for overdue requests this often; Node's own 30 s would more than double those limits.
    connectionsCheckingInterval: 5000,
    // Node would answer one without, but say nothing.
    requireHostHeader: false,
  });
  server.timeout = stillMs;
  const connections = new Map<Socket, Connection>();
  server.on('connection', (socket: Socket) => {
    connections.set(socket, { last: undefined, current: undefined });
    socket.on('close', () => connections.delete(socket));
  });
  /** Of one that is gone already nobody will ask. */
  const noteOf = (socket: Socket): Connection =>
    connections.get(socket) ?? { last: undefined, current: undefined };
  // An expectation that is not known may be left unmet (RFC 9110 section 10.1.1); the request is answered as any.
  server.on('checkExpectation', (req, res) => server.emit('request', req, res));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // Behind the last request of its connection (RFC 9112 section 9.6), whose answer is still to come.
    if (error.code === 'HPE_CLOSED_CONNECTION') return;
    const res = connections.get(socket)?.last;
    const isWaited = socket.writable && (res === undefined || !res.headersSent || res.writableFinished);
    if (error.code === 'ECONNRESET' || !isWaited) return void socket.destroy();
    const told = refused(refusalOf(error.code), socket, error.code);
    socket.end(inBytes(told), () => socket.destroySoon());
  });
  server.on('connect', (_req, socket: Socket) => {
    socket.end(inBytes(refused(NO_PROXY, socket), { Allow: 'GET, HEAD, POST, OPTIONS' }));
  });
  /** What is told of a request that nobody handles; with `fault` as Node calls it. */
  function refused(refusal: Refusal, { remoteAddress: from }: Socket, fault?: string): Told {
    const told = { ...refusal, requestId: randomUUID() };
    const { requestId, status } = told;
    log.info({ requestId, status, fault, from }, 'unreadable request');
    return told;
  }

  return {
    server,

    /** From now on requests are handled. */
    handle(handler: RequestListener): void {
      const inTurn = oneAtATime((req, res) => {
        noteOf(req.socket).current = res;
        if (hasOneHost(req)) return handler(req, res);
        const told = refused(WITHOUT_HOST, req.socket);
        const { headers, body } = answerOf(told);
        res.writeHead(told.status, headers).end(body);
      });
      server.on('request', (req, res) => {
        noteOf(req.socket).last = res;
        inTurn(req, res);
      });
    },

    async listen({ port, host }: { port: number; host: string }): Promise<void> {
      server.listen({ port, host, backlog: BACKLOG });
      await once(server, 'listening');
    },

    /**
     * Takes nothing new and lets running requests finish. Each connection is dropped as it falls idle, soon also those
     * that have not sent all of a request. After some seconds what can be ended is (`STOPPING`), then whoever still waits
     * is told so, and every connection is dropped.
     */
    async close(): Promise<void> {
      const idle = setInterval(() => server.closeIdleConnections(), 50);
      const each = (step: (socket: Socket, connection: Connection) => void) => () => {
        for (const [socket, connection] of connections) step(socket, connection);
      };
      const steps: [ms: number, step: () => void][] = [
        [WHOLE_MS, each((socket, { last }) => isAnswering(last) || socket.destroy())],
        [ENDED_MS, each((_, { current }) => current?.emit(STOPPING))],
        [ANSWERED_MS, each((_, { current }) => tellStopped(current, log))],
        [ANSWERED_MS + READ_MS, () => server.closeAllConnections()],
      ];
      const timers = steps.map(([ms, step]) => setTimeout(step, ms));
      await once(server.close(), 'close');
      clearInterval(idle);
      for (const timer of timers) clearTimeout(timer);
    },
  };
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
function hasOneHost({ httpVersion, rawHeaders }: IncomingMessage): boolean {
  if (httpVersion !== '1.1') return true;
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.length === 4 && rawHeaders[at]?.toLowerCase() === 'host') hosts += 1;
  }
  return hosts === 1;
}

/** An answer in the API's form, and the last on its connection. */
function answerOf({ status: statusCode, code: status, message, hint, requestId }: Told) {
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

/** What was being done goes on until the process ends, so that nobody knows how far it comes. */
function tellStopped(res: ServerResponse | undefined, log: Pick<Logger, 'info'>): void {
  if (res === undefined || res.headersSent) return;
  const { status, code, message, hint, headers } = serverStops(res.req.method ?? '');
  const requestId = String(res.getHeader('x-request-id') ?? randomUUID());
  const answer = answerOf({ status, code, message, hint, requestId });
  log.info({ requestId, status }, 'not answered before the stop');
  res.writeHead(status, { ...answer.headers, ...headers }).end(answer.body);
}

/** Whether a request is here whole and its answer is not. */
function isAnswering(res: ServerResponse | undefined): boolean {
  return res?.req.complete === true && !res.writableFinished;
}

/**
 * Requests that a client sends without waiting for answers are handled one after the other, each in a turn of its own:
 * as many as fit into what is read at once (64 KiB) would all be begun before anybody else's.
 */
function oneAtATime(handler: RequestListener): RequestListener {
  const waiting = new WeakMap<Socket, number>();
  const pauseIfMany = (socket: Socket) => {
    if ((waiting.get(socket) ?? 0) >= PIPELINED_MAX) socket.pause();
  };
  return (req, res) => {
    // Node gives an answer the connection when the one before is done; the first has it already.
    if (res.socket !== null) return handler(req, res);
    const { socket } = req;
    // Node resumes it behind each request and each answer.
    if (!waiting.has(socket)) socket.on('resume', () => pauseIfMany(socket));
    waiting.set(socket, (waiting.get(socket) ?? 0) + 1);
    pauseIfMany(socket);
    res.once('socket', () => {
      const left = (waiting.get(socket) ?? 1) - 1;
      waiting.set(socket, left);
      if (left < PIPELINED_MAX && socket.isPaused()) socket.resume();
      setImmediate(handler, req, res);
    });
  };
}
