import type { Adapter, AdapterPayload } from 'oidc-provider';
import Provider from 'oidc-provider';
import { type Collection, Taken } from '../../adapters/port.ts';
import type { Artifact } from '../access/artifact.ts';
import { sessionRowId } from '../access/session-list.ts';
import type { Account } from '../accounts/account.ts';
import type { Clock } from '../ground/clock.ts';
import { hashOf } from '../ground/opaque.ts';

/** As the engine saves it, with what saveSecurityVersionWithSessions of overrides.ts adds. */
type SessionPayload = AdapterPayload & { securityVersion?: number };

type Parts = {
  artifacts: Collection<Artifact>;
  clock: Clock;
  /** The account, unless it is suspended or gone. */
  findAccount: (id: string) => Promise<Account | undefined>;
};

const NOT_ENDED = [['revokedAt', 'absent']] as const;

/**
 * The engine's adapter of the model Session: how sessions are written, found and ended in the store. (What our pages do
 * with them stands in browser-sessions.ts.) A session that was ended stays as a mark until it would have expired: the
 * engine writes back every session that a request has read, and one that was ended meanwhile must not come back. Each
 * carries the `securityVersion` of the account as it was when the person proved themselves, and dies when that changes.
 */
export function createSessionStorage(parts: Parts): Adapter {
  const { artifacts, clock } = parts;

  async function payloadOf(row: Artifact | undefined, id?: string): Promise<AdapterPayload | undefined> {
    if (row === undefined || row.revokedAt !== undefined || !(await isValid(parts, row))) return undefined;
    // A copy, because the engine changes what it is given.
    return { ...structuredClone(row.payload), ...(id === undefined ? {} : { jti: id }) };
  }

  return {
    upsert: (id, payload, ttl) => save(parts, id, payload, ttl ?? 0),
    find: async (id) => payloadOf(await artifacts.find('valueHash', hashOf(id)), id),
    // Only read by the engine; its bearer value is not known here and not needed.
    findByUid: async (uid) => payloadOf(await artifacts.get(sessionRowId(uid))),
    destroy: async (id) => {
      const row = await artifacts.find('valueHash', hashOf(id));
      const uid = row?.uid ?? Provider.ctx?.oidc?.session?.uid;
      if (uid === undefined) return;
      await artifacts.update(sessionRowId(uid), { set: { revokedAt: clock() } }, NOT_ENDED);
    },
    findByUserCode: async () => undefined,
    consume: async () => undefined,
    revokeByGrantId: async () => undefined,
  };
}

/** Whether nobody is signed in in it, or somebody whose account stands as it did then. */
async function isValid({ findAccount }: Parts, row: Artifact): Promise<boolean> {
  if (row.accountId === undefined) return true;
  const account = await findAccount(row.accountId);
  return account !== undefined && (account.securityVersion ?? 0) === (row.securityVersion ?? 0);
}

async function save(parts: Parts, id: string, payload: SessionPayload, ttlSeconds: number): Promise<void> {
  const { artifacts, clock } = parts;
  const { jti: _jti, securityVersion: _version, ...stored } = payload;
  const uid = String(stored.uid);
  const rowId = sessionRowId(uid);
  const now = clock();
  const known = await artifacts.get(rowId);
  const isSameLogin = known?.accountId === stored.accountId && known?.payload.loginTs === stored.loginTs;
  const fields = {
    payload: JSON.parse(JSON.stringify(stored)) as Record<string, unknown>,
    valueHash: hashOf(id),
    accountId: stored.accountId,
    lastUsedAt: now,
    expiresAt: now + ttlSeconds,
    ...(isSameLogin ? {} : { securityVersion: await securityVersionOf(parts, payload) }),
  };
  if (known === undefined) {
    try {
      return await artifacts.insert({
        id: rowId,
        model: 'Session',
        uid,
        createdAt: stored.iat ?? now,
        ...fields,
      });
    } catch (error) {
      if (!(error instanceof Taken)) throw error;
    }
  }
  // One that was ended meanwhile stays ended.
  await artifacts.update(rowId, { set: fields }, NOT_ENDED);
}

/** The number under which a sign-in was proved: as our page or the engine's interaction carries it, or today's. */
async function securityVersionOf(parts: Parts, payload: SessionPayload): Promise<number | undefined> {
  const { accountId, securityVersion } = payload;
  if (securityVersion !== undefined || accountId === undefined) return securityVersion;
  const login = Provider.ctx?.oidc?.result?.login as { securityVersion?: number } | undefined;
  return login?.securityVersion ?? (await parts.findAccount(accountId))?.securityVersion;
}
