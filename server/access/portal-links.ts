import { z } from 'zod';
import { type Collection, declare } from '../../adapters/port.ts';
import { type Account, requireActive } from '../accounts/account.ts';
import { type Accounts, auditOf } from '../accounts/accounts.ts';
import { linkDead } from '../accounts/mailed-links.ts';
import { type Client, isLiveClient } from '../credentials/client.ts';
import { nameFrom } from '../credentials/names.ts';
import { coversAsAdmin, PORTAL_LINKS, type Scopes, scopesFrom } from '../credentials/scopes.ts';
import { type Effects, pendingEffects } from '../effects/effects.ts';
import type { Actor } from '../ground/actor.ts';
import { type Clock, isWithin } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import { PORTAL_LINK_SECONDS, PORTAL_OVER_SECONDS, PORTAL_SESSION_SECONDS } from '../ground/limits.ts';
import { hashOf, newLinkToken, newWrittenLinkToken } from '../ground/opaque.ts';
import type { Settings } from '../ground/settings.ts';
import type { VouchedAccounts, WantedPerson } from './vouched-accounts.ts';

/** Where a portal link begins; each reaches the pages of its own kind only. */
export const PORTAL_PAGES = ['tokens', 'tokens/new', 'services', 'apps', 'activity'] as const;
export type PortalPage = (typeof PORTAL_PAGES)[number];

/** A link by which an app sends one of its users to their pages here, signed in. Good once, and for minutes. */
const portalLinkSchema = z.strictObject({
  /** SHA-256 of its token, base64url. */
  id: z.string(),
  accountId: z.string(),
  page: z.enum(PORTAL_PAGES),
  /** What the form of a new token is filled in with. */
  prefill: z.strictObject({ name: z.string(), scopes: z.array(z.string()) }).optional(),
  returnUrl: z.string(),
  /** The service that made it: the link opens nothing once that may send nobody any more. */
  madeBy: z.string(),
  /** The account's when it was made: what ends its sessions ends the link. */
  securityVersion: z.number(),
  expiresAt: z.number(),
  usedAt: z.number().optional(),
  /** SHA-256 of the id of the form that used it up: a double click on it is one use. */
  usedBy: z.string().optional(),
  ...pendingEffects,
});
type PortalLink = z.infer<typeof portalLinkSchema>;

export const portalLinkDeclaration = declare<PortalLink>({
  name: 'portal_links',
  schema: portalLinkSchema,
  indexes: [['expiresAt'], ['pendingAt']],
  expires: { expiresAt: 0 },
});

/** Who came by such a link: a session of its own, which the engine does not know, so that no app signs anybody in by it. */
const portalSessionSchema = z.strictObject({
  /** SHA-256 of the cookie's value, base64url. */
  id: z.string(),
  /** Of the link that began it. */
  linkId: z.string().optional(),
  accountId: z.string(),
  page: z.enum(PORTAL_PAGES),
  returnUrl: z.string(),
  /** As in the link: what would have ended that ends the session. */
  madeBy: z.string(),
  securityVersion: z.number(),
  startedAt: z.number(),
  expiresAt: z.number(),
});
export type PortalSession = z.infer<typeof portalSessionSchema>;

export const portalSessionDeclaration = declare<PortalSession>({
  name: 'portal_sessions',
  schema: portalSessionSchema,
  indexes: [['accountId'], ['expiresAt']],
  expires: { expiresAt: PORTAL_OVER_SECONDS },
});

/** Longer than the answer to the first click takes. */
const SECOND_CLICK_SECONDS = 30;

/** More than anybody opens within the hour that they last. */
const SESSIONS_LISTED_MAX = 100;

/** Whom a link is for, where it begins and where it leads back to. */
export type WantedPortalLink = WantedPerson & {
  page: PortalPage;
  prefill?: { name: string; scopes: readonly string[] } | undefined;
  returnUrl: string;
};

