import { type Account, requireActive } from '../accounts/account.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { Client } from '../credentials/client.ts';
import { type Credential, hasEnded } from '../credentials/credential.ts';
import { isAsBefore } from '../credentials/owner.ts';
import {
  ADMIN_SCOPE,
  coversAsAdmin,
  isAdmin,
  MANAGE,
  missingScopes,
  type Scopes,
} from '../credentials/scopes.ts';
import type { NewSecret } from '../credentials/secret-rows.ts';
import type { Secrets } from '../credentials/secrets.ts';
import type { Services } from '../credentials/services.ts';
import type { Clock } from '../ground/clock.ts';
import { noSuch, Problem } from '../ground/errors.ts';
import { nothingToDo } from './nothing-to-do.ts';
import type { Manager } from './reason.ts';

/** What is done to a service by a button. */
export type ServiceAct = (typeof SERVICE_ACTS)[number];

export const SERVICE_ACTS = ['pause', 'resume', 'revoke'] as const;

/** A service that manages, and what it may do now. */
export type CallingService = { account: Account; client?: Client | undefined; scopes: readonly string[] };

type Parts = {
  services: Pick<Services, ServiceAct | 'update' | 'create'>;
  secrets: Pick<Secrets, 'list' | 'revoke' | 'add' | 'rotate'>;
  accounts: Pick<Accounts, 'get'>;
  scopes: Pick<Scopes, 'declared'>;
  clock: Clock;
};

/** What a service is to be that another one makes. */
type WantedOfService = {
  /** Whose it is to be. */
  account: Account;
  name: string;
  scopes: readonly string[];
  actsFor: 'account' | 'app';
  resourceServer: boolean;
  expiresAt: number | undefined;
};

/**
 * What is done to somebody's service by somebody else, by the acts of its owner. The owner is mailed, and finds it with
 * its reason in their own activity. `caller` is the service that does it, where one does.
 */
export function createServiceActs(parts: Parts) {
  const { services, secrets } = parts;

  return {
    /** Throws Problem 404, and 409 where there is nothing to do or the calling service would end itself. */
    async do(act: ServiceAct, service: Client, manager: Manager, caller?: CallingService): Promise<void> {
      if (act !== 'resume' && service.id === caller?.client?.id) throw ownService();
      const which = { accountId: service.accountId, id: service.id };
      if (!(await services[act](which, manager)))
        throw nothingToDo(`The service “${service.name}” ${DONE_ALREADY[act]}.`);
    },

    /**
     * Changes its name, and takes scopes away. Who is not its owner gives it none on a page, where it is easily done by
     * mistake; a service gives it what it might have itself. Throws Problem.
     */
    edit: (service: Client, wanted: ServiceChange, manager: Manager, caller?: CallingService) =>
      edit(parts, service, wanted, manager, caller),

    /** Ends one of its secrets. Throws Problem 404, and 409 where it has ended or is the caller's own last one. */
    async endSecret(service: Client, secretId: string, manager: Manager, caller?: CallingService) {
      if (service.id === caller?.client?.id) {
        const live = await liveSecrets(parts, service);
        if (live.every(({ id }) => id === secretId)) throw ownService();
      }
      const { id: clientId, accountId } = service;
      const which = { kind: 'service' as const, accountId, clientId, id: secretId };
      if (!(await secrets.revoke(which, manager))) throw nothingToDo('This secret is revoked already.');
    },

    /** Makes a service in the name of one that calls, which never reaches further than that one. Throws Problem. */
    async create(
      wanted: WantedOfService,
      manager: Manager,
      caller: CallingService,
    ): Promise<{ client: Client; secret: NewSecret }> {
      const { account, scopes, actsFor, resourceServer } = wanted;
      requireActive(account);
      const isOwn = account.id === caller.account.id;
      if (!isOwn && (actsFor === 'app' || resourceServer || isAdmin(scopes))) throw ownOnly();
      requireReach(caller, { actsFor, scopes: [...scopes], resourceServer });
      const expiresAt = await endWithin(parts, caller, wanted);
      return services.create({ ...wanted, expiresAt, reason: isOwn ? manager.reason : undefined }, manager);
    },

    /** Makes one more secret of a service that reaches no further than the one that calls. Throws Problem. */
    async addSecret(
      service: Client,
      wanted: { name: string; expiresAt: number | undefined },
      manager: Manager,
      caller: CallingService,
    ): Promise<NewSecret> {
      const which = await requireMayAdd(parts, service, caller);
      const expiresAt = await endWithin(parts, caller, { ...wanted, scopes: service.scopes });
      return secrets.add({ ...which, name: wanted.name, expiresAt }, manager);
    },

    /** Makes the next secret of such a service; its others end after the overlap. Throws Problem. */
    async rotate(
      service: Client,
      overlapSeconds: number,
      manager: Manager,
      caller: CallingService,
    ): Promise<NewSecret> {
      const which = await requireMayAdd(parts, service, caller);
      const endsBy = await endWithin(parts, caller, { scopes: service.scopes, expiresAt: undefined });
      return secrets.rotate({ ...which, overlapSeconds, endsBy }, manager);
    },
  };
}

