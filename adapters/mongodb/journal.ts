import { gatherBursts } from '../batch.ts';
import { createChecks } from '../checks.ts';
import type { Collection, Declaration, Journal } from '../port.ts';

/**
 * The journal of a collection: here rows go straight to their place, those of a burst in one command, because
 * putting them there is the server's work.
 */
export function createJournal<R extends { id: string }>(
  declaration: Declaration<R>,
  collections: Record<'process' | 'disk', Pick<Collection<R>, 'insertMany'>>,
): Journal<R> {
  const checks = createChecks(declaration);
  const keeping = (collection: Pick<Collection<R>, 'insertMany'>) =>
    gatherBursts<R>(async (rows) => {
      await collection.insertMany(rows);
    });
  const keep = { process: keeping(collections.process), disk: keeping(collections.disk) };

  return {
    async append(row, durability = 'process') {
      checks.checkRow(row);
      await keep[durability](row);
    },

    async settle() {},
  };
}
