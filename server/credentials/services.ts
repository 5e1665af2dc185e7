import type { Collection, Where } from '../../adapters/port.ts';
import { serviceCreated } from '../../views/mail/service-created.ts';
import { serviceRevoked } from '../../views/mail/service-revoked.ts';
import type { Account } from '../accounts/account.ts';
import { requireUnchanged } from '../accounts/unchanged.ts';
import type { AuditEntry } from '../activity/audit.ts';
import type { Effects, EffectsOfChange } from '../effects/effects.ts';
import type { Actor } from '../ground/actor.ts';
import { originOf } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import { LIVE_SERVICES_MAX } from '../ground/limits.ts';
import { newId } from '../ground/opaque.ts';
import type { Settings } from '../ground/settings.ts';
import type { Client } from './client.ts';
import { nameFrom, textFrom } from './names.ts';
import type { Scopes } from './scopes.ts';
import { isAdmin, scopesFrom, someScopesFrom } from './scopes.ts';
import type { NewSecret, Secrets } from './secrets.ts';

const DEAD_SERVICES_MAX = 20;

/** What somebody wants of a new service. */
export type WantedService = {
  account: Account;
  name: string;
  scopes: readonly string[];
  /** `app`: not only its owner's data but everybody's. Admins only. */
  actsFor: 'account' | 'app';
  /** May ask about any token at /oauth/introspect. Admins only. */
  resourceServer: boolean;
  /** Why it gets the `admin` scope; required then. */
  reason?: string | undefined;
  /** Of its first secret, epoch seconds; undefined: does not expire. */
  expiresAt?: number | undefined;
};

export type Services = ReturnType<typeof createServices>;

