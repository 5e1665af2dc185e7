import type { Adapter, AdapterPayload } from 'oidc-provider';
import Provider, { errors } from 'oidc-provider';
import { type Collection, Taken } from '../../adapters/port.ts';
import { type Artifact, artifactIdOf, removeAll } from '../access/artifact.ts';
import { namesOf } from '../access/bearer.ts';
import type { Bearers } from '../access/bearers.ts';
import type { Grants } from '../access/grants.ts';
import type { Client } from '../credentials/client.ts';
import { checkFormat } from '../credentials/secret-format.ts';
import type { Actor } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import { REFRESH_GRACE_SECONDS } from '../ground/limits.ts';
import { addressOf, requestIdOf } from '../http/request.ts';
import { clientStorage } from './client-metadata.ts';

/**
 * Client of personal access tokens, which the engine wants to know for every token. It can do nothing itself.
 */
export const PERSONAL_CLIENT_ID = 'personal-access-tokens';

/** Where an interaction's own id stands in a URL that is stored with it. */
const ID_PLACEHOLDER = '{id}';

type Parts = {
  artifacts: Collection<Artifact>;
  bearers: Bearers;
  grants: Pick<Grants, 'end'>;
  clock: Clock;
  /** The storage of the model Session. */
  sessions: Adapter;
  /** The client, unless it or its owner's account is ended. */
  findClient: (id: string) => Promise<Client | undefined>;
  revokePersonalAccessToken: (value: string, actor: Actor) => Promise<void>;
};

export type Storage = ReturnType<typeof createStorage>;

/**
 * The engine's storage. Bearer values are hashed before they reach the store and put back into what the
 * engine reads; a used code or refresh token is marked by one atomic guarded write; a personal access token
 * is answered for as an AccessToken, so that introspection and revocation serve it unchanged.
 */
export function createStorage(parts: Parts) {
  const { artifacts, sessions, findClient } = parts;

  return {
    /** The engine's `adapter` setting: one of these a model. */
    adapterFor(model: string): Adapter {
      if (model === 'Session') return sessions;
      if (model === 'Client') return clientStorage(findClient);
      return {
        upsert: (id, payload, ttl) => save(parts, { model, id, payload, ttlSeconds: ttl ?? 0 }),
        find: (id) => find(parts, model, id),
        findByUid: async () => undefined,
        findByUserCode: async () => undefined,
        consume: (id) => consume(parts, model, id),
        destroy: (id) => destroy(parts, model, id),
        revokeByGrantId: async (grantId) => {
          // Anything but a grant's id would match rows that have no grant, that is, everybody's.
          if (typeof grantId !== 'string' || grantId === '') return;
          await removeAll(artifacts, [
            ['grantId', '=', grantId],
            ['model', '=', model],
          ]);
        },
      };
    },
  };
}

async function find(parts: Parts, model: string, id: string): Promise<AdapterPayload | undefined> {
  if (checkFormat(id) !== 'foreign') {
    return model === 'AccessToken' ? findPersonalAccessToken(parts, id) : undefined;
  }
  const row = await parts.artifacts.get(rowId(model, id));
  if (row === undefined || row.model !== model || row.revokedAt !== undefined) return undefined;
  // A copy, because the engine changes what it is given.
  const payload: AdapterPayload = { ...structuredClone(row.payload), jti: id };
  if (typeof payload.returnTo === 'string') {
    payload.returnTo = payload.returnTo.replace(ID_PLACEHOLDER, id);
  }
  const graceSeconds = model === 'RefreshToken' ? REFRESH_GRACE_SECONDS : 0;
  if (row.consumedAt !== undefined && row.consumedAt + graceSeconds <= parts.clock()) {
    payload.consumed = row.consumedAt;
  }
  return payload;
}

async function findPersonalAccessToken(
  { bearers }: Parts,
  value: string,
): Promise<AdapterPayload | undefined> {
  const bearer = await bearers.find(value);
  if ('refused' in bearer) return undefined;
  return {
    kind: 'AccessToken',
    jti: value,
    clientId: PERSONAL_CLIENT_ID,
    accountId: bearer.account.id,
    scope: bearer.scopes.join(' '),
    extra: namesOf(bearer),
    iat: bearer.issuedAt,
    ...(bearer.expiresAt === undefined ? {} : { exp: bearer.expiresAt }),
  } as AdapterPayload;
}

