import type { Adapter, AdapterPayload } from 'oidc-provider';
import Provider from 'oidc-provider';
import { type Collection, Taken } from '../../adapters/port.ts';
import type { Artifact } from '../access/artifact.ts';
import { sessionRowId } from '../access/session-list.ts';
import type { Account } from '../accounts/account.ts';
import type { Clock } from '../ground/clock.ts';
import { hashOf } from '../ground/opaque.ts';

export type SessionStorage = ReturnType<typeof createSessionStorage>;

/**
 * Where the engine keeps sessions. A session that was ended stays as a mark until it would have expired: the engine
 * writes back every session that a request has read, and one that was ended meanwhile must not come back. Each
 * carries the `securityVersion` of the account as it was when the person proved themselves, and dies when that changes.
 */
export function createSessionStorage(parts: {
  artifacts: Collection<Artifact>;
  clock: Clock;
  /** The account, unless it is suspended or gone. */
  findAccount: (id: string) => Promise<Account | undefined>;
}) {
  const { artifacts, clock, findAccount } = parts;
  const proofs = new Map<string, number>();
  const live = [['revokedAt', 'absent']] as const;

  async function isSomebodys(row: Artifact): Promise<boolean> {
    if (row.accountId === undefined) return true;
    const account = await findAccount(row.accountId);
    return account !== undefined && (account.securityVersion ?? 0) === (row.securityVersion ?? 0);
  }

  async function payloadOf(row: Artifact | undefined, id?: string): Promise<AdapterPayload | undefined> {
    if (row === undefined || row.revokedAt !== undefined || !(await isSomebodys(row))) return undefined;
    // A copy, because the engine changes what it is given.
    return { ...structuredClone(row.payload), ...(id === undefined ? {} : { jti: id }) };
  }

  /** The number that a sign-in was proved under: noted by us, carried by the engine's interaction, or today's. */
  async function proofOf(uid: string, accountId: string | undefined): Promise<number | undefined> {
    const noted = proofs.get(uid);
    proofs.delete(uid);
    if (noted !== undefined || accountId === undefined) return noted;
    const login = Provider.ctx?.oidc?.result?.login as { securityVersion?: number } | undefined;
    return login?.securityVersion ?? (await findAccount(accountId))?.securityVersion;
  }

  async function save(id: string, payload: AdapterPayload, ttlSeconds: number): Promise<void> {
    const { jti: _jti, ...kept } = payload;
    const uid = String(kept.uid);
    const rowId = sessionRowId(uid);
    const now = clock();
    const known = await artifacts.get(rowId);
    const fields = {
      payload: JSON.parse(JSON.stringify(kept)) as Record<string, unknown>,
      valueHash: hashOf(id),
      accountId: kept.accountId,
      lastUsedAt: now,
      expiresAt: now + ttlSeconds,
    };
    const isSameLogin = known?.accountId === kept.accountId && known?.payload.loginTs === kept.loginTs;
    const proof = isSameLogin ? {} : { securityVersion: await proofOf(uid, kept.accountId) };
    if (known === undefined) {
      const row = { id: rowId, model: 'Session', uid, createdAt: kept.iat ?? now, ...fields, ...proof };
      try {
        return await artifacts.insert(row);
      } catch (error) {
        if (!(error instanceof Taken)) throw error;
      }
    }
    // One that was ended meanwhile stays ended.
    await artifacts.update(rowId, { set: { ...fields, ...proof } }, live);
  }

  const adapter: Adapter = {
    upsert: (id, payload, ttl) => save(id, payload, ttl ?? 0),
    find: async (id) => payloadOf(await artifacts.find('valueHash', hashOf(id)), id),
    // Only read by the engine; its bearer value is not known here and not needed.
    findByUid: async (uid) => payloadOf(await artifacts.get(sessionRowId(uid))),
    destroy: async (id) => {
      const row = await artifacts.find('valueHash', hashOf(id));
      const uid = row?.uid ?? Provider.ctx?.oidc?.session?.uid;
      if (uid !== undefined) await artifacts.update(sessionRowId(uid), { set: { revokedAt: clock() } }, live);
    },
    findByUserCode: async () => undefined,
    consume: async () => undefined,
    revokeByGrantId: async () => undefined,
  };

  return {
    adapter,

    /** Notes under which number the sign-in was proved that is about to be saved. */
    noteProof(uid: string, account: Account): void {
      proofs.set(uid, account.securityVersion ?? 0);
    },
  };
}
