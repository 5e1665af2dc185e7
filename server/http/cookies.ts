import type { Context } from 'koa';

type Cookie = {
  name: string;
  value: string;
  /** 0 takes it away; without one it stays until the browser is closed. */
  maxAgeSeconds?: number;
  /** A name with `__Host-` needs it, whatever the request looks like. */
  secure?: boolean;
};

/** Writes a cookie for this site's pages alone (RFC 6265). */
export function writeCookie(ctx: Context, { name, value, maxAgeSeconds, secure = ctx.secure }: Cookie): void {
  const life = maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`;
  const overTls = secure ? '; Secure' : '';
  ctx.append('Set-Cookie', `${name}=${value}; Path=/; HttpOnly; SameSite=Lax${life}${overTls}`);
}

/** The value of a cookie, '' where the browser sent none of this name. */
export function readCookie(ctx: Context, name: string): string {
  return cookiesOf(ctx).find((cookie) => cookie.name === name)?.value ?? '';
}

/** All that the browser sent. Read by hand: the library of Koa keeps a pattern in memory for each name that it was ever asked for. */
export function cookiesOf(ctx: Context): { name: string; value: string }[] {
  return ctx
    .get('cookie')
    .split(';')
    .map((pair) => {
      const equals = pair.indexOf('=');
      return { name: pair.slice(0, Math.max(0, equals)).trim(), value: pair.slice(equals + 1).trim() };
    });
}