type Parts = {
  portalLinks: Collection<PortalLink>;
  portalSessions: Collection<PortalSession>;
  accounts: Pick<Accounts, 'get' | 'getActive'>;
  clients: Pick<Collection<Client>, 'get'>;
  vouchedAccounts: Pick<VouchedAccounts, 'findOrMake' | 'mayVouch'>;
  scopes: Pick<Scopes, 'forTokens'>;
  effects: Effects;
  clock: Clock;
  settings: Pick<Settings, 'url' | 'portalReturnUrls'>;
};

export type PortalLinks = ReturnType<typeof createPortalLinks>;

/**
 * For an app whose users sign in elsewhere: it sends them from its back end straight to their own pages here. It vouches
 * for them, so it may do so only for accounts that it brought, or that let it in themselves.
 */
export function createPortalLinks(parts: Parts) {
  const { portalLinks, portalSessions, effects, clock, settings } = parts;

  return {
    /**
     * Makes a link; the account too where there is none. `ownerId` is the account that the calling service belongs to.
     * Throws Problem.
     */
    async create(wanted: WantedPortalLink, actor: Actor, ownerId: string) {
      requireRegistered(settings.portalReturnUrls, wanted.returnUrl);
      const prefill = prefillFrom(parts, wanted);
      const account = await parts.vouchedAccounts.findOrMake(wanted, actor, ownerId);
      const { token, hash } = newWrittenLinkToken();
      const { page, returnUrl } = wanted;
      const expiresAt = clock() + PORTAL_LINK_SECONDS;
      await portalLinks.insert({
        id: hash,
        accountId: account.id,
        page,
        prefill,
        returnUrl,
        madeBy: actor.id ?? '',
        securityVersion: account.securityVersion ?? 0,
        expiresAt,
      });
      return { url: `${settings.url}/portal?token=${token}`, expiresAt, account };
    },

    /** The link behind an address, for the page that asks to go on; it stays good. Throws Problem 400 and 403. */
    find: (token: string) => find(parts, token, ''),

    /**
     * Uses the link up, and begins the session: the value of its cookie, and the path to go on to. Of two who are as quick
     * one wins, and both where they sent one form: a browser that sends it twice throws the first answer away. Throws
     * Problem 400 and 403.
     */
    async open(
      { token, formId }: { token: string; formId: string },
      from: { from: string; requestId: string },
    ) {
      const { link, account } = await find(parts, token, formId);
      const actor: Actor = { kind: 'client', id: link.madeBy, ...from };
      const caused = auditOf(account, 'portal.opened', actor);
      const now = clock();
      const used = await effects.update(
        portalLinks,
        link.id,
        { set: { usedAt: now, usedBy: hashOf(formId) } },
        [['usedAt', 'absent']],
        caused,
      );
      if (used === undefined) await find(parts, token, formId);
      const { token: value, hash } = newLinkToken();
      const { accountId, page, returnUrl, madeBy, securityVersion } = link;
      const expiresAt = now + PORTAL_SESSION_SECONDS;
      await portalSessions.insert({
        id: hash,
        linkId: link.id,
        accountId,
        page,
        returnUrl,
        madeBy,
        securityVersion,
        startedAt: now,
        expiresAt,
      });
      return { value, path: pathOf(link) };
    },

    /** The session of this cookie, with its account as long as it is good. */
    async session(
      value: string,
    ): Promise<{ session: PortalSession; account: Account | undefined } | undefined> {
      const session = await portalSessions.get(hashOf(value));
      return session && { session, account: await accountOf(parts, session) };
    },

    /** Those of an account that are good. */
    sessionsOf: (accountId: string): Promise<PortalSession[]> => sessionsOf(parts, accountId),

    /** Ends it. */
    async end(value: string): Promise<void> {
      await portalSessions.remove(hashOf(value));
    },
  };
}

/** Whether this link began this session. */
export function isBegunBy({ linkId }: PortalSession, token: string): boolean {
  return linkId === hashOf(token);
}

/** Whether a session that began at this page reaches a path. */
export function reaches(page: PortalPage, path: string): boolean {
  const [top] = page.split('/');
  return (
    path === `/${top}` || path.startsWith(`/${top}/`) || (page === 'activity' && path === '/activity.csv')
  );
}

