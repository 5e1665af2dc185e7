import { z } from 'zod';
import { declare } from '../../adapters/port.ts';
import { actorSchema } from '../ground/actor.ts';

/** Whom an entry concerns that is about nobody's account, such as an invitation. */
export const NO_ACCOUNT = '';

/** One change of an account, credential, client, grant or setting. Append-only. */
export const auditSchema = z.strictObject({
  id: z.string(),
  at: z.number(),
  /** Whose account it concerns: the one whose /activity shows it; or `NO_ACCOUNT`. */
  accountId: z.string(),
  actor: actorSchema,
  /** What it is found by: the actor's id, or its kind where it has none. */
  actorKey: z.string().optional(),
  /** `token.created`, `token.revoked`, `service.created`, `app.allowed`, `account.password_changed`, … */
  action: z.string(),
  /** Id of the thing changed, and its name as people know it. */
  targetId: z.string(),
  targetName: z.string(),
  /** Set for what was tried and refused, which is a sign-in: all else is there only if it was done. */
  refused: z.boolean().optional(),
  /** How many such acts within a minute it stands for; absent: one. */
  count: z.number().optional(),
  /** The one of them that was counted last: a delivery that is repeated counts nothing twice. */
  countedLast: z.string().optional(),
});

export type AuditEntry = z.infer<typeof auditSchema>;

export const auditDeclaration = declare<AuditEntry>({
  name: 'audit',
  schema: auditSchema,
  indexes: [
    ['accountId', 'at'],
    ['accountId', 'targetId', 'at'],
    ['refused', 'accountId', 'at'],
    // Of everybody.
    ['at'],
    ['targetId', 'at'],
    ['actorKey', 'at'],
    ['action', 'at'],
  ],
});

/** The same entry, to be found by who did it. */
export function withActorKey(entry: AuditEntry): AuditEntry {
  return { ...entry, actorKey: entry.actor.id ?? entry.actor.kind };
}
