import { type Command, CommanderError } from 'commander';
import { openStore } from '../../adapters/open.ts';
import { NotThere, type Store } from '../../adapters/port.ts';
import { ACTIVE_ADMINS, accountDeclaration } from '../accounts/account.ts';
import { clientDeclaration } from '../credentials/client.ts';
import { credentialDeclaration } from '../credentials/credential.ts';
import { findGoneScopes, goneScopesInWords } from '../credentials/gone-scopes.ts';
import { createScopes } from '../credentials/scopes.ts';
import { systemClock } from '../ground/clock.ts';
import { leaseDeclaration } from '../ground/lease.ts';
import { storeName } from '../ground/service-urls.ts';
import { type Settings, WrongSettings } from '../ground/settings.ts';
import { timeToTheMinute } from '../ground/time.ts';
import {
  adviceOnFiles,
  type Finding,
  type Found,
  judge,
  keptMail,
  policyOf,
} from '../http/settings-advice.ts';
import { messageDeclaration } from '../mail/message.ts';
import { createTransport } from '../mail/transport.ts';
import { loadSigningKeys } from '../oauth/keys.ts';
import { createIdentityProvider } from '../sign-in/identity-provider.ts';
import { callbackUrl } from '../sign-in/paths.ts';
import { reasonOf } from '../sign-in/provider-fault.ts';
import { ISSUE_TOKEN } from '../workflows/issue-token.ts';
import { loadDeclarations } from '../workflows/load-declarations.ts';
import { indented } from './output.ts';
import { type Options, say, settingsOf, type Terminal } from './terminal.ts';

const PROVIDER_TODO = 'look at GOOGLE_ISSUER, GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET';

/** The public URL goes through the owner's proxy; it answers soon or not at all. */
const URL_MS_MAX = 5_000;

/** Enough to know what to look at. */
const APPS_NAMED_MAX = 20;

/** `doctor`: looks at everything that the server needs, and says what to do where something is amiss. */
export function addDoctorCommand(program: Command, terminal: Terminal): void {
  program
    .command('doctor')
    .description('checks settings, store, mail, URL and keys, and says what to do')
    .action(async (options: Options) => {
      const findings = await examine(terminal);
      say(terminal, options, {
        json: findings,
        person: (columns) => findings.map((one) => lineOf(one, columns)).join('\n'),
      });
      // It has said why itself.
      if (findings.some(({ level }) => level === 'fail')) throw new CommanderError(1, 'doctor', '');
    });
}

/** What to do stands below, where it does not make the line longer than a terminal is wide. */
function lineOf({ level, about, found, todo }: Finding, columns: number | undefined): string {
  const head = `${level.padEnd(4)}   ${about.padEnd(12)}   `;
  const line = indented(head, found, columns);
  return todo === undefined ? line : `${line}\n${indented(`${' '.repeat(head.length)}→ `, todo, columns)}`;
}

async function examine(terminal: Terminal): Promise<Finding[]> {
  const node: Finding = { level: 'ok', about: 'Node', found: process.versions.node };
  let settings: Settings;
  try {
    settings = await settingsOf(terminal);
  } catch (error) {
    if (!(error instanceof WrongSettings)) throw error;
    const todo = 'correct it in settings.ts or in the environment';
    return [
      node,
      ...error.lines.map((found): Finding => ({ level: 'fail', about: 'settings', found, todo })),
    ];
  }
  return [
    node,
    judge(settings),
    policyOf(settings),
    ...(await lookAround(settings)),
    ...(await lookAtStore(settings)),
  ];
}

/** One look; one that throws is a failure, in the words of what was thrown, and `todo` is what helps then. */
async function look(about: string, todo: string, lookAt: () => Promise<Found>): Promise<Finding> {
  try {
    return { about, ...(await lookAt()) };
  } catch (error) {
    const found = error instanceof WrongSettings ? error.lines.join('; ') : (error as Error).message;
    return { level: 'fail', about, found, todo };
  }
}

