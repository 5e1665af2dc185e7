import type { Account } from '../accounts/account.ts';
import type { Actor } from '../ground/actor.ts';
import { Problem } from '../ground/errors.ts';
import { LIVE_SECRETS_MAX, OVERLAP_DAYS_MAX } from '../ground/limits.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import type { Client } from './client.ts';
import { type Credential, stateOf } from './credential.ts';
import { listLiveFirst } from './credential-rows.ts';
import type { ClientDependencies } from './dependencies.ts';
import { addSecret, endSecret, type NewSecret, requireRoom, secretsOf } from './secret-rows.ts';

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
  // Without an overlap the older ones end at once, so they do not count.
  if (overlapSeconds > 0) await requireRoom(parts, client);
  const lifeSeconds = lifeOfNewest(before);
  const expiresAt = lifeSeconds === undefined ? undefined : now + lifeSeconds;
  const othersEndAt = now + overlapSeconds;
  const made = await mintNumbered(before.length + 1, (name) =>
    addSecret(parts, client, { ...letIn, name, expiresAt, othersEndAt }, actor),
  );
  // The new one is there first: a client is never left without a secret half way. Without an overlap the older
  // ones are revoked, not expired: the access tokens that were got with them shall end too.
  for (const secret of older) {
    await (overlapSeconds > 0 ? endBy(parts, secret, othersEndAt) : endSecret(parts, client, secret, actor));
  }
  return made;
}

/** Brings the end of a secret forward, never back. Another rotation at the same time may bring it further. */
async function endBy(
  { credentials, clock }: ClientDependencies,
  secret: Credential,
  endAt: number,
): Promise<void> {
  let current: Credential | undefined = secret;
  while (current !== undefined && stateOf(current, clock()) === 'live') {
    const before: number | undefined = current.expiresAt;
    if (before !== undefined && before <= endAt) return;
    const changed = await credentials.update(secret.id, { set: { expiresAt: endAt } }, [
      ['revokedAt', 'absent'],
      before === undefined ? ['expiresAt', 'absent'] : ['expiresAt', '=', before],
    ]);
    if (changed !== undefined) return;
    current = await credentials.get(secret.id);
  }
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

function checkOverlap(overlapSeconds: number): void {
  const isFit =
    Number.isSafeInteger(overlapSeconds) &&
    overlapSeconds >= 0 &&
    overlapSeconds <= OVERLAP_DAYS_MAX * DAY_SECONDS;
  if (isFit) return;
  throw new Problem({
    status: 400,
    code: 'INVALID_OVERLAP',
    message: 'This overlap cannot be used.',
    hint: `Choose between none and ${OVERLAP_DAYS_MAX} days.`,
    parameter: 'overlap',
  });
}

/** Of those made in the same second the one with the longest life: the others were cut short by a rotation. */
function lifeOfNewest(secrets: readonly Credential[]): number | undefined {
  const [newest] = secrets.toSorted(
    (one, other) =>
      other.createdAt - one.createdAt ||
      (other.expiresAt ?? Number.POSITIVE_INFINITY) - (one.expiresAt ?? Number.POSITIVE_INFINITY) ||
      0,
  );
  return newest?.expiresAt === undefined ? undefined : newest.expiresAt - newest.createdAt;
}
