import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';

/** How long after the answer such work begins, at a moment that nobody knows: its time tells a caller nothing. */
const AFTER_ANSWER_MS = { min: 20, max: 120 };

/** Work whose caller is answered before it begins, since what there is to do would tell what we know. */
export function createAfterAnswer({ log }: { log: Pick<Logger, 'error'> }) {
  const underWay = new Set<Promise<unknown>>();

  return {
    /** Begins it a moment from now; where it fails, the log says `notDone`. */
    begin(work: () => Promise<unknown>, notDone: string, about: { requestId?: string } = {}): void {
      const done = delay(randomInt(AFTER_ANSWER_MS.min, AFTER_ANSWER_MS.max))
        .then(work)
        .catch((error: unknown) => log.error({ ...about, err: error }, notDone))
        .finally(() => underWay.delete(done));
      underWay.add(done);
    },

    /** How many are waiting or at work. */
    count: (): number => underWay.size,

    /** When all that was begun until now is done; what ends the process waits for it. */
    async settled(): Promise<void> {
      await Promise.all(underWay);
    },
  };
}
