import type { Collection, Where } from '../../adapters/port.ts';
import { type Client, isLiveClient } from '../credentials/client.ts';
import { scopesIn, scopesLeft } from '../credentials/scopes.ts';
import type { Effects, EffectsOfChange } from '../effects/effects.ts';
import type { Actor } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import { noSuch } from '../ground/errors.ts';
import { untilNone } from '../ground/until-none.ts';
import { type Artifact, removeAll } from './artifact.ts';

/** What an account allowed an app, as /apps lists it. */
export type GrantRow = {
  grantId: string;
  client: Client;
  scopes: string[];
  createdAt: number;
  lastUsedAt: number | undefined;
};

type Parts = {
  artifacts: Collection<Artifact>;
  effects: Effects;
  getClient: (id: string) => Promise<Client | undefined>;
  clock: Clock;
};

/** More apps than anybody lets in; endings go on until none is left. */
const GRANTS_LISTED_MAX = 500;
const ENDED_TOGETHER = 50;

export type Grants = ReturnType<typeof createGrants>;

/**
 * Grants of accounts to apps. The decisive write of an ending is the grant's own `revokedAt`: every token is
 * judged by it, so one that a refresh writes at the same moment is dead as well.
 */
export function createGrants(parts: Parts) {
  const { artifacts } = parts;

  return {
    /** What the account lets in: one row an app, however many browsers allowed it. */
    list: (accountId: string): Promise<GrantRow[]> => list(parts, accountId),

    /** The live grants of this account to this app, the newest first. */
    async liveIds({ accountId, clientId }: { accountId: string; clientId: string }): Promise<string[]> {
      const ofApp = ['grantClientId', '=', clientId] as const;
      return (await liveGrants(parts, [['accountId', '=', accountId], ofApp])).map(({ id }) => id);
    },

    /** One of these. Throws Problem 404. */
    async get(which: { accountId: string; grantId: string }): Promise<GrantRow> {
      const row = (await list(parts, which.accountId)).find(({ grantId }) => grantId === which.grantId);
      if (row === undefined) throw noSuch('connected app');
      return row;
    },

    /** Ends a grant, whoever's it is, with every token under it; false when there is none, or it had ended. */
    async revokeOne(grantId: string, actor: Actor, mail: EffectsOfChange['mail'] = []): Promise<boolean> {
      const grant = await artifacts.get(grantId);
      return grant?.model === 'Grant' && revokeGrant(parts, grant, actor, mail);
    },

    /**
     * Cuts the app of this grant off from this account: every grant that it has there, with every token under
     * them; false when somebody else was first. Throws Problem 404 when the account has no such grant any more.
     */
    async revoke(which: { accountId: string; grantId: string }, actor: Actor): Promise<boolean> {
      const grant = await artifacts.get(which.grantId);
      const isTheirs = grant?.model === 'Grant' && grant.accountId === which.accountId;
      if (!isTheirs || grant.revokedAt !== undefined || grant.expiresAt <= parts.clock()) {
        throw noSuch('connected app');
      }
      const ofApp = ['grantClientId', '=', grant.clientId ?? ''] as const;
      return (await revokeGrants(parts, [['accountId', '=', which.accountId], ofApp], actor)) > 0;
    },

    revokeAll: (accountId: string, actor: Actor): Promise<number> =>
      revokeGrants(parts, [['accountId', '=', accountId]], actor),

    /** One batch of everybody's grants to an app, or of all those of an account; false when there was none left. */
    async revokeSome(of: { clientId: string } | { accountId: string }, actor: Actor): Promise<boolean> {
      const [by, id] =
        'clientId' in of ? (['grantClientId', of.clientId] as const) : (['accountId', of.accountId] as const);
      const some = await liveGrants(parts, [[by, '=', id]]);
      await revokeEach(parts, some, actor);
      return some.length > 0;
    },
  };
}

