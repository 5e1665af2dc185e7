import { createChecks } from '../checks.ts';
import { groupCommit } from '../group-commit.ts';
import type { Collection, Declaration, Journal } from '../port.ts';

/**
 * The journal of a collection: here rows go straight to their place, those of a turn of the event loop in one
 * command, because putting them there is the server's work.
 */
export function journalOf<R extends { id: string }>(
  declaration: Declaration<R>,
  collections: Record<'process' | 'disk', Pick<Collection<R>, 'insertMany'>>,
): Journal<R> {
  const checks = createChecks(declaration);
  const appendTo = ({ insertMany }: Pick<Collection<R>, 'insertMany'>) =>
    groupCommit<R>(async (rows) => {
      await insertMany(rows);
    });
  const append = { process: appendTo(collections.process), disk: appendTo(collections.disk) };

  return {
    async append(row, durability = 'process') {
      checks.checkRow(row);
      await append[durability](row);
    },
  };
}
