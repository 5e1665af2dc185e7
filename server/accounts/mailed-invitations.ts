import { z } from 'zod';
import { type Collection, declare } from '../../adapters/port.ts';
import { invited } from '../../views/mail/invitation.ts';
import { NO_ACCOUNT } from '../activity/audit.ts';
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
import { askerFrom } from './asker-turns.ts';
import { requireEmail } from './email.ts';
import { linkBuckets, linkDead } from './mailed-links.ts';
import type { Passwords } from './passwords.ts';
import type { SignUpRules } from './sign-up-policy.ts';

/** Somebody whom the operator wants here. The mailed link proves the address, and makes the account. */
const mailedInvitationSchema = z.strictObject({
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
    invite: (email: string, actor: Actor): Promise<MailedInvitation> => invite(parts, email, actor),

    /** Has the link that an address was mailed open nothing from now on. Throws Problem where it was mailed none. */
    withdraw: (email: string, actor: Actor): Promise<MailedInvitation> => withdraw(parts, email, actor),

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
      // It may have been withdrawn while the password was hashed.
      await find(token);
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

async function invite(parts: Parts, written: string, actor: Actor): Promise<MailedInvitation> {
  const { mailedInvitations, accounts, signUpRules, effects, clock, settings } = parts;
  const { address: email, key: emailKey } = requireEmail(written);
  signUpRules.requireInvitations();
  if ((await accounts.findByEmail(email)) !== undefined) throw hasAccount(email);
  await endAll(parts, emailKey);
  const { token, hash: id } = newWrittenLinkToken();
  const createdAt = clock();
  const row = { id, email, emailKey, createdAt, expiresAt: createdAt + MAILED_INVITATION_SECONDS };
  const mail = invited(settings, { token, expiresAt: row.expiresAt });
  await effects.insert(mailedInvitations, row, {
    audit: [auditOfInvitation('invitation.made', row, actor)],
    mail: [{ to: email, queue: 'link', ...mail }],
  });
  return row;
}

async function withdraw(parts: Parts, written: string, actor: Actor): Promise<MailedInvitation> {
  const { mailedInvitations, effects, clock } = parts;
  const { address, key } = requireEmail(written);
  const now = clock();
  const open = ['expiresAt', '>', now] as const;
  const rows = await mailedInvitations.list({ where: [['emailKey', '=', key], open], limit: BATCH_ROWS });
  let withdrawn: MailedInvitation | undefined;
  for (const row of rows) {
    const audit = [auditOfInvitation('invitation.withdrawn', row, actor)];
    const change = { set: { expiresAt: now } };
    withdrawn = (await effects.update(mailedInvitations, row.id, change, [open], { audit })) ?? withdrawn;
  }
  if (withdrawn === undefined) throw notInvited(address);
  return withdrawn;
}

/** No account's history shows it: there is none yet. */
function auditOfInvitation(action: string, { id, email }: MailedInvitation, actor: Actor) {
  return { accountId: NO_ACCOUNT, actor, action, targetId: id, targetName: email };
}

async function endAll({ mailedInvitations }: Parts, emailKey: string): Promise<void> {
  while ((await mailedInvitations.removeMany([['emailKey', '=', emailKey]], BATCH_ROWS)) === BATCH_ROWS);
}

function notInvited(email: string): Problem {
  return new Problem({
    status: 404,
    code: 'NOT_FOUND',
    message: `${email} has no open invitation.`,
    hint: 'Look at those that are open: “latchkey accounts invitations” lists them. Who has made an account already is suspended or deleted instead.',
    parameter: 'email',
  });
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
