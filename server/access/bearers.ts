import type { Collection } from '../../adapters/port.ts';
import type { Account } from '../accounts/account.ts';
import type { Client } from '../credentials/client.ts';
import type { Credential } from '../credentials/credential.ts';
import { checkFormat } from '../credentials/secret-format.ts';
import type { Clock } from '../ground/clock.ts';
import { hashOf } from '../ground/opaque.ts';
import { type Artifact, artifactIdOf } from './artifact.ts';
import type { LastUsed } from './last-used.ts';

/** A live bearer token, whichever way it was got, and whoever stands behind it. */
export type Bearer = {
  tokenId: string;
  tokenKind: 'personal_access_token' | 'access_token';
  /** The name its owner gave it; for an access token the name of its service or app. */
  tokenName: string;
  account: Account;
  /** The service or app that holds it; absent for a personal access token. */
  client?: Client;
  actsFor: 'account' | 'app';
  scopes: readonly string[];
  issuedAt: number;
  /** Absent: does not expire. */
  expiresAt?: number | undefined;
  /** The grant that an app's access token hangs on. */
  grantId?: string | undefined;
  /** When its use, or that of its grant, was last noted, as the row was read. */
  lastUsedAt?: number | undefined;
};

/** Why a token is refused; the ids are there when we know which credential it is. */
export type BearerRefusal = {
  refused: 'malformed' | 'unknown' | 'expired' | 'revoked' | 'suspended';
  /** When it expired or was revoked, epoch seconds. */
  at?: number;
  tokenId?: string;
  tokenKind?: string;
  tokenName?: string;
  accountId?: string;
  clientId?: string;
};

/** How introspection and the activity name a credential, whatever its kind (design section 2). */
export type TokenNames = { token_kind: string; token_name: string; token_id: string };

export type Bearers = ReturnType<typeof createBearers>;

type Holder = { revokedAt?: number | undefined; lastUsedAt?: number | undefined };

const UNKNOWN: BearerRefusal = { refused: 'unknown' };

/**
 * The one place that says whether a bearer token is good. Asked by the resource side and, through storage.ts,
 * by the engine. It reads the store each time and keeps nothing, so a revocation holds from the next call on,
 * on every process.
 */
