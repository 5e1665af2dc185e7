import type { Account } from '../accounts/account.ts';
import type { Actor } from '../ground/actor.ts';
import { Problem } from '../ground/errors.ts';
import { ADMIN_SECRET_DAYS_MAX, LIVE_SECRETS_MAX } from '../ground/limits.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import type { Client } from './client.ts';
import { type Credential, checkOverlap, stateOf } from './credential.ts';
import { endBy, listLiveFirst } from './credential-rows.ts';
import type { ClientDependencies } from './dependencies.ts';
import { isAdmin } from './scopes.ts';
import { addSecret, endSecret, type NewSecret, secretsOf } from './secret-rows.ts';

/**
 * Makes a secret of the same life as the newest one had; the others end after the overlap at the latest, or are
 * revoked at once without one. Throws Problem.
 */
export async function rotateSecrets(
  parts: ClientDependencies,
  client: Client,
  wanted: { account?: Account; overlapSeconds: number },
  actor: Actor,
): Promise<NewSecret> {
  const { overlapSeconds, ...letIn } = wanted;
  checkOverlap(overlapSeconds);
  const now = parts.clock();
  const before = await listLiveFirst(parts, secretsOf(client.id));
  const older = before.filter((secret) => stateOf(secret, now) === 'live');
  const lifeSeconds = lifeOfNewest(client, before);
  const expiresAt = lifeSeconds === undefined ? undefined : now + lifeSeconds;
  const othersEndAt = now + overlapSeconds;
  // Without an overlap all of them end: the oldest first where they are in the way of the new one.
  const inTheWay = overlapSeconds > 0 ? [] : older.slice(LIVE_SECRETS_MAX - 1);
  for (const secret of inTheWay) await endSecret(parts, client, secret, actor);
  const made = await mintNumbered(before.length + 1, (name) =>
    addSecret(parts, client, { ...letIn, name, expiresAt, othersEndAt }, actor),
  );
  // Some live one is always there: a client is never left without a secret half way. Without an overlap the older
  // ones are revoked, not expired: the access tokens that were got with them shall end too.
  for (const secret of older) {
    await (overlapSeconds > 0
      ? endBy(parts, secret.id, othersEndAt)
      : endSecret(parts, client, secret, actor));
  }
  return made;
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
