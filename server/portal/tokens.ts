import type { RouterContext } from '@koa/router';
import type { FormProblem } from '../../views/form-problem.ts';
import {
  goneTokenPage,
  mintedTokenPage,
  newTokenPage,
  revokeAllTokensPage,
  revokeTokenPage,
  type TokenForm,
  type TokenView,
  tokensPage,
} from '../../views/tokens.ts';
import type { Account } from '../accounts/account.ts';
import type { Credential } from '../credentials/credential.ts';
import type { Owned } from '../credentials/owner.ts';
import type { Actor } from '../ground/actor.ts';
import { USED_DAYS } from '../ground/limits.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import { type Form, readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { actorOf } from '../http/request.ts';
import { callLine } from '../pages/curl.ts';
import { expiryFrom, tokenExpiry } from '../pages/expiry.ts';
import { formInQuery, pathOfForm } from '../pages/form-in-query.ts';
import { showFieldRefusal } from '../pages/refused-form.ts';
import { liveAndDead, scopeView, tokenView } from '../pages/view-models.ts';
import type { PortalDependencies } from './dependencies.ts';
import { BY_NAME, EXPIRING, LAST_USED, listingOf, NEWEST, type Ways } from './listing.ts';
import { confirm, doOnce, ownedIn } from './owned.ts';
import { boundableIn, narrowingFormIn, wantedNarrowing } from './token-narrowing.ts';

/** A token is found by its name, its note, what it may do, who issued it, and what is left of its value. */
const TOKENS_LISTED: Ways<TokenView> = {
  path: '/tokens',
  textOf: ({ name, note = '', allows, narrows, issuedBy = '', prefix, firstFour, lastFour, imported }) =>
    [
      ...[name, note, ...allows, ...narrows, issuedBy],
      imported ? 'imported' : `${prefix}${firstFour}…${lastFour}`,
    ].join(' '),
  sorts: [NEWEST, LAST_USED, EXPIRING, BY_NAME],
};

/**
 * /tokens: the account's own personal access tokens. Making one is for the freshly signed in; revoking is not:
 * whoever wants a token dead should not be held up.
 */
export function createTokenPages(parts: PortalDependencies) {
  const { site, settings, clock, signedIn, tokens, scopes, shownOnce, usage } = parts;

  async function listPage(ctx: RouterContext, account: Account, problem?: FormProblem) {
    const { live, dead } = await listsOf(parts, account);
    const { rows, listing, isFound } = listingOf(ctx, live, TOKENS_LISTED);
    const lists = { live: rows, dead: dead.filter(isFound), listing };
    const chosen = formInQuery(ctx).all('token');
    return tokensPage(site, account, {
      ...lists,
      now: clock(),
      done: queryOne(ctx, 'done'),
      chosen,
      problem,
    });
  }

  return {
    async list(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      sendPage(ctx, await listPage(ctx, account));
    },

    /** The list as a page of its own, with what is wrong with what was chosen in it. */
    listPage,

    async showNew(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.fresh(ctx);
      shownOnce.prepare(ctx);
      const form = formOf(formInQuery(ctx));
      const expires = form.expires || String(settings.tokens.defaultDays);
      sendPage(ctx, formPage(parts, account, { ...form, expires }));
    },

    async mint(ctx: RouterContext): Promise<void> {
      const sent = await readForm(ctx);
      const form = formOf(sent);
      const { account } = await signedIn.fresh(ctx, pathOfForm('/tokens/new', form));
      try {
        await doOnce(parts, ctx, { account, sent }, async () => {
          const narrowing = wantedNarrowing(form);
          const expiresAt = expiryFrom(sent, clock(), () => tokens.check({ ...form, account, narrowing }));
          const wanted = { ...form, account, expiresAt, narrowing };
          const { credential, value } = await tokens.mint(wanted, actorOf(ctx, account.id));
          const title = `Token “${credential.name}” is ready`;
          await shownOnce.keep(ctx, { id: credential.id, accountId: account.id }, { title, value });
          return `/tokens/${credential.id}/value`;
        });
      } catch (error) {
        await showFieldRefusal(ctx, error, (problem) => formPage(parts, account, form, problem));
      }
    },

    ...valuePages(parts),

    async showRevokeAll(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const { live } = await listsOf(parts, account);
      if (live.length === 0) return seeOther(ctx, '/tokens');
      sendPage(ctx, revokeAllTokensPage(site, account, live));
    },

    revokeAll(ctx: RouterContext): Promise<void> {
      const revokeAll = ({ accountId }: Owned, actor: Actor) => tokens.revokeAll(accountId, actor);
      return confirm(ctx, signedIn.account, revokeAll, '/tokens?done=revoked-all');
    },

    async showRevoke(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const row = await tokens.get(ownedIn(ctx, account));
      const now = clock();
      const token = tokenView(row, now, scopes.describe);
      const since = now - USED_DAYS * DAY_SECONDS;
      const used = await usage.of({ accountId: account.id, about: { tokenId: row.id }, since });
      sendPage(ctx, revokeTokenPage(site, account, { token, usage: used, now }));
    },

    revoke: (ctx: RouterContext) => confirm(ctx, signedIn.account, tokens.revoke, '/tokens?done=revoked'),
  };
}

/** Where the value of a new token is shown, until its owner has copied it. */
function valuePages(parts: PortalDependencies) {
  const { site, settings, clock, signedIn, tokens, scopes, declarations, shownOnce } = parts;

  return {
    async showValue(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const which = ownedIn(ctx, account);
      const token = tokenView(await tokens.get(which), clock(), scopes.describe);
      const shown = token.state === 'live' ? await shownOnce.open(ctx, which) : undefined;
      if (shown === undefined) return sendPage(ctx, goneTokenPage(site, account, token), 410);
      const curl = callLine(settings.url, shown.value, token.scopes, declarations);
      sendPage(ctx, mintedTokenPage(site, account, { ...shown, token, curl, now: clock() }));
    },

    copied: (ctx: RouterContext) =>
      confirm(
        ctx,
        signedIn.account,
        async (which) => {
          await tokens.get(which);
          await shownOnce.forget(which);
        },
        '/tokens?done=copied',
      ),
  };
}

function formPage(
  { site, settings, clock, scopes }: PortalDependencies,
  account: Account,
  form: TokenForm,
  problem?: FormProblem,
) {
  return newTokenPage(site, account, {
    form,
    scopes: scopes.forTokens.map(scopeView),
    boundable: boundableIn({ scopes }, scopes.forTokens),
    expiry: tokenExpiry(settings.tokens, clock()),
    problem,
  });
}

async function listsOf({ clock, tokens, scopes, clients }: PortalDependencies, account: Account) {
  const rows = await tokens.list(account.id);
  const issuers = [...new Set(rows.flatMap(({ issuedBy }) => issuedBy ?? []))];
  const names = new Map(
    await Promise.all(issuers.map(async (id) => [id, (await clients.get(id))?.name ?? id] as const)),
  );
  const issuerOf = ({ issuedBy }: Credential) => issuedBy && names.get(issuedBy);
  return liveAndDead(rows.map((row) => tokenView(row, clock(), scopes.describe, issuerOf(row))));
}

function formOf(sent: Form): TokenForm {
  return {
    name: sent.one('name'),
    note: sent.one('note'),
    scopes: sent.all('scopes'),
    expires: sent.one('expires'),
    date: sent.one('date'),
    honey: sent.one('honey') === 'yes',
    ...narrowingFormIn(sent),
  };
}
