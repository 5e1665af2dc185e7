import type { Account } from '../accounts/account.ts';
import type { Actor } from '../ground/actor.ts';
import { noSuch, Problem } from '../ground/errors.ts';
import { inTurn } from '../ground/in-turn.ts';
import { ADMIN_SECRET_DAYS_MAX, LIVE_SECRETS_MAX } from '../ground/limits.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import type { Client } from './client.ts';
import { type Credential, checkOverlap, hasEnded } from './credential.ts';
import { endBy, listStanding, listStandingFirst } from './credential-rows.ts';
import type { ClientDependencies } from './dependencies.ts';
import { isAdmin } from './scopes.ts';
import { addSecret, type NewSecret, revokeSecret, secretsOf } from './secret-rows.ts';

type Wanted = {
  account?: Account;
  overlapSeconds: number;
  /** The new one ends by then, whatever the life of the newest one was. */
  endsBy?: number | undefined;
};

/**
 * Makes a secret of the same life as the newest one had; the others end after the overlap at the latest, or are
 * revoked at once without one. Of rotations at the same moment the secret of one is left. Throws Problem.
 */
export async function rotateSecrets(
  parts: ClientDependencies,
  client: Client,
  wanted: Wanted,
  actor: Actor,
): Promise<NewSecret> {
  checkOverlap(wanted.overlapSeconds);
  return inTurn(parts.credentials, `rotate ${client.id}`, () => rotate(parts, client, wanted, actor));
}

async function rotate(
  parts: ClientDependencies,
  client: Client,
  { overlapSeconds, endsBy, ...letIn }: Wanted,
  actor: Actor,
): Promise<NewSecret> {
  const now = parts.clock();
  const before = await listStandingFirst(parts, secretsOf(client.id));
  const older = before.filter((secret) => !hasEnded(secret, now));
  const lifeSeconds = lifeOfNewest(client, before);
  const ends = [lifeSeconds === undefined ? [] : now + lifeSeconds, endsBy ?? []].flat();
  const expiresAt = ends.length === 0 ? undefined : Math.min(...ends);
  const othersEndAt = now + overlapSeconds;
  // Without an overlap all of them end: the oldest first where they are in the way of the new one.
  const inTheWay = overlapSeconds > 0 ? [] : older.slice(LIVE_SECRETS_MAX - 1);
  for (const secret of inTheWay) await revokeSecret(parts, client, secret, actor);
  const rotation = await nextRotation(parts, client);
  const made = await mintNumbered(before.length + 1, (name) =>
    addSecret(parts, client, { ...letIn, name, expiresAt, rotated: { rotation, othersEndAt } }, actor),
  );
  const others = await othersThan(parts, client, made.credential, rotation);
  // Some live one is always there: a client is never left without a secret half way. Without an overlap the older
  // ones are revoked, not expired: the access tokens that were got with them shall end too.
  for (const secret of others) {
    await (overlapSeconds > 0
      ? endBy(parts, secret.id, othersEndAt)
      : revokeSecret(parts, client, secret, actor));
  }
  return made;
}

/**
 * All live secrets beside the one that was just made. Of two rotations in different processes the one that made its
 * secret last sees that of the other here, and the earlier number gives way: both would be left, or none. Throws Problem.
 */
async function othersThan(
  parts: ClientDependencies,
  client: Client,
  made: Credential,
  rotation: number,
): Promise<Credential[]> {
  const others = (await listStanding(parts, secretsOf(client.id))).filter(({ id }) => id !== made.id);
  if (!others.some((secret) => (secret.rotation ?? 0) > rotation)) return others;
  await revokeSecret(parts, client, made, { kind: 'system' });
  throw new Problem({
    status: 409,
    code: 'CHANGED_MEANWHILE',
    message: 'The secrets of this client were rotated at the same moment.',
    hint: 'Look at the list of secrets, and rotate once more if need be.',
  });
}

/** Counts up with each rotation of a client, over all processes. Throws Problem 404. */
async function nextRotation({ clients }: ClientDependencies, client: Client): Promise<number> {
  const counted = await clients.update(client.id, { add: { rotations: 1 } }, [['revokedAt', 'absent']]);
  if (counted?.rotations === undefined) throw noSuch(client.kind);
  return counted.rotations;
}

/** Names count up: `Secret 2`, `Secret 3`. A number that its owner gave to another secret is passed over. */
async function mintNumbered(from: number, mintAs: (name: string) => Promise<NewSecret>): Promise<NewSecret> {
  for (let number = from; ; number += 1) {
    try {
      return await mintAs(`Secret ${number}`);
    } catch (error) {
      // Only live names are in the way, and there are at most a handful of those.
      const isTaken = error instanceof Problem && error.code === 'NAME_TAKEN';
      if (!isTaken || number > from + 2 * LIVE_SECRETS_MAX) throw error;
    }
  }
}

/**
 * Of those made in the same second the one with the longest life: the others were cut short by a rotation. Where the
 * record of all is gone, one with the admin scope must end all the same.
 */
function lifeOfNewest(client: Client, secrets: readonly Credential[]): number | undefined {
  const [newest] = secrets.toSorted(
    (one, other) =>
      other.createdAt - one.createdAt ||
      (other.expiresAt ?? Number.POSITIVE_INFINITY) - (one.expiresAt ?? Number.POSITIVE_INFINITY) ||
      0,
  );
  if (newest === undefined) return isAdmin(client.scopes) ? ADMIN_SECRET_DAYS_MAX * DAY_SECONDS : undefined;
  return newest.expiresAt === undefined ? undefined : newest.expiresAt - newest.createdAt;
}
