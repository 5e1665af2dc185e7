import type { Context } from 'koa';
import { VIEWER_FIELD } from '../../views/kit/form-pages.ts';
import type { Account } from '../accounts/account.ts';
import type { Accounts } from '../accounts/accounts.ts';
import { type Clock, isWithin } from '../ground/clock.ts';
import { Problem, SignInNeeded } from '../ground/errors.ts';
import { FRESH_SIGN_IN_SECONDS } from '../ground/limits.ts';
import type { Form } from '../http/body.ts';
import type { Sessions, SignedInSession } from '../oauth/browser-sessions.ts';
import type { PortalSessions } from './portal-session.ts';

export type SignedIn = ReturnType<typeof createSignedIn>;

/** Who sits in front of this browser. Asked by every page, so that none relies on another having asked. */
export function createSignedIn(parts: {
  sessions: Pick<Sessions, 'read'>;
  accounts: Pick<Accounts, 'getActive'>;
  portalSessions: Pick<PortalSessions, 'viewer' | 'isOver'>;
  clock: Clock;
}) {
  const { sessions, accounts, portalSessions, clock } = parts;

  /** Undefined when nobody is signed in, and for a session of an account that is suspended or gone. */
  async function find(ctx: Context): Promise<{ account: Account; session: SignedInSession } | undefined> {
    // Whoever came by a link came for this page, whoever else is signed in.
    const visitor = await portalSessions.viewer(ctx);
    if (visitor !== undefined) return { account: visitor, session: visit(visitor.id, clock()) };
    const session = await sessions.read(ctx);
    if (session === undefined) return undefined;
    const account = await accounts.getActive(session.accountId);
    return account === undefined ? undefined : { account, session };
  }

  async function account(ctx: Context, returnTo = pageOf(ctx)) {
    const found = await find(ctx);
    if (found !== undefined) return found;
    // An app sent them, and most of them have nothing to sign in with here.
    if (await portalSessions.isOver(ctx)) throw new SignInNeeded('/portal/over');
    throw signInNeeded({ return_to: returnTo });
  }

  return {
    find,

    /** Throws SignInNeeded, which comes back to `returnTo` (a path; default: the page asked for) afterwards. */
    account,

    /** The same, and the person proved who they are within the last five minutes. */
    async fresh(ctx: Context, returnTo = pageOf(ctx)) {
      const found = await account(ctx, returnTo);
      if (!isFresh(found.session, clock())) throw signInNeeded({ fresh: '1', return_to: returnTo });
      return found;
    },
  };
}

/**
 * Throws Problem 409 for a form that another account was shown: somebody else signed in in another tab since, and what
 * was meant for one account would be done to the other.
 */
export function requireViewer({ email }: Account, sent: Form): void {
  const viewer = sent.one(VIEWER_FIELD);
  if (viewer === '' || viewer === email) return;
  throw new Problem({
    status: 409,
    code: 'OTHER_VIEWER',
    message: `This form was opened by another account, and by now you are signed in as ${email}. Nothing was done.`,
    hint: 'Open the form again to do it as this account, or sign out and sign in as the other one.',
  });
}

/** A portal session, which is as good as fresh for all that its pages do: the app has just vouched for who it is. */
function visit(accountId: string, now: number): SignedInSession {
  return { uid: '', accountId, signedInAt: now, amr: [], isProof: true };
}

/** Whether somebody proved who they are lately enough for what is sensitive. `now` in epoch seconds. */
export function isFresh(session: SignedInSession, now: number): boolean {
  return isWithin(FRESH_SIGN_IN_SECONDS, session.signedInAt, now);
}

function signInNeeded(query: Record<string, string>): SignInNeeded {
  return new SignInNeeded(`/sign-in?${new URLSearchParams(query)}`);
}

/** What was posted is gone after a redirect, so a post comes back to the page of the same path. */
function pageOf(ctx: Context): string {
  return ctx.method === 'GET' ? `${ctx.path}${ctx.search}` : ctx.path;
}
