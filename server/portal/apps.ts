import type { RouterContext } from '@koa/router';
import { appsPage, endGrantPage, type GrantView } from '../../views/apps.ts';
import type { GrantRow } from '../access/grants.ts';
import { sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import type { PortalDependencies } from './dependencies.ts';
import { BY_NAME, LAST_USED, listingOf, NEWEST } from './listing.ts';
import { confirmOnce } from './owned.ts';

/** /apps: what this account let in, and the way to cut it off. */
export function createConnectedAppPages(parts: PortalDependencies) {
  const { site, clock, signedIn, grants, scopes } = parts;

  return {
    async list(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const rows = await grants.list(account.id);
      const views = rows.map((row) => grantView(row, scopes.describe));
      const { rows: grantsShown, listing } = listingOf(ctx, views, {
        path: '/apps',
        textOf: ({ name, redirectHosts, allows }) => [name, ...redirectHosts, ...allows].join(' '),
        sorts: [NEWEST, LAST_USED, BY_NAME],
      });
      const page = appsPage(site, account, {
        grants: grantsShown,
        listing,
        now: clock(),
        done: queryOne(ctx, 'done'),
      });
      sendPage(ctx, page);
    },

    async showEnd(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const row = await grants.get({ accountId: account.id, grantId: ctx.params.id ?? '' });
      sendPage(ctx, endGrantPage(site, account, grantView(row, scopes.describe), clock()));
    },

    end: (ctx: RouterContext) =>
      confirmOnce(
        parts,
        ctx,
        signedIn.account,
        ({ accountId, id }, actor) => grants.revoke({ accountId, grantId: id }, actor),
        '/apps?done=ended',
      ),
  };
}

function grantView(row: GrantRow, describe: (scope: string) => string): GrantView {
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
