import type { Collection } from '../../adapters/port.ts';
import type { Account } from '../accounts/account.ts';
import type { Effects } from '../effects/effects.ts';
import type { Actor } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import type { PortalSession } from './portal-links.ts';

/** More than anybody opens within the hour that they last. */
const SESSIONS_LISTED_MAX = 100;

type Parts = {
  portalSessions: Collection<PortalSession>;
  accountRows: Collection<Account>;
  effects: Pick<Effects, 'update'>;
  clock: Clock;
};

export type PortalSessionList = ReturnType<typeof createPortalSessionList>;

/** The sessions of an account that portal links began: for admins to see and to end. By its id nobody is signed in. */
export function createPortalSessionList({ portalSessions, accountRows, effects, clock }: Parts) {
  return {
    async list(accountId: string): Promise<PortalSession[]> {
      const [account, rows] = await Promise.all([
        accountRows.get(accountId),
        portalSessions.list({ where: [['accountId', '=', accountId]], limit: SESSIONS_LISTED_MAX }),
      ]);
      const version = account?.securityVersion ?? 0;
      return rows.filter((row) => row.expiresAt > clock() && row.securityVersion === version);
    },

    /** Ends one of this account, on record; false where there is none. */
    async endOneAs(actor: Actor, { accountId, id }: { accountId: string; id: string }): Promise<boolean> {
      if (!(await portalSessions.remove(id, [['accountId', '=', accountId]]))) return false;
      const audit = { accountId, actor, action: 'session.ended', targetId: id, targetName: 'Portal link' };
      await effects.update(accountRows, accountId, {}, [], { audit: [audit] });
      return true;
    },
  };
}
