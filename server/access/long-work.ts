import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';

/** A thousand grants take a second. Whoever asked is told that it goes on, before a proxy gives their request up. */
const WAITED_MS = 5000;

export type LongWork = ReturnType<typeof createLongWork>;

/**
 * Ends what may take minutes. It is on record before it begins, so that a sweep goes on with what is cut short: here it is
 * done once at a time, whoever asks, and nobody waits long for it.
 */
export function createLongWork({ log }: { log: Pick<Logger, 'error'> }) {
  const underWay = new Map<string, Promise<void>>();
  let isStopping = false;

  return {
    /**
     * Begins it, or joins what is under way for this id, and answers whether it is over by now. `step` does one batch and
     * answers whether there is more; what fails later than the answer is logged with `notDone`.
     */
    async begin(id: string, step: () => Promise<boolean>, notDone: string): Promise<'done' | 'going on'> {
      const work = underWay.get(id) ?? allOf(step).finally(() => underWay.delete(id));
      underWay.set(id, work);
      work.catch((error: unknown) => log.error({ id, err: error }, notDone));
      return Promise.race([
        work.then(() => 'done' as const),
        delay(WAITED_MS, 'going on' as const, { ref: false }),
      ]);
    },

    /** Whether this process is at it. */
    isUnderWay: (id: string): boolean => underWay.has(id),

    /** Leaves the rest to the next process, or another one. */
    async stop(): Promise<void> {
      isStopping = true;
      await Promise.allSettled(underWay.values());
    },
  };

  async function allOf(step: () => Promise<boolean>): Promise<void> {
    while (await step()) if (isStopping) return;
  }
}
