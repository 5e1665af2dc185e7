import type { Where } from '../../adapters/port.ts';
import { tokensLieIdle } from '../../views/mail/reminders.ts';
import { tokenLayIdle } from '../../views/mail/tokens.ts';
import { isActive } from '../accounts/account.ts';
import { LAST_USED_SECONDS } from '../ground/limits.ts';
import type { ScheduledWork } from '../ground/schedule.ts';
import {
  type Credential,
  endOf,
  HELD_WHILE_STANDING,
  idleEndOf,
  idleWarningOf,
  settingsAsIn,
} from './credential.ts';
import type { CredentialDependencies } from './dependencies.ts';
import { auditEntry, mailToOwner } from './owner.ts';

/** Few enough that nobody waits noticeably behind a batch. */
const BATCH_ROWS = 200;
/** More than any owner has. */
const OF_ONE_OWNER_MAX = 1000;

/**
 * Warns owners of tokens that end soon unless they are used, one mail for all of an account, and writes down the end of
 * those that lay unused for too long. They open nothing from that second on (`stateOf`); this frees what they hold, tells
 * their owners, and lets retention find them. Each row of such a token carries when to look at it; a use moves nothing, so
 * it is looked at then and put off.
 */
export function createIdleEnds(parts: CredentialDependencies): ScheduledWork {
  const { credentials } = parts;

  return {
    name: 'idle tokens',
    cron: '37 * * * *',
    async run(dueAt) {
      // Uses are noted late, and to the minute.
      const by = dueAt - LAST_USED_SECONDS;
      const due = ['idleAt', '<=', by] as const;
      const rows = await credentials.list({ where: [due], order: { by: 'idleAt' }, limit: BATCH_ROWS });
      const warned = new Set<string>();
      for (const row of rows) {
        if (isToBeWarned(row, by)) warned.add(row.accountId);
        else await lookAt(parts, row, by);
      }
      for (const accountId of warned) {
        // All of theirs, also those that this batch has no room for: they are one mail.
        const where = [['accountId', '=', accountId], due] as const;
        const all = await credentials.list({ where, limit: OF_ONE_OWNER_MAX });
        await warnOwner(parts, { accountId, by, rows: all.filter((row) => isToBeWarned(row, by)) });
      }
      return rows.length === BATCH_ROWS;
    },
  };
}

/** Whether it ends soon unless it is used. Of a value that was replaced, and of bait, that is no news. */
function isToBeWarned(row: Credential, by: number): boolean {
  const { revokedAt, replacedBy, honey } = row;
  const [warnAt, idleEnd] = [idleWarningOf(row), idleEndOf(row)];
  if (warnAt === undefined || idleEnd === undefined || endOf(row) !== idleEnd) return false;
  return warnAt <= by && idleEnd > by && [revokedAt, replacedBy, honey].every((field) => field === undefined);
}

/** Puts each off until its end, in the same write as the mail, which has one id in all rows of a run. */
async function warnOwner(
  { credentials, accounts, effects, clock, settings }: CredentialDependencies,
  { accountId, by, rows }: { accountId: string; by: number; rows: readonly Credential[] },
): Promise<void> {
  const owner = await accounts.get(accountId);
  const views = rows.map((row) => ({
    ...row,
    endsAt: idleEndOf(row) ?? 0,
    isPaused: row.pausedAt !== undefined,
  }));
  const written = tokensLieIdle(settings, views, clock());
  const mail = isActive(owner) ? [{ id: `idle-${accountId}-${by}`, to: owner.email, ...written }] : [];
  for (const row of rows) {
    const guard: Where<Credential> = [['idleAt', '=', row.idleAt ?? 0], ...asRead(row)];
    const change = { set: { idleAt: idleEndOf(row) } };
    await (mail.length === 0
      ? credentials.update(row.id, change, guard)
      : effects.update(credentials, row.id, change, guard, { mail }));
  }
}

async function lookAt(parts: CredentialDependencies, row: Credential, by: number): Promise<void> {
  const idleEnd = idleEndOf(row);
  const isOver = row.revokedAt !== undefined || idleEnd === undefined || endOf(row) !== idleEnd;
  if (!isOver && idleEnd <= by) return void (await endIdle(parts, row, by));
  const warnAt = idleWarningOf(row) ?? 0;
  const next = warnAt > by ? warnAt : idleEnd;
  const guard: Where<Credential> = [['idleAt', '=', row.idleAt ?? 0]];
  await parts.credentials.update(row.id, { set: { idleAt: isOver ? undefined : next } }, guard);
}

/**
 * Writes down the end of a token that had lain unused for too long by then, with a mail for its owner, and frees what it
 * holds. Undefined where it had not, or was used or changed just now.
 */
export async function endIdle(
  parts: CredentialDependencies,
  token: Credential,
  by: number,
): Promise<Credential | undefined> {
  const { credentials, accounts, effects, settings } = parts;
  const endedAt = endOf(token);
  if (endedAt === undefined || endedAt > by) return undefined;
  const mail = tokenLayIdle(settings, { ...token, endedAt });
  const change = { set: { expiresAt: endedAt }, unset: [...HELD_WHILE_STANDING, 'idleAt'] as const };
  return effects.update(credentials, token.id, change, asRead(token), {
    audit: [auditEntry('token.idle', token, { kind: 'system' })],
    // Of a value that was replaced it is no news.
    mail: token.replacedBy === undefined ? await mailToOwner(accounts, token.accountId, mail) : [],
  });
}

/** Holds as long as nobody used, changed or revoked it since it was read. */
function asRead(token: Credential): Where<Credential> {
  const { lastUsedAt } = token;
  return [
    ['revokedAt', 'absent'],
    lastUsedAt === undefined ? ['lastUsedAt', 'absent'] : ['lastUsedAt', '=', lastUsedAt],
    settingsAsIn(token),
  ];
}
