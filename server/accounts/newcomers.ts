import type { Actor } from '../ground/actor.ts';
import { Problem } from '../ground/errors.ts';
import { newId } from '../ground/opaque.ts';
import type { Account } from './account.ts';
import type { Accounts } from './accounts.ts';
import { type Email, isNormalised, readEmail } from './email.ts';
import type { Identities, Subject } from './identities.ts';
import type { MailedInvitations } from './mailed-invitations.ts';
import type { SignUpRules } from './sign-up-policy.ts';
import type { SignUps } from './sign-ups.ts';

/** What an identity provider says of a person (OpenID Connect Core sections 2 and 5.1). */
export type IdentityClaims = Subject & {
  email: string | undefined;
  emailVerified: boolean;
  /** What the person is called there, if that is a name that can be shown here. */
  name: string | undefined;
};

type Parts = {
  accounts: Pick<Accounts, 'get' | 'create'>;
  identities: Pick<Identities, 'find' | 'link' | 'undo'>;
  signUps: Pick<SignUps, 'endAll'>;
  mailedInvitations: Pick<MailedInvitations, 'endAll'>;
  signUpRules: SignUpRules;
};

type Newcomer = { claims: IdentityClaims; email: Email; knownId: string | undefined };

export type Newcomers = ReturnType<typeof createNewcomers>;

/** Accounts for people whom an identity provider vouches for, and who have none here yet. */
export function createNewcomers(parts: Parts) {
  return {
    /**
     * Makes an account for a verified address that has none, where the rules let it have one. `knownId`: of the account
     * that the identity is linked to already, though it was not made yet. Throws Problem.
     */
    async create(wanted: Newcomer, actorOf: (accountId: string) => Actor): Promise<Account> {
      await parts.signUpRules.requireMayHave(wanted.email);
      return create(parts, wanted, actorOf);
    },
  };
}

/**
 * The identity comes first: if we die in between, the next sign-in finds it, with the id of the account that it is
 * for (`knownId`), and goes on.
 */
async function create(
  parts: Parts,
  wanted: Newcomer,
  actorOf: (accountId: string) => Actor,
): Promise<Account> {
  const { accounts, identities, signUps, mailedInvitations } = parts;
  const { claims, email, knownId } = wanted;
  const { issuer, subject } = claims;
  const id = knownId ?? newId('acc_');
  const actor = actorOf(id);
  const account = { id, email: email.address };
  if (knownId === undefined) {
    try {
      await identities.link({ issuer, subject, account, email: account.email, quiet: true }, actor);
    } catch (error) {
      // Another request of the same person was quicker.
      const linked = await identities.find(claims);
      if (linked === undefined) throw error;
      return create(parts, { ...wanted, knownId: linked.accountId }, actorOf);
    }
  }
  try {
    const created = await accounts.create({ ...account, name: claims.name, admin: false }, actor);
    await Promise.all([signUps.endAll(email.key), mailedInvitations.endAll(email.key)]);
    return created;
  } catch (error) {
    const made = await accounts.get(id);
    if (made !== undefined) return made;
    await identities.undo(claims, id);
    throw error;
  }
}

/**
 * The address that the provider verified. One that would be read as another (Unicode look-alikes) was
 * verified as that other mailbox, so it is none. Throws Problem 403.
 */
export function verifiedEmail(claims: IdentityClaims, provider: string): Email {
  const claimed = claims.email ?? '';
  const email = isNormalised(claimed) ? readEmail(claimed) : undefined;
  if (claims.emailVerified && email !== undefined) return email;
  throw new Problem({
    status: 403,
    code: 'EMAIL_NOT_VERIFIED',
    message: `${provider} did not confirm your e-mail address.`,
    hint: `Confirm it at ${provider} and try again, or sign up here with a password.`,
  });
}
