import * as openid from 'openid-client';
import { displayNameOf } from '../accounts/display-name.ts';
import { providerNameOf } from '../accounts/identities.ts';
import type { IdentityClaims } from '../accounts/newcomers.ts';
import { ANSWER_SECONDS_MAX, AnswerTooLarge, boundedFetch } from '../ground/bounded-fetch.ts';
import { isLoopback } from '../ground/loopback.ts';
import type { Settings } from '../ground/settings.ts';
import { type ProviderFault, problemOf, saidBy } from './provider-fault.ts';

/** What an authorization request is made with, and its response is checked against. */
export type ResponseChecks = { state: string; nonce: string; verifier: string };

/** What the provider says of the person (OpenID Connect Core sections 2 and 5.1). */
export type Claims = IdentityClaims & {
  /** When it last asked the person to prove themselves, epoch seconds, if it says so. */
  authenticatedAt: number | undefined;
};

export type IdentityProvider = ReturnType<typeof createIdentityProvider>;

/** Our registration at the provider. */
type Registration = NonNullable<Settings['google']>;

/** The provider's metadata, and a client for each way to show our secret: the first that works stays. */
type Discovered = { metadata: openid.ServerMetadata; clients: openid.Configuration[] };

/**
 * When the person last proved themselves there (OpenID Connect Core section 5.5). Providers must say so when
 * asked for `max_age`; Google only says it when asked like this, and where its console allows it (session age
 * claims).
 */
const CLAIMS = JSON.stringify({ id_token: { auth_time: { essential: true } } });

/** How our secret is sent (OpenID Connect Core section 9), most wanted first. */
const AUTHENTICATION = {
  client_secret_basic: basicAuthentication,
  client_secret_post: openid.ClientSecretPost,
  client_secret_jwt: openid.ClientSecretJwt,
} as const;
const METHODS = ['client_secret_basic', 'client_secret_post', 'client_secret_jwt'] as const;
type AuthenticationMethod = (typeof METHODS)[number];

/** What a sign-in needs of the metadata (OpenID Connect Discovery section 3). */
const ENDPOINTS = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const;

/** OpenID Connect Core section 2. */
const SUBJECT_LENGTH_MAX = 255;

/** Codes of openid-client for an issuer that is away or ill, as against one that answers wrongly. */
const NO_ANSWER = [
  'OAUTH_TIMEOUT',
  'OAUTH_ABORT',
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
  'OAUTH_RESPONSE_IS_NOT_JSON',
  'OAUTH_PARSE_ERROR',
];

/** Answers to an authorization request that mean that our registration is wrong (RFC 6749 section 4.1.2.1). */
const OUR_FAULT = ['invalid_request', 'unauthorized_client', 'unsupported_response_type', 'invalid_scope'];

/** The provider does not take us for its client (RFC 6749 section 5.2), whatever the person does. */
class ClientRefused extends Error {}

/**
 * Signing in at another OpenID provider: authorization code with PKCE S256 (RFC 7636), `state` and `nonce`.
 * The only file that knows openid-client, which checks issuer, audience, times, nonce and (switched on here)
 * the signature of the ID token (OpenID Connect Core section 3.1.3.7).
 */
