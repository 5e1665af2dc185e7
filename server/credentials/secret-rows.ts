import type { Collection, Where } from '../../adapters/port.ts';
import { secretAdded } from '../../views/mail/secrets.ts';
import type { Account } from '../accounts/account.ts';
import type { Effects, EffectsOfChange } from '../effects/effects.ts';
import { type Actor, originOf } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import { noSuch, Problem } from '../ground/errors.ts';
import { LIVE_SECRETS_MAX } from '../ground/limits.ts';
import { hashOf, newId } from '../ground/opaque.ts';
import type { Settings } from '../ground/settings.ts';
import { type Client, pathOf } from './client.ts';
import type { Credential } from './credential.ts';
import { countLive } from './credential-queries.ts';
import { insertNamed } from './insert-named.ts';
import { auditEntry, mailToOwner, type Owners, undoIfChanged } from './owner.ts';
import { endsOf, newSecret } from './secret-format.ts';

/** A secret that was just made for this client: `value` is given out here and never again. */
export type NewSecret = { client: Client; credential: Credential; value: string };

export type SecretParts = {
  clients: Collection<Client>;
  credentials: Collection<Credential>;
  accounts: Owners;
  effects: Effects;
  clock: Clock;
  settings: Pick<Settings, 'appName' | 'url'>;
};

/** Writes a new secret; a taken name is refused with a Problem. */
export async function mintSecret(
  { credentials, effects, clock }: SecretParts,
  client: Client,
  wanted: {
    name: string;
    expiresAt: number | undefined;
    action: 'secret.created' | 'secret.rotated';
    mail?: EffectsOfChange['mail'];
  },
  actor: Actor,
): Promise<NewSecret> {
  const { name, expiresAt, action, mail = [] } = wanted;
  const now = clock();
  const value = newSecret('lk_cs_');
  const credential = {
    id: newId('sec_'),
    kind: 'client_secret' as const,
    hash: hashOf(value),
    ...endsOf(value),
    name,
    liveName: `${client.id}\n${name}`,
    accountId: client.accountId,
    clientId: client.id,
    scopes: [],
    createdAt: now,
    expiresAt,
  };
  const audit = [secretEntry(action, client, credential, actor)];
  await insertNamed({ credentials, effects }, credential, { audit, mail }, now);
  return { client, credential, value };
}

/**
 * Mints a secret for an owner who is still the one that was let in, or none. Without `account` the owner as
 * they stand when this begins.
 */
export async function mintWhileUnchanged(
  parts: SecretParts,
  client: Client,
  account: Account | undefined,
  mint: () => Promise<NewSecret>,
): Promise<NewSecret> {
  const before = account ?? (await parts.accounts.get(client.accountId));
  if (before === undefined) throw noSuch(client.kind);
  const secret = await mint();
  await undoIfChanged(parts.accounts, before, () =>
    endSecret(parts, client, secret.credential, { kind: 'system' }),
  );
  return secret;
}

/** Throws Problem 409 when the client has as many live secrets as it may. */
export async function requireRoom({ credentials, clock }: SecretParts, client: Client): Promise<void> {
  if ((await countLive(credentials, secretsOf(client.id), clock())) < LIVE_SECRETS_MAX) return;
  throw new Problem({
    status: 409,
    code: 'TOO_MANY_SECRETS',
    message: `This client has ${LIVE_SECRETS_MAX} live secrets, which is the most it may have.`,
    hint: 'Revoke one that is no longer used, then try again.',
    parameter: 'name',
  });
}

/** Revokes one secret; false when it was revoked already. */
export async function endSecret(
  { credentials, effects, clock }: SecretParts,
  client: Client,
  secret: Credential,
  actor: Actor,
  mail: EffectsOfChange['mail'] = [],
): Promise<boolean> {
  const change = { set: { revokedAt: clock() }, unset: ['liveName'] as const };
  const audit = [secretEntry('secret.revoked', client, secret, actor)];
  const guard = [['revokedAt', 'absent']] as const;
  return (await effects.update(credentials, secret.id, change, guard, { audit, mail })) !== undefined;
}

/** What the owner is mailed about a secret that is added, or that takes the place of others. */
export function addedMail(
  { accounts, clock, settings }: SecretParts,
  client: Client,
  secret: { name: string; expiresAt: number | undefined; othersEndAt?: number },
  actor: Actor,
) {
  const about = { clientName: client.name, path: pathOf(client), from: originOf(actor) };
  return mailToOwner(
    accounts,
    client.accountId,
    secretAdded(settings, { ...secret, ...about, createdAt: clock() }),
  );
}

/** The secrets of one client, dead ones too. */
export function secretsOf(clientId: string): Where<Credential> {
  return [
    ['clientId', '=', clientId],
    ['kind', '=', 'client_secret'],
  ];
}

function secretEntry(action: string, client: Client, secret: Credential, actor: Actor) {
  return auditEntry(action, { ...secret, name: `${client.name}: ${secret.name}` }, actor);
}
