import { join } from 'node:path';
import type { Logger } from 'pino';
import { openStore } from '../adapters/open.ts';
import { artifactDeclaration } from './access/artifact.ts';
import { createBearers } from './access/bearers.ts';
import { createClients } from './access/clients.ts';
import { createGrants } from './access/grants.ts';
import { createLastUsed } from './access/last-used.ts';
import { createResets, resetDeclaration } from './access/resets.ts';
import { createSessionList } from './access/session-list.ts';
import { accountDeclaration, identityDeclaration } from './accounts/account.ts';
import { createAccounts } from './accounts/accounts.ts';
import {
  authorizationRequestDeclaration,
  pendingLinkDeclaration,
} from './accounts/authorization-requests.ts';
import { createIdentities } from './accounts/identities.ts';
import { createInvitations, invitationDeclaration } from './accounts/invitations.ts';
import { createPasswords } from './accounts/passwords.ts';
import { createSignUps, signUpDeclaration } from './accounts/sign-ups.ts';
import { createActivity } from './activity/activity.ts';
import { auditDeclaration } from './activity/audit.ts';
import { callDeclaration } from './activity/call.ts';
import { createRecorder } from './activity/recorder.ts';
import { createApps } from './credentials/apps.ts';
import { clientDeclaration } from './credentials/client.ts';
import { credentialDeclaration } from './credentials/credential.ts';
import { createScopes } from './credentials/scopes.ts';
import { createSecrets } from './credentials/secrets.ts';
import { createServices } from './credentials/services.ts';
import { createTokens } from './credentials/tokens.ts';
import { createEffects, type Effects } from './effects/effects.ts';
import type { Clock } from './ground/clock.ts';
import { createJobs, type Expiring } from './ground/jobs.ts';
import { leaseDeclaration } from './ground/lease.ts';
import { createLimiter, limiterWindowDeclaration } from './ground/limiter.ts';
import type { Settings } from './ground/settings.ts';
import { DAY_SECONDS } from './ground/time.ts';
import { messageDeclaration } from './mail/message.ts';
import { createSender } from './mail/sender.ts';
import { createTransport } from './mail/transport.ts';
import { loadDeclarations } from './workflows/load.ts';
import { openRuns } from './workflows/runs.ts';

export type Domain = Awaited<ReturnType<typeof openDomain>>;

/** Where the owner's workflows and data types are declared. */
const CONFIG_FOLDER = join(import.meta.dirname, '../config');

/**
 * Everything but the web: the store and what is done with it. The server and the command line both stand on
 * it, so a change made at the command line is the same change.
 */