async function find(
  parts: Parts,
  token: string,
  formId: string,
): Promise<{ link: PortalLink; account: Account }> {
  const link = await parts.portalLinks.get(hashOf(token));
  const isOpen =
    link !== undefined && link.expiresAt > parts.clock() && !isUsedUp(link, formId, parts.clock());
  const account = isOpen ? await parts.accounts.get(link.accountId) : undefined;
  if (!isOpen || account === undefined) throw dead(token);
  requireActive(account);
  if (!(await stands(parts, link, account))) throw dead(token);
  return { link, account };
}

async function sessionsOf(parts: Parts, accountId: string): Promise<PortalSession[]> {
  const where = [
    ['accountId', '=', accountId],
    ['expiresAt', '>', parts.clock()],
  ] as const;
  const rows = await parts.portalSessions.list({ where, limit: SESSIONS_LISTED_MAX });
  const accounts = await Promise.all(rows.map((row) => accountOf(parts, row)));
  return rows.filter((_, index) => accounts[index] !== undefined);
}

/** A form has an id that no other page has, so whoever sends it again looks at the page of who sent it first. */
function isUsedUp({ usedAt, usedBy }: PortalLink, formId: string, now: number): boolean {
  if (usedAt === undefined) return false;
  return formId === '' || usedBy !== hashOf(formId) || !isWithin(SECOND_CLICK_SECONDS, usedAt, now);
}

/** The account that a session opens pages of; undefined once it opens none. */
async function accountOf(parts: Parts, session: PortalSession): Promise<Account | undefined> {
  if (session.expiresAt <= parts.clock()) return undefined;
  const account = await parts.accounts.getActive(session.accountId);
  return account !== undefined && (await stands(parts, session, account)) ? account : undefined;
}

/**
 * Whether the account is as the link found it, and the service that made the link may still send its owner here: it is
 * neither revoked nor paused, has its scope, and its word is enough.
 */
async function stands(
  { clients, accounts, vouchedAccounts }: Parts,
  { madeBy, securityVersion }: Pick<PortalLink, 'madeBy' | 'securityVersion'>,
  account: Account,
): Promise<boolean> {
  if ((account.securityVersion ?? 0) !== securityVersion) return false;
  const service = await clients.get(madeBy);
  if (!isLiveClient(service) || service.pausedAt !== undefined) return false;
  if (!coversAsAdmin(service.scopes, PORTAL_LINKS)) return false;
  if ((await accounts.getActive(service.accountId)) === undefined) return false;
  return vouchedAccounts.mayVouch(account, service.accountId);
}

function dead(token: string): Problem {
  return linkDead('Go back to the app that sent you here, and open the page from there again.', token);
}

function pathOf({ page, prefill }: PortalLink): string {
  if (page !== 'tokens/new' || prefill === undefined) return `/${page}`;
  const query = new URLSearchParams({ name: prefill.name });
  for (const scope of prefill.scopes) query.append('scopes', scope);
  return `/${page}?${query}`;
}

/** Compared whole, as redirect URIs are (RFC 9700 section 2.1): what is near an address may be somebody else's. */
function requireRegistered(registered: readonly string[], returnUrl: string): void {
  if (registered.includes(returnUrl)) return;
  throw new Problem({
    status: 400,
    code: 'INVALID_RETURN_URL',
    message: 'This return_url is not registered.',
    hint:
      registered.length === 0
        ? 'None is: set portalReturnUrls in settings.ts, or LATCHKEY_PORTAL_RETURN_URLS.'
        : 'Send one of those in the setting portalReturnUrls, letter by letter.',
    parameter: 'return_url',
  });
}

function prefillFrom({ scopes }: Parts, { page, prefill }: WantedPortalLink): PortalLink['prefill'] {
  if (prefill === undefined) return undefined;
  if (page !== 'tokens/new') {
    throw new Problem({
      status: 400,
      code: 'INVALID_DATA',
      message: 'Only the page tokens/new has a form to fill in.',
      hint: 'Leave out name and scopes, or send "page": "tokens/new".',
      parameter: 'page',
    });
  }
  const name = prefill.name === '' ? '' : nameFrom(prefill.name);
  return { name, scopes: scopesFrom(prefill.scopes, scopes.forTokens) };
}
