import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { SecretRefusal } from '../access/client-authentication.ts';
import { ME_PATH } from '../ground/api-address.ts';
import { AUTHORIZATION_CODE_SECONDS } from '../ground/limits.ts';
import { duration } from '../ground/time.ts';
import { TOKEN_EXCHANGE } from './token-exchange.ts';

/** In the engine's own list of what a request found: why the secret that came with it was refused. */
export const SECRET_REFUSAL = 'SecretRefusal';

/** Of a refresh token all of whose scopes were taken from its app. */
export const NO_SCOPE_LEFT = 'no scope is left to this refresh token';

/*
 * The engine tells the log why it refuses, and the caller only that it does. These are its reasons in words for the
 * developer of a client (RFC 6749 section 5.2). Those about codes and tokens come only after the client was
 * authenticated, and one of another client's is as unknown as one that never was.
 */

const CODE_UNKNOWN =
  'The code is unknown, or what was given for it was ended. It is good for one use by the client that asked for it.';
const CODE_USED =
  'The code was used already. As it may have been stolen, what was given for it is ended; start again.';
const TOKEN_UNKNOWN =
  'The refresh token is unknown, or was ended. It is good for the client that it was given to.';
const TOKEN_USED =
  'The refresh token was used already. As it may have been stolen, all that the person allowed is ended; start again.';
const ACCESS_ENDED = 'The person, or the client itself, has ended this access; start again.';

const REASONS: Record<string, string> = {
  'authorization code not found': CODE_UNKNOWN,
  'authorization code is expired': `The code has expired: it is good for ${duration(AUTHORIZATION_CODE_SECONDS)}. Start again.`,
  'authorization code already consumed': CODE_USED,
  'AuthorizationCode was already used': CODE_USED,
  'authorization code redirect_uri mismatch':
    'redirect_uri is another one than in the authorization request: send the same, character by character.',
  'code_verifier must be provided':
    'code_verifier is missing: the code was asked for with a code_challenge (RFC 7636).',
  'code_verifier does not match code_challenge':
    'code_verifier does not belong to the code_challenge that the code was asked for with.',
  'unsupported code_challenge_method':
    'code_verifier belongs to no code_challenge: the code was asked for without one.',
  'refresh token not found': TOKEN_UNKNOWN,
  'refresh token is expired': 'The refresh token has expired; send the person through authorization again.',
  'refresh token already used': TOKEN_USED,
  'RefreshToken was already used': TOKEN_USED,
  [NO_SCOPE_LEFT]: 'The app has lost every scope that this refresh token was given for; start again.',
  'grant not found': ACCESS_ENDED,
  'grant is expired': ACCESS_ENDED,
  'authorization code invalid (referenced account not found)': ACCESS_ENDED,
  'refresh token invalid (referenced account not found)': ACCESS_ENDED,
  'client not found': 'There is no client with this client_id, or it was deleted.',
  'no client authentication mechanism provided':
    'client_id is missing. Send it in the body, or with client_secret by HTTP Basic.',
  'invalid authorization header value format':
    'The header Authorization has to be the word Basic and the base64 of client_id:client_secret.',
  "redirect_uri did not match any of the client's registered redirect_uris":
    'redirect_uri is none that is registered for this app. They are compared character by character, a slash at the end too.',
  'client authentication must only be provided using one mechanism':
    'The client is authenticated twice: send client_secret by HTTP Basic or in the body, not both.',
  'client_secret must be provided in the Authorization header':
    'The header Authorization has an empty client_secret, and another client_id than the body or none.',
  'resource indicator is missing, or unknown':
    'resource was not in the authorization request: leave it out here, or name it in both.',
  'access token missing openid scope': `This is for tokens with the scope openid. GET ${ME_PATH} answers to every token.`,
  'scope contains invalid characters':
    'Scopes are separated by single spaces, without quotes or line breaks.',
  'unsupported grant_type requested':
    'grant_type has to be authorization_code, refresh_token or client_credentials.',
};

const SECRET_REASONS: Record<SecretRefusal, string> = {
  damaged: 'The client_secret looks cut off or changed: compare it with where you copied it from.',
  expired: 'This client_secret has expired: make another one on the page of the client.',
  paused: 'This client is paused: its owner can resume it on its page, unless an admin paused it.',
  revoked: 'This client_secret was revoked: use another one of this client.',
  unknown: 'This is no client_secret of this client.',
};

/** What belongs into the body (RFC 6749 sections 2.3.1 and 3.2, RFC 7662 section 2.1, RFC 7009 section 2.1). */
const BODY_PARAMETERS = [
  'client_secret',
  'client_id',
  'grant_type',
  'code',
  'code_verifier',
  'redirect_uri',
  'refresh_token',
  'subject_token',
  'subject_token_type',
  'scope',
  'token',
  'token_type_hint',
];

