import { z } from 'zod';
import { declare, type Where } from '../../adapters/port.ts';
import { pendingEffects } from '../effects/effects.ts';
import { actorSchema } from '../ground/actor.ts';
import { Problem } from '../ground/errors.ts';
import { metadataSchema } from '../ground/metadata.ts';

/**
 * A person. An account is only ever made for an e-mail address that was proved (followed link, federated
 * identity with a verified e-mail, or the operator's word), so there is no unverified account to take over.
 */
const accountSchema = z.strictObject({
  /** `acc_` and 20 base62 characters; the `sub` of ID tokens. */
  id: z.string(),
  /** As its owner writes it. */
  email: z.string(),
  /** As it is compared: see email.ts. Unique. */
  emailKey: z.string(),
  /** What the person wants to be called, which apps with the scope `profile` are told; absent where nobody said. */
  name: z.string().optional(),
  /** PHC string of argon2id; absent for people who only sign in elsewhere. */
  passwordHash: z.string().optional(),
  admin: z.boolean(),
  /** What an app that signs its users in by itself knows this one by: of one account, for ever. Unique. */
  externalId: z.string().optional(),
  /** The service that vouched for the e-mail address when the account was made, by a portal link. */
  vouchedBy: z.string().optional(),
  /** What the owner of the app notes of it, see ground/metadata.ts. */
  metadata: metadataSchema.optional(),
  createdAt: z.number(),
  /** When the name was last changed: the claim `updated_at` (OpenID Connect Core section 5.1), else `createdAt`. */
  updatedAt: z.number().optional(),
  /** While present, nothing of this account works: no sign-in, no credential. */
  suspendedAt: z.number().optional(),
  /**
   * Counts what ends all that was proved before: each change of the password adds one, in the same write. A
   * session, and whoever makes a credential, must have been let in under the number that stands here.
   */
  securityVersion: z.number().optional(),
  /** While present, all that acts for this account is to be revoked: since a reset of then, see access/resets.ts. */
  revokeAllAt: z.number().optional(),
  /** The same since its owner wanted all access ended, see access/endings.ts; ways to sign in stay. */
  endAccessAt: z.number().optional(),
  /** While present, it is being deleted: since then, and by whom, see access/removal.ts. */
  removalAt: z.number().optional(),
  removalBy: actorSchema.optional(),
  ...pendingEffects,
});

export type Account = z.infer<typeof accountSchema>;

export const accountDeclaration = declare<Account>({
  name: 'accounts',
  schema: accountSchema,
  unique: ['emailKey', 'externalId'],
  indexes: [
    ['createdAt'],
    // The few among all: who is to be told, and that the last admin stays one, is asked for while somebody waits.
    ['admin', 'createdAt'],
    ['suspendedAt'],
    ['pendingAt'],
    ['revokeAllAt'],
    ['endAccessAt'],
    ['removalAt'],
  ],
});

/** A way to sign in that another OpenID provider vouches for. Found by issuer and subject, never by e-mail. */
const identitySchema = z.strictObject({
  /** SHA-256 of issuer (as identities.ts spells it), newline, subject, base64url. */
  id: z.string(),
  accountId: z.string(),
  issuer: z.string(),
  subject: z.string(),
  /** What the issuer said when it was linked; for display only. */
  email: z.string(),
  createdAt: z.number(),
  lastUsedAt: z.number().optional(),
  ...pendingEffects,
});

export type Identity = z.infer<typeof identitySchema>;

export const identityDeclaration = declare<Identity>({
  name: 'identities',
  schema: identitySchema,
  indexes: [['accountId'], ['pendingAt']],
});

export type ActiveAccount = Account & { suspendedAt?: undefined };

/** Whether anything of this account works: it is there and not suspended. */
export function isActive(account: Account | undefined): account is ActiveAccount {
  return account !== undefined && account.suspendedAt === undefined;
}

/** The same as a condition on rows. */
export const ACTIVE_ONLY = [['suspendedAt', 'absent']] as const satisfies Where<Account>;

/** Admins who can sign in, as a condition on rows. */
export const ACTIVE_ADMINS = [['admin', '=', true], ...ACTIVE_ONLY] as const satisfies Where<Account>;

/** Throws Problem 403 where an account is suspended. Every way to sign in goes through it. */
export function requireActive(account: Account): void {
  if (isActive(account)) return;
  throw new Problem({
    status: 403,
    code: 'ACCOUNT_SUSPENDED',
    message: 'This account is suspended.',
    hint: 'Ask the people who run this site why, and to restore it.',
  });
}
