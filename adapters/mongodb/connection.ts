import { createRequire } from 'node:module';
import type { Socket } from 'node:net';

type Connection = new (socket: Socket, options: object) => object;

/** The driver's own: it exports no name for it, but takes another kind by the option `connectionType`. */
const { Connection } = createRequire(import.meta.resolve('mongoose'))('mongodb/lib/cmap/connection.js') as {
  Connection: Connection;
};

/**
 * A connection of which a write always ends. The driver (7.8, 7.9) waits for a socket to drain, and listens for
 * errors meanwhile, but not for its end: a command that is written between the server's closing of a socket and
 * the moment at which that is told waits for ever. When the command is the driver's own question whether the
 * server is there, it asks nothing more, and takes the server for away until the process is started again.
 */
export class EndingConnection extends Connection {
  constructor(socket: Socket, options: object) {
    super(socket, options);
    // It looks at what became of the connection then, and throws that.
    socket.once('close', () => socket.emit('drain'));
  }
}