async function lookAround(settings: Settings): Promise<Finding[]> {
  const { data, url } = settings;
  const files = adviceOnFiles(data);
  const rest = Promise.all([
    look('workflows', 'correct that file', () => lookAtWorkflows(settings)),
    look('mail', 'look at LATCHKEY_MAIL and at the mail server', () => lookAtMail(settings)),
    ...(settings.google ? [look('sign-in with', PROVIDER_TODO, () => lookAtProvider(settings))] : []),
    look('public URL', `look at LATCHKEY_URL (${url})`, () => lookAtUrl(url)),
  ]);
  return [...(await files), ...(await rest)];
}

async function lookAtWorkflows({ config }: Settings): Promise<Found> {
  const { workflows, warnings } = await loadDeclarations(config);
  if (warnings.length > 0)
    return { level: 'warn', found: warnings.join('; '), todo: 'see docs/privacy-rules.md' };
  return { level: 'ok', found: `${workflows.size} declared, all good` };
}

async function lookAtMail(settings: Settings): Promise<Found> {
  const transport = createTransport(settings);
  try {
    await transport.verify();
  } finally {
    transport.close();
  }
  return keptMail(settings.mail) ?? { level: 'ok', found: 'the mail server answers' };
}

/** Asks the identity provider for its metadata, and whether it knows us. */
async function lookAtProvider({ google, url }: Settings): Promise<Found> {
  if (google === undefined) return { level: 'ok', found: 'off' };
  const provider = createIdentityProvider({ registration: google, redirectUri: callbackUrl(url) });
  try {
    await provider.check();
  } catch (error) {
    const reason = reasonOf(error) ?? (error as Error).message;
    return {
      level: 'fail',
      found: `${google.issuer}: ${(error as Error).message} (${reason})`,
      todo: PROVIDER_TODO,
    };
  }
  return { level: 'ok', found: `${google.issuer} answers and knows this server` };
}

/** Asks the public URL who it is, as a client finds the provider (OpenID Connect Discovery section 4). */
async function lookAtUrl(url: string): Promise<Found> {
  const request = { redirect: 'manual', signal: AbortSignal.timeout(URL_MS_MAX) } as const;
  const response = await fetch(`${url}/.well-known/openid-configuration`, request).catch(() => undefined);
  if (response === undefined) {
    const todo = 'start the server; if it runs, look at the proxy before it, at DNS and at the certificate';
    return { level: 'warn', found: `${url} does not answer`, todo };
  }
  const metadata: unknown = response.ok ? await response.json().catch(() => undefined) : undefined;
  const issuer = (metadata as { issuer?: unknown } | undefined)?.issuer;
  if (issuer === url) return { level: 'ok', found: `${url} answers as itself` };
  const todo =
    'let LATCHKEY_URL and the proxy agree on scheme, host and port; what answers there must be Latchkey';
  const says = issuer === undefined ? `status ${response.status}` : `the issuer ${JSON.stringify(issuer)}`;
  return { level: 'fail', found: `${url} answers with ${says}`, todo };
}

async function lookAtStore(settings: Settings): Promise<Finding[]> {
  const todo = 'look at LATCHKEY_STORE, and whether the database runs and the folder may be written';
  const store = await openStore(settings.store, { mustExist: true }).catch((error: Error) => error);
  if (store instanceof NotThere) return [noStore(settings)];
  if (store instanceof Error) return [{ level: 'fail', about: 'store', found: store.message, todo }];
  try {
    return await Promise.all([
      look('store', todo, () => writeTo(store, settings)),
      look('signing keys', 'set the LATCHKEY_SECRET that the store was made with', () =>
        openKeys(store, settings.secret),
      ),
      look('mails', 'look at the store', () => countMails(store)),
      look('admin', 'look at the store', () => countAdmins(store)),
      look('scopes', 'look at the store', () => listGoneScopes(store, settings)),
      look('PKCE', 'look at the store', () => listWithoutPkce(store)),
    ]);
  } finally {
    await store.close();
  }
}

