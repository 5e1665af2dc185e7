import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { type Collection, declare } from '../../adapters/port.ts';
import type { Clock } from './clock.ts';

/** The right to do one kind of work, so that of all processes on one store one does it at a time. */
const leaseSchema = z.strictObject({
  /** The work. */
  id: z.string(),
  /** Random name of the process that holds it. */
  holder: z.string(),
  /** From then on anybody may take it. */
  endsAt: z.number(),
});

export type Lease = z.infer<typeof leaseSchema>;

export const leaseDeclaration = declare<Lease>({ name: 'leases', schema: leaseSchema });

/** So long the next process waits when one has died. What is held is renewed all the time, so it need not be long. */
export const LEASE_SECONDS = 10;
/** Three times within its length: one renewal may be late, or fail. */
export const RENEWAL_MS = 3_000;
/**
 * What ends later than this was written by a clock that was wrong, and holds nobody up. The difference to the length is
 * how far the clocks of two machines may be apart.
 */
export const VOID_BEYOND_SECONDS = LEASE_SECONDS + 5;

/**
 * A lease on `work`. It keeps processes out of each other's way and no more than that: clocks differ and a
 * process may be stopped for longer than the lease runs, so the work itself must bear being done by two.
 */
export function createLease(work: string, parts: { leases: Collection<Lease>; clock: Clock }) {
  const { leases, clock } = parts;
  const holder = randomBytes(12).toString('base64url');
  let renewal: NodeJS.Timeout | undefined;

  async function renew(): Promise<boolean> {
    const ours = { holder, endsAt: clock() + LEASE_SECONDS };
    return (await leases.update(work, { set: ours }, [['holder', '=', holder]])) !== undefined;
  }

  async function take(): Promise<boolean> {
    const now = clock();
    const ours = { holder, endsAt: now + LEASE_SECONDS };
    if (await leases.update(work, { set: ours }, [['endsAt', '<=', now]])) return true;
    if (await leases.update(work, { set: ours }, [['endsAt', '>', now + VOID_BEYOND_SECONDS]])) return true;
    return (await leases.insertMany([{ id: work, ...ours }])) === 1;
  }

  function keepUp(): void {
    // A renewal that fails is made up for by the next one, or the lease ends and another process goes on.
    renewal ??= setInterval(() => void renew().catch(() => undefined), RENEWAL_MS).unref();
  }

  function letGo(): void {
    clearInterval(renewal);
    renewal = undefined;
  }

  return {
    /** Takes the lease, or renews it; answers whether it is ours now. It is renewed until `release`. */
    async hold(): Promise<boolean> {
      const isOurs = (await renew()) || (await take());
      if (isOurs) keepUp();
      else letGo();
      return isOurs;
    },

    /** In how many seconds the lease of another process ends; 0 where there is none. */
    async endsIn(): Promise<number> {
      const row = await leases.get(work);
      return Math.max(0, (row?.endsAt ?? 0) - clock());
    },

    /** Lets the next one have it at once. */
    async release(): Promise<void> {
      letGo();
      await leases.update(work, { set: { endsAt: 0 } }, [['holder', '=', holder]]);
    },
  };
}
