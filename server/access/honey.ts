import type { Logger } from 'pino';
import type { Collection } from '../../adapters/port.ts';
import { honeyUsed } from '../../views/mail/honey.ts';
import { ACTIVE_ADMINS, type Account } from '../accounts/account.ts';
import type { Credential } from '../credentials/credential.ts';
import type { Use } from '../credentials/dead-use.ts';
import type { Effects } from '../effects/effects.ts';
import { createAfterAnswer } from '../ground/after-answer.ts';
import type { Clock } from '../ground/clock.ts';
import type { Settings } from '../ground/settings.ts';
import { HOUR_SECONDS } from '../ground/time.ts';

/** Of each honey token one mail in so long, whatever the rate of its use. */
const TOLD_SECONDS = HOUR_SECONDS;
/** More admins than anybody has. */
const ADMINS_TOLD_MAX = 50;

/** Uses of a honey token that are not told yet. */
type Waiting = { count: number; use: Use };

export type Honey = ReturnType<typeof createHoney>;

/**
 * Honey tokens open nothing and lie where nobody should look. Whoever uses one is answered as if it were not there, and
 * its owner and the admins hear of it.
 */
export function createHoney(parts: {
  credentials: Collection<Credential>;
  accountRows: Collection<Account>;
  effects: Effects;
  clock: Clock;
  log: Pick<Logger, 'error'>;
  settings: Pick<Settings, 'appName' | 'url'>;
}) {
  const waiting = new Map<string, Waiting>();
  // A honey token is answered as soon as one that is not there.
  const { begin, settled } = createAfterAnswer(parts);
  const later = (work: () => Promise<void>) => begin(work, 'the use of a honey token was not told');

  return {
    /** Notes that this honey token was used, and tells of it; `record` writes the call down. */
    used({ id }: Pick<Credential, 'id'>, use: Use, record?: () => Promise<void>): void {
      const other = waiting.get(id);
      if (other !== undefined) {
        other.count += 1;
        other.use = use;
      } else {
        const first = { count: 1, use };
        waiting.set(id, first);
        later(() => {
          waiting.delete(id);
          return tell(parts, id, first);
        });
      }
      if (record !== undefined) later(record);
    },

    /** When all uses until now are told. */
    settled,
  };
}

/** Counted in its row, so that the next mail tells of those that had none. */
async function tell(
  parts: Parameters<typeof createHoney>[0],
  id: string,
  { count, use }: Waiting,
): Promise<void> {
  const { credentials, effects, clock, settings } = parts;
  const row = await credentials.update(id, { add: { honeyUses: count } }, [['honey', '=', true]]);
  const now = clock();
  if (row === undefined) return;
  const { accountId, name, honeyToldAt, honeyUses = count } = row;
  if (honeyToldAt !== undefined && Math.abs(now - honeyToldAt) < TOLD_SECONDS) return;
  const recipients = await recipientsFor(parts, accountId);
  const written = honeyUsed(settings, { name, uses: honeyUses, usedAt: now, ...use });
  const actor = { kind: 'system', from: use.from } as const;
  await effects.update(
    credentials,
    id,
    { set: { honeyToldAt: now }, add: { honeyUses: -honeyUses } },
    [honeyToldAt === undefined ? ['honeyToldAt', 'absent'] : ['honeyToldAt', '=', honeyToldAt]],
    {
      audit: [{ accountId, actor, action: 'honey.used', targetId: id, targetName: name }],
      mail: recipients.map((to) => ({ to, ...written })),
    },
  );
}

async function recipientsFor(
  { accountRows }: Pick<Parameters<typeof createHoney>[0], 'accountRows'>,
  accountId: string,
): Promise<string[]> {
  const [owner, admins] = await Promise.all([
    accountRows.get(accountId),
    accountRows.list({ where: ACTIVE_ADMINS, limit: ADMINS_TOLD_MAX }),
  ]);
  const all = [...(owner === undefined ? [] : [owner]), ...admins].map(({ email }) => email);
  return [...new Set(all)];
}
