import type { Context } from 'koa';
import type { Bearer, BearerRefusal } from '../access/bearer.ts';
import type { Attribution } from '../activity/recorder.ts';
import { type Credential, endOf, idleEndOf } from '../credentials/credential.ts';
import { isAdmin } from '../credentials/scopes.ts';
import { damageOf, SECRET_PREFIX } from '../credentials/secret-format.ts';
import type { Domain } from '../domain.ts';
import { BearerProblem } from '../ground/errors.ts';
import { timeToTheMinute } from '../ground/time.ts';
import { addressOf, noteCredential } from '../http/request.ts';
import { isTokenForm, noCredential, readBearerToken, wrongToken } from './bearer-header.ts';
import { refusalHere } from './narrowed.ts';

/** A refused token; where we know it, its refusal belongs into the activity of its account. */
export class RefusedCaller extends BearerProblem {
  readonly attribution: Attribution | undefined;
  readonly credential: Credential | undefined;
  readonly honey: Credential | undefined;

  constructor(
    details: ConstructorParameters<typeof BearerProblem>[0],
    whose?: { attribution: Attribution | undefined } & Pick<BearerRefusal, 'credential' | 'honey'>,
  ) {
    super(details);
    this.name = 'RefusedCaller';
    this.attribution = whose?.attribution;
    this.credential = whose?.credential;
    this.honey = whose?.honey;
  }
}

export type Authenticate = ReturnType<typeof createAuthenticate>;

/**
 * Who calls the API. The order is fixed: a request that cannot be read (401 `invalid_request`), then a token
 * that is not good (401 `invalid_token`), then one that is good elsewhere (403), then a missing scope (403
 * `insufficient_scope`), and only then anything else about the call, so that nothing is said to callers who may not know
 * it.
 */
export function createAuthenticate({
  bearers,
  importedKeys,
  settings,
}: Pick<Domain, 'bearers' | 'importedKeys' | 'settings'>) {
  const { url } = settings;

  return {
    /** The caller; undefined when the request has no credential at all. Throws for one that is not good. */
    async callerOf(ctx: Context): Promise<Bearer | undefined> {
      const value = readBearerToken(ctx.req, ctx.querystring);
      if (value === undefined) return undefined;
      if (value.startsWith(SECRET_PREFIX)) {
        throw deadToken(
          'This is a client secret, not a token.',
          `Exchange it, with its client id, for an access token at ${url}/oauth/token and send that.`,
        );
      }
      if (!(isTokenForm(value) || (await importedKeys.exist()))) throw wrongToken(value);
      const found = await bearers.find(value);
      if (found.tokenId !== undefined) noteCredential(ctx, found.tokenId);
      if ('refused' in found && !isTokenForm(value) && found.refused === 'unknown') throw wrongToken(value);
      if ('refused' in found) throw deadToken(...wordsFor(found, value, url), found);
      requireAllowedHere(found, ctx);
      bearers.noteUse(found, addressOf(ctx));
      return found;
    },

    /** What a call without a credential is answered. */
    noCredential: (ctx: Context): BearerProblem => noCredential(ctx.req, ctx.querystring, url),
  };
}

function deadToken(message: string, hint: string, refusal?: BearerRefusal): RefusedCaller {
  return new RefusedCaller(
    { status: 401, code: 'invalid_token', message, hint, challengeError: 'invalid_token' },
    refusal && { ...refusal, attribution: attributionOfRefusal(refusal) },
  );
}

/** Throws 403 where the token is good, but not from there. That does not count as a use of it. */
function requireAllowedHere(caller: Bearer, ctx: Context): void {
  if (caller.narrowing === undefined) return;
  const refusal = refusalHere(caller.narrowing, { address: addressOf(ctx), origin: ctx.req.headers.origin });
  if (refusal !== undefined) throw new RefusedCaller(refusal, { attribution: attributionOf(caller) });
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

/** What is wrong with a token, and what to do. */
function wordsFor(refusal: BearerRefusal, value: string, url: string): [message: string, hint: string] {
  const when = refusal.at === undefined ? '' : ` on ${timeToTheMinute(refusal.at)}`;
  const isAccessToken = refusal.tokenKind === 'access_token';
  const makeNew = `Make a new one at ${url}/tokens.`;
  switch (refusal.refused) {
    case 'malformed':
      return [
        `The token ${damageOf(value)}.`,
        `Its check digits do not fit. Copy it again, whole; if it is gone, make a new one at ${url}/tokens.`,
      ];
    case 'expired':
      return [
        isIdle(refusal.credential)
          ? `The token ended${when}: nothing had used it for as long as its owner wants.`
          : `The token expired${when}.`,
        isAccessToken
          ? `Get a new one at ${url}/oauth/token, with the refresh token, or with client id and secret.`
          : makeNew,
      ];
    case 'revoked':
      return [
        `The token was revoked${when}.`,
        isAccessToken
          ? 'A service needs a live client secret; an app must ask its user again.'
          : `${makeNew} If you did not revoke it, its owner did.`,
      ];
    case 'paused':
      return isAccessToken
        ? [
            `The service of this token was paused${when}.`,
            `Its owner can resume it at ${url}/services, unless an admin paused it.`,
          ]
        : [
            `The token was paused${when}.`,
            `Its owner can resume it at ${url}/tokens, unless an admin paused it.`,
          ];
    case 'suspended':
      return [
        'The account that this token belongs to is suspended.',
        'Ask whoever runs this server; a new token will not help.',
      ];
    case 'unknown':
      return ['The token is not known here.', unknownHint(value, url)];
  }
}

/** Whether it ended because nothing used it. */
function isIdle(token: Credential | undefined): boolean {
  return token !== undefined && endOf(token) === idleEndOf(token);
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
