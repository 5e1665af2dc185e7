import type { RouterContext } from '@koa/router';
import {
  accountNamePage,
  accountPage,
  accountPasswordPage,
  type IdentityView,
  unlinkPage,
} from '../../views/account.ts';
import type { FormProblem } from '../../views/form-problem.ts';
import type { Account, Identity } from '../accounts/account.ts';
import { displayNameFrom } from '../accounts/display-name.ts';
import { providerNameOf } from '../accounts/identities.ts';
import type { Settings } from '../ground/settings.ts';
import { readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { actorOf } from '../http/request.ts';
import { formInQuery, isFilledIn, pathOfForm } from '../pages/form-in-query.ts';
import { showFieldRefusal } from '../pages/refused-form.ts';
import { signInOnce } from '../pages/sign-in-once.ts';
import { requireViewer } from '../pages/signed-in.ts';
import type { PortalDependencies } from './dependencies.ts';
import { confirmOnce, doOnce, ownedIn } from './owned.ts';

/** /account: ways to sign in, and where the account is signed in. */
export function createAccountPages(parts: PortalDependencies) {
  const { site, settings, clock, signedIn, identities, sessionList } = parts;

  return {
    async show(ctx: RouterContext): Promise<void> {
      const { account, session } = await signedIn.account(ctx);
      const [linked, sessions] = await Promise.all([
        identities.list(account.id),
        sessionList.list(account.id),
      ]);
      const page = accountPage(site, account, {
        accountId: account.id,
        name: account.name,
        createdAt: account.createdAt,
        hasPassword: account.passwordHash !== undefined,
        identities: linked.map((row) => identityView(row, settings)),
        sessions: sessions.map((row) => ({ ...row, isThis: row.uid === session.uid })),
        now: clock(),
        done: queryOne(ctx, 'done'),
      });
      sendPage(ctx, page);
    },

    ...namePages(parts),
    ...passwordPages(parts),
    ...identityPages(parts),
    ...sessionPages(parts),
  };
}

function namePages(parts: PortalDependencies) {
  const { site, signedIn, accounts } = parts;

  return {
    async showName(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const name = isFilledIn(ctx) ? formInQuery(ctx).one('name') : (account.name ?? '');
      sendPage(ctx, accountNamePage(site, account, { name }));
    },

    async setName(ctx: RouterContext): Promise<void> {
      const sent = await readForm(ctx);
      const name = sent.one('name');
      const { account } = await signedIn.account(ctx, pathOfForm(ctx.path, { name }));
      try {
        await doOnce(parts, ctx, { account, sent }, async () => {
          await accounts.setName(account, displayNameFrom(name), actorOf(ctx, account.id));
          return '/account?done=name';
        });
      } catch (error) {
        await showFieldRefusal(ctx, error, (problem) => accountNamePage(site, account, { name, problem }));
      }
    },
  };
}

function passwordPages(parts: PortalDependencies) {
  const { site, signedIn, accounts, sessionList } = parts;

  function page(account: Account, problem?: FormProblem) {
    const hasPassword = account.passwordHash !== undefined;
    return accountPasswordPage(site, account, { hasPassword, problem });
  }

  return {
    async showPassword(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.fresh(ctx);
      sendPage(ctx, page(account));
    },

    async setPassword(ctx: RouterContext): Promise<void> {
      // The form first: who was let in before a slow body arrives may be out by the time it has.
      const sent = await readForm(ctx);
      const password = sent.one('password');
      await signInOnce(
        parts,
        ctx,
        { secret: sent.one('form_id'), password },
        {
          async find() {
            const found = await signedIn.fresh(ctx);
            requireViewer(found.account, sent);
            return found;
          },
          act: async ({ account, session }) => {
            const changed = await accounts.setPassword(account, password, actorOf(ctx, account.id));
            // Whoever knew the old one is out; this browser is signed in anew.
            await sessionList.endAll(account.id);
            return { account: changed, returnTo: '/account?done=password', amr: session.amr };
          },
          page: ({ account }, problem) => page(account, problem),
        },
      );
    },
  };
}

function identityPages(parts: PortalDependencies) {
  const { site, settings, signedIn, identities } = parts;

  return {
    async linkProvider(ctx: RouterContext): Promise<void> {
      await readForm(ctx);
      await signedIn.fresh(ctx, '/sign-in/google?link=1');
      seeOther(ctx, '/sign-in/google?link=1');
    },

    async showUnlink(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.fresh(ctx);
      const row = await identities.get(ownedIn(ctx, account));
      sendPage(ctx, unlinkPage(site, account, identityView(row, settings)));
    },

    unlink: (ctx: RouterContext) =>
      confirmOnce(parts, ctx, signedIn.fresh, identities.unlink, '/account?done=unlinked'),
  };
}

function sessionPages({ signedIn, sessionList }: PortalDependencies) {
  return {
    async endOtherSessions(ctx: RouterContext): Promise<void> {
      await readForm(ctx);
      const { account, session } = await signedIn.account(ctx, '/account');
      await sessionList.endAll(account.id, session.uid);
      seeOther(ctx, '/account?done=sessions-ended');
    },

    async endSession(ctx: RouterContext): Promise<void> {
      await readForm(ctx);
      const { account } = await signedIn.account(ctx, '/account');
      await sessionList.endOne(account.id, ctx.params.uid ?? '');
      seeOther(ctx, '/account?done=session-ended');
    },
  };
}

function identityView(row: Identity, { google }: Pick<Settings, 'google'>): IdentityView {
  return {
    id: row.id,
    provider: providerNameOf(row.issuer, google),
    email: row.email,
    createdAt: row.createdAt,
  };
}
