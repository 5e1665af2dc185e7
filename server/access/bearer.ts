import type { Collection } from '../../adapters/port.ts';
import { type Account, isActive } from '../accounts/account.ts';
import { type Client, isLiveClient } from '../credentials/client.ts';
import { type Credential, type CredentialState, endOf, stateOf } from '../credentials/credential.ts';
import type { ImportedKeys } from '../credentials/imported-keys.ts';
import type { Narrowing } from '../credentials/narrowing.ts';
import { type Scopes, scopesIn, scopesLeft } from '../credentials/scopes.ts';
import { checkFormat } from '../credentials/secret-format.ts';
import type { Clock } from '../ground/clock.ts';
import type { Metadata } from '../ground/metadata.ts';
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
  /** Where and how far it works beyond that, if its owner said so. */
  narrowing?: Narrowing | undefined;
  /** What the owner of the app noted of the token; with that of its account it is `metadataOf`. */
  metadata?: Metadata | undefined;
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
  refused: 'malformed' | 'unknown' | 'expired' | 'revoked' | 'paused' | 'suspended';
  /** When it expired, was revoked or paused, epoch seconds. */
  at?: number | undefined;
  tokenId?: string;
  tokenKind?: string;
  tokenName?: string;
  accountId?: string;
  clientId?: string;
  /** The row of one that somebody made and named. */
  credential?: Credential;
  /** A honey token that somebody came with. */
  honey?: Credential;
};

type Judged = Bearer | BearerRefusal;

/** Nothing is said of a token that is none, or of one whose account is gone. */
const UNKNOWN: BearerRefusal = { refused: 'unknown' };

/** How introspection and the activity name a credential, whatever its kind (design section 2). */
export type TokenNames = { token_kind: string; token_name: string; token_id: string };

/** How a live token is named to whoever may know of it. */
export function namesOf(bearer: Bearer, tokenKind: string = bearer.tokenKind): TokenNames {
  return { token_kind: tokenKind, token_name: bearer.tokenName, token_id: bearer.tokenId };
}

const NO_METADATA: Metadata = Object.freeze(Object.create(null));

/**
 * What the owner of the app noted: the keys of the account, and over them those of the token. Nothing for a service that
 * acts for the whole app: it stands for no account.
 */
export function metadataOf({
  account,
  actsFor,
  metadata,
}: Pick<Bearer, 'account' | 'actsFor' | 'metadata'>): Metadata {
  const ofAccount = actsFor === 'account' ? account.metadata : undefined;
  if (ofAccount === undefined && metadata === undefined) return NO_METADATA;
  // Without a prototype: what is not noted is not there, whatever it is called.
  return Object.freeze(Object.assign(Object.create(null), ofAccount, metadata));
}

/** What the owner's app itself knows the account by; nothing for a service that acts for the whole app. */
export function externalIdOf({ account, actsFor }: Bearer): string | undefined {
  return actsFor === 'account' ? account.externalId : undefined;
}

type OwnersClaims = { metadata?: Metadata; external_id?: string };

/** Both as introspection gives them: left out where there is none. */
export function ownersClaims(bearer: Bearer): OwnersClaims {
  const metadata = metadataOf(bearer);
  const externalId = externalIdOf(bearer);
  return {
    ...(metadata === NO_METADATA ? {} : { metadata: { ...metadata } }),
    ...(externalId === undefined ? {} : { external_id: externalId }),
  };
}

type Parts = {
  credentials: Collection<Credential>;
  artifacts: Collection<Artifact>;
  importedKeys: Pick<ImportedKeys, 'find'>;
  clients: Collection<Client>;
  accounts: Collection<Account>;
  lastUsed: LastUsed;
  scopes: Pick<Scopes, 'declared'>;
  clock: Clock;
};

type Described = { names: TokenNames & OwnersClaims; scopes: readonly string[] };

function described(bearer: Bearer, tokenKind?: string): Described {
  return { names: { ...namesOf(bearer, tokenKind), ...ownersClaims(bearer) }, scopes: bearer.scopes };
}

export type Bearers = ReturnType<typeof createBearers>;

/**
 * The one place that says whether a bearer token is good. Asked by the resource side and, through the engine's
 * storage, by the engine. It reads the store each time and keeps nothing, so a revocation holds from the next
 * call on, on every process.
 */
export function createBearers(parts: Parts) {
  const { artifacts, lastUsed } = parts;

  return {
    /** Answers for a presented value. Refuses a damaged one by its checksum, before any read. */
    find: (value: string): Promise<Judged> => find(parts, value),

    /**
     * The names, scopes and notes that introspection gives a live token of any kind, refresh tokens too; undefined for a
     * dead one. RFC 7662 section 2.2: a token that is not active is not told about.
     */
    async describe(value: string): Promise<Described | undefined> {
      const bearer = await find(parts, value);
      if (!('refused' in bearer)) return described(bearer);
      const artifact = await artifacts.get(artifactIdOf(value));
      if (artifact?.model !== 'RefreshToken') return undefined;
      const judged = await judgeAccessToken(parts, artifact);
      if ('refused' in judged) return undefined;
      return described(judged, 'refresh_token');
    },

    /** Notes that this token was used just now, for "last used": off the request path, at most once a minute. */
    noteUse(bearer: Bearer, from: string): void {
      const { tokenId, tokenKind, grantId, lastUsedAt } = bearer;
      if (tokenKind === 'personal_access_token') lastUsed.noteCredential({ id: tokenId, lastUsedAt }, from);
      if (grantId !== undefined) lastUsed.noteGrant({ id: grantId, lastUsedAt });
    },
  };
}

