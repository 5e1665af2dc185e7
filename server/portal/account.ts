import Router from '@koa/router';
import { accountPage, accountPasswordPage, type IdentityView, unlinkPage } from '../../views/account.ts';
import type { Identity } from '../accounts/account.ts';
import { providerNameOf } from '../accounts/identities.ts';
import { readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { actorOf } from '../http/request.ts';
import { formProblemOf } from '../pages/refused-form.ts';
import type { PortalDependencies } from './dependencies.ts';
import { notFound } from './form-in-query.ts';
import { viewerOf } from './view-models.ts';

/** /account: ways to sign in, and where the account is signed in. */
export function createAccountRoutes(parts: PortalDependencies): Router {
  const { site, clock, signedIn, accounts, identities, sessionList, sessions } = parts;
  const router = new Router({ strict: true, sensitive: true });

  router.get('/account', async (ctx) => {
    const { account, session } = await signedIn.account(ctx);
    const [linked, sessions] = await Promise.all([identities.list(account.id), sessionList.list(account.id)]);
    const page = accountPage(site, viewerOf(account), {
      accountId: account.id,
      createdAt: account.createdAt,
      hasPassword: account.passwordHash !== undefined,
      identities: linked.map(shownIdentity),
      sessions: sessions.map((row) => ({ ...row, isThis: row.uid === session.uid })),
      now: clock(),
      done: queryOne(ctx, 'done'),
    });
    sendPage(ctx, page);
  });

  router.get('/account/password', async (ctx) => {
    const { account } = await signedIn.fresh(ctx);
    const given = { hasPassword: account.passwordHash !== undefined, problem: undefined };
    sendPage(ctx, accountPasswordPage(site, viewerOf(account), given));
  });

  router.post('/account/password', async (ctx) => {
    // The form first: who was let in before a slow body arrives may be out by the time it has.
    const password = (await readForm(ctx)).one('password');
    const { account, session } = await signedIn.fresh(ctx);
    try {
      const changed = await accounts.setPassword(account, password, actorOf(ctx, account.id));
      // Whoever knew the old one is out; this browser is signed in anew.
      await sessionList.endAll(account.id);
      await sessions.start(ctx, { account: changed, amr: session.amr });
      seeOther(ctx, '/account?done=password');
    } catch (error) {
      const problem = formProblemOf(error);
      const given = { hasPassword: account.passwordHash !== undefined, problem };
      sendPage(ctx, accountPasswordPage(site, viewerOf(account), given), problem.status);
    }
  });

  router.post('/account/link-google', async (ctx) => {
    await readForm(ctx);
    await signedIn.fresh(ctx, '/account');
    seeOther(ctx, '/sign-in/google?link=1');
  });

  async function ownIdentity(accountId: string, id: string | undefined): Promise<Identity> {
    const rows = await identities.list(accountId);
    const identity = rows.find((row) => row.id === id);
    if (identity === undefined) throw notFound('way to sign in');
    return identity;
  }

  router.get('/account/identities/:id/unlink', async (ctx) => {
    const { account } = await signedIn.fresh(ctx);
    const identity = shownIdentity(await ownIdentity(account.id, ctx.params.id));
    sendPage(ctx, unlinkPage(site, viewerOf(account), { identity }));
  });

  router.post('/account/identities/:id/unlink', async (ctx) => {
    await readForm(ctx);
    const { account } = await signedIn.fresh(ctx);
    const { id } = await ownIdentity(account.id, ctx.params.id);
    await identities.unlink({ accountId: account.id, id }, actorOf(ctx, account.id));
    seeOther(ctx, '/account?done=unlinked');
  });

  router.post('/account/sessions/end-others', async (ctx) => {
    await readForm(ctx);
    const { account, session } = await signedIn.account(ctx, '/account');
    await sessionList.endAll(account.id, session.uid);
    seeOther(ctx, '/account?done=sessions-ended');
  });

  router.post('/account/sessions/:uid/end', async (ctx) => {
    await readForm(ctx);
    const { account } = await signedIn.account(ctx, '/account');
    await sessionList.endOne(account.id, ctx.params.uid ?? '');
    seeOther(ctx, '/account?done=session-ended');
  });

  return router;
}

function shownIdentity(row: Identity): IdentityView {
  return { id: row.id, provider: providerNameOf(row.issuer), email: row.email, createdAt: row.createdAt };
}