export function createBearers(parts: {
  credentials: Collection<Credential>;
  artifacts: Collection<Artifact>;
  clients: Collection<Client>;
  accounts: Collection<Account>;
  lastUsed: LastUsed;
  clock: Clock;
}) {
  const { credentials, artifacts, clients, accounts, lastUsed, clock } = parts;

  async function findPersonalAccessToken(value: string): Promise<Bearer | BearerRefusal> {
    const credential = await credentials.find('hash', hashOf(value));
    if (credential === undefined || credential.kind !== 'personal_access_token') return UNKNOWN;
    const known = {
      tokenId: credential.id,
      tokenKind: credential.kind,
      tokenName: credential.name,
      accountId: credential.accountId,
    };
    if (credential.revokedAt !== undefined) return { refused: 'revoked', at: credential.revokedAt, ...known };
    if (credential.expiresAt !== undefined && credential.expiresAt <= clock()) {
      return { refused: 'expired', at: credential.expiresAt, ...known };
    }
    const account = await accounts.get(credential.accountId);
    if (account === undefined) return UNKNOWN;
    if (account.suspendedAt !== undefined) return { refused: 'suspended', at: account.suspendedAt, ...known };
    return {
      tokenId: credential.id,
      tokenKind: 'personal_access_token',
      tokenName: credential.name,
      account,
      actsFor: 'account',
      scopes: credential.scopes,
      issuedAt: credential.createdAt,
      expiresAt: credential.expiresAt,
      lastUsedAt: credential.lastUsedAt,
    };
  }

  async function findAccessToken(value: string): Promise<Bearer | BearerRefusal> {
    const artifact = await artifacts.get(artifactIdOf(value));
    if (artifact?.model !== 'AccessToken' && artifact?.model !== 'ClientCredentials') return UNKNOWN;
    return judge(artifact);
  }

  /**
   * Whether an access token's row is live, and everything that it hangs on with it: client, grant or secret,
   * account.
   */
  async function judge(artifact: Artifact): Promise<Bearer | BearerRefusal> {
    const clientId = artifact.clientId ?? '';
    const [client, heldBy] = await Promise.all([clients.get(clientId), holderOf(artifact)]);
    if (client === undefined) return UNKNOWN;
    const known = {
      tokenId: publicIdOf(artifact),
      tokenKind: 'access_token',
      tokenName: client.name,
      accountId: artifact.accountId ?? client.accountId,
      clientId,
    };
    if (artifact.expiresAt <= clock()) return { refused: 'expired', at: artifact.expiresAt, ...known };
    if (client.revokedAt !== undefined) return { refused: 'revoked', at: client.revokedAt, ...known };
    if (heldBy === undefined || heldBy.revokedAt !== undefined) {
      return {
        refused: 'revoked',
        ...(heldBy?.revokedAt === undefined ? {} : { at: heldBy.revokedAt }),
        ...known,
      };
    }
    const account = await accounts.get(known.accountId);
    if (account === undefined) return UNKNOWN;
    if (account.suspendedAt !== undefined) return { refused: 'suspended', at: account.suspendedAt, ...known };
    // An app stands and falls with its developer's account too.
    const owner = client.accountId === account.id ? account : await accounts.get(client.accountId);
    if (owner === undefined || owner.suspendedAt !== undefined) return { refused: 'revoked', ...known };
    return {
      tokenId: known.tokenId,
      tokenKind: 'access_token',
      tokenName: client.name,
      account,
      client,
      actsFor: client.kind === 'service' ? client.actsFor : 'account',
      scopes: typeof artifact.payload.scope === 'string' ? artifact.payload.scope.split(' ') : [],
      issuedAt: artifact.createdAt,
      expiresAt: artifact.expiresAt,
      grantId: artifact.grantId,
      lastUsedAt: heldBy.lastUsedAt,
    };
  }

  /** What an access token stands and falls with: an app's grant, or the client secret that a service used. */
  async function holderOf(artifact: Artifact): Promise<Holder | undefined> {
    if (artifact.model === 'ClientCredentials') {
      const secretId = (artifact.payload.extra as { secret_id?: unknown } | undefined)?.secret_id;
      return typeof secretId === 'string' ? credentials.get(secretId) : undefined;
    }
    const grant = await artifacts.get(artifact.grantId ?? '');
    if (grant === undefined || grant.model !== 'Grant' || grant.expiresAt <= clock()) return undefined;
    return grant.clientId === artifact.clientId && grant.accountId === artifact.accountId ? grant : undefined;
  }

  function find(value: string): Promise<Bearer | BearerRefusal> {
    const format = checkFormat(value);
    if (format === 'foreign') return findAccessToken(value);
    if (format === 'damaged') return Promise.resolve({ refused: 'malformed' });
    return value.startsWith('lk_pat_') ? findPersonalAccessToken(value) : Promise.resolve(UNKNOWN);
  }

  return {
    /** Answers for a presented value. Refuses a damaged one by its checksum, before any read. */
    find,

    /**
     * The names that introspection gives a live token of any kind, refresh tokens too; undefined for a dead
     * one. RFC 7662 section 2.2: a token that is not active is not told about.
     */
    async describe(value: string): Promise<TokenNames | undefined> {
      const bearer = await find(value);
      if (!('refused' in bearer)) return namesOf(bearer);
      const artifact = await artifacts.get(artifactIdOf(value));
      if (artifact?.model !== 'RefreshToken') return undefined;
      const judged = await judge(artifact);
      return 'refused' in judged ? undefined : namesOf(judged, 'refresh_token');
    },

    /**
     * Notes that this token was used just now, for "last used": off the request path, at most once a minute.
     */
    used(bearer: Bearer, from: string): void {
      const { tokenId, tokenKind, grantId, lastUsedAt } = bearer;
      if (tokenKind === 'personal_access_token') lastUsed.noteCredential({ id: tokenId, lastUsedAt }, from);
      if (grantId !== undefined) lastUsed.noteGrant({ id: grantId, lastUsedAt });
    },
  };
}

/** How a live token is named to whoever may know of it. */
export function namesOf(bearer: Bearer, tokenKind: string = bearer.tokenKind): TokenNames {
  return { token_kind: tokenKind, token_name: bearer.tokenName, token_id: bearer.tokenId };
}

/** An access token's `token_id`: a part of its hash, so it names the token and opens nothing. */
export function publicIdOf(artifact: Artifact): string {
  return `at_${artifact.id.slice(-20)}`;
}
