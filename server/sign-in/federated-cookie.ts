import type { Context } from 'koa';
import { WAIT_SECONDS } from '../accounts/authorization-requests.ts';

export type FederatedCookie = ReturnType<typeof createFederatedCookie>;

/** The cookie that ties a browser to its authorization request, or to its link that waits for a password. */
export function createFederatedCookie(settings: { production: boolean }) {
  const name = `${settings.production ? '__Host-' : ''}latchkey_federated`;

  // Written by hand: Koa refuses a Secure cookie where it cannot see the TLS of the proxy in front.
  function write(ctx: Context, value: string, maxAgeSeconds: number): void {
    const secure = settings.production ? '; Secure' : '';
    ctx.append(
      'Set-Cookie',
      `${name}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}${secure}`,
    );
  }

  return {
    /** The browser's token, '' where it has none. */
    read: (ctx: Context): string => ctx.cookies.get(name, { signed: false }) ?? '',
    set: (ctx: Context, token: string): void => write(ctx, token, WAIT_SECONDS),
    clear: (ctx: Context): void => write(ctx, '', 0),
  };
}
