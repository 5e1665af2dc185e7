import type { Context } from 'koa';
import type { FormProblem } from '../../views/form-problem.ts';
import { linkIdentityPage, startLinkPage } from '../../views/link-identity.ts';
import type { AuthorizationRequest, PendingLink } from '../accounts/authorization-requests.ts';
import { readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { actorOf, addressOf } from '../http/request.ts';
import { safePath } from '../http/same-origin.ts';
import { showRefusal } from '../pages/refused-form.ts';
import { acceptResponse, type FederatedDependencies } from './authentication-response.ts';
import { HOME, pathWith } from './paths.ts';

/** The page that starts linking; the request's mode is never chosen by a link from elsewhere. */
const LINK_PATH = '/sign-in/google?link=1';

/** Signing in, proving oneself again and linking by way of the identity provider. */
export function createFederatedSteps(parts: FederatedDependencies) {
  const { site, provider, requests, cookie, signedIn } = parts;

  return {
    /** GET /sign-in/google: off to the provider. Linking is asked about first. */
    async start(ctx: Context): Promise<void> {
      const returnTo = safePath(queryOne(ctx, 'return_to'), HOME);
      if (queryOne(ctx, 'link') !== '') {
        const { account } = await signedIn.fresh(ctx, LINK_PATH);
        return sendPage(ctx, startLinkPage(site, account, provider.name));
      }
      const found = queryOne(ctx, 'fresh') === '1' ? await signedIn.find(ctx) : undefined;
      if (found === undefined) return sendToProvider(parts, ctx, { mode: 'sign-in', returnTo });
      await sendToProvider(parts, ctx, { mode: 'fresh', accountId: found.account.id, returnTo });
    },

    /** POST /sign-in/google: off to the provider, to link the account there. */
    async startLinking(ctx: Context): Promise<void> {
      await readForm(ctx);
      const { account } = await signedIn.fresh(ctx, LINK_PATH);
      await sendToProvider(parts, ctx, { mode: 'link', accountId: account.id, returnTo: '/account' });
    },

    /** GET /sign-in/google/callback: back from the provider. */
    async finish(ctx: Context): Promise<void> {
      const state = queryOne(ctx, 'state');
      const request = await requests.take(cookie.read(ctx), { state, issuer: provider.issuer });
      cookie.clear(ctx);
      const { nonce, verifier } = request;
      const claims = await provider.readResponse(ctx.search, { state, nonce, verifier });
      const isDenied = claims === 'denied';
      seeOther(ctx, isDenied ? afterDenial(request) : await acceptResponse(parts, { ctx, request, claims }));
    },

    /** GET /sign-in/link: asks for the password of the account that has this address. */
    async showLink(ctx: Context): Promise<void> {
      sendPage(ctx, linkPage(parts, await requests.findLink(cookie.read(ctx))));
    },

    /** POST /sign-in/link: links once the password was right, and signs in. */
    async link(ctx: Context): Promise<void> {
      const form = await readForm(ctx);
      const link = await requests.findLink(cookie.read(ctx));
      try {
        await linkByPassword(parts, ctx, link, form.one('password'));
        seeOther(ctx, link.returnTo);
      } catch (error) {
        await showRefusal(ctx, error, (problem) => linkPage(parts, link, problem));
      }
    },
  };
}

/** Begins an authorization request at the provider (OpenID Connect Core section 3.1.2.1). */
async function sendToProvider(
  parts: FederatedDependencies,
  ctx: Context,
  purpose: Pick<AuthorizationRequest, 'mode' | 'accountId' | 'returnTo'>,
): Promise<void> {
  const { provider, requests, cookie, accounts } = parts;
  const fresh = purpose.mode === 'fresh';
  const account = fresh ? await accounts.get(purpose.accountId ?? '') : undefined;
  const { location, ...checks } = await provider.request({ fresh, loginHint: account?.email });
  cookie.set(ctx, await requests.add({ ...purpose, ...checks, issuer: provider.issuer }));
  seeOther(ctx, location);
}

/** Where somebody goes on who thought better of it at the provider. */
function afterDenial(request: AuthorizationRequest): string {
  if (request.mode === 'link') return request.returnTo;
  const fresh = request.mode === 'fresh' ? '1' : '';
  return pathWith('/sign-in', { done: 'denied', fresh, return_to: request.returnTo });
}

async function linkByPassword(
  parts: FederatedDependencies,
  ctx: Context,
  link: PendingLink,
  password: string,
): Promise<void> {
  const { accounts, identities, signUps, sessions, requests, cookie } = parts;
  const owner = await accounts.get(link.accountId);
  const email = owner?.email ?? '';
  const account = await accounts.checkPassword({ email, password, from: addressOf(ctx) });
  await requests.takeLink(link);
  cookie.clear(ctx);
  const { issuer, subject } = link;
  await identities.link({ issuer, subject, account, email: link.email }, actorOf(ctx, account.id));
  await signUps.endAll(account.emailKey);
  await sessions.start(ctx, { account, amr: ['pwd', 'fed'] });
}

function linkPage({ site, provider }: FederatedDependencies, link: PendingLink, problem?: FormProblem) {
  const resetUrl = pathWith('/reset-password', { return_to: link.returnTo });
  return linkIdentityPage(site, { provider: provider.name, email: link.email, resetUrl, problem });
}
