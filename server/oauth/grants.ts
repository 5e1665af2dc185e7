import type { Collection } from '../../adapters/port.ts';
import type { Actor } from '../activity/audit.ts';
import type { Clock } from '../clock.ts';
import type { Client } from '../credentials/client.ts';
import type { Effects } from '../effects.ts';
import type { Artifact } from './artifact.ts';
import { removeAll } from './remove-all.ts';

/** What an account allowed an app, as /apps lists it. */
export type GrantRow = {
  grantId: string;
  client: Client;
  scopes: string[];
  createdAt: number;
  lastUsedAt: number | undefined;
};

export type Grants = ReturnType<typeof createGrants>;

/** More apps than anybody lets in; `revokeClient` goes on until none is left. */
const GRANTS_LISTED_MAX = 500;

/**
 * Grants of accounts to apps. The decisive write of an ending is the grant's own `revokedAt`: every token is
 * judged by it, so one that a refresh writes at the same moment is dead as well.
 */
export function createGrants(parts: {
  artifacts: Collection<Artifact>;
  effects: Effects;
  getClient: (id: string) => Promise<Client | undefined>;
  clock: Clock;
}) {
  const { artifacts, effects, getClient, clock } = parts;

  async function liveGrants(by: 'accountId' | 'clientId', id: string): Promise<Artifact[]> {
    return artifacts.list({
      where: [
        [by, '=', id],
        ['model', '=', 'Grant'],
        ['revokedAt', 'absent'],
        ['expiresAt', '>', clock()],
      ],
      order: { by: 'createdAt', descending: true },
      limit: GRANTS_LISTED_MAX,
    });
  }

  async function endOne(grant: Artifact, actor: Actor): Promise<boolean> {
    const client = await getClient(grant.clientId ?? '');
    const ended = await effects.update(
      artifacts,
      grant.id,
      { set: { revokedAt: clock(), expiresAt: clock() } },
      [
        ['model', '=', 'Grant'],
        ['revokedAt', 'absent'],
      ],
      {
        audit: [
          {
            accountId: grant.accountId ?? '',
            actor,
            action: 'app.ended',
            targetId: grant.clientId ?? '',
            targetName: client?.name ?? '',
          },
        ],
      },
    );
    if (ended === undefined) return false;
    // Access tokens are dead by the grant. They stay for their last hour, so that whoever sends one is told why,
    // and its owner sees the call.
    await removeAll(artifacts, [
      ['grantId', '=', grant.id],
      ['model', '!=', 'AccessToken'],
    ]);
    return true;
  }

  async function endEach(grants: readonly Artifact[], actor: Actor): Promise<number> {
    let ended = 0;
    for (const grant of grants) if (await endOne(grant, actor)) ended += 1;
    return ended;
  }

  return {
    async list(accountId: string): Promise<GrantRow[]> {
      const rows = await liveGrants('accountId', accountId);
      const listed = await Promise.all(
        rows.map(async (row) => {
          const client = await getClient(row.clientId ?? '');
          return client === undefined || client.revokedAt !== undefined
            ? []
            : [
                {
                  grantId: row.id,
                  client,
                  scopes: scopesOf(row),
                  createdAt: row.createdAt,
                  lastUsedAt: row.lastUsedAt,
                },
              ];
        }),
      );
      return listed.flat();
    },

    /**
     * Ends a grant, whoever's it is, with every token under it; false when there is none, or it had ended.
     */
    async end(grantId: string, actor: Actor): Promise<boolean> {
      const grant = await artifacts.get(grantId);
      return grant?.model === 'Grant' && endOne(grant, actor);
    },

    /** Ends one grant of this account with every token under it; false when it has no such grant. */
    async revoke(which: { accountId: string; grantId: string }, actor: Actor): Promise<boolean> {
      const grant = await artifacts.get(which.grantId);
      if (grant?.model !== 'Grant' || grant.accountId !== which.accountId) return false;
      return endOne(grant, actor);
    },

    async revokeAll(accountId: string, actor: Actor): Promise<number> {
      return endEach(await liveGrants('accountId', accountId), actor);
    },

    /** When an app is deleted: everybody's grants to it, batch by batch. */
    async revokeClient(clientId: string, actor: Actor): Promise<void> {
      while ((await endEach(await liveGrants('clientId', clientId), actor)) > 0);
    },
  };
}

/** Scopes granted, without those refused later. */
function scopesOf(row: Artifact): string[] {
  const payload = row.payload as { openid?: { scope?: string }; resources?: Record<string, string> };
  const lists = [payload.openid?.scope ?? '', ...Object.values(payload.resources ?? {})];
  return [...new Set(lists.flatMap((list) => list.split(' ')).filter((scope) => scope !== ''))];
}
