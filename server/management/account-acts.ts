import type { Collection } from '../../adapters/port.ts';
import type { Admins } from '../access/admins.ts';
import type { Endings } from '../access/endings.ts';
import type { Removal } from '../access/removal.ts';
import type { Resets } from '../access/resets.ts';
import type { SessionList } from '../access/session-list.ts';
import type { Account } from '../accounts/account.ts';
import { type Accounts, auditOf } from '../accounts/accounts.ts';
import type { Effects } from '../effects/effects.ts';
import { Problem } from '../ground/errors.ts';
import { nothingToDo } from './nothing-to-do.ts';
import type { Manager } from './reason.ts';

/** What an admin can do to an account. */
export type AccountAct = (typeof ACCOUNT_ACTS)[number];

export const ACCOUNT_ACTS = [
  'suspend',
  'restore',
  'end-sessions',
  'end-access',
  'send-reset-link',
  'promote',
  'demote',
  'delete',
] as const;

/** Those by which somebody locks themselves out. */
const LOCKING: readonly AccountAct[] = ['suspend', 'demote', 'delete'];

type Parts = {
  accounts: Pick<Accounts, 'restore' | 'promote'>;
  admins: Pick<Admins, 'demote' | 'suspend'>;
  sessionList: Pick<SessionList, 'endAll'>;
  endings: Pick<Endings, 'endAccess'>;
  resets: Pick<Resets, 'mailLinkTo'>;
  removal: Pick<Removal, 'remove'>;
  accountRows: Collection<Account>;
  effects: Effects;
};

/**
 * What is done to an account by somebody else: console, management API and (without a reason) the command line do it by
 * the same acts of the domain. All of it is in the account's own activity, with the reason.
 */
export function createAccountActs(parts: Parts) {
  const acts: Record<AccountAct, (account: Account, manager: Manager) => Promise<unknown>> = {
    async suspend(account, manager) {
      if (!(await parts.admins.suspend(account, manager)))
        throw nothingToDo(`${account.email} is suspended already.`);
    },
    async restore(account, manager) {
      if (!(await parts.accounts.restore(account.id, manager)))
        throw nothingToDo(`${account.email} is not suspended.`);
    },
    async 'end-sessions'(account, manager) {
      // This one write decides: no session of before is good from here on.
      const audit = auditOf(account, 'account.sessions_ended', manager);
      await parts.effects.update(parts.accountRows, account.id, { add: { securityVersion: 1 } }, [], audit);
      await parts.sessionList.endAll(account.id);
    },
    'end-access': (account, manager) => parts.endings.endAccess(account, manager),
    'send-reset-link': (account, manager) => parts.resets.mailLinkTo(account, manager),
    async promote(account, manager) {
      if (!(await parts.accounts.promote(account, manager)))
        throw nothingToDo(`${account.email} ${account.admin ? 'is an admin already' : 'is suspended'}.`);
    },
    async demote(account, manager) {
      if (!(await parts.admins.demote(account, manager))) throw nothingToDo(`${account.email} is no admin.`);
    },
    delete: (account, manager) => parts.removal.remove(account, manager),
  };

  return {
    /**
     * Does it. `ownId` is the account in whose name the manager acts. Throws Problem 409 where there is nothing to do, for
     * the last admin, and where somebody would lock themselves out.
     */
    async do(act: AccountAct, account: Account, manager: Manager, ownId: string | undefined): Promise<void> {
      // A person signs in again; a service is ended with the rest.
      const isLocking = LOCKING.includes(act) || (act === 'end-access' && manager.kind === 'client');
      if (account.id === ownId && isLocking) throw ownAccount();
      await acts[act](account, manager);
    },
  };
}

function ownAccount(): Problem {
  return new Problem({
    status: 409,
    code: 'OWN_ACCOUNT',
    message: 'This is the account that you act with: you would lock yourself out.',
    hint: 'Let another admin do it. Your own account is deleted on its page.',
  });
}
