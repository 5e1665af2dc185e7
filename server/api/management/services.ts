import { z } from 'zod';
import { countAdminUse } from '../../activity/admin-use.ts';
import type { Client } from '../../credentials/client.ts';
import { isAdmin } from '../../credentials/scopes.ts';
import type { NewSecret } from '../../credentials/secret-rows.ts';
import { noSuch } from '../../ground/errors.ts';
import { OVERLAP_SECONDS_DEFAULT } from '../../ground/limits.ts';
import { managerFrom } from '../../management/reason.ts';
import { SERVICE_ACTS } from '../../management/service-acts.ts';
import { type ListedService, SERVICE_STATES, serviceStateOf } from '../../management/service-list.ts';
import { timesOf } from '../times.ts';
import { credentialJson } from './credentials.ts';
import {
  bodyOf,
  type ManagementCall,
  type ManagementEndpoint,
  noQuery,
  pageAskedBy,
  queryOf,
  reasonBody,
  searchQuery,
} from './endpoint.ts';
import type { ManagementDependencies } from './routes.ts';

const listQuery = searchQuery.extend({
  state: z.enum(SERVICE_STATES).optional(),
  admin: z.literal('true').optional(),
});
const editBody = reasonBody.extend({
  name: z.string().optional(),
  scopes: z.array(z.string()).optional(),
});
const newBody = reasonBody.extend({
  name: z.string(),
  scopes: z.array(z.string()).default([]),
  account_id: z.string().optional(),
  acts_for: z.enum(['account', 'app']).optional(),
  resource_server: z.boolean().default(false),
  expires_at: z.number().optional(),
});
const rotateBody = reasonBody.extend({ overlap: z.number().default(OVERLAP_SECONDS_DEFAULT) });
const secretBody = reasonBody.extend({
  name: z.string(),
  expires_at: z.number().optional(),
});

/** `/services…`: everybody's services and their secrets, and services made for accounts and for the app. */
export function serviceEndpoints(parts: ManagementDependencies): ManagementEndpoint[] {
  const { serviceList, clock } = parts;
  return [
    {
      method: 'GET',
      path: '/services',
      async answer({ ctx }) {
        const { q = '', state, admin, ...page } = queryOf(ctx, listQuery);
        const asked = { search: q.trim(), state, admin: admin !== undefined };
        const { rows, next } = await serviceList.list(asked, pageAskedBy(ctx, page));
        return { items: rows.map((row) => serviceJson(row, clock())), next_cursor: next ?? null };
      },
    },
    {
      method: 'GET',
      path: '/services/:clientId',
      answer: async (call) => wholeJson(parts, await serviceIn(parts, call)),
    },
    ...makingEndpoints(parts),
    rotateEndpoint(parts),
    ...changingEndpoints(parts),
  ];
}

function makingEndpoints(parts: ManagementDependencies): ManagementEndpoint[] {
  const { serviceActs, accounts, clock } = parts;
  return [
    {
      method: 'POST',
      path: '/services',
      async answer({ ctx, actor, caller }) {
        const { reason, account_id, acts_for, resource_server, expires_at, ...rest } = await bodyOf(
          ctx,
          newBody,
        );
        const account = account_id === undefined ? caller.account : await accounts.get(account_id);
        if (account === undefined) throw noSuch('account');
        const usual = account.id === caller.account.id ? 'app' : 'account';
        const wanted = {
          ...{ ...rest, account, actsFor: acts_for ?? usual, resourceServer: resource_server },
          expiresAt: expires_at,
        };
        const { client, secret } = await serviceActs.create(wanted, managerFrom(actor, reason), caller);
        return { ...(await wholeJson(parts, client)), ...secretJson(secret, clock()) };
      },
    },
    {
      method: 'POST',
      path: '/services/:clientId/secrets',
      async answer(call) {
        const { reason, name, expires_at } = await bodyOf(call.ctx, secretBody);
        const service = await serviceIn(parts, call);
        const wanted = { name, expiresAt: expires_at };
        const manager = managerFrom(call.actor, reason);
        return secretJson(await serviceActs.addSecret(service, wanted, manager, call.caller), clock());
      },
    },
  ];
}

