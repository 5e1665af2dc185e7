import type { Collection } from '../../adapters/port.ts';
import type { Grants } from '../access/grants.ts';
import type { PortalSession } from '../access/portal-links.ts';
import type { PortalSessionList } from '../access/portal-session-list.ts';
import type { SessionList, SessionRow } from '../access/session-list.ts';
import type { Identities } from '../accounts/identities.ts';
import type { AuditEntry } from '../activity/audit.ts';
import { searchRows } from '../activity/search.ts';
import type { Credential } from '../credentials/credential.ts';
import type { Owned } from '../credentials/owner.ts';
import type { Services } from '../credentials/services.ts';
import { noSuch } from '../ground/errors.ts';
import type { createCredentialActs } from './credential-acts.ts';
import { nothingToDo } from './nothing-to-do.ts';
import type { Manager } from './reason.ts';

/** What an admin can do to one thing of an account, by its kind. */
export const THING_ACTS = {
  tokens: ['pause', 'resume', 'revoke'],
  services: ['pause', 'resume', 'revoke'],
  secrets: ['revoke'],
  grants: ['end'],
  sessions: ['end'],
  identities: ['remove'],
} as const;

export type ThingKind = keyof typeof THING_ACTS;
export type ThingAct = (typeof THING_ACTS)[ThingKind][number];

/** One thing of an account, as pages and paths name it. */
export type Thing = Owned & { kind: ThingKind; name: string };

type Parts = {
  credentialActs: ReturnType<typeof createCredentialActs>;
  services: Pick<Services, 'get' | 'pause' | 'resume' | 'revoke'>;
  grants: Pick<Grants, 'get' | 'revoke'>;
  sessionList: Pick<SessionList, 'list' | 'endOneAs'>;
  portalSessionList: PortalSessionList;
  identities: Pick<Identities, 'get' | 'unlink'>;
  credentials: Collection<Credential>;
  audit: Collection<AuditEntry>;
};

/** A session of a browser, or one that a portal link began. */
export type AnySession = SessionRow & { isPortal: boolean };

/** False where there was nothing to do. */
type OnThing = (thing: Thing, manager: Manager) => Promise<unknown>;

/** The things of one account, and what is done to each by somebody else: by the same acts as its owner does it. */
export function createAccountThings(parts: Parts) {
  const { services, grants, sessionList, portalSessionList, identities, credentialActs } = parts;

  /** Each says what it is called. Throws Problem 404 for what is not this account's. */
  const names: Record<ThingKind, (which: Owned) => Promise<string>> = {
    tokens: async (which) => (await credentialOf(parts, which, 'personal_access_token')).name,
    services: async (which) => (await services.get(which)).name,
    secrets: async (which) => (await credentialOf(parts, which, 'client_secret')).name,
    grants: async ({ accountId, id }) => (await grants.get({ accountId, grantId: id })).client.name,
    sessions: async (which) => (await sessionOf(parts, which)).browser,
    identities: async (which) => (await identities.get(which)).email,
  };

  const onToken =
    (act: 'pause' | 'resume' | 'revoke'): OnThing =>
    async (thing, manager) =>
      credentialActs.do(act, await credentialOf(parts, thing, 'personal_access_token'), manager);

  const acts: { [K in ThingKind]: Record<(typeof THING_ACTS)[K][number], OnThing> } = {
    tokens: { pause: onToken('pause'), resume: onToken('resume'), revoke: onToken('revoke') },
    services: { pause: services.pause, resume: services.resume, revoke: services.revoke },
    secrets: {
      revoke: async (thing, manager) =>
        credentialActs.do('revoke', await credentialOf(parts, thing, 'client_secret'), manager),
    },
    grants: { end: ({ accountId, id }, manager) => grants.revoke({ accountId, grantId: id }, manager) },
    sessions: {
      async end(thing, manager) {
        const { accountId } = thing;
        const { uid, browser, isPortal } = await sessionOf(parts, thing);
        return isPortal
          ? portalSessionList.endOneAs(manager, { accountId, id: uid })
          : sessionList.endOneAs(manager, { accountId, uid, browser });
      },
    },
    identities: { remove: identities.unlink },
  };

  return {
    /** Where an account is signed in: its browsers, and the pages that it was led to by portal links. */
    sessions: (accountId: string): Promise<AnySession[]> => sessionsOf(parts, accountId),

    /** The thing of this account under this name. Throws Problem 404. */
    async find(kind: ThingKind, which: Owned): Promise<Thing> {
      return { accountId: which.accountId, id: which.id, kind, name: await names[kind](which) };
    },

    /** Does it. Throws Problem 404, and 409 where there is nothing to do. */
    async do(act: ThingAct, thing: Thing, manager: Manager): Promise<void> {
      const does: Partial<Record<ThingAct, OnThing>> = acts[thing.kind];
      const doIt = does[act];
      if (doIt === undefined) throw noSuch('act');
      if ((await doIt(thing, manager)) === false) throw nothingToDo(`“${thing.name}” stands so already.`);
    },

    /** What others did to the account, the latest first: admins, and the operator at the command line. */
    async managed(accountId: string, count: number): Promise<AuditEntry[]> {
      const { rows } = await searchRows(parts.audit, {
        where: [['accountId', '=', accountId]],
        isMatch: (entry) => isManaged(entry),
        descending: true,
        count,
      });
      return rows.slice(0, count);
    },
  };
}

async function credentialOf(
  { credentials }: Parts,
  { accountId, id }: Owned,
  kind: Credential['kind'],
): Promise<Credential> {
  const row = await credentials.get(id);
  if (row?.accountId !== accountId || row.kind !== kind)
    throw noSuch(kind === 'client_secret' ? 'secret' : 'token');
  return row;
}

async function sessionsOf({ sessionList, portalSessionList }: Parts, accountId: string) {
  const [browsers, portals] = await Promise.all([
    sessionList.list(accountId),
    portalSessionList.list(accountId),
  ]);
  return [...browsers.map((row) => ({ ...row, isPortal: false })), ...portals.map(portalSession)];
}

async function sessionOf(parts: Parts, { accountId, id }: Owned): Promise<AnySession> {
  const session = (await sessionsOf(parts, accountId)).find(({ uid }) => uid === id);
  if (session === undefined) throw noSuch('session');
  return session;
}

/** What a workflow stored for somebody has a reason too, and is no act on the account. */
function isManaged({ accountId, actor, action }: AuditEntry): boolean {
  if (actor.kind === 'operator') return true;
  return actor.reason !== undefined && actor.id !== accountId && action !== 'data.touched';
}

/** Which browser that was nobody noted: an hour later it is over. */
function portalSession({ id, page, startedAt }: PortalSession): AnySession {
  const times = { signedInAt: startedAt, createdAt: startedAt, lastSeenAt: startedAt };
  return { uid: id, browser: `Portal link to ${page}`, seenFrom: undefined, ...times, isPortal: true };
}
