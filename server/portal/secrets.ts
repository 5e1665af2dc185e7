import type { RouterContext } from '@koa/router';
import type { FormProblem } from '../../views/form-problem.ts';
import {
  goneSecretPage,
  madeSecretPage,
  newSecretPage,
  revokeSecretPage,
  rotatePage,
} from '../../views/secrets.ts';
import type { Account } from '../accounts/account.ts';
import { type Client, pathOf } from '../credentials/client.ts';
import { stateOf } from '../credentials/credential.ts';
import { nameFrom } from '../credentials/names.ts';
import { isAdmin } from '../credentials/scopes.ts';
import type { SecretsOf } from '../credentials/secrets.ts';
import { noSuch } from '../ground/errors.ts';
import { ADMIN_SECRET_DAYS_MAX } from '../ground/limits.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import { type Form, readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { actorOf } from '../http/request.ts';
import { serviceCalls } from '../pages/curl.ts';
import { expiryFrom, secretExpiry } from '../pages/expiry.ts';
import { formInQuery, pathOfForm } from '../pages/form-in-query.ts';
import { keepNewSecret } from '../pages/new-secret.ts';
import { showFieldRefusal } from '../pages/refused-form.ts';
import { credentialView, liveAndDead } from '../pages/view-models.ts';
import type { PortalDependencies } from './dependencies.ts';
import { doOnce } from './owned.ts';

/** The secrets of one kind of client: pages below the client's own. */
export function createSecretPages(parts: PortalDependencies, kind: Client['kind']) {
  return {
    ...addPages(parts, kind),
    ...rotatePages(parts, kind),
    ...valuePages(parts, kind),
    ...revokePages(parts, kind),
  };
}

function addPages(parts: PortalDependencies, kind: Client['kind']) {
  const { site, clock, signedIn, secrets, shownOnce } = parts;

  function page(
    account: Account,
    client: Client,
    form: { name: string; expires: string; date: string },
    problem?: FormProblem,
  ) {
    const expiry = secretExpiry(isAdmin(client.scopes), clock());
    return newSecretPage(site, account, client, { form, expiry, problem });
  }

  return {
    async showNew(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.fresh(ctx);
      const client = await secrets.client(clientIn(ctx, account, kind));
      shownOnce.prepare(ctx);
      const form = secretFormOf(formInQuery(ctx));
      const expires = form.expires || (isAdmin(client.scopes) ? String(ADMIN_SECRET_DAYS_MAX) : '365');
      sendPage(ctx, page(account, client, { ...form, expires }));
    },

    async add(ctx: RouterContext): Promise<void> {
      // The form first: who was let in before a slow body arrives may be out by the time it has.
      const sent = await readForm(ctx);
      const form = secretFormOf(sent);
      const { account } = await signedIn.fresh(ctx, pathOfForm(ctx.path, form));
      const which = clientIn(ctx, account, kind);
      try {
        await doOnce(parts, ctx, { account, sent }, async () => {
          const expiresAt = expiryFrom(sent, clock(), () => nameFrom(form.name));
          const wanted = { ...which, account, name: form.name, expiresAt };
          const secret = await secrets.add(wanted, actorOf(ctx, account.id));
          const title = `A new secret of “${secret.client.name}” is ready`;
          return keepNewSecret(parts, ctx, { title, secret });
        });
      } catch (error) {
        await showFieldRefusal(ctx, error, async (problem) =>
          page(account, await secrets.client(which), form, problem),
        );
      }
    },
  };
}

function secretFormOf(sent: Form) {
  return { name: sent.one('name'), expires: sent.one('expires'), date: sent.one('date') };
}

