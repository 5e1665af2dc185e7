import type { Account } from '../../server/accounts/account.ts';
import type { AuditEntry } from '../../server/activity/audit.ts';
import { createAuditIds } from '../../server/activity/entry-ids.ts';
import type { Attribution } from '../../server/activity/recorder.ts';
import type { Client } from '../../server/credentials/client.ts';
import type { Credential } from '../../server/credentials/credential.ts';
import { endsOf, newSecret } from '../../server/credentials/secret-format.ts';
import type { Domain } from '../../server/domain.ts';
import { hashOf, newId } from '../../server/ground/opaque.ts';
import { DAY_SECONDS, HOUR_SECONDS, isoDate } from '../../server/ground/time.ts';
import type { Message } from '../../server/mail/message.ts';
import type { Figures } from '../../server/management/figures.ts';

const ACCOUNTS = 1000;
const TOKENS_MAX_EACH = 5;
const CALLS = 1_000_000;
const DAYS = 60;
const BATCH_ROWS = 5000;
/** So many of 1000 tokens are in use at all. */
const IN_USE = 300;

/** The share of a day's calls in each hour (UTC): people work, programs do not sleep. */
const HOURS = [2, 2, 2, 2, 2, 3, 4, 6, 9, 10, 10, 9, 8, 9, 9, 8, 7, 6, 5, 4, 4, 3, 3, 2];
const HOURS_SUM = HOURS.reduce((sum, share) => sum + share, 0);

const SERVICES: readonly [name: string, scopes: string[], reason: string][] = [
  ['Nightly export', ['admin:data:transaction:read'], 'Copies every transaction into the warehouse'],
  ['Accounting by Ledgerly', ['admin:wf:create_transaction'], 'Books what customers pay'],
  ['Support desk', ['admin:manage'], 'Looks up accounts for the people who answer mails'],
  ['Sign-in of the shop', ['admin:portal-links'], 'Sends customers to their tokens'],
  ['Old importer', ['admin'], 'Moved the first customers here'],
];

/** Somebody or something that calls, and from where. */
type Caller = { whose: Attribution; from: string; use?: (at: number) => void };

/** What is there to be found, in the words of whoever would ask. */
export type Hidden = { leakedLastFour: string; burstAt: string };

type Parts = { domain: Domain; now: number; setClock: (at: number) => void; admin: Account };

/** Fills an installation as it is after two months: accounts, tokens, services, and a million calls. */
export async function fill(parts: Parts): Promise<Hidden> {
  const { domain, now } = parts;
  const { rows } = domain;
  const accounts = makeAccounts(now);
  const tokens = makeTokens(accounts, now);
  const { clients, secrets } = makeServices(parts.admin, now);
  await rows.accounts.insertMany(accounts);
  await rows.clients.insertMany(clients);
  await rows.audit.insertMany(makeAudit(accounts, tokens, clients));
  await rows.outbox.insertMany(makeMails(accounts, now));

  const leaked = tokens.find((_, place) => isUsed(place)) as Credential;
  const burstAt = lastTuesdayAtNine(now);
  await makeCalls(parts, {
    callers: [...tokens.filter((_, place) => isUsed(place)).map(callerOf), ...clients.flatMap(serviceCaller)],
    thief: { ...callerOf(leaked), from: '203.0.113.66' },
    burst: serviceCaller(clients[0] as Client, 0)[0] as Caller,
    burstAt,
  });
  await rows.figures.insertMany(makeFigures(now, tokens.length));
  for (const all of batchesOf([...tokens, ...secrets])) await rows.credentials.insertMany(all);
  return { leakedLastFour: leaked.lastFour, burstAt: new Date(burstAt * 1000).toISOString().slice(0, 16) };
}

/** Spread among the owners, and among the tokens of each. */
function isUsed(place: number): boolean {
  return (place * 7919) % 1000 < IN_USE;
}

function makeAccounts(now: number): Account[] {
  return Array.from({ length: ACCOUNTS }, (_, number) => {
    const email = `person${number + 1}@example.com`;
    const createdAt = now - DAYS * DAY_SECONDS - ((number * 97) % 300) * DAY_SECONDS;
    const suspended = number % 125 === 60 ? { suspendedAt: now - 3 * DAY_SECONDS } : {};
    return { id: newId('acc_'), email, emailKey: email, admin: false, createdAt, ...suspended };
  });
}

const TOKEN_NAMES = ['Laptop', 'Build server', 'Spreadsheet', 'Phone', 'Test script', 'Reporting'];