/** The live grants among these, as conditions on rows. */
export function liveGrantsOf(whose: Where<Artifact>, now: number): Where<Artifact> {
  return [...whose, ...NOT_ENDED, ['expiresAt', '>', now]];
}

async function list(parts: Parts, accountId: string): Promise<GrantRow[]> {
  const grants = await liveGrants(parts, [['accountId', '=', accountId]]);
  const byClient = Map.groupBy(grants, (row) => row.clientId ?? '');
  const listed = await Promise.all(
    [...byClient].map(async ([clientId, rows]) => {
      const client = await parts.getClient(clientId);
      return isLiveClient(client) ? [rowOf(client, rows)] : [];
    }),
  );
  return listed.flat();
}

/** A page of live grants, newest first. */
function liveGrants({ artifacts, clock }: Parts, whose: Where<Artifact>): Promise<Artifact[]> {
  const order = { by: 'createdAt', descending: true } as const;
  return artifacts.list({ where: liveGrantsOf(whose, clock()), order, limit: GRANTS_LISTED_MAX });
}

async function revokeGrants(parts: Parts, whose: Where<Artifact>, actor: Actor): Promise<number> {
  let ended = 0;
  for await (const page of untilNone(() => liveGrants(parts, whose)))
    ended += await revokeEach(parts, page, actor);
  return ended;
}

/** Answers how many had not ended. */
async function revokeEach(parts: Parts, all: readonly Artifact[], actor: Actor): Promise<number> {
  let ended = 0;
  // Some side by side, so that they share commits: an app may have been let in by everybody.
  for (let at = 0; at < all.length; at += ENDED_TOGETHER) {
    const some = all.slice(at, at + ENDED_TOGETHER);
    const done = await Promise.all(some.map((grant) => revokeGrant(parts, grant, actor)));
    ended += done.filter(Boolean).length;
  }
  return ended;
}

const NOT_ENDED = [
  ['model', '=', 'Grant'],
  ['revokedAt', 'absent'],
] as const;

async function revokeGrant(
  parts: Parts,
  grant: Artifact,
  actor: Actor,
  mail: EffectsOfChange['mail'] = [],
): Promise<boolean> {
  const { artifacts, effects, getClient, clock } = parts;
  const { accountId = '', clientId = '' } = grant;
  const targetName = (await getClient(clientId))?.name ?? '';
  const audit = { accountId, actor, action: 'app.ended', targetId: clientId, targetName };
  const change = { set: { revokedAt: clock(), expiresAt: clock() } };
  const ended = await effects.update(artifacts, grant.id, change, NOT_ENDED, { audit: [audit], mail });
  if (ended === undefined) return false;
  // Access tokens are dead by the grant. They stay for their last hour, so that whoever sends one is told why,
  // and its owner sees the call.
  await removeAll(artifacts, [
    ['grantId', '=', grant.id],
    ['model', '!=', 'AccessToken'],
  ]);
  return true;
}

/** The newest first: its id stands for the app. */
function rowOf(client: Client, rows: readonly Artifact[]): GrantRow {
  const used = rows.map((row) => row.lastUsedAt ?? 0);
  return {
    grantId: rows[0]?.id ?? '',
    client,
    scopes: grantedScopes(rows, client),
    createdAt: Math.min(...rows.map((row) => row.createdAt)),
    lastUsedAt: Math.max(...used) || undefined,
  };
}

/** What these grants allow an app, without what its developer took from it since. */
export function grantedScopes(rows: readonly Artifact[], client: Client): string[] {
  return scopesLeft([...new Set(rows.flatMap(scopesOf))], client);
}

/** Scopes granted, without those refused later. */
function scopesOf(row: Artifact): string[] {
  const payload = row.payload as { openid?: { scope?: string }; resources?: Record<string, string> };
  const lists = [payload.openid?.scope, ...Object.values(payload.resources ?? {})];
  return [...new Set(lists.flatMap(scopesIn))];
}
