import type { Context } from 'koa';
import Provider, { type Adapter, type AdapterPayload } from 'oidc-provider';
import { type Collection, Taken } from '../../adapters/port.ts';
import type { Artifact } from '../access/artifact.ts';
import { sessionRowId } from '../access/session-list.ts';
import { boundedUserAgent } from '../access/user-agent.ts';
import type { Account } from '../accounts/account.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { Clock } from '../ground/clock.ts';
import { SESSION_SECONDS } from '../ground/limits.ts';
import { hashOf } from '../ground/opaque.ts';
import { MINUTE_SECONDS } from '../ground/time.ts';
import { addressOf } from '../http/request.ts';
import type { NoteDevice } from './device-cookie.ts';

type SessionRows = { artifacts: Collection<Artifact>; clock: Clock };

/** What the storage of sessions stands on. */
export type SessionParts = SessionRows & { accounts: Pick<Accounts, 'getActive'> };

/** A session in which somebody is signed in. */
export type SignedInSession = {
  uid: string;
  accountId: string;
  /** When the person last proved who they are, epoch seconds. */
  signedInAt: number;
  /** How (RFC 8176): `pwd`, `fed`. */
  amr: string[];
  /** Whether they were asked for proof: out of a session at an identity provider people come back without. */
  isProof: boolean;
};

/** The claim `acr` (OpenID Connect Core section 2): who vouched, this server itself or an identity provider. */
export const ACR_VALUES = ['pwd', 'fed'] as const;

/** What apps are told of a sign-in that was proved in these ways (RFC 8176). */
export function acrOf(amr: readonly string[]): (typeof ACR_VALUES)[number] {
  return amr.includes('fed') ? 'fed' : 'pwd';
}

/** Somebody who proved who they are. */
export type Login = {
  /** The row as it was then; if it changed its password since, the session is dead from the start. */
  account: Account;
  amr: string[];
  /** When that was, if not now. */
  signedInAt?: number | undefined;
  /** False where nobody asked them for proof, see SignedInSession. */
  isProof?: boolean;
  /** It happened and was noted before, and only goes on here. */
  isCarried?: boolean;
};

export type Sessions = ReturnType<typeof createSessions>;

/** "Last seen" is written this often at most: a finer one would be a write for every page. */
const SEEN_SECONDS = 5 * MINUTE_SECONDS;

/**
 * What our pages do with the session of the browser in front of them: read it, sign in, sign out. It is the engine's
 * own session, so the authorization endpoint sees the same one.
 */
export function createSessions(parts: SessionRows & { engine: Provider; noteDevice: NoteDevice }) {
  const { engine, artifacts, clock, noteDevice } = parts;

  function setCookie(ctx: Context, value: string, expiresAt: number): void {
    // The jar with the engine's keys and its view of the connection.
    const { cookies } = engine.createContext(ctx.req, ctx.res);
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
      const { uid, accountId, loginTs: signedInAt, amr = [] } = session;
      const isProof = isProofOf(session);
      const now = clock();
      const due = [['lastUsedAt', '<', now - SEEN_SECONDS]] as const;
      artifacts
        .update(sessionRowId(uid), { set: { lastUsedAt: now, seenFrom: addressOf(ctx) } }, due)
        .catch(() => undefined);
      return { uid, accountId, signedInAt, amr, isProof };
    },

    /**
     * Signs this browser in. It always gets a new session id, so one that was planted before is worth
     * nothing; what a session of somebody else had been granted does not pass on.
     */
    async start(ctx: Context, login: Login): Promise<void> {
      const { account, amr, signedInAt = clock(), isProof = true } = login;
      if (login.isCarried !== true) await noteDevice(ctx, { account, amr });
      const former = await engine.Session.get(ctx);
      const sameAccount = former.accountId === account.id;
      if (former.accountId !== undefined && !sameAccount) await former.destroy();
      const session = sameAccount ? former : new engine.Session();
      if (sameAccount) session.resetIdentifier();
      session.loginAccount({ accountId: account.id, acr: acrOf(amr), amr, loginTs: signedInAt });
      const unprovedAt = isProof ? undefined : signedInAt;
      Object.assign(session, {
        securityVersion: account.securityVersion ?? 0,
        unprovedAt,
        ...browserIn(ctx),
      });
      await session.save(SESSION_SECONDS);
      setCookie(ctx, session.jti, clock() + SESSION_SECONDS);
    },

    /** Signs this browser out. Apps that were let in keep their own access: that ends on /apps. */
    async end(ctx: Context): Promise<void> {
      const session = await engine.Session.get(ctx);
      // By its uid: a request under way may just have given it another bearer value.
      await endSession(parts, session.uid);
      setCookie(ctx, '', 0);
    },
  };
}

