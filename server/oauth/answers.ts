import type { KoaContextWithOIDC } from 'oidc-provider';
import { RETRY_SECONDS } from '../http/error-response.ts';
import { SEND_UTF8 } from '../http/utf8.ts';

/** What changes with a release or a new key, which clients should not ask for with each sign-in. */
const DOCUMENT_SECONDS = 300;

/**
 * Where an answer of the engine is not what a specification asks for, or says less than it could. `appScopes` are all
 * that an app may ask for.
 */
export function amendAnswer(ctx: KoaContextWithOIDC, appScopes: readonly string[]): void {
  if (ctx.status === 503) ctx.set('Retry-After', String(RETRY_SECONDS));
  if (ctx.status >= 400 && ctx.status < 500) sayNotUtf8(ctx);
  // RFC 6749 section 5.2, also where the header said no more than the client_id, see overrides.ts.
  if (
    ctx.status === 401 &&
    'authorization' in ctx.req.headersDistinct &&
    !ctx.response.get('WWW-Authenticate')
  ) {
    ctx.set('WWW-Authenticate', `Basic realm="${ctx.oidc.issuer}"`);
  }
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

/**
 * The engine reads its own forms, and has U+FFFD for bytes that are no UTF-8: then what it found wrong is a consequence.
 */
function sayNotUtf8(ctx: KoaContextWithOIDC): void {
  const sent = Object.entries((ctx.oidc?.body ?? {}) as Record<string, unknown>);
  const name = sent.find(([, value]) => typeof value === 'string' && value.includes('\ufffd'))?.[0];
  if (name === undefined || (ctx.body as { error?: string } | undefined)?.error === undefined) return;
  // Only names that specifications have are said back.
  const field = /^[a-z_]{1,60}$/.test(name) ? `The field ${name}` : 'A field';
  ctx.status = 400;
  ctx.body = { error: 'invalid_request', error_description: `${field} is not valid UTF-8. ${SEND_UTF8}` };
}

function isUnsupportedToken({ body }: KoaContextWithOIDC): boolean {
  return (body as { error?: string } | undefined)?.error === 'unsupported_token_type';
}

function answer(ctx: KoaContextWithOIDC, body: object): void {
  ctx.status = 200;
  ctx.body = body;
  ctx.type = 'application/json; charset=utf-8';
}
