import { z } from 'zod';
import { declare } from '../../adapters/port.ts';
import { pendingEffects } from '../effects/effects.ts';

/** An OAuth 2.0 client: a service (client_credentials) or an app (authorization code with PKCE). */
export const clientSchema = z.strictObject({
  /** The `client_id`: `svc_` or `app_` and 20 base62 characters. */
  id: z.string(),
  kind: z.enum(['service', 'app']),
  name: z.string(),
  /** The account that registered it. */
  accountId: z.string(),
  /**
   * A service acts within its owner's own data (`account`) or, made by an admin, for the whole app (`app`).
   */
  actsFor: z.enum(['account', 'app']),
  /** Every scope it may ask for. */
  scopes: z.array(z.string()),
  /** May ask /oauth/introspect about any credential (design: only such clients may). */
  resourceServer: z.boolean(),
  /** Why it has the `admin` scope. */
  reason: z.string().optional(),
  redirectUris: z.array(z.string()),
  postLogoutRedirectUris: z.array(z.string()),
  applicationType: z.enum(['web', 'native']),
  /** A public client keeps no secret (RFC 6749 section 2.1); PKCE protects it. */
  confidential: z.boolean(),
  createdAt: z.number(),
  revokedAt: z.number().optional(),
  ...pendingEffects,
});

export type Client = z.infer<typeof clientSchema>;

export const clientDeclaration = declare<Client>({
  name: 'clients',
  schema: clientSchema,
  indexes: [['accountId', 'createdAt'], ['pendingAt']],
});
