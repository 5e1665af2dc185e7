import { type Collection, type Condition, Taken, type Where } from '../../adapters/port.ts';
import type { EffectsOfChange } from '../effects/effects.ts';
import { Problem } from '../ground/errors.ts';
import { hashOf, newId } from '../ground/opaque.ts';
import {
  type Credential,
  endOf,
  HELD_WHILE_STANDING,
  hasEnded,
  idleWarningOf,
  nextReminder,
} from './credential.ts';
import type { CredentialDependencies } from './dependencies.ts';
import { endIdle } from './idle-ends.ts';
import { insertAtPlace } from './places.ts';
import { endsOf, newSecret, prefixOf } from './secret-format.ts';

/** More than any owner may have live, see ground/limits.ts. */
const STANDING_ROWS_MAX = 500;
/** Dead ones are kept for the record; a page shows the latest. */
const DEAD_ROWS_MAX = 50;

/** A credential that was just made: `value` is given out here and never again. */
export type Minted = { credential: Credential; value: string };

/** What a credential is asked to be, named one by one: nothing else that a caller sends can reach the row. */
export type WantedCredential = Pick<
  Credential,
  | 'kind'
  | 'name'
  | 'accountId'
  | 'clientId'
  | 'issuedBy'
  | 'scopes'
  | 'note'
  | 'honey'
  | 'narrowing'
  | 'expiresAt'
  | 'liveName'
  | 'rotation'
> & {
  /** Where it has to be known before. */
  id?: string;
};

/** How many of something there may be at a time, and which. */
export type CredentialLimit = { owner: string; max: number; among: Where<Credential>; full: () => Problem };

/**
 * Makes a credential and writes it with what this brings. Throws Problem for a name that is taken, and where there
 * are as many as there may be.
 */
export async function mintCredential(
  parts: CredentialDependencies,
  wanted: WantedCredential,
  limit: CredentialLimit,
  causedBy: (credential: Credential) => EffectsOfChange,
): Promise<Minted> {
  const value = newSecret(prefixOf(wanted.kind));
  const withHash = { ...wanted, hash: hashOf(value), ...endsOf(value) };
  return { credential: await placeCredential(parts, withHash, limit, causedBy), value };
}

/** The same for a value that is known by its hash. Throws `Taken` for one that there is. */
export async function placeCredential(
  parts: CredentialDependencies,
  wanted: WantedCredential & Pick<Credential, 'hash' | 'firstFour' | 'lastFour' | 'imported'>,
  limit: CredentialLimit,
  causedBy: (credential: Credential) => EffectsOfChange,
): Promise<Credential> {
  const { credentials, clock } = parts;
  const createdAt = clock();
  const credential = {
    ...wanted,
    id: wanted.id ?? newId(wanted.kind === 'client_secret' ? 'sec_' : 'tok_'),
    createdAt,
    remindAt: wanted.honey ? undefined : nextReminder({ ...wanted, createdAt }, createdAt),
    idleAt: idleWarningOf({ ...wanted, createdAt }),
  };
  const caused = causedBy(credential);
  return insertAtPlace(credentials, {
    owner: limit.owner,
    max: limit.max,
    full: limit.full,
    listLive: () => listStanding(parts, limit.among),
    async insert(place) {
      const row = { ...credential, place };
      await underName(parts, row, () => parts.effects.insert(credentials, row, caused));
      return row;
    },
    release: async (place) => {
      const holder = await credentials.find('place', place);
      return holder && releaseExpired(parts, holder, ['place', '=', place]);
    },
  });
}

/**
 * Writes what gives a credential its `liveName`, if it has one. One that holds the name but has expired gives it up; one
 * that has not keeps it, and the write is refused with a Problem.
 */
export async function underName<T>(
  parts: CredentialDependencies,
  row: Pick<Credential, 'kind' | 'liveName'>,
  write: () => Promise<T>,
): Promise<T> {
  const { credentials } = parts;
  const { liveName = '' } = row;
  // Two turns are enough unless somebody else takes the freed name in between: then it is taken.
  for (let turn = 0; turn < 2; turn += 1) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof Taken) || error.field !== 'liveName') throw error;
    }
    const holder = await credentials.find('liveName', liveName);
    if (holder === undefined) continue;
    const freed = await releaseExpired(parts, holder, ['liveName', '=', liveName]);
    if (freed === undefined) break;
  }
  throw nameTaken(row);
}

/** Its owner has one of this name that has not ended. */
export function nameTaken(row: Pick<Credential, 'kind'>): Problem {
  return new Problem({
    status: 409,
    code: 'NAME_TAKEN',
    message: `You have a live ${row.kind === 'client_secret' ? 'secret' : 'token'} of this name.`,
    hint: 'Choose another name, or revoke the one that has it first.',
    parameter: 'name',
  });
}

/** Takes name and place from one that has expired: nothing tells the store when that happens. */
async function releaseExpired(
  parts: CredentialDependencies,
  holder: Credential,
  holds: Condition<Credential>,
): Promise<Credential | undefined> {
  const { credentials, clock } = parts;
  if (endOf(holder) !== holder.expiresAt) return endIdle(parts, holder, clock());
  return credentials.update(holder.id, { unset: HELD_WHILE_STANDING }, [holds, ['expiresAt', '<=', clock()]]);
}

