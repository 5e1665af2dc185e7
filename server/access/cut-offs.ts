import { setTimeout as delay } from 'node:timers/promises';
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

/** A thousand people take a second. Whoever asked is told that it goes on, before a proxy gives their request up. */
const WAITED_MS = 5000;
/** The process that began it is at work, or has died. */
const SWEEP_AGE_SECONDS = 60;
const SWEEP_APPS = 20;

type Parts = {
  apps: Collection<Client>;
  accounts: Pick<Accounts, 'get'>;
  grants: Pick<Grants, 'revokeSome'>;
  effects: Effects;
  clock: Clock;
  log: Pick<Logger, 'error'>;
  settings: Pick<Settings, 'appName' | 'url'>;
};

export type CutOffs = ReturnType<typeof createCutOffs>;

/**
 * Cuts an app off from everybody: what people allowed it ends, the app stays. Cut short, the app says that it is to be
 * done, by whom and why, and a sweep goes on.
 */
export function createCutOffs(parts: Parts) {
  const { apps, clock, log } = parts;
  const underWay = new Map<string, Promise<void>>();
  let isStopping = false;

  /** Ends all that is left. Once at a time, whoever asks. */
  function finish(app: Client): Promise<void> {
    const finished =
      underWay.get(app.id) ??
      endAll(parts, app, () => isStopping).finally(() => {
        underWay.delete(app.id);
      });
    underWay.set(app.id, finished);
    return finished;
  }

  const failed = (app: string) => (error: unknown) =>
    log.error({ app, err: error }, 'what people allowed an app is ended at the next turn');

  return {
    /** Answers whether it is over by now, or undefined where the app is deleted. */
    async cutOff(app: Client, actor: Actor): Promise<'done' | 'going on' | undefined> {
      const marked = await mark(parts, app, actor);
      if (marked === undefined) return undefined;
      const finished = finish(marked).then(() => 'done' as const);
      finished.catch(failed(app.id));
      return Promise.race([finished, delay(WAITED_MS, 'going on' as const, { ref: false })]);
    },

    /** Goes on with what a process that died left of it. */
    async sweep(): Promise<void> {
      for (const due of begunBefore(SWEEP_AGE_SECONDS, clock())) {
        const where = [['cutOffAt', ...due] as const];
        const left = await apps.list({ where, order: { by: 'cutOffAt' }, limit: SWEEP_APPS });
        for (const app of left) await finish(app).catch(failed(app.id));
      }
    },

    /** Leaves the rest to the next process, or another one. */
    async stop(): Promise<void> {
      isStopping = true;
      await Promise.allSettled(underWay.values());
    },
  };
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

async function endAll({ apps, grants }: Parts, app: Client, isStopping: () => boolean): Promise<void> {
  const { id, cutOffAt = 0, cutOffBy = { kind: 'system' } } = app;
  while ((await grants.revokeSome(id, cutOffBy)) > 0) if (isStopping()) return;
  await apps.update(id, { unset: ['cutOffAt', 'cutOffBy'] }, [['cutOffAt', '=', cutOffAt]]);
}
