import type { JWK } from 'jose';
import type { Configuration } from 'oidc-provider';
import type { Account } from '../accounts/account.ts';
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
import { PERSONAL_CLIENT_ID, type Storage } from './artifact-storage.ts';
import { OWN_METADATA } from './client-metadata.ts';
import { secretClaimOf } from './client-secrets.ts';
import { showError } from './error-page.ts';
import { type FeatureParts, featuresOf } from './features.ts';
import { derivedKey } from './keys.ts';

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

export type ConfigurationParts = FeatureParts & {
  storage: Storage;
  jwks: { keys: JWK[] };
  findAccount: (id: string) => Promise<Account | undefined>;
};

/** Everything that differs from the engine's defaults, with its reason beside it. */
export function configurationOf(parts: ConfigurationParts): Configuration {
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
    extraTokenClaims: secretClaimOf,
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    features: featuresOf(parts),
    renderError: (ctx, out, error) => showError(ctx, parts.site, out, error),
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