const DONE_ALREADY: Record<ServiceAct, string> = {
  pause: 'is paused already',
  resume: 'is not paused',
  revoke: 'is revoked already',
};

/** What is not named stays. */
type ServiceChange = { name?: string | undefined; scopes?: readonly string[] | undefined };

async function edit(
  { services, accounts, scopes: catalogue }: Parts,
  service: Client,
  wanted: ServiceChange,
  manager: Manager,
  caller: CallingService | undefined,
): Promise<Client> {
  const account = await accounts.get(service.accountId);
  if (account === undefined) throw noSuch('service');
  // What is no longer declared opens nothing, and no form of its owner keeps it either.
  const { name = service.name, scopes = catalogue.declared(service.scopes) } = wanted;
  const added = scopes.filter((scope) => !service.scopes.includes(scope));
  if (added.length > 0) {
    if (caller === undefined) throw onlyFewer(service);
    requireReach(caller, { ...service, scopes: added });
  }
  const isOwn = service.id === caller?.client?.id;
  if (isOwn && !coversAsAdmin(scopes, MANAGE)) throw ownService();
  const changed = await services.update({ account, id: service.id, name, scopes }, manager);
  if (isAsBefore(service, { name: changed.name, scopes: changed.scopes }))
    throw nothingToDo(`The service “${service.name}” stands so already.`);
  return changed;
}

/**
 * Throws Problem 403 unless whoever has a secret of this service can do no more with it than the calling service can.
 * Whoever manages accounts may give each what it may have by itself; what acts for the app is another matter.
 */
function requireReach(
  { client, scopes }: CallingService,
  target: Pick<Client, 'actsFor' | 'scopes' | 'resourceServer'>,
): void {
  const beyond = target.actsFor === 'app' ? missingScopes(scopes, target.scopes) : [];
  const asks = target.resourceServer && client?.resourceServer !== true && !scopes.includes(ADMIN_SCOPE);
  if (beyond.length === 0 && !asks) return;
  const lacks = [...beyond, ...(asks ? ['to be a resource server'] : [])];
  throw new Problem({
    status: 403,
    code: 'FORBIDDEN',
    message: `That would reach further than the service that calls, which lacks: ${lacks.join(', ')}.`,
    hint: 'Let an admin make it on a page, or call with a service that may do all of it itself.',
    parameter: 'scopes',
  });
}

/** Whose secrets those are to which one may be added. Throws Problem. */
async function requireMayAdd({ accounts }: Parts, service: Client, caller: CallingService) {
  requireReach(caller, service);
  const { id: clientId, accountId } = service;
  const owner = await accounts.get(accountId);
  if (owner === undefined) throw noSuch('account');
  requireActive(owner);
  return { kind: 'service' as const, accountId, clientId };
}

/**
 * When a secret with an admin scope ends that a service makes: not after its own last one, or it would go on for ever by
 * itself. Another one ends as asked for.
 */
async function endWithin(
  parts: Parts,
  { client }: CallingService,
  wanted: { scopes: readonly string[]; expiresAt: number | undefined },
): Promise<number | undefined> {
  const { scopes, expiresAt } = wanted;
  if (!isAdmin(scopes) || client === undefined) return expiresAt;
  const own = await liveSecrets(parts, client);
  const lastEnd = Math.max(...own.map((secret) => secret.expiresAt ?? Number.POSITIVE_INFINITY));
  if (expiresAt === undefined && Number.isFinite(lastEnd)) return lastEnd;
  if (expiresAt === undefined || expiresAt <= lastEnd) return expiresAt;
  throw new Problem({
    status: 400,
    code: 'INVALID_EXPIRY',
    message: 'A secret with an admin scope cannot outlive those of the service that makes it.',
    hint: 'Choose an earlier time or none, or rotate the secrets of the calling service on its page first.',
    parameter: 'expires_at',
  });
}

async function liveSecrets({ secrets, clock }: Parts, { id, accountId }: Client): Promise<Credential[]> {
  const all = await secrets.list({ accountId, clientId: id });
  return all.filter((secret) => !hasEnded(secret, clock()));
}

function ownService(): Problem {
  return new Problem({
    status: 409,
    code: 'OWN_SERVICE',
    message: 'This is the service that calls: it would lock itself out.',
    hint: 'Let an admin do it on the page of the service, or another service.',
  });
}

function onlyFewer({ scopes }: Client): Problem {
  return new Problem({
    status: 400,
    code: 'invalid_scope',
    message: 'Scopes of somebody else’s service can be taken away only.',
    hint: `Choose among: ${scopes.join(', ')}.`,
    parameter: 'scopes',
  });
}

function ownOnly(): Problem {
  return new Problem({
    status: 403,
    code: 'ADMINS_ONLY',
    message:
      'For another account a service acts within the data of that account alone, without admin scopes.',
    hint: 'Leave out `account_id` to make one of the account that the calling service belongs to.',
    parameter: 'account_id',
  });
}
