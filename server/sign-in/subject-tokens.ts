import { createRemoteJWKSet, customFetch, decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import { refusedToken, type SubjectToken } from '../access/token-exchange.ts';
import { displayNameOf } from '../accounts/display-name.ts';
import { isSameIssuer } from '../accounts/identities.ts';
import { ANSWER_SECONDS_MAX, boundedFetch } from '../ground/bounded-fetch.ts';
import type { Clock } from '../ground/clock.ts';
import { ID_TOKEN_AGE_SECONDS } from '../ground/limits.ts';
import { hashOf } from '../ground/opaque.ts';
import type { Settings } from '../ground/settings.ts';
import { duration, MINUTE_SECONDS } from '../ground/time.ts';
import { type EmailClaims, type IdentityProvider, isSubject, isVerified } from './identity-provider.ts';
import { problemOf, saidBy } from './provider-fault.ts';

/** How far the clocks of two servers may be apart. */
const CLOCK_SKEW_SECONDS = 60;
/** Some providers put groups in; this is more than fits into a header. */
const LENGTH_MAX = 16 * 1024;
/** A provider that took a key back is believed for no longer. */
const KEYS_SECONDS_MAX = 10 * MINUTE_SECONDS;
/** Public keys only: an HMAC could be made by whoever knows the client secret, and `none` by anybody. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];

/**
 * Reads ID tokens of the identity provider that a service has from its own sign-in (OpenID Connect Core section
 * 3.1.3.7): signature, issuer, audience, authorized party, times, nonce. Throws Problem that names what is wrong.
 */
export function createSubjectTokens(parts: {
  provider: Pick<IdentityProvider, 'name' | 'issuer' | 'metadata'>;
  registration: NonNullable<Settings['google']>;
  clock: Clock;
}) {
  const { provider, registration, clock } = parts;
  const audiences = [registration.clientId, ...(registration.audiences ?? [])];
  let keys: { uri: string; find: ReturnType<typeof createRemoteJWKSet> } | undefined;

  /** The provider's public keys, asked for again where a token names one that is not known. */
  function keysAt(uri: string) {
    if (keys?.uri !== uri) {
      const find = createRemoteJWKSet(new URL(uri), {
        [customFetch]: boundedFetch,
        timeoutDuration: ANSWER_SECONDS_MAX * 1000,
        cacheMaxAge: KEYS_SECONDS_MAX * 1000,
      });
      keys = { uri, find };
    }
    return keys.find;
  }

  return async function readSubjectToken(token: string, nonce: string | undefined): Promise<SubjectToken> {
    requireShape(token);
    const { issuer, jwks_uri: uri = '' } = await provider.metadata();
    const claims = await verified(token, keysAt(uri), provider.name);
    requireIssuer(claims, { issuer, provider: provider.name });
    requireAudience(claims, audiences, provider.name);
    const expiresAt = requireTimes(claims, clock());
    requireNonce(claims, nonce);
    if (!isSubject(claims.sub)) throw refusedToken('sub of the ID token names nobody.', NEW_ONE);
    const { email } = claims;
    return {
      issuer: provider.issuer,
      subject: claims.sub,
      email: typeof email === 'string' ? email : undefined,
      emailVerified: isVerified(email, [claims as EmailClaims], registration.trustsEmails === true),
      name: displayNameOf(claims.name),
      // Without the signature: of some kinds there are two for one token.
      id: hashOf(token.slice(0, token.lastIndexOf('.'))),
      expiresAt,
    };
  };
}

const NEW_ONE = 'Get a new ID token from the provider, and send it as it came.';

/** Says what a value is that is no ID token, without a word of it. */
function requireShape(token: string): void {
  if (token.length > LENGTH_MAX) {
    throw refusedToken('subject_token is too long for an ID token.', NEW_ONE);
  }
  if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) {
    try {
      decodeJwt(token);
      return;
    } catch {
      throw refusedToken('subject_token is no JWT: it may have been cut off.', NEW_ONE);
    }
  }
  throw refusedToken(
    'subject_token is no ID token: those are three parts of base64url with dots between them.',
    'Send the id_token of the sign-in, not its access_token or its code.',
  );
}

