import { z } from 'zod';
import { type Collection, declare, type Store, Unavailable } from '../../adapters/port.ts';
import type { Clock } from './clock.ts';

const probeSchema = z.strictObject({
  id: z.string(),
  /** When the store last took it. */
  at: z.number(),
});

export type Probe = z.infer<typeof probeSchema>;

/** One row, written again and again to see that the store takes changes. */
export const probeDeclaration = declare<Probe>({ name: 'probes', schema: probeSchema });

/** However often it is asked, the store is tried once in this time. */
const TRY_EVERY_MS = 1000;
/** A balancer waits no longer for an answer. */
const ANSWER_WITHIN_MS = 3000;

/** Whether this server can do its work: its store answers, and takes a change. */
export function createReadiness(parts: {
  store: Pick<Store, 'ping'>;
  probes: Pick<Collection<Probe>, 'put'>;
  clock: Clock;
  answerWithinMs?: number;
}) {
  const { store, probes, clock, answerWithinMs = ANSWER_WITHIN_MS } = parts;
  let last: Promise<void> | undefined;

  async function tryStore(): Promise<void> {
    await store.ping();
    await probes.put({ id: 'readyz', at: clock() });
  }

  /** One at a time: a store that hangs is not asked more and more. */
  async function tryInTime(): Promise<void> {
    const trying = tryStore();
    const { promise: late, reject } = Promise.withResolvers<never>();
    const error = new Unavailable('the store does not answer in time');
    const timer = setTimeout(() => reject(error), answerWithinMs);
    const forget = () => {
      setTimeout(() => {
        last = undefined;
      }, TRY_EVERY_MS).unref();
    };
    trying.then(forget, forget);
    try {
      await Promise.race([trying, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    /** Throws `Unavailable` while it cannot. */
    async check(): Promise<void> {
      last ??= tryInTime();
      await last;
    },
  };
}
