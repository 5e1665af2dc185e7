import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { openStore } from '../adapters/open.ts';
import type { Store } from '../adapters/port.ts';
import { createAccountData } from './access/account-data.ts';
import { createAdmins } from './access/admins.ts';
import { artifactDeclaration } from './access/artifact.ts';
import { createBearers } from './access/bearer.ts';
import { createClientAuthentication } from './access/client-authentication.ts';
import { createCutOffs } from './access/cut-offs.ts';
import { createEndings } from './access/endings.ts';
import { createGithubKeys } from './access/github-keys.ts';
import { createGrants } from './access/grants.ts';
import { createHoney } from './access/honey.ts';
import { createKeyImport } from './access/key-import.ts';
import { createKnownDevices, knownDeviceDeclaration } from './access/known-devices.ts';
import { createLastUsed } from './access/last-used.ts';
import { createLeaks } from './access/leaks.ts';
import { createLongWork } from './access/long-work.ts';
import { createPortalLinks, portalLinkDeclaration, portalSessionDeclaration } from './access/portal-links.ts';
import { createPortalSessionList } from './access/portal-session-list.ts';
import { createRemoval } from './access/removal.ts';
import { createResets, resetDeclaration } from './access/resets.ts';
import { createSessionList } from './access/session-list.ts';
import { createTokenExchange, exchangedTokenDeclaration } from './access/token-exchange.ts';
import { createVouchedAccounts } from './access/vouched-accounts.ts';
import { type Account, accountDeclaration, identityDeclaration } from './accounts/account.ts';
import { createAccounts } from './accounts/accounts.ts';
import {
  authorizationRequestDeclaration,
  pendingLinkDeclaration,
} from './accounts/authorization-requests.ts';
import { createIdentities } from './accounts/identities.ts';
import { createInvitations, invitationDeclaration } from './accounts/invitations.ts';
import { createMailedInvitations, mailedInvitationDeclaration } from './accounts/mailed-invitations.ts';
import { createNewcomers } from './accounts/newcomers.ts';
import { createPasswords, type PasswordCost } from './accounts/passwords.ts';
import { createSignUpRules } from './accounts/sign-up-policy.ts';
import { createSignUps, signUpDeclaration } from './accounts/sign-ups.ts';
import { createActivity } from './activity/activity.ts';
import { createActorKeys } from './activity/actor-keys.ts';
import { auditDeclaration } from './activity/audit.ts';
import { callDeclaration } from './activity/call.ts';
import { callCountDeclaration, createCallCounts } from './activity/call-counts.ts';
import { createRecorder } from './activity/recorder.ts';
import { createRefusals } from './activity/refusals.ts';
import { createRetention } from './activity/retention.ts';
import { createSignInRecord } from './activity/sign-ins.ts';
import { createTotals, totalDeclaration } from './activity/totals.ts';
import { createUsage } from './activity/usage.ts';
import { createApps } from './credentials/apps.ts';
import { clientDeclaration } from './credentials/client.ts';
import { credentialDeclaration } from './credentials/credential.ts';
import { createDeadUse } from './credentials/dead-use.ts';
import { goneScopesInWords } from './credentials/gone-scopes.ts';
import { createIdleEnds } from './credentials/idle-ends.ts';
import { createImportedKeys } from './credentials/imported-keys.ts';
import { createFirstReminders, createReminders } from './credentials/reminders.ts';
import { reviewDeclaration, reviewDigestDeclaration } from './credentials/review.ts';
import { createReviews } from './credentials/reviews.ts';
import { createScopes, type Scopes } from './credentials/scopes.ts';
import { createSecrets } from './credentials/secrets.ts';
import { createServices } from './credentials/services.ts';
import { createTokens } from './credentials/tokens.ts';
import { createDataAccess, shownToAccount } from './data/access.ts';
import { accountDataTypeDeclaration, noteAccountDataTypes } from './data/account-data-types.ts';
import { createExplain } from './data/explanation.ts';
import { type OpenType, openDataRows, openGoneRows, removeRecordsOf } from './data/rows.ts';
import { limitActs } from './effects/act-limit.ts';
import { openCollections } from './effects/collections.ts';
import { createEffects } from './effects/effects.ts';
import { summariseNotices } from './effects/notice-summary.ts';
import { WORKFLOWS_PATH } from './ground/api-address.ts';
import type { Clock } from './ground/clock.ts';
import { createJobs, type Work } from './ground/jobs.ts';
import { leaseDeclaration } from './ground/lease.ts';
import { createLimiter, limiterWindowDeclaration } from './ground/limiter.ts';
import { createReadiness, probeDeclaration } from './ground/readiness.ts';
import { dueDeclaration, once, scheduled } from './ground/schedule.ts';
import type { Settings } from './ground/settings.ts';
import { DAY_SECONDS } from './ground/time.ts';
import { messageDeclaration } from './mail/message.ts';
import { createSender } from './mail/sender.ts';
import { createTransport } from './mail/transport.ts';
import { createAccountActs } from './management/account-acts.ts';
import { createAccountList } from './management/account-list.ts';
import { createAccountThings } from './management/account-things.ts';
import { createAppActs } from './management/app-acts.ts';
import { createAppList } from './management/app-list.ts';
import { createAuditList } from './management/audit-list.ts';
import { createCallList } from './management/call-list.ts';
import { createCredentialActs } from './management/credential-acts.ts';
import { createCredentialList } from './management/credential-list.ts';
import { createEntryNaming } from './management/entry-names.ts';
import { createFigures, figuresDeclaration } from './management/figures.ts';
import { createInvitationList } from './management/invitation-list.ts';
import { createMails } from './management/mails.ts';
import { createMetadata } from './management/metadata.ts';
import { createOverview } from './management/overview.ts';
import { createReviewList } from './management/review-list.ts';
import { createServiceActs } from './management/service-acts.ts';
import { createServiceList } from './management/service-list.ts';
import { sentFormDeclaration } from './pages/one-time-forms.ts';
import { sealedValueDeclaration } from './pages/shown-once.ts';
import { createCatalogue } from './workflows/catalogue.ts';
import { createIssueToken, ISSUE_TOKEN } from './workflows/issue-token.ts';
import { type Declarations, loadDeclarations } from './workflows/load-declarations.ts';
import { createProcesses } from './workflows/processes.ts';
import { createRuns, runDeclaration } from './workflows/runs.ts';
import { createDeclared } from './workflows/shown-declarations.ts';
import type { Workflow } from './workflows/workflow.ts';

