import { manyChanges } from '../../views/mail/notices.ts';
import { NO_ACCOUNT } from '../activity/audit.ts';
import type { Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import type { Counted, Limit, Limiter } from '../ground/limiter.ts';
import { hashOf } from '../ground/opaque.ts';
import type { Settings } from '../ground/settings.ts';
import { MINUTE_SECONDS } from '../ground/time.ts';
import type { Effects, EffectsOfChange } from './effects.ts';

/** So many notices of one account are read one by one; the rest of the window is one mail at its end. */
const NOTICES: Limit = { limit: 20, windowSeconds: 10 * MINUTE_SECONDS };

/**
 * Who may sign in, and that a honey token was used, is told of each time, however much noise is made around it; mails of
 * workflows are no notices.
 */
const ALWAYS_TOLD = /^(account|identity|honey|data)\./;

type Parts = {
  limiter: Pick<Limiter, 'countEach'>;
  clock: Clock;
  settings: Pick<Settings, 'appName' | 'url'>;
};

/**
 * Puts one summary in the place of the notices that one account causes within a short time: a hundred mails tell
 * nobody anything, and hold up those of others.
 */
export function summariseNotices(effects: Effects, parts: Parts): Effects {
  function told<T>(caused: EffectsOfChange, change: (caused: EffectsOfChange) => Promise<T>): Promise<T> {
    const accountId = subjectOf(caused);
    return accountId === undefined ? change(caused) : toldOf(accountId, caused, change);
  }

  async function toldOf<T>(
    accountId: string,
    caused: EffectsOfChange,
    change: (caused: EffectsOfChange) => Promise<T>,
  ): Promise<T> {
    const counted = await countNotice(parts.limiter, accountId);
    try {
      const changed = await change(counted === undefined ? summarised(parts, caused) : caused);
      // An update that found nothing to change tells nobody.
      if (changed === 'nothing') await counted?.takeBack();
      return changed;
    } catch (error) {
      await counted?.takeBack().catch(() => undefined);
      throw error;
    }
  }

  return {
    ...effects,
    insert: (collection, row, caused) => told(caused, (all) => effects.insert(collection, row, all)),
    async update(collection, id, change, guard, caused) {
      const changed = await told(
        caused,
        async (all) => (await effects.update(collection, id, change, guard, all)) ?? ('nothing' as const),
      );
      return changed === 'nothing' ? undefined : changed;
    },
  };
}

/** The account whose notice this is; undefined where none is mailed, or it is to be told in any case. */
function subjectOf({ audit = [], mail = [] }: EffectsOfChange): string | undefined {
  const [entry] = audit;
  return mail.length === 0 ||
    entry === undefined ||
    entry.accountId === NO_ACCOUNT ||
    ALWAYS_TOLD.test(entry.action)
    ? undefined
    : entry.accountId;
}

/** Undefined where there were enough of them lately. */
async function countNotice(limiter: Parts['limiter'], accountId: string): Promise<Counted | undefined> {
  try {
    return await limiter.countEach([[`notices:${accountId}`, NOTICES]]);
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

/** The same with the one summary of this window, which has one id: it is left alone where it waits already. */
function summarised({ clock, settings }: Parts, caused: EffectsOfChange): EffectsOfChange {
  const from = Math.floor(clock() / NOTICES.windowSeconds) * NOTICES.windowSeconds;
  const until = from + NOTICES.windowSeconds;
  const recipients = new Set(caused.mail?.map(({ to }) => to));
  const mail = [...recipients].map((to) => ({
    ...manyChanges(settings, { from, until }),
    to,
    id: hashOf(`${to}\n${from}`),
    dueAt: until,
  }));
  return { ...caused, mail };
}
