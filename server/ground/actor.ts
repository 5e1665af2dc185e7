import { z } from 'zod';

/** Who makes a change, and from where; handed down from the request (or the command line) to the domain. */
export const actorSchema = z.strictObject({
  kind: z.enum(['account', 'client', 'operator', 'system', 'reporter']),
  /** Account or client id; absent for the operator at the command line and for the system's own jobs. */
  id: z.string().optional(),
  /** Network address; absent for the command line. */
  from: z.string().optional(),
  requestId: z.string().optional(),
  /** Why an admin does it, or a service may do it as one, as it was told when it was made; absent for everybody else. */
  reason: z.string().optional(),
});

export type Actor = z.infer<typeof actorSchema>;

const NAMES: Record<Actor['kind'], string> = {
  account: 'the pages of this site',
  client: 'the app or service itself',
  operator: 'the operator of this site',
  system: 'this site itself',
  reporter: 'whoever reported a leak',
};

/**
 * Where a change came from, as mails say it: the network address, or who it was where there is none. Of an admin, and of
 * a service that an admin made, the owner is told why instead: the address would say nothing to them.
 */
export function originOf({ kind, from, reason }: Actor): string {
  if (reason === undefined) return from ?? NAMES[kind];
  return `${kind === 'client' ? 'a service of the admins' : 'an admin'} of this site (reason: ${reason})`;
}
