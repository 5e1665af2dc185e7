import { appChanged } from '../../views/mail/apps.ts';
import type { Account } from '../accounts/account.ts';
import { type Actor, originOf } from '../ground/actor.ts';
import { checkAll, noSuch, Problem } from '../ground/errors.ts';
import { LIVE_APPS_MAX } from '../ground/limits.ts';
import { newId } from '../ground/opaque.ts';
import { untilNone } from '../ground/until-none.ts';
import {
  type Client,
  clientsOf,
  eachClient,
  getClient,
  getLiveClient,
  insertClient,
  listClients,
} from './client.ts';
import type { ClientDependencies } from './dependencies.ts';
import { nameFrom } from './names.ts';
import { auditEntry, isAsBefore, mailToOwner, type Owned, tooMany, undoIfChanged } from './owner.ts';
import { redirectUrisFrom } from './redirect-uris.ts';
import { requireMayRegister } from './registration.ts';
import { someScopesFrom } from './scopes.ts';
import type { NewSecret } from './secret-rows.ts';
import type { Secrets } from './secrets.ts';

/** What a developer says about an app. */
export type WantedApp = {
  name: string;
  redirectUris: readonly string[];
  /** Where people may be sent after signing out here; none where absent, and as before for an app that is there. */
  postLogoutRedirectUris?: readonly string[];
  /** Its library cannot do PKCE; for confidential apps only. As before where absent. */
  withoutPkce?: boolean | undefined;
  /** Every scope it may ask people for. */
  scopes: readonly string[];
};

type AppParts = ClientDependencies & {
  secrets: Pick<Secrets, 'mintFirst' | 'revokeClient' | 'revokeEach'>;
  /** Ends everything that people allowed an app which says that it is to be done; answers whether it is over by now. */
  cutOffs: { finish(app: Client): Promise<unknown> };
};

export type Apps = ReturnType<typeof createApps>;

/** Apps: clients that send people through sign-in and consent (authorization code with PKCE, RFC 7636). */
export function createApps(parts: AppParts) {
  const { clients, secrets, cutOffs, effects, settings } = parts;

  const list = (accountId: string) => listClients(clients, clientsOf('app', accountId), LIVE_APPS_MAX * 2);

  /** It is deleted by one write. What people allowed it is ended afterwards. */
  async function remove(client: Client, actor: Actor): Promise<boolean> {
    const { mail } = await causedBy(parts, 'deleted', client, actor);
    return secrets.revokeClient(client, actor, mail);
  }

  async function finish({ id }: Client): Promise<void> {
    const deleted = await clients.get(id);
    if (deleted?.cutOffAt !== undefined) await cutOffs.finish(deleted);
  }

  return {
    /** Throws Problem 403 where this account may register none. */
    requireMayCreate: (account: Account): void => requireMayRegister('apps', settings, account),

    /**
     * Registers an app; a confidential one comes with a secret, whose value is given out here only. Throws
     * Problem.
     */
    create: (wanted: WantedApp & { account: Account; confidential: boolean }, actor: Actor) =>
      create(parts, wanted, actor),

    /** The apps that this account registered, newest first. */
    list,

    /** One app that this account registered. Throws Problem 404, also when it is deleted. */
    get: (which: Owned): Promise<Client> => getLiveClient(clients, { ...which, kind: 'app' }),

    /** Changes what a developer says about an app. What people allowed already stays as it is. Throws Problem. */
    async update({ accountId, id, ...wanted }: WantedApp & Owned, actor: Actor): Promise<Client> {
      const client = await getLiveClient(clients, { accountId, id, kind: 'app' });
      const checked = check(parts, { ...client, ...wanted });
      if (isAsBefore({ withoutPkce: false, ...client }, checked)) return client;
      const about = await causedBy(parts, 'changed', { ...client, ...checked }, actor);
      const caused = { ...about, repeatable: true };
      const guard = [['revokedAt', 'absent']] as const;
      const changed = await effects.update(clients, id, { set: checked }, guard, caused);
      if (changed === undefined) throw noSuch('app');
      return changed;
    },

    /**
     * Deletes an app for good; secrets, grants and tokens end with it. False when it was deleted already. Throws
     * Problem 404.
     */
    async remove(which: Owned, actor: Actor): Promise<boolean> {
      const client = await getClient(clients, { ...which, kind: 'app' });
      const changed = await remove(client, actor);
      await finish(client);
      return changed;
    },

    /** Deletes all apps that this account registered, also those that are registered meanwhile. */
    async removeAll(accountId: string, actor: Actor): Promise<void> {
      const removed: Client[] = [];
      for await (const live of untilNone(() => list(accountId))) {
        for (const client of live) await remove(client, actor);
        removed.push(...live);
      }
      await Promise.all(removed.map(finish));
    },

    /** Revokes the secrets of all apps that this account registered; the apps stay. */
    async revokeSecrets(accountId: string, actor: Actor): Promise<void> {
      for await (const client of eachClient(clients, clientsOf('app', accountId))) {
        await secrets.revokeEach(client, actor);
      }
    },
  };
}

async function create(
  parts: AppParts,
  wanted: WantedApp & { account: Account; confidential: boolean },
  actor: Actor,
): Promise<{ client: Client; secret?: NewSecret }> {
  const { secrets, accounts, clock, settings } = parts;
  const { account, confidential } = wanted;
  requireMayRegister('apps', settings, account, actor);
  const checked = check(parts, wanted);
  const row: Client = {
    id: newId('app_'),
    kind: 'app',
    ...checked,
    accountId: account.id,
    actsFor: 'account',
    resourceServer: false,
    confidential,
    createdAt: clock(),
  };
  const full = () => tooMany('TOO_MANY_APPS', `${LIVE_APPS_MAX} apps`, 'Delete');
  const caused = await causedBy(parts, 'registered', row, actor);
  const client = await insertClient(parts, row, { max: LIVE_APPS_MAX, full }, caused);
  const secret = confidential ? await secrets.mintFirst(client, undefined, actor) : undefined;
  await undoIfChanged(accounts, account, () => secrets.revokeClient(client, { kind: 'system' }));
  return secret === undefined ? { client } : { client, secret };
}

function check({ scopes }: AppParts, wanted: WantedApp & { confidential: boolean }) {
  const { confidential, withoutPkce = false } = wanted;
  const { name, uris, chosen } = checkAll({
    name: () => nameFrom(wanted.name),
    uris: () => redirectUrisFrom(wanted.redirectUris, wanted.postLogoutRedirectUris),
    chosen: () => someScopesFrom(wanted.scopes, scopes.forApps),
    pkce: () => {
      if (withoutPkce && !confidential) throw pkceNeeded();
    },
  });
  return { name, ...uris, scopes: chosen, withoutPkce };
}

function pkceNeeded(): Problem {
  return new Problem({
    status: 400,
    code: 'PKCE_NEEDED',
    message: 'An app that keeps no secret cannot do without PKCE.',
    hint: 'Nothing else protects what is sent to it: use a library that can do PKCE, or let it run on a server.',
    parameter: 'withoutPkce',
  });
}

async function causedBy(
  { accounts, clock, settings }: AppParts,
  what: 'registered' | 'changed' | 'deleted',
  app: Client,
  actor: Actor,
) {
  const mail = appChanged(settings, { what, ...app, at: clock(), from: originOf(actor) });
  return {
    audit: [auditEntry(`app.${what}`, app, actor)],
    mail: await mailToOwner(accounts, app.accountId, mail),
  };
}
