import { z } from 'zod';
import { type Collection, declare } from '../../adapters/port.ts';
import { CLOCKS_APART_SECONDS, type Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import { hashOf, newLinkToken } from '../ground/opaque.ts';
import { MINUTE_SECONDS } from '../ground/time.ts';

/**
 * An authorization request of ours to an identity provider (OpenID Connect Core section 3.1.2.1): the browser went
 * there and has not come back yet.
 */
const authorizationRequestSchema = z.strictObject({
  /** SHA-256 of the secret in the browser's cookie. */
  id: z.string(),
  issuer: z.string(),
  /** What it is for: signing in, proving oneself again, or linking the account elsewhere. */
  mode: z.enum(['sign-in', 'fresh', 'link']),
  /** Whose sign-in is to be renewed, or who links. */
  accountId: z.string().optional(),
  /** The provider was told to have the person prove themselves, and only a sign-in since then is an answer. */
  fresh: z.boolean().optional(),
  stateHash: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  /** A path on this site. */
  returnTo: z.string(),
  /** When a response to it came; a second one is none. */
  usedAt: z.number().optional(),
  createdAt: z.number(),
  expiresAt: z.number(),
});

export type AuthorizationRequest = z.infer<typeof authorizationRequestSchema>;

export const authorizationRequestDeclaration = declare<AuthorizationRequest>({
  name: 'authorization_requests',
  schema: authorizationRequestSchema,
  indexes: [['expiresAt']],
  expires: { expiresAt: CLOCKS_APART_SECONDS },
});

/** Somebody who came back with the e-mail address of an account here, and must show its password once. */
const pendingLinkSchema = z.strictObject({
  /** SHA-256 of the secret in the browser's cookie. */
  id: z.string(),
  accountId: z.string(),
  issuer: z.string(),
  subject: z.string(),
  email: z.string(),
  returnTo: z.string(),
  expiresAt: z.number(),
});

export type PendingLink = z.infer<typeof pendingLinkSchema>;

export const pendingLinkDeclaration = declare<PendingLink>({
  name: 'pending_links',
  schema: pendingLinkSchema,
  indexes: [['expiresAt']],
  expires: { expiresAt: CLOCKS_APART_SECONDS },
});

/** Time to type a password and a second factor at the provider, or a password here. */
export const WAIT_SECONDS = 10 * MINUTE_SECONDS;

const UNUSED = [['usedAt', 'absent']] as const;

export type AuthorizationRequests = ReturnType<typeof createAuthorizationRequests>;

/**
 * What a federated sign-in must remember between two visits of a browser. The browser itself has one opaque
 * token: a response is good only in the browser that made the request, and once (GHSA-x445-f3h2-j279).
 */
export function createAuthorizationRequests(parts: {
  authorizationRequests: Collection<AuthorizationRequest>;
  pendingLinks: Collection<PendingLink>;
  clock: Clock;
}) {
  const { authorizationRequests, pendingLinks, clock } = parts;

  return {
    /** Adds a request before the browser goes to the provider with it. Answers the browser's token. */
    async add(
      request: Omit<AuthorizationRequest, 'id' | 'stateHash' | 'createdAt' | 'expiresAt'> & { state: string },
    ): Promise<string> {
      const { token, hash } = newLinkToken();
      const { state, ...row } = request;
      const createdAt = clock();
      const times = { createdAt, expiresAt: createdAt + WAIT_SECONDS };
      await authorizationRequests.insert({ ...row, ...times, id: hash, stateHash: hashOf(state) });
      return token;
    },

    /** The request of this browser, used or not, if the response has its `state`. */
    async find(
      token: string,
      response: { state: string; issuer: string },
    ): Promise<AuthorizationRequest | undefined> {
      const row = await authorizationRequests.get(hashOf(token));
      const fits = row !== undefined && row.expiresAt > clock() && row.issuer === response.issuer;
      return fits && row.stateHash === hashOf(response.state) ? row : undefined;
    },

    /** Whether this response is the first one to it: of two at the same moment one is. */
    async take(request: AuthorizationRequest): Promise<boolean> {
      const usedAt = clock();
      return (await authorizationRequests.update(request.id, { set: { usedAt } }, UNUSED)) !== undefined;
    },

    /** Takes that back where the provider could not be asked: the same response may come again. */
    async giveBack(request: AuthorizationRequest): Promise<void> {
      await authorizationRequests.update(request.id, { unset: ['usedAt'] });
    },

    /** Adds a link that waits for the password of its account. Answers the browser's token. */
    async addLink(link: Omit<PendingLink, 'id' | 'expiresAt'>): Promise<string> {
      const { token, hash } = newLinkToken();
      await pendingLinks.insert({ ...link, id: hash, expiresAt: clock() + WAIT_SECONDS });
      return token;
    },

    /** The link that waits in this browser. Throws Problem 400. */
    async findLink(token: string): Promise<PendingLink> {
      const row = await pendingLinks.get(hashOf(token));
      if (row === undefined || row.expiresAt <= clock()) throw tooOld();
      return row;
    },

    /** Takes the waiting link: of two requests one gets it, the other a Problem 400. */
    async takeLink(link: PendingLink): Promise<void> {
      if (!(await pendingLinks.remove(link.id))) throw tooOld();
    },
  };
}

/** What came back belongs to no request that waits. */
export function tooOld(): Problem {
  return new Problem({
    status: 400,
    code: 'SIGN_IN_TOO_OLD',
    message: 'This sign-in is too old, was used already, or began in another browser.',
    hint: 'Go to the sign-in page and start again.',
  });
}
