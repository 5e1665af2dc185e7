import { type DestinationStream, type Logger, pino } from 'pino';

/**
 * The log: JSON lines on standard output, one a request and one for each thing that went wrong. What could hold
 * a secret is never given to it; the list below is the second fence, not the first.
 */
export function createLog(destination?: DestinationStream): Logger {
  const options = {
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: ['*.authorization', '*.cookie', '*.password', '*.token', '*.secret', '*.client_secret', '*.code'],
      censor: '[hidden]',
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
