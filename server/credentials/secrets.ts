import type { Collection, Where } from '../../adapters/port.ts';
import type { WrittenMail } from '../../views/mail/layout.ts';
import { secretAdded } from '../../views/mail/secret-added.ts';
import { secretRevoked } from '../../views/mail/secret-revoked.ts';
import type { Account } from '../accounts/account.ts';
import { requireUnchanged } from '../accounts/unchanged.ts';
import type { AuditEntry } from '../activity/audit.ts';
import type { Effects, EffectsOfChange } from '../effects/effects.ts';
import type { Actor } from '../ground/actor.ts';
import { originOf } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import { ADMIN_SECRET_DAYS_MAX, LIVE_SECRETS_MAX, OVERLAP_DAYS_MAX } from '../ground/limits.ts';
import { hashOf, newId } from '../ground/opaque.ts';
import type { Settings } from '../ground/settings.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import type { Client } from './client.ts';
import type { Credential } from './credential.ts';
import { countLive, insertNamed, listDead, listLive } from './credential-lists.ts';
import { nameFrom } from './names.ts';
import { isAdmin } from './scopes.ts';
import { endsOf, newSecret } from './secret-format.ts';

const FIRST_NAME = 'Secret 1';

export type Secrets = ReturnType<typeof createSecrets>;
/** A secret that was just made: `value` is given out here and never again. */
export type NewSecret = { credential: Credential; value: string };
type OfClient = { accountId: string; clientId: string };
/** `account` as its owner was let in with it; without it, as it stands when the call begins. */
type OfOwner = OfClient & { account?: Account };

/**
 * The secrets of confidential clients, services and apps alike: several live ones each, so that they can be
 * rotated.
 */
