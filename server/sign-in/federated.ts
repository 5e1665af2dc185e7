import type { Context } from 'koa';
import type { FormProblem } from '../../views/form-problem.ts';
import { linkIdentityPage, startLinkPage } from '../../views/link-identity.ts';
import { type AuthorizationRequest, type PendingLink, tooOld } from '../accounts/authorization-requests.ts';
import { Problem } from '../ground/errors.ts';

import { readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { actorOf, addressOf, requestIdOf } from '../http/request.ts';
import { safePath } from '../http/same-origin.ts';
import { type SignInDone, signInOnce } from '../pages/sign-in-once.ts';
import { requireViewer } from '../pages/signed-in.ts';
import { acceptResponse, type FederatedDependencies } from './authentication-response.ts';
import { cookiesOff } from './cookie-probe.ts';
import { tagOf } from './federated-cookie.ts';
import { HOME, interactionIn, pathWith } from './paths.ts';
import { logRefusal } from './provider-fault.ts';

/** The page that starts linking; the request's mode is never chosen by a link from elsewhere. */
const LINK_PATH = '/sign-in/google?link=1';

/** Signing in, proving oneself again and linking by way of the identity provider. */
export function createFederatedSteps(parts: FederatedDependencies) {
  const { site, provider, requests, cookie, signedIn, interactions } = parts;

  return {
    /** GET /sign-in/google: off to the provider. Linking is asked about first. */
    async start(ctx: Context): Promise<void> {
      const returnTo = safePath(queryOne(ctx, 'return_to'), HOME);
      if (queryOne(ctx, 'link') !== '') {
        const { account } = await signedIn.fresh(ctx, LINK_PATH);
        return sendPage(ctx, startLinkPage(site, account, provider.name));
      }
      const found = queryOne(ctx, 'fresh') === '1' ? await signedIn.find(ctx) : undefined;
      if (found !== undefined) {
        const { id: accountId } = found.account;
        return sendToProvider(parts, ctx, { mode: 'fresh', fresh: true, accountId, returnTo });
      }
      // Asked of the waiting request itself: what an address says, its reader can leave out.
      const waiting = interactionIn(returnTo);
      const fresh = waiting !== undefined && (await interactions.wantsProof(waiting));
      await sendToProvider(parts, ctx, { mode: 'sign-in', fresh, returnTo });
    },

    /** POST /sign-in/google: off to the provider, to link the account there. */
    async startLinking(ctx: Context): Promise<void> {
      const form = await readForm(ctx);
      const { account } = await signedIn.fresh(ctx, LINK_PATH);
      requireViewer(account, form);
      await sendToProvider(parts, ctx, { mode: 'link', accountId: account.id, returnTo: '/account' });
    },

    /** GET /sign-in/google/callback: back from the provider. */
    async finish(ctx: Context): Promise<void> {
      await logged(parts, ctx, async () => {
        const state = queryOne(ctx, 'state');
        const token = cookie.read(ctx, tagOf(state));
        const request = await requests.find(token, { state, issuer: provider.issuer });
        if (request === undefined || !(await requests.take(request))) return goOnAnyway(parts, ctx, request);
        seeOther(ctx, await answer(parts, ctx, request, state));
      });
    },

    /** GET /sign-in/link: asks for the password of the account that has this address. */
    async showLink(ctx: Context): Promise<void> {
      const token = cookie.read(ctx);
      sendPage(ctx, linkPage(parts, await requests.findLink(token), tagOf(token)));
    },

    /** POST /sign-in/link: links once the password was right, and signs in. */
    async link(ctx: Context): Promise<void> {
      const form = await readForm(ctx);
      const [tag, password] = [form.one('link'), form.one('password')];
      const typed = { secret: form.one('form_id'), password, notice: 'linked' } as const;
      await signInOnce(parts, ctx, typed, {
        find: () => requests.findLink(cookie.read(ctx, tag)),
        async act(link) {
          const done = await linkByPassword(parts, ctx, link, password);
          cookie.clear(ctx, tag);
          return done;
        },
        page: (link, problem) => linkPage(parts, link, tag, problem),
      });
    },
  };
}

/** Begins an authorization request at the provider (OpenID Connect Core section 3.1.2.1). */
async function sendToProvider(
  parts: FederatedDependencies,
  ctx: Context,
  purpose: Pick<AuthorizationRequest, 'mode' | 'fresh' | 'accountId' | 'returnTo'>,
): Promise<void> {
  const { provider, requests, cookie, accounts } = parts;
  const { mode, fresh = false } = purpose;
  const account = mode === 'fresh' ? await accounts.get(purpose.accountId ?? '') : undefined;
  await logged(parts, ctx, async () => {
    const wanted = { fresh, loginHint: account?.email };
    const { location, ...checks } = await provider.request(wanted).catch((error: unknown) => {
      throw onTheWayTo(purpose.returnTo, error);
    });
    const token = await requests.add({ ...purpose, ...checks, issuer: provider.issuer });
    cookie.set(ctx, token, tagOf(checks.state));
    seeOther(ctx, location);
  });
}

/** Where the person goes on, once the provider has said who they are. */
async function answer(
  parts: FederatedDependencies,
  ctx: Context,
  request: AuthorizationRequest,
  state: string,
): Promise<string> {
  const { provider, requests } = parts;
  const { nonce, verifier } = request;
  try {
    const claims = await provider.readResponse(ctx.search, { state, nonce, verifier });
    return claims === 'denied' ? afterDenial(request) : await acceptResponse(parts, { ctx, request, claims });
  } catch (error) {
    // Reloading the page is what people do when they are told to try again.
    if (error instanceof Problem && error.code === 'ISSUER_UNAVAILABLE') await requests.giveBack(request);
    throw onTheWayTo(request.returnTo, error);
  }
}

/** A refusal whose page has a link that goes on to where the person was going, such as the app that waits for them. */
function onTheWayTo(returnTo: string, error: unknown): unknown {
  if (error instanceof Problem && returnTo !== HOME) error.returnTo = returnTo;
  return error;
}

/** A response that came before, or to no request of this browser: who is signed in by now goes on. */
async function goOnAnyway(
  { signedIn }: FederatedDependencies,
  ctx: Context,
  request: AuthorizationRequest | undefined,
): Promise<void> {
  const isSignedIn = queryOne(ctx, 'state') !== '' && (await signedIn.find(ctx)) !== undefined;
  if (isSignedIn) return seeOther(ctx, request?.returnTo ?? HOME);
  throw ctx.get('cookie') === '' ? cookiesOff() : tooOld();
}

/** Has the reason in the log where this fails. */
async function logged(
  { log, provider }: FederatedDependencies,
  ctx: Context,
  step: () => Promise<void>,
): Promise<void> {
  try {
    await step();
  } catch (error) {
    logRefusal(log, error, { issuer: provider.issuer, requestId: requestIdOf(ctx) });
    throw error;
  }
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
): Promise<SignInDone> {
  const { accounts, identities, signUps, requests, cookie } = parts;
  const owner = await accounts.get(link.accountId);
  const email = owner?.email ?? '';
  const account = await accounts.checkPassword({ email, password, from: addressOf(ctx) });
  await requests.takeLink(link);
  cookie.clear(ctx);
  const { issuer, subject } = link;
  await identities.link({ issuer, subject, account, email: link.email }, actorOf(ctx, account.id));
  await signUps.endAll(account.emailKey);
  return { account, returnTo: link.returnTo, amr: ['pwd', 'fed'] };
}

function linkPage(
  { site, provider }: FederatedDependencies,
  link: PendingLink,
  tag: string,
  problem?: FormProblem,
) {
  const resetUrl = pathWith('/reset-password', { return_to: link.returnTo });
  return linkIdentityPage(site, { provider: provider.name, email: link.email, tag, resetUrl, problem });
}
