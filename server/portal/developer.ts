import Router from '@koa/router';
import type { Context } from 'koa';
import {
  type AppForm,
  appFormPage,
  appHolder,
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
import { queryAll, queryOne } from '../http/query.ts';
import { actorOf } from '../http/request.ts';
import { formProblemOf } from '../pages/refused-form.ts';
import type { PortalDependencies } from './dependencies.ts';
import { notFound, pathOfForm } from './form-in-query.ts';
import { addSecretRoutes } from './secrets.ts';
import { liveAndDead, shownApp, shownCredential, shownScopes, viewerOf } from './view-models.ts';

/** /developer: apps that this account registers. */
export function createDeveloperRoutes(parts: PortalDependencies): Router {
  const { site, settings, clock, signedIn, apps, scopes } = parts;
  const router = new Router({ strict: true, sensitive: true });
  const endpoints: Endpoints = [
    { label: 'Issuer', url: settings.url },
    { label: 'Authorization endpoint', url: `${settings.url}/oauth/authorize` },
    { label: 'Token endpoint', url: `${settings.url}/oauth/token` },
    { label: 'Revocation endpoint', url: `${settings.url}/oauth/revoke` },
    { label: 'Userinfo endpoint', url: `${settings.url}/oauth/userinfo` },
    { label: 'Keys', url: `${settings.url}/oauth/jwks` },
    { label: 'Discovery', url: `${settings.url}/.well-known/openid-configuration` },
  ];

  async function ownApp(account: Account, id: string | undefined): Promise<Client> {
    const client = await apps.get({ accountId: account.id, id: id ?? '' });
    if (client === undefined) throw notFound('app');
    return client;
  }

  function showForm(
    ctx: Context,
    account: Account,
    given: { app: Client | undefined; form: AppForm; problem?: FormProblem; status?: number },
  ): void {
    const { app, form, problem, status } = given;
    const page = appFormPage(site, viewerOf(account), {
      app,
      form,
      scopes: shownScopes(apps.scopes),
      problem,
    });
    sendPage(ctx, page, status);
  }

  router.get('/developer', async (ctx) => {
    const { account } = await signedIn.account(ctx);
    const rows = await apps.list(account.id);
    const page = developerPage(site, viewerOf(account), {
      apps: rows.map((row) => shownApp(row, scopes.describe)),
      endpoints,
      now: clock(),
      done: queryOne(ctx, 'done'),
    });
    sendPage(ctx, page);
  });

  router.get('/developer/new', async (ctx) => {
    const { account } = await signedIn.fresh(ctx);
    showForm(ctx, account, { app: undefined, form: formOfQuery(ctx) });
  });

  router.post('/developer/new', async (ctx) => {
    await signedIn.account(ctx);
    const form = appForm(await readForm(ctx));
    const { account } = await signedIn.fresh(ctx, pathOfForm('/developer/new', queryOfForm(form)));
    try {
      const { confidential } = form;
      const wanted = { ...wishOf(form), account, confidential };
      const { client, secret } = await apps.create(wanted, actorOf(ctx, account.id));
      if (secret === undefined) return seeOther(ctx, `/developer/${client.id}?done=registered`);
      const page = madeSecretPage(site, viewerOf(account), {
        title: `App “${client.name}” is registered`,
        holder: appHolder(client),
        value: secret.value,
        calls: [],
        now: clock(),
      });
      sendPage(ctx, page);
    } catch (error) {
      const problem = formProblemOf(error);
      showForm(ctx, account, { app: undefined, form, problem, status: problem.status });
    }
  });

  router.get('/developer/:id', async (ctx) => {
    const { account } = await signedIn.account(ctx);
    const client = await ownApp(account, ctx.params.id);
    const rows = await apps.secrets({ accountId: account.id, clientId: client.id });
    const page = appPage(site, viewerOf(account), {
      app: shownApp(client, scopes.describe),
      secrets: liveAndDead(rows.map((row) => shownCredential(row, clock()))),
      endpoints,
      now: clock(),
      done: queryOne(ctx, 'done'),
    });
    sendPage(ctx, page);
  });

  router.get('/developer/:id/edit', async (ctx) => {
    const { account } = await signedIn.fresh(ctx);
    const app = await ownApp(account, ctx.params.id);
    const { name, redirectUris, scopes: chosen, confidential } = app;
    const form = { name, redirectUris: redirectUris.join('\n'), scopes: chosen, confidential };
    showForm(ctx, account, { app, form });
  });

  router.post('/developer/:id/edit', async (ctx) => {
    const form = appForm(await readForm(ctx));
    const { account } = await signedIn.fresh(ctx);
    const app = await ownApp(account, ctx.params.id);
    try {
      const wanted = { ...wishOf(form), accountId: account.id, id: app.id };
      await apps.update(wanted, actorOf(ctx, account.id));
      seeOther(ctx, `/developer/${app.id}?done=changed`);
    } catch (error) {
      const problem = formProblemOf(error);
      showForm(ctx, account, { app, form, problem, status: problem.status });
    }
  });

  router.get('/developer/:id/delete', async (ctx) => {
    const { account } = await signedIn.fresh(ctx);
    const client = await ownApp(account, ctx.params.id);
    sendPage(ctx, deleteAppPage(site, viewerOf(account), { app: shownApp(client, scopes.describe) }));
  });

  // Only for the freshly signed in: it ends what other people set up.
  router.post('/developer/:id/delete', async (ctx) => {
    await readForm(ctx);
    const { account } = await signedIn.fresh(ctx);
    const client = await ownApp(account, ctx.params.id);
    await apps.remove({ accountId: account.id, id: client.id }, actorOf(ctx, account.id));
    seeOther(ctx, '/developer?done=deleted');
  });

  addSecretRoutes(router, parts, {
    base: '/developer',
    clients: apps,
    holderOf: appHolder,
    callsOf: () => [],
  });
  return router;
}

function appForm(sent: Form): AppForm {
  return {
    name: sent.one('name'),
    redirectUris: sent.one('redirectUris'),
    scopes: sent.all('scopes'),
    confidential: sent.one('type') !== 'public',
  };
}

function formOfQuery(ctx: Context): AppForm {
  return {
    name: queryOne(ctx, 'name'),
    redirectUris: queryOne(ctx, 'redirectUris'),
    scopes: queryAll(ctx, 'scopes'),
    confidential: queryOne(ctx, 'type') !== 'public',
  };
}

function queryOfForm(form: AppForm) {
  const { name, redirectUris, scopes, confidential } = form;
  return { name, redirectUris, scopes, type: confidential ? 'confidential' : 'public' };
}

/** One redirect URI a line. */
function wishOf(form: AppForm) {
  return { name: form.name, scopes: form.scopes, redirectUris: form.redirectUris.split(/\r\n|\r|\n/) };
}
