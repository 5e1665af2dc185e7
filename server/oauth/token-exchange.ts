import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import type { ClientAuthentication } from '../access/client-authentication.ts';
import type { SubjectToken, TokenExchange } from '../access/token-exchange.ts';
import { scopesIn } from '../credentials/scopes.ts';
import { apiResource } from '../ground/api-address.ts';
import { Problem, type ProblemCode } from '../ground/errors.ts';
import { OVERLAP_DAYS_MAX } from '../ground/limits.ts';
import type { Settings } from '../ground/settings.ts';
import { DAY_SECONDS, MINUTE_SECONDS } from '../ground/time.ts';
import { printable } from '../http/error-forms.ts';
import { addressOf, requestIdOf } from '../http/request.ts';

/** RFC 8693 section 2.1. */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

/** Those of RFC 8693 section 2.1, and those of issue_token. */
const EXCHANGE_PARAMETERS = [
  'subject_token',
  'subject_token_type',
  'requested_token_type',
  'actor_token',
  'actor_token_type',
  'scope',
  'resource',
  'audience',
  'nonce',
  'name',
  'expires_in',
  'replace',
  'overlap',
] as const;

type Sent = Partial<Record<(typeof EXCHANGE_PARAMETERS)[number], string>>;

/** What the ID token or its person is refused for. */
const GRANT_REFUSALS: readonly ProblemCode[] = [
  'INVALID_SUBJECT_TOKEN',
  'ACCOUNT_SUSPENDED',
  'CHANGED_MEANWHILE',
  'EMAIL_NOT_VERIFIED',
  'EMAIL_TAKEN',
  'IDENTITY_TAKEN',
  'SIGN_UP_CLOSED',
];

type Parts = {
  tokenExchange: TokenExchange;
  clients: Pick<ClientAuthentication, 'getLive'>;
  readSubjectToken: (token: string, nonce: string | undefined) => Promise<SubjectToken>;
  settings: Settings;
};

/** Token exchange (RFC 8693) at the token endpoint, for the ID tokens of the identity provider. */
export function registerTokenExchange(provider: Provider, parts: Parts): void {
  const { tokenExchange, clients, readSubjectToken, settings } = parts;

  async function exchange(ctx: KoaContextWithOIDC): Promise<void> {
    const sent = (ctx.oidc.params ?? {}) as Sent;
    const token = requireWish(sent, settings.url);
    const service = await clients.getLive(ctx.oidc.client?.clientId ?? '');
    if (service === undefined) throw new errors.InvalidClient('client not found');
    const wanted = {
      service,
      read: () => readSubjectToken(token, sent.nonce),
      scopes: sent.scope === undefined ? undefined : scopesIn(sent.scope),
      name: sent.name,
      lifeSeconds: wholeIn(sent, 'expires_in', MINUTE_SECONDS, settings.tokens.maxDays * DAY_SECONDS),
      replace: switchIn(sent, 'replace'),
      overlapSeconds: wholeIn(sent, 'overlap', 0, OVERLAP_DAYS_MAX * DAY_SECONDS) ?? 0,
    };
    const from = { from: addressOf(ctx), requestId: requestIdOf(ctx) };
    const { credential, value } = await tokenExchange.exchange(wanted, { kind: 'client', ...from });
    // RFC 8693 section 2.2.1.
    ctx.body = {
      access_token: value,
      issued_token_type: ACCESS_TOKEN,
      token_type: 'Bearer',
      expires_in: (credential.expiresAt ?? credential.createdAt) - credential.createdAt,
      scope: credential.scopes.join(' '),
    };
  }

  const handler = async (ctx: KoaContextWithOIDC): Promise<void> => {
    try {
      await exchange(ctx);
    } catch (error) {
      throw error instanceof Problem ? oauthErrorOf(ctx, error) : error;
    }
  };
  provider.registerGrantType(TOKEN_EXCHANGE, handler, [...EXCHANGE_PARAMETERS]);
}

/** Answers the subject token. Throws what RFC 8693 section 2.2.2 has for the rest of the request. */
function requireWish(sent: Sent, url: string): string {
  const { subject_token: token, subject_token_type: type, requested_token_type: wanted } = sent;
  if (token === undefined || token === '') {
    throw new errors.InvalidRequest('subject_token is missing: send the ID token of the sign-in.');
  }
  if (type !== ID_TOKEN) throw new errors.InvalidRequest(`subject_token_type has to be ${ID_TOKEN}.`);
  if (wanted !== undefined && wanted !== ACCESS_TOKEN) {
    throw new errors.InvalidRequest(`requested_token_type has to be ${ACCESS_TOKEN}, or left out.`);
  }
  if (sent.actor_token !== undefined || sent.actor_token_type !== undefined) {
    throw new errors.InvalidRequest('actor_token is not taken: the service itself is who acts.');
  }
  for (const name of ['resource', 'audience'] as const) {
    const value = sent[name];
    if (value === undefined || value === apiResource(url)) continue;
    throw new errors.InvalidTarget(`${name} has to be ${apiResource(url)}, or left out.`);
  }
  return token;
}

function wholeIn(sent: Sent, name: keyof Sent, least: number, most: number): number | undefined {
  const text = sent[name];
  if (text === undefined) return undefined;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : -1;
  if (value >= least && value <= most) return value;
  throw new errors.InvalidRequest(`${name} has to be a whole number of seconds from ${least} to ${most}.`);
}

/** True where nothing is said. */
function switchIn(sent: Sent, name: keyof Sent): boolean {
  const text = sent[name] ?? 'true';
  if (text === 'true' || text === 'false') return text === 'true';
  throw new errors.InvalidRequest(`${name} has to be true or false.`);
}

/** A refusal of the domain in the words of RFC 6749 section 5.2. Only an authenticated service gets here. */
function oauthErrorOf(ctx: KoaContextWithOIDC, problem: Problem): Error {
  const { status, code, message, hint } = problem;
  ctx.set(problem.headers);
  const word =
    code === 'invalid_scope'
      ? code
      : GRANT_REFUSALS.includes(code)
        ? 'invalid_grant'
        : code === 'ADMINS_ONLY'
          ? 'unauthorized_client'
          : status >= 500
            ? 'temporarily_unavailable'
            : 'invalid_request';
  const error = new errors.CustomOIDCProviderError(word, printable(`${message} ${hint}`));
  const answered = status === 429 || status === 503 ? status : status >= 500 ? 503 : 400;
  return Object.assign(error, { status: answered, statusCode: answered });
}
