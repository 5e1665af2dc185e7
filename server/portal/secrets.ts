import type Router from '@koa/router';
import type { Context } from 'koa';
import type { FormProblem } from '../../views/form-problem.ts';
import {
  madeSecretPage,
  newSecretPage,
  revokeSecretPage,
  rotatePage,
  type SecretHolder,
} from '../../views/secrets.ts';
import type { Account } from '../accounts/account.ts';
import type { Apps } from '../credentials/apps.ts';
import type { Client } from '../credentials/client.ts';
import { isAdmin } from '../credentials/scopes.ts';
import { type NewSecret, noSuchClient } from '../credentials/secrets.ts';
import type { Services } from '../credentials/services.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import { readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { actorOf } from '../http/request.ts';
import { formProblemOf } from '../pages/refused-form.ts';
import type { PortalDependencies } from './dependencies.ts';
import { expiryFrom, secretExpiry } from './expiry.ts';
import { notFound } from './form-in-query.ts';
import { liveAndDead, shownCredential, viewerOf } from './view-models.ts';

/** Calls to try with a new secret. */
export type CallsOf = (client: Client, secret: string) => readonly { label: string; code: string }[];

type SecretForm = { name: string; expires: string; date: string };

/** Adds the pages for the secrets of a kind of client below its own page: add, rotate, revoke. */
export function addSecretRoutes(
  router: Router,
  parts: PortalDependencies,
  of: {
    base: '/services' | '/developer';
    clients: Pick<Services & Apps, 'get' | 'secrets' | 'addSecret' | 'rotate' | 'revokeSecret'>;
    holderOf: (client: Client) => SecretHolder;
    callsOf: CallsOf;
  },
): void {
  const { site, clock, signedIn } = parts;
  const { base, clients, holderOf, callsOf } = of;

  async function ownClient(account: Account, id: string | undefined): Promise<Client> {
    const client = await clients.get({ accountId: account.id, id: id ?? '' });
    if (client === undefined || client.revokedAt !== undefined) throw noSuchClient();
    return client;
  }

  function showMade(
    ctx: Context,
    account: Account,
    client: Client,
    made: { title: string; secret: NewSecret; othersEndAt?: number },
  ): void {
    const page = madeSecretPage(site, viewerOf(account), {
      ...made,
      holder: holderOf(client),
      value: made.secret.value,
      calls: callsOf(client, made.secret.value),
      now: clock(),
    });
    sendPage(ctx, page);
  }

  function newPage(account: Account, client: Client, form: SecretForm, problem?: FormProblem) {
    const expiry = secretExpiry(isAdmin(client.scopes), clock());
    return newSecretPage(site, viewerOf(account), { holder: holderOf(client), form, expiry, problem });
  }

  router.get(`${base}/:id/secrets/new`, async (ctx) => {
    const { account } = await signedIn.fresh(ctx);
    const client = await ownClient(account, ctx.params.id);
    const expires = isAdmin(client.scopes) ? '90' : '365';
    sendPage(ctx, newPage(account, client, { name: '', expires, date: '' }));
  });

  router.post(`${base}/:id/secrets/new`, async (ctx) => {
    // The form first: who was let in before a slow body arrives may be out by the time it has.
    const sent = await readForm(ctx);
    const { account } = await signedIn.fresh(ctx);
    const client = await ownClient(account, ctx.params.id);
    const form = { name: sent.one('name'), expires: sent.one('expires'), date: sent.one('date') };
    try {
      const expiresAt = expiryFrom(sent, clock());
      const wanted = { account, accountId: account.id, clientId: client.id, name: form.name, expiresAt };
      const secret = await clients.addSecret(wanted, actorOf(ctx, account.id));
      showMade(ctx, account, client, { title: `A secret was added to “${client.name}”`, secret });
    } catch (error) {
      const problem = formProblemOf(error);
      sendPage(ctx, newPage(account, client, form, problem), problem.status);
    }
  });

  router.get(`${base}/:id/rotate`, async (ctx) => {
    const { account } = await signedIn.fresh(ctx);
    const holder = holderOf(await ownClient(account, ctx.params.id));
    sendPage(
      ctx,
      rotatePage(site, viewerOf(account), { holder, overlap: String(DAY_SECONDS), problem: undefined }),
    );
  });

  router.post(`${base}/:id/rotate`, async (ctx) => {
    const overlap = (await readForm(ctx)).one('overlap');
    const { account } = await signedIn.fresh(ctx);
    const client = await ownClient(account, ctx.params.id);
    try {
      const overlapSeconds = /^\d{1,8}$/.test(overlap) ? Number(overlap) : Number.NaN;
      const wanted = { account, accountId: account.id, clientId: client.id, overlapSeconds };
      const secret = await clients.rotate(wanted, actorOf(ctx, account.id));
      const othersEndAt = clock() + overlapSeconds;
      const title = `The secrets of “${client.name}” were rotated`;
      showMade(ctx, account, client, { title, secret, othersEndAt });
    } catch (error) {
      const problem = formProblemOf(error);
      const page = rotatePage(site, viewerOf(account), { holder: holderOf(client), overlap, problem });
      sendPage(ctx, page, problem.status);
    }
  });

  async function ownSecret(account: Account, client: Client, id: string | undefined) {
    const rows = await clients.secrets({ accountId: account.id, clientId: client.id });
    const secret = rows.find((row) => row.id === id);
    if (secret === undefined) throw notFound('secret');
    const live = liveAndDead(rows.map((row) => shownCredential(row, clock()))).live;
    return { secret: shownCredential(secret, clock()), isLast: live.every((row) => row.id === id) };
  }

  router.get(`${base}/:id/secrets/:secretId/revoke`, async (ctx) => {
    const { account } = await signedIn.account(ctx);
    const client = await ownClient(account, ctx.params.id);
    const { secret, isLast } = await ownSecret(account, client, ctx.params.secretId);
    const given = { holder: holderOf(client), secret, isLast, now: clock() };
    sendPage(ctx, revokeSecretPage(site, viewerOf(account), given));
  });

  router.post(`${base}/:id/secrets/:secretId/revoke`, async (ctx) => {
    await readForm(ctx);
    const { account } = await signedIn.account(ctx);
    const client = await ownClient(account, ctx.params.id);
    const { secret } = await ownSecret(account, client, ctx.params.secretId);
    const which = { accountId: account.id, clientId: client.id, id: secret.id };
    await clients.revokeSecret(which, actorOf(ctx, account.id));
    seeOther(ctx, `${holderOf(client).path}?done=secret-revoked`);
  });
}
