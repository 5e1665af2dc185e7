import { afterBurst } from '../burst.ts';
import { createChecks } from '../checks.ts';
import type { Collection, Declaration, Journal } from '../port.ts';

type Append<R> = { row: R; resolve: () => void; reject: (error: unknown) => void };

/**
 * The journal of a collection: here rows go straight to their place, those of a burst in one command, because
 * putting them there is the server's work.
 */
export function createJournal<R extends { id: string }>(
  declaration: Declaration<R>,
  collection: Pick<Collection<R>, 'insertMany'>,
): Journal<R> {
  const checks = createChecks(declaration);
  let waiting: Append<R>[] = [];

  async function flush(): Promise<void> {
    const batch = waiting;
    waiting = [];
    try {
      await collection.insertMany(batch.map(({ row }) => row));
      for (const { resolve } of batch) resolve();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  return {
    async append(row) {
      checks.checkRow(row);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      if (waiting.length === 0) afterBurst(flush);
      waiting.push({ row, resolve, reject });
      await promise;
    },

    async settle() {},
  };
}
