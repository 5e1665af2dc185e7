import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { openDomain } from '../../server/domain.ts';
import { createLog } from '../../server/ground/log.ts';
import { readSettings } from '../../server/ground/settings.ts';
import { type ServerProcess, startServerProcess } from '../support/process.ts';
import { fill } from './fill.ts';

const EMAIL = 'admin@example.com';
const PASSWORD = 'who called on tuesday at nine';

/** `npm run demo -- --fill`: a server with two months of use in it, for looking at the console, until it is stopped. */
export async function showFilled(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-filled-'));
  let server: ServerProcess | undefined;
  const stop = async () => {
    await server?.kill('SIGTERM');
    await rm(folder, { recursive: true, force: true });
    process.exit(0);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);

  const store = `sqlite:${join(folder, 'latchkey.db')}`;
  const mail = `file:${join(folder, 'mail')}`;
  const startedAt = performance.now();
  console.log('A thousand accounts, three thousand credentials and a million calls are made…');
  const hidden = await fillStore({ data: folder, store, mail });
  const seconds = (performance.now() - startedAt) / 1000;
  server = await startServerProcess({
    ...{ HOST: '127.0.0.1', PORT: '0', LATCHKEY_URL: 'http://localhost:0' },
    ...{ LATCHKEY_DATA: folder, LATCHKEY_STORE: store, LATCHKEY_MAIL: mail },
  });
  console.log(`Made in ${seconds.toFixed(0)} seconds. Sign in at ${server.url}/sign-in?return_to=/admin

   ${EMAIL}
   ${PASSWORD}

It is the first of the month, and you are asked:
 1. A token that ends in ${hidden.leakedLastFour} stands in a public repository. Whose is it, who uses it, and stop it.
 2. What can everything and is not used? Which tokens are not used at all?
 3. Who called so much on Tuesday at nine (${hidden.burstAt} UTC)?
 4. Which mails did not arrive, and why? Send them again.

Ctrl-C stops the server and removes all of it.`);
}

async function fillStore(wanted: { data: string; store: string; mail: string }) {
  const now = Math.floor(Date.now() / 1000);
  let clock = now;
  const log = createLog({ write: () => undefined });
  const domain = await openDomain(readSettings(wanted, {}), { clock: () => clock, log });
  const passwordHash = await domain.passwords.hash(PASSWORD);
  const admin = await domain.accounts.create(
    { email: EMAIL, passwordHash, admin: true },
    { kind: 'operator' },
  );
  const setClock = (at: number) => {
    clock = at;
  };
  const hidden = await fill({ domain, now, setClock, admin });
  await domain.close();
  return hidden;
}