/** Services: client credentials (RFC 6749 section 4.4), one client for each third-party service. */
export function createServices(parts: {
  clients: Collection<Client>;
  secrets: Secrets;
  accounts: { get(id: string): Promise<Account | undefined> };
  effects: Effects;
  scopes: Pick<Scopes, 'allowedFor' | 'describe'>;
  clock: Clock;
  settings: Pick<Settings, 'appName' | 'url'>;
}) {
  const { clients, secrets, accounts, effects, scopes, clock, settings } = parts;

  function check(wanted: WantedService): { name: string; chosen: string[]; reason: string } {
    const name = nameFrom(wanted.name);
    const reason = textFrom(wanted.reason ?? '', 'reason');
    const allowed = scopes.allowedFor(wanted.account);
    // A resource server may be there for nothing but asking about tokens.
    const choose = wanted.resourceServer ? scopesFrom : someScopesFrom;
    const chosen = choose(wanted.scopes, allowed);
    if (!wanted.account.admin && (wanted.actsFor === 'app' || wanted.resourceServer)) throw adminsOnly();
    if (isAdmin(chosen) && reason === '') throw reasonMissing();
    if (isAdmin(chosen) && wanted.actsFor !== 'app') throw adminActsForApp();
    secrets.checkExpiry(chosen, wanted.expiresAt);
    return { name, chosen, reason };
  }

  async function create(wanted: WantedService, actor: Actor): Promise<{ client: Client; secret: NewSecret }> {
    const { account, actsFor, resourceServer } = wanted;
    const { name, chosen, reason } = check(wanted);
    if ((await clients.count(liveOf(account.id))) >= LIVE_SERVICES_MAX) throw tooMany();
    const client: Client = {
      id: newId('svc_'),
      kind: 'service',
      name,
      accountId: account.id,
      actsFor,
      scopes: chosen,
      resourceServer,
      reason: reason === '' ? undefined : reason,
      redirectUris: [],
      postLogoutRedirectUris: [],
      applicationType: 'web',
      confidential: true,
      createdAt: clock(),
    };
    const reach = actsFor === 'app' ? 'the whole app' : 'your own data';
    const allows = chosen.map(scopes.describe);
    const mail = serviceCreated(settings, { ...client, allows, reach, from: originOf(actor) });
    await effects.insert(clients, client, {
      audit: [entry('service.created', client, actor)],
      mail: [{ to: account.email, ...mail }],
    });
    const secret = await secrets.first(client, wanted.expiresAt, actor);
    try {
      requireUnchanged(account, await accounts.get(account.id));
    } catch (error) {
      await end(client, { kind: 'system' }, []);
      throw error;
    }
    return { client, secret };
  }

  async function get(which: { accountId: string; id: string }): Promise<Client | undefined> {
    const client = await clients.get(which.id);
    return client?.accountId === which.accountId && client.kind === 'service' ? client : undefined;
  }

  async function revoke(which: { accountId: string; id: string }, actor: Actor): Promise<boolean> {
    const client = await get(which);
    if (client === undefined) return false;
    const owner = await accounts.get(client.accountId);
    const mail = serviceRevoked(settings, { name: client.name, revokedAt: clock(), from: originOf(actor) });
    return end(client, actor, owner === undefined ? [] : [{ to: owner.email, ...mail }]);
  }

  async function end(
    client: Client,
    actor: Actor,
    mail: NonNullable<EffectsOfChange['mail']>,
  ): Promise<boolean> {
    const change = { set: { revokedAt: clock() } };
    const audit = [entry('service.revoked', client, actor)];
    // This one write decides: every check of a secret or an access token looks at the client.
    const changed = await effects.update(clients, client.id, change, liveOf(client.accountId), {
      audit,
      mail,
    });
    // Also when another call was first: what it left undone is done here.
    await secrets.revokeAll(client.id);
    return changed !== undefined;
  }

  function listLive(accountId: string): Promise<Client[]> {
    const order = { by: 'createdAt', descending: true } as const;
    return clients.list({ where: liveOf(accountId), order, limit: LIVE_SERVICES_MAX * 2 });
  }

  return {
    /** What this account may give to a service; `admin` only to an admin's. */
    scopesFor: scopes.allowedFor,

    /** Makes a service with its first secret, whose value is given out here only. Throws Problem. */
    create,

    /** The live ones, newest first, and behind them the latest revoked ones. */
    async list(accountId: string): Promise<Client[]> {
      const order = { by: 'createdAt', descending: true } as const;
      const dead: Where<Client> = [...ownedBy(accountId), ['revokedAt', 'present']];
      const pages = await Promise.all([
        listLive(accountId),
        clients.list({ where: dead, order, limit: DEAD_SERVICES_MAX }),
      ]);
      return pages.flat();
    },

    /** One service, if it is this account's; a revoked one too. */
    get,

    // secrets, addSecret, rotate, revokeSecret
    ...secrets.forKind('service'),

    /** Ends a service for good, its secrets and access tokens with it. False: not there, or dead already. */
    revoke,

    /** Ends all live services of an account, also those that are made meanwhile. Answers how many. */
    async revokeAll(accountId: string, actor: Actor): Promise<number> {
      let count = 0;
      for (let live = await listLive(accountId); live.length > 0; live = await listLive(accountId)) {
        for (const { id } of live) if (await revoke({ accountId, id }, actor)) count += 1;
      }
      return count;
    },
  };
}

function ownedBy(accountId: string): Where<Client> {
  return [
    ['accountId', '=', accountId],
    ['kind', '=', 'service'],
  ];
}

function liveOf(accountId: string): Where<Client> {
  return [...ownedBy(accountId), ['revokedAt', 'absent']];
}

function entry(action: string, client: Client, actor: Actor): Omit<AuditEntry, 'id' | 'at'> {
  return { accountId: client.accountId, actor, action, targetId: client.id, targetName: client.name };
}

function adminsOnly(): Problem {
  return new Problem({
    status: 403,
    code: 'ADMINS_ONLY',
    message: 'Only an admin may make a service that acts for the app or asks about tokens.',
    hint: 'Make a service that acts within your own data, or ask an admin of this site.',
    parameter: 'actsFor',
  });
}

function adminActsForApp(): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_ACTS_FOR',
    message: 'The admin scope reaches everybody, so it does not fit a service that acts for one account.',
    hint: 'Let it act for the app, or leave out the admin scope.',
    parameter: 'actsFor',
  });
}

function reasonMissing(): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_REASON',
    message: 'The admin scope needs a reason.',
    hint: 'Say in a sentence what it is for; it is kept with the service.',
    parameter: 'reason',
  });
}

function tooMany(): Problem {
  return new Problem({
    status: 409,
    code: 'TOO_MANY_SERVICES',
    message: `You have ${LIVE_SERVICES_MAX} services, which is the most an account may have.`,
    hint: 'Revoke the ones you no longer use, then try again.',
    parameter: 'name',
  });
}
