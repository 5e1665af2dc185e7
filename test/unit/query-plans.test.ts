import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, it } from 'node:test';
import { openForReading } from '../../adapters/sqlite/database.ts';
import type { Account } from '../../server/accounts/account.ts';
import type { Filter } from '../../server/activity/activity.ts';
import { countAdminUse } from '../../server/activity/admin-use.ts';
import type { Client } from '../../server/credentials/client.ts';
import { createIdleEnds } from '../../server/credentials/idle-ends.ts';
import type { AccountsAsked } from '../../server/management/account-list.ts';
import type { ChangesAsked } from '../../server/management/audit-list.ts';
import type { CallsAsked } from '../../server/management/call-list.ts';
import type { CredentialsAsked } from '../../server/management/credential-list.ts';
import type { ServicesAsked } from '../../server/management/service-list.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';

/**
 * How SQLite answers what pages ask for: each statement that it is given is explained, and each must search by an
 * index that leads to the rows in their order, so that what is read is bounded by what is shown. (FerretDB explains
 * nothing of its own indexes.)
 */
describe('what pages list is found by an index', () => {
  let domain: TestDomain;
  let ann: Account;
  const prepared = new Set<string>();
  const { prepare } = DatabaseSync.prototype;
  before(async () => {
    DatabaseSync.prototype.prepare = function (text) {
      prepared.add(text);
      return prepare.call(this, text);
    };
    domain = await openTestDomain();
    ann = await domain.account('ann@example.com');
    // What is counted is not counted again for the next minute.
    await domain.figures.latest();
  });
  after(async () => {
    DatabaseSync.prototype.prepare = prepare;
    await domain.stop();
  });

  /** The plans of all that is read by this work. */
  async function plansOf(work: () => Promise<unknown>): Promise<string[]> {
    prepared.clear();
    await work();
    const reads = [...prepared].filter((text) => /^(SELECT (doc|count)|DELETE)/.test(text));
    const file = domain.settings.store.slice('sqlite:'.length);
    return reads.map((text) => {
      const open = openForReading(text.includes('"calls"') ? file.replace('.db', '-calls.db') : file);
      const steps = prepare.call(open, `EXPLAIN QUERY PLAN ${text}`).all();
      open.close();
      return steps.map(({ detail }) => detail).join('; ');
    });
  }

  const activity = (about?: Filter['about'], after = '', filter: Filter = {}) =>
    domain.activity.list({ accountId: ann.id, about, after, ...filter, limit: 50 });
  const during = { from: 1_700_000_000, before: 1_900_000_000 };
  const cursor = '1800000000.abc';
  const client = { clientId: 'svc_1', secretIds: ['sec_1', 'sec_2'] };

  const NO_CALLS = { account: '', credential: '', result: '', address: '', adminUse: false };
  const calls = (asked: Partial<CallsAsked>, from = '') =>
    domain.callList.list({ ...NO_CALLS, ...asked }, { cursor: from, limit: 50 });
  const NO_CHANGES = { account: '', actor: '', action: '', target: '', address: '', withReason: false };
  const changes = (asked: Partial<ChangesAsked>, from = '') =>
    domain.auditList.list({ ...NO_CHANGES, ...asked }, { cursor: from, limit: 50 });
  const byId = Buffer.from('["call_x","call_x"]').toString('base64url');
  const byTime = Buffer.from('["x",1800000000]').toString('base64url');
  const everybodys = (asked: Partial<ServicesAsked>, cursor = '') =>
    domain.serviceList.list({ search: '', admin: false, ...asked }, { cursor, limit: 50 });
  /** As a list gives it. */
  const PLACE = Buffer.from(JSON.stringify(['svc_1', 1_800_000_000])).toString('base64url');

  const idle = () => createIdleEnds({ ...domain, credentials: domain.rows.credentials }).run(domain.clock());

  const reviewsOf = (asked: object) =>
    domain.reviewList.list({ search: '', month: '', ...asked }, { cursor: '', limit: 50 });
  const accountsOf = (state: AccountsAsked['state'], cursor: string) =>
    domain.accountList.list({ search: '', state }, { cursor, limit: 50 });
  const mails = (asked: object) =>
    domain.mails.list({ search: '', fault: '', ...asked }, { cursor: '', limit: 50 });

  /** Those of everybody, as admins ask for them, from their first page on or from some place. */
  const credentialsOf = (asked: CredentialsAsked, place?: string | number) => {
    const cursor = place === undefined ? '' : Buffer.from(JSON.stringify(['x', place])).toString('base64url');
    return domain.credentialList.list(asked, { cursor, limit: 50 });
  };

  /** Few in one account, and sorted: sessions and grants, credentials that never expire, and the secrets of one client. */
  const SORTED = [
    /artifacts\.by\./,
    /identities\.by\./,
    /credentials\.by\.accountId,revokedAt,expiresAt \(<expr>=\? AND <expr>=\? AND <expr>=\?\)/,
    /credentials\.by\.clientId,createdAt/,
  ];

  const LISTINGS: [what: string, list: () => Promise<unknown>, indexes: RegExp[]][] = [
    ['all activity', () => activity(), [/audit\.by\.accountId,at /, /calls\.by\.accountId,at /]],
    [
      'its next page',
      () => activity(undefined, cursor),
      [/audit\.by\.accountId,at .*<\?/, /calls\.by\.accountId,at .*<\?/],
    ],
    [
      'activity of a token',
      () => activity({ tokenId: 'tok_1' }),
      [/audit\.by\.accountId,targetId,at /, /calls\.by\.accountId,tokenId,at /],
    ],
    [
      'its next page',
      () => activity({ tokenId: 'tok_1' }, cursor),
      [/targetId,at .*<\?/, /tokenId,at .*<\?/],
    ],
    ['activity of a client', () => activity(client), [/calls\.by\.clientId,accountId,at /]],
    ['its next page', () => activity(client, cursor), [/clientId,accountId,at .*<\?/]],
    [
      'of a period',
      () => activity(undefined, '', during),
      [/audit\.by\.accountId,at .*<\?/, /calls\.by\.accountId,at .*<\?/],
    ],
    [
      'of a token and a period',
      () => activity({ tokenId: 'tok_1' }, '', during),
      [/targetId,at .*<\?/, /tokenId,at .*<\?/],
    ],
    ['of a client and a period', () => activity(client, cursor, during), [/clientId,accountId,at .*<\?/]],
    ['what succeeded', () => activity({ tokenId: 'tok_1' }, '', { result: 'success' }), []],
    [
      'what was refused',
      () => activity(undefined, '', { result: 'refused' }),
      [/calls\.by\.refused,accountId,at /],
    ],
    [
      'of a client, with a code and a period',
      () => activity(client, cursor, { ...during, result: 'MISSING_DATA' }),
      [/calls\.by\.refused,accountId,at .*<\?/],
    ],
    [
      'what a request did',
      () => activity(undefined, '', { requestId: '0qoc1c0-x' }),
      [/audit\.by\.accountId,at .*>\?/, /calls\.by\.accountId,at .*>\?/],
    ],
    [
      'calls a day',
      () => domain.callCounts.of({ accountId: ann.id, about: { tokenId: 'tok_1' }, ...during }),
      [/call_counts\.by\.series,day .*>\?/],
    ],
    ['totals of everybody', () => domain.totals.last('hour', 24), [/totals\.by\.series,startsAt .*>\?/]],
    [
      'the overview',
      () => domain.overview.of('month'),
      [/figures\.by\.day /, /outbox\.by\.dueAt /, /outbox\.by\.failedAt /],
    ],
    [
      'use of a service as an admin',
      () =>
        countAdminUse(
          { ...domain, calls: domain.rows.calls },
          { id: 'svc_1', accountId: ann.id },
          domain.clock(),
        ),
      [/calls\.by\.clientId,accountId,at .*>\?/],
    ],
    [
      'tokens',
      () => domain.tokens.list(ann.id),
      [
        /credentials\.by\.accountId,revokedAt,expiresAt .*expr>>\?/,
        /accountId,revokedAt,expiresAt .*expr><\?/,
      ],
    ],
    [
      'what holds a scope that is gone',
      () => domain.declared.goneScopes(),
      [/sqlite_autoindex_clients_1 \(id>\?\)/, /sqlite_autoindex_credentials_1 \(id>\?\)/],
    ],
    ['tokens that lie idle', () => idle(), [/credentials\.by\.idleAt /]],
    ['services', () => domain.services.list(ann.id), [/clients\.by\.accountId,kind,revokedAt,createdAt /]],
    ['apps', () => domain.apps.list(ann.id), [/clients\.by\.accountId,kind,revokedAt,createdAt /]],
    [
      'apps of everybody',
      () => domain.appList.list({ search: '' }, { cursor: '', limit: 50 }),
      [/clients\.by\.kind,createdAt \(/],
    ],
    ['services of everybody', () => everybodys({}), [/clients\.by\.kind,createdAt \(/]],
    ['their next page', () => everybodys({}, PLACE), [/clients\.by\.kind,createdAt .*<\?/]],
    ['live ones', () => everybodys({ state: 'live' }), [/clients\.by\.kind,revokedAt,createdAt /]],
    ['paused ones', () => everybodys({ state: 'paused' }), [/clients\.by\.pausedAt .*>\?/]],
    ['revoked ones', () => everybodys({ state: 'revoked' }), [/clients\.by\.kind,revokedAt,createdAt .*>\?/]],
    ['those past privacy rules', () => everybodys({ admin: true }), [/clients\.by\.actsFor,createdAt /]],
    ['of an owner', () => everybodys({ search: ann.id }), [/clients\.by\.accountId,kind,createdAt /]],
    [
      'calls of a service for a list',
      () => domain.callCounts.total({ accountId: ann.id, about: { clientId: 'svc_1' }, from: 1_800_000_000 }),
      [/call_counts\.by\.series,day .*>\?/],
    ],
    [
      'secrets',
      () => domain.secrets.list({ accountId: ann.id, clientId: 'svc_1' }),
      [/credentials\.by\.clientId,createdAt /],
    ],
    [
      'of everybody, by what is left of a value',
      () => credentialsOf({ lastFour: 'abcd' }),
      [/by\.lastFour,createdAt /],
    ],
    ['of a client', () => credentialsOf({ clientId: 'svc_1' }), [/by\.clientId,createdAt /]],
    ['of an owner', () => credentialsOf({ accountId: ann.id }, 1e9), [/by\.accountId,createdAt .*<\?/]],
    [
      'paused ones of an owner',
      () => credentialsOf({ accountId: ann.id, state: 'paused' }, 1e9),
      [/by\.accountId,revokedAt,createdAt .*<\?/],
    ],
    [
      'revoked ones of an owner, and none beside them',
      () => credentialsOf({ accountId: ann.id, state: 'revoked' }),
      [/by\.accountId,revokedAt,\w+ \(<expr>=\? AND <expr>>\?\)/],
    ],
    [
      'the next page of what is paused',
      () => credentialsOf({ state: 'paused' }, 1e9),
      [/by\.pausedAt .*<\?/],
    ],
    ['of what expired', () => credentialsOf({ state: 'expired' }), [/by\.expiresAt .*<\?/]],
    ['its next page', () => credentialsOf({ state: 'expired' }, 1e9), [/by\.expiresAt .*<\?/]],
    [
      'the next page of what is revoked',
      () => credentialsOf({ state: 'revoked' }, 1e9),
      [/by\.revokedAt .*<\?/],
    ],
    ['of live ones', () => credentialsOf({ state: 'live' }, 1e9), [/by\.createdAt .*<\?/]],
    ['of secrets', () => credentialsOf({ kind: 'client_secret' }, 'svc_1'), [/by\.clientId,createdAt .*<\?/]],
    ['connected apps', () => domain.grants.list(ann.id), [/artifacts\.by\.accountId,model /]],
    [
      'who let an app in',
      () => domain.appList.grants({ id: 'app_1' } as Client, { cursor: '', limit: 50 }),
      [/artifacts\.by\.grantClientId,createdAt /],
    ],
    [
      'apps of an owner',
      () => domain.appList.list({ search: ann.id }, { cursor: '', limit: 50 }),
      [/clients\.by\.accountId,kind,createdAt /],
    ],
    [
      'open invitations',
      () => domain.invitationList.list({ cursor: '', limit: 50 }),
      [/mailed_invitations\.by\.expiresAt /],
    ],
    ['secrets of an account', () => domain.secrets.listOfAccount(ann.id), []],
    ['sessions', () => domain.sessionList.list(ann.id), [/artifacts\.by\.accountId,model /]],
    ['reviews', () => domain.reviews.list(ann.id), [/reviews\.by\.accountId,createdAt /]],
    ['reviews of everybody', () => reviewsOf({}), [/reviews\.by\.answerBy .*>\?/]],
    ['of a month', () => reviewsOf({ month: '2030-03' }), [/reviews\.by\.answerBy .*>\?/]],
    ['of somebody', () => reviewsOf({ search: 'bob@example.com' }), []],
    ['mails that wait', () => mails({ state: 'waiting' }), [/outbox\.by\.dueAt .*>\?/]],
    ['that were sent', () => mails({ state: 'sent' }), [/outbox\.by\.sentAt .*>\?/]],
    ['that were given up', () => mails({}), [/outbox\.by\.failedAt .*>\?/]],
    ['for one reason', () => mails({ fault: 'ECONNECTION' }), [/outbox\.by\.error,failedAt .*>\?/]],
    ['to one address', () => mails({ search: 'bob@example.com' }), [/outbox\.by\.to,createdAt /]],
    ['calls of everybody', () => calls({ ...during }), [/sqlite_autoindex_calls_1 \(id<\?\)/]],
    ['their next page', () => calls(during, byId), [/sqlite_autoindex_calls_1 \(id<\?\)/]],
    ['those refused', () => calls({ ...during, result: 'refused' }), [/calls\.by\.refused,at .*<\?/]],
    ['their next page', () => calls({ result: 'X' }, byTime), [/calls\.by\.refused,at .*<\?/]],
    [
      'those of an account, refused',
      () => calls({ ...during, account: ann.id, result: 'failed' }),
      [/calls\.by\.refused,accountId,at .*<\?/],
    ],
    ['those of an account', () => calls({ ...during, account: ann.email, adminUse: true }, byTime), []],
    [
      'those of an account with a token',
      () => calls({ ...during, account: ann.id, credential: 'tok_1' }),
      [],
    ],
    ['those of one request', () => calls({ requestId: '0qoc1c0-x' }), [/sqlite_autoindex_calls_1 \(id>\?\)/]],
    ['changes of everybody', () => changes(during), [/audit\.by\.at .*<\?/]],
    ['their next page', () => changes({ address: '192.0.2.1' }, byTime), [/audit\.by\.at .*<\?/]],
    ['those of an account', () => changes({ account: ann.id, action: 'x' }), [/audit\.by\.accountId,at /]],
    ['those by somebody', () => changes({ ...during, actor: 'operator' }), [/audit\.by\.actorKey,at .*<\?/]],
    ['those of a kind', () => changes({ action: 'x' }, byTime), [/audit\.by\.action,at .*<\?/]],
    ['those of a thing', () => changes({ target: 'x', actor: 'y' }), [/audit\.by\.targetId,at /]],
    ['those of one request', () => changes({ requestId: '0qoc1c0-x' }), [/audit\.by\.at .*>\?/]],
    [
      'whether there are imported keys',
      () => domain.importedKeys.exist(),
      [/credentials\.by\.imported,createdAt /],
    ],
    ['accounts of everybody', () => accountsOf(undefined, byTime), [/accounts\.by\.createdAt .*<\?/]],
    ['the admins among them', () => accountsOf('admin', byTime), [/accounts\.by\.admin,createdAt .*<\?/]],
    ['those that are suspended', () => accountsOf('suspended', byTime), [/accounts\.by\.suspendedAt .*<\?/]],
    [
      'whether another admin is left',
      () => domain.admins.requireOther({ ...ann, admin: true }).catch(() => undefined),
      [/accounts\.by\.admin,createdAt \(/],
    ],
    ['identities', () => domain.identities.list(ann.id), [/identities\.by\.accountId /]],
  ];
  for (const [what, list, indexes] of LISTINGS) {
    it(what, async () => {
      const plans = await plansOf(list);
      for (const plan of plans) {
        assert.match(plan, /^SEARCH/);
        assert.doesNotMatch(plan, /SCAN/);
        if (!SORTED.some((few) => few.test(plan))) assert.doesNotMatch(plan, /TEMP B-TREE FOR ORDER BY/);
      }
      // What was prepared for an earlier listing is not prepared again.
      for (const index of plans.length === 0 ? [] : indexes) {
        assert.ok(
          plans.some((plan) => index.test(plan)),
          `${index} in\n${plans.join('\n')}`,
        );
      }
    });
  }

  it('what a new token, a new client and the removal of what is over look at', async () => {
    const expiresAt = domain.clock() + 60;
    const wanted = { account: ann, name: 'T', scopes: ['profile'], expiresAt };
    const service = { id: 'svc_1', name: 'S' };
    const plans = await plansOf(async () => {
      await domain.tokens.mint(wanted, actor);
      await domain.tokens.issue({ ...wanted, service, replace: true, overlapSeconds: 0 }, actor);
      await domain.services.create({ ...wanted, actsFor: 'account', resourceServer: false }, actor);
      await domain.jobs.runOnce();
    });
    assert.ok(plans.length > 10);
    for (const plan of plans) {
      assert.doesNotMatch(plan, /SCAN/);
      if (!SORTED.some((few) => few.test(plan))) assert.doesNotMatch(plan, /TEMP B-TREE FOR ORDER BY/);
    }
  });
});
