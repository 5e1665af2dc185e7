import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Collection } from '../../adapters/port.ts';
import type { Clock } from './clock.ts';
import { createLease, type Lease } from './lease.ts';

/**
 * Rows of `collection` go when `field` is `keepSeconds` (default: a minute) past. The declaration indexes
 * `field`.
 */
export type Expiring = {
  [F in 'expiresAt' | 'sentAt' | 'failedAt']: {
    collection: Pick<Collection<{ id: string } & Record<F, number>>, 'removeMany'>;
    field: F;
    keepSeconds?: number;
  };
}['expiresAt' | 'sentAt' | 'failedAt'];

const EVERY_MS = 30_000;
const LEASE_SECONDS = 120;
/** Few enough that nobody waits noticeably behind a batch. */
const BATCH_ROWS = 500;
const PAUSE_MS = 50;
/** Longer than the effects of a row may wait to be swept, so that none goes down with its row. */
const KEEP_SECONDS = 60;

/**
 * Periodic work: moves on the effects that a dead process left behind, and removes expired rows in small
 * batches on every engine, so that row counts come back to where they were. One process at a time does it.
 */
export function createJobs(parts: {
  effects: { sweep(): Promise<void> };
  leases: Collection<Lease>;
  clock: Clock;
  log: Pick<Logger, 'error'>;
  expiring: readonly Expiring[];
  /** Puts the activity where it is listed. */
  settleActivity: () => Promise<void>;
}) {
  const { effects, leases, clock, log, expiring, settleActivity } = parts;
  const lease = createLease({ leases, clock, work: 'jobs', ttlSeconds: LEASE_SECONDS });
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<unknown> = Promise.resolve();
  let stopped = false;

  /**
   * Effects first: a row that is removed takes its effects with it. The activity last: where it has a file of its own,
   * only that may be in trouble.
   */
  async function work(): Promise<void> {
    await effects.sweep();
    for (const entry of expiring) await removeExpired(entry);
    await settleActivity();
  }

  async function removeExpired(entry: Expiring): Promise<void> {
    const before = clock() - (entry.keepSeconds ?? KEEP_SECONDS);
    while (!stopped && (await removeBatch(entry, before)) === BATCH_ROWS) {
      await delay(PAUSE_MS);
      if (!(await lease.hold())) return;
    }
  }

  async function runOnce(): Promise<boolean> {
    if (stopped || !(await lease.hold())) return false;
    try {
      await work();
    } finally {
      await lease.release();
    }
    return true;
  }

  function turn(): void {
    running = runOnce()
      .catch((error: unknown) =>
        log.error({ err: error }, 'periodic work was cut short, the next turn goes on'),
      )
      .finally(() => {
        if (stopped) return;
        timer = setTimeout(turn, EVERY_MS);
        timer.unref();
      });
  }

  return {
    /** All of the work, now; answers false when another process is at it. */
    runOnce,

    start(): void {
      turn();
    },

    /** Waits for the batch that is under way. */
    async stop(): Promise<void> {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

function removeBatch(entry: Expiring, before: number): Promise<number> {
  switch (entry.field) {
    case 'expiresAt':
      return entry.collection.removeMany([['expiresAt', '<=', before]], BATCH_ROWS);
    case 'sentAt':
      return entry.collection.removeMany([['sentAt', '<=', before]], BATCH_ROWS);
    case 'failedAt':
      return entry.collection.removeMany([['failedAt', '<=', before]], BATCH_ROWS);
  }
}
