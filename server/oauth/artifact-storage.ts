import Provider, { type Adapter, type AdapterPayload, errors } from 'oidc-provider';
import { type Collection, Taken } from '../../adapters/port.ts';
import { type Artifact, artifactIdOf, removeAll } from '../access/artifact.ts';
import { type Bearers, namesOf, ownersClaims } from '../access/bearer.ts';
import type { ClientAuthentication } from '../access/client-authentication.ts';
import type { Grants } from '../access/grants.ts';
import type { Honey } from '../access/honey.ts';
import type { Use } from '../credentials/dead-use.ts';
import type { ImportedKeys } from '../credentials/imported-keys.ts';
import { narrowingForPrograms } from '../credentials/narrowing.ts';
import { type Scopes, scopesIn, scopesLeft } from '../credentials/scopes.ts';
import { checkFormat } from '../credentials/secret-format.ts';
import type { Tokens } from '../credentials/tokens.ts';
import type { Actor } from '../ground/actor.ts';
import { isWithin } from '../ground/clock.ts';
import type { Limiter } from '../ground/limiter.ts';
import { REFRESH_GRACE_SECONDS } from '../ground/limits.ts';
import type { Settings } from '../ground/settings.ts';
import { addressOf, requestIdOf } from '../http/request.ts';
import { type SessionParts, sessionStorage } from './browser-sessions.ts';
import { clientStorage } from './client-metadata.ts';
import { countWaiting } from './waiting-limit.ts';

/** Client of personal access tokens, which the engine wants to know for every token. It can do nothing itself. */
export const PERSONAL_CLIENT_ID = 'personal-access-tokens';

/** Where an interaction's own id stands in a URL that is stored with it. */
const ID_PLACEHOLDER = '{id}';

/** What the storage of all models stands on. */
export type StorageParts = SessionParts & {
  bearers: Bearers;
  grants: Pick<Grants, 'liveIds' | 'revokeOne'>;
  clients: Pick<ClientAuthentication, 'getLive'>;
  scopes: Pick<Scopes, 'declared'>;
  tokens: Pick<Tokens, 'findByValue' | 'revoke'>;
  importedKeys: Pick<ImportedKeys, 'exist'>;
  honey: Pick<Honey, 'used'>;
  limiter: Pick<Limiter, 'countEach'>;
  settings: Pick<Settings, 'google'>;
};

/** The engine's storage of one model. */
export function adapterFor(parts: StorageParts, model: string): Adapter {
  return { ...NEVER_ASKED, ...storageOf(parts, model) };
}

/** What a model says to questions that the engine has no reason to ask it. */
const NEVER_ASKED: Adapter = {
  upsert: refuse,
  find: refuse,
  findByUid: refuse,
  findByUserCode: refuse,
  consume: refuse,
  destroy: refuse,
  revokeByGrantId: refuse,
};

async function refuse(): Promise<never> {
  throw new Error('the engine asks a model what it never asked before');
}

/**
 * Bearer values are hashed before they reach the store and put back into what the engine reads; a used code or
 * refresh token is marked by one atomic guarded write; a personal access token is answered for as an
 * AccessToken, so that introspection and revocation serve it unchanged.
 */
function storageOf(parts: StorageParts, model: string): Partial<Adapter> {
  if (model === 'Session') return sessionStorage(parts);
  if (model === 'Client') return clientStorage(parts.clients, parts.scopes, parts.settings);
  return {
    upsert: (id, payload, ttlSeconds = 0) => save(parts, { model, id, payload, ttlSeconds }),
    find: (id) => find(parts, model, id),
    consume: (id) => consume(parts, model, id),
    destroy: (id) => destroy(parts, model, id),
    revokeByGrantId: async (grantId) => {
      // Anything but a grant's id would match rows that have no grant, that is, everybody's.
      if (typeof grantId !== 'string' || grantId === '') return;
      await removeAll(parts.artifacts, [
        ['grantId', '=', grantId],
        ['model', '=', model],
      ]);
    },
  };
}

async function find(parts: StorageParts, model: string, id: string): Promise<AdapterPayload | undefined> {
  const isSecret = checkFormat(id) !== 'foreign';
  if (isSecret) return model === 'AccessToken' ? findPersonalAccessToken(parts, id) : undefined;
  const row = await parts.artifacts.get(rowId(model, id));
  if (row === undefined && model === 'AccessToken' && (await parts.importedKeys.exist()))
    return findPersonalAccessToken(parts, id);
  if (row === undefined || row.model !== model || row.revokedAt !== undefined) return undefined;
  // A copy, because the engine changes what it is given.
  const payload: AdapterPayload = { ...structuredClone(row.payload), jti: id };
  if (payload.returnTo !== undefined) payload.returnTo = payload.returnTo.replace(ID_PLACEHOLDER, id);
  if (isSpent(row, parts.clock())) payload.consumed = row.consumedAt;
  if (model === 'AccessToken' && payload.scope !== undefined) payload.scope = await scopeLeft(parts, row);
  return payload;
}

