import Provider, { type Client as EngineClient, type KoaContextWithOIDC } from 'oidc-provider';
import { ledByMoment } from '../access/artifact.ts';
import type { ClientAuthentication } from '../access/client-authentication.ts';
import { scopesIn, scopesLeft } from '../credentials/scopes.ts';
import { isLoopback } from '../ground/loopback.ts';
import { addressOf, noteCredential } from '../http/request.ts';
import { PERSONAL_CLIENT_ID } from './artifact-storage.ts';
import { isProofOf } from './browser-sessions.ts';
import { SECRET_REFUSAL } from './refusals.ts';
import { completeRequestedScopes, registeredScopes } from './requested-scopes.ts';

/*
 * Where the engine does not do what this server needs and no setting changes it: each override with its reason.
 */

type Secrets = Pick<ClientAuthentication, 'checkSecret' | 'whyRefused'>;

/** Replaces what has to be replaced in this provider. */
export function overrideModels(provider: Provider, secrets: Secrets): void {
  compareSecretsAsHashes(provider, secrets);
  readEmptySecrets(provider);
  takeSecureLoopback(provider);
  leadTokensByMoment(provider);
  completeRequestedScopes(provider);
  cutRefreshTokens(provider);
  keepRowsOfSessions(provider);
  saveMoreWithSessions(provider);
  requireProof(provider);
  hidePersonalClient(provider);
}

/**
 * Where the id of the secret goes in the engine's own list of what a request found: it compares a secret in one place
 * and writes a token in another, and passes no argument between the two.
 */
const SECRET_ENTITY = 'ClientSecret';

/** The engine's secrets are one placeholder for all; the real ones are compared here, as hashes, with each live one. */
function compareSecretsAsHashes({ Client }: Provider, secrets: Secrets): void {
  Client.prototype.compareClientSecret = async function compareClientSecret(
    this: EngineClient,
    actual: string,
  ) {
    const ctx = Provider.ctx;
    const secretId = await secrets.checkSecret(
      this.clientId,
      actual,
      ctx === undefined ? '' : addressOf(ctx),
    );
    if (secretId !== undefined && ctx !== undefined) {
      ctx.oidc.entity(SECRET_ENTITY, secretId);
      noteCredential(ctx, secretId);
    }
    if (secretId === undefined && ctx !== undefined) {
      ctx.oidc.entity(SECRET_REFUSAL, await secrets.whyRefused(this.clientId, actual, usedIn(ctx)));
    }
    return secretId !== undefined;
  };
}

function usedIn(ctx: KoaContextWithOIDC) {
  return { from: addressOf(ctx), what: `${ctx.method} ${ctx.path}` };
}

/**
 * `Basic` with an empty secret says the client_id and no more (RFC 6749 section 2.3.1). Libraries write it so for an app
 * that keeps no secret; the engine takes an id without a secret from the body only. Called as soon as it has read that.
 */
function readEmptySecrets({ OIDCContext }: Provider): void {
  Object.defineProperty(OIDCContext.prototype, 'body', {
    configurable: true,
    set(this: KoaContextWithOIDC['oidc'], sent: unknown) {
      const { ctx } = this as unknown as { ctx: KoaContextWithOIDC };
      Object.defineProperty(this, 'body', { value: sent, writable: true });
      const id = idBesideEmptySecret(ctx.headers.authorization);
      const body = this.body ?? {};
      if (id === undefined || (body.client_id ?? id) !== id) return;
      body.client_id = id;
      delete ctx.headers.authorization;
    },
  });
}

/**
 * Development servers have https:// on the very machine where another program of the same app has http:// or a scheme
 * of its own; the engine takes no such app. What may stand there was checked when it was registered.
 */
function takeSecureLoopback({ Client }: Provider): void {
  const { prototype: schema } = (Client as unknown as { Schema: { prototype: RedirectUriCheck } }).Schema;
  const { redirectUris } = schema;
  schema.redirectUris = function checkOthers(this: RedirectUriCheck, uris = this.redirect_uris, label) {
    redirectUris.call(
      this,
      uris.filter((uri) => !isSecureLoopback(uri)),
      label,
    );
  };
}

