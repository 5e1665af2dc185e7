import { Readable } from 'node:stream';
import type { RouterContext } from '@koa/router';
import { accessPage, deleteAccountPage, endAccessPage, takeDataPage } from '../../views/access.ts';
import type { Account } from '../accounts/account.ts';
import { readEmail } from '../accounts/email.ts';
import { type Client, isLiveClient } from '../credentials/client.ts';
import { hasEnded } from '../credentials/credential.ts';
import { Problem } from '../ground/errors.ts';
import { isoDate } from '../ground/time.ts';
import { readForm } from '../http/body.ts';
import { sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { actorOf } from '../http/request.ts';
import { showRefusal } from '../pages/refused-form.ts';
import { requireViewer } from '../pages/signed-in.ts';
import type { PortalDependencies } from './dependencies.ts';
import { doOnceAtLast } from './owned.ts';

/** /account/access: all that can act for an account, and its end; /account/data and /account/delete. */
export function createAccessPages(parts: PortalDependencies) {
  const { site, signedIn, endings, sessions } = parts;

  return {
    async show(ctx: RouterContext): Promise<void> {
      const { account, session } = await signedIn.account(ctx);
      const all = await allOf(parts, account, session.uid);
      sendPage(ctx, accessPage(site, account, { ...all, done: queryOne(ctx, 'done') }));
    },

    async showEnd(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      sendPage(ctx, endAccessPage(site, account));
    },

    /** Without a fresh sign-in: whoever wants it all ended should not be held up. This browser stays signed in. */
    async end(ctx: RouterContext): Promise<void> {
      const sent = await readForm(ctx);
      const signIn = (from: RouterContext) => signedIn.account(from);
      await doOnceAtLast(parts, ctx, { sent, signIn }, async ({ account, session }) => {
        const changed = await endings.endAccess(account, actorOf(ctx, account.id));
        // No fresher than it was: nobody proved anything now.
        await sessions.start(ctx, { account: changed, ...session, isCarried: true });
        // By way of the sign-in, where who sent it twice is told why they have to: their new session went to the first post.
        return `/sign-in?${new URLSearchParams({ done: 'access-ended', return_to: '/account/access?done=ended' })}`;
      });
    },

    ...dataPages(parts),
    ...deletePages(parts),
  };
}

async function allOf(parts: PortalDependencies, account: Account, uid: string) {
  const { tokens, services, grants, apps, secrets, sessionList, clock } = parts;
  const { id: accountId } = account;
  const [ownTokens, ownServices, granted, ownApps, sessions] = await Promise.all([
    tokens.list(accountId),
    services.list(accountId),
    grants.list(accountId),
    apps.list(accountId),
    sessionList.list(accountId),
  ]);
  const now = clock();
  const isPaused = ({ pausedAt }: { pausedAt?: number | undefined }) => pausedAt !== undefined;
  const clientView = async (client: Client) => {
    const rows = await secrets.list({ accountId, clientId: client.id });
    return {
      ...client,
      secrets: rows.filter((row) => !hasEnded(row, now)).length,
      isPaused: isPaused(client),
    };
  };
  return {
    now,
    tokens: ownTokens
      .filter((row) => !hasEnded(row, now))
      .map(({ id, name, lastUsedAt, pausedAt, replacedBy }) => ({
        id,
        name,
        lastUsedAt,
        replacedBy,
        isPaused: isPaused({ pausedAt }),
      })),
    services: await Promise.all(ownServices.filter(isLiveClient).map(clientView)),
    grants: granted.map(({ grantId: id, client, lastUsedAt }) => ({ id, name: client.name, lastUsedAt })),
    apps: await Promise.all(ownApps.map(clientView)),
    sessions: sessions.map((row) => ({ ...row, isThis: row.uid === uid })),
  };
}

function dataPages({ site, signedIn, accountData, clock, log }: PortalDependencies) {
  return {
    async showData(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.fresh(ctx);
      sendPage(ctx, takeDataPage(site, account));
    },

    async takeData(ctx: RouterContext): Promise<void> {
      const sent = await readForm(ctx);
      const { account } = await signedIn.fresh(ctx);
      requireViewer(account, sent);
      const actor = actorOf(ctx, account.id);
      const document = Readable.from(await accountData.take(account, actor), { objectMode: false });
      // Koa cuts the connection, so that half a document does not look whole: browsers say that the download failed.
      document.on('error', (error) =>
        log.error({ err: error, requestId: actor.requestId }, 'what an account holds could not all be read'),
      );
      ctx.set('Content-Disposition', `attachment; filename="account-${isoDate(clock())}.json"`);
      ctx.set('Cache-Control', 'no-store');
      ctx.type = 'application/json; charset=utf-8';
      ctx.body = document;
    },
  };
}

function deletePages(parts: PortalDependencies) {
  const { site, signedIn, removal, admins, sessions } = parts;
  const recordDays = Math.max(...Object.values(parts.settings.retention));
  // A type without rules is for accounts as if it were not there.
  const known = [...parts.types.values()].map(({ type }) => type).filter(({ rules }) => rules.length > 0);
  const data = {
    goes: known.filter(({ deletedWithAccount }) => deletedWithAccount),
    stays: known.filter(({ deletedWithAccount }) => !deletedWithAccount),
  };

  return {
    async showDelete(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.fresh(ctx);
      // Told before anybody has typed anything.
      await admins.requireOther(account);
      sendPage(ctx, deleteAccountPage(site, account, { recordDays, data }));
    },

    async delete(ctx: RouterContext): Promise<void> {
      const sent = await readForm(ctx);
      const signIn = (from: RouterContext) => signedIn.fresh(from);
      try {
        await doOnceAtLast(parts, ctx, { sent, signIn }, async ({ account }) => {
          requireTyped(account, sent.one('email'));
          await removal.remove(account, actorOf(ctx, account.id));
          await sessions.end(ctx);
          return '/sign-in?done=account-deleted';
        });
      } catch (error) {
        await showRefusal(ctx, error, async (problem) =>
          deleteAccountPage(site, (await signIn(ctx)).account, { recordDays, data, problem }),
        );
      }
    },
  };
}

function requireTyped({ emailKey }: Account, typed: string): void {
  if (readEmail(typed)?.key === emailKey) return;
  throw new Problem({
    status: 400,
    code: 'INVALID_EMAIL',
    message: 'This is not the e-mail address of your account.',
    hint: 'Type the one that stands above the field.',
    parameter: 'email',
  });
}
