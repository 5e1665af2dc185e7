import type { RouterContext } from '@koa/router';
import type { FormProblem } from '../../views/form-problem.ts';
import { madeSecretPage, newSecretPage, revokeSecretPage, rotatePage } from '../../views/secrets.ts';
import type { Account } from '../accounts/account.ts';
import { type Client, pathOf } from '../credentials/client.ts';
import { isAdmin } from '../credentials/scopes.ts';
import type { NewSecret } from '../credentials/secret-rows.ts';
import type { SecretsOf } from '../credentials/secrets.ts';
import { noSuch } from '../ground/errors.ts';
import { ADMIN_SECRET_DAYS_MAX } from '../ground/limits.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import { readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { actorOf } from '../http/request.ts';
import { formProblemOf } from '../pages/refused-form.ts';
import { serviceCalls } from './curl.ts';
import type { PortalDependencies } from './dependencies.ts';
import { expiryFrom, secretExpiry } from './expiry.ts';
import { credentialView, liveAndDead, viewerOf } from './view-models.ts';

/** The secrets of one kind of client: pages below the client's own. */
export function createSecretPages(parts: PortalDependencies, kind: Client['kind']) {
  return { ...addPages(parts, kind), ...rotatePages(parts, kind), ...revokePages(parts, kind) };
}

function addPages(parts: PortalDependencies, kind: Client['kind']) {
  const { site, clock, signedIn, secrets } = parts;

  function page(account: Account, client: Client, form: SecretForm, problem?: FormProblem) {
    const expiry = secretExpiry(isAdmin(client.scopes), clock());
    return newSecretPage(site, viewerOf(account), client, { form, expiry, problem });
  }

  return {
    async showNew(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.fresh(ctx);
      const client = await secrets.client(clientIn(ctx, account, kind));
      const expires = isAdmin(client.scopes) ? String(ADMIN_SECRET_DAYS_MAX) : '365';
      sendPage(ctx, page(account, client, { name: '', expires, date: '' }));
    },

    async add(ctx: RouterContext): Promise<void> {
      // The form first: who was let in before a slow body arrives may be out by the time it has.
      const sent = await readForm(ctx);
      const { account } = await signedIn.fresh(ctx);
      const which = clientIn(ctx, account, kind);
      const form = { name: sent.one('name'), expires: sent.one('expires'), date: sent.one('date') };
      try {
        const wanted = { ...which, account, name: form.name, expiresAt: expiryFrom(sent, clock()) };
        const secret = await secrets.add(wanted, actorOf(ctx, account.id));
        const title = `A secret was added to “${secret.client.name}”`;
        showMinted(parts, ctx, account, { title, secret });
      } catch (error) {
        const problem = formProblemOf(error);
        sendPage(ctx, page(account, await secrets.client(which), form, problem), problem.status);
      }
    },
  };
}

function rotatePages(parts: PortalDependencies, kind: Client['kind']) {
  const { site, clock, signedIn, secrets } = parts;

  function page(account: Account, client: Client, overlap: string, problem?: FormProblem) {
    return rotatePage(site, viewerOf(account), client, { overlap, problem });
  }

  return {
    async showRotate(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.fresh(ctx);
      const client = await secrets.client(clientIn(ctx, account, kind));
      sendPage(ctx, page(account, client, String(DAY_SECONDS)));
    },

    async rotate(ctx: RouterContext): Promise<void> {
      const overlap = (await readForm(ctx)).one('overlap');
      const { account } = await signedIn.fresh(ctx);
      const which = clientIn(ctx, account, kind);
      try {
        const overlapSeconds = /^\d{1,8}$/.test(overlap) ? Number(overlap) : Number.NaN;
        const secret = await secrets.rotate({ ...which, account, overlapSeconds }, actorOf(ctx, account.id));
        const othersEndAt = clock() + overlapSeconds;
        const title = `The secrets of “${secret.client.name}” were rotated`;
        showMinted(parts, ctx, account, { title, secret, othersEndAt });
      } catch (error) {
        const problem = formProblemOf(error);
        sendPage(ctx, page(account, await secrets.client(which), overlap, problem), problem.status);
      }
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
      const about = { secret, isLast, now: clock() };
      sendPage(ctx, revokeSecretPage(site, viewerOf(account), client, about));
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

type SecretForm = { name: string; expires: string; date: string };

/** The client that the address names. */
function clientIn(ctx: RouterContext, account: Account, kind: Client['kind']): SecretsOf {
  return { kind, accountId: account.id, clientId: ctx.params.id ?? '' };
}

function showMinted(
  { site, settings, clock }: PortalDependencies,
  ctx: RouterContext,
  account: Account,
  made: { title: string; secret: NewSecret; othersEndAt?: number },
): void {
  const { client, value } = made.secret;
  const page = madeSecretPage(site, viewerOf(account), {
    ...made,
    holder: client,
    value,
    calls: client.kind === 'service' ? serviceCalls(settings.url, client, value) : [],
    now: clock(),
  });
  sendPage(ctx, page);
}
