import { isMainThread } from 'node:worker_threads';

/**
 * For the server of `npm run dev`, whose standard input is a pipe from there: however dev ends, also where it is killed, its
 * server ends too and holds no port.
 */
// Its threads load this too, and end with it.
if (isMainThread) {
  process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM')).resume();
  process.stdin.unref();
}
