import type { KoaContextWithOIDC } from 'oidc-provider';
import { RETRY_SECONDS } from '../http/error-response.ts';

/** What changes with a release or a new key, which clients should not ask for with each sign-in. */
const DOCUMENT_SECONDS = 300;

/**
 * Where an answer of the engine is not what a specification asks for, or says less than it could. `appScopes` are all
 * that an app may ask for.
 */
export function amendAnswer(ctx: KoaContextWithOIDC, appScopes: readonly string[]): void {
  if (ctx.status === 503) ctx.set('Retry-After', String(RETRY_SECONDS));
  switch (ctx.oidc?.route) {
    case 'discovery':
      if (ctx.status === 200) Object.assign(ctx.body as object, { scopes_supported: appScopes });
      keepForAWhile(ctx);
      break;
    case 'jwks':
      keepForAWhile(ctx);
      break;
    // RFC 7662 section 2.2: what is no token of ours is not active, also where it looks like a JWT.
    case 'introspection':
      if (isUnsupportedToken(ctx)) answer(ctx, { active: false });
      break;
    // RFC 7009 section 2.2: it is as dead as it can be. Clients parse what they get as JSON.
    case 'revocation':
      if (ctx.status === 200 || isUnsupportedToken(ctx)) answer(ctx, {});
      break;
  }
}

function keepForAWhile(ctx: KoaContextWithOIDC): void {
  if (ctx.status === 200) ctx.set('Cache-Control', `public, max-age=${DOCUMENT_SECONDS}`);
}

function isUnsupportedToken({ body }: KoaContextWithOIDC): boolean {
  return (body as { error?: string } | undefined)?.error === 'unsupported_token_type';
}

function answer(ctx: KoaContextWithOIDC, body: object): void {
  ctx.status = 200;
  ctx.body = body;
  ctx.type = 'application/json; charset=utf-8';
}