export function createIdentityProvider(parts: {
  registration: Registration;
  /** As it is registered at the provider. */
  redirectUri: string;
}) {
  const { registration, redirectUri } = parts;
  const { issuer } = registration;
  const name = providerNameOf(issuer, registration);
  let discovery: Promise<Discovered> | undefined;

  /** The provider's metadata, asked for once; after a failure the next sign-in asks again. */
  function discovered(): Promise<Discovered> {
    discovery ??= discover(registration).catch((error: unknown) => {
      throw refusalOf(error);
    });
    return discovery;
  }

  function refusalOf(error: unknown, secrets: readonly string[] = []) {
    const fault = faultOf(error, [registration.clientSecret, ...secrets]);
    if (fault.kind !== 'not-completed') discovery = undefined;
    return problemOf(fault, name, error);
  }

  return {
    name,
    issuer,
    /** What the provider says of itself. Throws Problem where it does not answer. */
    metadata: async (): Promise<openid.ServerMetadata> => (await discovered()).metadata,

    /**
     * Whether it must say when it last asked the person (OpenID Connect Core section 3.1.2.1, `max_age`). Google
     * itself says so to few apps and knows no `max_age`: there a completed round trip is all that can be had.
     */
    tellsAuthTime: new URL(issuer).hostname !== 'accounts.google.com',

    /**
     * A new authorization request (OpenID Connect Core section 3.1.2.1): where to send the browser. `fresh` asks
     * the provider to have the person prove themselves again.
     */
    async request(wanted: {
      fresh: boolean;
      loginHint?: string | undefined;
    }): Promise<ResponseChecks & { location: string }> {
      const checks = {
        state: openid.randomState(),
        nonce: openid.randomNonce(),
        verifier: openid.randomPKCECodeVerifier(),
      };
      const { metadata, clients } = await discovered();
      const location = openid.buildAuthorizationUrl(clients[0] as openid.Configuration, {
        redirect_uri: redirectUri,
        scope: `openid email${mayAsk(metadata.scopes_supported, 'profile') ? ' profile' : ''}`,
        state: checks.state,
        nonce: checks.nonce,
        code_challenge: await openid.calculatePKCECodeChallenge(checks.verifier),
        code_challenge_method: 'S256',
        claims: CLAIMS,
        ...(wanted.fresh ? { prompt: 'login', max_age: '0' } : choosing(metadata)),
        ...(wanted.loginHint === undefined ? {} : { login_hint: wanted.loginHint }),
      });
      return { ...checks, location: location.href };
    },

    /**
     * The authentication response that came back with the browser (OpenID Connect Core section 3.1.2.5): `query`
     * of the callback. `denied` when the person refused there. Throws Problem for all that cannot be trusted.
     */
    async readResponse(query: string, checks: ResponseChecks): Promise<Claims | 'denied'> {
      const found = await discovered();
      const callback = new URL(`${redirectUri}${query}`);
      try {
        const { client, tokens } = await redeem(found, callback, checks);
        return { issuer, ...(await claimsOf(client, tokens, registration)) };
      } catch (error) {
        if (error instanceof openid.AuthorizationResponseError && error.error === 'access_denied') {
          return 'denied';
        }
        throw refusalOf(error, [callback.searchParams.get('code') ?? '', checks.verifier]);
      }
    },

    /**
     * Asks the provider for its metadata and shows it our secret, with a code that is none: what it says of that code
     * means that it took the secret. Throws Problem for a provider that is away or does not know us.
     */
    async check(): Promise<void> {
      const found = await discovered();
      const callback = new URL(redirectUri);
      const answer = { code: 'asked-by-doctor', state: 'none', iss: found.metadata.issuer };
      callback.search = String(new URLSearchParams(answer));
      try {
        await redeem(found, callback, {
          state: 'none',
          nonce: 'none',
          verifier: openid.randomPKCECodeVerifier(),
        });
      } catch (error) {
        if (error instanceof openid.ResponseBodyError && error.status < 500) return;
        throw refusalOf(error);
      }
    },
  };
}

async function discover(registration: Registration): Promise<Discovered> {
  const { clientId, clientSecret } = registration;
  const issuer = new URL(registration.issuer);
  const execute = [openid.enableNonRepudiationChecks];
  if (issuer.protocol === 'http:' && isLoopback(issuer)) execute.push(openid.allowInsecureRequests);
  const found = await openid.discovery(issuer, clientId, undefined, undefined, {
    timeout: ANSWER_SECONDS_MAX,
    execute,
    [openid.customFetch]: boundedFetch as openid.CustomFetch,
  });
  const metadata = found.serverMetadata();
  for (const name of ENDPOINTS) requireEndpoint(metadata[name], name, issuer);
  const methods = methodsFrom(metadata.token_endpoint_auth_methods_supported);
  if (methods.length === 0) {
    throw new ClientRefused(
      `it takes no client secret, only ${metadata.token_endpoint_auth_methods_supported}`,
    );
  }
  const clients = methods.map((method) => {
    const client = new openid.Configuration(
      metadata,
      clientId,
      undefined,
      AUTHENTICATION[method](clientSecret),
    );
    client.timeout = ANSWER_SECONDS_MAX;
    client[openid.customFetch] = boundedFetch as openid.CustomFetch;
    for (const extension of execute) extension(client);
    return client;
  });
  return { metadata, clients };
}

