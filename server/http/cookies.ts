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
