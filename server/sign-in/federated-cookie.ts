import type { Context } from 'koa';
import { WAIT_SECONDS } from '../accounts/authorization-requests.ts';
import { hashOf } from '../ground/opaque.ts';
import { cookiesOf, readCookie, writeCookie } from '../http/cookies.ts';

export type FederatedCookie = ReturnType<typeof createFederatedCookie>;

/** More tabs at once than anybody signs in with; the oldest is given up, so that requests stay small. */
const TABS_MAX = 12;

/** What may be written into a header again. */
const TAB = /^[\w-]{1,80}$/;

/**
 * The cookies that tie a browser to its authorization requests, or to its links that wait for a password. Each tab has
 * one of its own, told apart by a `tag` that its address or its form carries; the one without a tag is the newest.
 */
export function createFederatedCookie({ production: secure }: { production: boolean }) {
  const base = `${secure ? '__Host-' : ''}latchkey_federated`;

  const nameOf = (tag: string) => (tag === '' ? base : `${base}_${tag}`);

  return {
    /** The browser's token, '' where it has none. */
    read: (ctx: Context, tag = ''): string => readCookie(ctx, nameOf(tag)),

    set(ctx: Context, token: string, tag = ''): void {
      // Browsers send the oldest first (RFC 6265 section 5.4).
      const tabs = cookiesOf(ctx).filter(({ name }) => TAB.test(name) && name.startsWith(`${base}_`));
      const given = tag === '' ? [] : tabs.slice(0, Math.max(0, tabs.length - TABS_MAX + 1));
      for (const { name } of given) writeCookie(ctx, { name, value: '', maxAgeSeconds: 0, secure });
      writeCookie(ctx, { name: nameOf(tag), value: token, maxAgeSeconds: WAIT_SECONDS, secure });
    },

    clear: (ctx: Context, tag = ''): void =>
      writeCookie(ctx, { name: nameOf(tag), value: '', maxAgeSeconds: 0, secure }),
  };
}

/** What tells the cookie of one tab from those of others; says nothing of what it is made of. */
export function tagOf(value: string): string {
  return value === '' ? '' : hashOf(`tab ${value}`).slice(0, 12);
}
