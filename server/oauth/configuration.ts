import type { JWK } from 'jose';
import {
  type Configuration,
  type Client as EngineClient,
  errors,
  type KoaContextWithOIDC,
} from 'oidc-provider';
import { logoutPage, signedOutPage, stillSignedInPage } from '../../views/end-session.ts';
import type { Site } from '../../views/layout.ts';
import type { TokenNames } from '../access/bearer.ts';
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
import { sendPage } from '../http/page.ts';
import { adapterFor, PERSONAL_CLIENT_ID, type StorageParts } from './artifact-storage.ts';
import { ACR_VALUES } from './browser-sessions.ts';
import { OWN_METADATA } from './client-metadata.ts';
import { PROGRAM_ENDPOINTS } from './endpoints.ts';
import { showError } from './error-page.ts';
import { createGivenConsent } from './given-consent.ts';
import { derivedKey, SIGNING_ALGORITHM } from './keys.ts';
import { END_SESSION_PATH, logoutFaultOf } from './logout-request.ts';
import { secretClaimOf } from './overrides.ts';
import { promptPolicy } from './prompts.ts';
import { NO_SCOPE_LEFT, reasonFor } from './refusals.ts';
import { opensSomething, settleRequestedScopes } from './requested-scopes.ts';

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

/** What the configuration is made of, that of the storage included. */
export type ConfigurationParts = StorageParts & {
  settings: Settings;
  site: Site;
  scopes: Scopes;
  jwks: { keys: JWK[] };
};

/** Everything that differs from the engine's defaults, with its reason beside it. */
export function configurationOf(parts: ConfigurationParts): Configuration {
  const { settings, site, scopes, accounts } = parts;
  return {
    adapter: (model: string) => adapterFor(parts, model),
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
      end_session: END_SESSION_PATH,
    },
    cookies: cookieSettings(settings),
    ttl: LIVES,
    scopes: scopes.all.map((scope) => scope.name),
    claims: {
      openid: ['sub', 'auth_time', 'acr', 'amr'],
      email: ['email', 'email_verified'],
      profile: ['name', 'preferred_username', 'updated_at'],
    },
    acrValues: [...ACR_VALUES],
    // Many clients read the ID token only, and would sign in somebody without a name and an address.
    conformIdTokenClaims: false,
    responseTypes: ['code'],
    // No client can choose another one.
    enabledJWA: { idTokenSigningAlgValues: [SIGNING_ALGORITHM] },
    discovery: discoveryOf(settings),
    // client_secret_jwt needs the secret itself, and ours are kept as hashes.
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
    // RFC 9700 sections 2.1 and 2.1.1: of every client but those excepted, and the redirect URI in each request.
    pkce: { required: requirePkce },
    allowOmittingSingleRegisteredRedirectUri: false,
    extraClientMetadata: { properties: Object.values(OWN_METADATA) },
    // Access that a person gave to an app stands until it is ended on /apps, not until the browser is closed.
    expiresWithSession: () => false,
    // Many clients never ask for offline_access, and would send people through sign-in each hour.
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: (ctx) => {
      const token = ctx.oidc.entities.RefreshToken;
      if (token !== undefined && !opensSomething(token.scopes)) throw new errors.InvalidGrant(NO_SCOPE_LEFT);
      return token !== undefined && token.totalLifetime() < REFRESH_LINE_SECONDS;
    },
    // An app in a browser calls from where it is sent back to.
    clientBasedCORS: (_ctx, origin, client) =>
      // `null` is the origin of a scheme of an app's own, and of anybody's sandboxed page.
      origin !== 'null' && (client.redirectUris ?? []).some((uri) => URL.parse(uri)?.origin === origin),
    findAccount: async (_ctx, id) => {
      const account = await accounts.getActive(id);
      return account && { accountId: id, claims: async () => claimsOf(account) };
    },
    extraTokenClaims: secretClaimOf,
    interactions: { policy: promptPolicy(), url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    loadExistingGrant: createGivenConsent(parts.grants),
    features: featuresOf(parts),
    renderError: async (ctx, { ...out }, error) => {
      // Programs parse JSON (RFC 6749 section 5.2), also those whose HTTP library says that it likes HTML best.
      if (PROGRAM_ENDPOINTS.some(({ path }) => path === ctx.path)) {
        ctx.body = out;
        return;
      }
      const reason = reasonFor(ctx, error);
      if (reason !== undefined) out.error_description = reason;
      // What fails here may be what would be asked for the viewer.
      const viewer = ctx.status < 500 ? await viewerOf(parts, ctx).catch(() => undefined) : undefined;
      showError(ctx, site, { out, error, viewer });
    },
  };
}

/** Who is signed in in this browser, if anybody. */
async function viewerOf({ accounts }: ConfigurationParts, ctx: KoaContextWithOIDC) {
  const { accountId } = await ctx.oidc.provider.Session.get(ctx);
  return accountId === undefined ? undefined : accounts.getActive(accountId);
}

