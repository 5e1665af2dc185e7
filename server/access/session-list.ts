import type { Collection } from '../../adapters/port.ts';
import type { Effects } from '../effects/effects.ts';
import type { Actor } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import type { Artifact } from './artifact.ts';
import type { PortalSession } from './portal-links.ts';
import { browserOf } from './user-agent.ts';

/** One session of an account as /account lists it. Times are epoch seconds. */
export type SessionRow = {
  uid: string;
  /** Such as “Chrome 131 on Windows 10”. */
  browser: string;
  /** The network address that it was last seen from; absent for one that began before that was noted. */
  seenFrom: string | undefined;
  signedInAt: number;
  createdAt: number;
  lastSeenAt: number;
};

type SessionName = Pick<SessionRow, 'uid' | 'browser'>;

export type SessionList = ReturnType<typeof createSessionList>;

/** More than anybody has browsers; the newest are listed, and `endAll` ends the others too. */
const SESSIONS_LISTED_MAX = 100;

const BATCH_ROWS = 1000;

/** A session's row is named by its uid, which stays when its bearer value changes, and opens nothing. */
export function sessionRowId(uid: string): string {
  return `ses_${uid}`;
}

/** The sessions of an account, in whichever browser: to show them and to end them. */
export function createSessionList(parts: {
  artifacts: Collection<Artifact>;
  portalSessions: Pick<Collection<PortalSession>, 'removeMany'>;
  effects: Pick<Effects, 'update'>;
  clock: Clock;
}) {
  const { artifacts, portalSessions, effects, clock } = parts;

  const liveOf = (accountId: string) =>
    [
      ['accountId', '=', accountId],
      ['model', '=', 'Session'],
      ['revokedAt', 'absent'],
      ['expiresAt', '>', clock()],
    ] as const;

  return {
    async list(accountId: string): Promise<SessionRow[]> {
      const rows = await artifacts.list({
        where: liveOf(accountId),
        order: { by: 'createdAt', descending: true },
        limit: SESSIONS_LISTED_MAX,
      });
      return rows.map((row) => ({
        uid: row.uid ?? '',
        browser: browserOf(row.userAgent).label,
        seenFrom: row.seenFrom,
        signedInAt: typeof row.payload.loginTs === 'number' ? row.payload.loginTs : row.createdAt,
        createdAt: row.createdAt,
        lastSeenAt: row.lastUsedAt ?? row.createdAt,
      }));
    },

    /** Ends one session of this account; another account's is not found. */
    async endOne(accountId: string, uid: string): Promise<void> {
      await artifacts.update(sessionRowId(uid), { set: { revokedAt: clock() } }, liveOf(accountId));
    },

    /** The same by somebody else, on record; false where there is no such session any more. */
    async endOneAs(actor: Actor, { accountId, uid, browser }: { accountId: string } & SessionName) {
      const id = sessionRowId(uid);
      const audit = { accountId, actor, action: 'session.ended', targetId: id, targetName: browser };
      const change = { set: { revokedAt: clock() } };
      const caused = { audit: [audit] };
      return (await effects.update(artifacts, id, change, liveOf(accountId), caused)) !== undefined;
    },

    /** Ends every session of an account but, when given, the one at hand; those by a portal link too. */
    async endAll(accountId: string, exceptUid?: string): Promise<void> {
      const others = exceptUid === undefined ? [] : [['uid', '!=', exceptUid] as const];
      await artifacts.updateMany([...liveOf(accountId), ...others], { set: { revokedAt: clock() } });
      const visits = [['accountId', '=', accountId]] as const;
      while ((await portalSessions.removeMany(visits, BATCH_ROWS)) === BATCH_ROWS);
    },
  };
}
