import { z } from 'zod';
import { type Collection, declare, type Where } from '../../adapters/port.ts';
import { type Effects, type EffectsOfChange, pendingEffects } from '../effects/effects.ts';
import { actorSchema } from '../ground/actor.ts';
import { noSuch, type Problem } from '../ground/errors.ts';
import type { Owned } from './owner.ts';
import { insertAtPlace } from './places.ts';

/** An OAuth 2.0 client: a service (client_credentials) or an app (authorization code with PKCE). */
const clientSchema = z.strictObject({
  /** The `client_id`: `svc_` or `app_` and 20 base62 characters. */
  id: z.string(),
  kind: z.enum(['service', 'app']),
  name: z.string(),
  /** The account that registered it. */
  accountId: z.string(),
  /**
   * A service acts within its owner's own data (`account`) or, made by an admin, for the whole app (`app`).
   */
  actsFor: z.enum(['account', 'app']),
  /** Every scope it may ask for. */
  scopes: z.array(z.string()),
  /** May ask /oauth/introspect about any credential (design: only such clients may). */
  resourceServer: z.boolean(),
  /** Why it has the `admin` scope. */
  reason: z.string().optional(),
  redirectUris: z.array(z.string()),
  postLogoutRedirectUris: z.array(z.string()),
  applicationType: z.enum(['web', 'native']),
  /** A public client keeps no secret (RFC 6749 section 2.1); PKCE protects it. */
  confidential: z.boolean(),
  /** A confidential app whose library cannot do PKCE (RFC 9700 section 2.1.1); it is required where absent. */
  withoutPkce: z.boolean().optional(),
  /** How often its secrets were rotated. */
  rotations: z.number().optional(),
  createdAt: z.number(),
  revokedAt: z.number().optional(),
  /** Since then a service opens nothing, until it is resumed: by its owner, or where an admin paused it, by an admin. */
  pausedAt: z.number().optional(),
  pausedByAdmin: z.literal(true).optional(),
  /** While present, all that people allowed an app is to be ended: since then, by whom and why. */
  cutOffAt: z.number().optional(),
  cutOffBy: actorSchema.optional(),
  /** Which of the places of its owner it holds while it is live: see places.ts. Unique. */
  place: z.string().optional(),
  ...pendingEffects,
});

export type Client = z.infer<typeof clientSchema>;

export type LiveClient = Client & { revokedAt?: undefined };

/** Whether a client may do anything: it is there and was not deleted. */
export function isLiveClient(client: Client | undefined): client is LiveClient {
  return client !== undefined && client.revokedAt === undefined;
}

export const clientDeclaration = declare<Client>({
  name: 'clients',
  schema: clientSchema,
  unique: ['place'],
  indexes: [
    // Those of one account name the kind too: SQLite would take those of everybody for its lists.
    ['accountId', 'kind', 'createdAt'],
    ['accountId', 'kind', 'revokedAt', 'createdAt'],
    ['kind', 'createdAt'],
    ['kind', 'revokedAt', 'createdAt'],
    // The few that may pass privacy rules are among those that act for the app.
    ['actsFor', 'createdAt'],
    ['revokedAt'],
    ['pausedAt'],
    ['cutOffAt'],
    ['pendingAt'],
  ],
});

/** So many are read at a time where all are wanted. */
const PAGE_ROWS = 100;

/** One client as its owner names it. */
type OwnClient = Owned & { kind: Client['kind'] };

/** The client, revoked or not. Throws Problem 404 unless it is this account's and of this kind. */
export async function getClient(clients: Collection<Client>, which: OwnClient): Promise<Client> {
  const client = await clients.get(which.id);
  if (client?.accountId !== which.accountId || client.kind !== which.kind) throw noSuch(which.kind);
  return client;
}

/** The same, and a revoked client is not there. */
export async function getLiveClient(clients: Collection<Client>, which: OwnClient): Promise<Client> {
  const client = await getClient(clients, which);
  if (!isLiveClient(client)) throw noSuch(which.kind);
  return client;
}

/** The clients of one kind that an account has, live or revoked, to list or count. */
export function clientsOf(
  kind: Client['kind'],
  accountId: string,
  state: 'live' | 'revoked' = 'live',
): Where<Client> {
  return [
    ['accountId', '=', accountId],
    ['kind', '=', kind],
    ['revokedAt', state === 'live' ? 'absent' : 'present'],
  ];
}

/** Clients, the newest first. */
export function listClients(
  clients: Collection<Client>,
  where: Where<Client>,
  limit: number,
): Promise<Client[]> {
  return clients.list({ where, order: { by: 'createdAt', descending: true }, limit });
}

/** Each client for which `where` holds, however many there are, those that are made meanwhile too. */
export async function* eachClient(clients: Collection<Client>, where: Where<Client>): AsyncGenerator<Client> {
  const page = { where, order: { by: 'createdAt' }, limit: PAGE_ROWS } as const;
  let rows = await clients.list(page);
  while (rows.length > 0) {
    yield* rows;
    const after = rows.at(-1);
    rows = after === undefined ? [] : await clients.list({ ...page, after });
  }
}

/** Inserts a client, with what this brings, at one of the places that its owner has for clients of its kind. */
export function insertClient(
  { clients, effects }: { clients: Collection<Client>; effects: Effects },
  client: Client,
  limit: { max: number; full: () => Problem },
  caused: EffectsOfChange,
): Promise<Client> {
  const { kind, accountId } = client;
  return insertAtPlace(clients, {
    ...limit,
    owner: `${kind}s ${accountId}`,
    listLive: () => listClients(clients, clientsOf(kind, accountId), limit.max),
    async insert(place) {
      const placed = { ...client, place };
      await effects.insert(clients, placed, caused);
      return placed;
    },
  });
}

/** The page of a client, where its owner sees its secrets. */
export function pathOf(client: Pick<Client, 'kind' | 'id'>): string {
  return client.kind === 'service' ? `/services/${client.id}` : `/developer/${client.id}`;
}
