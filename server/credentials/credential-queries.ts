import type { Collection, Where } from '../../adapters/port.ts';
import type { Credential } from './credential.ts';

/** More than any owner may have live, see ground/limits.ts. */
const LIVE_ROWS_MAX = 500;
/** Dead ones are kept for the record; a page shows the latest. */
const DEAD_ROWS_MAX = 50;

/** The live ones among an owner's credentials, newest first. */
export async function listLive(
  credentials: Collection<Credential>,
  owner: Where<Credential>,
  now: number,
): Promise<Credential[]> {
  const order = { by: 'createdAt', descending: true } as const;
  // A condition on an absent field never holds, so those that never expire are asked for by themselves.
  const rows = await Promise.all(
    liveConditions(owner, now).map((where) => credentials.list({ where, order, limit: LIVE_ROWS_MAX })),
  );
  return rows.flat().sort(newestFirst);
}

/** An owner's credentials: the live ones, newest first, and behind them the latest dead ones. */
export async function listLiveFirst(
  credentials: Collection<Credential>,
  owner: Where<Credential>,
  now: number,
): Promise<Credential[]> {
  const [live, dead] = await Promise.all([
    listLive(credentials, owner, now),
    listDead(credentials, owner, now),
  ]);
  return [...live, ...dead];
}

/** How many are live, for limits. */
export async function countLive(
  credentials: Collection<Credential>,
  owner: Where<Credential>,
  now: number,
): Promise<number> {
  const counts = await Promise.all(liveConditions(owner, now).map((where) => credentials.count(where)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** The latest expired and revoked ones, newest first. */
async function listDead(
  credentials: Collection<Credential>,
  owner: Where<Credential>,
  now: number,
): Promise<Credential[]> {
  const order = { by: 'createdAt', descending: true } as const;
  const wheres: Where<Credential>[] = [
    [...owner, ['revokedAt', 'present']],
    [...owner, ['revokedAt', 'absent'], ['expiresAt', '<=', now]],
  ];
  const rows = await Promise.all(
    wheres.map((where) => credentials.list({ where, order, limit: DEAD_ROWS_MAX })),
  );
  return rows.flat().sort(newestFirst).slice(0, DEAD_ROWS_MAX);
}

function liveConditions(owner: Where<Credential>, now: number): Where<Credential>[] {
  const standing: Where<Credential> = [...owner, ['revokedAt', 'absent']];
  return [
    [...standing, ['expiresAt', '>', now]],
    [...standing, ['expiresAt', 'absent']],
  ];
}

/** Made in the same second: by id, so that the order is always the same. */
function newestFirst(one: Credential, other: Credential): number {
  return other.createdAt - one.createdAt || (one.id < other.id ? 1 : -1);
}
