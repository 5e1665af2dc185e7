import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Collection } from '../../adapters/port.ts';
import type { Clock } from './clock.ts';
import { createLease, type Lease } from './lease.ts';

/** Does one batch of some work; answers true where there is more of it. */
export type Work = () => Promise<unknown>;

const EVERY_MS = 30_000;
/** Where another process is at it, or died at it: its lease is one of seconds. */
const AGAIN_MS = 5_000;
const PAUSE_MS = 50;
/** What is left of one work then waits for the next turn: it must not hold up the others. */
const BATCHES_MAX = 200;

/** Periodic work, one after another in small batches. One process at a time does it. */
export function createJobs(parts: {
  leases: Collection<Lease>;
  clock: Clock;
  log: Pick<Logger, 'info' | 'error'>;
  works: readonly Work[];
}) {
  const { leases, clock, log, works } = parts;
  const lease = createLease('jobs', { leases, clock });
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<unknown> = Promise.resolve();
  let stopped = false;

  async function doAll(work: Work): Promise<void> {
    for (let batch = 1; !stopped && (await work()) === true && batch < BATCHES_MAX; batch += 1) {
      await delay(PAUSE_MS);
      if (!(await lease.hold())) return;
    }
  }

  async function runOnce(): Promise<boolean> {
    if (stopped || !(await lease.hold())) return false;
    try {
      for (const work of works) await doAll(work);
    } finally {
      await lease.release();
    }
    return true;
  }

  /** Answers when to look again. */
  async function turn(): Promise<number> {
    try {
      if (await runOnce()) return EVERY_MS;
      if (!stopped) {
        log.info({ endsIn: await lease.endsIn() }, 'periodic work waits for the lease of another process');
      }
      return AGAIN_MS;
    } catch (error) {
      log.error({ err: error }, 'periodic work was cut short, the next turn goes on');
      return EVERY_MS;
    }
  }

  function runPeriodically(): void {
    running = turn().then((waitMs) => {
      if (stopped) return;
      timer = setTimeout(runPeriodically, waitMs);
      timer.unref();
    });
  }

  return {
    /** All of the work, now; answers false when another process is at it. */
    runOnce,

    start: runPeriodically,

    /** Waits for the batch that is under way. */
    async stop(): Promise<void> {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