function rotateEndpoint(parts: ManagementDependencies): ManagementEndpoint {
  return {
    method: 'POST',
    path: '/services/:clientId/rotate',
    async answer(call) {
      const { reason, overlap } = await bodyOf(call.ctx, rotateBody);
      const service = await serviceIn(parts, call);
      const manager = managerFrom(call.actor, reason);
      const secret = await parts.serviceActs.rotate(service, overlap, manager, call.caller);
      return secretJson(secret, parts.clock());
    },
  };
}

function changingEndpoints(parts: ManagementDependencies): ManagementEndpoint[] {
  const { serviceActs } = parts;
  return [
    ...SERVICE_ACTS.map(
      (act): ManagementEndpoint => ({
        method: 'POST',
        path: `/services/:clientId/${act}`,
        async answer(call) {
          const { reason } = await bodyOf(call.ctx, reasonBody);
          const service = await serviceIn(parts, call);
          await serviceActs.do(act, service, managerFrom(call.actor, reason), call.caller);
          return wholeJson(parts, await serviceIn(parts, call));
        },
      }),
    ),
    {
      method: 'POST',
      path: '/services/:clientId/edit',
      async answer(call) {
        const { reason, ...wanted } = await bodyOf(call.ctx, editBody);
        const service = await serviceIn(parts, call);
        const manager = managerFrom(call.actor, reason);
        return wholeJson(parts, await serviceActs.edit(service, wanted, manager, call.caller));
      },
    },
    {
      method: 'POST',
      path: '/services/:clientId/secrets/:secretId/revoke',
      async answer(call) {
        const { reason } = await bodyOf(call.ctx, reasonBody);
        const service = await serviceIn(parts, call);
        const manager = managerFrom(call.actor, reason);
        await serviceActs.endSecret(service, call.params.secretId ?? '', manager, call.caller);
        return wholeJson(parts, service);
      },
    },
  ];
}

/** `/scopes`: all that a credential may be allowed to do here. */
export function scopeEndpoints({ scopes }: ManagementDependencies): ManagementEndpoint[] {
  const items = scopes.all.map(({ name, description, access }) => ({ name, description, for: FOR[access] }));
  return [
    {
      method: 'GET',
      path: '/scopes',
      async answer({ ctx }) {
        queryOf(ctx, noQuery);
        return { items, next_cursor: null };
      },
    },
  ];
}

/** What may have a scope. */
const FOR = {
  account: ['tokens', 'services', 'apps'],
  admin: ['services of admins'],
  app: ['apps'],
} as const;

async function serviceIn(
  { serviceList }: ManagementDependencies,
  { params }: ManagementCall,
): Promise<Client> {
  const service = await serviceList.get(params.clientId ?? '');
  if (service === undefined) throw noSuch('service');
  return service;
}

async function wholeJson(parts: ManagementDependencies, client: Client) {
  const { serviceList, rows, callCounts, clock } = parts;
  const [shown, use] = await Promise.all([
    serviceList.withUse(client),
    countAdminUse({ ...rows, callCounts }, client, clock()),
  ]);
  return { ...serviceJson(shown, clock()), admin_calls: use.count, admin_calls_are_all: use.isAll };
}

/** A service as programs are told of it; `id` is its client id. */
function serviceJson({ client, owner, secrets, lastUsedAt, calls }: ListedService, now: number) {
  const { id, name, accountId, actsFor, resourceServer, scopes, reason } = client;
  return {
    ...{ id, name, account_id: accountId, account_email: owner?.email ?? null },
    ...{ acts_for: actsFor, resource_server: resourceServer, scopes, admin: isAdmin(scopes) },
    ...{ reason: reason ?? null, state: serviceStateOf(client) },
    ...timesOf('created', client.createdAt),
    ...timesOf('paused', client.pausedAt),
    paused_by_admin: client.pausedByAdmin === true,
    ...timesOf('revoked', client.revokedAt),
    ...timesOf('last_used', lastUsedAt),
    // Of the last 30 days.
    ...{ calls: calls.count, calls_are_all: calls.isAll },
    secrets: secrets.map((secret) => credentialJson(secret, now)),
  };
}

/** The one time that a value is told. */
export function secretJson({ credential, value, client }: NewSecret, now: number) {
  return { client_id: client.id, client_secret: value, secret: credentialJson(credential, now) };
}
