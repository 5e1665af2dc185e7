import type { Logger } from 'pino';
import type { Collection } from '../../adapters/port.ts';
import { appChanged } from '../../views/mail/apps.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { Client } from '../credentials/client.ts';
import { auditEntry, mailToOwner } from '../credentials/owner.ts';
import type { Effects } from '../effects/effects.ts';
import { type Actor, originOf } from '../ground/actor.ts';
import { begunBefore, type Clock } from '../ground/clock.ts';
import type { Settings } from '../ground/settings.ts';
import type { Grants } from './grants.ts';
import type { LongWork } from './long-work.ts';

/** The process that began it is at work, or has died. */
const SWEEP_AGE_SECONDS = 60;
const SWEEP_APPS = 20;

type Parts = {
  apps: Collection<Client>;
  accounts: Pick<Accounts, 'get'>;
  grants: Pick<Grants, 'revokeSome'>;
  longWork: LongWork;
  effects: Effects;
  clock: Clock;
  log: Pick<Logger, 'error'>;
  settings: Pick<Settings, 'appName' | 'url'>;
};

export type CutOffs = ReturnType<typeof createCutOffs>;

/**
 * Ends what people allowed an app, which stays, or is deleted. Cut short, the app says that it is to be done, by whom and
 * why, and a sweep goes on.
 */
export function createCutOffs(parts: Parts) {
  const { apps, clock, log } = parts;

  return {
    /** Answers whether it is over by now, or undefined where the app is deleted. */
    async cutOff(app: Client, actor: Actor): Promise<'done' | 'going on' | undefined> {
      const marked = await mark(parts, app, actor);
      return marked && finish(parts, marked);
    },

    /** The same for one that says already that it is to be done. */
    finish: (app: Client): Promise<'done' | 'going on'> => finish(parts, app),

    /** One batch of what a process that died left of it; answers whether there is more. */
    async sweep(): Promise<boolean> {
      for (const due of begunBefore(SWEEP_AGE_SECONDS, clock())) {
        const where = [['cutOffAt', ...due] as const];
        const left = await apps.list({ where, order: { by: 'cutOffAt' }, limit: SWEEP_APPS });
        for (const app of left.filter(({ id }) => !parts.longWork.isUnderWay(id))) {
          try {
            if (await endSome(parts, app)) return true;
          } catch (error) {
            log.error({ id: app.id, err: error }, LATER);
          }
        }
      }
      return false;
    },
  };
}

const LATER = 'what people allowed an app is ended at the next turn';

function finish(parts: Parts, app: Client): Promise<'done' | 'going on'> {
  return parts.longWork.begin(app.id, () => endSome(parts, app), LATER);
}

/** On record, and to be done: from here on no death of a process stops it. */
async function mark(parts: Parts, app: Client, actor: Actor): Promise<Client | undefined> {
  const { apps, accounts, effects, clock, settings } = parts;
  const mail = appChanged(settings, { what: 'cut off', ...app, at: clock(), from: originOf(actor) });
  const caused = {
    audit: [auditEntry('app.cut_off', app, actor)],
    mail: await mailToOwner(accounts, app.accountId, mail),
  };
  const set = { cutOffAt: clock(), cutOffBy: actor };
  return effects.update(apps, app.id, { set }, [['revokedAt', 'absent']], caused);
}

/** Answers whether there is more; with the last of it the app no longer says so. */
async function endSome({ apps, grants }: Parts, app: Client): Promise<boolean> {
  const { id, cutOffAt = 0, cutOffBy = { kind: 'system' } } = app;
  if (await grants.revokeSome({ clientId: id }, cutOffBy)) return true;
  await apps.update(id, { unset: ['cutOffAt', 'cutOffBy'] }, [['cutOffAt', '=', cutOffAt]]);
  return false;
}
