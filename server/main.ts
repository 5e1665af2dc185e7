import { Unavailable } from '../adapters/port.ts';
import { settings as ownerSettings } from '../config/settings.ts';
import { systemClock } from './ground/clock.ts';
import { createLog } from './ground/log.ts';
import { readSettings, WrongSettings } from './ground/settings.ts';
import { serve } from './serve.ts';
import { catchLateFailures } from './workflows/late-failures.ts';

/** Why a start failed, one line each where we know what to say. */
function explain(error: unknown): string {
  if (error instanceof WrongSettings) return error.lines.join('\n');
  if (error instanceof Unavailable) return `LATCHKEY_STORE does not answer: ${error.message}`;
  const { code, message, port } = error as NodeJS.ErrnoException & { port?: number };
  if (code === 'EADDRINUSE') {
    return `PORT is ${port}: something else listens there; stop it or set another PORT`;
  }
  if (code === 'EACCES') return `${message}: choose a PORT above 1023, or a folder that may be written`;
  return error instanceof Error ? (error.stack ?? message) : String(error);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

try {
  const settings = readSettings(ownerSettings, process.env);
  const log = createLog();
  catchLateFailures(log, (error) => {
    say(error instanceof Error ? (error.stack ?? error.message) : `Uncaught: ${String(error)}`);
    process.exit(1);
  });
  const served = await serve(settings, { clock: systemClock, log });
  say(`Latchkey listens on ${served.url}`);
  if (settings.mail.startsWith('file:')) {
    say(`Mails are kept in ${settings.mail.slice('file:'.length)} (set LATCHKEY_MAIL to send them)`);
  }
  if (served.firstAdminLink !== undefined) say(`Make the first admin, once: ${served.firstAdminLink}`);
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    served.stop().then(
      () => process.exit(0),
      (error) => {
        log.error({ err: error }, 'stop');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
} catch (error) {
  say(explain(error));
  process.exit(1);
}
