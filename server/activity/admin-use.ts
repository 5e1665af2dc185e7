import type { Collection } from '../../adapters/port.ts';
import { ADMIN_USE_CALLS_MAX, ADMIN_USE_DAYS } from '../ground/limits.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import type { Call } from './call.ts';

/** How often a service passed over privacy rules lately; `isAll` is false where it called more often than is counted. */
export type AdminUse = { count: number; isAll: boolean };

/** Counts among the latest calls of a service, a bounded number of them, those that were made as an admin. */
export async function countAdminUse(
  calls: Collection<Call>,
  service: { id: string; accountId: string },
  now: number,
): Promise<AdminUse> {
  const latest = await calls.list({
    where: [
      ['clientId', '=', service.id],
      ['accountId', '=', service.accountId],
      ['at', '>=', now - ADMIN_USE_DAYS * DAY_SECONDS],
    ],
    order: { by: 'at', descending: true },
    limit: ADMIN_USE_CALLS_MAX,
  });
  const count = latest
    .filter(({ privacyBypassed }) => privacyBypassed === true)
    .reduce((sum, call) => sum + (call.count ?? 1), 0);
  return { count, isAll: latest.length < ADMIN_USE_CALLS_MAX };
}
