import type { Collection } from '../../adapters/port.ts';
import { appChanged } from '../../views/mail/apps.ts';
import type { Grants } from '../access/grants.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { Apps } from '../credentials/apps.ts';
import { type Client, isLiveClient } from '../credentials/client.ts';
import { auditEntry, mailToOwner } from '../credentials/owner.ts';
import type { Effects } from '../effects/effects.ts';
import { originOf } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import type { Settings } from '../ground/settings.ts';
import type { AppGrant } from './app-list.ts';
import { nothingToDo } from './nothing-to-do.ts';
import type { Manager } from './reason.ts';

/** What an admin can do to an app. */
export type AppAct = (typeof APP_ACTS)[number];

export const APP_ACTS = ['cut-off', 'delete'] as const;

type Parts = {
  clients: Collection<Client>;
  accounts: Pick<Accounts, 'get'>;
  apps: Pick<Apps, 'remove'>;
  grants: Pick<Grants, 'revoke' | 'revokeOfClient'>;
  effects: Effects;
  clock: Clock;
  settings: Pick<Settings, 'appName' | 'url'>;
};

/** What is done to an app by somebody else than who registered it; they and whoever let it in can read why. */
export function createAppActs(parts: Parts) {
  const { apps, grants } = parts;

  return {
    /** Does it. Throws Problem 409 where there is nothing to do. */
    async do(act: AppAct, app: Client, manager: Manager): Promise<void> {
      if (!isLiveClient(app)) throw nothingToDo('This app is deleted already.');
      if (act === 'cut-off') return cutOff(parts, app, manager);
      if (!(await apps.remove(app, manager))) throw nothingToDo('This app is deleted already.');
    },

    /** Cuts an app off from one account: whatever it allowed the app, in any browser. Throws Problem 404 and 409. */
    async endGrant({ accountId, grantId }: AppGrant, manager: Manager): Promise<void> {
      if (!(await grants.revoke({ accountId, grantId }, manager)))
        throw nothingToDo('This app is cut off from the account already.');
    },
  };
}

/** Ends what everybody allowed the app. Who let it in finds that in their activity, its owner in theirs. */
async function cutOff(parts: Parts, app: Client, manager: Manager): Promise<void> {
  const { clients, accounts, effects, grants, clock, settings } = parts;
  const mail = appChanged(settings, { what: 'cut off', ...app, at: clock(), from: originOf(manager) });
  const caused = {
    audit: [auditEntry('app.cut_off', app, manager)],
    mail: await mailToOwner(accounts, app.accountId, mail),
  };
  // First on record: an app of many people takes a while, and a process may die meanwhile.
  const changed = await effects.update(clients, app.id, {}, [['revokedAt', 'absent']], caused);
  if (changed === undefined) throw nothingToDo('This app is deleted already.');
  await grants.revokeOfClient(app.id, manager);
}
