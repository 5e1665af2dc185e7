import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, it } from 'node:test';
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
      const open = new DatabaseSync(text.includes('"calls"') ? file.replace('.db', '-calls.db') : file);
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
    /artifacts_by/,
    /identities_by/,
    /credentials_by_accountId_revokedAt_expiresAt \(<expr>=\? AND <expr>=\? AND <expr>=\?\)/,
    /credentials_by_clientId_createdAt/,
  ];

  const LISTINGS: [what: string, list: () => Promise<unknown>, indexes: RegExp[]][] = [
    ['all activity', () => activity(), [/audit_by_accountId_at /, /calls_by_accountId_at /]],
    [
      'its next page',
      () => activity(undefined, cursor),
      [/audit_by_accountId_at .*<\?/, /calls_by_accountId_at .*<\?/],
    ],
    [
      'activity of a token',
      () => activity({ tokenId: 'tok_1' }),
      [/audit_by_accountId_targetId_at /, /calls_by_accountId_tokenId_at /],
    ],
    [
      'its next page',
      () => activity({ tokenId: 'tok_1' }, cursor),
      [/targetId_at .*<\?/, /tokenId_at .*<\?/],
    ],
    ['activity of a client', () => activity(client), [/calls_by_clientId_accountId_at /]],
    ['its next page', () => activity(client, cursor), [/clientId_accountId_at .*<\?/]],
    [
      'of a period',
      () => activity(undefined, '', during),
      [/audit_by_accountId_at .*<\?/, /calls_by_accountId_at .*<\?/],
    ],
    [
      'of a token and a period',
      () => activity({ tokenId: 'tok_1' }, '', during),
      [/targetId_at .*<\?/, /tokenId_at .*<\?/],
    ],
    ['of a client and a period', () => activity(client, cursor, during), [/clientId_accountId_at .*<\?/]],
    ['what succeeded', () => activity({ tokenId: 'tok_1' }, '', { result: 'success' }), []],
    [
      'what was refused',
      () => activity(undefined, '', { result: 'refused' }),
      [/calls_by_refused_accountId_at /],
    ],
    [
      'of a client, with a code and a period',
      () => activity(client, cursor, { ...during, result: 'MISSING_DATA' }),
      [/calls_by_refused_accountId_at .*<\?/],
    ],
    [
      'what a request did',
      () => activity(undefined, '', { requestId: '0qoc1c0-x' }),
      [/audit_by_accountId_at .*>\?/, /calls_by_accountId_at .*>\?/],
    ],
    [
      'calls a day',
      () => domain.callCounts.of({ accountId: ann.id, about: { tokenId: 'tok_1' }, ...during }),
      [/call_counts_by_series_day .*>\?/],
    ],
    ['totals of everybody', () => domain.totals.last('hour', 24), [/totals_by_series_startsAt .*>\?/]],
    [
      'the overview',
      () => domain.overview.of('month'),
      [/figures_by_day /, /outbox_by_dueAt /, /outbox_by_failedAt /],
    ],
    [
      'use of a service as an admin',
      () =>
        countAdminUse(
          { ...domain, calls: domain.rows.calls },
          { id: 'svc_1', accountId: ann.id },
          domain.clock(),
        ),
      [/calls_by_clientId_accountId_at .*>\?/],
    ],
    [
      'tokens',
      () => domain.tokens.list(ann.id),
      [/credentials_by_accountId_revokedAt_expiresAt .*expr>>\?/, /accountId_revokedAt_expiresAt .*expr><\?/],
    ],
    [
      'what holds a scope that is gone',
      () => domain.declared.goneScopes(),
      [/sqlite_autoindex_clients_1 \(id>\?\)/, /sqlite_autoindex_credentials_1 \(id>\?\)/],
    ],
    ['tokens that lie idle', () => idle(), [/credentials_by_idleAt /]],
    ['services', () => domain.services.list(ann.id), [/clients_by_accountId_kind_revokedAt_createdAt /]],
    ['apps', () => domain.apps.list(ann.id), [/clients_by_accountId_kind_revokedAt_createdAt /]],
    [
      'apps of everybody',
      () => domain.appList.list({ search: '' }, { cursor: '', limit: 50 }),
      [/clients_by_kind_createdAt \(/],
    ],
    ['services of everybody', () => everybodys({}), [/clients_by_kind_createdAt \(/]],
    ['their next page', () => everybodys({}, PLACE), [/clients_by_kind_createdAt .*<\?/]],
    ['live ones', () => everybodys({ state: 'live' }), [/clients_by_kind_revokedAt_createdAt /]],
    ['paused ones', () => everybodys({ state: 'paused' }), [/clients_by_pausedAt .*>\?/]],
    ['revoked ones', () => everybodys({ state: 'revoked' }), [/clients_by_kind_revokedAt_createdAt .*>\?/]],
    ['those past privacy rules', () => everybodys({ admin: true }), [/clients_by_actsFor_createdAt /]],
    ['of an owner', () => everybodys({ search: ann.id }), [/clients_by_accountId_kind_createdAt /]],
    [
      'calls of a service for a list',
      () => domain.callCounts.total({ accountId: ann.id, about: { clientId: 'svc_1' }, from: 1_800_000_000 }),
      [/call_counts_by_series_day .*>\?/],
    ],
    [
      'secrets',
      () => domain.secrets.list({ accountId: ann.id, clientId: 'svc_1' }),
      [/credentials_by_clientId_createdAt /],
    ],
    [
      'of everybody, by what is left of a value',
      () => credentialsOf({ lastFour: 'abcd' }),
      [/by_lastFour_createdAt /],
    ],
    ['of a client', () => credentialsOf({ clientId: 'svc_1' }), [/by_clientId_createdAt /]],
    ['of an owner', () => credentialsOf({ accountId: ann.id }, 1e9), [/by_accountId_createdAt .*<\?/]],
    [
      'paused ones of an owner',
      () => credentialsOf({ accountId: ann.id, state: 'paused' }, 1e9),
      [/by_accountId_revokedAt_createdAt .*<\?/],
    ],
    [
      'revoked ones of an owner, and none beside them',
      () => credentialsOf({ accountId: ann.id, state: 'revoked' }),
      [/by_accountId_revokedAt_\w+ \(<expr>=\? AND <expr>>\?\)/],
    ],
    ['the next page of what is paused', () => credentialsOf({ state: 'paused' }, 1e9), [/by_pausedAt .*<\?/]],
    ['of what expired', () => credentialsOf({ state: 'expired' }), [/by_expiresAt .*<\?/]],
    ['its next page', () => credentialsOf({ state: 'expired' }, 1e9), [/by_expiresAt .*<\?/]],
    [
      'the next page of what is revoked',
      () => credentialsOf({ state: 'revoked' }, 1e9),
      [/by_revokedAt .*<\?/],
    ],
    ['of live ones', () => credentialsOf({ state: 'live' }, 1e9), [/by_createdAt .*<\?/]],
    ['of secrets', () => credentialsOf({ kind: 'client_secret' }, 'svc_1'), [/by_clientId_createdAt .*<\?/]],
    ['connected apps', () => domain.grants.list(ann.id), [/artifacts_by_accountId_model /]],
    [
      'who let an app in',
      () => domain.appList.grants({ id: 'app_1' } as Client, { cursor: '', limit: 50 }),
      [/artifacts_by_grantClientId_createdAt /],
    ],
    [
      'apps of an owner',
      () => domain.appList.list({ search: ann.id }, { cursor: '', limit: 50 }),
      [/clients_by_accountId_kind_createdAt /],
    ],
    [
      'open invitations',
      () => domain.invitationList.list({ cursor: '', limit: 50 }),
      [/mailed_invitations_by_expiresAt /],
    ],
    ['secrets of an account', () => domain.secrets.listOfAccount(ann.id), []],
    ['sessions', () => domain.sessionList.list(ann.id), [/artifacts_by_accountId_model /]],
    ['reviews', () => domain.reviews.list(ann.id), [/reviews_by_accountId_createdAt /]],
    ['reviews of everybody', () => reviewsOf({}), [/reviews_by_answerBy .*>\?/]],
    ['of a month', () => reviewsOf({ month: '2030-03' }), [/reviews_by_answerBy .*>\?/]],
    ['of somebody', () => reviewsOf({ search: 'bob@example.com' }), []],
    ['mails that wait', () => mails({ state: 'waiting' }), [/outbox_by_dueAt .*>\?/]],
    ['that were sent', () => mails({ state: 'sent' }), [/outbox_by_sentAt .*>\?/]],
    ['that were given up', () => mails({}), [/outbox_by_failedAt .*>\?/]],
    ['for one reason', () => mails({ fault: 'ECONNECTION' }), [/outbox_by_error_failedAt .*>\?/]],
    ['to one address', () => mails({ search: 'bob@example.com' }), [/outbox_by_to_createdAt /]],
    ['calls of everybody', () => calls({ ...during }), [/sqlite_autoindex_calls_1 \(id<\?\)/]],
    ['their next page', () => calls(during, byId), [/sqlite_autoindex_calls_1 \(id<\?\)/]],
    ['those refused', () => calls({ ...during, result: 'refused' }), [/calls_by_refused_at .*<\?/]],
    ['their next page', () => calls({ result: 'X' }, byTime), [/calls_by_refused_at .*<\?/]],
    [
      'those of an account, refused',
      () => calls({ ...during, account: ann.id, result: 'failed' }),
      [/calls_by_refused_accountId_at .*<\?/],
    ],
    ['those of an account', () => calls({ ...during, account: ann.email, adminUse: true }, byTime), []],
    [
      'those of an account with a token',
      () => calls({ ...during, account: ann.id, credential: 'tok_1' }),
      [],
    ],
    ['those of one request', () => calls({ requestId: '0qoc1c0-x' }), [/sqlite_autoindex_calls_1 \(id>\?\)/]],
    ['changes of everybody', () => changes(during), [/audit_by_at .*<\?/]],
    ['their next page', () => changes({ address: '192.0.2.1' }, byTime), [/audit_by_at .*<\?/]],
    ['those of an account', () => changes({ account: ann.id, action: 'x' }), [/audit_by_accountId_at /]],
    ['those by somebody', () => changes({ ...during, actor: 'operator' }), [/audit_by_actorKey_at .*<\?/]],
    ['those of a kind', () => changes({ action: 'x' }, byTime), [/audit_by_action_at .*<\?/]],
    ['those of a thing', () => changes({ target: 'x', actor: 'y' }), [/audit_by_targetId_at /]],
    ['those of one request', () => changes({ requestId: '0qoc1c0-x' }), [/audit_by_at .*>\?/]],
    [
      'whether there are imported keys',
      () => domain.importedKeys.exist(),
      [/credentials_by_imported_createdAt /],
    ],
    ['accounts of everybody', () => accountsOf(undefined, byTime), [/accounts_by_createdAt .*<\?/]],
    ['the admins among them', () => accountsOf('admin', byTime), [/accounts_by_admin_createdAt .*<\?/]],
    ['those that are suspended', () => accountsOf('suspended', byTime), [/accounts_by_suspendedAt .*<\?/]],
    [
      'whether another admin is left',
      () => domain.admins.requireOther({ ...ann, admin: true }).catch(() => undefined),
      [/accounts_by_admin_createdAt \(/],
    ],
    ['identities', () => domain.identities.list(ann.id), [/identities_by_accountId /]],
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
