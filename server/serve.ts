import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { createApp } from './app.ts';
import { openDomain } from './domain.ts';
import type { Clock } from './ground/clock.ts';
import type { Settings } from './ground/settings.ts';

/** How long running requests may take to end when the server is stopped. */
const STOP_SECONDS = 10;

/**
 * A whole server: store, app, background work and listener. Port 0 takes a free one, and the default public
 * URL follows it.
 */
export async function serve(configured: Settings, parts: { clock: Clock; log: Logger }) {
  const listener = createServer({
    requestTimeout: 60_000,
    headersTimeout: 20_000,
    keepAliveTimeout: 65_000,
    // Looks for overdue requests this often; Node's own 30 s would more than double those limits.
    connectionsCheckingInterval: 5000,
  });
  const settings = configured.port === 0 ? await onFreePort(listener, configured) : configured;
  const domain = await openDomain(settings, parts);
  try {
    const { app } = await createApp(domain);
    listener.on('request', app.callback());
    if (!listener.listening) await listen(listener, settings);
    domain.startBackground();
    return {
      /** The public URL. */
      url: settings.url,
      /** Whether the store was empty, and so made at this start. */
      storeIsNew: domain.store.isNew,
      /** A one-time link that makes the first admin, while there is none. */
      firstAdminLink: await domain.invitations.firstAdminLink(),
      /** Ends what runs, then closes the store. */
      async stop(): Promise<void> {
        await close(listener);
        await domain.close();
      },
    };
  } catch (error) {
    listener.close();
    await domain.close();
    throw error;
  }
}

async function onFreePort(listener: Server, settings: Settings): Promise<Settings> {
  await listen(listener, settings);
  const { port } = listener.address() as AddressInfo;
  const url = new URL(settings.url);
  if (url.port === '0') url.port = String(port);
  return { ...settings, port, url: url.origin };
}

async function listen(listener: Server, { port, host }: Settings): Promise<void> {
  listener.listen(port, host);
  await once(listener, 'listening');
}

/** Takes nothing new, lets running requests finish, and drops each connection as it falls idle. */
async function close(listener: Server): Promise<void> {
  const idle = setInterval(() => listener.closeIdleConnections(), 50);
  const hard = setTimeout(() => listener.closeAllConnections(), STOP_SECONDS * 1000);
  await once(listener.close(), 'close');
  clearInterval(idle);
  clearTimeout(hard);
}