async function find(parts: Parts, value: string): Promise<Judged> {
  const { credentials, artifacts } = parts;
  const format = checkFormat(value);
  if (format === 'damaged') return { refused: 'malformed' };
  if (format === 'ours') return judgeCredential(parts, await credentials.find('hash', hashOf(value)));
  const artifact = await artifacts.get(artifactIdOf(value));
  if (artifact === undefined) return judgeCredential(parts, await parts.importedKeys.find(value));
  if (artifact.model !== 'AccessToken' && artifact.model !== 'ClientCredentials') return UNKNOWN;
  return judgeAccessToken(parts, artifact);
}

/** Whether it is a personal access token that may be used now, and whose it is. */
async function judgeCredential(parts: Parts, token: Credential | undefined): Promise<Judged> {
  if (token?.kind !== 'personal_access_token') return UNKNOWN;
  const names = { tokenId: token.id, tokenKind: token.kind, tokenName: token.name };
  const known = { ...names, accountId: token.accountId };
  const state = stateOf(token, parts.clock());
  if (state !== 'live') return { refused: state, at: since(token, state), ...known, credential: token };
  if (token.honey !== undefined) return { refused: 'unknown', ...known, honey: token };
  const account = await parts.accounts.get(token.accountId);
  if (account === undefined) return UNKNOWN;
  if (!isActive(account)) return { refused: 'suspended', at: account.suspendedAt, ...known };
  const { createdAt: issuedAt, expiresAt, lastUsedAt, narrowing, metadata } = token;
  const scopes = parts.scopes.declared(token.scopes);
  return {
    ...names,
    account,
    actsFor: 'account',
    scopes,
    narrowing,
    metadata,
    issuedAt,
    expiresAt,
    lastUsedAt,
  };
}

/** When a token came into this state. */
function since(token: Credential, state: CredentialState): number | undefined {
  const { revokedAt, pausedAt } = token;
  return { live: undefined, paused: pausedAt, expired: endOf(token), revoked: revokedAt }[state];
}

/**
 * Whether a token that the engine issued may be used now, and everything that it hangs on with it: client, grant or
 * secret, account. A refresh token is judged the same way.
 */
async function judgeAccessToken(parts: Parts, token: Artifact): Promise<Judged> {
  const clientId = token.clientId ?? '';
  const behind = token.model === 'ClientCredentials' ? secretBehind : grantBehind;
  const [client, parent] = await Promise.all([parts.clients.get(clientId), behind(parts, token)]);
  if (client === undefined) return UNKNOWN;
  // A part of its hash, so it names the token and opens nothing.
  const tokenId = `at_${token.id.slice(-20)}`;
  const names = { tokenId, tokenKind: 'access_token', tokenName: client.name } as const;
  const known = { ...names, accountId: token.accountId ?? client.accountId, clientId };
  if (token.revokedAt !== undefined) return { refused: 'revoked', at: token.revokedAt, ...known };
  if (token.expiresAt <= parts.clock()) return { refused: 'expired', at: token.expiresAt, ...known };
  if (!isLiveClient(client)) return { refused: 'revoked', at: client.revokedAt, ...known };
  if (client.pausedAt !== undefined) return { refused: 'paused', at: client.pausedAt, ...known };
  if (!parent.isLive) return { refused: 'revoked', at: parent.revokedAt, ...known };
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
    scopes: parts.scopes.declared(scopesLeft(scopesIn(token.payload.scope), client)),
    issuedAt: token.createdAt,
    expiresAt: token.expiresAt,
    grantId: token.grantId,
    lastUsedAt: parent.lastUsedAt,
  };
}

/** What an access token stands and falls with: an app's grant, or the client secret that a service used. */
type Parent = { isLive: boolean; revokedAt?: number | undefined; lastUsedAt?: number | undefined };

/** A secret that expired since ends nothing: a service's token lives for minutes. */
async function secretBehind(parts: Parts, token: Artifact): Promise<Parent> {
  const secretId = (token.payload.extra as { secret_id?: unknown } | undefined)?.secret_id;
  const secret = typeof secretId === 'string' ? await parts.credentials.get(secretId) : undefined;
  if (secret === undefined) return { isLive: false };
  const { revokedAt, lastUsedAt } = secret;
  return { isLive: revokedAt === undefined && secret.pausedAt === undefined, revokedAt, lastUsedAt };
}

async function grantBehind(parts: Parts, token: Artifact): Promise<Parent> {
  const grant = await parts.artifacts.get(token.grantId ?? '');
  if (grant?.model !== 'Grant' || grant.expiresAt <= parts.clock()) return { isLive: false };
  if (grant.clientId !== token.clientId || grant.accountId !== token.accountId) return { isLive: false };
  const { revokedAt, lastUsedAt } = grant;
  return { isLive: revokedAt === undefined, revokedAt, lastUsedAt };
}
