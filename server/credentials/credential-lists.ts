import { type Collection, Taken, type Where } from '../../adapters/port.ts';
import type { Effects, EffectsOfChange } from '../effects/effects.ts';
import { Problem } from '../ground/errors.ts';
import type { Credential } from './credential.ts';

/** More than any owner may hold of live ones, see the limits in tokens.ts and secrets.ts. */
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
  // Two lists, because a condition on an absent field never holds.
  const rows = await Promise.all(
    livesOf(owner, now).map((where) => credentials.list({ where, order, limit: LIVE_ROWS_MAX })),
  );
  return rows.flat().sort(newestFirst);
}

/** How many are live, for limits. */
export async function countLive(
  credentials: Collection<Credential>,
  owner: Where<Credential>,
  now: number,
): Promise<number> {
  const counts = await Promise.all(livesOf(owner, now).map((where) => credentials.count(where)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** The latest expired and revoked ones, newest first. */
export async function listDead(
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

/**
 * Inserts a credential under its `liveName`. One that holds the name but has expired gives it up (nothing
 * tells the store when a credential expires); a live one keeps it, and the insert is refused with a Problem.
 */
export async function insertNamed(
  parts: { credentials: Collection<Credential>; effects: Effects },
  row: Credential & { liveName: string },
  caused: EffectsOfChange,
  now: number,
): Promise<void> {
  const { credentials, effects } = parts;
  // Two turns are enough unless somebody else takes the freed name in between: then it is taken.
  for (let turn = 0; turn < 2; turn += 1) {
    try {
      return await effects.insert(credentials, row, caused);
    } catch (error) {
      if (!(error instanceof Taken) || error.field !== 'liveName') throw error;
    }
    const holder = await credentials.find('liveName', row.liveName);
    if (holder === undefined) continue;
    const freed = await credentials.update(holder.id, { unset: ['liveName'] }, [
      ['liveName', '=', row.liveName],
      ['expiresAt', '<=', now],
    ]);
    if (freed === undefined) break;
  }
  throw new Problem({
    status: 409,
    code: 'NAME_TAKEN',
    message: `You have a live ${row.kind === 'client_secret' ? 'secret' : 'token'} of this name.`,
    hint: 'Choose another name, or revoke the one that has it first.',
    parameter: 'name',
  });
}

function livesOf(owner: Where<Credential>, now: number): Where<Credential>[] {
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