export async function openDomain(settings: Settings, parts: { clock: Clock; log: Logger }) {
  const { clock, log } = parts;
  const declarations = await loadDeclarations(CONFIG_FOLDER);
  const scopes = createScopes(declarations.catalogue);
  const store = await openStore(settings.store);
  const rows = await openCollections(store);

  const effects = createEffects({
    audit: rows.audit,
    outbox: rows.outbox,
    clock,
    mailWaiting: () => sender.wake(),
  });
  watchIn(rows, effects);
  const sender = createSender({
    outbox: rows.outbox,
    leases: rows.leases,
    transport: createTransport(settings),
    clock,
    log,
  });

  const callJournal = await store.journal(callDeclaration);
  const recorder = createRecorder({ callJournal, clock });

  const limiter = createLimiter({ limiterWindows: rows.limiterWindows, clock });
  const passwords = createPasswords(settings);
  const accounts = createAccounts({ accounts: rows.accounts, effects, passwords, limiter, clock, settings });
  const identities = createIdentities({ identities: rows.identities, accounts, effects, clock, settings });
  const lastUsed = createLastUsed({ credentials: rows.credentials, artifacts: rows.artifacts, clock });
  const clients = createClients({ clients: rows.clients, credentials: rows.credentials, lastUsed, clock });
  const grants = createGrants({ artifacts: rows.artifacts, effects, getClient: clients.get, clock });
  const sessionList = createSessionList({ artifacts: rows.artifacts, clock });
  const tokens = createTokens({ credentials: rows.credentials, accounts, effects, scopes, clock, settings });
  const shared = { clients: rows.clients, accounts, effects, clock, settings };
  const secrets = createSecrets({ ...shared, credentials: rows.credentials });
  const services = createServices({ ...shared, secrets, scopes });
  const apps = createApps({ ...shared, secrets, scopes, grants });

  const jobs = createJobs({
    effects,
    leases: rows.leases,
    clock,
    log,
    expiring: expiringIn(rows),
    settleActivity: recorder.settle,
  });

  return {
    settings,
    clock,
    log,
    store,
    rows,
    declarations,
    scopes,
    effects,
    recorder,
    runs: await openRuns({ store, types: declarations.types, effects, recorder, clock, log }),
    limiter,
    passwords,
    accounts,
    identities,
    signUps: createSignUps({
      signUps: rows.signUps,
      accounts,
      effects,
      passwords,
      limiter,
      clock,
      settings,
    }),
    resets: createResets({
      resets: rows.resets,
      accounts,
      sessions: sessionList,
      tokens,
      services,
      apps,
      grants,
      identities,
      effects,
      passwords,
      limiter,
      clock,
      settings,
    }),
    invitations: createInvitations({ invitations: rows.invitations, accounts, passwords, clock, settings }),
    lastUsed,
    clients,
    grants,
    sessionList,
    tokens,
    secrets,
    services,
    apps,
    bearers: createBearers({ ...rows, lastUsed, clock }),
    activity: createActivity({ ...rows, recorder }),
    jobs,
    sender,

    /** Mail and periodic work. The command line leaves both to the server. */
    startBackground(): void {
      sender.start();
      jobs.start();
    },

    async close(): Promise<void> {
      await Promise.all([sender.stop(), jobs.stop()]);
      await lastUsed.flush().catch((error: unknown) => log.warn({ err: error }, 'last used was not noted'));
      await recorder
        .settle()
        .catch((error: unknown) => log.warn({ err: error }, 'the activity waits to be settled'));
      await store.close();
    },
  };
}

async function openCollections(store: Awaited<ReturnType<typeof openStore>>) {
  return {
    accounts: await store.collection(accountDeclaration),
    identities: await store.collection(identityDeclaration),
    signUps: await store.collection(signUpDeclaration),
    resets: await store.collection(resetDeclaration),
    invitations: await store.collection(invitationDeclaration),
    authorizationRequests: await store.collection(authorizationRequestDeclaration),
    pendingLinks: await store.collection(pendingLinkDeclaration),
    limiterWindows: await store.collection(limiterWindowDeclaration),
    credentials: await store.collection(credentialDeclaration),
    clients: await store.collection(clientDeclaration),
    artifacts: await store.collection(artifactDeclaration),
    audit: await store.collection(auditDeclaration),
    calls: await store.collection(callDeclaration),
    outbox: await store.collection(messageDeclaration),
    leases: await store.collection(leaseDeclaration),
  };
}

type Rows = Awaited<ReturnType<typeof openCollections>>;

/** The collections whose rows may carry effects. That of workflow runs is opened by api/, which adds it. */
function watchIn(rows: Rows, effects: Effects): void {
  effects.watch(rows.accounts);
  effects.watch(rows.identities);
  effects.watch(rows.signUps);
  effects.watch(rows.resets);
  effects.watch(rows.credentials);
  effects.watch(rows.clients);
  effects.watch(rows.artifacts);
}

/** A mail that was sent or given up stays so long, without its text, for who asks what became of it. */
const MAIL_KEPT_SECONDS = 30 * DAY_SECONDS;

/** What goes by itself when its time is over. */
function expiringIn(rows: Rows): Expiring[] {
  return [
    { collection: rows.artifacts, field: 'expiresAt' },
    { collection: rows.limiterWindows, field: 'expiresAt' },
    { collection: rows.signUps, field: 'expiresAt' },
    { collection: rows.resets, field: 'expiresAt' },
    { collection: rows.authorizationRequests, field: 'expiresAt' },
    { collection: rows.pendingLinks, field: 'expiresAt' },
    { collection: rows.outbox, field: 'sentAt', keepSeconds: MAIL_KEPT_SECONDS },
    { collection: rows.outbox, field: 'failedAt', keepSeconds: MAIL_KEPT_SECONDS },
  ];
}
