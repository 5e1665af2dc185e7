import type { Logger } from 'pino';
import type { Collection } from '../../adapters/port.ts';
import type { Actor } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import { type AuditEntry, withActorKey } from './audit.ts';
import { createAuditIds } from './entry-ids.ts';
import { createMinuteEntries } from './minute-entries.ts';
import type { Totals } from './totals.ts';

/** The account that somebody signed in to, or tried to. */
type Whose = { id: string };

export type SignInRecord = ReturnType<typeof createSignInRecord>;

/**
 * Writes sign-ins into the activity of their account. They change nothing of it, so each is an entry and nothing else:
 * a failed one, which anybody may cause, one a minute with their number. Nothing is written of an address that nobody has.
 */
export function createSignInRecord(parts: {
  audit: Collection<AuditEntry>;
  totals: Pick<Totals, 'addSignIn'>;
  clock: Clock;
  log: Pick<Logger, 'warn'>;
}) {
  const { audit, totals, clock, log } = parts;
  const nextId = createAuditIds();
  const record = (entry: AuditEntry) => audit.insertMany([withActorKey(entry)]);
  const failures = createMinuteEntries<AuditEntry>({ record, clock });

  function entryOf({ id: accountId }: Whose, what: Pick<AuditEntry, 'action' | 'actor' | 'targetName'>) {
    const at = clock();
    return { id: nextId(at), at, accountId, targetId: accountId, ...what };
  }

  return {
    /** Somebody signed in, in this way: `With a password`. */
    async succeeded(account: Whose, how: string, actor: Actor): Promise<void> {
      await record(entryOf(account, { action: 'account.signed_in', actor, targetName: how }));
      totals.addSignIn('signed_in');
    },

    /**
     * Nobody waits for it: how long an answer takes must not tell that there is such an account. Where there is none, it
     * is counted among those of everybody, and nothing else.
     */
    failed(account: Whose | undefined, actor: Actor): void {
      totals.addSignIn('sign_in_refused');
      if (account === undefined) return;
      const what = { action: 'account.sign_in_refused', actor, targetName: 'Wrong password' };
      failures
        .add(account.id, { ...entryOf(account, what), refused: true })
        .catch((error: unknown) => log.warn({ err: error }, 'a failed sign-in has no activity entry yet'));
    },

    /** Writes down all that is counted: before the process ends. */
    stop: failures.stop,
  };
}