function rotatePages(parts: PortalDependencies, kind: Client['kind']) {
  const { site, clock, signedIn, secrets, shownOnce } = parts;

  function page(account: Account, client: Client, overlap: string, problem?: FormProblem) {
    return rotatePage(site, account, client, { overlap, problem });
  }

  return {
    async showRotate(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.fresh(ctx);
      const client = await secrets.client(clientIn(ctx, account, kind));
      shownOnce.prepare(ctx);
      sendPage(ctx, page(account, client, formInQuery(ctx).one('overlap') || String(DAY_SECONDS)));
    },

    async rotate(ctx: RouterContext): Promise<void> {
      const sent = await readForm(ctx);
      const overlap = sent.one('overlap');
      const { account } = await signedIn.fresh(ctx, pathOfForm(ctx.path, { overlap }));
      const which = clientIn(ctx, account, kind);
      try {
        await doOnce(parts, ctx, { account, sent }, async () => {
          const overlapSeconds = /^\d{1,8}$/.test(overlap) ? Number(overlap) : Number.NaN;
          const wanted = { ...which, account, overlapSeconds };
          const secret = await secrets.rotate(wanted, actorOf(ctx, account.id));
          const othersEndAt = clock() + overlapSeconds;
          const title = `The secrets of “${secret.client.name}” were rotated`;
          return keepNewSecret(parts, ctx, { title, secret, othersEndAt });
        });
      } catch (error) {
        await showFieldRefusal(ctx, error, async (problem) =>
          page(account, await secrets.client(which), overlap, problem),
        );
      }
    },
  };
}

/** Where the value of a new secret is shown, until its owner has copied it. */
function valuePages(parts: PortalDependencies, kind: Client['kind']) {
  const { site, settings, clock, signedIn, secrets, shownOnce } = parts;

  async function find(ctx: RouterContext, account: Account) {
    const which = clientIn(ctx, account, kind);
    const client = await secrets.client(which);
    const secret = (await secrets.list(which)).find(({ id }) => id === ctx.params.secretId);
    if (secret === undefined) throw noSuch('secret');
    return { client, secret };
  }

  return {
    async showValue(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const { client, secret } = await find(ctx, account);
      const isLive = stateOf(secret, clock()) === 'live';
      const which = { id: secret.id, accountId: account.id };
      const shown = isLive ? await shownOnce.open(ctx, which) : undefined;
      if (shown === undefined) return sendPage(ctx, goneSecretPage(site, account, client), 410);
      const page = madeSecretPage(site, account, {
        ...shown,
        holder: client,
        secretId: secret.id,
        calls: client.kind === 'service' ? serviceCalls(settings.url, client, shown.value) : [],
        now: clock(),
      });
      sendPage(ctx, page);
    },

    async copied(ctx: RouterContext): Promise<void> {
      await readForm(ctx);
      const { account } = await signedIn.account(ctx);
      const { client, secret } = await find(ctx, account);
      await shownOnce.forget({ id: secret.id, accountId: account.id });
      seeOther(ctx, `${pathOf(client)}?done=copied`);
    },
  };
}

function revokePages(parts: PortalDependencies, kind: Client['kind']) {
  const { site, clock, signedIn, secrets } = parts;

  return {
    async showRevoke(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const which = clientIn(ctx, account, kind);
      const [client, rows] = await Promise.all([secrets.client(which), secrets.list(which)]);
      const views = rows.map((row) => credentialView(row, clock()));
      const secret = views.find(({ id }) => id === ctx.params.secretId);
      if (secret === undefined) throw noSuch('secret');
      const isLast = liveAndDead(views).live.every(({ id }) => id === secret.id);
      sendPage(ctx, revokeSecretPage(site, account, client, { secret, isLast, now: clock() }));
    },

    async revoke(ctx: RouterContext): Promise<void> {
      await readForm(ctx);
      const { account } = await signedIn.account(ctx);
      const which = clientIn(ctx, account, kind);
      await secrets.revoke({ ...which, id: ctx.params.secretId ?? '' }, actorOf(ctx, account.id));
      seeOther(ctx, `${pathOf({ kind, id: which.clientId })}?done=secret-revoked`);
    },
  };
}

/** The client that the address names. */
function clientIn(ctx: RouterContext, account: Account, kind: Client['kind']): SecretsOf {
  return { kind, accountId: account.id, clientId: ctx.params.id ?? '' };
}