export type Domain = Awaited<ReturnType<typeof openDomain>>;

/** So long what was counted in the last minute may take to be written when the server stops. */
const COUNTS_AT_STOP_MS = 1000;

/** Every collection but those of the owner's data types and the signing keys. */
const DECLARATIONS = {
  accounts: accountDeclaration,
  identities: identityDeclaration,
  signUps: signUpDeclaration,
  resets: resetDeclaration,
  invitations: invitationDeclaration,
  mailedInvitations: mailedInvitationDeclaration,
  authorizationRequests: authorizationRequestDeclaration,
  pendingLinks: pendingLinkDeclaration,
  limiterWindows: limiterWindowDeclaration,
  credentials: credentialDeclaration,
  clients: clientDeclaration,
  reviews: reviewDeclaration,
  reviewDigests: reviewDigestDeclaration,
  artifacts: artifactDeclaration,
  exchangedTokens: exchangedTokenDeclaration,
  knownDevices: knownDeviceDeclaration,
  portalLinks: portalLinkDeclaration,
  portalSessions: portalSessionDeclaration,
  audit: auditDeclaration,
  calls: callDeclaration,
  callCounts: callCountDeclaration,
  totals: totalDeclaration,
  figures: figuresDeclaration,
  outbox: messageDeclaration,
  runs: runDeclaration,
  accountDataTypes: accountDataTypeDeclaration,
  leases: leaseDeclaration,
  due: dueDeclaration,
  probes: probeDeclaration,
  sentForms: sentFormDeclaration,
  sealedValues: sealedValueDeclaration,
};

