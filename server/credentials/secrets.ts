import { secretRevoked } from '../../views/mail/secrets.ts';
import type { Account } from '../accounts/account.ts';
import type { EffectsOfChange } from '../effects/effects.ts';
import { type Actor, originOf } from '../ground/actor.ts';
import { checkAll, noSuch, Problem } from '../ground/errors.ts';
import { ADMIN_SECRET_DAYS_MAX } from '../ground/limits.ts';
import { untilNone } from '../ground/until-none.ts';
import { type Client, getLiveClient, pathOf } from './client.ts';
import type { Credential } from './credential.ts';
import { isExpiryFit } from './credential.ts';
import { listStanding, listStandingFirst, revokeCredentials } from './credential-rows.ts';
import type { ClientDependencies } from './dependencies.ts';
import { nameFrom } from './names.ts';
import { auditEntry, mailToOwner } from './owner.ts';
import { isAdmin } from './scopes.ts';
import { rotateSecrets } from './secret-rotation.ts';
import { addSecret, mintSecret, type NewSecret, revokeSecret, secretsOf } from './secret-rows.ts';

const FIRST_NAME = 'Secret 1';

/**
 * The client whose secrets are meant, as its owner names it: its kind too, so that /services reaches no app's
 * secrets and /developer no service's.
 */
export type SecretsOf = { kind: Client['kind']; accountId: string; clientId: string };
/** `account`: the owner as signed in, so that a new password meanwhile is noticed; without it, as read now. */
type ByOwner = SecretsOf & { account?: Account };

export type Secrets = ReturnType<typeof createSecrets>;

/**
 * The secrets of confidential clients, services and apps alike: several live ones each, so that they can be
 * rotated. What an owner does throws Problem 404 for a client that is revoked or not theirs.
 */
export function createSecrets(parts: ClientDependencies) {
  const { clients, credentials, effects, clock } = parts;

  return {
    /** The client whose secrets these are. */
    client: (which: SecretsOf): Promise<Client> => clientOf(parts, which),

    /** The live ones, newest first, and behind them the latest dead ones; a revoked client's too. */
    async list({ accountId, clientId }: { accountId: string; clientId: string }): Promise<Credential[]> {
      // Asked for by the account too, an engine may look through all that the account has.
      const rows = await listStandingFirst(parts, secretsOf(clientId));
      return rows.filter((row) => row.accountId === accountId);
    },

    /** The live ones of all clients of an account, newest first. */
    listOfAccount: (accountId: string): Promise<Credential[]> =>
      listStanding(parts, [
        ['accountId', '=', accountId],
        ['kind', '=', 'client_secret'],
      ]),

    /** Adds a secret beside the others. Throws Problem. */
    async add(wanted: ByOwner & { name: string; expiresAt?: number | undefined }, actor: Actor) {
      const client = await confidentialClient(parts, wanted);
      const { name } = checkAll({
        name: () => nameFrom(wanted.name),
        expiry: () => checkSecretExpiry(client.scopes, wanted.expiresAt, clock()),
      });
      return addSecret(parts, client, { ...wanted, name }, actor);
    },

    /** See rotateSecrets. */
    async rotate(wanted: ByOwner & { overlapSeconds: number; endsBy?: number | undefined }, actor: Actor) {
      return rotateSecrets(parts, await confidentialClient(parts, wanted), wanted, actor);
    },

    /** Revokes one secret; access tokens that were got with it end with it. False: it was revoked already. */
    async revoke(which: SecretsOf & { id: string }, actor: Actor): Promise<boolean> {
      const client = await clientOf(parts, which);
      const secret = await credentials.get(which.id);
      if (secret?.clientId !== client.id) throw noSuch('secret');
      return revokeSecret(parts, client, secret, actor, await revokedMail(parts, client, secret, actor));
    },

    /** The secret that a new client comes with; its mail is the client's own. */
    mintFirst: (client: Client, expiresAt: number | undefined, actor: Actor): Promise<NewSecret> =>
      mintSecret(parts, client, { name: FIRST_NAME, expiresAt, action: 'secret.created' }, actor),

    /** Revokes each live secret of a client that itself goes on, also those that are made meanwhile. */
    async revokeEach(client: Client, actor: Actor): Promise<void> {
      const find = () => listStanding(parts, secretsOf(client.id));
      for await (const rows of untilNone(find)) {
        for (const row of rows) await revokeSecret(parts, client, row, actor);
      }
    },

    /** Ends a client for good, and its secrets with it; false when it had ended. */
    async revokeClient(client: Client, actor: Actor, mail: EffectsOfChange['mail'] = []): Promise<boolean> {
      const action = client.kind === 'service' ? 'service.revoked' : 'app.deleted';
      const caused = { audit: [auditEntry(action, client, actor)], mail };
      // What people allowed an app is to be ended with it, however many they are.
      const ending = client.kind === 'app' ? { cutOffAt: clock(), cutOffBy: actor } : {};
      const change = { set: { revokedAt: clock(), ...ending }, unset: ['place'] as const };
      const unrevoked = [['revokedAt', 'absent']] as const;
      // This one write decides: every check of a token or a secret looks at the client.
      const changed = await effects.update(clients, client.id, change, unrevoked, caused);
      // Also when another call was first: what it left undone is done here.
      await revokeCredentials(parts, secretsOf(client.id));
      return changed !== undefined;
    },
  };
}

/** Refuses an expiry that is past, and for an admin scope one that is missing or far. Throws Problem. */
export function checkSecretExpiry(
  scopes: readonly string[],
  expiresAt: number | undefined,
  now: number,
): void {
  const admin = isAdmin(scopes);
  const maxDays = admin ? ADMIN_SECRET_DAYS_MAX : Number.POSITIVE_INFINITY;
  if (isExpiryFit(expiresAt, now, { allowNever: !admin, maxDays })) return;
  throw new Problem({
    status: 400,
    code: 'INVALID_EXPIRY',
    message: admin ? 'A secret with an admin scope must expire soon.' : 'This expiry is past.',
    hint: admin
      ? `Choose an expiry at most ${ADMIN_SECRET_DAYS_MAX} days ahead.`
      : 'Choose a time from now on, or none.',
    parameter: 'expires',
  });
}

function clientOf({ clients }: ClientDependencies, which: SecretsOf): Promise<Client> {
  const { kind, accountId, clientId } = which;
  return getLiveClient(clients, { kind, accountId, id: clientId });
}

async function confidentialClient(parts: ClientDependencies, which: SecretsOf): Promise<Client> {
  const client = await clientOf(parts, which);
  if (client.confidential) return client;
  throw new Problem({
    status: 409,
    code: 'PUBLIC_CLIENT',
    message: 'A public app has no secrets.',
    hint: 'Make a confidential app if it runs on a server that can keep a secret.',
  });
}

function revokedMail(parts: ClientDependencies, client: Client, secret: Credential, actor: Actor) {
  const { accounts, clock, settings } = parts;
  const about = { clientName: client.name, path: pathOf(client), revokedAt: clock(), from: originOf(actor) };
  return mailToOwner(accounts, client.accountId, secretRevoked(settings, { name: secret.name, ...about }));
}
