import type { Context, Next } from 'koa';

/**
 * Everything that a page loads is ours. No `form-action`: browsers apply it to the whole redirect chain
 * behind a form, which ends at the app's own address after sign-in and consent.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Headers that hold for every answer of the server (OWASP secure headers). */
export function securityHeaders(production: boolean) {
  return (ctx: Context, next: Next): Promise<void> => {
    ctx.set('X-Content-Type-Options', 'nosniff');
    ctx.set('X-Frame-Options', 'DENY');
    if (production) ctx.set('Strict-Transport-Security', 'max-age=31536000');
    return next();
  };
}

/** For a group of routes whose answers a browser may show. */
export function pageHeaders(ctx: Context, next: Next): Promise<void> {
  setPageHeaders(ctx);
  return next();
}

export function setPageHeaders(ctx: Context): void {
  // Not no-referrer: browsers then send `Origin: null` with our own forms, and same-origin.ts would refuse
  // them.
  ctx.set('Referrer-Policy', 'same-origin');
  ctx.set('Cross-Origin-Opener-Policy', 'same-origin');
  // The engine's own pages have one script each, whose hash it adds.
  ctx.set('Content-Security-Policy', CONTENT_SECURITY_POLICY);
}
