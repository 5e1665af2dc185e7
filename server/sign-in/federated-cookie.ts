import type { Context } from 'koa';
import type { Collection } from '../../adapters/port.ts';
import type { AuthorizationRequest, PendingLink } from '../accounts/authorization-requests.ts';
import type { Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import { hashOf, newLinkToken } from '../ground/opaque.ts';
import type { Settings } from '../ground/settings.ts';
import { MINUTE_SECONDS } from '../ground/time.ts';
import type { Departure } from './identity-provider.ts';

/** Time to type a password and a second factor at the provider, or a password here. */
const WAIT_SECONDS = 10 * MINUTE_SECONDS;

export type FederatedSignIns = ReturnType<typeof createFederatedSignIns>;

/**
 * What a federated sign-in must remember between two visits of a browser. The browser itself keeps one opaque
 * cookie: what came back is good only in the browser that left, and once (GHSA-x445-f3h2-j279).
 */
export function createFederatedSignIns(parts: {
  authorizationRequests: Collection<AuthorizationRequest>;
  pendingLinks: Collection<PendingLink>;
  clock: Clock;
  settings: Pick<Settings, 'production'>;
}) {
  const { authorizationRequests, pendingLinks, clock, settings } = parts;
  const cookieName = `${settings.production ? '__Host-' : ''}latchkey_federated`;

  // Written by hand: Koa refuses a Secure cookie where it cannot see the TLS of the proxy in front.
  function setCookie(ctx: Context, value: string, maxAgeSeconds: number): void {
    const secure = settings.production ? '; Secure' : '';
    ctx.append(
      'Set-Cookie',
      `${cookieName}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}${secure}`,
    );
  }

  function idFrom(ctx: Context): string {
    return hashOf(ctx.cookies.get(cookieName, { signed: false }) ?? '');
  }

  return {
    /** Notes that this browser leaves. */
    async depart(
      ctx: Context,
      departure: Departure,
      purpose: Pick<AuthorizationRequest, 'issuer' | 'mode' | 'accountId' | 'returnTo'>,
    ): Promise<void> {
      const { token, hash } = newLinkToken();
      const { state, nonce, verifier } = departure;
      const now = clock();
      await authorizationRequests.insert({
        ...purpose,
        id: hash,
        stateHash: hashOf(state),
        nonce,
        verifier,
        createdAt: now,
        expiresAt: now + WAIT_SECONDS,
      });
      setCookie(ctx, token, WAIT_SECONDS);
    },

    /**
     * What this browser left for, if `state` is the one it left with. Found once; the cookie goes with it.
     */
    async arrive(ctx: Context, state: string, issuer: string): Promise<AuthorizationRequest> {
      const row = await authorizationRequests.get(idFrom(ctx));
      const fits = row !== undefined && row.expiresAt > clock() && row.issuer === issuer;
      if (!fits || row.stateHash !== hashOf(state)) throw tooOld();
      if (!(await authorizationRequests.remove(row.id))) throw tooOld();
      setCookie(ctx, '', 0);
      return row;
    },

    /** Notes what waits for a password of this browser. */
    async await(ctx: Context, link: Omit<PendingLink, 'id' | 'expiresAt'>): Promise<void> {
      const { token, hash } = newLinkToken();
      await pendingLinks.insert({ ...link, id: hash, expiresAt: clock() + WAIT_SECONDS });
      setCookie(ctx, token, WAIT_SECONDS);
    },

    /** The link that waits for a password of this browser. */
    async waiting(ctx: Context): Promise<PendingLink> {
      const row = await pendingLinks.get(idFrom(ctx));
      if (row === undefined || row.expiresAt <= clock()) throw tooOld();
      return row;
    },

    /** Takes the waiting link: of two requests one gets it. */
    async take(ctx: Context, link: PendingLink): Promise<void> {
      if (!(await pendingLinks.remove(link.id))) throw tooOld();
      setCookie(ctx, '', 0);
    },
  };
}

function tooOld(): Problem {
  return new Problem({
    status: 400,
    code: 'SIGN_IN_TOO_OLD',
    message: 'This sign-in is too old, was used already, or began in another browser.',
    hint: 'Go to the sign-in page and start again.',
  });
}
