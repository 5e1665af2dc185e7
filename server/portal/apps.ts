import Router from '@koa/router';
import { appsPage, endGrantPage, type GrantView } from '../../views/apps.ts';
import type { GrantRow } from '../access/grants.ts';
import { readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { actorOf } from '../http/request.ts';
import type { PortalDependencies } from './dependencies.ts';
import { notFound } from './form-in-query.ts';
import { viewerOf } from './view-models.ts';

/** /apps: what this account let in, and the way to cut it off. */
export function createConnectedAppRoutes(parts: PortalDependencies): Router {
  const { site, clock, signedIn, grants, scopes } = parts;
  const router = new Router({ strict: true, sensitive: true });

  async function ownGrant(accountId: string, grantId: string | undefined): Promise<GrantRow> {
    const rows = await grants.list(accountId);
    const row = rows.find((one) => one.grantId === grantId);
    if (row === undefined) throw notFound('connected app');
    return row;
  }

  router.get('/apps', async (ctx) => {
    const { account } = await signedIn.account(ctx);
    const rows = await grants.list(account.id);
    const page = appsPage(site, viewerOf(account), {
      grants: rows.map((row) => shownGrant(row, scopes.describe)),
      now: clock(),
      done: queryOne(ctx, 'done'),
    });
    sendPage(ctx, page);
  });

  router.get('/apps/:id/end', async (ctx) => {
    const { account } = await signedIn.account(ctx);
    const row = await ownGrant(account.id, ctx.params.id);
    const grant = shownGrant(row, scopes.describe);
    sendPage(ctx, endGrantPage(site, viewerOf(account), { grant, now: clock() }));
  });

  router.post('/apps/:id/end', async (ctx) => {
    await readForm(ctx);
    const { account } = await signedIn.account(ctx);
    const { grantId } = await ownGrant(account.id, ctx.params.id);
    await grants.revoke({ accountId: account.id, grantId }, actorOf(ctx, account.id));
    seeOther(ctx, '/apps?done=ended');
  });

  return router;
}

function shownGrant(row: GrantRow, describe: (scope: string) => string): GrantView {
  const { grantId, client, createdAt, lastUsedAt } = row;
  return {
    grantId,
    createdAt,
    lastUsedAt,
    name: client.name,
    redirectHosts: [...new Set(client.redirectUris.map(redirectHostOf))],
    allows: row.scopes.map(describe),
  };
}

/** The host of a redirect URI; for a scheme of an app's own the scheme. */
function redirectHostOf(uri: string): string {
  const url = URL.parse(uri);
  if (url === null) return uri;
  return url.protocol === 'https:' || url.protocol === 'http:' ? url.host : url.protocol;
}
