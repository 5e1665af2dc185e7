import type { Collection } from '../../adapters/port.ts';
import type { Grants } from '../access/grants.ts';
import type { SessionList } from '../access/session-list.ts';
import type { Identities } from '../accounts/identities.ts';
import type { Client } from '../credentials/client.ts';
import type { Credential } from '../credentials/credential.ts';
import type { Owned } from '../credentials/owner.ts';
import type { Secrets } from '../credentials/secrets.ts';
import type { Services } from '../credentials/services.ts';
import type { Tokens } from '../credentials/tokens.ts';
import { noSuch } from '../ground/errors.ts';
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
  tokens: Pick<Tokens, 'get' | 'pause' | 'resume' | 'revoke'>;
  services: Pick<Services, 'get' | 'pause' | 'resume' | 'revoke'>;
  secrets: Pick<Secrets, 'revoke'>;
  grants: Pick<Grants, 'get' | 'revoke'>;
  sessionList: Pick<SessionList, 'list' | 'endOneAs'>;
  identities: Pick<Identities, 'get' | 'unlink'>;
  credentials: Collection<Credential>;
  clients: Collection<Client>;
};

type OnThing = (thing: Thing, manager: Manager) => Promise<boolean>;

/** The things of one account, and what is done to each by somebody else: by the same acts as its owner does it. */
export function createAccountThings(parts: Parts) {
  const { tokens, services, secrets, grants, sessionList, identities } = parts;

  /** Each says what it is called. Throws Problem 404 for what is not this account's. */
  const names: Record<ThingKind, (which: Owned) => Promise<string>> = {
    tokens: async (which) => (await tokens.get(which)).name,
    services: async (which) => (await services.get(which)).name,
    async secrets(which) {
      const { secret, client } = await secretOf(parts, which);
      return `${client.name}: ${secret.name}`;
    },
    grants: async ({ accountId, id }) => (await grants.get({ accountId, grantId: id })).client.name,
    sessions: async (which) => (await sessionOf(parts, which)).browser,
    identities: async (which) => (await identities.get(which)).email,
  };

  const acts: { [K in ThingKind]: Record<(typeof THING_ACTS)[K][number], OnThing> } = {
    tokens: { pause: tokens.pause, resume: tokens.resume, revoke: tokens.revoke },
    services: { pause: services.pause, resume: services.resume, revoke: services.revoke },
    secrets: {
      async revoke(thing, manager) {
        const { secret, client } = await secretOf(parts, thing);
        const { kind, id: clientId, accountId } = client;
        return secrets.revoke({ kind, accountId, clientId, id: secret.id }, manager);
      },
    },
    grants: { end: ({ accountId, id }, manager) => grants.revoke({ accountId, grantId: id }, manager) },
    sessions: {
      end: ({ accountId, id, name }, manager) =>
        sessionList.endOneAs(manager, { accountId, uid: id, browser: name }),
    },
    identities: { remove: identities.unlink },
  };

  return {
    /** The thing of this account under this name. Throws Problem 404. */
    async find(kind: ThingKind, which: Owned): Promise<Thing> {
      return { ...which, kind, name: await names[kind](which) };
    },

    /** Does it. Throws Problem 404, and 409 where there is nothing to do. */
    async do(act: ThingAct, thing: Thing, manager: Manager): Promise<void> {
      const does: Partial<Record<ThingAct, OnThing>> = acts[thing.kind];
      const doIt = does[act];
      if (doIt === undefined) throw noSuch('act');
      if (!(await doIt(thing, manager))) throw nothingToDo(`“${thing.name}” stands so already.`);
    },
  };
}

async function secretOf({ credentials, clients }: Parts, { accountId, id }: Owned) {
  const secret = await credentials.get(id);
  const client = await clients.get(secret?.clientId ?? '');
  const isTheirs = secret?.accountId === accountId && client?.accountId === accountId;
  if (secret === undefined || client === undefined || !isTheirs) throw noSuch('secret');
  return { secret, client };
}

async function sessionOf({ sessionList }: Parts, { accountId, id }: Owned) {
  const session = (await sessionList.list(accountId)).find(({ uid }) => uid === id);
  if (session === undefined) throw noSuch('session');
  return session;
}
