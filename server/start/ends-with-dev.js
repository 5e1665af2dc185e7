/**
 * For the server of `npm run dev`, whose standard input is a pipe from there: however dev ends, also where it is killed, its
 * server ends too and holds no port.
 */
process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM')).resume();
process.stdin.unref();
