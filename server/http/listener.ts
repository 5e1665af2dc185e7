import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { STOP_ANSWERED_SECONDS_MAX } from '../ground/limits.ts';
import { STOPPING, serverStops } from './stopping.ts';
import { answerOf, hasOneHost, isAnswering, refuseUnreadable } from './unreadable-requests.ts';

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
  const refuse = refuseUnreadable(server, { log, lastOn: (socket) => connections.get(socket)?.last });

  return {
    server,

    /** From now on requests are handled. */
    handle(handler: RequestListener): void {
      const inTurn = oneAtATime((req, res) => {
        noteOf(req.socket).current = res;
        if (hasOneHost(req)) handler(req, res);
        else refuse(res);
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

/** What was being done goes on until the process ends, so that nobody knows how far it comes. */
function tellStopped(res: ServerResponse | undefined, log: Pick<Logger, 'info'>): void {
  if (res === undefined || res.headersSent) return;
  const { status, code, message, hint, headers } = serverStops(res.req.method ?? '');
  const requestId = String(res.getHeader('x-request-id') ?? randomUUID());
  const answer = answerOf({ status, code, message, hint, requestId });
  log.info({ requestId, status }, 'not answered before the stop');
  res.writeHead(status, { ...answer.headers, ...headers }).end(answer.body);
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