/** The same, with how long the owner keeps what has ended. */
function declarationsFor({ retention }: Pick<Settings, 'retention'>): typeof DECLARATIONS {
  const keptSeconds = retention.credentials * DAY_SECONDS;
  return {
    ...DECLARATIONS,
    credentials: { ...credentialDeclaration, expires: { revokedAt: keptSeconds, expiresAt: keptSeconds } },
    clients: { ...clientDeclaration, expires: { revokedAt: keptSeconds } },
    callCounts: { ...callCountDeclaration, expires: { day: retention.calls * DAY_SECONDS } },
    figures: { ...figuresDeclaration, expires: { day: retention.calls * DAY_SECONDS } },
    totals: { ...totalDeclaration, expires: { startsAt: retention.calls * DAY_SECONDS } },
    reviews: { ...reviewDeclaration, expires: { answerBy: retention.audit * DAY_SECONDS } },
    reviewDigests: { ...reviewDigestDeclaration, expires: { createdAt: retention.audit * DAY_SECONDS } },
  };
}

/**
 * Everything but the web: the store and what is done with it. The server and the command line both stand on
 * it, so a change made at the command line is the same change.
 */
export async function openDomain(
  settings: Settings,
  parts: {
    clock: Clock;
    log: Logger;
    /** A store that is not there is not made. */
    mustExist?: boolean;
    passwordCost?: PasswordCost;
  },
) {
  const { clock, log } = parts;
  const declarations = await loadDeclarations(settings.config);
  const foundation = await openFoundation(settings, { ...parts, declarations });
  const { store, rows, callCounts, totals, refusals, signIns, sender } = foundation;
  const scopes = createScopes(
    [...declarations.workflows.values(), ISSUE_TOKEN],
    [...declarations.types.values()],
  );
  const people = createPeople({ ...foundation, passwordCost: parts.passwordCost });
  const credentials = createCredentials({ ...foundation, ...people, scopes });
  const management = createManagement({ ...foundation, ...people, ...credentials, scopes });
  const works = worksOf({ ...foundation, ...people, ...credentials, ...management, scopes });
  const jobs = createJobs({ ...rows, clock, log, works });
  const issueToken = createIssueToken({ ...people, ...credentials, scopes, clock, settings });
  const catalogue = createCatalogue([...declarations.workflows.values(), issueToken], settings.url);
  const processes = createProcesses({ folder: settings.config, log });
  const declared = createDeclared({ catalogue, declarations, callCounts, rows, scopes, clock });

  return {
    ...foundation,
    ...people,
    ...credentials,
    jobs,
    declarations,
    scopes,
    catalogue,
    declared,
    runs: createRuns({ ...foundation, ...rows }),
    explain: createExplain({ ...foundation, ...people, ...credentials, scopes }),
    processes,
    isOwners: (workflow: Workflow) => declarations.workflows.get(workflow.name) === workflow,
    ...management,
    activity: createActivity(rows),
    usage: createUsage(rows),
    readiness: createReadiness({ ...rows, store, clock }),

    /** Mail, periodic work and the owner's workflows. The command line leaves them to the server. */
    startBackground(): void {
      sender.start();
      jobs.start();
      void tellGoneScopes(declared, log);
    },

    /** What is under way may end, for some seconds; nothing new is begun. */
    async stopBackground(): Promise<void> {
      await Promise.all([sender.stop(), jobs.stop()]);
    },

    async close(): Promise<void> {
      await Promise.all([
        foundation.effects.settled(),
        credentials.resets.settled(),
        credentials.leaks.settled(),
        credentials.honey.settled(),
        credentials.longWork.stop(),
        processes.close(),
        sender.stop(),
        jobs.stop(),
      ]);
      for (const { stop } of [refusals, signIns])
        await stop().catch((error: unknown) => log.warn({ err: error }, 'what was refused was not counted'));
      // A slow store may have thousands of rows to add to: counts are not worth a late stop.
      const counted = Promise.all([callCounts.flush(), totals.flush()]);
      await Promise.race([counted, delay(COUNTS_AT_STOP_MS, undefined, { ref: false })]);
      await credentials.lastUsed
        .flush()
        .catch((error: unknown) => log.warn({ err: error }, 'last used was not noted'));
      await store.close();
    },
  };
}

