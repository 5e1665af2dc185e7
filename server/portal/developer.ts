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
import { madeSecretPage } from '../../views/secrets.ts';
import type { Account } from '../accounts/account.ts';
import type { Client } from '../credentials/client.ts';
import { type Form, readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { actorOf } from '../http/request.ts';
import { formProblemOf } from '../pages/refused-form.ts';
import type { PortalDependencies } from './dependencies.ts';
import { formInQuery, pathOfForm } from './form-in-query.ts';
import { appView, credentialView, liveAndDead, scopeView, viewerOf } from './view-models.ts';

/** /developer: apps that this account registers. */
export function createDeveloperPages(parts: PortalDependencies) {
  const { site, settings, clock, signedIn, apps, secrets, scopes } = parts;
  const endpoints = endpointsOf(settings.url);

  return {
    async list(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const rows = await apps.list(account.id);
      const page = developerPage(site, viewerOf(account), {
        apps: rows.map((row) => appView(row, scopes.describe)),
        endpoints,
        now: clock(),
        done: queryOne(ctx, 'done'),
      });
      sendPage(ctx, page);
    },

    async show(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const client = await apps.get(appIn(ctx, account));
      const rows = await secrets.list({ accountId: account.id, clientId: client.id });
      const page = appPage(site, viewerOf(account), {
        app: appView(client, scopes.describe),
        secrets: liveAndDead(rows.map((row) => credentialView(row, clock()))),
        endpoints,
        now: clock(),
        done: queryOne(ctx, 'done'),
      });
      sendPage(ctx, page);
    },

    ...registerPages(parts),
    ...editPages(parts),
    ...deletePages(parts),
  };
}

function registerPages(parts: PortalDependencies) {
  const { site, clock, signedIn, apps } = parts;

  return {
    async showNew(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.fresh(ctx);
      sendPage(ctx, formPage(parts, account, { app: undefined, form: formOf(formInQuery(ctx)) }));
    },

    async register(ctx: RouterContext): Promise<void> {
      await signedIn.account(ctx);
      const form = formOf(await readForm(ctx));
      const { account } = await signedIn.fresh(ctx, pathOfForm('/developer/new', queryOfForm(form)));
      try {
        const wanted = { ...wantedOf(form), account, confidential: form.confidential };
        const { client, secret } = await apps.create(wanted, actorOf(ctx, account.id));
        if (secret === undefined) return seeOther(ctx, `/developer/${client.id}?done=registered`);
        const page = madeSecretPage(site, viewerOf(account), {
          title: `App “${client.name}” is registered`,
          holder: client,
          value: secret.value,
          calls: [],
          now: clock(),
        });
        sendPage(ctx, page);
      } catch (error) {
        const problem = formProblemOf(error);
        sendPage(ctx, formPage(parts, account, { app: undefined, form, problem }), problem.status);
      }
    },
  };
}

function editPages(parts: PortalDependencies) {
  const { signedIn, apps } = parts;

  return {
    async showEdit(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.fresh(ctx);
      const app = await apps.get(appIn(ctx, account));
      const { name, redirectUris, scopes, confidential } = app;
      const form = { name, redirectUris: redirectUris.join('\n'), scopes, confidential };
      sendPage(ctx, formPage(parts, account, { app, form }));
    },

    async edit(ctx: RouterContext): Promise<void> {
      const form = formOf(await readForm(ctx));
      const { account } = await signedIn.fresh(ctx);
      const which = appIn(ctx, account);
      try {
        await apps.update({ ...wantedOf(form), ...which }, actorOf(ctx, account.id));
        seeOther(ctx, `/developer/${which.id}?done=changed`);
      } catch (error) {
        const problem = formProblemOf(error);
        const app = await apps.get(which);
        sendPage(ctx, formPage(parts, account, { app, form, problem }), problem.status);
      }
    },
  };
}

/** Only for the freshly signed in: it ends what other people set up. */
function deletePages({ site, signedIn, apps }: PortalDependencies) {
  return {
    async showDelete(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.fresh(ctx);
      const client = await apps.get(appIn(ctx, account));
      sendPage(ctx, deleteAppPage(site, viewerOf(account), client));
    },

    async remove(ctx: RouterContext): Promise<void> {
      await readForm(ctx);
      const { account } = await signedIn.fresh(ctx);
      await apps.remove(appIn(ctx, account), actorOf(ctx, account.id));
      seeOther(ctx, '/developer?done=deleted');
    },
  };
}

/** The app that the address names. */
function appIn(ctx: RouterContext, account: Account): { accountId: string; id: string } {
  return { accountId: account.id, id: ctx.params.id ?? '' };
}

function formPage(
  { site, scopes }: PortalDependencies,
  account: Account,
  { app, form, problem }: { app: Client | undefined; form: AppForm; problem?: FormProblem },
) {
  return appFormPage(site, viewerOf(account), app, { form, scopes: scopes.forApps.map(scopeView), problem });
}

/** What an app is configured with. */
function endpointsOf(url: string): Endpoints {
  return [
    { label: 'Issuer', url },
    { label: 'Authorization endpoint', url: `${url}/oauth/authorize` },
    { label: 'Token endpoint', url: `${url}/oauth/token` },
    { label: 'Revocation endpoint', url: `${url}/oauth/revoke` },
    { label: 'Userinfo endpoint', url: `${url}/oauth/userinfo` },
    { label: 'Keys', url: `${url}/oauth/jwks` },
    { label: 'Discovery', url: `${url}/.well-known/openid-configuration` },
  ];
}

function formOf(sent: Form): AppForm {
  return {
    name: sent.one('name'),
    redirectUris: sent.one('redirectUris'),
    scopes: sent.all('scopes'),
    confidential: sent.one('type') !== 'public',
  };
}

function queryOfForm(form: AppForm) {
  const { name, redirectUris, scopes, confidential } = form;
  return { name, redirectUris, scopes, type: confidential ? 'confidential' : 'public' };
}

/** One redirect URI a line. */
function wantedOf(form: AppForm) {
  return { name: form.name, scopes: form.scopes, redirectUris: form.redirectUris.split(/\r\n|\r|\n/) };
}