type Saved = { model: string; id: string; payload: AdapterPayload; ttlSeconds: number };

async function save({ artifacts, clock }: Parts, saved: Saved): Promise<void> {
  const row = rowOf(saved, clock());
  if (saved.model === 'Grant') await saveGrant(artifacts, row);
  // An interaction is saved again on its way; a token or code is new.
  else await (saved.model === 'Interaction' ? artifacts.put(row) : artifacts.insert(row));
}

function rowOf({ model, id, payload, ttlSeconds }: Saved, now: number): Artifact {
  const { jti: _jti, consumed: _consumed, ...stored } = payload;
  if (typeof stored.returnTo === 'string') stored.returnTo = stored.returnTo.replace(id, ID_PLACEHOLDER);
  if (model === 'Interaction' && isRecord(stored.session)) {
    // The session's own bearer value: nothing needs it here (the uid finds the session).
    const { cookie: _cookie, ...session } = stored.session;
    stored.session = session as NonNullable<typeof stored.session>;
  }
  return {
    id: rowId(model, id),
    model,
    payload: stored,
    accountId: stringIn(stored, 'accountId'),
    clientId: stringIn(stored, 'clientId'),
    ...(model === 'Grant' ? { grantClientId: stringIn(stored, 'clientId') } : {}),
    grantId: stringIn(stored, 'grantId'),
    createdAt: typeof stored.iat === 'number' ? stored.iat : now,
    expiresAt: now + ttlSeconds,
  };
}

/** A grant is widened by a later consent; one that was ended at the same moment stays ended. */
async function saveGrant(artifacts: Collection<Artifact>, row: Artifact): Promise<void> {
  const { payload, expiresAt } = row;
  const notEnded = [['revokedAt', 'absent']] as const;
  if ((await artifacts.update(row.id, { set: { payload, expiresAt } }, notEnded)) !== undefined) return;
  try {
    await artifacts.insert(row);
  } catch (error) {
    throw error instanceof Taken ? new errors.InvalidGrant('the grant was ended') : error;
  }
}

/** One winner: the guard lets exactly one caller mark the row. */
async function consume({ artifacts, clock }: Parts, model: string, id: string): Promise<void> {
  const now = clock();
  const won = await artifacts.update(rowId(model, id), { set: { consumedAt: now } }, [
    ['model', '=', model],
    ['consumedAt', 'absent'],
  ]);
  if (won !== undefined) return;
  const row = await artifacts.get(rowId(model, id));
  const inGrace =
    model === 'RefreshToken' && row?.consumedAt !== undefined && row.consumedAt + REFRESH_GRACE_SECONDS > now;
  if (!inGrace) throw new errors.InvalidGrant(`${model} was already used`);
}

async function destroy(parts: Parts, model: string, id: string): Promise<void> {
  if (model === 'AccessToken' && checkFormat(id) !== 'foreign') {
    return parts.revokePersonalAccessToken(id, actingClient());
  }
  // When an app revokes its refresh token, or a used one comes back.
  if (model === 'Grant') return void (await parts.grants.end(id, actingClient()));
  await parts.artifacts.remove(rowId(model, id), [['model', '=', model]]);
}

/** Who asked the engine for what it does just now: its adapter is not told, but its context is at hand. */
function actingClient(): Actor {
  const ctx = Provider.ctx;
  if (ctx === undefined) return { kind: 'client' };
  return { kind: 'client', id: ctx.oidc.client?.clientId, from: addressOf(ctx), requestId: requestIdOf(ctx) };
}

/**
 * A grant's id is in no one's hands and opens nothing, so it stands as it is; every other id is a bearer
 * value.
 */
function rowId(model: string, id: string): string {
  return model === 'Grant' ? id : artifactIdOf(id);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function stringIn(payload: object, key: string): string | undefined {
  const value = (payload as Record<string, unknown>)[key];
  return typeof value === 'string' ? value : undefined;
}
