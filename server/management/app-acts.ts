import type { CutOffs } from '../access/cut-offs.ts';
import type { Grants } from '../access/grants.ts';
import type { Apps } from '../credentials/apps.ts';
import type { Client } from '../credentials/client.ts';
import type { AppGrant } from './app-list.ts';
import { nothingToDo } from './nothing-to-do.ts';
import type { Manager } from './reason.ts';

/** What an admin can do to an app. */
export type AppAct = (typeof APP_ACTS)[number];

export const APP_ACTS = ['cut-off', 'delete'] as const;

type Parts = {
  apps: Pick<Apps, 'remove'>;
  grants: Pick<Grants, 'revoke'>;
  cutOffs: Pick<CutOffs, 'cutOff'>;
};

/** What is done to an app by somebody else than who registered it; they and whoever let it in can read why. */
export function createAppActs(parts: Parts) {
  const { apps, grants, cutOffs } = parts;

  return {
    /** Does it, and answers whether it is over: of an app of many people it takes a while. Throws Problem 409. */
    async do(act: AppAct, app: Client, manager: Manager): Promise<'done' | 'going on'> {
      if (act === 'delete') {
        if (!(await apps.remove(app, manager))) throw deletedAlready();
        return 'done';
      }
      const state = await cutOffs.cutOff(app, manager);
      if (state === undefined) throw deletedAlready();
      return state;
    },

    /** Cuts an app off from one account: whatever it allowed the app, in any browser. Throws Problem 404 and 409. */
    async endGrant({ accountId, grantId }: AppGrant, manager: Manager): Promise<void> {
      if (!(await grants.revoke({ accountId, grantId }, manager)))
        throw nothingToDo('This app is cut off from the account already.');
    },
  };
}

function deletedAlready() {
  return nothingToDo('This app is deleted already.');
}
