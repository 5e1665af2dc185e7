import type { Collection } from '../../adapters/port.ts';
import { ADMIN_USE_CALLS_MAX, ADMIN_USE_DAYS } from '../ground/limits.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import type { Call } from './call.ts';
import type { CallCounts } from './call-counts.ts';

/** How often a service passed over privacy rules lately; `isAll` is false where it called more often than is counted. */
export type AdminUse = { count: number; isAll: boolean };

/**
 * How often a service called as an admin lately: among its latest calls, a bounded number of them, or where those are
 * not all, as often as was counted by the day.
 */
export async function countAdminUse(
  { calls, callCounts }: { calls: Collection<Call>; callCounts: Pick<CallCounts, 'totalAsAdmin'> },
  service: { id: string; accountId: string },
  now: number,
): Promise<AdminUse> {
  const since = now - ADMIN_USE_DAYS * DAY_SECONDS;
  const latest = await calls.list({
    where: [
      ['clientId', '=', service.id],
      ['accountId', '=', service.accountId],
      ['at', '>=', since],
    ],
    order: { by: 'at', descending: true },
    limit: ADMIN_USE_CALLS_MAX,
  });
  const count = latest
    .filter(({ privacyBypassed }) => privacyBypassed === true)
    .reduce((sum, call) => sum + (call.count ?? 1), 0);
  if (latest.length < ADMIN_USE_CALLS_MAX) return { count, isAll: true };
  // Whole days only, and without the last minute: at least so often.
  const counted = await callCounts.totalAsAdmin(service, since);
  return { count: Math.max(count, counted.count), isAll: false };
}
