import { resolve } from 'node:path';
import { Unavailable } from '../adapters/port.ts';
import { systemClock } from './ground/clock.ts';
import { createLog } from './ground/log.ts';
import { isLoopbackHost } from './ground/loopback.ts';
import { storeName } from './ground/service-urls.ts';
import { readSettings, type Settings, WrongSettings } from './ground/settings.ts';
import { adviceOnProxies } from './http/client-address.ts';
import { serve } from './serve.ts';
import { catchLateFailures } from './workflows/late-failures.ts';
import { loadSettings } from './workflows/load-settings.ts';

/** Why a start failed, one line each where we know what to say. */
function explain(error: unknown, settings: Settings | undefined): string {
  if (error instanceof WrongSettings) return error.lines.join('\n');
  if (error instanceof Unavailable) {
    const which = settings === undefined ? '' : `, ${storeName(settings.store)},`;
    return `LATCHKEY_STORE${which} does not answer: ${error.message}`;
  }
  const { code, message, syscall } = error as NodeJS.ErrnoException;
  if (settings !== undefined && ['listen', 'bind', 'getaddrinfo'].includes(syscall ?? '')) {
    return whyNotListening(code ?? message, settings);
  }
  if (code === 'EACCES' || code === 'EROFS') return `${message}: choose a folder that may be written`;
  return error instanceof Error ? (error.stack ?? message) : String(error);
}

/** Why nobody can listen there, in the words of the two settings that say where. */
function whyNotListening(code: string, { host, port }: Settings): string {
  switch (code) {
    case 'EADDRINUSE':
      return `PORT is ${port}: something else listens there; stop it or set another PORT`;
    case 'EACCES':
      return `PORT is ${port}: this user may not listen there; choose a PORT above 1023`;
    case 'EADDRNOTAVAIL':
      return `HOST is ${JSON.stringify(host)}: this machine has no such address; wanted one of its own, 127.0.0.1, or 0.0.0.0 for all of them`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `HOST is ${JSON.stringify(host)}: no such name is known here (${code}); wanted an address of this machine, 127.0.0.1, or 0.0.0.0 for all of them`;
    default:
      return `HOST is ${JSON.stringify(host)}, PORT is ${port}: nobody can listen there (${code})`;
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** What somebody who starts a server should see of it: where it is, what it opened, and what is not as it should be. */
function tell(settings: Settings, served: Awaited<ReturnType<typeof serve>>): void {
  const store = storeName(settings.store);
  const { host, port } = served.address;
  const isThere = port === Number(new URL(served.url).port || 80) && !settings.production;
  say(`Latchkey listens on ${served.url}${isThere ? '' : ` (at ${host}, port ${port})`}`);
  say(served.storeIsNew ? `The store was made now: ${store}` : `The store was there already: ${store}`);
  if (served.storeIsNew && settings.secretIsOld) {
    say(
      `Warning: the secret in ${settings.data} is older than this empty store. If you had accounts here, stop, and look whether LATCHKEY_STORE and LATCHKEY_DATA name the right ones.`,
    );
  }
  if (!settings.production && !isLoopbackHost(settings.host)) {
    say(
      `Warning: HOST is ${settings.host}, so others in the network can come in, and with an http URL what they send can be read on the way. Set HOST to 127.0.0.1, or put a proxy with https before it and set LATCHKEY_URL.`,
    );
  }
  const advice = adviceOnProxies(settings);
  if (advice !== undefined) say(`Warning: ${advice.found}; ${advice.todo}.`);
  if (settings.origins.config !== undefined) say(`Types and workflows are those of ${settings.config}`);
  if (settings.mail.startsWith('file:')) {
    say(`Mails are kept in ${resolve(settings.mail.slice('file:'.length))} (set LATCHKEY_MAIL to send them)`);
  }
  if (served.firstAdminLink !== undefined) say(`Make the first admin, once: ${served.firstAdminLink}`);
}

let settings: Settings | undefined;
try {
  const log = createLog();
  catchLateFailures(
    (late, message) => log.error(late, message),
    (error) => {
      say(error instanceof Error ? (error.stack ?? error.message) : `Uncaught: ${String(error)}`);
      process.exit(1);
    },
  );
  settings = readSettings(await loadSettings(process.env), process.env);
  const served = await serve(settings, { clock: systemClock, log });
  tell(settings, served);
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
  say(explain(error, settings));
  process.exit(1);
}
