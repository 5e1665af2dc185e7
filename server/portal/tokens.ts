import Router from '@koa/router';
import type { Context } from 'koa';
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
import { readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryAll, queryOne } from '../http/query.ts';
import { actorOf } from '../http/request.ts';
import { formProblemOf } from '../pages/refused-form.ts';
import { callLine } from './curl.ts';
import type { PortalDependencies } from './dependencies.ts';
import { expiryFrom, tokenExpiry } from './expiry.ts';
import { notFound, pathOfForm } from './form-in-query.ts';
import { liveAndDead, shownScopes, shownToken, viewerOf } from './view-models.ts';

/** /tokens: the account's own personal access tokens. */
export function createTokenRoutes(parts: PortalDependencies): Router {
  const { site, settings, clock, signedIn, tokens, scopes, declarations } = parts;
  const router = new Router({ strict: true, sensitive: true });

  async function shownTokens(account: Account) {
    const rows = await tokens.list(account.id);
    return liveAndDead(rows.map((row) => shownToken(row, clock(), scopes.describe)));
  }

  async function ownToken(account: Account, id: string) {
    const row = await tokens.get({ accountId: account.id, id });
    if (row === undefined) throw notFound('token');
    return row;
  }

  function showForm(ctx: Context, account: Account, form: TokenForm, problem?: FormProblem, status?: number) {
    const page = newTokenPage(site, viewerOf(account), {
      form,
      scopes: shownScopes(tokens.scopesFor(account)),
      expiry: tokenExpiry(settings.tokens, clock()),
      problem,
    });
    sendPage(ctx, page, status);
  }

  router.get('/tokens', async (ctx) => {
    const { account } = await signedIn.account(ctx);
    const shown = await shownTokens(account);
    const given = { ...shown, now: clock(), done: queryOne(ctx, 'done') };
    sendPage(ctx, tokensPage(site, viewerOf(account), given));
  });

  router.get('/tokens/new', async (ctx) => {
    const { account } = await signedIn.fresh(ctx);
    showForm(ctx, account, {
      name: queryOne(ctx, 'name'),
      note: queryOne(ctx, 'note'),
      scopes: queryAll(ctx, 'scopes'),
      expires: queryOne(ctx, 'expires') || String(settings.tokens.defaultDays),
      date: queryOne(ctx, 'date'),
    });
  });

  router.post('/tokens/new', async (ctx) => {
    await signedIn.account(ctx);
    const sent = await readForm(ctx);
    const form = {
      name: sent.one('name'),
      note: sent.one('note'),
      scopes: sent.all('scopes'),
      expires: sent.one('expires'),
      date: sent.one('date'),
    };
    const { account } = await signedIn.fresh(ctx, pathOfForm('/tokens/new', form));
    try {
      const { name, note, scopes: chosen } = form;
      const wanted = { account, name, note, scopes: chosen, expiresAt: expiryFrom(sent, clock()) };
      const { credential, value } = await tokens.mint(wanted, actorOf(ctx, account.id));
      // The answer to the post itself: the value stands in no address and no history.
      const page = mintedTokenPage(site, viewerOf(account), {
        token: shownToken(credential, clock(), scopes.describe),
        value,
        curl: callLine(settings.url, value, credential.scopes, declarations),
        now: clock(),
      });
      sendPage(ctx, page);
    } catch (error) {
      const problem = formProblemOf(error);
      showForm(ctx, account, form, problem, problem.status);
    }
  });

  router.get('/tokens/revoke-all', async (ctx) => {
    const { account } = await signedIn.account(ctx);
    const { live } = await shownTokens(account);
    if (live.length === 0) return seeOther(ctx, '/tokens');
    sendPage(ctx, revokeAllTokensPage(site, viewerOf(account), { tokens: live }));
  });

  router.post('/tokens/revoke-all', async (ctx) => {
    await readForm(ctx);
    const { account } = await signedIn.account(ctx, '/tokens/revoke-all');
    await tokens.revokeAll(account.id, actorOf(ctx, account.id));
    seeOther(ctx, '/tokens?done=revoked-all');
  });

  router.get('/tokens/:id/revoke', async (ctx) => {
    const { account } = await signedIn.account(ctx);
    const row = await ownToken(account, ctx.params.id ?? '');
    const token = shownToken(row, clock(), scopes.describe);
    sendPage(ctx, revokeTokenPage(site, viewerOf(account), { token, now: clock() }));
  });

  // Not only for the freshly signed in: whoever wants a token dead should not be held up.
  router.post('/tokens/:id/revoke', async (ctx) => {
    await readForm(ctx);
    const { account } = await signedIn.account(ctx);
    const row = await ownToken(account, ctx.params.id ?? '');
    await tokens.revoke({ accountId: account.id, id: row.id }, actorOf(ctx, account.id));
    seeOther(ctx, '/tokens?done=revoked');
  });

  return router;
}