/**
 * Asked of a request without a challenge. One that has a challenge is held to it, from whichever client it is: the
 * engine redeems no code without the verifier then.
 */
function requirePkce(_ctx: KoaContextWithOIDC, client: EngineClient): boolean {
  if (client[OWN_METADATA.withoutPkce] === true) return false;
  const ways = 'send code_challenge with code_challenge_method=S256 (RFC 7636)';
  const exception =
    client.clientAuthMethod === 'none'
      ? ''
      : ', or have its developer say on its page that its library cannot do it';
  throw new errors.InvalidRequest(`This app has to use PKCE: ${ways}${exception}.`);
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

/** What the engine does not tell of itself (RFC 8414 section 2, OpenID Connect Discovery section 3). */
function discoveryOf({ url, signUp }: Settings): Configuration['discovery'] {
  const withSecret = ['client_secret_basic', 'client_secret_post'];
  const isClosed = signUp === 'invited' || signUp === 'nobody';
  return {
    service_documentation: `${url}/developer`,
    introspection_endpoint_auth_methods_supported: withSecret,
    revocation_endpoint_auth_methods_supported: [...withSecret, 'none'],
    prompt_values_supported: ['none', 'login', 'consent', 'select_account', ...(isClosed ? [] : ['create'])],
  };
}

/** OpenID Connect Core section 5.1. A claim without a value is left out. */
function claimsOf({ id, email, name, createdAt, updatedAt = createdAt }: Account) {
  const profile = {
    preferred_username: email,
    updated_at: updatedAt,
    ...(name === undefined ? {} : { name }),
  };
  return { sub: id, email, email_verified: true, ...profile };
}

/** Which parts of OAuth and OpenID Connect this server speaks beyond the core, and who may use them. */
function featuresOf(parts: ConfigurationParts): NonNullable<Configuration['features']> {
  const { settings, site, scopes } = parts;
  return {
    devInteractions: { enabled: false },
    // Bound tokens would need their proof checked by every resource; they come when the API does that.
    dPoP: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: {
      enabled: true,
      allowedPolicy: async (_ctx, client, token) =>
        client[OWN_METADATA.resourceServer] === true && nameIntrospected(parts, token),
    },
    revocation: { enabled: true, allowedPolicy: mayRevoke },
    userinfo: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) =>
        sendPage(ctx, logoutPage(site, form, { staysHere: logoutFaultOf(ctx) !== undefined })),
      async postLogoutSuccessSource(ctx) {
        const { accountId } = await ctx.oidc.provider.Session.get(ctx);
        sendPage(ctx, accountId === undefined ? signedOutPage(site) : stillSignedInPage(site));
      },
    },
    resourceIndicators: {
      enabled: true,
      // A token for no stated resource is good for this server: its API and userinfo.
      defaultResource: (ctx, client) => {
        settleRequestedScopes(ctx, client);
        return undefined as unknown as string;
      },
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource, client) => {
        if (resource !== apiResource(settings.url)) {
          throw new errors.InvalidTarget(`resource has to be ${apiResource(settings.url)}, or left out.`);
        }
        settleRequestedScopes(ctx, client);
        return {
          scope: scopes.all.map((scope) => scope.name).join(' '),
          audience: resource,
          accessTokenFormat: 'opaque',
        };
      },
    },
  };
}

/** A client ends its own tokens; a service also its owner's personal access tokens (RFC 7009 section 2.1). */
async function mayRevoke(
  _ctx: KoaContextWithOIDC,
  client: EngineClient,
  token: { clientId?: string | undefined; accountId?: string },
) {
  if (client.clientId === PERSONAL_CLIENT_ID) return false;
  if (token.clientId !== PERSONAL_CLIENT_ID) return token.clientId === client.clientId;
  return client.clientAuthMethod !== 'none' && token.accountId === client[OWN_METADATA.owner];
}

type Introspected = {
  kind?: string;
  scope?: string | undefined;
  clientId?: string | undefined;
  jti: string;
  extra?: unknown;
  aud?: string | string[] | undefined;
};

/**
 * Has the engine's answer (RFC 7662 section 2.2) name the token the way all of Latchkey does; false for one that is
 * dead. A token for no stated resource is for this server's API.
 */
async function nameIntrospected(parts: ConfigurationParts, token: Introspected): Promise<boolean> {
  const { bearers, settings } = parts;
  // A personal access token was judged when the storage gave it, a moment ago, and brought its names along.
  const isPersonal = token.clientId === PERSONAL_CLIENT_ID;
  const described = isPersonal ? undefined : await bearers.describe(token.jti);
  const names = isPersonal ? (token.extra as TokenNames) : described?.names;
  if (names === undefined) return false;
  // A service acts for itself (RFC 9068 section 2.2 for the same claim).
  token.extra = token.kind === 'ClientCredentials' ? { ...names, sub: token.clientId } : names;
  if (described !== undefined) token.scope = described.scopes.join(' ');
  token.aud ??= apiResource(settings.url);
  return true;
}
