import { z } from 'zod';
import { declare } from '../../adapters/port.ts';
import { pendingEffects } from '../effects.ts';

/**
 * What the engine keeps: sessions, interactions, grants, codes and tokens. Its id is the SHA-256 of the bearer
 * value (a grant's id is no secret and stands as it is), so no row holds anything that opens something.
 */
export const artifactSchema = z.strictObject({
  id: z.string(),
  model: z.string(),
  payload: z.record(z.string(), z.unknown()),
  accountId: z.string().optional(),
  clientId: z.string().optional(),
  grantId: z.string().optional(),
  uid: z.string().optional(),
  consumedAt: z.number().optional(),
  /** A grant that was ended: gone for everybody, kept until its effects have settled and the sweep takes it. */
  revokedAt: z.number().optional(),
  createdAt: z.number(),
  lastUsedAt: z.number().optional(),
  expiresAt: z.number(),
  ...pendingEffects,
});

export type Artifact = z.infer<typeof artifactSchema>;

export const artifactDeclaration = declare<Artifact>({
  name: 'artifacts',
  schema: artifactSchema,
  indexes: [['grantId'], ['uid'], ['accountId', 'model'], ['clientId', 'model'], ['expiresAt'], ['pendingAt']],
});
