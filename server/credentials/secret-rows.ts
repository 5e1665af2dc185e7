import type { Where } from '../../adapters/port.ts';
import { secretAdded } from '../../views/mail/secrets.ts';
import type { Account } from '../accounts/account.ts';
import type { EffectsOfChange } from '../effects/effects.ts';
import { type Actor, originOf } from '../ground/actor.ts';
import { noSuch, Problem } from '../ground/errors.ts';
import { LIVE_SECRETS_MAX } from '../ground/limits.ts';
import { type Client, pathOf } from './client.ts';
import type { Credential } from './credential.ts';
import { type Minted, mintCredential, revokeCredential } from './credential-rows.ts';
import type { ClientDependencies } from './dependencies.ts';
import { auditEntry, undoIfChanged } from './owner.ts';

/** A secret that was just made for this client. */
export type NewSecret = Minted & { client: Client };

/** Writes a new secret. Throws Problem for a taken name, and where the client has as many as it may. */
export async function mintSecret(
  parts: ClientDependencies,
  client: Client,
  wanted: {
    name: string;
    expiresAt: number | undefined;
    action: 'secret.created' | 'secret.rotated';
    rotation?: number | undefined;
    mail?: EffectsOfChange['mail'];
  },
  actor: Actor,
): Promise<NewSecret> {
  const { name, expiresAt, action, rotation, mail } = wanted;
  const owner = { accountId: client.accountId, clientId: client.id };
  const liveName = `${client.id}\n${name}`;
  const row = { kind: 'client_secret' as const, ...owner, name, liveName, scopes: [], expiresAt, rotation };
  const limit = {
    owner: `secrets ${client.id}`,
    max: LIVE_SECRETS_MAX,
    among: secretsOf(client.id),
    full: tooManySecrets,
  };
  const minted = await mintCredential(parts, row, limit, (secret) => ({
    audit: [secretEntry(action, client, secret, actor)],
    mail: mail ?? [],
  }));
  return { client, ...minted };
}

/**
 * Adds a secret to those of a client, or makes the one that takes their place by `rotated.othersEndAt`, and mails its
 * owner. Makes none unless the owner is still the one that was let in; without `account`, the owner as they
 * stand when this begins.
 */
export async function addSecret(
  parts: ClientDependencies,
  client: Client,
  wanted: {
    account?: Account;
    name: string;
    expiresAt?: number | undefined;
    rotated?: { rotation: number; othersEndAt: number };
  },
  actor: Actor,
): Promise<NewSecret> {
  const { accounts, clock, settings } = parts;
  const { account, name, expiresAt, rotated } = wanted;
  const { rotation, othersEndAt } = rotated ?? {};
  const owner = account ?? (await accounts.get(client.accountId));
  if (owner === undefined) throw noSuch(client.kind);
  const about = { clientName: client.name, path: pathOf(client), createdAt: clock(), from: originOf(actor) };
  const mail = [{ to: owner.email, ...secretAdded(settings, { name, expiresAt, othersEndAt, ...about }) }];
  const action = rotated === undefined ? 'secret.created' : 'secret.rotated';
  const secret = await mintSecret(parts, client, { name, expiresAt, action, rotation, mail }, actor);
  await undoIfChanged(accounts, owner, () =>
    revokeSecret(parts, client, secret.credential, { kind: 'system' }),
  );
  return secret;
}

function tooManySecrets(): Problem {
  return new Problem({
    status: 409,
    code: 'TOO_MANY_SECRETS',
    message: `This client has ${LIVE_SECRETS_MAX} live secrets, which is the most it may have.`,
    hint: 'Revoke one that is no longer used, then try again.',
    parameter: 'name',
  });
}

/** Revokes one secret; false when it was revoked already. */
export function revokeSecret(
  parts: ClientDependencies,
  client: Client,
  secret: Credential,
  actor: Actor,
  mail: EffectsOfChange['mail'] = [],
): Promise<boolean> {
  const audit = [secretEntry('secret.revoked', client, secret, actor)];
  return revokeCredential(parts, secret.id, { audit, mail });
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
