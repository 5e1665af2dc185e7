import type { RouterContext } from '@koa/router';
import { appActPage, appPage, appsPage, endGrantPage } from '../../views/console/apps.ts';
import type { Client } from '../credentials/client.ts';
import { noSuch } from '../ground/errors.ts';
import { sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { APP_ACTS } from '../management/app-acts.ts';
import type { AppGrant, ListedApp } from '../management/app-list.ts';
import { actIn, adminOf, freshAdminOf, manageOnce } from './admin.ts';
import { listAsked, pageAskedIn, searchIn, waysOn } from './asked.ts';
import type { ConsoleDependencies } from './dependencies.ts';

const PATH = '/admin/apps';
const STATES = ['live', 'deleted'] as const;

/** /admin/apps: the apps that anybody registered, who let each in, and what is done to them. */
export function createAppsPages(parts: ConsoleDependencies) {
  const { site, appList, appActs, scopes, clock } = parts;

  return {
    async list(ctx: RouterContext): Promise<void> {
      const admin = await adminOf(parts, ctx);
      const q = searchIn(ctx);
      const state = STATES.find((one) => one === queryOne(ctx, 'state'));
      const page = pageAskedIn(ctx);
      const { rows, ...ways } = await appList.list({ search: q, state }, page);
      const asked = listAsked(PATH, { q, state }, page, ways);
      sendPage(
        ctx,
        appsPage(site, admin, {
          apps: rows.map((row) => appView(row, scopes.describe)),
          asked,
          now: clock(),
          done: queryOne(ctx, 'done'),
        }),
      );
    },

    async show(ctx: RouterContext): Promise<void> {
      const admin = await adminOf(parts, ctx);
      const app = await appList.describe(ctx.params.clientId ?? '');
      const path = `${PATH}/${app.client.id}`;
      const page = pageAskedIn(ctx);
      const { rows, next } = await appList.grants(app.client, page);
      sendPage(
        ctx,
        appPage(site, admin, {
          app: appView(app, scopes.describe),
          grants: rows.map((grant) => grantView(grant, scopes.describe)),
          pages: waysOn(path, {}, { page, next }),
          now: clock(),
          done: queryOne(ctx, 'done'),
        }),
      );
    },

    async showAct(ctx: RouterContext): Promise<void> {
      await adminOf(parts, ctx);
      const act = actIn(ctx, APP_ACTS);
      const app = await appIn(parts, ctx);
      const admin = await freshAdminOf(parts, ctx);
      sendPage(ctx, appActPage(site, admin, { act, app, reason: '', problem: undefined }));
    },

    act: (ctx: RouterContext): Promise<void> =>
      manageOnce(parts, ctx, {
        find: async () => ({ act: actIn(ctx, APP_ACTS), app: await appIn(parts, ctx) }),
        async act({ act, app }, manager) {
          const state = await appActs.do(act, app, manager);
          return `${PATH}/${app.id}?done=${state === 'done' ? act : 'going-on'}`;
        },
        page: (found, { viewer, problem, sent }) =>
          appActPage(site, viewer, { ...found, reason: sent.one('reason'), problem }),
      }),

    ...grantPages(parts),
  };
}

/** Cuts an app off from one account. */
function grantPages(parts: ConsoleDependencies) {
  const { site, appActs, scopes } = parts;

  return {
    async showEndGrant(ctx: RouterContext): Promise<void> {
      await adminOf(parts, ctx);
      const grant = grantView(await grantIn(parts, ctx), scopes.describe);
      const admin = await freshAdminOf(parts, ctx);
      sendPage(ctx, endGrantPage(site, admin, { grant, reason: '', problem: undefined }));
    },

    endGrant: (ctx: RouterContext): Promise<void> =>
      manageOnce(parts, ctx, {
        find: () => grantIn(parts, ctx),
        async act(grant, manager) {
          await appActs.endGrant(grant, manager);
          return `${PATH}/${grant.client.id}?done=end-grant`;
        },
        page: (grant, { viewer, problem, sent }) =>
          endGrantPage(site, viewer, {
            grant: grantView(grant, scopes.describe),
            reason: sent.one('reason'),
            problem,
          }),
      }),
  };
}

function appIn({ appList }: ConsoleDependencies, ctx: RouterContext): Promise<Client> {
  return appList.get(ctx.params.clientId ?? '');
}

/** The grant of a path, if it is one to the app of the path. */
async function grantIn({ appList }: ConsoleDependencies, ctx: RouterContext): Promise<AppGrant> {
  const grant = await appList.grant(ctx.params.grantId ?? '');
  if (grant.client.id !== ctx.params.clientId) throw noSuch('connected app');
  return grant;
}

function appView({ client, owner, people }: ListedApp, describe: (scope: string) => string) {
  return { ...client, allows: client.scopes.map(describe), ownerEmail: owner?.email, people };
}

function grantView({ account, client, ...grant }: AppGrant, describe: (scope: string) => string) {
  return {
    ...grant,
    appId: client.id,
    appName: client.name,
    email: account?.email,
    allows: grant.scopes.map(describe),
  };
}
