import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { type Collection, declare } from '../../adapters/port.ts';
import type { Clock } from './clock.ts';

/** The right to do one kind of work, so that of all processes on one store one does it at a time. */
export const leaseSchema = z.strictObject({
  /** The work. */
  id: z.string(),
  /** Random name of the process that holds it. */
  holder: z.string(),
  /** From then on anybody may take it. */
  endsAt: z.number(),
});

export type Lease = z.infer<typeof leaseSchema>;

export const leaseDeclaration = declare<Lease>({ name: 'leases', schema: leaseSchema });

/** Longer than one batch of any work, at whose end the lease is renewed. */
const LEASE_SECONDS = 120;

/**
 * A lease on `work`. It keeps processes out of each other's way and no more than that: clocks differ and a
 * process may be stopped for longer than the lease runs, so the work itself must bear being done by two.
 */
export function createLease(work: string, parts: { leases: Collection<Lease>; clock: Clock }) {
  const { leases, clock } = parts;
  const holder = randomBytes(12).toString('base64url');

  return {
    /** Takes the lease, or renews it; answers whether it is ours now. */
    async hold(): Promise<boolean> {
      const ours = { holder, endsAt: clock() + LEASE_SECONDS };
      if (await leases.update(work, { set: ours }, [['holder', '=', holder]])) return true;
      if (await leases.update(work, { set: ours }, [['endsAt', '<=', clock()]])) return true;
      return (await leases.insertMany([{ id: work, ...ours }])) === 1;
    },

    /** Lets the next one have it at once. */
    async release(): Promise<void> {
      await leases.update(work, { set: { endsAt: 0 } }, [['holder', '=', holder]]);
    },
  };
}
