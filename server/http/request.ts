import { randomUUID } from 'node:crypto';
import type { Context } from 'koa';
import { momentOf } from '../activity/entry-ids.ts';
import type { Actor } from '../ground/actor.ts';
import { type Clock, systemClock } from '../ground/clock.ts';
import type { ClientAddress } from './client-address.ts';

/**
 * What is known of a request from its first moment on, and its credential as soon as that is known. Its log line, the
 * limits, the audit and its answer share it, at both ends of the chain of middleware, so it stands in Koa's
 * `ctx.state`; only this file reads and writes it there.
 */
type RequestNotes = {
  /**
   * Ours, never the caller's, so that nobody can write into another's log lines. Its moment leads it, by which the
   * activity finds what it stands at.
   */
  readonly id: string;
  /** Of `performance.now()`. */
  readonly startedMs: number;
  /** The client's network address, IPv4-mapped IPv6 written as IPv4. */
  readonly address: string;
  /** A `token_id`, never a token. */
  credential?: string;
  /** The command that says why privacy rules refused it. */
  explain?: string;
};

/** Begins what is known of this request. Called by the outermost middleware. */
export function beginNotes(
  ctx: Context,
  clientAddress: Pick<ClientAddress, 'of'>,
  clock: Clock = systemClock,
): RequestNotes {
  const id = `${momentOf(clock())}-${randomUUID()}`;
  const notes: RequestNotes = { id, startedMs: performance.now(), address: clientAddress.of(ctx.req) };
  (ctx.state as { notes?: RequestNotes }).notes = notes;
  return notes;
}

/** Of a request that passed by the outermost middleware. */
const OTHER_END: Pick<ClientAddress, 'of'> = { of: (req) => req.socket.remoteAddress ?? '' };

function notesOf(ctx: Context): RequestNotes {
  return (ctx.state as { notes?: RequestNotes }).notes ?? beginNotes(ctx, OTHER_END);
}

/** The id under which this request stands in the log, the activity and its answer. */
export function requestIdOf(ctx: Context): string {
  return notesOf(ctx).id;
}

/** When this request came, by `performance.now()`. */
export function startedMsOf(ctx: Context): number {
  return notesOf(ctx).startedMs;
}

/** Where this request came from, as far as the proxies that we trust say. */
export function addressOf(ctx: Context): string {
  return notesOf(ctx).address;
}

/** Which credential this request came with, for its line in the log. */
export function noteCredential(ctx: Context, tokenId: string): void {
  notesOf(ctx).credential = tokenId;
}

/** By which command whoever runs the server sees why privacy rules refused this, for its line in the log. */
export function noteExplain(ctx: Context, command: string): void {
  notesOf(ctx).explain = command;
}

/** Who acts when a signed-in person does something on a page, for the audit. */
export function actorOf(ctx: Context, accountId: string): Actor {
  return { kind: 'account', id: accountId, from: addressOf(ctx), requestId: requestIdOf(ctx) };
}
