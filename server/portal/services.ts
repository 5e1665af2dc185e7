import Router from '@koa/router';
import type { Context } from 'koa';
import type { FormProblem } from '../../views/form-problem.ts';
import { madeSecretPage } from '../../views/secrets.ts';
import {
  holderOf,
  newServicePage,
  revokeServicePage,
  type ServiceForm,
  servicePage,
  servicesPage,
} from '../../views/services.ts';
import type { Account } from '../accounts/account.ts';
import type { Client } from '../credentials/client.ts';
import { type Form, readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryAll, queryOne } from '../http/query.ts';
import { actorOf } from '../http/request.ts';
import { formProblemOf } from '../pages/refused-form.ts';
import { introspectionLine, tokenLine } from './curl.ts';
import type { PortalDependencies } from './dependencies.ts';
import { expiryFrom, secretExpiry } from './expiry.ts';
import { notFound, pathOfForm } from './form-in-query.ts';
import { addSecretRoutes } from './secrets.ts';
import { liveAndDead, shownCredential, shownScopes, shownService, viewerOf } from './view-models.ts';

/** Stands in a line to try where a secret that nobody can read any more would go. */
const SECRET_PLACE = 'THE_SECRET';

/** /services: client credentials of third-party services. */
export function createServiceRoutes(parts: PortalDependencies): Router {
  const { site, settings, clock, signedIn, services, scopes } = parts;
  const router = new Router({ strict: true, sensitive: true });

  function callsOf(client: Client, secret: string) {
    const token = {
      label: 'Get an access token',
      code: tokenLine(settings.url, client.id, secret, client.scopes),
    };
    const ask = {
      label: 'Ask whether a token is good',
      code: introspectionLine(settings.url, client.id, secret),
    };
    return [...(client.scopes.length > 0 ? [token] : []), ...(client.resourceServer ? [ask] : [])];
  }

  async function ownService(account: Account, id: string | undefined): Promise<Client> {
    const client = await services.get({ accountId: account.id, id: id ?? '' });
    if (client === undefined) throw notFound('service');
    return client;
  }

  function showForm(
    ctx: Context,
    account: Account,
    form: ServiceForm,
    problem?: FormProblem,
    status?: number,
  ): void {
    const page = newServicePage(site, viewerOf(account), {
      form,
      scopes: shownScopes(services.scopesFor(account)),
      // What must be ended sooner is told by the domain: here the scopes are not chosen yet.
      expiry: secretExpiry(false, clock()),
      problem,
    });
    sendPage(ctx, page, status);
  }

  router.get('/services', async (ctx) => {
    const { account } = await signedIn.account(ctx);
    const rows = await services.list(account.id);
    const shown = rows.map((row) => shownService(row, scopes.describe));
    const page = servicesPage(site, viewerOf(account), {
      live: shown.filter((service) => service.revokedAt === undefined),
      dead: shown.filter((service) => service.revokedAt !== undefined),
      now: clock(),
      done: queryOne(ctx, 'done'),
    });
    sendPage(ctx, page);
  });

  router.get('/services/new', async (ctx) => {
    const { account } = await signedIn.fresh(ctx);
    showForm(ctx, account, {
      name: queryOne(ctx, 'name'),
      scopes: queryAll(ctx, 'scopes'),
      expires: queryOne(ctx, 'expires') || '365',
      date: queryOne(ctx, 'date'),
      actsFor: queryOne(ctx, 'actsFor'),
      resourceServer: queryOne(ctx, 'resourceServer') !== '',
      reason: queryOne(ctx, 'reason'),
    });
  });

  router.post('/services/new', async (ctx) => {
    await signedIn.account(ctx);
    const sent = await readForm(ctx);
    const form = serviceForm(sent);
    const { account } = await signedIn.fresh(ctx, pathOfForm('/services/new', form));
    try {
      const { name, scopes: chosen, resourceServer, reason } = form;
      const actsFor = form.actsFor === 'app' ? ('app' as const) : ('account' as const);
      const expiresAt = expiryFrom(sent, clock());
      const wanted = { account, name, scopes: chosen, actsFor, resourceServer, reason, expiresAt };
      const { client, secret } = await services.create(wanted, actorOf(ctx, account.id));
      const page = madeSecretPage(site, viewerOf(account), {
        title: `Service “${client.name}” is ready`,
        holder: holderOf(client),
        value: secret.value,
        calls: callsOf(client, secret.value),
        now: clock(),
      });
      sendPage(ctx, page);
    } catch (error) {
      const problem = formProblemOf(error);
      showForm(ctx, account, form, problem, problem.status);
    }
  });

  router.get('/services/:id', async (ctx) => {
    const { account } = await signedIn.account(ctx);
    const client = await ownService(account, ctx.params.id);
    const rows = await services.secrets({ accountId: account.id, clientId: client.id });
    const page = servicePage(site, viewerOf(account), {
      service: shownService(client, scopes.describe),
      secrets: liveAndDead(rows.map((row) => shownCredential(row, clock()))),
      calls: callsOf(client, SECRET_PLACE),
      now: clock(),
      done: queryOne(ctx, 'done'),
    });
    sendPage(ctx, page);
  });

  router.get('/services/:id/revoke', async (ctx) => {
    const { account } = await signedIn.account(ctx);
    const client = await ownService(account, ctx.params.id);
    const service = shownService(client, scopes.describe);
    sendPage(ctx, revokeServicePage(site, viewerOf(account), { service }));
  });

  // Not only for the freshly signed in: whoever wants a service dead should not be held up.
  router.post('/services/:id/revoke', async (ctx) => {
    await readForm(ctx);
    const { account } = await signedIn.account(ctx);
    const client = await ownService(account, ctx.params.id);
    await services.revoke({ accountId: account.id, id: client.id }, actorOf(ctx, account.id));
    seeOther(ctx, '/services?done=revoked');
  });

  addSecretRoutes(router, parts, { base: '/services', clients: services, holderOf, callsOf });
  return router;
}

function serviceForm(sent: Form): ServiceForm {
  return {
    name: sent.one('name'),
    scopes: sent.all('scopes'),
    expires: sent.one('expires'),
    date: sent.one('date'),
    actsFor: sent.one('actsFor'),
    resourceServer: sent.one('resourceServer') !== '',
    reason: sent.one('reason'),
  };
}