/** Beside a secret of an earlier start, an empty place is likelier a wrong path than a new installation. */
function noStore(settings: Settings): Finding {
  const found = `there is nothing at ${storeName(settings.store)}`;
  const beside = settings.secretIsOld ? `${found}, though the secret in ${settings.data} is older` : found;
  const todo =
    'start the server once (npm start), or let LATCHKEY_STORE or LATCHKEY_DATA name the one that you have';
  return { level: 'fail', about: 'store', found: beside, todo };
}

async function writeTo(store: Store, settings: Settings): Promise<Found> {
  const leases = await store.collection(leaseDeclaration);
  const id = `doctor-${process.pid}`;
  await leases.put({ id, holder: 'doctor', endsAt: 0 });
  if (!(await leases.remove(id))) throw new Error('what was written cannot be found');
  return { level: 'ok', found: `${storeName(settings.store)}, can be read and written` };
}

async function openKeys(store: Store, secret: string): Promise<Found> {
  const { keys } = await loadSigningKeys({ store, secret, clock: systemClock, mayMake: false });
  return { level: 'ok', found: `${keys.map((key) => key.alg).join(', ')}; they open with the secret` };
}

/** Longer than this no mail waits while the server runs and its mail server takes them. */
const MAIL_WAIT_SECONDS = 600;

async function countMails(store: Store): Promise<Found> {
  const outbox = await store.collection(messageDeclaration);
  const [waiting, givenUp] = await Promise.all([
    outbox.count([['dueAt', 'present']]),
    outbox.count([['failedAt', 'present']]),
  ]);
  const [oldest] = await outbox.list({ where: [['dueAt', 'present']], order: { by: 'createdAt' }, limit: 1 });
  const since = oldest === undefined ? '' : `, the oldest since ${timeToTheMinute(oldest.createdAt)}`;
  const found = `${waiting} waiting${since}; ${givenUp} given up`;
  const isLate = oldest !== undefined && oldest.createdAt < systemClock() - MAIL_WAIT_SECONDS;
  if (givenUp === 0 && !isLate) return { level: 'ok', found };
  return { level: 'warn', found, todo: 'latchkey mail list says why; mail retry ID has one sent once more' };
}

async function countAdmins(store: Store): Promise<Found> {
  const accounts = await store.collection(accountDeclaration);
  const admins = await accounts.count(ACTIVE_ADMINS);
  if (admins > 0) return { level: 'ok', found: admins === 1 ? 'one admin' : `${admins} admins` };
  const todo = 'open the link that the server prints, or use: latchkey accounts create --admin …';
  return { level: 'warn', found: 'there is no admin', todo };
}

/** Apps that may sign people in without PKCE (RFC 9700 section 2.1.1). */
async function listWithoutPkce(store: Store): Promise<Found> {
  const clients = await store.collection(clientDeclaration);
  const where = [
    ['withoutPkce', '=', true],
    ['revokedAt', 'absent'],
  ] as const;
  const excepted = await clients.list({ where, limit: APPS_NAMED_MAX });
  if (excepted.length === 0) return { level: 'ok', found: 'required of every app' };
  const names = excepted.map(({ name, id }) => `${name} (${id})`).join(', ');
  const todo = 'where its library can do PKCE by now, change that on the page of the app';
  return { level: 'warn', found: `not required of ${names}`, todo };
}

/** Scopes of workflows that were renamed or taken away, and who still holds them. */
async function listGoneScopes(store: Store, { config }: Settings): Promise<Found> {
  const { workflows, types } = await loadDeclarations(config);
  const gone = await findGoneScopes({
    clients: await store.collection(clientDeclaration),
    credentials: await store.collection(credentialDeclaration),
    scopes: createScopes([...workflows.values(), ISSUE_TOKEN], [...types.values()]),
  });
  if (gone.length === 0) return { level: 'ok', found: 'all that are held are declared' };
  const todo = 'declare these workflows again, or have the pages of those services, apps and tokens changed';
  return { level: 'warn', found: `no longer declared: ${goneScopesInWords(gone)}`, todo };
}
