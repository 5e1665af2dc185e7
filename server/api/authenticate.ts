import type { Context } from 'koa';
import type { Bearer, BearerRefusal } from '../access/bearer.ts';
import type { Bearers } from '../access/bearers.ts';
import type { Attribution } from '../activity/recorder.ts';
import { isAdmin } from '../credentials/scopes.ts';
import { BearerProblem } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';
import { timeToTheMinute } from '../ground/time.ts';
import { addressOf, noteCredential } from '../http/request.ts';
import { noCredential, readBearerToken } from './authorization.ts';

/** A refused token that we know: its refusal belongs into the activity of its account. */
export class RefusedCaller extends BearerProblem {
  readonly attribution: Attribution | undefined;

  constructor(details: ConstructorParameters<typeof BearerProblem>[0], attribution: Attribution | undefined) {
    super(details);
    this.name = 'RefusedCaller';
    this.attribution = attribution;
  }
}

export type Authenticate = ReturnType<typeof createAuthenticate>;

/**
 * Who calls the API. The order is fixed: a request that cannot be read (401 `invalid_request`), then a token
 * that is not good (401 `invalid_token`), then a missing scope (403 `insufficient_scope`), and only then
 * anything else about the call, so that nothing is said to callers who may not know it.
 */
export function createAuthenticate(parts: { bearers: Bearers; settings: Pick<Settings, 'url'> }) {
  const { bearers } = parts;
  const { url } = parts.settings;

  return {
    /** The caller; undefined when the request has no credential at all. Throws for one that is not good. */
    async callerOf(ctx: Context): Promise<Bearer | undefined> {
      const value = readBearerToken(ctx.req, ctx.querystring);
      if (value === undefined) return undefined;
      if (value.startsWith('lk_cs_')) throw clientSecret(url);
      const found = await bearers.find(value);
      if (found.tokenId !== undefined) noteCredential(ctx, found.tokenId);
      if ('refused' in found)
        throw new RefusedCaller(refusalOf(found, value, url), attributionOfRefusal(found));
      bearers.noteUse(found, addressOf(ctx));
      return found;
    },

    /** What a call without a credential is answered. */
    noCredential: (ctx: Context): BearerProblem => noCredential(ctx.req, ctx.querystring, url),
  };
}

/** Whose activity a caller's calls belong to. */
export function attributionOf(caller: Bearer): Attribution {
  return {
    accountId: caller.account.id,
    clientId: caller.client?.id,
    tokenId: caller.tokenId,
    tokenKind: caller.tokenKind,
    tokenName: caller.tokenName,
    privacyBypassed: isAdmin(caller.scopes) ? true : undefined,
  };
}

function attributionOfRefusal(refusal: BearerRefusal): Attribution | undefined {
  const { accountId, clientId, tokenId, tokenKind, tokenName } = refusal;
  if (accountId === undefined || tokenId === undefined) return undefined;
  return { accountId, clientId, tokenId, tokenKind: tokenKind ?? '', tokenName: tokenName ?? '' };
}

type Details = ConstructorParameters<typeof BearerProblem>[0];

function invalidToken(message: string, hint: string): Details {
  return { status: 401, code: 'invalid_token', message, hint, challengeError: 'invalid_token' };
}

function clientSecret(url: string): BearerProblem {
  return new BearerProblem(
    invalidToken(
      'This is a client secret, not a token.',
      `Exchange it, with its client id, for an access token at ${url}/oauth/token and send that.`,
    ),
  );
}

function refusalOf(refusal: BearerRefusal, value: string, url: string): Details {
  const when = refusal.at === undefined ? '' : ` on ${timeToTheMinute(refusal.at)}`;
  const isAccessToken = refusal.tokenKind === 'access_token';
  switch (refusal.refused) {
    case 'malformed':
      return invalidToken(
        'The token looks cut off or mistyped.',
        `Its check digits do not fit. Copy it again, whole; if it is gone, make a new one at ${url}/tokens.`,
      );
    case 'expired':
      return invalidToken(
        `The token expired${when}.`,
        isAccessToken
          ? `Get a new one at ${url}/oauth/token, with the refresh token, or with client id and secret.`
          : `Make a new one at ${url}/tokens.`,
      );
    case 'revoked':
      return invalidToken(
        `The token was revoked${when}.`,
        isAccessToken
          ? 'A service needs a live client secret; an app must ask its user again.'
          : `Make a new one at ${url}/tokens. If you did not revoke it, its owner did.`,
      );
    case 'suspended':
      return invalidToken(
        'The account that this token belongs to is suspended.',
        'Ask whoever runs this server; a new token will not help.',
      );
    case 'unknown':
      return invalidToken('The token is not known here.', unknownHint(value, url));
  }
}

/** Says what the value looks like instead, without a word of it. */
function unknownHint(value: string, url: string): string {
  if (/^ey[\w-]+\.[\w-]+\.[\w-]*$/.test(value)) {
    return 'It looks like a JWT, perhaps an ID token. Send the access_token that came with it.';
  }
  if (
    /^(undefined|null|none|nil|nan|false|true|(your|my|the)?[-_.]?(access|api)?[-_.]?token)$/i.test(value)
  ) {
    return 'It looks like a placeholder: the variable that should hold the token has no value.';
  }
  return `It was made on another server, or is gone. It must come from ${url}: make one at ${url}/tokens.`;
}
