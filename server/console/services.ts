import type { RouterContext } from '@koa/router';
import {
  type ConsoleServiceForm,
  consoleEditPage,
  consoleServicePage,
  consoleServicesPage,
  endSecretPage,
  newConsoleServicePage,
  type ServiceRow,
  serviceActPage,
} from '../../views/console/services.ts';
import type { FormProblem } from '../../views/form-problem.ts';
import type { Account } from '../accounts/account.ts';
import { countAdminUse } from '../activity/admin-use.ts';
import type { Client } from '../credentials/client.ts';
import { isAdmin } from '../credentials/scopes.ts';
import { noSuch } from '../ground/errors.ts';
import { ADMIN_SECRET_DAYS_MAX, USED_DAYS } from '../ground/limits.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import type { Form } from '../http/body.ts';
import { sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { actorOf } from '../http/request.ts';
import { SERVICE_ACTS } from '../management/service-acts.ts';
import { type ListedService, SERVICE_STATES } from '../management/service-list.ts';
import { serviceCalls } from '../pages/curl.ts';
import { expiryFrom, secretExpiry } from '../pages/expiry.ts';
import { keepNewSecret } from '../pages/new-secret.ts';
import { countsView, credentialView, liveAndDead, scopeView, serviceView } from '../pages/view-models.ts';
import { actIn, adminOf, freshAdminOf, manageOnce } from './admin.ts';
import { listAsked, pageAskedIn, searchIn } from './asked.ts';
import type { ConsoleDependencies } from './dependencies.ts';

const PATH = '/admin/services';
/** In the place of the secret in example calls: it cannot be shown again. */
const SECRET_PLACE = 'THE_SECRET';

/** /admin/services: everybody's services, one of them, what is done to it, and new ones for the app. */
export function createServicesPages(parts: ConsoleDependencies) {
  return { ...viewPages(parts), ...makingPages(parts), ...changingPages(parts) };
}

function viewPages(parts: ConsoleDependencies) {
  const { site, settings, serviceList, secrets, scopes, callCounts, rows, clock } = parts;

  return {
    async list(ctx: RouterContext): Promise<void> {
      const viewer = await adminOf(parts, ctx);
      const q = searchIn(ctx);
      const state = SERVICE_STATES.find((one) => one === queryOne(ctx, 'state'));
      const admin = queryOne(ctx, 'admin') === 'yes' ? 'yes' : '';
      const page = pageAskedIn(ctx);
      const wanted = { search: q, state, admin: admin !== '' };
      const { rows, ...ways } = await serviceList.list(wanted, page);
      const asked = listAsked(PATH, { q, state, admin }, page, ways);
      const services = rows.map((row) => serviceRow(parts, row));
      sendPage(ctx, consoleServicesPage(site, viewer, { services, asked, now: clock() }));
    },

    async show(ctx: RouterContext): Promise<void> {
      const viewer = await adminOf(parts, ctx);
      const client = await serviceIn(parts, ctx);
      const { id: clientId, accountId } = client;
      const now = clock();
      const from = now - (now % DAY_SECONDS) - (USED_DAYS - 1) * DAY_SECONDS;
      const wasAdmin = client.reason !== undefined || isAdmin(client.scopes);
      const [listed, all, adminUse, counts] = await Promise.all([
        serviceList.withUse(client),
        secrets.list({ accountId, clientId }),
        wasAdmin ? countAdminUse({ ...rows, callCounts }, client, now) : undefined,
        callCounts.of({ accountId, about: { clientId }, from, before: now + DAY_SECONDS }),
      ]);
      const page = consoleServicePage(site, viewer, {
        service: serviceRow(parts, listed),
        types: [...parts.types.keys()],
        isOwn: accountId === viewer.id,
        secrets: liveAndDead(all.map((row) => credentialView(row, now))),
        adminUse,
        counts: countsView(counts),
        calls: serviceCalls(
          settings.url,
          { ...client, scopes: [...scopes.declared(client.scopes)] },
          SECRET_PLACE,
        ),
        now,
        done: queryOne(ctx, 'done'),
      });
      sendPage(ctx, page);
    },
  };
}

function serviceRow({ scopes, clock }: ConsoleDependencies, listed: ListedService): ServiceRow {
  const { client, owner, lastUsedAt, calls } = listed;
  const secrets = liveAndDead(listed.secrets.map((row) => credentialView(row, clock()))).live;
  const view = serviceView(client, scopes.describe);
  return {
    ...{ ...view, scopes: client.scopes, accountId: client.accountId },
    ...{ ownerEmail: owner?.email, secrets, lastUsedAt, calls },
  };
}

function makingPages(parts: ConsoleDependencies) {
  const { site, services, scopes, shownOnce, clock } = parts;

  function pageFor(viewer: Account, form: ConsoleServiceForm, problem?: FormProblem) {
    return newConsoleServicePage(site, viewer, {
      form,
      scopes: scopes.allowedFor(viewer).map(scopeView),
      // What must be ended sooner is told by the domain: here the scopes are not chosen yet.
      expiry: secretExpiry(false, clock()),
      problem,
    });
  }

  return {
    async showNew(ctx: RouterContext): Promise<void> {
      const viewer = await freshAdminOf(parts, ctx);
      shownOnce.prepare(ctx);
      const expires = String(ADMIN_SECRET_DAYS_MAX);
      const blank = { name: '', scopes: [], expires, date: '', resourceServer: false, reason: '' };
      sendPage(ctx, pageFor(viewer, blank));
    },

    create: (ctx: RouterContext): Promise<void> =>
      manageOnce(parts, ctx, {
        find: () => adminOf(parts, ctx),
        async act(account, manager, sent) {
          const wishes = { ...newFormOf(sent), account, actsFor: 'app' as const };
          const expiresAt = expiryFrom(sent, clock(), () => services.check(wishes));
          const wanted = { ...wishes, reason: manager.reason, expiresAt };
          const { client, secret } = await services.create(wanted, actorOf(ctx, account.id));
          return keepNewSecret(parts, ctx, { title: `Service “${client.name}” is ready`, secret });
        },
        page: (_found, { viewer, problem, sent }) => pageFor(viewer, newFormOf(sent), problem),
      }),
  };
}

function newFormOf(sent: Form): ConsoleServiceForm {
  return {
    ...{ name: sent.one('name'), scopes: sent.all('scopes') },
    ...{ expires: sent.one('expires'), date: sent.one('date') },
    resourceServer: sent.one('resourceServer') !== '',
    reason: sent.one('reason'),
  };
}

function changingPages(parts: ConsoleDependencies) {
  const { site, serviceActs, clock } = parts;

  async function secretIn(ctx: RouterContext) {
    const service = await liveServiceIn(parts, ctx);
    const all = await parts.secrets.list({ accountId: service.accountId, clientId: service.id });
    const views = all.map((row) => credentialView(row, clock()));
    const secret = views.find(({ id }) => id === ctx.params.secretId);
    if (secret === undefined) throw noSuch('secret');
    const isLast = liveAndDead(views).live.every(({ id }) => id === secret.id);
    return { service, secret, isLast, now: clock() };
  }

  return {
    async showAct(ctx: RouterContext): Promise<void> {
      await adminOf(parts, ctx);
      const found = { act: actIn(ctx, SERVICE_ACTS), service: await liveServiceIn(parts, ctx) };
      const viewer = await freshAdminOf(parts, ctx);
      sendPage(ctx, serviceActPage(site, viewer, { ...found, reason: '', problem: undefined }));
    },

    act: (ctx: RouterContext): Promise<void> =>
      manageOnce(parts, ctx, {
        find: async () => ({ act: actIn(ctx, SERVICE_ACTS), service: await serviceIn(parts, ctx) }),
        async act({ act, service }, manager) {
          await serviceActs.do(act, service, manager);
          return `${PATH}/${service.id}?done=${act}`;
        },
        page: (found, { viewer, problem, sent }) =>
          serviceActPage(site, viewer, { ...found, reason: sent.one('reason'), problem }),
      }),

    async showEdit(ctx: RouterContext): Promise<void> {
      await adminOf(parts, ctx);
      const service = await liveServiceIn(parts, ctx);
      const viewer = await freshAdminOf(parts, ctx);
      sendPage(ctx, editPage(parts, viewer, service, { ...service, reason: '' }));
    },

    edit: (ctx: RouterContext): Promise<void> =>
      manageOnce(parts, ctx, {
        find: () => serviceIn(parts, ctx),
        async act(service, manager, sent) {
          await serviceActs.edit(service, { name: sent.one('name'), scopes: sent.all('scopes') }, manager);
          return `${PATH}/${service.id}?done=edit`;
        },
        page: (service, { viewer, problem, sent }) => {
          const form = {
            ...{ name: sent.one('name'), scopes: sent.all('scopes'), reason: sent.one('reason') },
          };
          return editPage(parts, viewer, service, form, problem);
        },
      }),

    async showEndSecret(ctx: RouterContext): Promise<void> {
      await adminOf(parts, ctx);
      const found = await secretIn(ctx);
      const viewer = await freshAdminOf(parts, ctx);
      sendPage(ctx, endSecretPage(site, viewer, { ...found, reason: '', problem: undefined }));
    },

    endSecret: (ctx: RouterContext): Promise<void> =>
      manageOnce(parts, ctx, {
        find: () => secretIn(ctx),
        async act({ service, secret }, manager) {
          await serviceActs.endSecret(service, secret.id, manager);
          return `${PATH}/${service.id}?done=secret`;
        },
        page: (found, { viewer, problem, sent }) =>
          endSecretPage(site, viewer, { ...found, reason: sent.one('reason'), problem }),
      }),
  };
}

/** Only what it has can be left to it. */
function editPage(
  { site, scopes }: ConsoleDependencies,
  viewer: Account,
  service: Client,
  form: { name: string; scopes: readonly string[]; reason: string },
  problem?: FormProblem,
) {
  const held = scopes.all.filter(({ name }) => service.scopes.includes(name)).map(scopeView);
  return consoleEditPage(site, viewer, service, { form, scopes: held, problem });
}

async function serviceIn({ serviceList }: ConsoleDependencies, ctx: RouterContext): Promise<Client> {
  const service = await serviceList.get(ctx.params.clientId ?? '');
  if (service === undefined) throw noSuch('service');
  return service;
}

/** A revoked one is only looked at. */
async function liveServiceIn(parts: ConsoleDependencies, ctx: RouterContext): Promise<Client> {
  const service = await serviceIn(parts, ctx);
  if (service.revokedAt !== undefined) throw noSuch('service');
  return service;
}
