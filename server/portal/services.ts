import type { RouterContext } from '@koa/router';
import type { FormProblem } from '../../views/form-problem.ts';
import {
  editServicePage,
  newServicePage,
  revokeServicePage,
  type ServiceEditForm,
  type ServiceForm,
  servicePage,
  servicesPage,
} from '../../views/services.ts';
import type { Account } from '../accounts/account.ts';
import { type AdminUse, countAdminUse } from '../activity/admin-use.ts';
import type { Client } from '../credentials/client.ts';
import type { Owned } from '../credentials/owner.ts';
import { covers, isAdmin, isAdminScope, type Scope } from '../credentials/scopes.ts';
import type { Actor } from '../ground/actor.ts';
import { ADMIN_SECRET_DAYS_MAX, USED_DAYS } from '../ground/limits.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import { type Form, readForm } from '../http/body.ts';
import { sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { actorOf } from '../http/request.ts';
import { serviceCalls } from '../pages/curl.ts';
import { expiryFrom, secretExpiry } from '../pages/expiry.ts';
import { formInQuery, isFilledIn, pathOfForm } from '../pages/form-in-query.ts';
import { keepNewSecret } from '../pages/new-secret.ts';
import { showFieldRefusal } from '../pages/refused-form.ts';
import { credentialView, liveAndDead, scopeView, serviceView } from '../pages/view-models.ts';
import type { PortalDependencies } from './dependencies.ts';
import { BY_NAME, listingOf, NEWEST } from './listing.ts';
import { confirm, doOnce, ownedIn } from './owned.ts';

/** In the place of the secret in example calls: the secret itself cannot be shown again. */
const SECRET_PLACE = 'THE_SECRET';

/**
 * /services: client credentials of third-party services. Making one is for the freshly signed in; revoking is
 * not: whoever wants a service dead should not be held up.
 */
export function createServicePages(parts: PortalDependencies) {
  const { site, clock, signedIn, services, shownOnce, usage } = parts;

  return {
    ...viewPages(parts),

    async showNew(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.fresh(ctx);
      services.requireMayCreate(account);
      shownOnce.prepare(ctx);
      const form = formOf(formInQuery(ctx));
      // What an admin makes may have the admin scope: the choice is one that goes with all scopes.
      const expires = form.expires || String(account.admin ? ADMIN_SECRET_DAYS_MAX : 365);
      sendPage(ctx, formPage(parts, account, { ...form, expires }));
    },

    async create(ctx: RouterContext): Promise<void> {
      const sent = await readForm(ctx);
      const form = formOf(sent);
      const { account } = await signedIn.fresh(ctx, pathOfForm('/services/new', form));
      try {
        const actsFor = reachOf(form);
        await doOnce(parts, ctx, { account, sent }, async () => {
          const wishes = { ...form, account, actsFor };
          const wanted = { ...wishes, expiresAt: expiryFrom(sent, clock(), () => services.check(wishes)) };
          const { client, secret } = await services.create(wanted, actorOf(ctx, account.id));
          return keepNewSecret(parts, ctx, { title: `Service “${client.name}” is ready`, secret });
        });
      } catch (error) {
        await showFieldRefusal(ctx, error, (problem) => formPage(parts, account, form, problem));
      }
    },

    ...editPages(parts),

    pause: (ctx: RouterContext) => setPaused(parts, ctx, services.pause, 'paused'),
    resume: (ctx: RouterContext) => setPaused(parts, ctx, services.resume, 'resumed'),

    async showRevoke(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const client = await services.get(ownedIn(ctx, account));
      const since = clock() - USED_DAYS * DAY_SECONDS;
      const used = await usage.of({ accountId: account.id, about: { clientId: client.id }, since });
      sendPage(ctx, revokeServicePage(site, account, { service: client, usage: used }));
    },

    revoke: (ctx: RouterContext) => confirm(ctx, signedIn.account, services.revoke, '/services?done=revoked'),
  };
}

function viewPages(parts: PortalDependencies) {
  const { site, settings, clock, signedIn, services, secrets, scopes, rows, callCounts } = parts;

  /** Of one that is an admin, or was: its reason stays. */
  async function adminUseOf(client: Client): Promise<AdminUse | undefined> {
    const isWanted = client.reason !== undefined || isAdmin(client.scopes);
    return isWanted ? countAdminUse({ ...rows, callCounts }, client, clock()) : undefined;
  }

  return {
    async list(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const rows = await services.list(account.id);
      const views = rows.map((row) => serviceView(row, scopes.describe));
      const live = views.filter((service) => service.revokedAt === undefined);
      const dead = views.filter((service) => service.revokedAt !== undefined);
      const shown = listingOf(ctx, live, {
        path: '/services',
        textOf: ({ name, id, allows, reason = '' }) => [name, id, reason, ...allows].join(' '),
        sorts: [NEWEST, BY_NAME],
      });
      const page = servicesPage(site, account, {
        live: shown.rows,
        dead: dead.filter(shown.isFound),
        listing: shown.listing,
        now: clock(),
        done: queryOne(ctx, 'done'),
      });
      sendPage(ctx, page);
    },

    async show(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const client = await services.get(ownedIn(ctx, account));
      const rows = await secrets.list({ accountId: account.id, clientId: client.id });
      const page = servicePage(site, account, {
        service: serviceView(client, scopes.describe),
        adminUse: await adminUseOf(client),
        secrets: liveAndDead(rows.map((row) => credentialView(row, clock()))),
        calls: serviceCalls(
          settings.url,
          { ...client, scopes: [...scopes.declared(client.scopes)] },
          SECRET_PLACE,
        ),
        now: clock(),
        done: queryOne(ctx, 'done'),
      });
      sendPage(ctx, page);
    },
  };
}

/** A posted button of the service's page, which says afterwards what was done. */
function setPaused(
  parts: PortalDependencies,
  ctx: RouterContext,
  act: (which: Owned, actor: Actor) => Promise<unknown>,
  done: 'paused' | 'resumed',
): Promise<void> {
  const next = `/services/${ctx.params.id}`;
  return confirm(ctx, (from) => parts.signedIn.account(from, next), act, `${next}?done=${done}`);
}

function editPages(parts: PortalDependencies) {
  const { site, signedIn, services, scopes } = parts;

  function pageFor(account: Account, service: Client, form: ServiceEditForm, problem?: FormProblem) {
    // An admin scope is given when a service is made, or never.
    const mayHave = ({ name }: Scope) => !isAdminScope(name) || covers(service.scopes, name);
    const choices = scopes.allowedFor(account).filter(mayHave).map(scopeView);
    return editServicePage(site, account, service, { form, scopes: choices, problem });
  }

  return {
    async showEdit(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.fresh(ctx);
      const service = await services.get(ownedIn(ctx, account));
      const form = isFilledIn(ctx) ? editFormOf(formInQuery(ctx)) : service;
      sendPage(ctx, pageFor(account, service, form));
    },

    async edit(ctx: RouterContext): Promise<void> {
      const sent = await readForm(ctx);
      const form = editFormOf(sent);
      const { account } = await signedIn.fresh(ctx, pathOfForm(ctx.path, form));
      const which = ownedIn(ctx, account);
      const service = await services.get(which);
      try {
        await doOnce(parts, ctx, { account, sent }, async () => {
          await services.update({ account, id: which.id, ...form }, actorOf(ctx, account.id));
          return `/services/${which.id}?done=changed`;
        });
      } catch (error) {
        await showFieldRefusal(ctx, error, (problem) => pageFor(account, service, form, problem));
      }
    },
  };
}

/** What goes with the scopes, unless it was chosen. */
function reachOf({ actsFor, scopes }: ServiceForm): 'app' | 'account' {
  if (actsFor === 'app' || actsFor === 'account') return actsFor;
  return isAdmin(scopes) ? 'app' : 'account';
}

function editFormOf(sent: Form): ServiceEditForm {
  return { name: sent.one('name'), scopes: sent.all('scopes') };
}

function formPage(
  { site, clock, scopes }: PortalDependencies,
  account: Account,
  form: ServiceForm,
  problem?: FormProblem,
) {
  return newServicePage(site, account, {
    form,
    scopes: scopes.allowedFor(account).map(scopeView),
    // What must be ended sooner is told by the domain: here the scopes are not chosen yet.
    expiry: secretExpiry(false, clock()),
    problem,
  });
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
