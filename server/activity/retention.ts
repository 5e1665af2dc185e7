import type { Collection, Where } from '../../adapters/port.ts';
import type { Clock } from '../ground/clock.ts';
import type { Work } from '../ground/jobs.ts';
import type { Settings } from '../ground/settings.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import type { AuditEntry } from './audit.ts';
import type { Call } from './call.ts';
import { CALL_PREFIX, momentOf } from './entry-ids.ts';

/** Few enough that nobody waits noticeably behind a batch; in millions a change stands in more far-away pages than a call. */
const BATCH_CALLS = 500;
const BATCH_CHANGES = 100;

/** Removes calls and changes that are older than the settings keep them, a batch at a time. */
export function createRetention(parts: {
  calls: Collection<Call>;
  audit: Collection<AuditEntry>;
  clock: Clock;
  settings: Pick<Settings, 'retention'>;
}): Work[] {
  const { calls, audit, clock, settings } = parts;
  const { retention } = settings;

  return [
    async () => {
      const before = clock() - retention.calls * DAY_SECONDS;
      return (await calls.removeMany(olderThan<Call>(before, CALL_PREFIX), BATCH_CALLS)) === BATCH_CALLS;
    },
    async () => {
      const before = clock() - retention.audit * DAY_SECONDS;
      return (await audit.removeMany(olderThan<AuditEntry>(before, ''), BATCH_CHANGES)) === BATCH_CHANGES;
    },
  ];
}

/** By its id an old row is found; its time says that it is old. */
function olderThan<R extends { id: string; at: number }>(before: number, prefix: string): Where<R> {
  return [
    ['id', '<', `${prefix}${momentOf(Math.max(0, before))}`],
    ['at', '<', before],
  ] as unknown as Where<R>;
}
