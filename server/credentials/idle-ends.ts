import type { Where } from '../../adapters/port.ts';
import { tokenLayIdle } from '../../views/mail/tokens.ts';
import { LAST_USED_SECONDS } from '../ground/limits.ts';
import type { ScheduledWork } from '../ground/schedule.ts';
import { type Credential, endOf, HELD_WHILE_STANDING, idleEndOf, settingsAsIn } from './credential.ts';
import type { CredentialDependencies } from './dependencies.ts';
import { auditEntry, mailToOwner } from './owner.ts';

/** Few enough that nobody waits noticeably behind a batch. */
const BATCH_ROWS = 200;

/**
 * Writes down the end of tokens that lay unused for longer than their owners want. They open nothing from that second on
 * (`stateOf`); this frees what they hold, tells their owners, and lets retention find them. Each row of such a token
 * carries when to look at it; a use moves nothing, so it is looked at then and put off.
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
      for (const row of rows) await lookAt(parts, row, by);
      return rows.length === BATCH_ROWS;
    },
  };
}

async function lookAt(parts: CredentialDependencies, row: Credential, by: number): Promise<void> {
  const idleEnd = idleEndOf(row);
  const isOver = row.revokedAt !== undefined || idleEnd === undefined || endOf(row) !== idleEnd;
  if (!isOver && idleEnd <= by) return void (await endIdle(parts, row, by));
  const guard: Where<Credential> = [['idleAt', '=', row.idleAt ?? 0]];
  await parts.credentials.update(row.id, { set: { idleAt: isOver ? undefined : idleEnd } }, guard);
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
  const guard: Where<Credential> = [
    ['revokedAt', 'absent'],
    token.lastUsedAt === undefined ? ['lastUsedAt', 'absent'] : ['lastUsedAt', '=', token.lastUsedAt],
    settingsAsIn(token),
  ];
  return effects.update(credentials, token.id, change, guard, {
    audit: [auditEntry('token.idle', token, { kind: 'system' })],
    // Of a value that was replaced it is no news.
    mail: token.replacedBy === undefined ? await mailToOwner(accounts, token.accountId, mail) : [],
  });
}
