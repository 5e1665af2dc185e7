import { type Client as EngineClient, errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import { scopesIn } from '../credentials/scopes.ts';
import { withoutSecrets } from '../ground/without-secrets.ts';
import { OWN_METADATA } from './client-metadata.ts';

/** Requests for `offline_access`, which the engine takes away unless there is `prompt=consent`. */
const offlineAccessAsked = new WeakSet<object>();

/** What people write between scopes in place of a space (RFC 6749 section 3.3). */
const OTHER_SEPARATORS = /[,;|+\s]|%20/;

/**
 * Looks at the scopes of an authorization request as soon as its client is known: the engine drops unknown ones
 * without a word, and gives nothing at all to who names none. An error goes to the app, where its redirect URI is good.
 */
export function completeRequestedScopes(provider: Provider): void {
  const { prototype } = provider.OIDCContext;
  const { entity } = prototype;
  prototype.entity = function completeWithClient(key: string, value: unknown) {
    entity.call(this, key, value);
    if (key !== 'Client' || this.route !== 'authorization') return;
    refuseOtherWays(this);
    complete(this, value as EngineClient);
  };
}

/** What the engine refuses too, but without a word of what to send instead. */
function refuseOtherWays({ params }: KoaContextWithOIDC['oidc']): void {
  const { response_type: type, code_challenge: challenge, code_challenge_method: method } = params ?? {};
  if (typeof type === 'string' && type !== 'code') {
    // Some libraries ask for an ID token alone where nothing else is set.
    const why = 'response_type has to be code: the token endpoint gives the ID token, and nothing else does.';
    throw new errors.UnsupportedResponseType(why);
  }
  if (typeof challenge === 'string' && method !== 'S256') {
    throw new errors.InvalidRequest('code_challenge_method has to be S256 (RFC 7636).');
  }
}

function complete(oidc: KoaContextWithOIDC['oidc'], client: EngineClient): void {
  const params = oidc.params as { scope?: unknown } | undefined;
  if (params === undefined) return;
  const registered = registeredScopes(client);
  const asked = params.scope === undefined ? registered : scopesIn(params.scope);
  // A request that the engine refuses by itself for not being text.
  if (params.scope !== undefined && typeof params.scope !== 'string') return;
  if (asked.length === 0) throw noneLeft();
  refuseOthers(asked, [...new Set([...registered, 'offline_access'])]);
  const scopes = asked.filter((scope) => scope !== 'offline_access' || registered.includes(scope));
  if (!opensSomething(scopes)) throw nothingToKeep();
  if (scopes.includes('offline_access')) offlineAccessAsked.add(oidc);
  params.scope = scopes.join(' ');
}

/**
 * Called by the engine where it has checked the request and is about to settle what the token is for. RFC 6749 section
 * 3.3: who names no scope gets all that they are registered for.
 */
export function settleRequestedScopes(ctx: KoaContextWithOIDC, client: EngineClient): void {
  const params = ctx.oidc.params as { scope?: string; grant_type?: string } | undefined;
  if (params === undefined) return;
  if (params.grant_type === 'client_credentials') {
    const registered = registeredScopes(client);
    if (params.scope === undefined) params.scope = registered.join(' ');
    else refuseOthers(params.scope.split(' '), registered);
  }
  if (offlineAccessAsked.has(ctx.oidc) && !ctx.oidc.requestParamScopes.has('offline_access')) {
    // OpenID Connect Core section 11: here other conditions permit it, since every app keeps its access.
    params.scope = [params.scope, 'offline_access'].filter(Boolean).join(' ');
  }
}

/** The scopes of a client that are declared. */
export function registeredScopes(client: EngineClient): readonly string[] {
  return (client[OWN_METADATA.scopes] as readonly string[] | undefined) ?? [];
}

function refuseOthers(asked: readonly string[], registered: readonly string[]): void {
  const other = asked.find((scope) => !registered.includes(scope));
  if (other === undefined) return;
  // RFC 6749 section 4.1.2.1: no quotes, backslashes or anything beyond ASCII.
  const word = withoutSecrets(other)
    .slice(0, 80)
    .replace(/[^\x21\x23-\x5b\x5d-\x7e]/g, '?');
  const hint = OTHER_SEPARATORS.test(other)
    ? 'Scopes are separated by spaces.'
    : `It may ask for: ${registered.join(' ') || 'nothing'}.`;
  throw new errors.InvalidScope(
    `The scope ${word} is unknown, or not one that this client has. ${hint}`,
    word,
  );
}

/** Whether these scopes are more than the wish to keep what others open. */
export function opensSomething(scopes: Iterable<string>): boolean {
  return [...scopes].some((scope) => scope !== 'offline_access');
}

function nothingToKeep(): errors.InvalidScope {
  return new errors.InvalidScope(
    'offline_access keeps what another scope opens: name one.',
    'offline_access',
  );
}

function noneLeft(): errors.InvalidScope {
  return new errors.InvalidScope('No scope that this app is registered for is there any more.', '');
}
