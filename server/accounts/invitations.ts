import { z } from 'zod';
import { type Collection, declare } from '../../adapters/port.ts';
import type { Actor } from '../ground/actor.ts';
import { type Clock, isWithin } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import { INVITATION_SECONDS } from '../ground/limits.ts';
import { hashOf, isWholeLinkToken, newWrittenLinkToken } from '../ground/opaque.ts';
import type { Settings } from '../ground/settings.ts';
import { HOUR_SECONDS } from '../ground/time.ts';
import type { Account } from './account.ts';
import type { Accounts } from './accounts.ts';
import { askerFrom } from './asker-turns.ts';
import { requireEmail } from './email.ts';
import { linkDamaged } from './mailed-links.ts';
import type { Attempt } from './password-check.ts';
import type { Passwords } from './passwords.ts';
import { changedMeanwhile } from './unchanged.ts';

/** The one open invitation, which makes the first admin. One row: a new start replaces the link of the last one. */
const invitationSchema = z.strictObject({
  id: z.literal('first-admin'),
  /** SHA-256 of the secret in the link. */
  hash: z.string(),
  createdAt: z.number(),
  usedAt: z.number().optional(),
});

export type Invitation = z.infer<typeof invitationSchema>;

export const invitationDeclaration = declare<Invitation>({ name: 'invitations', schema: invitationSchema });

type Parts = {
  invitations: Collection<Invitation>;
  accounts: Pick<Accounts, 'anyAdmin' | 'checkPassword' | 'create' | 'findByEmail' | 'promote'>;
  passwords: Passwords;
  clock: Clock;
  settings: Pick<Settings, 'url'>;
};

/** How the first admin comes to be: by a link on the operator's console, so no stranger can be quicker. */
export function createInvitations(parts: Parts) {
  const { invitations, accounts, passwords, clock, settings } = parts;

  return {
    /** The link to print at this start; undefined when there is an admin. Links printed earlier die. */
    async firstAdminLink(): Promise<string | undefined> {
      if (await accounts.anyAdmin()) return undefined;
      const { token, hash } = newWrittenLinkToken();
      await invitations.put({ id: 'first-admin', hash, createdAt: clock() });
      return `${settings.url}/sign-up?invitation=${token}`;
    },

    /** Throws Problem when this is not the one link that makes the first admin, or is too old. */
    requireOpen: (token: string): Promise<void> => requireOpen(parts, token),

    /**
     * Makes the admin: a new account, or the one of this address where the password is its own. The e-mail of a
     * new one counts as proved: who reads the console runs the server. Throws Problem when the link is spent;
     * what is wrong with e-mail or password leaves it as it was.
     */
    async accept(
      wanted: { token: string; email: string; password: string; name?: string | undefined },
      actor: Actor,
    ): Promise<Account> {
      const { token, password, name } = wanted;
      const { address, key: emailKey } = requireEmail(wanted.email);
      await requireOpen(parts, token);
      if ((await accounts.findByEmail(address)) !== undefined) {
        const account = await checkOwner(parts, { email: address, password, from: actor.from ?? '' });
        return takeLink(parts, token, () => promote(parts, account, actor));
      }
      passwords.requireGood(password, { email: address });
      const passwordHash = await passwords.hash(password, askerFrom(actor.from, emailKey));
      return takeLink(parts, token, () =>
        accounts.create({ email: address, name, passwordHash, admin: true }, actor),
      );
    },

    /** Makes an admin of somebody who is signed in. Throws Problem when the link is spent. */
    async acceptAs(account: Account, token: string, actor: Actor): Promise<Account> {
      await requireOpen(parts, token);
      return takeLink(parts, token, () => promote(parts, account, actor));
    },
  };
}

async function requireOpen({ invitations, accounts, clock }: Parts, token: string): Promise<void> {
  const row = await invitations.get('first-admin');
  const isNewest = row?.hash === hashOf(token);
  if (!isNewest && !isWholeLinkToken(token)) throw linkDamaged('the console');
  if (!isNewest || row.usedAt !== undefined || (await accounts.anyAdmin())) throw spent();
  if (!isWithin(INVITATION_SECONDS - 1, row.createdAt, clock())) throw tooOld();
}

/** Takes the link, of two requests for one; while nobody became admin, it goes on working. */
async function takeLink(
  { invitations, clock }: Parts,
  token: string,
  makeAdmin: () => Promise<Account>,
): Promise<Account> {
  const isThis = ['hash', '=', hashOf(token)] as const;
  const taken = await invitations.update('first-admin', { set: { usedAt: clock() } }, [
    isThis,
    ['usedAt', 'absent'],
  ]);
  if (taken === undefined) throw spent();
  try {
    return await makeAdmin();
  } catch (error) {
    await invitations.update('first-admin', { unset: ['usedAt'] }, [isThis]);
    throw error;
  }
}

/** The account of this address, for who knows its password. */
async function checkOwner({ accounts }: Parts, attempt: Attempt): Promise<Account> {
  try {
    return await accounts.checkPassword(attempt);
  } catch (error) {
    throw error instanceof Problem && error.code === 'WRONG_CREDENTIALS' ? notItsPassword() : error;
  }
}

async function promote({ accounts }: Parts, account: Account, actor: Actor): Promise<Account> {
  const changed = await accounts.promote(account, { ...actor, id: account.id });
  if (changed === undefined) throw changedMeanwhile();
  return changed;
}

function spent(): Problem {
  return new Problem({
    status: 400,
    code: 'LINK_DEAD',
    message: 'This link was used already, or a newer one was printed.',
    hint: 'If there is an admin by now, sign in. While there is none, each start of the server prints a new link: use the newest one.',
  });
}

function tooOld(): Problem {
  return new Problem({
    status: 400,
    code: 'LINK_DEAD',
    message: `This link is too old: it is good for ${INVITATION_SECONDS / HOUR_SECONDS} hours.`,
    hint: 'Start the server again: while there is no admin, each start prints a new link.',
  });
}

function notItsPassword(): Problem {
  return new Problem({
    status: 400,
    code: 'WRONG_CREDENTIALS',
    message: 'This address has an account already, and this is not its password.',
    hint: 'Type the password of that account, or use another address.',
    parameter: 'password',
  });
}
