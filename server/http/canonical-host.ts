import type { Context, Next } from 'koa';
import { Problem } from '../ground/errors.ts';
import { isLoopbackHost } from '../ground/loopback.ts';
import type { ClientAddress } from './client-address.ts';

/** Headers that name a host beside `Host`. */
const OTHER_NAMES = ['x-forwarded-host', ':authority'];

/**
 * Every URL that we write is built from the configured public URL, never from what a caller claims (Koa's
 * ctx.host and the engine's URLs follow the Host header): the header is set to what it should be before
 * anything reads it.
 */
export function canonicalHost(url: string) {
  const { host, protocol } = new URL(url);
  return (ctx: Context, next: Next): Promise<void> => {
    const { headers } = ctx.req;
    headers.host = host;
    headers['x-forwarded-proto'] = protocol.slice(0, -1);
    for (const name of OTHER_NAMES) if (headers[name] !== undefined) delete headers[name];
    return next();
  };
}

/**
 * Pages answer under the name of the public URL alone, because cookies belong to a name: another one is 421 (RFC 9110
 * section 15.5.20). On a developer's machine, pages asked for under another name of it are sent to the configured one.
 */
export function ownNameOnly(url: string, clientAddress: Pick<ClientAddress, 'isProxy'>) {
  const { host: own, hostname } = new URL(url);
  return (ctx: Context, next: Next): Promise<void> | undefined => {
    // RFC 9112 section 3.2: one at most.
    const asked = ctx.req.headersDistinct.host?.length === 1 ? nameIn(ctx, 'host', url) : '';
    if (asked === own || isForwarded(ctx)) return next();
    const isLoopback = [hostname, asked.replace(/:\d+$/, '')].every(isLoopbackHost);
    if (!isLoopback) throw misdirected(url);
    if (!isPageView(ctx)) return next();
    ctx.status = 307;
    ctx.redirect(`${url}${ctx.originalUrl}`);
    return undefined;
  };

  /** Apache, for one, says there what it was asked for and puts its own idea into `Host`. */
  function isForwarded(ctx: Context): boolean {
    return nameIn(ctx, 'x-forwarded-host', url) === own && clientAddress.isProxy(ctx.req);
  }
}

/** As it came: canonicalHost has put our own name there since. The nearest proxy's is the last. */
function nameIn(ctx: Context, header: string, url: string): string {
  const last = ctx.req.headersDistinct[header]?.at(-1)?.split(',').at(-1)?.trim().toLowerCase() ?? '';
  return last.replace(url.startsWith('https:') ? /:443$/ : /:80$/, '');
}

function misdirected(url: string): Problem {
  return new Problem({
    status: 421,
    code: 'INVALID_REQUEST',
    message: 'This server has another name.',
    hint: `Open ${url}, or set LATCHKEY_URL; a reverse proxy must pass on the Host that it was asked for.`,
    headers: { Connection: 'close' },
  });
}

function isPageView(ctx: Context): boolean {
  return ctx.method === 'GET' && ctx.get('sec-fetch-mode') === 'navigate';
}
