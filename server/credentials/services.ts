import { serviceChanged, serviceCreated, serviceRevoked } from '../../views/mail/services.ts';
import type { Account } from '../accounts/account.ts';
import { type Actor, originOf } from '../ground/actor.ts';
import { checkAll, noSuch, Problem } from '../ground/errors.ts';
import { LIVE_SERVICES_MAX } from '../ground/limits.ts';
import { newId } from '../ground/opaque.ts';
import { untilNone } from '../ground/until-none.ts';
import { type Client, clientsOf, getClient, getLiveClient, insertClient, listClients } from './client.ts';
import type { ClientDependencies } from './dependencies.ts';
import { nameFrom, textFrom } from './names.ts';
import { auditEntry, isAsBefore, mailToOwner, type Owned, tooMany, undoIfChanged } from './owner.ts';
import { requireMayRegister } from './registration.ts';
import { covers, isAdmin, isAdminScope, scopesFrom, someScopesFrom } from './scopes.ts';
import type { NewSecret } from './secret-rows.ts';
import { checkSecretExpiry, type Secrets } from './secrets.ts';
import { pauseService, resumeService } from './service-pause.ts';

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
  /** Why it gets the `admin` scope or a part of it; required then. */
  reason?: string | undefined;
  /** Of its first secret, epoch seconds; undefined: does not expire. */
  expiresAt?: number | undefined;
};

/** What an owner changes about a service of theirs. */
export type ServiceEdit = { account: Account; id: string; name: string; scopes: readonly string[] };

type ServiceParts = ClientDependencies & { secrets: Pick<Secrets, 'mintFirst' | 'revokeClient'> };

export type Services = ReturnType<typeof createServices>;

/** Services: client credentials (RFC 6749 section 4.4), one client for each third-party service. */
export function createServices(parts: ServiceParts) {
  const { clients, secrets, accounts, clock, settings } = parts;

  const listLive = (accountId: string) =>
    listClients(clients, clientsOf('service', accountId), LIVE_SERVICES_MAX * 2);

  const get = (which: Owned) => getClient(clients, { ...which, kind: 'service' });

  async function revoke(client: Client, actor: Actor): Promise<boolean> {
    const mail = serviceRevoked(settings, { name: client.name, revokedAt: clock(), from: originOf(actor) });
    return secrets.revokeClient(client, actor, await mailToOwner(accounts, client.accountId, mail));
  }

  return {
    /** Throws Problem where a wish but the expiry cannot be granted, all of them at once. */
    check: (wanted: Omit<WantedService, 'expiresAt'>): void => void wishesFrom(parts, wanted),

    /** Throws Problem 403 where this account may make none. */
    requireMayCreate: (account: Account): void => requireMayRegister('services', settings, account),

    /** Makes a service with its first secret, whose value is given out here only. Throws Problem. */
    create: (wanted: WantedService, actor: Actor) => create(parts, wanted, actor),

    /**
     * Changes the name and the scopes of a service; from the next call on its access tokens have no others. Throws
     * Problem.
     */
    update: (wanted: ServiceEdit, actor: Actor) => update(parts, wanted, actor),

    /** The live ones, newest first, and behind them the latest revoked ones. */
    async list(accountId: string): Promise<Client[]> {
      const pages = await Promise.all([
        listLive(accountId),
        listClients(clients, clientsOf('service', accountId, 'revoked'), DEAD_SERVICES_MAX),
      ]);
      return pages.flat();
    },

    /** One service of this account; a revoked one too. Throws Problem 404. */
    get,

    /** Has a service open nothing until it is resumed; false when it was paused already. Throws Problem 404. */
    pause: async (which: Owned, actor: Actor): Promise<boolean> =>
      pauseService(parts, await get(which), actor),

    /** Has a paused service work again; false when it was not paused. Throws Problem 404. */
    resume: async (which: Owned, actor: Actor): Promise<boolean> =>
      resumeService(parts, await get(which), actor),

    /**
     * Ends a service for good, its secrets and access tokens with it; false when it was revoked already. Throws
     * Problem 404.
     */
    revoke: async (which: Owned, actor: Actor): Promise<boolean> => revoke(await get(which), actor),

    /** Ends all live services of an account, also those that are made meanwhile. */
    async revokeAll(accountId: string, actor: Actor): Promise<void> {
      for await (const live of untilNone(() => listLive(accountId))) {
        for (const client of live) await revoke(client, actor);
      }
    },
  };
}

