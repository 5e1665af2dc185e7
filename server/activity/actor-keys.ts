import type { Collection } from '../../adapters/port.ts';
import { walkOf } from '../ground/walk.ts';
import { type AuditEntry, withActorKey } from './audit.ts';

/** Few enough that nobody waits noticeably behind a batch. */
const BATCH_ROWS = 200;

/** Lets entries be found by who did it that are older than this way to find them. Of use once for a store. */
export function createActorKeys({ audit }: { audit: Collection<AuditEntry> }) {
  const walk = walkOf(audit, BATCH_ROWS, async (row) => {
    if (row.actorKey !== undefined) return;
    const { actorKey } = withActorKey(row);
    await audit.update(row.id, { set: { actorKey } }, [['actorKey', 'absent']]);
  });
  return { name: 'actor keys', run: async (): Promise<boolean> => (await walk()) === BATCH_ROWS };
}
