import { z } from 'zod';
import { APP_ACTS, type AppAct } from '../../management/app-acts.ts';
import type { AppGrant, ListedApp } from '../../management/app-list.ts';
import { managerFrom } from '../../management/reason.ts';
import { timesOf } from '../times.ts';
import {
  bodyOf,
  type ManagementCall,
  type ManagementEndpoint,
  pageAskedBy,
  pageQuery,
  queryOf,
  reasonBody,
  searchQuery,
} from './endpoint.ts';
import type { ManagementDependencies } from './routes.ts';

const listQuery = searchQuery.extend({ state: z.enum(['live', 'deleted']).optional() });

/** `/apps…` and `/grants…`: the apps that anybody registered, who let them in, and what is done to them. */
export function appEndpoints(parts: ManagementDependencies): ManagementEndpoint[] {
  const { appList, appActs } = parts;

  async function act(which: AppAct, call: ManagementCall): Promise<object> {
    const { reason } = await bodyOf(call.ctx, reasonBody);
    const app = await appList.get(call.params.clientId ?? '');
    await appActs.do(which, app, managerFrom(call.actor, reason));
    return appJson(await appList.describe(app.id));
  }

  return [
    {
      method: 'GET',
      path: '/apps',
      async answer({ ctx }) {
        const { q = '', state, ...page } = queryOf(ctx, listQuery);
        const { rows, next } = await appList.list({ search: q, state }, pageAskedBy(ctx, page));
        return { items: rows.map(appJson), next_cursor: next ?? null };
      },
    },
    {
      method: 'GET',
      path: '/apps/:clientId',
      answer: async ({ params }) => appJson(await appList.describe(params.clientId ?? '')),
    },
    {
      method: 'GET',
      path: '/apps/:clientId/grants',
      async answer({ ctx, params }) {
        const page = pageAskedBy(ctx, queryOf(ctx, pageQuery));
        const { rows, next } = await appList.grants(await appList.get(params.clientId ?? ''), page);
        return { items: rows.map(grantJson), next_cursor: next ?? null };
      },
    },
    ...APP_ACTS.map(
      (which): ManagementEndpoint => ({
        method: 'POST',
        path: `/apps/:clientId/${which}`,
        answer: (call) => act(which, call),
      }),
    ),
    {
      method: 'POST',
      path: '/grants/:grantId/end',
      async answer({ ctx, params, actor }) {
        const { reason } = await bodyOf(ctx, reasonBody);
        const grant = await appList.grant(params.grantId ?? '');
        await appActs.endGrant(grant, managerFrom(actor, reason));
        return { ...grantJson(grant), ended: true };
      },
    },
  ];
}

/** An app as programs are told of it. */
export function appJson({ client, people }: ListedApp) {
  const { createdAt, revokedAt } = client;
  return {
    id: client.id,
    name: client.name,
    account_id: client.accountId,
    state: revokedAt === undefined ? 'live' : 'deleted',
    being_cut_off: client.cutOffAt !== undefined,
    scopes: client.scopes,
    redirect_uris: client.redirectUris,
    post_logout_redirect_uris: client.postLogoutRedirectUris,
    confidential: client.confidential,
    requires_pkce: client.withoutPkce !== true,
    people: people.count,
    people_or_more: people.isMore,
    ...timesOf('created', createdAt),
    ...timesOf('deleted', revokedAt),
  };
}

/** What an account allowed an app, as programs are told of it. */
export function grantJson(grant: Omit<AppGrant, 'account'>) {
  const { grantId, accountId, client, scopes, createdAt, lastUsedAt } = grant;
  return {
    id: grantId,
    account_id: accountId,
    app_id: client.id,
    app_name: client.name,
    scopes,
    ...timesOf('created', createdAt),
    ...timesOf('last_used', lastUsedAt),
  };
}