function makeTokens(accounts: readonly Account[], now: number): Credential[] {
  return accounts.flatMap(({ id: accountId, createdAt }, number) =>
    Array.from({ length: 1 + (number % TOKENS_MAX_EACH) }, (_, place): Credential => {
      const token = newCredential('personal_access_token', accountId, createdAt + place * DAY_SECONDS);
      const name = TOKEN_NAMES[(number + place) % TOKEN_NAMES.length] ?? '';
      const scopes = place % 2 === 0 ? ['wf:create_transaction', 'profile'] : ['profile'];
      // Of those that are in use, the calls say it.
      const lastUsedAt = number % 3 === 0 && place > 0 ? now - 100 * DAY_SECONDS : undefined;
      const revoked = (number + place) % 40 === 7 ? { revokedAt: now - place * DAY_SECONDS } : {};
      return {
        ...token,
        name,
        scopes,
        lastUsedAt,
        expiresAt: now + (5 + ((number * 13) % 300)) * DAY_SECONDS,
        ...revoked,
      };
    }),
  );
}

function makeServices(admin: Account, now: number): { clients: Client[]; secrets: Credential[] } {
  const createdAt = now - DAYS * DAY_SECONDS;
  const clients = SERVICES.map(
    ([name, scopes, reason]): Client => ({
      ...{ id: newId('svc_'), kind: 'service', name, accountId: admin.id, actsFor: 'app', scopes, reason },
      ...{ resourceServer: false, redirectUris: [], postLogoutRedirectUris: [], applicationType: 'web' },
      ...{ confidential: true, createdAt },
    }),
  );
  const secrets = clients.map(({ id: clientId, name }) => {
    const secret = newCredential('client_secret', admin.id, createdAt);
    const lastUsedAt = name === 'Old importer' ? undefined : now - HOUR_SECONDS;
    return { ...secret, clientId, name: 'First', expiresAt: now + 20 * DAY_SECONDS, lastUsedAt };
  });
  return { clients, secrets };
}

function newCredential(kind: Credential['kind'], accountId: string, createdAt: number): Credential {
  const value = newSecret(kind === 'client_secret' ? 'lk_cs_' : 'lk_pat_');
  const id = newId(kind === 'client_secret' ? 'sec_' : 'tok_');
  return { id, kind, hash: hashOf(value), ...endsOf(value), name: '', accountId, scopes: [], createdAt };
}

function makeAudit(
  accounts: readonly Account[],
  tokens: readonly Credential[],
  clients: readonly Client[],
): AuditEntry[] {
  const nextId = createAuditIds();
  const made = [
    ...accounts.map(({ id, email, createdAt }) => ['account.created', id, id, email, createdAt] as const),
    ...tokens.map((one) => ['token.created', one.accountId, one.id, one.name, one.createdAt] as const),
    ...clients.map((one) => ['service.created', one.accountId, one.id, one.name, one.createdAt] as const),
  ];
  return made.map(([action, accountId, targetId, targetName, at]) => ({
    ...{ id: nextId(at), at, accountId, action, targetId, targetName, actorKey: accountId },
    actor: { kind: 'account', id: accountId, from: '192.0.2.7' },
  }));
}

const FAULTS = ['EENVELOPE RCPT TO 550', 'EENVELOPE RCPT TO 552', 'ETIMEDOUT'];

/** Those that were given up. */
function makeMails(accounts: readonly Account[], now: number): Message[] {
  return accounts
    .filter((_, number) => number % 150 === 7)
    .map(({ email: to }, place) => {
      const text = 'The token “Laptop” of your account ends in 7 days.';
      const createdAt = now - (place + 1) * HOUR_SECONDS;
      const mail = { id: newId('mail_'), to, subject: '“Laptop” ends in 7 days', text, html: text };
      return {
        ...mail,
        createdAt,
        attempts: 5,
        failedAt: createdAt + HOUR_SECONDS / 2,
        error: FAULTS[place % FAULTS.length],
      };
    });
}

/** How much there was at the end of each day; today the server counts. */
function makeFigures(now: number, tokens: number): Figures[] {
  const today = now - (now % DAY_SECONDS);
  return Array.from({ length: DAYS }, (_, place): Figures => {
    const day = today - (DAYS - place) * DAY_SECONDS;
    const share = 0.8 + (0.2 * place) / DAYS;
    const live = Math.round(tokens * share);
    const [used, unused] = [Math.round(live * 0.3), Math.round(live * 0.1)];
    return {
      ...{ id: isoDate(day), day, countedAt: day + DAY_SECONDS - 1, rows: 2 * ACCOUNTS + live },
      ...{ accounts: Math.round(ACCOUNTS * share), suspendedAccounts: 0, admins: 1 },
      ...{ services: SERVICES.length, apps: 0, pausedCredentials: 0 },
      ...{ usedCredentials: used, unusedCredentials: unused, neverUsedCredentials: live - used - unused },
    };
  });
}

