import type { Where } from '../../adapters/port.ts';
import { credentialsExpire, type ExpiringView } from '../../views/mail/reminders.ts';
import { isActive } from '../accounts/account.ts';
import type { ScheduledWork } from '../ground/schedule.ts';
import { walkOf } from '../ground/walk.ts';
import { pathOf } from './client.ts';
import { type Credential, hasEnded, nextReminder } from './credential.ts';
import type { ClientDependencies } from './dependencies.ts';

/** Few enough that nobody waits noticeably behind a batch. */
const BATCH_ROWS = 200;
/** More than any owner has; what is beyond comes with the next run. */
const OF_ONE_OWNER_MAX = 1000;

/**
 * Reminds owners of credentials that end soon: one mail for all of an account that fall due in the same hour. Each row
 * carries the time of its next reminder, and moves it on in the write that carries the mail. The mail has the same id in
 * all rows of a run, so that it goes out once, wherever a process dies.
 */
export function createReminders(parts: ClientDependencies): ScheduledWork {
  const { credentials } = parts;

  return {
    name: 'reminders',
    cron: '7 * * * *',
    async run(dueAt) {
      const due = ['remindAt', '<=', dueAt] as const;
      const rows = await credentials.list({ where: [due], order: { by: 'remindAt' }, limit: BATCH_ROWS });
      for (const accountId of new Set(rows.map((row) => row.accountId))) {
        // All of theirs, also those that this batch has no room for: they are one mail.
        const where = [['accountId', '=', accountId], due] as const;
        const all = await credentials.list({ where, limit: OF_ONE_OWNER_MAX });
        await remindOwner(parts, { accountId, dueAt, rows: all });
      }
      return rows.length === BATCH_ROWS;
    },
  };
}

/**
 * Gives a first reminder to what was made before there were any: nothing else that stands and ends is without one. Of
 * use once for a store.
 */
export function createFirstReminders(parts: Pick<ClientDependencies, 'credentials' | 'clock'>) {
  const { credentials, clock } = parts;
  const walk = walkOf(credentials, BATCH_ROWS, async (row) => {
    const now = clock();
    if (!isAhead(row, now) || !isWithoutReminder(row)) return;
    const guard: Where<Credential> = [
      ['remindAt', 'absent'],
      ['revokedAt', 'absent'],
      ['expiresAt', '=', row.expiresAt ?? 0],
    ];
    await credentials.update(row.id, { set: { remindAt: nextReminder(row, now) } }, guard);
  });
  return { name: 'first reminders', run: async (): Promise<boolean> => (await walk()) === BATCH_ROWS };
}

function isAhead({ expiresAt }: Credential, now: number): boolean {
  return expiresAt !== undefined && expiresAt > now;
}

function isWithoutReminder({ remindAt, revokedAt, replacedBy, honey }: Credential): boolean {
  return [remindAt, revokedAt, replacedBy, honey].every((field) => field === undefined);
}

async function remindOwner(
  parts: ClientDependencies,
  { accountId, dueAt, rows }: { accountId: string; dueAt: number; rows: readonly Credential[] },
): Promise<void> {
  const { accounts, clock, settings } = parts;
  const now = clock();
  const owner = await accounts.get(accountId);
  const ending = rows.filter((row) => isWorthAMail(row, now));
  const views = await Promise.all(ending.map((row) => viewOf(parts, row)));
  const told = views.flatMap((view) => view ?? []);
  const isTold = isActive(owner) && told.length > 0;
  const mail = isTold
    ? [{ id: `reminder-${accountId}-${dueAt}`, to: owner.email, ...credentialsExpire(settings, told, now) }]
    : [];
  for (const row of rows) await moveOn(parts, row, ending.includes(row) ? mail : []);
}

/** What ended is in the past, a replaced value has its successor, and a service makes the next one by itself. */
function isWorthAMail(row: Credential, now: number): boolean {
  return !hasEnded(row, now) && row.replacedBy === undefined && row.issuedBy === undefined;
}

/** Undefined for the secret of a client that is gone. */
async function viewOf({ clients }: ClientDependencies, row: Credential): Promise<ExpiringView | undefined> {
  const { id, name, clientId, createdAt, expiresAt = 0 } = row;
  if (clientId === undefined)
    return { name, kind: 'token', path: `/tokens/${id}/rotate`, createdAt, expiresAt };
  const client = await clients.get(clientId);
  if (client === undefined || client.revokedAt !== undefined) return undefined;
  const path = `${pathOf(client)}/rotate`;
  return { name: `${client.name}: ${name}`, kind: 'secret', path, createdAt, expiresAt };
}

/** Names the next reminder, if there is one, in the same write as the mail. */
async function moveOn(
  { credentials, effects, clock }: ClientDependencies,
  row: Credential,
  mail: NonNullable<Parameters<ClientDependencies['effects']['update']>[4]['mail']>,
): Promise<void> {
  const now = clock();
  const guard: Where<Credential> = [['remindAt', '=', row.remindAt ?? 0]];
  const change = { set: { remindAt: hasEnded(row, now) ? undefined : nextReminder(row, now) } };
  await (mail.length === 0
    ? credentials.update(row.id, change, guard)
    : effects.update(credentials, row.id, change, guard, { mail }));
}