const GRANT_TYPE_NOT_ALLOWED = 'requested grant type is not allowed for this client';

/** The client did not authenticate, or in a way that is none of these (RFC 6749 section 5.2). */
const NOT_AUTHENTICATED = [
  'no client authentication mechanism provided',
  'invalid authorization header value format',
  'client_id and client_secret in the authorization header are not properly encoded',
  'client_secret must be provided in the Authorization header',
];

/** The error and status that RFC 6749 section 5.2 has for a refusal; undefined where the engine's own are that. */
export function codeFor(
  ctx: KoaContextWithOIDC,
  error: errors.OIDCProviderError,
): { code: string; status: number } | undefined {
  const detail = detailOf(error);
  if (detail === GRANT_TYPE_NOT_ALLOWED) return { code: 'unauthorized_client', status: 400 };
  // Of what cannot be decoded the detail is how that failed.
  const isUnauthenticated = [detail, error.error_description ?? ''].some((text) =>
    NOT_AUTHENTICATED.includes(text),
  );
  return isUnauthenticated && misplaced(ctx) === undefined
    ? { code: 'invalid_client', status: 401 }
    : undefined;
}

/** Why the engine refuses, for the developer of the client; undefined where its own words do. */
export function reasonFor(ctx: KoaContextWithOIDC, error: Error): string | undefined {
  // What our own steps before the engine refuse is said by them.
  if (!(error instanceof errors.OIDCProviderError) || !error.expose || ctx.oidc?.route === undefined) {
    return undefined;
  }
  const lost = ctx.method === 'POST' ? misplaced(ctx) : undefined;
  return lost ?? clientReason(ctx, error) ?? tokenReason(ctx, error);
}

/** The parameters of a request that are where nobody reads them. */
function misplaced(ctx: KoaContextWithOIDC): string | undefined {
  const body = ctx.oidc.body ?? {};
  const query = new URLSearchParams(ctx.querystring);
  const lost = BODY_PARAMETERS.filter((name) => query.has(name) && !(name in body));
  const form = 'a form (application/x-www-form-urlencoded)';
  if (lost.length > 0) return `Found in the address: ${lost.join(', ')}. Send that in the body, as ${form}.`;
  if (ctx.is('json', '+json')) return `The body is JSON. Send ${form}.`;
  if (ctx.is('multipart')) return `The body is multipart/form-data. Send ${form}.`;
  if (ctx.get('content-type') === '' && Number(ctx.request.length ?? 0) > 0) {
    return `The header Content-Type is missing. Send ${form}.`;
  }
  return undefined;
}

function clientReason(ctx: KoaContextWithOIDC, error: errors.OIDCProviderError): string | undefined {
  const { client, entities } = ctx.oidc;
  switch (detailOf(error)) {
    case 'invalid secret provided':
      return SECRET_REASONS[(entities[SECRET_REFUSAL] as SecretRefusal | undefined) ?? 'unknown'];
    case 'the provided authentication mechanism does not match the registered client authentication method':
      return client?.clientAuthMethod === 'none'
        ? 'This client keeps no secret: send client_id in the body, and neither client_secret nor Authorization.'
        : 'client_secret is missing: this client has to send it, by HTTP Basic or in the body.';
    case GRANT_TYPE_NOT_ALLOWED: {
      if (isExchange(ctx))
        return 'Tokens are exchanged by a service that an admin made with the scope admin:wf:issue_token, or admin.';
      const allowed = [...(client?.grantTypes ?? [])].join(', ');
      return `This client may use ${allowed || 'no grant_type: it has no scope, or none that is still there'}.`;
    }
    case 'unsupported grant_type requested':
      return isExchange(ctx) ? 'Token exchange is off here: no identity provider is set.' : undefined;
    default:
      return undefined;
  }
}

function isExchange({ oidc }: KoaContextWithOIDC): boolean {
  return oidc.params?.grant_type === TOKEN_EXCHANGE;
}

function tokenReason(ctx: KoaContextWithOIDC, error: errors.OIDCProviderError): string | undefined {
  const detail = detailOf(error);
  if (detail === 'client mismatch') {
    return ctx.oidc.params?.grant_type === 'refresh_token' ? TOKEN_UNKNOWN : CODE_UNKNOWN;
  }
  const { scope } = error as { scope?: string };
  if (scope !== undefined && detail.startsWith('refresh token missing requested scope')) {
    return `The refresh token was not given for: ${scope}. ${COMMAS.test(scope) ? 'Scopes are separated by spaces.' : ''}`.trim();
  }
  return Object.hasOwn(REASONS, detail) ? REASONS[detail] : undefined;
}

const COMMAS = /[,;|]/;

function detailOf(error: errors.OIDCProviderError): string {
  return error.error_detail ?? error.error_description ?? '';
}