/** What userinfo goes by: an access token lasts an hour, and its app may have lost a scope meanwhile. */
async function scopeLeft(parts: StorageParts, { clientId = '', payload }: Artifact): Promise<string> {
  const client = await parts.clients.getLive(clientId);
  return client === undefined ? '' : scopesLeft(scopesIn(payload.scope), client).join(' ');
}

/** Of two machines in time with each other, one may see the next second already. */
const SECONDS_BORDER = 1;

/**
 * Whether a code or token was used; a refresh token counts as used a moment later, and at once where the clock was set
 * back. For a code no clock is asked: that of the machine which marked it may be ahead.
 */
function isSpent({ model, consumedAt }: Artifact, now: number): boolean {
  if (consumedAt === undefined) return false;
  return model !== 'RefreshToken' || !isWithin(REFRESH_GRACE_SECONDS - 1, consumedAt, now, SECONDS_BORDER);
}

async function findPersonalAccessToken(parts: StorageParts, value: string) {
  const bearer = await parts.bearers.find(value);
  const personal = { kind: 'AccessToken', jti: value, clientId: PERSONAL_CLIENT_ID };
  if ('refused' in bearer) {
    if (bearer.honey !== undefined) parts.honey.used(bearer.honey, currentUse());
    const { refused, accountId } = bearer;
    // Only to be revoked: who resumes it later must not find alive what a client was told is dead.
    const isToEnd = refused === 'paused' && Provider.ctx?.oidc.route === 'revocation';
    return isToEnd ? ({ ...personal, accountId } as AdapterPayload) : undefined;
  }
  return {
    ...personal,
    accountId: bearer.account.id,
    scope: bearer.scopes.join(' '),
    // Where it is narrowed, who asks has to hold callers of its own to that.
    extra: { ...namesOf(bearer), ...narrowingForPrograms(bearer.narrowing), ...ownersClaims(bearer) },
    iat: bearer.issuedAt,
    ...(bearer.expiresAt === undefined ? {} : { exp: bearer.expiresAt }),
  } as AdapterPayload;
}

type Saved = { model: string; id: string; payload: AdapterPayload; ttlSeconds: number };

async function save({ artifacts, limiter, clock }: StorageParts, saved: Saved): Promise<void> {
  const row = rowOf(saved, clock());
  if (saved.model === 'Grant') return saveGrant(artifacts, row);
  // A token or code is new; an interaction is saved again on its way.
  if (saved.model !== 'Interaction') return artifacts.insert(row);
  if ((await artifacts.get(row.id)) === undefined) await countWaiting(limiter, row.payload);
  await artifacts.put(row);
}

function rowOf({ model, id, payload, ttlSeconds }: Saved, now: number): Artifact {
  const { jti: _jti, consumed: _consumed, ...stored } = payload;
  if (stored.returnTo !== undefined) stored.returnTo = stored.returnTo.replace(id, ID_PLACEHOLDER);
  if (model === 'Interaction' && stored.session !== undefined) {
    // The session's own bearer value: nothing needs it here (the uid finds the session).
    const { cookie: _cookie, ...session } = stored.session as Record<string, unknown>;
    stored.session = session as NonNullable<typeof stored.session>;
  }
  const { accountId, clientId, grantId, iat: createdAt = now } = stored;
  return {
    id: rowId(model, id),
    model,
    payload: stored,
    accountId,
    clientId,
    grantClientId: model === 'Grant' ? clientId : undefined,
    grantId,
    createdAt,
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
async function consume({ artifacts, clock }: StorageParts, model: string, id: string): Promise<void> {
  const now = clock();
  const won = await artifacts.update(rowId(model, id), { set: { consumedAt: now } }, [
    ['model', '=', model],
    ['consumedAt', 'absent'],
  ]);
  if (won !== undefined) return;
  const row = await artifacts.get(rowId(model, id));
  if (row?.model !== model || row.consumedAt === undefined || isSpent(row, now))
    throw new errors.InvalidGrant(`${model} was already used`);
}

async function destroy(parts: StorageParts, model: string, id: string): Promise<void> {
  const token = model === 'AccessToken' ? await parts.tokens.findByValue(id) : undefined;
  if (token !== undefined) return void (await parts.tokens.revoke(token, actingClient()));
  // When an app revokes its refresh token, or a used one comes back.
  if (model === 'Grant') return void (await parts.grants.revokeOne(id, actingClient()));
  await parts.artifacts.remove(rowId(model, id), [['model', '=', model]]);
}

/** What the engine is asked for just now, and from where. */
function currentUse(): Use {
  const ctx = Provider.ctx;
  return ctx === undefined
    ? { from: '', what: 'OAuth' }
    : { from: addressOf(ctx), what: `${ctx.method} ${ctx.path}` };
}

/** Who asked the engine for what it does just now: its adapter is not told, but its context is at hand. */
function actingClient(): Actor {
  const ctx = Provider.ctx;
  if (ctx === undefined) return { kind: 'client' };
  return { kind: 'client', id: ctx.oidc.client?.clientId, from: addressOf(ctx), requestId: requestIdOf(ctx) };
}

/** A grant's id is in no one's hands and opens nothing, so it stands as it is; every other id is a bearer value. */
function rowId(model: string, id: string): string {
  return model === 'Grant' ? id : artifactIdOf(id);
}