async function create(
  parts: ServiceParts,
  wanted: WantedService,
  actor: Actor,
): Promise<{ client: Client; secret: NewSecret }> {
  const { secrets, accounts, scopes, clock, settings } = parts;
  const { account, actsFor, resourceServer, expiresAt } = wanted;
  requireMayRegister('services', settings, account, actor);
  const checked = check(parts, wanted);
  const row: Client = {
    id: newId('svc_'),
    kind: 'service',
    ...checked,
    accountId: account.id,
    actsFor,
    resourceServer,
    redirectUris: [],
    postLogoutRedirectUris: [],
    applicationType: 'web',
    confidential: true,
    createdAt: clock(),
  };
  const allows = row.scopes.map(scopes.describe);
  const mail = serviceCreated(settings, { ...row, allows, from: originOf(actor) });
  const full = () => tooMany('TOO_MANY_SERVICES', `${LIVE_SERVICES_MAX} services`, 'Revoke');
  const client = await insertClient(
    parts,
    row,
    { max: LIVE_SERVICES_MAX, full },
    {
      audit: [auditEntry('service.created', row, actor)],
      mail: [{ to: account.email, ...mail }],
    },
  );
  const secret = await secrets.mintFirst(client, expiresAt, actor);
  await undoIfChanged(accounts, account, () => secrets.revokeClient(client, { kind: 'system' }));
  return { client, secret };
}

async function update(parts: ServiceParts, wanted: ServiceEdit, actor: Actor): Promise<Client> {
  const { clients, accounts, effects, scopes, clock, settings } = parts;
  const { account, id } = wanted;
  const client = await getLiveClient(clients, { accountId: account.id, id, kind: 'service' });
  const choose = client.resourceServer ? scopesFrom : someScopesFrom;
  const set = checkAll({
    name: () => nameFrom(wanted.name),
    scopes: () => {
      const chosen = choose(wanted.scopes, scopes.allowedFor(account));
      // Its reason, its reach and the lives of its secrets were settled when it was made.
      if (chosen.some((scope) => isAdminScope(scope) && !covers(client.scopes, scope)))
        throw adminNeedsNewService();
      return chosen;
    },
  });
  if (isAsBefore(client, set)) return client;
  const changed = { ...client, ...set };
  const facts = {
    ...changed,
    allows: set.scopes.map(scopes.describe),
    changedAt: clock(),
    from: originOf(actor),
  };
  const caused = {
    audit: [auditEntry('service.changed', changed, actor)],
    mail: await mailToOwner(accounts, client.accountId, serviceChanged(settings, facts)),
    repeatable: true,
  };
  const updated = await effects.update(clients, id, { set }, [['revokedAt', 'absent']], caused);
  if (updated === undefined) throw noSuch('service');
  return updated;
}

function check(parts: ServiceParts, wanted: WantedService) {
  const { wishes } = checkAll({
    wishes: () => wishesFrom(parts, wanted),
    expiry: () => checkSecretExpiry(wanted.scopes, wanted.expiresAt, parts.clock()),
  });
  const { name, scopes, reason } = wishes;
  return { name, scopes, reason: reason === '' ? undefined : reason };
}

/** All but the expiry, which a page reads by itself. Throws all that is wrong. */
function wishesFrom({ scopes }: ServiceParts, wanted: Omit<WantedService, 'expiresAt'>) {
  const { account, actsFor, resourceServer } = wanted;
  const wantsAdmin = isAdmin(wanted.scopes);
  // A resource server may be there for nothing but asking about tokens.
  const choose = resourceServer ? scopesFrom : someScopesFrom;
  return checkAll({
    name: () => nameFrom(wanted.name),
    scopes: () => choose(wanted.scopes, scopes.allowedFor(account)),
    reach: () => {
      if (!account.admin && (actsFor === 'app' || resourceServer)) throw adminsOnly();
      if (wantsAdmin && actsFor !== 'app') throw adminActsForApp();
    },
    reason: () => {
      const reason = textFrom(wanted.reason ?? '', 'reason');
      if (wantsAdmin && reason === '') throw reasonMissing();
      return reason;
    },
  });
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

function adminNeedsNewService(): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_ACTS_FOR',
    message: 'An admin scope cannot be given to a service that is there.',
    hint: 'Make a new service with it: it needs a reason, and its secrets live shorter.',
    parameter: 'scopes',
  });
}

function adminActsForApp(): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_ACTS_FOR',
    message: 'An admin scope reaches everybody, so it does not fit a service that acts for one account.',
    hint: 'Let it act for the app, or leave out the admin scopes.',
    parameter: 'actsFor',
  });
}

function reasonMissing(): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_REASON',
    message: 'An admin scope needs a reason.',
    hint: 'Say in a sentence what it is for; it is kept with the service.',
    parameter: 'reason',
  });
}
