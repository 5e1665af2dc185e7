import type { Collection, Where } from '../../adapters/port.ts';
import { appChanged } from '../../views/mail/app-changed.ts';
import type { Account } from '../accounts/account.ts';
import { requireUnchanged } from '../accounts/unchanged.ts';
import type { AuditEntry } from '../activity/audit.ts';
import type { Effects, EffectsOfChange } from '../effects/effects.ts';
import type { Actor } from '../ground/actor.ts';
import { originOf } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import { LIVE_APPS_MAX } from '../ground/limits.ts';
import { newId } from '../ground/opaque.ts';
import type { Settings } from '../ground/settings.ts';
import type { Client } from './client.ts';
import { nameFrom } from './names.ts';
import { redirectUrisFrom } from './redirect-uris.ts';
import type { Scopes } from './scopes.ts';
import { someScopesFrom } from './scopes.ts';
import { type NewSecret, noSuchClient, type Secrets } from './secrets.ts';

/** What a developer says about an app. */
export type WantedApp = {
  name: string;
  redirectUris: readonly string[];
  /** Every scope it may ask people for. */
  scopes: readonly string[];
};

export type Apps = ReturnType<typeof createApps>;

/** Apps: clients that send people through sign-in and consent (authorization code with PKCE, RFC 7636). */
export function createApps(parts: {
  clients: Collection<Client>;
  secrets: Secrets;
  accounts: { get(id: string): Promise<Account | undefined> };
  /** Ends everything that people allowed this app. */
  grants: { revokeClient(clientId: string, actor: Actor): Promise<unknown> };
  effects: Effects;
  scopes: Pick<Scopes, 'forApps'>;
  clock: Clock;
  settings: Pick<Settings, 'appName' | 'url'>;
}) {
  const { clients, secrets, accounts, grants, effects, scopes, clock, settings } = parts;

  function check(wanted: WantedApp) {
    return {
      name: nameFrom(wanted.name),
      ...redirectUrisFrom(wanted.redirectUris),
      scopes: someScopesFrom(wanted.scopes, scopes.forApps),
    };
  }

  async function caused(
    what: 'registered' | 'changed' | 'deleted',
    app: Client,
    actor: Actor,
  ): Promise<EffectsOfChange> {
    const owner = await accounts.get(app.accountId);
    const mail = appChanged(settings, { what, ...app, at: clock(), from: originOf(actor) });
    return {
      audit: [entry(`app.${what}`, app, actor)],
      mail: owner === undefined ? [] : [{ to: owner.email, ...mail }],
    };
  }

  async function create(
    wanted: WantedApp & { account: Account; confidential: boolean },
    actor: Actor,
  ): Promise<{ client: Client; secret?: NewSecret }> {
    const checked = check(wanted);
    if ((await clients.count(liveOf(wanted.account.id))) >= LIVE_APPS_MAX) throw tooMany();
    const client: Client = {
      id: newId('app_'),
      kind: 'app',
      ...checked,
      accountId: wanted.account.id,
      actsFor: 'account',
      resourceServer: false,
      postLogoutRedirectUris: [],
      confidential: wanted.confidential,
      createdAt: clock(),
    };
    await effects.insert(clients, client, await caused('registered', client, actor));
    const secret = client.confidential ? await secrets.first(client, undefined, actor) : undefined;
    try {
      requireUnchanged(wanted.account, await accounts.get(client.accountId));
    } catch (error) {
      await end(client, { audit: [entry('app.deleted', client, { kind: 'system' })] });
      throw error;
    }
    return secret === undefined ? { client } : { client, secret };
  }

  /** This one write decides: every check of a token or a secret looks at the client. */
  async function end(client: Client, change: EffectsOfChange): Promise<boolean> {
    const revoked = { set: { revokedAt: clock() } };
    const changed = await effects.update(clients, client.id, revoked, liveOf(client.accountId), change);
    // Also when another call was first: what it left undone is done here.
    await secrets.revokeAll(client.id);
    return changed !== undefined;
  }

  function list(accountId: string): Promise<Client[]> {
    const order = { by: 'createdAt', descending: true } as const;
    return clients.list({ where: liveOf(accountId), order, limit: LIVE_APPS_MAX * 2 });
  }

  async function get(which: { accountId: string; id: string }): Promise<Client | undefined> {
    const client = await clients.get(which.id);
    const isOwn = client?.accountId === which.accountId && client.kind === 'app';
    return isOwn && client.revokedAt === undefined ? client : undefined;
  }

  async function update(
    wanted: WantedApp & { accountId: string; id: string },
    actor: Actor,
  ): Promise<Client> {
    const client = await get(wanted);
    if (client === undefined) throw noSuchClient();
    const checked = check(wanted);
    const change = await caused('changed', { ...client, ...checked }, actor);
    const changed = await effects.update(
      clients,
      client.id,
      { set: checked },
      liveOf(wanted.accountId),
      change,
    );
    if (changed === undefined) throw noSuchClient();
    return changed;
  }

  async function remove(which: { accountId: string; id: string }, actor: Actor): Promise<boolean> {
    const client = await clients.get(which.id);
    if (client?.accountId !== which.accountId || client.kind !== 'app') return false;
    const changed = await end(client, await caused('deleted', client, actor));
    await grants.revokeClient(client.id, actor);
    return changed;
  }

  return {
    /** What an app may ask people for. */
    scopes: scopes.forApps,

    /**
     * Registers an app; a confidential one comes with a secret, whose value is given out here only. Throws
     * Problem.
     */
    create,

    /** The apps that this account registered, newest first. */
    list,

    /** One app, if this account registered it. */
    get,

    /**
     * Changes what a developer says about an app. What people allowed already stays as it is. Throws Problem.
     */
    update,

    /** Deletes an app for good; secrets, grants and tokens end with it. False: not there, or gone already. */
    remove,

    /** Revokes the secrets of all apps that this account registered; the apps stay. */
    async revokeSecrets(accountId: string, actor: Actor): Promise<void> {
      for (const client of await list(accountId)) await secrets.revokeEach(client, actor);
    },

    // secrets, addSecret, rotate, revokeSecret
    ...secrets.forKind('app'),
  };
}

function liveOf(accountId: string): Where<Client> {
  return [
    ['accountId', '=', accountId],
    ['kind', '=', 'app'],
    ['revokedAt', 'absent'],
  ];
}

function entry(action: string, app: Client, actor: Actor): Omit<AuditEntry, 'id' | 'at'> {
  return { accountId: app.accountId, actor, action, targetId: app.id, targetName: app.name };
}

function tooMany(): Problem {
  return new Problem({
    status: 409,
    code: 'TOO_MANY_APPS',
    message: `You have ${LIVE_APPS_MAX} apps, which is the most an account may have.`,
    hint: 'Delete the ones you no longer use, then try again.',
    parameter: 'name',
  });
}
