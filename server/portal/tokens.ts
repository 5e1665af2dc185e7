import type { RouterContext } from '@koa/router';
import type { FormProblem } from '../../views/form-problem.ts';
import {
  mintedTokenPage,
  newTokenPage,
  revokeAllTokensPage,
  revokeTokenPage,
  type TokenForm,
  tokensPage,
} from '../../views/tokens.ts';
import type { Account } from '../accounts/account.ts';
import { type Form, readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { actorOf } from '../http/request.ts';
import { formProblemOf } from '../pages/refused-form.ts';
import { callLine } from './curl.ts';
import type { PortalDependencies } from './dependencies.ts';
import { expiryFrom, tokenExpiry } from './expiry.ts';
import { formInQuery, pathOfForm } from './form-in-query.ts';
import { liveAndDead, scopeView, tokenView, viewerOf } from './view-models.ts';

/** /tokens: the account's own personal access tokens. */
export function createTokenPages(parts: PortalDependencies) {
  const { site, clock, signedIn } = parts;

  return {
    async list(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const lists = await listsOf(parts, account);
      const page = tokensPage(site, viewerOf(account), {
        ...lists,
        now: clock(),
        done: queryOne(ctx, 'done'),
      });
      sendPage(ctx, page);
    },

    ...mintPages(parts),
    ...revokePages(parts),
  };
}

function mintPages(parts: PortalDependencies) {
  const { site, settings, clock, signedIn, tokens, scopes, declarations } = parts;

  function formPage(account: Account, form: TokenForm, problem?: FormProblem) {
    return newTokenPage(site, viewerOf(account), {
      form,
      scopes: tokens.scopesFor(account).map(scopeView),
      expiry: tokenExpiry(settings.tokens, clock()),
      problem,
    });
  }

  return {
    async showNew(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.fresh(ctx);
      const form = formOf(formInQuery(ctx));
      const expires = form.expires || String(settings.tokens.defaultDays);
      sendPage(ctx, formPage(account, { ...form, expires }));
    },

    async mint(ctx: RouterContext): Promise<void> {
      await signedIn.account(ctx);
      const sent = await readForm(ctx);
      const form = formOf(sent);
      const { account } = await signedIn.fresh(ctx, pathOfForm('/tokens/new', form));
      try {
        const { name, note, scopes: chosen } = form;
        const wanted = { account, name, note, scopes: chosen, expiresAt: expiryFrom(sent, clock()) };
        const { credential, value } = await tokens.mint(wanted, actorOf(ctx, account.id));
        // The answer to the post itself: the value stands in no address and no history.
        const page = mintedTokenPage(site, viewerOf(account), {
          token: tokenView(credential, clock(), scopes.describe),
          value,
          curl: callLine(settings.url, value, credential.scopes, declarations),
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

/** Not only for the freshly signed in: whoever wants a token dead should not be held up. */
function revokePages(parts: PortalDependencies) {
  const { site, clock, signedIn, tokens, scopes } = parts;

  return {
    async showRevokeAll(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const { live } = await listsOf(parts, account);
      if (live.length === 0) return seeOther(ctx, '/tokens');
      sendPage(ctx, revokeAllTokensPage(site, viewerOf(account), live));
    },

    async revokeAll(ctx: RouterContext): Promise<void> {
      await readForm(ctx);
      const { account } = await signedIn.account(ctx, '/tokens/revoke-all');
      await tokens.revokeAll(account.id, actorOf(ctx, account.id));
      seeOther(ctx, '/tokens?done=revoked-all');
    },

    async showRevoke(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const row = await tokens.get({ accountId: account.id, id: ctx.params.id ?? '' });
      const token = tokenView(row, clock(), scopes.describe);
      sendPage(ctx, revokeTokenPage(site, viewerOf(account), token, clock()));
    },

    async revoke(ctx: RouterContext): Promise<void> {
      await readForm(ctx);
      const { account } = await signedIn.account(ctx);
      const which = { accountId: account.id, id: ctx.params.id ?? '' };
      await tokens.revoke(which, actorOf(ctx, account.id));
      seeOther(ctx, '/tokens?done=revoked');
    },
  };
}

async function listsOf({ clock, tokens, scopes }: PortalDependencies, account: Account) {
  const rows = await tokens.list(account.id);
  return liveAndDead(rows.map((row) => tokenView(row, clock(), scopes.describe)));
}

function formOf(sent: Form): TokenForm {
  return {
    name: sent.one('name'),
    note: sent.one('note'),
    scopes: sent.all('scopes'),
    expires: sent.one('expires'),
    date: sent.one('date'),
  };
}
