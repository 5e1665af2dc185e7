import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { PasswordCost } from './accounts/passwords.ts';
import { createApp } from './app.ts';
import { type Domain, openDomain } from './domain.ts';
import type { Clock } from './ground/clock.ts';
import { STOP_SECONDS_MAX } from './ground/limits.ts';
import type { Settings } from './ground/settings.ts';
import { createListener, type Listener } from './http/listener.ts';

/** Those who stop servers wait for ten seconds and less before they kill them. */
const STOP_MS_MAX = 1000 * STOP_SECONDS_MAX;

/**
 * A whole server: store, app, background work and listener. Port 0 takes a free one, and the default public
 * URL follows it.
 */
export async function serve(
  configured: Settings,
  parts: { clock: Clock; log: Logger; passwordCost?: PasswordCost },
) {
  const listener = createListener(parts.log);
  const settings = configured.port === 0 ? await onFreePort(listener, configured) : configured;
  const domain = await openDomain(settings, parts);
  try {
    const { app } = await createApp(domain);
    listener.handle(app.callback());
    if (!listener.server.listening) await listener.listen(settings);
    domain.startBackground();
    for (const warning of domain.declarations.warnings) parts.log.warn(warning);
    return {
      /** The public URL. */
      url: settings.url,
      /** Where it really listens, which a proxy may stand before. */
      address: { host: settings.host, port: portOf(listener) },
      /** Whether the store was empty, and so made at this start. */
      storeIsNew: domain.store.isNew,
      /** A one-time link that makes the first admin, while there is none. */
      firstAdminLink: await domain.invitations.firstAdminLink(),
      /** Ends what runs, then closes the store, in five seconds at most. */
      async stop(): Promise<void> {
        const ended = end(listener, domain).then(() => true);
        const inTime = await Promise.race([ended, delay(STOP_MS_MAX, false, { ref: false })]);
        // Nothing that was confirmed is lost by it, as by no kill.
        if (!inTime) parts.log.warn('stopped before all work had ended');
      },
    };
  } catch (error) {
    listener.server.close();
    await domain.close();
    throw error;
  }
}

async function end(listener: Listener, domain: Domain): Promise<void> {
  await Promise.all([listener.close(), domain.stopBackground()]);
  await domain.close();
}

async function onFreePort(listener: Listener, settings: Settings): Promise<Settings> {
  await listener.listen(settings);
  const port = portOf(listener);
  const url = new URL(settings.url);
  if (url.port === '0') url.port = String(port);
  return { ...settings, port, url: url.origin };
}

function portOf({ server }: Listener): number {
  return (server.address() as AddressInfo).port;
}
