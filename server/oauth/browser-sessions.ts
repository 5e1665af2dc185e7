import type { Context } from 'koa';
import type { Collection } from '../../adapters/port.ts';
import type { Artifact } from '../access/artifact.ts';
import { sessionRowId } from '../access/session-list.ts';
import type { Account } from '../accounts/account.ts';
import type { Clock } from '../ground/clock.ts';
import { SESSION_SECONDS } from '../ground/limits.ts';
import { MINUTE_SECONDS } from '../ground/time.ts';
import type { Engine } from './engine.ts';

/** A session in which somebody is signed in. */
export type SignedInSession = {
  uid: string;
  accountId: string;
  /** When the person last proved who they are, epoch seconds. */
  signedInAt: number;
  /** How (RFC 8176): `pwd`, `fed`. */
  amr: string[];
};

export type Sessions = ReturnType<typeof createSessions>;

/** "Last seen" is written this often at most: a finer one would be a write for every page. */
const SEEN_SECONDS = 5 * MINUTE_SECONDS;

/**
 * What our pages do with the session of the browser in front of them: read it, sign in, sign out. It is the engine's
 * own session, so the authorization endpoint sees the same one; session-storage.ts says how it is stored.
 */
export function createSessions(parts: { engine: Engine; artifacts: Collection<Artifact>; clock: Clock }) {
  const { engine, artifacts, clock } = parts;

  function setCookie(ctx: Context, value: string, expiresAt: number): void {
    const cookies = engineCookies(ctx, engine);
    cookies.set(engine.cookieName('session'), value === '' ? null : value, {
      signed: true,
      httpOnly: true,
      sameSite: 'lax',
      path: '/',
      overwrite: true,
      expires: new Date(expiresAt * 1000),
    });
  }

  return {
    /** The session of this browser, when somebody is signed in. */
    async read(ctx: Context): Promise<SignedInSession | undefined> {
      const session = await engine.Session.get(ctx);
      if (session.accountId === undefined || session.loginTs === undefined) return undefined;
      noteSeen(artifacts, session.uid, clock()).catch(() => undefined);
      return {
        uid: session.uid,
        accountId: session.accountId,
        signedInAt: session.loginTs,
        amr: session.amr ?? [],
      };
    },

    /**
     * Signs this browser in. It always gets a new session id, so one that was planted before is worth
     * nothing; what a session of somebody else had been granted does not pass on. `account`: the row as it was
     * when the person proved who they are; if it changed its password since, the session is dead from the
     * start. `signedInAt`: when that was, if not now.
     */
    async start(
      ctx: Context,
      details: { account: Account; amr: string[]; signedInAt?: number | undefined },
    ): Promise<void> {
      const { account, amr, signedInAt = clock() } = details;
      const former = await engine.Session.get(ctx);
      const sameAccount = former.accountId === account.id;
      if (former.accountId !== undefined && !sameAccount) await former.destroy();
      const session = sameAccount ? former : new engine.Session();
      if (sameAccount) session.resetIdentifier();
      session.loginAccount({ accountId: account.id, amr, loginTs: signedInAt });
      Object.assign(session, { securityVersion: account.securityVersion ?? 0 });
      await session.save(SESSION_SECONDS);
      setCookie(ctx, session.jti, clock() + SESSION_SECONDS);
    },

    /** Signs this browser out. Apps that were let in keep their own access: that ends on /apps. */
    async end(ctx: Context): Promise<void> {
      const session = await engine.Session.get(ctx);
      // By its uid: a request under way may just have given it another bearer value.
      await artifacts.update(sessionRowId(session.uid), { set: { revokedAt: clock() } }, [
        ['revokedAt', 'absent'],
      ]);
      setCookie(ctx, '', 0);
    },
  };
}

/** The cookie jar with the engine's keys and its view of the connection. */
function engineCookies(ctx: Context, engine: Engine): Context['cookies'] {
  return engine.createContext(ctx.req, ctx.res).cookies;
}

async function noteSeen(artifacts: Collection<Artifact>, uid: string, now: number): Promise<void> {
  const due = [['lastUsedAt', '<', now - SEEN_SECONDS]] as const;
  await artifacts.update(sessionRowId(uid), { set: { lastUsedAt: now } }, due);
}