/** Revokes a credential for good; false when it was revoked already. */
export async function revokeCredential(
  { credentials, effects, clock }: CredentialDependencies,
  id: string,
  caused: EffectsOfChange,
): Promise<boolean> {
  const change = { set: { revokedAt: clock() }, unset: HELD_WHILE_STANDING };
  const guard = [['revokedAt', 'absent']] as const;
  return (await effects.update(credentials, id, change, guard, caused)) !== undefined;
}

/** Revokes all that these conditions hold for, without an entry for each: what they stand on has ended. */
export async function revokeCredentials(
  { credentials, clock }: CredentialDependencies,
  owner: Where<Credential>,
): Promise<void> {
  const change = { set: { revokedAt: clock() }, unset: HELD_WHILE_STANDING };
  await credentials.updateMany([...owner, ['revokedAt', 'absent']], change);
}

/**
 * Brings the end of a credential forward to `endAt`, never back; another caller at the same time may bring it
 * further. `releasing`: it gives up name and place to the one that replaces it, and can be rotated no more. False where
 * it had ended, or nothing was to change.
 */
export async function endBy(
  { credentials, effects, clock }: CredentialDependencies,
  id: string,
  endAt: number,
  releasing?: { caused: EffectsOfChange; replacedBy: string },
): Promise<boolean> {
  for (;;) {
    const current = await credentials.get(id);
    if (current === undefined || hasEnded(current, clock())) return false;
    const { expiresAt: before } = current;
    const isSooner = before !== undefined && before <= endAt;
    const holds = HELD_WHILE_STANDING.some((field) => current[field] !== undefined);
    if (isSooner && !(releasing !== undefined && holds)) return false;
    const guard: Where<Credential> = [
      ['revokedAt', 'absent'],
      before === undefined ? ['expiresAt', 'absent'] : ['expiresAt', '=', before],
    ];
    const expiresAt = isSooner ? before : endAt;
    const write = () => {
      if (releasing === undefined) return credentials.update(id, { set: { expiresAt } }, guard);
      // A rotation has named another one before.
      const set = { expiresAt, replacedBy: current.replacedBy ?? releasing.replacedBy };
      return effects.update(credentials, id, { set, unset: HELD_WHILE_STANDING }, guard, releasing.caused);
    };
    if ((await write()) !== undefined) return true;
  }
}

/** Those of an owner's credentials that have not ended, paused ones too, newest first. */
export async function listStanding(
  { credentials, clock }: CredentialDependencies,
  owner: Where<Credential>,
): Promise<Credential[]> {
  const now = clock();
  const rows = await listEach(credentials, standingConditions(owner, now), STANDING_ROWS_MAX);
  return rows.filter((row) => !hasEnded(row, now));
}

/** An owner's credentials: those that have not ended, newest first, and behind them the latest dead ones. */
export async function listStandingFirst(
  { credentials, clock }: CredentialDependencies,
  owner: Where<Credential>,
): Promise<Credential[]> {
  const now = clock();
  const deadConditions: Those[] = [
    { where: [...owner, ['revokedAt', '>', 0]], by: 'revokedAt' },
    { where: [...owner, ['revokedAt', 'absent'], ['expiresAt', '<=', now]], by: 'expiresAt' },
  ];
  const [standing, dead] = await Promise.all([
    listEach(credentials, standingConditions(owner, now), STANDING_ROWS_MAX),
    listEach(credentials, deadConditions, DEAD_ROWS_MAX),
  ]);
  // Of one that lay unused for too long the end may not be written down yet.
  const idle = standing.filter((row) => hasEnded(row, now));
  const live = idle.length === 0 ? standing : standing.filter((row) => !idle.includes(row));
  return [...live, ...idle, ...dead.slice(0, DEAD_ROWS_MAX)];
}

/**
 * What is asked for, in an order that an index has: some accounts have a hundred thousand credentials that expired, which
 * would all be looked at in the order in which they were made.
 */
type Those = { where: Where<Credential>; by: 'expiresAt' | 'revokedAt' };

/** A condition on an absent field never holds, so those that never expire are asked for by themselves. */
function standingConditions(owner: Where<Credential>, now: number): Those[] {
  const standing: Where<Credential> = [...owner, ['revokedAt', 'absent']];
  return [
    { where: [...standing, ['expiresAt', '>', now]], by: 'expiresAt' },
    { where: [...standing, ['expiresAt', 'absent']], by: 'expiresAt' },
  ];
}

/** What one of the conditions holds for, newest first. Made in the same second: by id, always the same way. */
async function listEach(
  credentials: Collection<Credential>,
  all: readonly Those[],
  limit: number,
): Promise<Credential[]> {
  const rows = await Promise.all(
    all.map(({ where, by }) => credentials.list({ where, order: { by, descending: true }, limit })),
  );
  return rows.flat().sort((one, other) => other.createdAt - one.createdAt || (one.id < other.id ? 1 : -1));
}