/** One line for the operator, who may have renamed a workflow: what is stored, and opens nothing any more. */
async function tellGoneScopes(declared: ReturnType<typeof createDeclared>, log: Logger): Promise<void> {
  const gone = await declared.goneScopes().catch(() => []);
  if (gone.length === 0) return;
  log.warn(`no longer declared, so of no use to who holds it: ${goneScopesInWords(gone)}`);
}

/** What all of the domain stands on: the store, changes with their effects, mail and periodic work. */
async function openFoundation(
  settings: Settings,
  parts: { clock: Clock; log: Logger; mustExist?: boolean; declarations: Declarations },
) {
  const { clock, log, mustExist = false, declarations } = parts;
  // A mail setting that cannot work is told before a store is made.
  const transport = createTransport(settings);
  const store = await openStore(settings.store, {
    mustExist,
    onFault: (error) => log.error({ err: error }, 'the activity cannot be read now, the store tries again'),
    onLost: (error) => log.error({ err: error }, 'the database has gone from under the server'),
    onTooSlow: (error) =>
      log.warn({ err: error }, 'a list or count of records took too long: see to its indexes'),
  });
  const { rows, carriers, expiries } = await openCollections(store, declarationsFor(settings), clock);
  const data = await openData(store, rows.accountDataTypes, {
    clock,
    mustExist,
    declared: declarations.types,
  });
  await settleCommits({ store, log });
  const workflows = [...declarations.workflows.keys(), ISSUE_TOKEN.name];
  const workflowPaths = new Set(workflows.map((name) => WORKFLOWS_PATH + name));
  const callCounts = createCallCounts({ ...rows, clock, workflowPaths });
  const callJournal = await store.journal(callDeclaration);
  const totals = createTotals({ ...rows, clock });
  const recorder = createRecorder({ callJournal, counts: [callCounts, totals], clock });
  const refusals = createRefusals({ recorder, clock });
  const signIns = createSignInRecord({ ...rows, totals, clock, log });
  const sender = createSender({ ...rows, transport, clock, log });
  const limiter = createLimiter({ ...rows, clock });
  const delivered = createEffects({
    ...rows,
    carriers: [...carriers, ...data.carriers],
    runs: { declaration: runDeclaration, rows: rows.runs },
    store,
    recorder,
    clock,
    log,
    mailWaiting: sender.wake,
  });
  const effects = limitActs(summariseNotices(delivered, { limiter, clock, settings }), limiter);
  return {
    settings,
    clock,
    log,
    store,
    rows,
    data: data.ofAccounts,
    dataAccess: data.access,
    types: data.types,
    expiries,
    effects,
    recorder,
    callCounts,
    totals,
    refusals,
    signIns,
    sender,
    limiter,
  };
}

/**
 * The records of the owner's types, and by type what becomes of those of an account: what it is shown of them, and what
 * removes them with it. The latter also of types that are declared no more.
 */
