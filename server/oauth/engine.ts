import type { JWK } from 'jose';
import type { Context } from 'koa';
import Provider, {
  type Configuration,
  type Client as EngineClient,
  type ErrorOut,
  errors,
  type KoaContextWithOIDC,
} from 'oidc-provider';
import type { Logger } from 'pino';
import { logoutPage, signedOutPage } from '../../views/end-session.ts';
import type { Site } from '../../views/layout.ts';
import { problemPage } from '../../views/problem.ts';
import { ledByMoment } from '../access/artifact.ts';
import type { TokenNames } from '../access/bearer.ts';
import type { Bearers } from '../access/bearers.ts';
import type { Account } from '../accounts/account.ts';
import type { Scopes } from '../credentials/scopes.ts';
import { apiResource } from '../ground/api-address.ts';
import {
  APP_TOKEN_SECONDS,
  AUTHORIZATION_CODE_SECONDS,
  REFRESH_LINE_SECONDS,
  REFRESH_TOKEN_SECONDS,
  SERVICE_TOKEN_SECONDS,
  SESSION_SECONDS,
} from '../ground/limits.ts';
import type { Settings } from '../ground/settings.ts';
import { DAY_SECONDS, HOUR_SECONDS } from '../ground/time.ts';
import { RETRY_SECONDS } from '../http/error-response.ts';
import { sendPage } from '../http/page.ts';
import { addressOf, noteCredential, requestIdOf } from '../http/request.ts';
import { PERSONAL_CLIENT_ID, type Storage } from './artifact-storage.ts';
import { OWN_METADATA } from './client-metadata.ts';
import { derivedKey } from './keys.ts';
import { learnedIn } from './request-notes.ts';

/** Lives in seconds. A refresh token is renewed by each use for at most a year; its grant outlives it. */
const LIVES = {
  AccessToken: APP_TOKEN_SECONDS,
  ClientCredentials: SERVICE_TOKEN_SECONDS,
  AuthorizationCode: AUTHORIZATION_CODE_SECONDS,
  IdToken: APP_TOKEN_SECONDS,
  Interaction: HOUR_SECONDS,
  RefreshToken: REFRESH_TOKEN_SECONDS,
  Session: SESSION_SECONDS,
  Grant: 400 * DAY_SECONDS,
};

export type Engine = ReturnType<typeof createEngine>;

type EngineParts = {
  settings: Settings;
  site: Site;
  log: Logger;
  storage: Storage;
  jwks: { keys: JWK[] };
  scopes: Scopes;
  findAccount: (id: string) => Promise<Account | undefined>;
  /** The id of the live secret of this client that the value is. */
  checkSecret: (clientId: string, value: string, from: string) => Promise<string | undefined>;
  /** The names of a live token of any kind; undefined for a dead one. */
  describe: Bearers['describe'];
};

/** oidc-provider, with the settings of this product. Nothing outside server/oauth imports the package. */
export function createEngine(parts: EngineParts) {
  const { settings, checkSecret, log } = parts;
  const provider = new Provider(settings.url, configurationOf(parts));
  compareSecretsAsHashes(provider, checkSecret);
  leadTokensByMoment(provider);
  letRefreshNameOfflineAccess(provider);
  keepRowsOfSessions(provider);
  provider.use(async (ctx, next) => {
    await next();
    const { names } = learnedIn(ctx.req);
    if (names !== undefined && ctx.status === 200)
      ctx.body = introspected(ctx.body as Introspected, names, settings.url);
    if (ctx.status === 503) ctx.set('Retry-After', String(RETRY_SECONDS));
  });
  logRefusals(provider, log);
  return provider;
}

