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
import { showFieldRefusal } from '../pages/refused-form.ts';
import { serviceCalls } from './curl.ts';
import type { PortalDependencies } from './dependencies.ts';
import { expiryFrom, secretExpiry } from './expiry.ts';
import { credentialView, liveAndDead } from './view-models.ts';

/** The secrets of one kind of client: pages below the client's own. */
export function createSecretPages(parts: PortalDependencies, kind: Client['kind']) {
  return { ...addPages(parts, kind), ...rotatePages(parts, kind), ...revokePages(parts, kind) };
}

function addPages(parts: PortalDependencies, kind: Client['kind']) {
  const { site, clock, signedIn, secrets } = parts;

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
        showNewSecret(parts, ctx, account, { title, secret });
      } catch (error) {
        await showFieldRefusal(ctx, error, async (problem) =>
          page(account, await secrets.client(which), form, problem),
        );
      }
    },
  };
}

function rotatePages(parts: PortalDependencies, kind: Client['kind']) {
  const { site, clock, signedIn, secrets } = parts;

  function page(account: Account, client: Client, overlap: string, problem?: FormProblem) {
    return rotatePage(site, account, client, { overlap, problem });
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
        showNewSecret(parts, ctx, account, { title, secret, othersEndAt });
      } catch (error) {
        await showFieldRefusal(ctx, error, async (problem) =>
          page(account, await secrets.client(which), overlap, problem),
        );
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

/** Shows a secret this once, in the answer to the post itself: its value stands in no address and no history. */
export function showNewSecret(
  { site, settings, clock }: PortalDependencies,
  ctx: RouterContext,
  account: Account,
  made: { title: string; secret: NewSecret; othersEndAt?: number },
): void {
  const { client, value } = made.secret;
  const page = madeSecretPage(site, account, {
    ...made,
    holder: client,
    value,
    calls: client.kind === 'service' ? serviceCalls(settings.url, client, value) : [],
    now: clock(),
  });
  sendPage(ctx, page);
}