async function openData(
  store: Store,
  noted: Parameters<typeof noteAccountDataTypes>[0],
  parts: { clock: Clock; mustExist: boolean; declared: Declarations['types'] },
) {
  const { clock, mustExist, declared } = parts;
  // A command may have been called with another folder than the server's: it takes away nothing.
  const isServer = !mustExist;
  const { opened, carriers } = await openDataRows(store, declared, clock, { exact: isServer });
  const names = await noteAccountDataTypes(noted, declared, { writes: isServer });
  const gone = await openGoneRows(store, names, clock);
  const access = createDataAccess({ types: opened, clock });
  const removes = (of: OpenType['rows']) => (accountId: string) => removeRecordsOf(of, accountId);
  const ofDeclared = [...opened].map(([name, one]) => {
    const { rules, deletedWithAccount: goes } = one.type;
    const shownTo = (account: Account) => shownToAccount(access, one, account);
    const [shown, removeOf] = [rules.length > 0 ? shownTo : undefined, goes ? removes(one.rows) : undefined];
    return [name, { rows: one.rows, shownTo: shown, removeOf }] as const;
  });
  const ofGone = Object.entries(gone.rows).map(
    ([name, one]) => [name, { rows: one, shownTo: undefined, removeOf: removes(one) }] as const,
  );
  return {
    access,
    types: opened,
    carriers: [...carriers, ...gone.carriers],
    ofAccounts: new Map([...ofDeclared, ...ofGone]),
  };
}

/** Ends what commits of processes that died left behind; what cannot be ended now holds nobody up, and is tried again. */
async function settleCommits({ store, log }: { store: Store; log: Logger }): Promise<void> {
  await store
    .settleCommits()
    .catch((error: unknown) =>
      log.error({ err: error }, 'a commit that was cut short waits for the next turn'),
    );
}

type Foundation = Awaited<ReturnType<typeof openFoundation>>;

/** Who people are and how they come in. Each finds its own rows by their name. */
function createPeople(foundation: Foundation & { passwordCost: PasswordCost | undefined }) {
  const { settings, passwordCost } = foundation;
  const passwords = createPasswords({ ...settings, passwordCost });
  const parts = { ...foundation.rows, ...foundation, passwords };
  const accounts = createAccounts(parts);
  const signUpRules = createSignUpRules({ ...parts, ...foundation.rows });
  const withAccounts = { ...parts, accounts, signUpRules };
  const identities = createIdentities(withAccounts);
  const signUps = createSignUps(withAccounts);
  const mailedInvitations = createMailedInvitations({ ...withAccounts, signUps });
  return {
    passwords,
    accounts,
    identities,
    signUps,
    mailedInvitations,
    newcomers: createNewcomers({ ...withAccounts, identities, signUps, mailedInvitations }),
    invitations: createInvitations(withAccounts),
  };
}

/** What is seen and done by whoever runs the app. */
function createManagement(
  parts: Foundation &
    ReturnType<typeof createPeople> &
    ReturnType<typeof createCredentials> & { scopes: Scopes },
) {
  const { rows } = parts;
  const credentialActs = createCredentialActs({ ...parts.rows, ...parts });
  const withClients = { ...parts, clients: rows.clients, credentials: rows.credentials };
  const figures = createFigures({ ...parts.rows, clock: parts.clock });
  return {
    figures,
    overview: createOverview({ ...parts, ...parts.rows, totals: parts.totals, figures }),
    accountList: createAccountList(parts.rows),
    callList: createCallList(parts.rows),
    auditList: createAuditList(parts.rows),
    entryNames: createEntryNaming(parts.rows),
    accountActs: createAccountActs({ ...parts, accountRows: parts.rows.accounts }),
    reviewList: createReviewList(parts),
    mails: createMails({ ...parts, ...parts.rows, accounts: parts.accounts }),
    metadata: createMetadata({ ...parts, ...parts.rows }),
    credentialList: createCredentialList({ ...parts.rows, ...parts }),
    credentialActs,
    accountThings: createAccountThings({ ...withClients, audit: rows.audit, credentialActs }),
    invitationList: createInvitationList({ ...parts, ...rows }),
    appList: createAppList({ ...parts, ...rows }),
    appActs: createAppActs(parts),
    serviceList: createServiceList({ ...parts.rows, ...parts, clients: parts.rows.clients }),
    serviceActs: createServiceActs({ ...parts.rows, ...parts }),
  };
}

