import type { Collection } from '../../adapters/port.ts';
import { type Account, isActive } from '../accounts/account.ts';
import { type Client, isLiveClient } from '../credentials/client.ts';
import { type Credential, stateOf } from '../credentials/credential.ts';
import type { Clock } from '../ground/clock.ts';
import type { Artifact } from './artifact.ts';
import { type Bearer, type BearerRefusal, UNKNOWN } from './bearer.ts';

type Parts = {
  artifacts: Collection<Artifact>;
  clients: Collection<Client>;
  credentials: Collection<Credential>;
  accounts: Collection<Account>;
  clock: Clock;
};

/**
 * Whether a token that the engine issued may be used now, and everything that it hangs on with it: client, grant or
 * secret, account. A refresh token is judged the same way.
 */
export async function judgeAccessToken(parts: Parts, token: Artifact): Promise<Bearer | BearerRefusal> {
  const clientId = token.clientId ?? '';
  const [client, hold] = await Promise.all([parts.clients.get(clientId), holdOf(parts, token)]);
  if (client === undefined) return UNKNOWN;
  const names = { tokenId: publicIdOf(token), tokenKind: 'access_token', tokenName: client.name } as const;
  const known = { ...names, accountId: token.accountId ?? client.accountId, clientId };
  if (token.expiresAt <= parts.clock()) return { refused: 'expired', at: token.expiresAt, ...known };
  if (!isLiveClient(client)) return { refused: 'revoked', at: client.revokedAt, ...known };
  if (!hold.stands) return { refused: 'revoked', at: hold.revokedAt, ...known };
  const account = await parts.accounts.get(known.accountId);
  if (account === undefined) return UNKNOWN;
  if (!isActive(account)) return { refused: 'suspended', at: account.suspendedAt, ...known };
  // An app stands and falls with its developer's account too.
  const isOwners = client.accountId === account.id;
  if (!isOwners && !isActive(await parts.accounts.get(client.accountId)))
    return { refused: 'revoked', ...known };
  return {
    ...names,
    account,
    client,
    actsFor: client.kind === 'service' ? client.actsFor : 'account',
    scopes: typeof token.payload.scope === 'string' ? token.payload.scope.split(' ') : [],
    issuedAt: token.createdAt,
    expiresAt: token.expiresAt,
    grantId: token.grantId,
    lastUsedAt: hold.lastUsedAt,
  };
}

/** An access token's `token_id`: a part of its hash, so it names the token and opens nothing. */
function publicIdOf(token: Artifact): string {
  return `at_${token.id.slice(-20)}`;
}

/** What an access token stands and falls with: an app's grant, or the client secret that a service used. */
type Hold = { stands: boolean; revokedAt?: number | undefined; lastUsedAt?: number | undefined };

async function holdOf(parts: Parts, token: Artifact): Promise<Hold> {
  return token.model === 'ClientCredentials' ? holdOfSecret(parts, token) : holdOfGrant(parts, token);
}

/** A secret that expired since ends nothing: a service's token lives for minutes. */
async function holdOfSecret(parts: Parts, token: Artifact): Promise<Hold> {
  const secretId = (token.payload.extra as { secret_id?: unknown } | undefined)?.secret_id;
  const secret = typeof secretId === 'string' ? await parts.credentials.get(secretId) : undefined;
  if (secret === undefined) return { stands: false };
  const { revokedAt, lastUsedAt } = secret;
  return { stands: stateOf(secret, parts.clock()) !== 'revoked', revokedAt, lastUsedAt };
}

async function holdOfGrant(parts: Parts, token: Artifact): Promise<Hold> {
  const grant = await parts.artifacts.get(token.grantId ?? '');
  if (grant?.model !== 'Grant' || grant.expiresAt <= parts.clock()) return { stands: false };
  if (grant.clientId !== token.clientId || grant.accountId !== token.accountId) return { stands: false };
  const { revokedAt, lastUsedAt } = grant;
  return { stands: revokedAt === undefined, revokedAt, lastUsedAt };
}
