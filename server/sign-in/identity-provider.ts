import * as openid from 'openid-client';
import type { Logger } from 'pino';
import { displayNameOf } from '../accounts/display-name.ts';
import { providerNameOf, type Subject } from '../accounts/identities.ts';
import { Problem } from '../ground/errors.ts';
import { isLoopback } from '../ground/loopback.ts';
import type { Settings } from '../ground/settings.ts';

/** What an authorization request is made with, and its response is checked against. */
export type ResponseChecks = { state: string; nonce: string; verifier: string };

/** What the provider says of the person (OpenID Connect Core sections 2 and 5.1). */
export type Claims = Subject & {
  email: string | undefined;
  emailVerified: boolean;
  /** What the person is called there, if that is a name that can be shown here. */
  name: string | undefined;
  /** When it last asked the person to prove themselves, epoch seconds, if it says so. */
  authenticatedAt: number | undefined;
};

export type IdentityProvider = ReturnType<typeof createIdentityProvider>;

/** Our registration at the provider. */
type Registration = NonNullable<Settings['google']>;

/** A person waits in front of each of these calls. */
const TIMEOUT_SECONDS = 5;

/**
 * When the person last proved themselves there (OpenID Connect Core section 5.5). Providers must say so when
 * asked for `max_age`; Google only says it when asked like this, and where its console allows it (session age
 * claims).
 */
const CLAIMS = JSON.stringify({ id_token: { auth_time: { essential: true } } });

/** Codes of openid-client for an issuer that is away or ill, as against one that answers wrongly. */
const NO_ANSWER = [
  'OAUTH_TIMEOUT',
  'OAUTH_ABORT',
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
  'OAUTH_RESPONSE_IS_NOT_JSON',
  'OAUTH_PARSE_ERROR',
];

/**
 * Signing in at another OpenID provider: authorization code with PKCE S256 (RFC 7636), `state` and `nonce`.
 * The only file that knows openid-client, which checks issuer, audience, times, nonce and (switched on here)
 * the signature of the ID token (OpenID Connect Core section 3.1.3.7).
 */
export function createIdentityProvider(parts: {
  registration: Registration;
  /** As it is registered at the provider. */
  redirectUri: string;
  log: Pick<Logger, 'warn' | 'error'>;
}) {
  const { registration, redirectUri, log } = parts;
  const { issuer } = registration;
  let discovered: Promise<openid.Configuration> | undefined;

  /** The provider's metadata, asked for once; after a failure the next sign-in asks again. */
  function configuration(): Promise<openid.Configuration> {
    discovered ??= discover(registration).catch((error: unknown) => {
      discovered = undefined;
      throw problemFrom(error, issuer, log);
    });
    return discovered;
  }

  return {
    name: providerNameOf(issuer),
    issuer,
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
      const location = openid.buildAuthorizationUrl(await configuration(), {
        redirect_uri: redirectUri,
        scope: 'openid email',
        state: checks.state,
        nonce: checks.nonce,
        code_challenge: await openid.calculatePKCECodeChallenge(checks.verifier),
        code_challenge_method: 'S256',
        claims: CLAIMS,
        ...(wanted.fresh ? { prompt: 'login', max_age: '0' } : { prompt: 'select_account' }),
        ...(wanted.loginHint === undefined ? {} : { login_hint: wanted.loginHint }),
      });
      return { ...checks, location: location.href };
    },

    /**
     * The authentication response that came back with the browser (OpenID Connect Core section 3.1.2.5): `query`
     * of the callback. `denied` when the person refused there. Throws Problem for all that cannot be trusted.
     */
    async readResponse(query: string, checks: ResponseChecks): Promise<Claims | 'denied'> {
      const config = await configuration();
      const callback = new URL(`${redirectUri}${query}`);
      try {
        return { issuer, ...(await exchange(config, callback, checks)) };
      } catch (error) {
        if (error instanceof openid.AuthorizationResponseError && error.error === 'access_denied') {
          return 'denied';
        }
        throw problemFrom(error, issuer, log);
      }
    },
  };
}

function discover(registration: Registration): Promise<openid.Configuration> {
  const issuer = new URL(registration.issuer);
  const execute = [openid.enableNonRepudiationChecks];
  if (issuer.protocol === 'http:' && isLoopback(issuer)) execute.push(openid.allowInsecureRequests);
  return openid.discovery(issuer, registration.clientId, registration.clientSecret, undefined, {
    timeout: TIMEOUT_SECONDS,
    execute,
  });
}

/** Redeems the code of a response for the claims of its ID token. */
async function exchange(
  config: openid.Configuration,
  callback: URL,
  checks: ResponseChecks,
): Promise<Omit<Claims, 'issuer'>> {
  const tokens = await openid.authorizationCodeGrant(config, callback, {
    expectedState: checks.state,
    expectedNonce: checks.nonce,
    pkceCodeVerifier: checks.verifier,
    idTokenExpected: true,
  });
  const claims = tokens.claims();
  if (claims === undefined) throw new Error('an ID token was expected and checked, and is not there');
  // Providers may keep the e-mail for userinfo (OpenID Connect Core section 5.4).
  const asksUserinfo = claims.email === undefined && config.serverMetadata().userinfo_endpoint !== undefined;
  const about = asksUserinfo ? await openid.fetchUserInfo(config, tokens.access_token, claims.sub) : claims;
  return {
    subject: claims.sub,
    email: typeof about.email === 'string' ? about.email : undefined,
    emailVerified: about.email_verified === true,
    name: displayNameOf(about.name ?? claims.name),
    authenticatedAt: claims.auth_time,
  };
}

/** What a failure is to the person who waits. What it was goes to the log, without anything that was sent. */
function problemFrom(error: unknown, issuer: string, log: Pick<Logger, 'warn' | 'error'>): Problem {
  const name = providerNameOf(issuer);
  const refusal = error instanceof openid.ResponseBodyError ? error.error : undefined;
  const code = error instanceof openid.ClientError ? error.code : undefined;
  const reason = refusal ?? code ?? (error instanceof Error ? error.message : 'unknown');
  if (refusal === 'invalid_grant' || error instanceof openid.AuthorizationResponseError) {
    log.warn({ issuer, reason }, 'a federated sign-in was not completed');
    return new Problem({
      status: 400,
      code: 'FEDERATED_SIGN_IN_FAILED',
      message: `Signing in with ${name} was not completed.`,
      hint: 'Go to the sign-in page and start again.',
    });
  }
  // fetch throws a TypeError where nobody listens; any other refusal means that our settings do not fit.
  if (refusal !== undefined || error instanceof TypeError || NO_ANSWER.includes(code ?? '')) {
    log.error({ issuer, reason }, 'the federated issuer does not answer as it should');
    return new Problem({
      status: 503,
      code: 'ISSUER_UNAVAILABLE',
      message: `${name} did not answer.`,
      hint: 'Try again in a moment, or sign in with your password.',
      headers: { 'Retry-After': '10' },
      cause: error,
    });
  }
  log.error({ issuer, reason }, 'the federated issuer gave an answer that cannot be trusted');
  return new Problem({
    status: 400,
    code: 'UNTRUSTED_ANSWER',
    message: `What ${name} answered cannot be trusted, so nobody was signed in.`,
    hint: 'Go to the sign-in page and start again. If it stays, tell the people who run this site.',
    cause: error,
  });
}
