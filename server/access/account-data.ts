import type { Collection, Listing, Where } from '../../adapters/port.ts';
import { ACTIVE_ONLY, type Account, type Identity } from '../accounts/account.ts';
import { auditOf } from '../accounts/accounts.ts';
import type { Identities } from '../accounts/identities.ts';
import { changedMeanwhile } from '../accounts/unchanged.ts';
import type { AuditEntry } from '../activity/audit.ts';
import type { Call } from '../activity/call.ts';
import type { Client } from '../credentials/client.ts';
import type { Credential } from '../credentials/credential.ts';
import type { Review } from '../credentials/review.ts';
import type { Effects } from '../effects/effects.ts';
import type { Actor } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import type { Limit, Limiter } from '../ground/limiter.ts';
import { ENTRIES_TAKEN_MAX } from '../ground/limits.ts';
import { HOUR_SECONDS, isoTime } from '../ground/time.ts';
import type { GrantRow, Grants } from './grants.ts';
import type { SessionList, SessionRow } from './session-list.ts';

/** Each reads all that there is of an account. */
const TAKE_LIMIT: Limit = { limit: 10, windowSeconds: HOUR_SECONDS };
const PAGE_ROWS = 200;

/** A row of a data type that the owner of the app declared. */
type OwnedRow = { id: string; createdAt: number; createdBy?: string | undefined };

/** The records of a data type, and what the rules of the type show of them to an account. */
type OwnedData = {
  rows: Collection<OwnedRow>;
  /** Undefined for a type that accounts know nothing of. */
  shownTo?: ((account: Account) => Promise<(row: OwnedRow) => object | undefined>) | undefined;
};

type Parts = {
  accountRows: Collection<Account>;
  credentials: Collection<Credential>;
  clients: Collection<Client>;
  reviews: Collection<Review>;
  audit: Collection<AuditEntry>;
  calls: Collection<Call>;
  data: ReadonlyMap<string, OwnedData>;
  identities: Pick<Identities, 'list'>;
  grants: Pick<Grants, 'list'>;
  sessions: Pick<SessionList, 'list'>;
  effects: Effects;
  limiter: Pick<Limiter, 'countEach'>;
  clock: Clock;
};

/**
 * What is kept of an account, for its owner to take along (GDPR article 20). Each field that goes out is named here:
 * one that is added to a row later, such as another hash, stays in.
 */
export function createAccountData(parts: Parts) {
  return {
    /**
     * One JSON document, in pieces of at most a page of rows, read while they are sent. Times are RFC 3339. That it was
     * taken is written down. Throws Problem 429.
     */
    async take(account: Account, actor: Actor): Promise<AsyncGenerator<string>> {
      const { limiter, effects, accountRows } = parts;
      await limiter.countEach([[`account-data:${account.id}`, TAKE_LIMIT]]);
      const caused = auditOf(account, 'account.data_taken', actor);
      const found = await effects.update(accountRows, account.id, {}, ACTIVE_ONLY, caused);
      if (found === undefined) throw changedMeanwhile();
      return documentOf(parts, account);
    },
  };
}

async function* documentOf(parts: Parts, account: Account): AsyncGenerator<string> {
  yield `{"taken_at":${JSON.stringify(isoTime(parts.clock()))},\n"account":${JSON.stringify(accountOf(account))}`;
  for (const [name, pages] of sectionsOf(parts, account.id)) {
    yield `,\n${JSON.stringify(name)}:`;
    yield* arrayOf(pages);
  }
  yield ',\n"data":{';
  let separator = '\n';
  for (const [type, { rows, shownTo }] of parts.data) {
    if (shownTo === undefined) continue;
    yield `${separator}${JSON.stringify(type)}:`;
    const shown = await shownTo(account);
    const pages = pagesOf(rows, { where: [['createdBy', '=', account.id]], by: 'createdAt' });
    yield* arrayOf(mapped(pages, (row) => recordOf(shown(row))));
    separator = ',\n';
  }
  yield '}}\n';
}