/** What is done in the background, one after the other. */
function worksOf(
  parts: Foundation &
    ReturnType<typeof createPeople> &
    ReturnType<typeof createCredentials> &
    ReturnType<typeof createManagement> & { scopes: Scopes },
): Work[] {
  const { rows, clock, settings } = parts;
  return [
    () => settleCommits(parts),
    parts.effects.sweep,
    parts.resets.sweep,
    parts.reviews.sweep,
    parts.endings.sweep,
    parts.cutOffs.sweep,
    parts.removal.sweep,
    ...parts.expiries,
    ...createRetention({ ...rows, clock, settings }),
    once(createActorKeys(rows), { ...rows, clock }),
    once(createFirstReminders({ ...rows, clock }), { ...rows, clock }),
    ...scheduled(
      [
        createReminders({ ...parts, ...rows }),
        createIdleEnds({ ...parts, ...rows }),
        ...parts.reviews.works,
        ...parts.figures.works,
      ],
      { ...rows, clock },
    ),
  ];
}

/** What opens the API, and what it opens now. */
function createCredentials(people: Foundation & ReturnType<typeof createPeople> & { scopes: Scopes }) {
  const { rows, clock } = people;
  const parts = { ...rows, ...people };
  const lastUsed = createLastUsed({ ...rows, clock });
  const deadUse = createDeadUse(parts);
  const clients = createClientAuthentication({ ...parts, lastUsed, deadUse });
  const grants = createGrants({ ...parts, getClient: clients.get });
  const sessionList = createSessionList({ ...parts, ...parts.rows });
  const knownDevices = createKnownDevices({ ...parts, ...rows });
  const importedKeys = createImportedKeys({ ...rows, clock });
  const tokens = createTokens({ ...parts, importedKeys });
  const secrets = createSecrets(parts);
  const services = createServices({ ...parts, secrets });
  const longWork = createLongWork(parts);
  const cutOffs = createCutOffs({ ...parts, apps: rows.clients, grants, longWork });
  const apps = createApps({ ...parts, secrets, cutOffs });
  const bearers = createBearers({ ...rows, importedKeys, lastUsed, clock, scopes: people.scopes });
  const accountRows = rows.accounts;
  const honey = createHoney({ ...parts, accountRows });
  const leaks = createLeaks({ ...parts, grants, honey, importedKeys });
  const admins = createAdmins({ ...parts, accountRows });
  /** All that acts for an account. */
  const acting = {
    ...parts,
    accountRows,
    sessions: sessionList,
    knownDevices,
    tokens,
    services,
    apps,
    grants,
  };
  const resets = createResets(acting);
  const reviews = createReviews({ ...acting, secrets });
  const removal = createRemoval({ ...acting, admins, longWork });
  const githubKeys = createGithubKeys(parts);
  const vouchedAccounts = createVouchedAccounts(acting);
  const portalLinks = createPortalLinks({ ...acting, vouchedAccounts });
  return {
    admins,
    removal,
    endings: createEndings(acting),
    cutOffs,
    longWork,
    accountData: createAccountData(acting),
    lastUsed,
    clients,
    grants,
    sessionList,
    knownDevices,
    tokens,
    secrets,
    services,
    apps,
    bearers,
    tokenExchange: createTokenExchange({ ...parts, tokens }),
    deadUse,
    resets,
    leaks,
    githubKeys,
    portalSessionList: createPortalSessionList({ ...acting, portalLinks }),
    portalLinks,
    vouchedAccounts,
    importedKeys,
    keyImport: createKeyImport({ ...acting, ...rows, accounts: people.accounts, vouchedAccounts }),
    reviews,
    honey,
  };
}
