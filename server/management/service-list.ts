import type { Collection } from '../../adapters/port.ts';
import type { Account } from '../accounts/account.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { CallCounts, CallTotal } from '../activity/call-counts.ts';
import { type Client, isLiveClient } from '../credentials/client.ts';
import type { Credential } from '../credentials/credential.ts';
import { isAdmin } from '../credentials/scopes.ts';
import { secretsOf } from '../credentials/secret-rows.ts';
import type { Clock } from '../ground/clock.ts';
import { USED_DAYS } from '../ground/limits.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import { type PageAsked, type PageOf, pageByKey, wholeList } from './by-key.ts';
import { findNamed } from './named-account.ts';

/** More than a service has live; of what ended long ago a list does not tell. */
const SECRETS_READ_MAX = 20;

/** By when they came into this state, the latest first. */
const REVOKED = { order: { by: 'revokedAt', descending: true } } as const;
const PAUSED = { order: { by: 'pausedAt', descending: true } } as const;

export const SERVICE_STATES = ['live', 'paused', 'revoked'] as const;

export type ServiceState = (typeof SERVICE_STATES)[number];

/** Which services are asked for; all of it must hold. */
export type ServicesAsked = {
  /** The whole id of a service, or of its owner, or the e-mail address of the owner; '' for all. */
  search: string;
  state?: ServiceState | undefined;
  /** Only those with an admin scope. */
  admin: boolean;
};

/** A service with what tells whether it is still of use. */
export type ListedService = {
  client: Client;
  /** Undefined where the account is gone. */
  owner: Account | undefined;
  /** The newest first, dead ones too. */
  secrets: readonly Credential[];
  /** When some secret of it was last used. */
  lastUsedAt: number | undefined;
  /** Calls of the last USED_DAYS days. */
  calls: CallTotal;
};

type Parts = {
  clients: Collection<Client>;
  credentials: Collection<Credential>;
  accounts: Pick<Accounts, 'get' | 'findByEmail'>;
  callCounts: Pick<CallCounts, 'total'>;
  clock: Clock;
};

/** The services of everybody, for admins. */
export function createServiceList(parts: Parts) {
  /** What an index leads to; the rest is looked at row by row. */
  async function page(asked: ServicesAsked, wanted: PageAsked): Promise<PageOf<Client>> {
    const { clients } = parts;
    const { search, state, admin } = asked;
    const isMatch = (client: Client) =>
      client.kind === 'service' &&
      (state === undefined || serviceStateOf(client) === state) &&
      (!admin || isAdmin(client.scopes));
    const kind = ['kind', '=', 'service'] as const;
    const byTime = { order: { by: 'createdAt', descending: true }, isMatch } as const;
    if (search !== '') {
      const client = await clients.get(search);
      if (client !== undefined) return wholeList(isMatch(client) ? [client] : []);
      const owner = await findNamed(parts.accounts, search);
      if (owner === undefined) return wholeList([]);
      return pageByKey(clients, wanted, { ...byTime, where: [['accountId', '=', owner.id], kind] });
    }
    // Past privacy rules go only those that act for the app, which only admins make: a few among all.
    if (admin) return pageByKey(clients, wanted, { ...byTime, where: [['actsFor', '=', 'app']] });
    switch (state) {
      case undefined:
        return pageByKey(clients, wanted, { ...byTime, where: [kind], isMatch: undefined });
      case 'live':
        return pageByKey(clients, wanted, { ...byTime, where: [kind, ['revokedAt', 'absent']] });
      case 'revoked':
        return pageByKey(clients, wanted, { ...REVOKED, where: [kind, ['revokedAt', '>', 0]] });
      case 'paused':
        return pageByKey(clients, wanted, { ...PAUSED, where: [['pausedAt', '>', 0]], isMatch });
    }
  }

  return {
    /** One page: the newest first, or the latest paused or revoked. Throws Problem 400. */
    async list(asked: ServicesAsked, wanted: PageAsked): Promise<PageOf<ListedService>> {
      const { rows, ...ways } = await page(asked, wanted);
      return { rows: await Promise.all(rows.map((client) => withUse(parts, client))), ...ways };
    },

    /** One of them; undefined where there is none, or it is an app. */
    async get(id: string): Promise<Client | undefined> {
      const client = await parts.clients.get(id);
      return client?.kind === 'service' ? client : undefined;
    },

    /** The same as a list shows it. */
    withUse: (client: Client): Promise<ListedService> => withUse(parts, client),
  };
}

/** What a service is now. */
export function serviceStateOf(client: Client): ServiceState {
  if (!isLiveClient(client)) return 'revoked';
  return client.pausedAt === undefined ? 'live' : 'paused';
}

async function withUse({ credentials, accounts, callCounts, clock }: Parts, client: Client) {
  const { id, accountId } = client;
  const today = clock() - (clock() % DAY_SECONDS);
  const [owner, secrets, calls] = await Promise.all([
    accounts.get(accountId),
    credentials.list({
      where: secretsOf(id),
      order: { by: 'createdAt', descending: true },
      limit: SECRETS_READ_MAX,
    }),
    callCounts.total({ accountId, about: { clientId: id }, from: today - (USED_DAYS - 1) * DAY_SECONDS }),
  ]);
  const used = secrets.flatMap(({ lastUsedAt }) => lastUsedAt ?? []);
  return { client, owner, secrets, lastUsedAt: used.length === 0 ? undefined : Math.max(...used), calls };
}
