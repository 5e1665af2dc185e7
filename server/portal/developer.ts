import type { RouterContext } from '@koa/router';
import {
  type AppForm,
  appFormPage,
  appPage,
  deleteAppPage,
  developerPage,
  type Endpoints,
} from '../../views/developer.ts';
import type { FormProblem } from '../../views/form-problem.ts';
import type { Account } from '../accounts/account.ts';
import type { Client } from '../credentials/client.ts';
import { type Form, readForm } from '../http/body.ts';
import { sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { actorOf } from '../http/request.ts';
import { formInQuery, isFilledIn, pathOfForm } from '../pages/form-in-query.ts';
import { keepNewSecret } from '../pages/new-secret.ts';
import { showFieldRefusal } from '../pages/refused-form.ts';
import { appView, credentialView, liveAndDead, scopeView } from '../pages/view-models.ts';
import type { PortalDependencies } from './dependencies.ts';
import { BY_NAME, listingOf, NEWEST } from './listing.ts';
import { confirm, doOnce, ownedIn } from './owned.ts';

/** /developer: apps that this account registers. */
export function createDeveloperPages(parts: PortalDependencies) {
  const { site, settings, clock, signedIn, apps, secrets, scopes } = parts;
  const endpoints = endpointsOf(settings.url);

  return {
    async list(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const rows = await apps.list(account.id);
      const views = rows.map((row) => appView(row, scopes.describe));
      const { rows: appsShown, listing } = listingOf(ctx, views, {
        path: '/developer',
        textOf: ({ name, id, redirectUris, allows }) => [name, id, ...redirectUris, ...allows].join(' '),
        sorts: [NEWEST, BY_NAME],
      });
      const page = developerPage(site, account, {
        apps: appsShown,
        listing,
        endpoints,
        now: clock(),
        done: queryOne(ctx, 'done'),
      });
      sendPage(ctx, page);
    },

    async show(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const client = await apps.get(ownedIn(ctx, account));
      const rows = await secrets.list({ accountId: account.id, clientId: client.id });
      const page = appPage(site, account, {
        app: appView(client, scopes.describe),
        secrets: liveAndDead(rows.map((row) => credentialView(row, clock()))),
        endpoints,
        now: clock(),
        done: queryOne(ctx, 'done'),
      });
      sendPage(ctx, page);
    },

    ...formPages(parts),
    ...deletePages(parts),
  };
}

function formPages(parts: PortalDependencies) {
  const { signedIn, apps, shownOnce } = parts;

  return {
    async showNew(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.fresh(ctx);
      apps.requireMayCreate(account);
      shownOnce.prepare(ctx);
      sendPage(ctx, formPage(parts, account, { form: formOf(formInQuery(ctx)) }));
    },

    async register(ctx: RouterContext): Promise<void> {
      const sent = await readForm(ctx);
      const form = formOf(sent);
      const { account } = await signedIn.fresh(ctx, pathOfForm('/developer/new', queryOfForm(form)));
      try {
        await doOnce(parts, ctx, { account, sent }, async () => {
          const wanted = { ...wantedOf(form), account, confidential: form.confidential };
          const { client, secret } = await apps.create(wanted, actorOf(ctx, account.id));
          if (secret === undefined) return `/developer/${client.id}?done=registered`;
          return keepNewSecret(parts, ctx, { title: `App “${client.name}” is ready`, secret });
        });
      } catch (error) {
        await showFieldRefusal(ctx, error, (problem) => formPage(parts, account, { form, problem }));
      }
    },

    async showEdit(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.fresh(ctx);
      const app = await apps.get(ownedIn(ctx, account));
      const typed = formOf(formInQuery(ctx));
      const form = isFilledIn(ctx) ? { ...typed, confidential: app.confidential } : formOfApp(app);
      sendPage(ctx, formPage(parts, account, { app, form }));
    },

    async edit(ctx: RouterContext): Promise<void> {
      const sent = await readForm(ctx);
      const form = formOf(sent);
      const { account } = await signedIn.fresh(ctx, pathOfForm(ctx.path, queryOfForm(form)));
      const which = ownedIn(ctx, account);
      try {
        await doOnce(parts, ctx, { account, sent }, async () => {
          await apps.update({ ...wantedOf(form), ...which }, actorOf(ctx, account.id));
          return `/developer/${which.id}?done=changed`;
        });
      } catch (error) {
        await showFieldRefusal(ctx, error, async (problem) =>
          formPage(parts, account, { app: await apps.get(which), form, problem }),
        );
      }
    },
  };
}

/** Only for the freshly signed in: it ends what other people set up. */
function deletePages({ site, signedIn, apps }: PortalDependencies) {
  return {
    async showDelete(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.fresh(ctx);
      const client = await apps.get(ownedIn(ctx, account));
      sendPage(ctx, deleteAppPage(site, account, client));
    },

    remove: (ctx: RouterContext) => confirm(ctx, signedIn.fresh, apps.remove, '/developer?done=deleted'),
  };
}

function formPage(
  { site, scopes }: PortalDependencies,
  account: Account,
  /** Without `app` for a new one. */
  { app, form, problem }: { app?: Client; form: AppForm; problem?: FormProblem },
) {
  return appFormPage(site, account, app, { form, scopes: scopes.forApps.map(scopeView), problem });
}

/** What an app is configured with. */
function endpointsOf(url: string): Endpoints {
  return [
    { label: 'Issuer', url },
    { label: 'Authorization endpoint', url: `${url}/oauth/authorize` },
    { label: 'Token endpoint', url: `${url}/oauth/token` },
    { label: 'Revocation endpoint', url: `${url}/oauth/revoke` },
    { label: 'End session endpoint', url: `${url}/oauth/end-session` },
    { label: 'Userinfo endpoint', url: `${url}/oauth/userinfo` },
    { label: 'Keys', url: `${url}/oauth/jwks` },
    { label: 'Discovery', url: `${url}/.well-known/openid-configuration` },
  ];
}

function formOfApp({ withoutPkce = false, ...app }: Client): AppForm {
  const { name, redirectUris, postLogoutRedirectUris, scopes, confidential } = app;
  return {
    name,
    redirectUris: redirectUris.join('\n'),
    postLogoutRedirectUris: postLogoutRedirectUris.join('\n'),
    scopes,
    confidential,
    withoutPkce,
  };
}

function formOf(sent: Form): AppForm {
  return {
    name: sent.one('name'),
    redirectUris: sent.one('redirectUris'),
    postLogoutRedirectUris: sent.one('postLogoutRedirectUris'),
    scopes: sent.all('scopes'),
    confidential: sent.one('type') !== 'public',
    withoutPkce: sent.one('withoutPkce') !== '',
  };
}

function queryOfForm(form: AppForm) {
  const { confidential, ...typed } = form;
  return { ...typed, type: confidential ? 'confidential' : 'public' };
}

function wantedOf(form: AppForm) {
  const { name, scopes, withoutPkce } = form;
  const redirectUris = linesOf(form.redirectUris);
  return {
    name,
    scopes,
    withoutPkce,
    redirectUris,
    postLogoutRedirectUris: linesOf(form.postLogoutRedirectUris),
  };
}

/** One URI a line. */
function linesOf(text: string): string[] {
  return text.split(/\r\n|\r|\n/);
}
