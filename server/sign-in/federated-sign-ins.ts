import type { Context } from 'koa';
import { z } from 'zod';
import { type Collection, declare } from '../../adapters/port.ts';
import { newLinkToken } from '../accounts/link-token.ts';
import type { Clock } from '../clock.ts';
import { hashOf } from '../credentials/format.ts';
import { Problem } from '../errors.ts';
import type { Settings } from '../settings.ts';
import type { Departure } from './google.ts';

/** A browser that went to the provider and has not come back yet. */
export const departureSchema = z.strictObject({
  /** SHA-256 of the secret in the browser's cookie. */
  id: z.string(),
  issuer: z.string(),
  /** What the trip is for: signing in, proving oneself again, or linking the account elsewhere. */
  mode: z.enum(['sign-in', 'fresh', 'link']),
  /** Whose sign-in is to be renewed, or who links. */
  accountId: z.string().optional(),
  stateHash: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  /** A path on this site. */
  returnTo: z.string(),
  createdAt: z.number(),
  expiresAt: z.number(),
});

export type DepartureRow = z.infer<typeof departureSchema>;

export const departureDeclaration = declare<DepartureRow>({
  name: 'federated_sign_ins',
  schema: departureSchema,
  indexes: [['expiresAt']],
});

/**
 * Somebody who came back with an e-mail address that belongs to an account here, and must show its password
 * once.
 */
export const waitingLinkSchema = z.strictObject({
  /** SHA-256 of the secret in the browser's cookie. */
  id: z.string(),
  accountId: z.string(),
  issuer: z.string(),
  subject: z.string(),
  email: z.string(),
  returnTo: z.string(),
  expiresAt: z.number(),
});

export type WaitingLink = z.infer<typeof waitingLinkSchema>;

export const waitingLinkDeclaration = declare<WaitingLink>({
  name: 'waiting_links',
  schema: waitingLinkSchema,
  indexes: [['expiresAt']],
});

/** Time to type a password and a second factor at the provider, or a password here. */
const WAIT_SECONDS = 10 * 60;

export type FederatedSignIns = ReturnType<typeof createFederatedSignIns>;

/**
 * What a federated sign-in must remember between two visits of a browser. The browser itself keeps one opaque
 * cookie: what came back is good only in the browser that left, and once (GHSA-x445-f3h2-j279).
 */
export function createFederatedSignIns(parts: {
  departures: Collection<DepartureRow>;
  waitingLinks: Collection<WaitingLink>;
  clock: Clock;
  settings: Pick<Settings, 'production'>;
}) {
  const { departures, waitingLinks, clock, settings } = parts;
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
      purpose: Pick<DepartureRow, 'issuer' | 'mode' | 'accountId' | 'returnTo'>,
    ): Promise<void> {
      const { token, hash } = newLinkToken();
      const { state, nonce, verifier } = departure;
      const now = clock();
      await departures.insert({
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
    async arrive(ctx: Context, state: string, issuer: string): Promise<DepartureRow> {
      const row = await departures.get(idFrom(ctx));
      const fits = row !== undefined && row.expiresAt > clock() && row.issuer === issuer;
      if (!fits || row.stateHash !== hashOf(state)) throw tooOld();
      if (!(await departures.remove(row.id))) throw tooOld();
      setCookie(ctx, '', 0);
      return row;
    },

    /** Notes what waits for a password of this browser. */
    async await(ctx: Context, link: Omit<WaitingLink, 'id' | 'expiresAt'>): Promise<void> {
      const { token, hash } = newLinkToken();
      await waitingLinks.insert({ ...link, id: hash, expiresAt: clock() + WAIT_SECONDS });
      setCookie(ctx, token, WAIT_SECONDS);
    },

    /** The link that waits for a password of this browser. */
    async waiting(ctx: Context): Promise<WaitingLink> {
      const row = await waitingLinks.get(idFrom(ctx));
      if (row === undefined || row.expiresAt <= clock()) throw tooOld();
      return row;
    },

    /** Takes the waiting link: of two requests one gets it. */
    async take(ctx: Context, link: WaitingLink): Promise<void> {
      if (!(await waitingLinks.remove(link.id))) throw tooOld();
      setCookie(ctx, '', 0);
    },
  };
}

function tooOld(): Problem {
  return new Problem({
    status: 400,
    code: 'sign_in_too_old',
    message: 'This sign-in is too old, was used already, or began in another browser.',
    hint: 'Go to the sign-in page and start again.',
  });
}
