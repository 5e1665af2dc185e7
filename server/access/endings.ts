import type { Logger } from 'pino';
import type { Collection } from '../../adapters/port.ts';
import { accessEnded } from '../../views/mail/access.ts';
import { ACTIVE_ONLY, type Account } from '../accounts/account.ts';
import { auditOf } from '../accounts/accounts.ts';
import { changedMeanwhile } from '../accounts/unchanged.ts';
import type { Apps } from '../credentials/apps.ts';
import type { Services } from '../credentials/services.ts';
import type { Tokens } from '../credentials/tokens.ts';
import type { Effects, EffectsOfChange } from '../effects/effects.ts';
import { type Actor, originOf } from '../ground/actor.ts';
import { begunBefore, type Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import type { Limit, Limiter } from '../ground/limiter.ts';
import type { Settings } from '../ground/settings.ts';
import { HOUR_SECONDS } from '../ground/time.ts';
import type { Grants } from './grants.ts';
import type { SessionList } from './session-list.ts';

/** So many an hour are told of. Further ones end what there is as well: nobody uses them up for somebody else. */
const TOLD_LIMIT: Limit = { limit: 10, windowSeconds: HOUR_SECONDS };

/** The request that began it is about to end it by itself. */
const SWEEP_AGE_SECONDS = 30;
const SWEEP_ACCOUNTS = 100;

/** All that acts for an account without its owner signing in. */
type Acting = {
  tokens: Pick<Tokens, 'revokeAll'>;
  services: Pick<Services, 'revokeAll'>;
  apps: Pick<Apps, 'revokeSecrets'>;
  grants: Pick<Grants, 'revokeAll'>;
};

type Parts = Acting & {
  accountRows: Collection<Account>;
  sessions: Pick<SessionList, 'endAll'>;
  effects: Effects;
  limiter: Pick<Limiter, 'countEach'>;
  clock: Clock;
  log: Pick<Logger, 'error'>;
  settings: Pick<Settings, 'appName' | 'url'>;
};

export type Endings = ReturnType<typeof createEndings>;

/** Ends at once everything that can act for an account: its sessions, tokens, services, secrets and connected apps. */
export function createEndings(parts: Parts) {
  const { accountRows, sessions, effects, clock, log } = parts;

  return {
    /**
     * Ends all of it; ways to sign in and registered apps stay. Cut short, the account says that it is to be done, and a
     * sweep goes on. Answers the account as it is now, for a session that is to begin anew. Throws Problem.
     */
    async endAccess(account: Account, actor: Actor): Promise<Account> {
      // First the new security version, then the lists: what is made meanwhile is undone, see requireUnchanged.
      const changed = await effects.update(
        accountRows,
        account.id,
        { set: { endAccessAt: clock() }, add: { securityVersion: 1 } },
        ACTIVE_ONLY,
        await noticeOf(parts, account, actor),
      );
      if (changed === undefined) throw changedMeanwhile();
      await sessions.endAll(account.id);
      await finish(parts, changed, actor);
      return changed;
    },

    /** Goes on with what a process that died, or a store that was away, left of it. */
    async sweep(): Promise<void> {
      for await (const account of unfinished(accountRows, 'endAccessAt', clock())) {
        await finish(parts, account, { kind: 'system' }).catch((error: unknown) =>
          log.error(
            { account: account.id, err: error },
            'what acts for an account is ended at the next turn',
          ),
        );
      }
    },
  };
}

/** Nothing where there were enough of them within the hour. */
async function noticeOf(parts: Parts, account: Account, actor: Actor): Promise<EffectsOfChange> {
  const { limiter, clock, settings } = parts;
  try {
    await limiter.countEach([[`end-access:${account.id}`, TOLD_LIMIT]]);
  } catch (error) {
    if (error instanceof Problem) return {};
    throw error;
  }
  const mail = accessEnded(settings, { endedAt: clock(), from: originOf(actor) });
  return { ...auditOf(account, 'account.access_ended', actor), mail: [{ to: account.email, ...mail }] };
}

/** Ends whatever acts for an account; its sessions and ways to sign in are its caller's. */
export async function revokeActing(parts: Acting, accountId: string, actor: Actor): Promise<void> {
  await parts.tokens.revokeAll(accountId, actor);
  await parts.services.revokeAll(accountId, actor);
  await parts.apps.revokeSecrets(accountId, actor);
  await parts.grants.revokeAll(accountId, actor);
}

/** Accounts that say in this field that something is to be done since then, and whose request must have died. */
export async function* unfinished(
  accountRows: Collection<Account>,
  field: 'endAccessAt' | 'revokeAllAt' | 'removalAt',
  now: number,
): AsyncGenerator<Account> {
  for (const due of begunBefore(SWEEP_AGE_SECONDS, now)) {
    const where = [[field, ...due] as const];
    yield* await accountRows.list({ where, order: { by: field }, limit: SWEEP_ACCOUNTS });
  }
}

async function finish(parts: Parts, { id, endAccessAt }: Account, actor: Actor): Promise<void> {
  await revokeActing(parts, id, actor);
  const isThis = [['endAccessAt', '=', endAccessAt ?? 0]] as const;
  await parts.accountRows.update(id, { unset: ['endAccessAt'] }, isThis);
}
