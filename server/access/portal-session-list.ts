import type { Collection } from '../../adapters/port.ts';
import type { Account } from '../accounts/account.ts';
import type { Effects } from '../effects/effects.ts';
import type { Actor } from '../ground/actor.ts';
import type { PortalLinks, PortalSession } from './portal-links.ts';

type Parts = {
  portalSessions: Pick<Collection<PortalSession>, 'remove'>;
  portalLinks: Pick<PortalLinks, 'sessionsOf'>;
  accountRows: Collection<Account>;
  effects: Pick<Effects, 'update'>;
};

export type PortalSessionList = ReturnType<typeof createPortalSessionList>;

/** The sessions of an account that portal links began: for admins to see and to end. By its id nobody is signed in. */
export function createPortalSessionList({ portalSessions, portalLinks, accountRows, effects }: Parts) {
  return {
    list: portalLinks.sessionsOf,

    /** Ends one of this account, on record; false where there is none. */
    async endOneAs(actor: Actor, { accountId, id }: { accountId: string; id: string }): Promise<boolean> {
      if (!(await portalSessions.remove(id, [['accountId', '=', accountId]]))) return false;
      const audit = { accountId, actor, action: 'session.ended', targetId: id, targetName: 'Portal link' };
      await effects.update(accountRows, accountId, {}, [], { audit: [audit] });
      return true;
    },
  };
}
