import type { Collection } from '../../adapters/port.ts';
import type { Artifact } from '../access/artifact.ts';
import { grantedScopes, liveGrantsOf } from '../access/grants.ts';
import type { Account } from '../accounts/account.ts';
import type { Client } from '../credentials/client.ts';
import type { Clock } from '../ground/clock.ts';
import { noSuch } from '../ground/errors.ts';
import { type PageAsked, type PageOf, pageByKey, wholeList } from './by-key.ts';
import { namedAccount } from './named-account.ts';

/** So many grants of an app are looked at to count its people: of fifty apps on a page, and of one on its own. */
const LISTED_GRANTS_MAX = 25;
const GRANTS_MAX = 1000;

const NEWEST_FIRST = { by: 'createdAt', descending: true } as const;

/** Which apps are asked for; all of it must hold. */
export type AppsAsked = {
  /** The whole id of an app, or the whole id or e-mail address of who registered it; '' for all. */
  search: string;
  state?: 'live' | 'deleted' | undefined;
};

/** How many accounts let an app in. Counting stops somewhere: with `isMore` there are at least so many. */
export type People = { count: number; isMore: boolean };

/** An app with who registered it, as far as they are still there. */
export type ListedApp = { client: Client; owner: Account | undefined; people: People };

/** What somebody allowed an app, in one browser. */
export type AppGrant = {
  grantId: string;
  accountId: string;
  account: Account | undefined;
  client: Client;
  scopes: string[];
  createdAt: number;
  lastUsedAt: number | undefined;
};

type Parts = {
  clients: Collection<Client>;
  accounts: Collection<Account>;
  artifacts: Collection<Artifact>;
  clock: Clock;
};

/** The apps that anybody registered, and who let them in, for admins. */
export function createAppList(parts: Parts) {
  const { clients, accounts, artifacts, clock } = parts;

  async function get(id: string): Promise<Client> {
    const client = await clients.get(id);
    if (client?.kind !== 'app') throw noSuch('app');
    return client;
  }

  async function grantOf(row: Artifact, client: Client): Promise<AppGrant> {
    const { id: grantId, accountId = '', createdAt, lastUsedAt } = row;
    const account = await accounts.get(accountId);
    const scopes = grantedScopes([row], client);
    return { grantId, accountId, account, client, scopes, createdAt, lastUsedAt };
  }

  return {
    /** One page, the newest first. Throws Problem 400. */
    async list(asked: AppsAsked, page: PageAsked): Promise<PageOf<ListedApp>> {
      const { rows, ...rest } = await find(parts, asked, page);
      const listed = rows.map((client) => listedApp(parts, client, LISTED_GRANTS_MAX));
      return { rows: await Promise.all(listed), ...rest };
    },

    /** One app, a deleted one too. Throws Problem 404. */
    get,

    /** The same with who registered it, and how many let it in, counted further. */
    describe: async (id: string): Promise<ListedApp> => listedApp(parts, await get(id), GRANTS_MAX),

    /** Who let this app in, a page at a time, the newest first. Throws Problem 400. */
    async grants(client: Client, page: PageAsked): Promise<PageOf<AppGrant>> {
      const where = liveGrantsOf([['grantClientId', '=', client.id]], clock());
      const { rows, ...rest } = await pageByKey(artifacts, page, { where, order: NEWEST_FIRST });
      return { rows: await Promise.all(rows.map((row) => grantOf(row, client))), ...rest };
    },

    /** One live grant, whoever's it is. Throws Problem 404. */
    async grant(grantId: string): Promise<AppGrant> {
      const row = await artifacts.get(grantId);
      const isLive = row?.model === 'Grant' && row.revokedAt === undefined && row.expiresAt > clock();
      const client = isLive ? await clients.get(row.clientId ?? '') : undefined;
      if (!isLive || client === undefined) throw noSuch('connected app');
      return grantOf(row, client);
    },
  };
}

async function find(
  { clients, accounts }: Parts,
  { search, state }: AppsAsked,
  page: PageAsked,
): Promise<PageOf<Client>> {
  const kind = ['kind', '=', 'app'] as const;
  const isMatch =
    state === undefined
      ? undefined
      : ({ revokedAt }: Client) => (revokedAt === undefined) === (state === 'live');
  if (search === '') return pageByKey(clients, page, { where: [kind], order: NEWEST_FIRST, isMatch });
  const app = await clients.get(search);
  if (app !== undefined) return wholeList(app.kind === 'app' ? [app] : []);
  const accountId = await namedAccount(accounts, search);
  if (accountId === undefined) return wholeList([]);
  const where = [['accountId', '=', accountId] as const, kind];
  return pageByKey(clients, page, { where, order: NEWEST_FIRST, isMatch });
}

async function listedApp(parts: Parts, client: Client, grantsMax: number): Promise<ListedApp> {
  const [owner, people] = await Promise.all([
    parts.accounts.get(client.accountId),
    peopleOf(parts, client, grantsMax),
  ]);
  return { client, owner, people };
}

/** Each browser that somebody let an app in with may have left a grant of its own. */
async function peopleOf({ artifacts, clock }: Parts, { id }: Client, grantsMax: number): Promise<People> {
  const where = liveGrantsOf([['grantClientId', '=', id]], clock());
  const rows = await artifacts.list({ where, order: NEWEST_FIRST, limit: grantsMax + 1 });
  const people = new Set(rows.slice(0, grantsMax).map(({ accountId }) => accountId));
  return { count: people.size, isMore: rows.length > grantsMax };
}