/** Throws where the metadata name no address there that can be called: found out now, and not on the way back. */
function requireEndpoint(named: unknown, name: (typeof ENDPOINTS)[number], issuer: URL): void {
  const url = typeof named === 'string' ? URL.parse(named) : null;
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && issuer.protocol === 'http:')) return;
  throw new Error(`its metadata name no ${name} that can be used`);
}

/**
 * How we may show our secret. OpenID Connect Discovery section 3: Basic where the metadata say nothing; but some that
 * say nothing take only the other way.
 */
function methodsFrom(listed: unknown): AuthenticationMethod[] {
  if (!Array.isArray(listed)) return ['client_secret_basic', 'client_secret_post'];
  return METHODS.filter((method) => listed.includes(method));
}

/**
 * RFC 6749 section 2.3.1, without escapes that are not needed: some providers do not undo them, and the library
 * escapes each hyphen and dot.
 */
function basicAuthentication(clientSecret: string): openid.ClientAuth {
  const escaped = (text: string) =>
    String(new URLSearchParams({ '': text }))
      .slice(1)
      .replaceAll('%7E', '~');
  return (_as, { client_id }, _body, headers) => {
    const credentials = Buffer.from(`${escaped(client_id)}:${escaped(clientSecret)}`).toString('base64');
    headers.set('authorization', `Basic ${credentials}`);
  };
}

/** Whether the metadata list it, or list nothing (OpenID Connect Discovery section 3). */
function mayAsk(listed: readonly string[] | undefined, value: string): boolean {
  return !Array.isArray(listed) || listed.includes(value);
}

/** Lets the person choose among their accounts there, where the provider knows how (Initiating prompts 1.0). */
function choosing(metadata: openid.ServerMetadata): Record<string, string> {
  const listed = metadata.prompt_values_supported as string[] | undefined;
  return mayAsk(listed, 'select_account') ? { prompt: 'select_account' } : {};
}

type Tokens = Awaited<ReturnType<typeof openid.authorizationCodeGrant>>;

/** Redeems the code of a response. Where there are several ways to show our secret, the one that works stays. */
async function redeem(
  found: Discovered,
  callback: URL,
  checks: ResponseChecks,
): Promise<{ client: openid.Configuration; tokens: Tokens }> {
  let refused: unknown;
  for (const client of found.clients) {
    try {
      const tokens = await redeemOnce(client, callback, checks);
      found.clients = [client];
      return { client, tokens };
    } catch (error) {
      if (!(error instanceof ClientRefused)) throw error;
      refused ??= error;
    }
  }
  throw refused;
}

async function redeemOnce(
  config: openid.Configuration,
  callback: URL,
  checks: ResponseChecks,
): Promise<Tokens> {
  try {
    return await openid.authorizationCodeGrant(config, callback, {
      expectedState: checks.state,
      expectedNonce: checks.nonce,
      pkceCodeVerifier: checks.verifier,
      idTokenExpected: true,
    });
  } catch (error) {
    throw (await clientRefusalIn(error)) ?? error;
  }
}

/** The token endpoint does not know us: with these words, or with a bare 401 (RFC 6749 section 5.2). */
async function clientRefusalIn(error: unknown): Promise<ClientRefused | undefined> {
  if (error instanceof openid.ResponseBodyError) {
    const { error: word, error_description: said = '' } = error;
    const isOurs = word === 'invalid_client' || word === 'unauthorized_client';
    return isOurs ? new ClientRefused(`${word} ${said}`) : undefined;
  }
  const challenged = error instanceof openid.WWWAuthenticateChallengeError;
  const response = challenged ? error.response : (error as Error).cause;
  if (!(response instanceof Response) || response.status !== 401) return undefined;
  const body = (await response
    .clone()
    .json()
    .catch(() => undefined)) as Record<string, unknown> | undefined;
  return new ClientRefused(`${body?.error ?? 'status 401'} ${body?.error_description ?? ''}`);
}

