import { z } from 'zod';
import { type Collection, declare } from '../../adapters/port.ts';
import { invited } from '../../views/mail/invitation.ts';
import { type Effects, pendingEffects } from '../effects/effects.ts';
import type { Actor } from '../ground/actor.ts';
import { CLOCKS_APART_SECONDS, type Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import type { Limiter } from '../ground/limiter.ts';
import { MAILED_INVITATION_SECONDS } from '../ground/limits.ts';
import { hashOf, newWrittenLinkToken } from '../ground/opaque.ts';
import type { Settings } from '../ground/settings.ts';
import type { Account } from './account.ts';
import type { Accounts } from './accounts.ts';
import { requireEmail } from './email.ts';
import { linkBuckets, linkDead } from './mailed-links.ts';
import type { Passwords } from './passwords.ts';
import type { SignUpRules } from './sign-up-policy.ts';
import { askerFrom } from './turns.ts';

/** Somebody whom the operator wants here. The mailed link proves the address, and makes the account. */
export const mailedInvitationSchema = z.strictObject({
  /** SHA-256 of the secret in the mailed link. */
  id: z.string(),
  email: z.string(),
  emailKey: z.string(),
  createdAt: z.number(),
  expiresAt: z.number(),
  ...pendingEffects,
});

export type MailedInvitation = z.infer<typeof mailedInvitationSchema>;

export const mailedInvitationDeclaration = declare<MailedInvitation>({
  name: 'mailed_invitations',
  schema: mailedInvitationSchema,
  indexes: [['emailKey', 'expiresAt'], ['expiresAt'], ['pendingAt']],
  expires: { expiresAt: CLOCKS_APART_SECONDS },
});

/** So that no single statement runs long. */
const BATCH_ROWS = 500;

type Parts = {
  mailedInvitations: Collection<MailedInvitation>;
  accounts: Pick<Accounts, 'findByEmail' | 'create'>;
  signUps: { endAll(emailKey: string): Promise<void> };
  signUpRules: SignUpRules;
  effects: Effects;
  passwords: Passwords;
  limiter: Limiter;
  clock: Clock;
  settings: Pick<Settings, 'appName' | 'url'>;
};

export type MailedInvitations = ReturnType<typeof createMailedInvitations>;

/** Invitations by mail: for one address each, good for one account and for some days. */
export function createMailedInvitations(parts: Parts) {
  const { mailedInvitations, accounts, signUpRules, clock } = parts;

  /** The invitation behind a mailed link. Throws Problem when the link was used, is too old or opens nothing now. */
  async function find(token: string): Promise<MailedInvitation> {
    const row = await mailedInvitations.get(hashOf(token));
    if (row === undefined || row.expiresAt <= clock() || (await accounts.findByEmail(row.email))) {
      throw linkDead(
        'If you used it, sign in. Otherwise ask the people who run this site for a new one.',
        token,
      );
    }
    signUpRules.requireInvitations();
    return row;
  }

  return {
    find,

    /** Invites an address; links that it was mailed before end. Throws Problem where it has an account. */
    invite: (email: string): Promise<MailedInvitation> => invite(parts, email),

    /** Makes the account with this password, once, and ends the invitation. Throws Problem. */
    async accept(
      wanted: { token: string; password: string; name: string | undefined },
      actor: Actor,
    ): Promise<Account> {
      const { token, password, name } = wanted;
      const { id, email, emailKey } = await find(token);
      parts.passwords.requireGood(password, { email });
      const passwordHash = await parts.limiter.run(linkBuckets('invitation', id), () =>
        parts.passwords.hash(password, askerFrom(actor.from, emailKey)),
      );
      // The address is unique among accounts, so of two who open the link one makes it.
      const account = await accounts.create({ email, name, passwordHash, admin: false }, actor);
      await endAll(parts, emailKey);
      await parts.signUps.endAll(emailKey);
      return account;
    },

    /** Ends whatever still invites this address. */
    endAll: (emailKey: string): Promise<void> => endAll(parts, emailKey),
  };
}

async function invite(parts: Parts, written: string): Promise<MailedInvitation> {
  const { mailedInvitations, accounts, signUpRules, effects, clock, settings } = parts;
  const { address: email, key: emailKey } = requireEmail(written);
  signUpRules.requireInvitations();
  if ((await accounts.findByEmail(email)) !== undefined) throw hasAccount(email);
  await endAll(parts, emailKey);
  const { token, hash: id } = newWrittenLinkToken();
  const createdAt = clock();
  const row = { id, email, emailKey, createdAt, expiresAt: createdAt + MAILED_INVITATION_SECONDS };
  const mail = invited(settings, { token, expiresAt: row.expiresAt });
  await effects.insert(mailedInvitations, row, { mail: [{ to: email, queue: 'link', ...mail }] });
  return row;
}

async function endAll({ mailedInvitations }: Parts, emailKey: string): Promise<void> {
  while ((await mailedInvitations.removeMany([['emailKey', '=', emailKey]], BATCH_ROWS)) === BATCH_ROWS);
}

function hasAccount(email: string): Problem {
  return new Problem({
    status: 409,
    code: 'EMAIL_TAKEN',
    message: `${email} has an account already.`,
    hint: 'There is nobody to invite: they can sign in.',
    parameter: 'email',
  });
}
