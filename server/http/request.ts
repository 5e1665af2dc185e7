import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import ipaddr from 'ipaddr.js';
import type { Context } from 'koa';
import type { Actor } from '../ground/actor.ts';

/**
 * What is known of a request from its first moment on, and its credential as soon as that is known. Its log line, the
 * limits, the audit and its answer share it, at both ends of the chain of middleware, so it stands in Koa's
 * `ctx.state`; only this file reads and writes it there.
 */
type RequestNotes = {
  /** Ours, never the caller's, so that nobody can write into another's log lines. */
  readonly id: string;
  /** The client's network address, IPv4-mapped IPv6 written as IPv4. */
  readonly address: string;
  /** A `token_id`, never a token. */
  credential?: string;
};

/** Begins what is known of this request. Called by the outermost middleware. */
export function beginNotes(ctx: Context, proxies: readonly string[]): RequestNotes {
  const notes: RequestNotes = { id: randomUUID(), address: clientAddress(ctx.req, proxies) };
  (ctx.state as { notes?: RequestNotes }).notes = notes;
  return notes;
}

function notesOf(ctx: Context): RequestNotes {
  return (ctx.state as { notes?: RequestNotes }).notes ?? beginNotes(ctx, []);
}

/** The id under which this request stands in the log, the activity and its answer. */
export function requestIdOf(ctx: Context): string {
  return notesOf(ctx).id;
}

/** Where this request came from, as far as the proxies that we trust say. */
export function addressOf(ctx: Context): string {
  return notesOf(ctx).address;
}

/** Which credential this request came with, for its line in the log. */
export function noteCredential(ctx: Context, tokenId: string): void {
  notesOf(ctx).credential = tokenId;
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
  // No IPv6 at all, the usual case.
  if (!address.includes(':') || !ipaddr.isValid(address)) return address;
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
