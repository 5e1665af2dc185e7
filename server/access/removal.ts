import type { Collection } from '../../adapters/port.ts';
import { accountDeleted } from '../../views/mail/access.ts';
import type { Account } from '../accounts/account.ts';
import { auditOf } from '../accounts/accounts.ts';
import type { Identities } from '../accounts/identities.ts';
import type { Apps } from '../credentials/apps.ts';
import type { Services } from '../credentials/services.ts';
import type { Tokens } from '../credentials/tokens.ts';
import type { Effects } from '../effects/effects.ts';
import { type Actor, originOf } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';
import type { Admins } from './admins.ts';
import type { Grants } from './grants.ts';
import type { KnownDevices } from './known-devices.ts';
import type { SessionList } from './session-list.ts';

type Parts = {
  accountRows: Collection<Account>;
  admins: Pick<Admins, 'requireOther'>;
  sessions: Pick<SessionList, 'endAll'>;
  knownDevices: Pick<KnownDevices, 'removeAll'>;
  identities: Pick<Identities, 'removeAll'>;
  tokens: Pick<Tokens, 'revokeAll'>;
  services: Pick<Services, 'revokeAll'>;
  apps: Pick<Apps, 'removeAll'>;
  grants: Pick<Grants, 'revokeAll'>;
  effects: Effects;
  clock: Clock;
  settings: Pick<Settings, 'appName' | 'url'>;
};

export type Removal = ReturnType<typeof createRemoval>;

/** Deletes accounts, with all that acts in their name. What they did stays in audit and activity. */
export function createRemoval(parts: Parts) {
  const { accountRows, admins, effects, clock, settings } = parts;

  return {
    /**
     * Ends everything of an account and removes it: the e-mail address is free again. Cut short, it leaves the account
     * suspended, and can be done again. Who does it themselves gets a mail. Throws Problem 409 for the last admin.
     */
    async remove(account: Account, actor: Actor): Promise<void> {
      const { id, email } = account;
      await admins.requireOther(account);
      // This one write decides: from here on nothing of the account works, and what is made meanwhile is undone.
      const change = { set: { suspendedAt: clock() }, add: { securityVersion: 1 } };
      await effects.update(accountRows, id, change, [], auditOf(account, 'account.deleted', actor));
      // Of two admins who are deleted at the same moment, each finds the other gone: both stay.
      await admins.requireOther(account).catch(async (error: unknown) => {
        const back = { set: { suspendedAt: account.suspendedAt } };
        const audit = auditOf(account, 'account.restored', { kind: 'system' });
        await effects.update(accountRows, id, back, [], audit);
        throw error;
      });
      // Told only now: one that stays was not deleted.
      const written = accountDeleted(settings, { deletedAt: clock(), from: originOf(actor) });
      const mail = actor.kind === 'account' ? [{ to: email, ...written }] : [];
      await effects.update(accountRows, id, { set: { suspendedAt: clock() } }, [], { mail });
      await endAll(parts, id, actor);
      // A row that still carries what tells of its end would take that with it: the sweep delivers it.
      if (!(await accountRows.remove(id, [['pendingId', 'absent']]))) throw notYet(email);
    },
  };
}

async function endAll(parts: Parts, accountId: string, actor: Actor): Promise<void> {
  await parts.sessions.endAll(accountId);
  await parts.knownDevices.removeAll(accountId);
  await parts.identities.removeAll(accountId, actor);
  await parts.tokens.revokeAll(accountId, actor);
  await parts.services.revokeAll(accountId, actor);
  await parts.apps.removeAll(accountId, actor);
  await parts.grants.revokeAll(accountId, actor);
}

function notYet(email: string): Problem {
  return new Problem({
    status: 409,
    code: 'CHANGED_MEANWHILE',
    message: `${email} is cut off, but its row could not be removed now.`,
    hint: 'Try again in a minute.',
  });
}