async function verified(
  token: string,
  key: ReturnType<typeof createRemoteJWKSet>,
  provider: string,
): Promise<JWTPayload> {
  try {
    // Times are checked by our own clock, and audience and issuer in words of ours.
    const currentDate = timeOf(token);
    const { payload, protectedHeader } = await jwtVerify(token, key, { algorithms: ALGORITHMS, currentDate });
    const { typ = 'JWT' } = protectedHeader;
    // RFC 9068 section 4 and Back-Channel Logout 1.0 section 2.6: other JWTs of the same keys are no ID tokens.
    if (!/^(application\/)?jwt$/i.test(typ) || payload.events !== undefined) {
      throw refusedToken('subject_token is another JWT of the provider, and no ID token.', NEW_ONE);
    }
    return payload;
  } catch (error) {
    throw problemFor(error, provider);
  }
}

/** A time at which the library finds nothing wrong with the token’s own times, which are looked at afterwards. */
function timeOf(token: string): Date {
  const { exp, nbf } = decodeJwt(token);
  return new Date((typeof nbf === 'number' ? nbf : typeof exp === 'number' ? exp - 1 : 0) * 1000);
}

function problemFor(error: unknown, provider: string): unknown {
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return refusedToken('The signature of the ID token is not right.', NEW_ONE);
  }
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) {
    return refusedToken(`The ID token is signed with a key that ${provider} does not have.`, NEW_ONE);
  }
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported) {
    return refusedToken('The ID token is signed in a way that is not taken.', NEW_ONE);
  }
  if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid) {
    return refusedToken('subject_token is no JWT that can be read.', NEW_ONE);
  }
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired) {
    return refusedToken('The times of the ID token cannot be read.', NEW_ONE);
  }
  if (error instanceof errors.JOSEError || error instanceof TypeError) {
    return problemOf({ kind: 'away', reason: saidBy(`keys: ${error.message}`, []) }, provider, error);
  }
  return error;
}

/** As the metadata write it, or another spelling of the same URL; Google leaves out its scheme at times. */
function requireIssuer(
  { iss, tid }: JWTPayload,
  { issuer, provider }: { issuer: string; provider: string },
): void {
  // Microsoft's metadata for many tenants have a gap for the token's own.
  const expected = issuer.replace('{tenantid}', typeof tid === 'string' ? tid : '');
  const spelling = iss === 'accounts.google.com' ? `https://${iss}` : iss;
  if (typeof spelling === 'string' && isSameIssuer(spelling, expected)) return;
  throw refusedToken(
    `iss of the ID token is not that of ${provider}, which people sign in with here.`,
    `It has to be ${expected}.`,
  );
}

function requireAudience({ aud, azp }: JWTPayload, audiences: readonly string[], provider: string): void {
  const named = typeof aud === 'string' ? [aud] : Array.isArray(aud) ? aud : [];
  const hint = `The server takes those for its own client id at ${provider}, and for the ids in its setting google.audiences: ask who runs it to add yours.`;
  if (named.length === 0 || !named.every((one) => audiences.includes(one))) {
    throw refusedToken('aud of the ID token names another client.', hint);
  }
  if (azp === undefined && named.length === 1) return;
  if (typeof azp !== 'string' || !audiences.includes(azp)) {
    throw refusedToken('azp of the ID token names another client, or nobody.', hint);
  }
}

/** Answers from when on it is too old. */
function requireTimes({ exp, iat, nbf }: JWTPayload, now: number): number {
  if (typeof exp !== 'number' || typeof iat !== 'number') {
    throw refusedToken('The ID token does not say when it was made and when it ends.', NEW_ONE);
  }
  const latest = now + CLOCK_SKEW_SECONDS;
  if (iat > latest || (nbf ?? 0) > latest) {
    throw refusedToken(
      'The ID token is of a time that has not come yet.',
      'Look whether the clock of this server and that of the provider are right.',
    );
  }
  const endsAt = Math.min(exp, iat + ID_TOKEN_AGE_SECONDS) + CLOCK_SKEW_SECONDS;
  if (now < endsAt) return Math.ceil(endsAt);
  const why = exp <= iat + ID_TOKEN_AGE_SECONDS ? 'The ID token has expired.' : 'The ID token is too old.';
  throw refusedToken(why, `Exchange it right after the sign-in, within ${duration(ID_TOKEN_AGE_SECONDS)}.`);
}

/** Where the ID token has one, leaving it out would leave out the check (OpenID Connect Core section 3.1.3.7, 11). */
function requireNonce(claims: JWTPayload, nonce: string | undefined): void {
  if (claims.nonce === nonce) return;
  throw refusedToken(
    nonce === undefined
      ? 'The ID token has a nonce, and none was sent with it.'
      : 'nonce is not that of the ID token.',
    'Send the one that the sign-in began with; if it does not fit, the ID token is of another sign-in.',
  );
}