async function* arrayOf(pages: AsyncIterable<object[]>): AsyncGenerator<string> {
  yield '[';
  let separator = '\n';
  for await (const page of pages) {
    for (const row of page) {
      yield `${separator}${JSON.stringify(row)}`;
      separator = ',\n';
    }
  }
  yield ']';
}

function sectionsOf(parts: Parts, accountId: string): [name: string, pages: AsyncIterable<object[]>][] {
  const { credentials, clients, reviews, audit, calls, identities, grants, sessions } = parts;
  const theirs = ['accountId', '=', accountId] as const;
  const by = 'createdAt';
  const newest = { where: [theirs], by: 'at', most: ENTRIES_TAKEN_MAX } as const;
  const ofKind = (kind: Credential['kind']) => ({ where: [theirs, ['kind', '=', kind]], by }) as const;
  const clientsOf = (kind: Client['kind']) => ({ where: [theirs, ['kind', '=', kind]], by }) as const;
  return [
    ['sign_in_methods', once(async () => (await identities.list(accountId)).map(identityOf))],
    ['sessions', once(async () => (await sessions.list(accountId)).map(sessionOf))],
    ['tokens', mapped(pagesOf(credentials, ofKind('personal_access_token')), credentialOf)],
    ['services', mapped(pagesOf(clients, clientsOf('service')), clientOf)],
    ['apps', mapped(pagesOf(clients, clientsOf('app')), clientOf)],
    ['client_secrets', mapped(pagesOf(credentials, ofKind('client_secret')), credentialOf)],
    ['connected_apps', once(async () => (await grants.list(accountId)).map(grantOf))],
    ['reviews', mapped(pagesOf(reviews, { where: [theirs], by }), reviewOf)],
    ['changes', mapped(pagesOf(audit, newest), changeOf)],
    ['calls', mapped(pagesOf(calls, newest), callOf)],
  ];
}

/** The newest first, a page at a time, and `most` of them in all. */
async function* pagesOf<R extends { id: string }>(
  collection: Pick<Collection<R>, 'list'>,
  wanted: { where: Where<R>; by: string & keyof R; most?: number },
): AsyncGenerator<R[]> {
  const { where, by, most = Number.POSITIVE_INFINITY } = wanted;
  let after: R | undefined;
  let left = most;
  do {
    const limit = Math.min(PAGE_ROWS, left);
    const page = { where, order: { by, descending: true }, limit } as Listing<R>;
    const rows: R[] = await collection.list(after === undefined ? page : { ...page, after });
    yield rows;
    left -= rows.length;
    after = rows.length < limit || left === 0 ? undefined : rows.at(-1);
  } while (after !== undefined);
}

/** Without those of which nothing is shown. */
async function* mapped<R>(
  pages: AsyncIterable<R[]>,
  shown: (row: R) => object | undefined,
): AsyncGenerator<object[]> {
  for await (const page of pages) yield page.flatMap((row) => shown(row) ?? []);
}

async function* once(read: () => Promise<object[]>): AsyncGenerator<object[]> {
  yield await read();
}

/** JSON leaves out what is undefined. */
function time(at: number | undefined): string | undefined {
  return at === undefined ? undefined : isoTime(at);
}

/** Its own fields as they are, and when it was made and changed as all other times. */
function recordOf(shown: object | undefined): object | undefined {
  if (shown === undefined) return undefined;
  const { createdAt, createdBy, modifiedAt, ...fields } = shown as Partial<OwnedRow> & {
    modifiedAt?: number;
  };
  return { ...fields, created_at: time(createdAt), modified_at: time(modifiedAt) };
}

function accountOf(account: Account): object {
  const { id, email, name, admin, createdAt, updatedAt, passwordHash, externalId, metadata } = account;
  return {
    ...{ id, email, name, admin, has_password: passwordHash !== undefined },
    ...{ external_id: externalId, metadata },
    ...{ created_at: time(createdAt), updated_at: time(updatedAt) },
  };
}