/** What the provider says of the person, in the ID token and, for the e-mail, in userinfo. */
async function claimsOf(
  config: openid.Configuration,
  tokens: Tokens,
  registration: Registration,
): Promise<Omit<Claims, 'issuer'>> {
  const claims = tokens.claims();
  if (claims === undefined) throw new Error('an ID token was expected and checked, and is not there');
  if (!isSubject(claims.sub)) {
    throw new Error('its ID token has a "sub" that names nobody');
  }
  // Providers may keep what a scope asks for to userinfo, or a part of it (OpenID Connect Core section 5.4).
  const isWhole = claims.email != null && claims.email_verified != null;
  const asks = !isWhole && config.serverMetadata().userinfo_endpoint !== undefined;
  const more = asks ? await openid.fetchUserInfo(config, tokens.access_token, claims.sub) : undefined;
  const email = more?.email ?? claims.email;
  return {
    subject: claims.sub,
    email: typeof email === 'string' ? email : undefined,
    emailVerified: isVerified(email, [more, claims as EmailClaims], registration.trustsEmails === true),
    name: displayNameOf(more?.name ?? claims.name),
    authenticatedAt: claims.auth_time,
  };
}

/** Whether this names somebody: an empty one would be everybody's, and broken ones one and the same. */
export function isSubject(sub: unknown): sub is string {
  return typeof sub === 'string' && sub !== '' && sub.length <= SUBJECT_LENGTH_MAX && sub.isWellFormed();
}

export type EmailClaims = { email?: unknown; email_verified?: unknown };

/**
 * Whether the provider vouches for this address. Some write `"true"`, and what is said beside another address counts
 * for that one only. `trusted`: it says nothing of any address, and the operator vouches for it.
 */
export function isVerified(
  email: unknown,
  sources: readonly (EmailClaims | undefined)[],
  trusted: boolean,
): boolean {
  const about = sources.filter((source) => source != null && (source.email ?? email) === email);
  const said = about.map((source) => source?.email_verified).find((value) => value != null);
  return said === undefined ? trusted : said === true || said === 'true';
}

/** What kind of failure this is, and its reason in words for the log: nothing of `secrets`, whatever was answered. */
function faultOf(error: unknown, secrets: readonly string[]): ProviderFault {
  const { cause } = error as { cause?: unknown };
  if (error instanceof ClientRefused) return { kind: 'refused', reason: saidBy(error.message, secrets) };
  if (error instanceof openid.AuthorizationResponseError) {
    const reason = saidBy(`${error.error} ${error.error_description ?? ''}`, secrets);
    return { kind: 'not-completed', reason, isOurs: OUR_FAULT.includes(error.error) };
  }
  if (error instanceof openid.ResponseBodyError) {
    const reason = saidBy(`${error.error} ${error.error_description ?? ''}`, secrets);
    if (error.error === 'invalid_grant') return { kind: 'not-completed', reason };
    return { kind: error.status >= 500 || error.status === 429 ? 'away' : 'refused', reason };
  }
  const tooLarge = [error, cause].find((one) => one instanceof AnswerTooLarge);
  if (tooLarge !== undefined) return { kind: 'away', reason: tooLarge.message };
  // fetch throws a TypeError where nobody listens.
  if (error instanceof TypeError) {
    const because = cause as { code?: unknown; message?: unknown } | undefined;
    return { kind: 'away', reason: saidBy(`${because?.code ?? because?.message ?? error.message}`, secrets) };
  }
  const code = error instanceof openid.ClientError ? error.code : undefined;
  if (NO_ANSWER.includes(code ?? '')) {
    const reason = cause instanceof Response ? `${code}: status ${cause.status}` : `${code}`;
    return { kind: 'away', reason };
  }
  const { attribute, body } = (cause ?? {}) as { attribute?: unknown; body?: { issuer?: unknown } };
  if (code !== undefined && attribute === 'issuer' && typeof body?.issuer === 'string') {
    return { kind: 'untrusted', reason: saidBy(`its metadata name the issuer ${body.issuer}`, secrets) };
  }
  const details = code !== undefined && cause instanceof Error ? `: ${cause.message}` : '';
  return { kind: 'untrusted', reason: saidBy(`${code ?? (error as Error).message}${details}`, secrets) };
}
