import type { Collection } from '../../adapters/port.ts';
import type { Account } from '../accounts/account.ts';
import type { Client } from '../credentials/client.ts';
import type { Credential } from '../credentials/credential.ts';
import { checkFormat } from '../credentials/secret-format.ts';
import type { Clock } from '../ground/clock.ts';
import { hashOf } from '../ground/opaque.ts';
import { judgeAccessToken } from './access-token.ts';
import { type Artifact, artifactIdOf } from './artifact.ts';
import { type Bearer, type BearerRefusal, namesOf, type TokenNames, UNKNOWN } from './bearer.ts';
import type { LastUsed } from './last-used.ts';
import { judgePersonalAccessToken } from './personal-access-token.ts';

export type Bearers = ReturnType<typeof createBearers>;

/**
 * The one place that says whether a bearer token is good. Asked by the resource side and, through the engine's
 * storage, by the engine. It reads the store each time and keeps nothing, so a revocation holds from the next
 * call on, on every process.
 */
export function createBearers(parts: {
  credentials: Collection<Credential>;
  artifacts: Collection<Artifact>;
  clients: Collection<Client>;
  accounts: Collection<Account>;
  lastUsed: LastUsed;
  clock: Clock;
}) {
  const { credentials, artifacts, lastUsed } = parts;

  async function findAccessToken(value: string): Promise<Bearer | BearerRefusal> {
    const artifact = await artifacts.get(artifactIdOf(value));
    if (artifact?.model !== 'AccessToken' && artifact?.model !== 'ClientCredentials') return UNKNOWN;
    return judgeAccessToken(parts, artifact);
  }

  /** Answers for a presented value. Refuses a damaged one by its checksum, before any read. */
  async function find(value: string): Promise<Bearer | BearerRefusal> {
    const format = checkFormat(value);
    if (format === 'foreign') return findAccessToken(value);
    if (format === 'damaged') return { refused: 'malformed' };
    if (!value.startsWith('lk_pat_')) return UNKNOWN;
    return judgePersonalAccessToken(parts, await credentials.find('hash', hashOf(value)));
  }

  return {
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
      const judged = await judgeAccessToken(parts, artifact);
      return 'refused' in judged ? undefined : namesOf(judged, 'refresh_token');
    },

    /**
     * Notes that this token was used just now, for "last used": off the request path, at most once a minute.
     */
    noteUse(bearer: Bearer, from: string): void {
      const { tokenId, tokenKind, grantId, lastUsedAt } = bearer;
      if (tokenKind === 'personal_access_token') lastUsed.noteCredential({ id: tokenId, lastUsedAt }, from);
      if (grantId !== undefined) lastUsed.noteGrant({ id: grantId, lastUsedAt });
    },
  };
}
