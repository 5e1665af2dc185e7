import type { RouterContext } from '@koa/router';
import type { FormProblem } from '../../views/form-problem.ts';
import { madeSecretPage } from '../../views/secrets.ts';
import {
  newServicePage,
  revokeServicePage,
  type ServiceForm,
  servicePage,
  servicesPage,
} from '../../views/services.ts';
import type { Account } from '../accounts/account.ts';
import { type Form, readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { actorOf } from '../http/request.ts';
import { formProblemOf } from '../pages/refused-form.ts';
import { serviceCalls } from './curl.ts';
import type { PortalDependencies } from './dependencies.ts';
import { expiryFrom, secretExpiry } from './expiry.ts';
import { formInQuery, pathOfForm } from './form-in-query.ts';
import { credentialView, liveAndDead, scopeView, serviceView, viewerOf } from './view-models.ts';

/** In the place of the secret in example calls: the secret itself cannot be shown again. */
const SECRET_PLACE = 'THE_SECRET';

/** /services: client credentials of third-party services. */
export function createServicePages(parts: PortalDependencies) {
  const { site, settings, clock, signedIn, services, secrets, scopes } = parts;

  return {
    async list(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const rows = await services.list(account.id);
      const views = rows.map((row) => serviceView(row, scopes.describe));
      const page = servicesPage(site, viewerOf(account), {
        live: views.filter((service) => service.revokedAt === undefined),
        dead: views.filter((service) => service.revokedAt !== undefined),
        now: clock(),
        done: queryOne(ctx, 'done'),
      });
      sendPage(ctx, page);
    },

    async show(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const client = await services.get({ accountId: account.id, id: ctx.params.id ?? '' });
      const rows = await secrets.list({ accountId: account.id, clientId: client.id });
      const page = servicePage(site, viewerOf(account), {
        service: serviceView(client, scopes.describe),
        secrets: liveAndDead(rows.map((row) => credentialView(row, clock()))),
        calls: serviceCalls(settings.url, client, SECRET_PLACE),
        now: clock(),
        done: queryOne(ctx, 'done'),
      });
      sendPage(ctx, page);
    },

    ...createPages(parts),
    ...revokePages(parts),
  };
}

function createPages(parts: PortalDependencies) {
  const { site, settings, clock, signedIn, services, scopes } = parts;

  function formPage(account: Account, form: ServiceForm, problem?: FormProblem) {
    return newServicePage(site, viewerOf(account), {
      form,
      scopes: scopes.allowedFor(account).map(scopeView),
      // What must be ended sooner is told by the domain: here the scopes are not chosen yet.
      expiry: secretExpiry(false, clock()),
      problem,
    });
  }

  return {
    async showNew(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.fresh(ctx);
      const form = formOf(formInQuery(ctx));
      sendPage(ctx, formPage(account, { ...form, expires: form.expires || '365' }));
    },

    async create(ctx: RouterContext): Promise<void> {
      await signedIn.account(ctx);
      const sent = await readForm(ctx);
      const form = formOf(sent);
      const { account } = await signedIn.fresh(ctx, pathOfForm('/services/new', form));
      try {
        const { name, scopes, resourceServer, reason } = form;
        const actsFor = form.actsFor === 'app' ? ('app' as const) : ('account' as const);
        const expiresAt = expiryFrom(sent, clock());
        const wanted = { account, name, scopes, actsFor, resourceServer, reason, expiresAt };
        const { client, secret } = await services.create(wanted, actorOf(ctx, account.id));
        const page = madeSecretPage(site, viewerOf(account), {
          title: `Service “${client.name}” is ready`,
          holder: client,
          value: secret.value,
          calls: serviceCalls(settings.url, client, secret.value),
          now: clock(),
        });
        sendPage(ctx, page);
      } catch (error) {
        const problem = formProblemOf(error);
        sendPage(ctx, formPage(account, form, problem), problem.status);
      }
    },
  };
}

/** Not only for the freshly signed in: whoever wants a service dead should not be held up. */
function revokePages({ site, signedIn, services }: PortalDependencies) {
  return {
    async showRevoke(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const client = await services.get({ accountId: account.id, id: ctx.params.id ?? '' });
      sendPage(ctx, revokeServicePage(site, viewerOf(account), client));
    },

    async revoke(ctx: RouterContext): Promise<void> {
      await readForm(ctx);
      const { account } = await signedIn.account(ctx);
      const which = { accountId: account.id, id: ctx.params.id ?? '' };
      await services.revoke(which, actorOf(ctx, account.id));
      seeOther(ctx, '/services?done=revoked');
    },
  };
}

function formOf(sent: Form): ServiceForm {
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
