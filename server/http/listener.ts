import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Connections that wait for their turn; the kernel allows 4096 and takes the lesser number. Node's own is 511. */
const BACKLOG = 4096;

/** More requests that a client sent without waiting are left in its connection until these are answered. */
const PIPELINED_MAX = 100;

/** How long a request whose body is still coming may take to be whole when the server is stopped. */
const WHOLE_MS = 1000;
/** How long the others may take to be answered then. */
const ANSWERED_MS = 4000;

export type Listener = ReturnType<typeof createListener>;

/** The one that takes connections, in the limits that a server in the open needs. */
export function createListener() {
  const server = createServer({
    requestTimeout: 60_000,
    headersTimeout: 20_000,
    keepAliveTimeout: 65_000,
    // Looks for overdue requests this often; Node's own 30 s would more than double those limits.
    connectionsCheckingInterval: 5000,
  });
  /** Each connection with the answer to its last request. */
  const connections = new Map<Socket, ServerResponse | undefined>();
  server.on('connection', (socket: Socket) => {
    connections.set(socket, undefined);
    socket.on('close', () => connections.delete(socket));
  });
  // We are no proxy (RFC 9110 section 9.3.6).
  server.on('connect', (_req, socket) => {
    socket.end(
      'HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD, POST, OPTIONS\r\nConnection: close\r\n\r\n',
    );
  });

  return {
    server,

    /** From now on requests are handled. */
    handle(handler: RequestListener): void {
      const inTurn = oneAtATime(handler);
      server.on('request', (req, res) => {
        connections.set(req.socket, res);
        inTurn(req, res);
      });
    },

    async listen({ port, host }: { port: number; host: string }): Promise<void> {
      server.listen({ port, host, backlog: BACKLOG });
      await once(server, 'listening');
    },

    /**
     * Takes nothing new and lets running requests finish. Each connection is dropped as it falls idle, soon also those
     * that have not sent all of a request, and after some seconds every one.
     */
    async close(): Promise<void> {
      const idle = setInterval(() => server.closeIdleConnections(), 50);
      const unwhole = setTimeout(() => {
        for (const [socket, res] of connections) if (!isAnswering(res)) socket.destroy();
      }, WHOLE_MS);
      const all = setTimeout(() => server.closeAllConnections(), ANSWERED_MS);
      await once(server.close(), 'close');
      clearInterval(idle);
      clearTimeout(unwhole);
      clearTimeout(all);
    },
  };
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
  return (req, res) => {
    // Node gives an answer the connection when the one before is done; the first has it already.
    if (res.socket !== null) return handler(req, res);
    const { socket } = req;
    const count = (waiting.get(socket) ?? 0) + 1;
    waiting.set(socket, count);
    if (count >= PIPELINED_MAX) socket.pause();
    res.once('socket', () => {
      const left = (waiting.get(socket) ?? 1) - 1;
      waiting.set(socket, left);
      if (left < PIPELINED_MAX && socket.isPaused()) socket.resume();
      setImmediate(handler, req, res);
    });
  };
}
