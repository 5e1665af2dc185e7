import Provider, { type Client as EngineClient, type KoaContextWithOIDC } from 'oidc-provider';
import { addressOf, noteCredential } from '../http/request.ts';

/*
 * The engine compares a secret in one place and writes a token in another, and passes no argument between the two. The
 * id of the secret goes there in the engine's own list of what a request found.
 */

/** The id of the live secret of this client that the value is; undefined for any other value. */
export type CheckSecret = (clientId: string, value: string, from: string) => Promise<string | undefined>;

const ENTITY = 'ClientSecret';

/** The engine's secrets are one placeholder for all; the real ones are compared here, as hashes, with each live one. */
export function compareSecretsAsHashes(provider: Provider, checkSecret: CheckSecret): void {
  provider.Client.prototype.compareClientSecret = async function compareClientSecret(
    this: EngineClient,
    actual: string,
  ) {
    const ctx = Provider.ctx;
    const secretId = await checkSecret(this.clientId, actual, ctx === undefined ? '' : addressOf(ctx));
    if (secretId !== undefined && ctx !== undefined) {
      ctx.oidc.entity(ENTITY, secretId);
      noteCredential(ctx, secretId);
    }
    return secretId !== undefined;
  };
}

/** A service's token names the secret that it was got with, and dies with it. */
export function secretClaimOf(
  ctx: KoaContextWithOIDC,
  token: { kind: string },
): { secret_id: string } | undefined {
  const secretId = token.kind === 'ClientCredentials' ? ctx.oidc.entities[ENTITY] : undefined;
  return typeof secretId === 'string' ? { secret_id: secretId } : undefined;
}