/** As the engine saves it, with what saveMoreWithSessions of overrides.ts adds. */
type SessionPayload = AdapterPayload & { securityVersion?: number; userAgent?: string; seenFrom?: string };

/** By `unprovedAt`, the moment of a sign-in for which nobody was asked for proof: a later one is another. */
export function isProofOf(session: object): boolean {
  const { loginTs, unprovedAt } = session as { loginTs?: number; unprovedAt?: number };
  return loginTs !== unprovedAt;
}

/** By what its owner tells this browser from others. */
function browserIn(ctx: Context): { userAgent: string; seenFrom: string } {
  return { userAgent: boundedUserAgent(ctx.get('user-agent')), seenFrom: addressOf(ctx) };
}

const NOT_ENDED = [['revokedAt', 'absent']] as const;

async function endSession({ artifacts, clock }: SessionRows, uid: string): Promise<void> {
  await artifacts.update(sessionRowId(uid), { set: { revokedAt: clock() } }, NOT_ENDED);
}

/**
 * The engine's storage of the model Session. One that was ended stays as a mark until it would have expired: the
 * engine writes back every session that a request has read, and one that was ended meanwhile must not come back. Each
 * carries the `securityVersion` of the account as it was when the person proved themselves, and dies when that changes.
 */
export function sessionStorage(parts: SessionParts): Partial<Adapter> {
  const { artifacts } = parts;

  async function payloadOf(row: Artifact | undefined, id?: string): Promise<AdapterPayload | undefined> {
    if (row === undefined || row.revokedAt !== undefined || !(await isValid(parts, row))) return undefined;
    // A copy, because the engine changes what it is given.
    return { ...structuredClone(row.payload), ...(id === undefined ? {} : { jti: id }) };
  }

  return {
    upsert: (id, payload, ttlSeconds = 0) => save(parts, id, payload, ttlSeconds),
    find: async (id) => payloadOf(await artifacts.find('valueHash', hashOf(id)), id),
    // Only read by the engine; its bearer value is not known here and not needed.
    findByUid: async (uid) => payloadOf(await artifacts.get(sessionRowId(uid))),
    destroy: async (id) => {
      const row = await artifacts.find('valueHash', hashOf(id));
      const uid = row?.uid ?? Provider.ctx?.oidc?.session?.uid;
      if (uid !== undefined) await endSession(parts, uid);
    },
  };
}

/** Whether nobody is signed in in it, or somebody whose account stands as it did then. */
async function isValid({ accounts }: SessionParts, row: Artifact): Promise<boolean> {
  if (row.accountId === undefined) return true;
  const account = await accounts.getActive(row.accountId);
  return account !== undefined && (account.securityVersion ?? 0) === (row.securityVersion ?? 0);
}

async function save(
  parts: SessionParts,
  id: string,
  payload: SessionPayload,
  ttlSeconds: number,
): Promise<void> {
  const { artifacts, clock } = parts;
  const { jti: _jti, securityVersion: _version, userAgent, seenFrom, ...stored } = payload;
  const uid = String(stored.uid);
  const rowId = sessionRowId(uid);
  const now = clock();
  const known = await artifacts.get(rowId);
  // The engine would keep one for a browser in which nobody is signed in, where a cookie of former times is enough to
  // have it write a row for each request. Nothing needs it.
  if (known === undefined && stored.accountId === undefined) return;
  const isSameLogin = known?.accountId === stored.accountId && known?.payload.loginTs === stored.loginTs;
  // Our own pages say which browser it is; in its interaction the engine has the request at hand.
  const browser = Provider.ctx === undefined ? { userAgent, seenFrom } : browserIn(Provider.ctx);
  const fields = {
    payload: JSON.parse(JSON.stringify(stored)) as Record<string, unknown>,
    valueHash: hashOf(id),
    accountId: stored.accountId,
    lastUsedAt: now,
    expiresAt: now + ttlSeconds,
    ...(isSameLogin ? {} : { securityVersion: await securityVersionOf(parts, payload), ...browser }),
  };
  if (known === undefined) {
    const row = { id: rowId, model: 'Session', uid, createdAt: stored.iat ?? now, ...fields };
    try {
      return await artifacts.insert(row);
    } catch (error) {
      if (!(error instanceof Taken)) throw error;
    }
  }
  // One that was ended meanwhile stays ended.
  await artifacts.update(rowId, { set: fields }, NOT_ENDED);
}

/** The number under which a sign-in was proved: as our page or the engine's interaction carries it, or today's. */
async function securityVersionOf({ accounts }: SessionParts, payload: SessionPayload) {
  const { accountId, securityVersion } = payload;
  if (securityVersion !== undefined || accountId === undefined) return securityVersion;
  const login = Provider.ctx?.oidc?.result?.login as { securityVersion?: number } | undefined;
  return login?.securityVersion ?? (await accounts.getActive(accountId))?.securityVersion;
}