type RedirectUriCheck = { redirect_uris: string[]; redirectUris(uris?: string[], label?: string): void };

function isSecureLoopback(uri: string): boolean {
  const url = URL.parse(uri);
  return url?.protocol === 'https:' && isLoopback(url);
}

function idBesideEmptySecret(header = ''): string | undefined {
  const encoded = /^basic +([\w+/-]+=*)$/i.exec(header)?.[1] ?? '';
  const id = /^([\w.~%-]+):$/.exec(Buffer.from(encoded, 'base64').toString('utf8'))?.[1];
  return id && (new URLSearchParams(`id=${id}`).get('id') ?? undefined);
}

/** A service's token names the secret that it was got with, and dies with it. */
export function secretClaimOf(ctx: KoaContextWithOIDC, token: { kind: string }) {
  const secretId = token.kind === 'ClientCredentials' ? ctx.oidc.entities[SECRET_ENTITY] : undefined;
  return typeof secretId === 'string' ? { secret_id: secretId } : undefined;
}

/** So that the rows of tokens that come one after another are written side by side, see artifact.ts. */
function leadTokensByMoment(provider: Provider): void {
  for (const { prototype } of [provider.AccessToken, provider.ClientCredentials, provider.RefreshToken]) {
    const token = prototype as unknown as { generateTokenId(): string };
    const { generateTokenId } = token;
    token.generateTokenId = function generateLed() {
      return ledByMoment(generateTokenId.call(this));
    };
  }
}

/**
 * A refresh token gives what it was made for, less what the developer has taken from the app since. Naming
 * `offline_access` is no wish for more: it was dropped from older grants, and the token in hand is just that.
 */
function cutRefreshTokens(provider: Provider): void {
  Object.defineProperty(provider.RefreshToken.prototype, 'scopes', {
    get(this: { scope?: string; clientId?: string }) {
      const client = Provider.ctx?.oidc?.client;
      const held = scopesIn(this.scope);
      const isHolder = client !== undefined && client.clientId === this.clientId;
      const left = isHolder ? scopesLeft(held, { scopes: registeredScopes(client) }) : held;
      return new Set([...left, 'offline_access']);
    },
  });
}

/**
 * A session's row stays when its bearer value changes, so the former value is gone with the change, and there is
 * nothing of before to destroy: the engine would end the very session that it saves.
 */
function keepRowsOfSessions(provider: Provider): void {
  const session = provider.Session.prototype as unknown as {
    oldId?: string;
    save(ttlSeconds: number): Promise<string>;
  };
  const { save } = session;
  session.save = function saveInPlace(ttlSeconds) {
    delete this.oldId;
    return save.call(this, ttlSeconds);
  };
}

/** Saves with a session's payload what our own pages know of its sign-in; the storage moves it to fields of its own. */
function saveMoreWithSessions({ Session }: Provider): void {
  const more = ['securityVersion', 'userAgent', 'seenFrom', 'unprovedAt'];
  Object.defineProperty(Session, 'IN_PAYLOAD', { value: [...Session.IN_PAYLOAD, ...more] });
}

/** A sign-in for which nobody was asked for proof is too old for any `max_age` (OpenID Connect Core section 3.1.2.1). */
function requireProof({ Session }: Provider): void {
  const session = Session.prototype as unknown as { past(ageSeconds: number): boolean };
  const { past } = session;
  session.past = function pastOrUnproved(ageSeconds) {
    return !isProofOf(this) || past.call(this, ageSeconds);
  };
}

/** The client that the engine knows personal access tokens under is nobody's business at introspection. */
function hidePersonalClient(provider: Provider): void {
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.oidc?.route !== 'introspection') return;
    const body = ctx.body as { client_id?: string } | undefined;
    if (body?.client_id === PERSONAL_CLIENT_ID) delete body.client_id;
  });
}