function identityOf({ issuer, subject, email, createdAt, lastUsedAt }: Identity): object {
  return { issuer, subject, email, created_at: time(createdAt), last_used_at: time(lastUsedAt) };
}

function sessionOf({ browser, seenFrom, createdAt, signedInAt, lastSeenAt }: SessionRow): object {
  const at = { created_at: time(createdAt), signed_in_at: time(signedInAt), last_seen_at: time(lastSeenAt) };
  return { browser, last_seen_from: seenFrom, ...at };
}

/** Without its hash and what is left of its value. */
function credentialOf(row: Credential): object {
  const { id, clientId, issuedBy, name, note, scopes, narrowing, lastUsedFrom, replaces, replacedBy } = row;
  return {
    ...{ id, client_id: clientId, issued_by: issuedBy, name, note, scopes },
    ...{ created_at: time(row.createdAt), expires_at: time(row.expiresAt) },
    ...{ paused_at: time(row.pausedAt), revoked_at: time(row.revokedAt) },
    ...{ last_used_at: time(row.lastUsedAt), last_used_from: lastUsedFrom },
    ...{ used_after_end_at: time(row.deadUseAt), honey: row.honey },
    ...{ metadata: row.metadata, imported: row.imported },
    ...{ replaces, replaced_by: replacedBy, ip_ranges: narrowing?.ipRanges },
    ...{ idle_days: narrowing?.idleDays, origin: narrowing?.origin, bounds: narrowing?.bounds },
  };
}

function clientOf(row: Client): object {
  const { id, name, actsFor, scopes, resourceServer, reason, applicationType, confidential } = row;
  const asApp = {
    redirect_uris: row.redirectUris,
    post_logout_redirect_uris: row.postLogoutRedirectUris,
    ...{ application_type: applicationType, confidential, without_pkce: row.withoutPkce },
  };
  const asService = { acts_for: actsFor, resource_server: resourceServer, reason };
  return {
    ...{ id, name, scopes, ...(row.kind === 'app' ? asApp : asService) },
    ...{ created_at: time(row.createdAt), paused_at: time(row.pausedAt), revoked_at: time(row.revokedAt) },
  };
}

function grantOf({ client, scopes, createdAt, lastUsedAt }: GrantRow): object {
  const at = { created_at: time(createdAt), last_used_at: time(lastUsedAt) };
  return { client_id: client.id, name: client.name, scopes, ...at };
}

/** Without the hashes of its links. */
function reviewOf({ month, createdAt, items }: Review): object {
  return {
    ...{ month, created_at: time(createdAt) },
    items: items.map(({ id, kind, name, reasons, keptAt, answer, answeredAt, answeredBy }) => ({
      ...{ id, kind, name, reasons, kept_at: time(keptAt), answer },
      ...{ answered_at: time(answeredAt), answered_by: answeredBy?.kind, answered_from: answeredBy?.from },
    })),
  };
}

/** Ids of other people, such as of an admin who did it, stay out. */
function changeOf({
  id,
  at,
  accountId,
  action,
  actor,
  targetId,
  targetName,
  refused,
  count,
}: AuditEntry): object {
  const isOther = actor.kind === 'account' && actor.id !== accountId;
  return {
    ...{ id, at: time(at), action, target_id: targetId, target_name: targetName, refused, count },
    actor: {
      ...{ kind: actor.kind, id: isOther ? undefined : actor.id, from: isOther ? undefined : actor.from },
      ...{ request_id: actor.requestId, reason: actor.reason },
    },
  };
}

function callOf(call: Call): object {
  const { id, clientId, tokenId, tokenKind, tokenName, method, path, status, result, from } = call;
  return {
    ...{ id, at: time(call.at), client_id: clientId, token_id: tokenId, token_kind: tokenKind },
    ...{ token_name: tokenName, method, path, status, result, from, request_id: call.requestId },
    ...{
      ms: call.ms,
      count: call.count,
      privacy_bypassed: call.privacyBypassed,
      records_hidden: call.hidden,
    },
  };
}
