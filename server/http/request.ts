import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Context } from 'koa';
import type { Actor } from '../activity/audit.ts';

const requestIds = new WeakMap<IncomingMessage, string>();

/** The id of this request: ours, never the caller's, so that nobody can write into another's log lines. */
export function requestIdOf(ctx: Context): string {
  const known = requestIds.get(ctx.req);
  if (known !== undefined) return known;
  const id = randomUUID();
  requestIds.set(ctx.req, id);
  return id;
}

const addresses = new WeakMap<IncomingMessage, string>();

/** Notes the address once for each request; `addressOf` gives it. Called by the outermost middleware. */
export function noteAddress(ctx: Context, proxies: readonly string[]): void {
  addresses.set(ctx.req, clientAddress(ctx.req, proxies));
}

/** The client's network address, IPv4-mapped IPv6 written as IPv4. */
export function addressOf(ctx: Context): string {
  return addresses.get(ctx.req) ?? plainAddress(ctx.req.socket.remoteAddress ?? '');
}

/** Who acts when a signed-in person does something on a page, for the audit. */
export function actorOf(ctx: Context, accountId: string): Actor {
  return { kind: 'account', id: accountId, from: addressOf(ctx), requestId: requestIdOf(ctx) };
}

/**
 * Walks X-Forwarded-For from its near end for as long as the machine that added an entry is a proxy of ours.
 * What a client writes into the header itself stands at the far end and is never reached.
 */
function clientAddress(req: IncomingMessage, proxies: readonly string[]): string {
  let address = plainAddress(req.socket.remoteAddress ?? '');
  if (proxies.length === 0) return address;
  const header = req.headers['x-forwarded-for'];
  const entries = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',');
  while (entries.length > 0 && isProxy(address, proxies)) {
    const next = plainAddress((entries.pop() ?? '').trim());
    if (!ipaddr.isValid(next)) break;
    address = next;
  }
  return address;
}

function plainAddress(address: string): string {
  if (isIPv4(address) || !ipaddr.isValid(address)) return address;
  return ipaddr.process(address).toString();
}

function isProxy(address: string, proxies: readonly string[]): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return proxies.some((proxy) => {
    const [range, bits] = ipaddr.isValidCIDR(proxy)
      ? ipaddr.parseCIDR(proxy)
      : [ipaddr.parse(proxy), ipaddr.parse(proxy).kind() === 'ipv4' ? 32 : 128];
    return range.kind() === parsed.kind() && parsed.match(range, bits);
  });
}