export function createSecrets(parts: {
  clients: Collection<Client>;
  credentials: Collection<Credential>;
  accounts: { get(id: string): Promise<Account | undefined> };
  effects: Effects;
  clock: Clock;
  settings: Pick<Settings, 'appName' | 'url'>;
}) {
  const { clients, credentials, accounts, effects, clock, settings } = parts;

  /** The client, if it is this account's, live and keeps secrets. Throws Problem 404 or 409. */
  async function holder(which: OfClient): Promise<Client> {
    const client = await clients.get(which.clientId);
    if (client?.accountId !== which.accountId || client.revokedAt !== undefined) throw noSuchClient();
    if (client.confidential) return client;
    throw new Problem({
      status: 409,
      code: 'PUBLIC_CLIENT',
      message: 'A public app has no secrets.',
      hint: 'Register a confidential app if it runs on a server that can keep a secret.',
    });
  }

  async function insert(
    client: Client,
    wanted: { name: string; expiresAt: number | undefined },
    caused: (credential: Credential) => EffectsOfChange,
  ): Promise<NewSecret> {
    const now = clock();
    const value = newSecret('lk_cs_');
    const credential = {
      id: newId('sec_'),
      kind: 'client_secret' as const,
      hash: hashOf(value),
      ...endsOf(value),
      name: wanted.name,
      liveName: `${client.id}\n${wanted.name}`,
      accountId: client.accountId,
      clientId: client.id,
      scopes: [],
      createdAt: now,
      expiresAt: wanted.expiresAt,
    };
    await insertNamed({ credentials, effects }, credential, caused(credential), now);
    return { credential, value };
  }

  /** Makes a secret for an owner who is still the one that was let in, or none. */
  async function whileProved(
    client: Client,
    account: Account | undefined,
    make: () => Promise<NewSecret>,
  ): Promise<NewSecret> {
    const before = account ?? (await accounts.get(client.accountId));
    if (before === undefined) throw noSuchClient();
    const made = await make();
    try {
      requireUnchanged(before, await accounts.get(client.accountId));
    } catch (error) {
      await endNow(client, made.credential, { kind: 'system' });
      throw error;
    }
    return made;
  }

  async function mailTo(accountId: string, mail: WrittenMail) {
    const owner = await accounts.get(accountId);
    return owner === undefined ? [] : [{ to: owner.email, ...mail }];
  }

  async function requireRoom(clientId: string): Promise<void> {
    if ((await countLive(credentials, ofClient(clientId), clock())) < LIVE_SECRETS_MAX) return;
    throw new Problem({
      status: 409,
      code: 'TOO_MANY_SECRETS',
      message: `This client has ${LIVE_SECRETS_MAX} live secrets, which is the most it may have.`,
      hint: 'Revoke one that is no longer used, then try again.',
      parameter: 'name',
    });
  }

  async function add(
    wanted: OfOwner & { name: string; expiresAt?: number | undefined },
    actor: Actor,
  ): Promise<NewSecret> {
    const client = await holder(wanted);
    const name = nameFrom(wanted.name);
    checkExpiry(client.scopes, wanted.expiresAt);
    await requireRoom(client.id);
    const about = { name, clientName: client.name, path: pathOf(client), from: originOf(actor) };
    const times = { createdAt: clock(), expiresAt: wanted.expiresAt };
    const mail = await mailTo(client.accountId, secretAdded(settings, { ...about, ...times }));
    return whileProved(client, wanted.account, () =>
      insert(client, { name, expiresAt: wanted.expiresAt }, (credential) => ({
        audit: [entry('secret.created', client, credential, actor)],
        mail,
      })),
    );
  }

  /** Refuses an expiry that is past, and for the admin scope one that is missing or far. */
  function checkExpiry(scopes: readonly string[], expiresAt: number | undefined): void {
    const now = clock();
    const admin = isAdmin(scopes);
    const isFit =
      expiresAt === undefined
        ? !admin
        : Number.isSafeInteger(expiresAt) &&
          expiresAt > now &&
          (!admin || expiresAt <= now + ADMIN_SECRET_DAYS_MAX * DAY_SECONDS);
    if (isFit) return;
    throw new Problem({
      status: 400,
      code: 'INVALID_EXPIRY',
      message: admin ? 'A secret with the admin scope must expire soon.' : 'This expiry is past.',
      hint: admin
        ? `Choose an expiry at most ${ADMIN_SECRET_DAYS_MAX} days ahead.`
        : 'Choose a time from now on, or none.',
      parameter: 'expires',
    });
  }

  async function rotate(wanted: OfOwner & { overlapSeconds: number }, actor: Actor): Promise<NewSecret> {
    const client = await holder(wanted);
    checkOverlap(wanted.overlapSeconds);
    const now = clock();
    const owner = ofClient(client.id);
    const [older, dead] = await Promise.all([
      listLive(credentials, owner, now),
      listDead(credentials, owner, now),
    ]);
    // Without an overlap the older ones end at once, so they do not count.
    if (wanted.overlapSeconds > 0) await requireRoom(client.id);
    const lifeSeconds = lifeOf(newest([...older, ...dead]));
    const expiresAt = lifeSeconds === undefined ? undefined : now + lifeSeconds;
    const othersEndAt = now + wanted.overlapSeconds;
    const about = { clientName: client.name, path: pathOf(client), from: originOf(actor) };
    const firstNumber = older.length + dead.length + 1;
    const make = async (name: string) => {
      const times = { createdAt: now, expiresAt, othersEndAt };
      const mail = await mailTo(client.accountId, secretAdded(settings, { name, ...about, ...times }));
      return insert(client, { name, expiresAt }, (credential) => ({
        audit: [entry('secret.rotated', client, credential, actor)],
        mail,
      }));
    };
    const made = await whileProved(client, wanted.account, () => insertNumbered(firstNumber, make));
    // The new one is there first: a client is never left without a secret half way.
    for (const row of older) {
      await (wanted.overlapSeconds > 0 ? endBy(row, othersEndAt) : endNow(client, row, actor));
    }
    return made;
  }

  /**
   * Brings the end of a secret forward, never back. Another rotation at the same time may bring it further.
   */
  async function endBy(row: Credential, endAt: number): Promise<void> {
    let current: Credential | undefined = row;
    while (current !== undefined && current.revokedAt === undefined) {
      const before: number | undefined = current.expiresAt;
      if (before !== undefined && before <= endAt) return;
      const changed = await credentials.update(row.id, { set: { expiresAt: endAt } }, [
        ['revokedAt', 'absent'],
        before === undefined ? ['expiresAt', 'absent'] : ['expiresAt', '=', before],
      ]);
      if (changed !== undefined) return;
      current = await credentials.get(row.id);
    }
  }

  /** Revoked, not expired: whoever wants no overlap wants the access tokens of the older secrets gone too. */
  async function endNow(client: Client, row: Credential, actor: Actor): Promise<void> {
    const change = { set: { revokedAt: clock() }, unset: ['liveName'] as const };
    await effects.update(credentials, row.id, change, [['revokedAt', 'absent']], {
      audit: [entry('secret.revoked', client, row, actor)],
    });
  }

  async function revoke(which: OfClient & { id: string }, actor: Actor): Promise<boolean> {
    const client = await clients.get(which.clientId);
    const row = await credentials.get(which.id);
    if (client?.accountId !== which.accountId || row?.clientId !== client.id) return false;
    const now = clock();
    const about = { name: row.name, clientName: client.name, path: pathOf(client), from: originOf(actor) };
    const mail = await mailTo(client.accountId, secretRevoked(settings, { ...about, revokedAt: now }));
    const changed = await effects.update(
      credentials,
      row.id,
      { set: { revokedAt: now }, unset: ['liveName'] },
      [['accountId', '=', which.accountId], ...ofClient(client.id), ['revokedAt', 'absent']],
      { audit: [entry('secret.revoked', client, row, actor)], mail },
    );
    return changed !== undefined;
  }

  /** Throws Problem 404 unless the client is of this kind and this account's; a revoked one passes. */
  async function requireKind(kind: Client['kind'], which: OfClient): Promise<void> {
    const client = await clients.get(which.clientId);
    if (client?.kind !== kind || client.accountId !== which.accountId) throw noSuchClient();
  }

  async function list(which: OfClient): Promise<Credential[]> {
    const owner: Where<Credential> = [...ofClient(which.clientId), ['accountId', '=', which.accountId]];
    const [live, dead] = await Promise.all([
      listLive(credentials, owner, clock()),
      listDead(credentials, owner, clock()),
    ]);
    return [...live, ...dead];
  }

  return {
    /** The live ones, newest first, and behind them the latest dead ones. */
    list,

    /** Throws Problem when a client of these scopes may not have a secret with this expiry. */
    checkExpiry,

    /** The secret that a new client comes with; its mail is the client's own. */
    first: (client: Client, expiresAt: number | undefined, actor: Actor): Promise<NewSecret> =>
      insert(client, { name: FIRST_NAME, expiresAt }, (credential) => ({
        audit: [entry('secret.created', client, credential, actor)],
      })),

    /**
     * What the owner of one kind of client may do: /services reaches no app's secrets, and /developer no
     * service's.
     */
    forKind: (kind: Client['kind']) => ({
      secrets: list,

      /** Adds a secret beside the others. Throws Problem. */
      async addSecret(
        wanted: OfOwner & { name: string; expiresAt?: number | undefined },
        actor: Actor,
      ): Promise<NewSecret> {
        await requireKind(kind, wanted);
        return add(wanted, actor);
      },

      /**
       * Makes a secret of the same life as the newest one had; the others end after the overlap at the
       * latest, or are revoked at once without one. Throws Problem.
       */
      async rotate(wanted: OfOwner & { overlapSeconds: number }, actor: Actor): Promise<NewSecret> {
        await requireKind(kind, wanted);
        return rotate(wanted, actor);
      },

      /**
       * Revokes one secret; access tokens that were got with it end with it. False: not there, or dead
       * already. Throws Problem for a client that is not there.
       */
      async revokeSecret(which: OfClient & { id: string }, actor: Actor): Promise<boolean> {
        await requireKind(kind, which);
        return revoke(which, actor);
      },
    }),

    /** Revokes each live secret of a client that itself goes on, also those that are made meanwhile. */
    async revokeEach(client: Client, actor: Actor): Promise<void> {
      const find = () => listLive(credentials, ofClient(client.id), clock());
      for (let rows = await find(); rows.length > 0; rows = await find()) {
        for (const row of rows) await endNow(client, row, actor);
      }
    },

    /** Marks all secrets of a client revoked. What decides is the client's own `revokedAt`, set before. */
    async revokeAll(clientId: string): Promise<void> {
      const change = { set: { revokedAt: clock() }, unset: ['liveName'] as const };
      await credentials.updateMany([...ofClient(clientId), ['revokedAt', 'absent']], change);
    },
  };
}