/** Everything that differs from the engine's defaults, with its reason beside it. */
function configurationOf(parts: EngineParts): Configuration {
  const { settings, storage, scopes, findAccount } = parts;
  return {
    adapter: (name: string) => storage.adapterFor(name),
    jwks: parts.jwks as NonNullable<Configuration['jwks']>,
    // Personal access tokens are answered for under this client, see artifact-storage.ts.
    clients: [
      {
        client_id: PERSONAL_CLIENT_ID,
        redirect_uris: [],
        response_types: [],
        grant_types: [],
        token_endpoint_auth_method: 'none',
      },
    ],
    routes: {
      authorization: '/oauth/authorize',
      token: '/oauth/token',
      introspection: '/oauth/introspect',
      revocation: '/oauth/revoke',
      userinfo: '/oauth/userinfo',
      jwks: '/oauth/jwks',
      end_session: '/oauth/end-session',
    },
    cookies: cookieSettings(settings),
    ttl: LIVES,
    scopes: scopes.all.map((scope) => scope.name),
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['preferred_username'] },
    responseTypes: ['code'],
    // client_secret_jwt needs the secret itself, and ours are kept as hashes.
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
    // RFC 9700 sections 2.1 and 2.1.1: of every client, and the redirect URI in each request.
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    extraClientMetadata: { properties: Object.values(OWN_METADATA) },
    // Access that a person gave to an app stands until it is ended on /apps, not until the browser is closed.
    expiresWithSession: () => false,
    // Many clients never ask for offline_access, and would send people through sign-in each hour.
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: (ctx) => {
      const token = ctx.oidc.entities.RefreshToken;
      return token !== undefined && token.totalLifetime() < REFRESH_LINE_SECONDS;
    },
    // An app in a browser calls from where it is sent back to.
    clientBasedCORS: (_ctx, origin, client) =>
      // `null` is the origin of a scheme of an app's own, and of anybody's sandboxed page.
      origin !== 'null' && (client.redirectUris ?? []).some((uri) => URL.parse(uri)?.origin === origin),
    findAccount: async (_ctx, sub) => {
      const account = await findAccount(sub);
      return account === undefined
        ? undefined
        : { accountId: account.id, claims: async () => claimsOf(account) };
    },
    extraTokenClaims: (ctx, token) => {
      const secretId = token.kind === 'ClientCredentials' ? learnedIn(ctx.req).secretId : undefined;
      return secretId === undefined ? undefined : { secret_id: secretId };
    },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    features: featuresOf(parts),
    renderError: (ctx, out, error) => showError(ctx, parts.site, out, error),
  };
}

function featuresOf(parts: EngineParts): NonNullable<Configuration['features']> {
  const { settings, scopes, describe } = parts;
  return {
    devInteractions: { enabled: false },
    // Bound tokens would need their proof checked by every resource; they come when the API does that.
    dPoP: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: {
      enabled: true,
      allowedPolicy: async (ctx, client, token) => {
        if (client[OWN_METADATA.resourceServer] !== true) return false;
        const names = await namesOfIntrospected(token, describe);
        if (names !== undefined) learnedIn(ctx.req).names = names;
        return names !== undefined;
      },
    },
    revocation: { enabled: true, allowedPolicy: mayRevoke },
    userinfo: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => sendPage(ctx, logoutPage(parts.site, { form })),
      postLogoutSuccessSource: (ctx) => sendPage(ctx, signedOutPage(parts.site)),
    },
    resourceIndicators: {
      enabled: true,
      // A token for no stated resource is good for this server: its API and userinfo.
      defaultResource: (ctx, client) => {
        askForEverythingByDefault(ctx, client);
        return undefined as unknown as string;
      },
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource, client) => {
        if (resource !== apiResource(settings.url)) throw new errors.InvalidTarget();
        askForEverythingByDefault(ctx, client);
        return {
          scope: scopes.all.map((scope) => scope.name).join(' '),
          audience: resource,
          accessTokenFormat: 'opaque',
        };
      },
    },
  };
}

/**
 * The engine's secrets are one placeholder for all; the real ones are compared here, as hashes, with every
 * live one.
 */
