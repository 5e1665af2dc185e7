import type { Collection } from '../../adapters/port.ts';
import { type AuditEntry, withActorKey } from './audit.ts';

/** Few enough that nobody waits noticeably behind a batch. */
const BATCH_ROWS = 200;

/** Lets entries be found by who did it that are older than this way to find them. Of use once for a store. */
export function createActorKeys({ audit }: { audit: Collection<AuditEntry> }) {
  let last = '';

  return {
    name: 'actor keys',
    async run(): Promise<boolean> {
      const rows = await audit.list({ where: [['id', '>', last]], limit: BATCH_ROWS });
      for (const row of rows.filter(({ actorKey }) => actorKey === undefined)) {
        const { actorKey } = withActorKey(row);
        await audit.update(row.id, { set: { actorKey } }, [['actorKey', 'absent']]);
      }
      last = rows.at(-1)?.id ?? last;
      return rows.length === BATCH_ROWS;
    },
  };
}
