import { z } from 'zod';
import { declare } from '../../adapters/port.ts';

/**
 * An authorization request of ours to an identity provider (OpenID Connect Core section 3.1.2.1): the browser went
 * there and has not come back yet.
 */
export const authorizationRequestSchema = z.strictObject({
  /** SHA-256 of the secret in the browser's cookie. */
  id: z.string(),
  issuer: z.string(),
  /** What it is for: signing in, proving oneself again, or linking the account elsewhere. */
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

export type AuthorizationRequest = z.infer<typeof authorizationRequestSchema>;

export const authorizationRequestDeclaration = declare<AuthorizationRequest>({
  name: 'authorization_requests',
  schema: authorizationRequestSchema,
  indexes: [['expiresAt']],
});

/**
 * Somebody who came back with an e-mail address that belongs to an account here, and must show its password
 * once.
 */
export const pendingLinkSchema = z.strictObject({
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
});
