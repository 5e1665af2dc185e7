import type { Logger } from 'pino';
import type { Collection } from '../../adapters/port.ts';
import { accountDeleted } from '../../views/mail/access.ts';
import type { Account } from '../accounts/account.ts';
import { auditOf } from '../accounts/accounts.ts';
import type { Identities } from '../accounts/identities.ts';
import type { Apps } from '../credentials/apps.ts';
import type { Services } from '../credentials/services.ts';
import type { Tokens } from '../credentials/tokens.ts';
import type { Effects } from '../effects/effects.ts';
import { type Actor, originOf } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import type { Settings } from '../ground/settings.ts';
import type { Admins } from './admins.ts';
import { unfinished } from './endings.ts';
import type { Grants } from './grants.ts';
import type { KnownDevices } from './known-devices.ts';
import type { LongWork } from './long-work.ts';
import type { SessionList } from './session-list.ts';

type Parts = {
  /** What removes a batch of an account's records of each data type, where those go with it; answers what is left. */
  data: ReadonlyMap<
    string,
    { removeOf?: ((accountId: string) => Promise<'more' | 'some' | 'none'>) | undefined }
  >;
  accountRows: Collection<Account>;
  admins: Pick<Admins, 'requireOther'>;
  sessions: Pick<SessionList, 'endAll'>;
  knownDevices: Pick<KnownDevices, 'removeAll'>;
  identities: Pick<Identities, 'removeAll'>;
  tokens: Pick<Tokens, 'revokeAll'>;
  services: Pick<Services, 'revokeAll'>;
  apps: Pick<Apps, 'removeAll'>;
  grants: Pick<Grants, 'revokeSome'>;
  longWork: LongWork;
  effects: Effects;
  clock: Clock;
  log: Pick<Logger, 'error'>;
  settings: Pick<Settings, 'appName' | 'url'>;
};

export type Removal = ReturnType<typeof createRemoval>;

/** Deletes accounts, with all that acts in their name. What they did stays in audit and activity. */
export function createRemoval(parts: Parts) {
  const { accountRows, longWork, clock, log } = parts;

  return {
    /**
     * Ends everything of an account and removes it: the e-mail address is free again. Cut short, the account says that it
     * is to be done, by whom and why, and a sweep goes on. Answers whether it is over by now. Who does it themselves, or
     * has it done by an admin, gets a mail. Throws Problem 409 for the last admin.
     */
    async remove(account: Account, actor: Actor): Promise<'done' | 'going on'> {
      const { id } = account;
      // Undefined where somebody else was first.
      const marked = (await mark(parts, account, actor)) ?? (await accountRows.get(id));
      if (marked !== undefined) await longWork.begin(id, () => endSome(parts, marked), LATER);
      return (await accountRows.get(id)) === undefined ? 'done' : 'going on';
    },

    /** One batch of what a process that died left of it; answers whether there is more. */
    async sweep(): Promise<boolean> {
      for await (const account of unfinished(accountRows, 'removalAt', clock())) {
        if (longWork.isUnderWay(account.id)) continue;
        try {
          await requireOther(parts, account, account);
          if (await endSome(parts, account)) return true;
        } catch (error) {
          log.error({ id: account.id, err: error }, LATER);
        }
      }
      return false;
    },
  };
}

const LATER = 'an account is deleted at the next turn';

/** On record, and to be done: from here on nothing of the account works, and what is made meanwhile is undone. */
async function mark(parts: Parts, account: Account, actor: Actor): Promise<Account | undefined> {
  const { accountRows, effects, clock, settings } = parts;
  const { id, email } = account;
  await parts.admins.requireOther(account);
  const now = clock();
  const set = { suspendedAt: now, removalAt: now, removalBy: actor };
  const change = { set, add: { securityVersion: 1 } };
  const audit = auditOf(account, 'account.deleted', actor);
  const marked = await effects.update(accountRows, id, change, [['removalAt', 'absent']], audit);
  if (marked === undefined) return undefined;
  await requireOther(parts, account, marked);
  // Told only now: one that stays was not deleted.
  const written = accountDeleted(settings, { deletedAt: now, from: originOf(actor) });
  const isTold = actor.kind === 'account' || actor.reason !== undefined;
  const mail = isTold ? [{ to: email, ...written }] : [];
  await effects.update(accountRows, id, { set: { suspendedAt: now } }, [], { mail });
  return marked;
}

/** Of two admins who are deleted at the same moment, each finds the other gone: both stay. */
async function requireOther(
  { accountRows, admins, effects }: Parts,
  { suspendedAt, removalAt }: Account,
  marked: Account,
): Promise<void> {
  await admins.requireOther(marked).catch(async (error: unknown) => {
    const before = removalAt === undefined && suspendedAt !== undefined ? { suspendedAt } : undefined;
    const gone = ['removalAt', 'removalBy'] as const;
    const back =
      before === undefined ? { unset: [...gone, 'suspendedAt' as const] } : { set: before, unset: gone };
    const audit = auditOf(marked, 'account.restored', { kind: 'system' });
    await effects.update(accountRows, marked.id, back, [], audit);
    throw error;
  });
}

/** Answers whether there is more. */
async function endSome(parts: Parts, { id, removalBy = { kind: 'system' } }: Account): Promise<boolean> {
  await parts.sessions.endAll(id);
  await parts.knownDevices.removeAll(id);
  await parts.identities.removeAll(id, removalBy);
  await parts.tokens.revokeAll(id, removalBy);
  await parts.services.revokeAll(id, removalBy);
  await parts.apps.removeAll(id, removalBy);
  if (await parts.grants.revokeSome({ accountId: id }, removalBy)) return true;
  for (const { removeOf } of parts.data.values()) {
    const left = await removeOf?.(id);
    // Those that carry something yet wait for the sweep, and the account with them.
    if (left === 'more' || left === 'some') return left === 'more';
  }
  // A row that still carries what tells of its end would take that with it: once it is delivered, the sweep removes it.
  await parts.accountRows.remove(id, [['pendingId', 'absent']]);
  return false;
}
