import { z } from 'zod';
import { declare } from '../../adapters/port.ts';

/** Who makes a change, and from where; handed down from the request (or the command line) to the domain. */
export const actorSchema = z.strictObject({
  kind: z.enum(['account', 'client', 'operator', 'system']),
  /** Account or client id; absent for the operator at the command line and for the system's own jobs. */
  id: z.string().optional(),
  /** Network address; absent for the command line. */
  from: z.string().optional(),
  requestId: z.string().optional(),
});

export type Actor = z.infer<typeof actorSchema>;

/** One change of an account, credential, client, grant or setting. Append-only. */
export const auditSchema = z.strictObject({
  id: z.string(),
  at: z.number(),
  /** Whose account it concerns: the one whose /activity shows it. */
  accountId: z.string(),
  actor: actorSchema,
  /** `token.created`, `token.revoked`, `service.created`, `app.allowed`, `account.password_changed`, … */
  action: z.string(),
  /** Id of the thing changed, and its name as people know it. */
  targetId: z.string(),
  targetName: z.string(),
});

export type AuditEntry = z.infer<typeof auditSchema>;

export const auditDeclaration = declare<AuditEntry>({
  name: 'audit',
  schema: auditSchema,
  indexes: [['accountId', 'at']],
});