/** A client that is not there and one that belongs to another account look the same. */
export function noSuchClient(): Problem {
  return new Problem({
    status: 404,
    code: 'NOT_FOUND',
    message: 'There is no such client.',
    hint: 'Look for it in your list of services or apps; it may have been removed.',
  });
}

/** Names count up: `Secret 2`, `Secret 3`. A number that its owner gave to another secret is passed over. */
async function insertNumbered(
  from: number,
  insertAs: (name: string) => Promise<NewSecret>,
): Promise<NewSecret> {
  for (let number = from; ; number += 1) {
    try {
      return await insertAs(`Secret ${number}`);
    } catch (error) {
      // Only live names are in the way, and there are at most a handful of those.
      const isTaken = error instanceof Problem && error.code === 'NAME_TAKEN';
      if (!isTaken || number > from + 2 * LIVE_SECRETS_MAX) throw error;
    }
  }
}

function ofClient(clientId: string): Where<Credential> {
  return [
    ['clientId', '=', clientId],
    ['kind', '=', 'client_secret'],
  ];
}

function pathOf(client: Client): string {
  return client.kind === 'service' ? `/services/${client.id}` : `/developer/${client.id}`;
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

/**
 * Of those made in the same second the one with the longest life: the others were cut short by a rotation.
 */
function newest(rows: readonly Credential[]): Credential | undefined {
  return rows.toSorted(
    (one, other) =>
      other.createdAt - one.createdAt ||
      (other.expiresAt ?? Number.POSITIVE_INFINITY) - (one.expiresAt ?? Number.POSITIVE_INFINITY) ||
      0,
  )[0];
}

function lifeOf(secret: Credential | undefined): number | undefined {
  return secret?.expiresAt === undefined ? undefined : secret.expiresAt - secret.createdAt;
}

function entry(
  action: string,
  client: Client,
  secret: Credential,
  actor: Actor,
): Omit<AuditEntry, 'id' | 'at'> {
  const targetName = `${client.name}: ${secret.name}`;
  return { accountId: client.accountId, actor, action, targetId: secret.id, targetName };
}