function compareSecretsAsHashes(provider: Provider, checkSecret: EngineParts['checkSecret']): void {
  provider.Client.prototype.compareClientSecret = async function compareClientSecret(
    this: EngineClient,
    actual: string,
  ) {
    const ctx = Provider.ctx;
    const secretId = await checkSecret(this.clientId, actual, ctx === undefined ? '' : addressOf(ctx));
    if (secretId !== undefined && ctx !== undefined) {
      learnedIn(ctx.req).secretId = secretId;
      noteCredential(ctx, secretId);
    }
    return secretId !== undefined;
  };
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
 * The engine drops `offline_access` from a request without `prompt=consent` (OpenID Connect Core section 11). Clients
 * that name the scopes of their first request again when they refresh would be refused for it, with a token in hand
 * that is offline access.
 */
function letRefreshNameOfflineAccess(provider: Provider): void {
  Object.defineProperty(provider.RefreshToken.prototype, 'scopes', {
    get(this: { scope?: string }) {
      return new Set([...(this.scope?.split(' ') ?? []), 'offline_access']);
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

/** A personal access token was judged when the storage gave it, a moment ago, and brought its names along. */
async function namesOfIntrospected(
  token: { clientId?: string | undefined; jti: string; extra?: unknown },
  describe: EngineParts['describe'],
): Promise<TokenNames | undefined> {
  return token.clientId === PERSONAL_CLIENT_ID ? (token.extra as TokenNames) : describe(token.jti);
}

type Introspected = { aud?: string | undefined; client_id?: string; secret_id?: string } & Record<
  string,
  unknown
>;

/**
 * Names the credential the way all of Latchkey does; a token for no stated resource is for this server's API.
 */
function introspected(body: Introspected, names: TokenNames, url: string) {
  const { secret_id: _secretId, client_id: clientId, ...told } = body;
  return {
    ...told,
    ...(clientId === PERSONAL_CLIENT_ID ? {} : { client_id: clientId }),
    aud: body.aud ?? apiResource(url),
    ...names,
  };
}

function cookieSettings(settings: Settings): Configuration['cookies'] {
  const prefix = settings.production ? '__Host-' : '';
  const common = { signed: true, httpOnly: true, sameSite: 'lax', secure: settings.production } as const;
  return {
    keys: [Buffer.from(derivedKey(settings.secret, 'cookie signatures')).toString('base64url')],
    names: {
      session: `${prefix}latchkey_session`,
      // These two are bound to a path each, which the __Host- prefix forbids.
      interaction: 'latchkey_interaction',
      resume: 'latchkey_resume',
    },
    long: { ...common, path: '/' },
    short: common,
  };
}

function claimsOf(account: Account) {
  return { sub: account.id, email: account.email, email_verified: true, preferred_username: account.email };
}

/** RFC 6749 section 3.3: a service that names no scope gets all it is registered for. */
function askForEverythingByDefault(ctx: KoaContextWithOIDC, client: EngineClient): void {
  const params = ctx.oidc.params as Record<string, unknown> | undefined;
  if (params?.grant_type === 'client_credentials' && params.scope === undefined) {
    params.scope = client.scope;
  }
}

/** A client ends its own tokens; a service also its owner's personal access tokens (RFC 7009 section 2.1). */
async function mayRevoke(
  _ctx: KoaContextWithOIDC,
  client: EngineClient,
  token: { clientId?: string | undefined; accountId?: string },
) {
  if (client.clientId === PERSONAL_CLIENT_ID) return false;
  if (token.clientId === client.clientId) return true;
  if (token.clientId === PERSONAL_CLIENT_ID) {
    return client.clientAuthMethod !== 'none' && token.accountId === client[OWN_METADATA.owner];
  }
  return false;
}

function showError(ctx: Context, site: Site, out: ErrorOut, error: Error): void {
  const status = ctx.status;
  sendPage(
    ctx,
    problemPage(site, { status, ...wordsFor(status, out, error), requestId: requestIdOf(ctx) }),
    status,
  );
}

function wordsFor(status: number, out: ErrorOut, error: Error) {
  if (error instanceof errors.SessionNotFound) {
    return {
      title: 'This sign-in is too old',
      message: 'It was started too long ago, or in another browser.',
      hint: 'Go back to the app that you came from and start again.',
    };
  }
  if (status >= 500) {
    return {
      title: 'Something went wrong',
      message: 'Something went wrong here; it was not your doing.',
      hint: 'Try again in a moment.',
    };
  }
  return {
    title: 'This request cannot be followed',
    message: 'The app that sent you here asked in a way that cannot be answered.',
    hint: `Go back to it and try again. If that does not help, tell its developer: ${reasonOf(out)}.`,
  };
}

/** The error in the words of the protocol, which the developer of an app can look up. */
function reasonOf({ error, error_description: description }: ErrorOut): string {
  return description === undefined ? error : `${error}, ${description}`;
}

/**
 * Why a sign-in or a token was refused is asked about later: one line each, without any value that was sent.
 */
function logRefusals(provider: Provider, log: Logger): void {
  const events = [
    'authorization.error',
    'grant.error',
    'introspection.error',
    'revocation.error',
    'userinfo.error',
    'end_session.error',
  ] as const;
  for (const event of events) {
    provider.on(event as 'grant.error', (ctx: KoaContextWithOIDC, error: errors.OIDCProviderError) => {
      log.info(
        {
          requestId: requestIdOf(ctx),
          event,
          error: error.error,
          reason: error.error_detail ?? error.error_description,
          clientId: ctx.oidc?.client?.clientId,
        },
        'refused',
      );
    });
  }
  provider.on('server_error', (ctx, error) => {
    log.error({ requestId: requestIdOf(ctx), err: error }, 'unexpected');
  });
}
