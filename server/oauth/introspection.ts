import type { Context, Next } from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { TokenNames } from '../access/bearer.ts';
import type { Bearers } from '../access/bearers.ts';
import { apiResource } from '../ground/api-address.ts';
import { PERSONAL_CLIENT_ID } from './artifact-storage.ts';

type Introspected = {
  clientId?: string | undefined;
  jti: string;
  extra?: unknown;
  aud?: string | string[] | undefined;
};

/**
 * Has the engine's answer (RFC 7662 section 2.2) name the token the way all of Latchkey does; false for one that is
 * dead. A token for no stated resource is for this server's API.
 */
export async function nameIntrospected(
  token: Introspected,
  describe: Bearers['describe'],
  url: string,
): Promise<boolean> {
  // A personal access token was judged when the storage gave it, a moment ago, and brought its names along.
  const names =
    token.clientId === PERSONAL_CLIENT_ID ? (token.extra as TokenNames) : await describe(token.jti);
  if (names === undefined) return false;
  token.extra = names;
  token.aud ??= apiResource(url);
  return true;
}

/** The client that the engine knows personal access tokens under is nobody's business. */
export async function hidePersonalClient(ctx: Context, next: Next): Promise<void> {
  await next();
  const { oidc } = ctx as Partial<KoaContextWithOIDC>;
  if (oidc?.route !== 'introspection') return;
  const body = ctx.body as { client_id?: string } | undefined;
  if (body?.client_id === PERSONAL_CLIENT_ID) delete body.client_id;
}
