import type { Collection, Where } from '../../adapters/port.ts';
import { ACTIVE_ADMINS, type Account } from '../accounts/account.ts';
import { type Accounts, auditOf } from '../accounts/accounts.ts';
import { type Client, clientsOf, eachClient } from '../credentials/client.ts';
import { isAdmin } from '../credentials/scopes.ts';
import type { Effects } from '../effects/effects.ts';
import type { Actor } from '../ground/actor.ts';
import { Problem } from '../ground/errors.ts';

type Parts = {
  accountRows: Collection<Account>;
  accounts: Pick<Accounts, 'suspend' | 'restore'>;
  clients: Collection<Client>;
  effects: Effects;
};

export type Admins = ReturnType<typeof createAdmins>;

/** Who may act for the whole app. There always is somebody: the last admin stays one. */
export function createAdmins(parts: Parts) {
  const { accountRows, effects } = parts;

  return {
    /**
     * Makes an admin an ordinary account, and signs it out everywhere; undefined where it is none. Throws Problem 409
     * for the last admin, and while services of theirs reach further than an ordinary account may.
     */
    async demote(account: Account, actor: Actor): Promise<Account | undefined> {
      await requireDispensable(parts, account);
      const changed = await effects.update(
        accountRows,
        account.id,
        { set: { admin: false }, add: { securityVersion: 1 } },
        [['admin', '=', true]],
        auditOf(account, 'account.demoted', actor),
      );
      if (changed === undefined) return undefined;
      try {
        // Two who demote each other at the same moment both find nobody left, and both take it back.
        await requireDispensable(parts, account);
      } catch (error) {
        const back = { set: { admin: true } };
        const audit = auditOf(account, 'account.promoted', { kind: 'system' });
        await effects.update(accountRows, account.id, back, [['admin', '=', false]], audit);
        throw error;
      }
      return changed;
    },

    /** Suspends an account, as accounts.suspend does. Throws Problem 409 for the last admin. */
    async suspend(account: Account, actor: Actor): Promise<Account | undefined> {
      await requireOther(parts, account);
      const changed = await parts.accounts.suspend(account.id, actor);
      if (changed === undefined) return undefined;
      try {
        // As above: of two who suspend each other at the same moment both stay.
        await requireOther(parts, account);
      } catch (error) {
        await parts.accounts.restore(account.id, { kind: 'system' });
        throw error;
      }
      return changed;
    },

    /** Throws Problem 409 where this account is the only admin that can sign in. */
    requireOther: (account: Account): Promise<void> => requireOther(parts, account),
  };
}

async function requireDispensable(parts: Parts, account: Account): Promise<void> {
  if (!account.admin) return;
  await requireOther(parts, account);
  await requireNoServices(parts, account);
}

async function requireOther({ accountRows }: Parts, account: Account): Promise<void> {
  if (!account.admin) return;
  const others: Where<Account> = [...ACTIVE_ADMINS, ['id', '!=', account.id]];
  if ((await accountRows.count(others)) === 0) throw lastAdmin();
}

/** A service that an admin made goes on reaching the whole app whoever its owner is by then. */
async function requireNoServices({ clients }: Parts, account: Account): Promise<void> {
  const far: Client[] = [];
  for await (const one of eachClient(clients, clientsOf('service', account.id))) {
    if (one.actsFor === 'app' || one.resourceServer || isAdmin(one.scopes)) far.push(one);
  }
  if (far.length === 0) return;
  throw new Problem({
    status: 409,
    code: 'ADMINS_ONLY',
    message: `${account.email} has services that only an admin may have: ${far.map(({ name, id }) => `${name} (${id})`).join(', ')}.`,
    hint: 'Revoke them first, on the page of each or with: latchkey services revoke ID.',
  });
}

function lastAdmin(): Problem {
  return new Problem({
    status: 409,
    code: 'LAST_ADMIN',
    message: 'This is the last admin who can sign in.',
    hint: 'Make another one first, with: latchkey accounts promote E-MAIL.',
  });
}
