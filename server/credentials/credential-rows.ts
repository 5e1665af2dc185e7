import { type Collection, Taken, type Where } from '../../adapters/port.ts';
import type { EffectsOfChange } from '../effects/effects.ts';
import { Problem } from '../ground/errors.ts';
import { hashOf, newId } from '../ground/opaque.ts';
import type { Credential } from './credential.ts';
import type { CredentialDependencies } from './dependencies.ts';
import { endsOf, newSecret } from './secret-format.ts';

/** More than any owner may have live, see ground/limits.ts. */
const LIVE_ROWS_MAX = 500;
/** Dead ones are kept for the record; a page shows the latest. */
const DEAD_ROWS_MAX = 50;

/** A credential that was just made: `value` is given out here and never again. */
export type Minted = { credential: Credential; value: string };

/** Makes a credential and writes it with what this brings. A name that is taken is refused with a Problem. */
export async function mintCredential(
  parts: CredentialDependencies,
  wanted: Pick<Credential, 'kind' | 'name' | 'accountId' | 'clientId' | 'scopes' | 'note' | 'expiresAt'>,
  causedBy: (credential: Credential) => EffectsOfChange,
): Promise<Minted> {
  const isToken = wanted.kind === 'personal_access_token';
  const value = newSecret(isToken ? 'lk_pat_' : 'lk_cs_');
  const credential = {
    ...wanted,
    id: newId(isToken ? 'tok_' : 'sec_'),
    hash: hashOf(value),
    ...endsOf(value),
    liveName: `${wanted.clientId ?? wanted.accountId}\n${wanted.name}`,
    createdAt: parts.clock(),
  };
  await insertNamed(parts, credential, causedBy(credential));
  return { credential, value };
}

/**
 * Inserts a credential under its `liveName`. One that holds the name but has expired gives it up (nothing
 * tells the store when a credential expires); a live one keeps it, and the insert is refused with a Problem.
 */
async function insertNamed(
  { credentials, effects }: CredentialDependencies,
  row: Credential & { liveName: string },
  caused: EffectsOfChange,
): Promise<void> {
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
      ['expiresAt', '<=', row.createdAt],
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

/** Revokes a credential for good; false when it was revoked already. */
export async function revokeCredential(
  { credentials, effects, clock }: CredentialDependencies,
  id: string,
  caused: EffectsOfChange,
): Promise<boolean> {
  const change = { set: { revokedAt: clock() }, unset: ['liveName'] as const };
  const guard = [['revokedAt', 'absent']] as const;
  return (await effects.update(credentials, id, change, guard, caused)) !== undefined;
}

/** The live ones among an owner's credentials, newest first. */
export function listLive(
  { credentials, clock }: CredentialDependencies,
  owner: Where<Credential>,
): Promise<Credential[]> {
  return listEach(credentials, liveConditions(owner, clock()), LIVE_ROWS_MAX);
}

/** An owner's credentials: the live ones, newest first, and behind them the latest dead ones. */
export async function listLiveFirst(
  { credentials, clock }: CredentialDependencies,
  owner: Where<Credential>,
): Promise<Credential[]> {
  const now = clock();
  const deadConditions: Where<Credential>[] = [
    [...owner, ['revokedAt', 'present']],
    [...owner, ['revokedAt', 'absent'], ['expiresAt', '<=', now]],
  ];
  const [live, dead] = await Promise.all([
    listEach(credentials, liveConditions(owner, now), LIVE_ROWS_MAX),
    listEach(credentials, deadConditions, DEAD_ROWS_MAX),
  ]);
  return [...live, ...dead.slice(0, DEAD_ROWS_MAX)];
}

/** How many are live, for limits. */
export async function countLive(
  { credentials, clock }: CredentialDependencies,
  owner: Where<Credential>,
): Promise<number> {
  const counts = await Promise.all(liveConditions(owner, clock()).map((where) => credentials.count(where)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** A condition on an absent field never holds, so those that never expire are asked for by themselves. */
function liveConditions(owner: Where<Credential>, now: number): Where<Credential>[] {
  const standing: Where<Credential> = [...owner, ['revokedAt', 'absent']];
  return [
    [...standing, ['expiresAt', '>', now]],
    [...standing, ['expiresAt', 'absent']],
  ];
}

/** What one of the conditions holds for, newest first. Made in the same second: by id, always the same way. */
async function listEach(
  credentials: Collection<Credential>,
  wheres: readonly Where<Credential>[],
  limit: number,
): Promise<Credential[]> {
  const order = { by: 'createdAt', descending: true } as const;
  const rows = await Promise.all(wheres.map((where) => credentials.list({ where, order, limit })));
  return rows.flat().sort((one, other) => other.createdAt - one.createdAt || (one.id < other.id ? 1 : -1));
}
