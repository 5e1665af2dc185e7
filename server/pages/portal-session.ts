import type { Context } from 'koa';
import type { Viewer } from '../../views/layout.ts';
import { isBegunBy, type PortalLinks, type PortalPage, reaches } from '../access/portal-links.ts';
import type { Account } from '../accounts/account.ts';
import { PORTAL_OVER_SECONDS, PORTAL_SESSION_SECONDS } from '../ground/limits.ts';
import type { Settings } from '../ground/settings.ts';
import { readCookie, writeCookie } from '../http/cookies.ts';

/** As it is written: 32 random bytes, base64url. */
const COOKIE_VALUE = /^[\w-]{43}$/;

/** The account of a portal session, with what its pages show beside it. */
export type PortalViewer = Account & { portal: NonNullable<Viewer['portal']> };

export type PortalSessions = ReturnType<typeof createPortalSessions>;

/**
 * The browser's side of a portal session: a cookie of its own beside that of the sign-in, so that the engine, which signs
 * people in to apps, knows nothing of it. It reaches the pages of its own kind, and on no other page anybody is signed in
 * by it.
 */
export function createPortalSessions(parts: {
  portalLinks: Pick<PortalLinks, 'session' | 'end'>;
  settings: Pick<Settings, 'production'>;
}) {
  const { portalLinks, settings } = parts;
  const name = `${settings.production ? '__Host-' : ''}latchkey_portal`;
  const write = (ctx: Context, value: string, maxAgeSeconds: number) =>
    writeCookie(ctx, { name, value, maxAgeSeconds, secure: settings.production });

  async function find(ctx: Context) {
    const value = readCookie(ctx, name);
    return COOKIE_VALUE.test(value) ? portalLinks.session(value) : undefined;
  }

  return {
    /** Who looks at this page by a portal session, where it reaches it. */
    async viewer(ctx: Context): Promise<PortalViewer | undefined> {
      const found = await find(ctx);
      if (found?.account === undefined || !reaches(found.session.page, ctx.path)) return undefined;
      return { ...found.account, portal: { section: sectionOf(found.session.page) } };
    },

    /** Whether a portal session that is over reached this page. */
    async isOver(ctx: Context): Promise<boolean> {
      const found = await find(ctx);
      return found !== undefined && found.account === undefined && reaches(found.session.page, ctx.path);
    },

    /** Where a session leads back to, also one that is over. */
    returnUrl: async (ctx: Context): Promise<string | undefined> => (await find(ctx))?.session.returnUrl,

    /** The page of this browser's session, where this link began it: by a second click, or the way back in the browser. */
    async pathBegunBy(ctx: Context, token: string): Promise<string | undefined> {
      const found = await find(ctx);
      if (found?.account === undefined || !isBegunBy(found.session, token)) return undefined;
      return sectionOf(found.session.page);
    },

    /** Begins one in this browser. */
    start: (ctx: Context, value: string): void =>
      write(ctx, value, PORTAL_SESSION_SECONDS + PORTAL_OVER_SECONDS),

    /** Ends the one of this browser; answers where it leads back to, if there was one. */
    async end(ctx: Context): Promise<string | undefined> {
      const value = readCookie(ctx, name);
      if (value === '') return undefined;
      const found = await find(ctx);
      write(ctx, '', 0);
      if (found !== undefined) await portalLinks.end(value);
      return found?.session.returnUrl;
    },
  };
}

function sectionOf(page: PortalPage): string {
  const [section = ''] = page.split('/');
  return `/${section}`;
}
