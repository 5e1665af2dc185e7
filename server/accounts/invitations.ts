import { z } from 'zod';
import { type Collection, declare } from '../../adapters/port.ts';
import type { Actor } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import { hashOf, newLinkToken } from '../ground/opaque.ts';
import type { Settings } from '../ground/settings.ts';
import type { Account } from './account.ts';
import type { Accounts } from './accounts.ts';
import { requireEmail } from './email.ts';
import type { Passwords } from './passwords.ts';
import { askerFrom } from './turns.ts';

/** The one open invitation, which makes the first admin. One row: a new start replaces the link of the last one. */
export const invitationSchema = z.strictObject({
  id: z.literal('first-admin'),
  /** SHA-256 of the secret in the link. */
  hash: z.string(),
  createdAt: z.number(),
  usedAt: z.number().optional(),
});

export type Invitation = z.infer<typeof invitationSchema>;

export const invitationDeclaration = declare<Invitation>({ name: 'invitations', schema: invitationSchema });

/** How the first admin comes to be: by a link on the operator's console, so no stranger can be quicker. */
export function createInvitations(parts: {
  invitations: Collection<Invitation>;
  accounts: Pick<Accounts, 'anyAdmin' | 'create' | 'findByEmail'>;
  passwords: Passwords;
  clock: Clock;
  settings: Pick<Settings, 'url'>;
}) {
  const { invitations, accounts, passwords, clock, settings } = parts;

  async function requireOpen(token: string): Promise<void> {
    const row = await invitations.get('first-admin');
    const open = row?.hash === hashOf(token) && row.usedAt === undefined;
    if (!open || (await accounts.anyAdmin())) throw spent();
  }

  return {
    /** The link to print at this start; undefined when there is an admin. Links printed earlier die. */
    async firstAdminLink(): Promise<string | undefined> {
      if (await accounts.anyAdmin()) return undefined;
      const { token, hash } = newLinkToken();
      await invitations.put({ id: 'first-admin', hash, createdAt: clock() });
      return `${settings.url}/sign-up?invitation=${token}`;
    },

    /** Throws Problem when this is not the one link that makes the first admin. */
    requireOpen,

    /**
     * Makes the admin. Its e-mail counts as proved: who reads the console runs the server. Throws Problem
     * when the link is spent; what is wrong with e-mail or password leaves it as it was.
     */
    async accept(
      wanted: { token: string; email: string; password: string; name?: string | undefined },
      actor: Actor,
    ): Promise<Account> {
      const { address, key: emailKey } = requireEmail(wanted.email);
      passwords.requireGood(wanted.password, { email: address });
      await requireOpen(wanted.token);
      if ((await accounts.findByEmail(address)) !== undefined) throw takenByOther();
      const passwordHash = await passwords.hash(wanted.password, askerFrom(actor.from, emailKey));
      const usedAt = clock();
      const unused = [
        ['hash', '=', hashOf(wanted.token)],
        ['usedAt', 'absent'],
      ] as const;
      if ((await invitations.update('first-admin', { set: { usedAt } }, unused)) === undefined) throw spent();
      try {
        return await accounts.create({ email: address, name: wanted.name, passwordHash, admin: true }, actor);
      } catch (error) {
        // Nobody became admin, so the link goes on working.
        await invitations.update('first-admin', { unset: ['usedAt'] }, [['hash', '=', hashOf(wanted.token)]]);
        throw error;
      }
    },
  };
}

function spent(): Problem {
  return new Problem({
    status: 400,
    code: 'LINK_DEAD',
    message: 'This link was used already, or a newer one was printed.',
    hint: 'While there is no admin, each start of the server prints a new link. Use the newest one.',
  });
}

function takenByOther(): Problem {
  return new Problem({
    status: 409,
    code: 'EMAIL_TAKEN',
    message: 'This e-mail address has an ordinary account already.',
    hint: 'Use another address for the admin, or make one on the command line: accounts create --admin.',
    parameter: 'email',
  });
}