function callerOf(token: Credential, place: number = 0): Caller {
  const { id: tokenId, kind: tokenKind, name: tokenName, accountId } = token;
  const use = (at: number) => Object.assign(token, { lastUsedAt: at, lastUsedFrom: from });
  const from = `198.51.100.${1 + (place % 250)}`;
  return { whose: { tokenId, tokenKind, tokenName, accountId }, from, use };
}

/** The last service calls no more. */
function serviceCaller(client: Client, place: number): Caller[] {
  if (place === SERVICES.length - 1) return [];
  const { id: clientId, accountId, name: tokenName } = client;
  const tokenId = `at_${clientId.slice(-20)}`;
  const whose = { tokenId, tokenKind: 'access_token', tokenName, accountId, clientId, privacyBypassed: true };
  return [{ whose, from: `192.0.2.${10 + place}` }];
}

type Callers = { callers: readonly Caller[]; thief: Caller; burst: Caller; burstAt: number };

/** In the order of time, so that each row lands at the end of its index. */
async function makeCalls({ domain, now, setClock }: Parts, wanted: Callers): Promise<void> {
  const { rows, recorder, callCounts, totals } = domain;
  const first = now - (now % HOUR_SECONDS) - DAYS * DAY_SECONDS;
  for (let hour = first; hour < now; hour += HOUR_SECONDS) {
    const calls = callsOf(hour, now, wanted).map(({ at, caller, isOdd }) => {
      setClock(at);
      caller.use?.(at);
      return recorder.entry(caller.whose, whatWasCalled(caller, isOdd));
    });
    for (const all of batchesOf(calls)) await rows.calls.insertMany(all);
    for (const call of calls) {
      callCounts.add(call);
      totals.add(call);
    }
    for (let signIns = 0; signIns < calls.length / 40; signIns += 1)
      totals.addSignIn(signIns % 12 === 5 ? 'sign_in_refused' : 'signed_in');
    await totals.flush();
    // Counted by the day.
    if ((hour + HOUR_SECONDS) % DAY_SECONDS === 0) await callCounts.flush();
  }
  await callCounts.flush();
  setClock(now);
}

function callsOf(hour: number, now: number, { callers, thief, burst, burstAt }: Callers) {
  const share = HOURS[(hour % DAY_SECONDS) / HOUR_SECONDS] ?? 0;
  const count = Math.round((CALLS / DAYS) * (share / HOURS_SUM));
  const spread = (many: number, seconds: number, whose: () => Caller, isOdd: boolean) =>
    Array.from({ length: many }, (_, number) => ({
      ...{ at: hour + Math.floor((number * seconds) / many), caller: whose(), isOdd },
    }));
  // A few call most.
  const anybody = () => callers[Math.floor(callers.length * Math.random() ** 3)] as Caller;
  const isNight = (hour % DAY_SECONDS) / HOUR_SECONDS === 3 && hour > now - 3 * DAY_SECONDS;
  const all = [
    ...spread(count, HOUR_SECONDS, anybody, false),
    ...(isNight ? spread(1500, 1800, () => thief, true) : []),
    ...(hour === burstAt ? spread(25_000, 900, () => burst, false) : []),
  ];
  return all.filter(({ at }) => at < now).sort((one, other) => one.at - other.at);
}

function whatWasCalled({ whose, from }: Caller, isOdd: boolean) {
  const chance = Math.random();
  const isService = whose.clientId !== undefined;
  const read = isService || chance < 0.4 ? '/api/1.1/me' : '/api/1.1/wf/create_transaction';
  const [status, result] =
    chance > (isOdd ? 0.5 : 0.985)
      ? ([403, 'insufficient_scope'] as const)
      : chance > 0.982 && !isOdd
        ? ([500, 'INTERNAL_ERROR'] as const)
        : ([200, 'success'] as const);
  const ms = 3 + Math.round(-Math.log(1 - Math.random()) * 12);
  const method = read.endsWith('me') ? 'GET' : 'POST';
  return { method, path: read, status, result, from, ms, requestId: newId('') };
}

function lastTuesdayAtNine(now: number): number {
  const midnight = now - (now % DAY_SECONDS);
  // 1 January 1970 was a Thursday.
  const back = (midnight / DAY_SECONDS + 4 - 2) % 7;
  const tuesday = midnight - (back === 0 ? 7 : back) * DAY_SECONDS;
  return tuesday + 9 * HOUR_SECONDS;
}

function batchesOf<T>(all: readonly T[]): T[][] {
  const count = Math.ceil(all.length / BATCH_ROWS);
  return Array.from({ length: count }, (_, place) => all.slice(place * BATCH_ROWS, (place + 1) * BATCH_ROWS));
}
