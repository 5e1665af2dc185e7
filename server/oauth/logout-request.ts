import { decodeJwt } from 'jose';
import type { Context, Middleware } from 'koa';
import { type Client as EngineClient, errors, type default as Provider } from 'oidc-provider';
import { seeOther } from '../http/page.ts';

/** Where an app sends people to be signed out (OpenID Connect RP-Initiated Logout). */
export const END_SESSION_PATH = '/oauth/end-session';

/** What a request to sign out asked for in vain, in the words of the protocol. */
const faults = new WeakMap<object, string>();

/** Why this person will not be sent on after signing out; undefined where nothing is amiss. */
export function logoutFaultOf(ctx: object): string | undefined {
  return faults.get(ctx);
}

/**
 * Stands before the engine, which answers 400 to a request to sign out that names anything unknown, and the person
 * stays signed in. Here that part is left out: who asks to be signed out always can be, and then stays on this site.
 */
export function createLogoutRequests(engine: Provider): Middleware {
  return async (ctx, next) => {
    if (ctx.path === END_SESSION_PATH && ctx.method !== 'POST') {
      const { query, fault } = await goodPartOf(engine, new URLSearchParams(ctx.querystring));
      ctx.querystring = query.toString();
      if (fault !== undefined) {
        faults.set(ctx, fault);
        engine.emit('end_session.error', ctx, new errors.InvalidRequest(fault));
      }
      // Nobody to sign out, so nothing to ask and nothing to write down.
      if (!(await isSignedIn(engine, ctx))) return seeOther(ctx, afterLogout(query));
    }
    await next();
    // Sent twice, or from a page that was overtaken by another: what is still to be asked is asked again.
    if (ctx.path === `${END_SESSION_PATH}/confirm` && ctx.status === 400) seeOther(ctx, END_SESSION_PATH);
  };
}

async function isSignedIn(engine: Provider, ctx: Context): Promise<boolean> {
  return (await engine.Session.get(ctx)).accountId !== undefined;
}

/** Each parameter that can be followed, and what is wrong with the others. */
async function goodPartOf(engine: Provider, sent: URLSearchParams) {
  const one = (name: string) => (sent.getAll(name).length === 1 ? (sent.get(name) ?? '') : '');
  const [hint, clientId, uri] = [one('id_token_hint'), one('client_id'), one('post_logout_redirect_uri')];
  const query = new URLSearchParams();
  const keep = (name: string, value: string) => value !== '' && query.set(name, value);
  for (const name of ['state', 'ui_locales', 'logout_hint']) keep(name, one(name));

  const hinted = hint === '' ? undefined : await clientOfHint(engine, hint, clientId);
  if (hinted !== undefined) keep('id_token_hint', hint);
  const client = hinted ?? (await clientOf(engine, clientId));
  if (client !== undefined) keep('client_id', client.clientId);
  // Section 4: nobody is sent on by a hint that cannot be trusted, whatever else is said.
  if (uri !== '' && hint !== '' && hinted === undefined) return { query, fault: 'id_token_hint is not ours' };
  if (uri === '') return { query, fault: undefined };
  if (client === undefined) return { query, fault: 'post_logout_redirect_uri of an unknown client' };
  if (!isRegistered(client, uri)) return { query, fault: 'post_logout_redirect_uri not registered' };
  keep('post_logout_redirect_uri', uri);
  return { query, fault: undefined };
}

/** The client that an ID token of ours was made for, however old; undefined for any other token or client. */
async function clientOfHint(engine: Provider, hint: string, clientId: string) {
  try {
    const { aud } = decodeJwt(hint);
    if (typeof aud !== 'string' || (clientId !== '' && clientId !== aud)) return undefined;
    const client = await engine.Client.find(aud);
    if (client !== undefined) await engine.IdToken.validate(hint, client);
    return client;
  } catch {
    return undefined;
  }
}

function clientOf(engine: Provider, id: string): Promise<EngineClient | undefined> {
  return id === '' ? Promise.resolve(undefined) : engine.Client.find(id);
}

function isRegistered(client: EngineClient, uri: string): boolean {
  return (client.postLogoutRedirectUris ?? []).length > 0 && client.postLogoutRedirectUriAllowed(uri);
}

function afterLogout(query: URLSearchParams): string {
  const uri = query.get('post_logout_redirect_uri');
  if (uri === null) return `${END_SESSION_PATH}/success`;
  const location = new URL(uri);
  const state = query.get('state');
  if (state !== null) location.searchParams.set('state', state);
  return location.href;
}
