import type { Context } from 'koa';
import { linkIdentityPage, startLinkPage } from '../../views/link-identity.ts';
import type { AuthorizationRequest } from '../accounts/authorization-requests.ts';
import type { Subject } from '../accounts/identities.ts';
import { readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { actorOf, addressOf } from '../http/request.ts';
import { safePath } from '../http/same-origin.ts';
import { showRefusal } from '../pages/refused-form.ts';
import { createArrivals } from './authentication-response.ts';
import type { SignInDependencies } from './dependencies.ts';
import type { FederatedSignIns } from './federated-sign-ins.ts';
import type { Google } from './identity-provider.ts';
import { HOME, pathWith } from './paths.ts';

/** The page that starts linking; the provider's mode is never chosen by a link from elsewhere. */
const LINK_PATH = '/sign-in/google?link=1';

/** Signing in, proving oneself again and linking by way of another provider. */
export function createFederatedSteps(parts: SignInDependencies, google: Google, trips: FederatedSignIns) {
  const { site, accounts, identities, signUps, sessions, signedIn } = parts;
  const arrivals = createArrivals(parts, google, trips);

  async function depart(ctx: Context, trip: Pick<AuthorizationRequest, 'mode' | 'accountId' | 'returnTo'>) {
    const account = trip.accountId === undefined ? undefined : await accounts.get(trip.accountId);
    const departure = await google.depart({
      fresh: trip.mode === 'fresh',
      loginHint: trip.mode === 'fresh' ? account?.email : undefined,
    });
    await trips.depart(ctx, departure, { ...trip, issuer: google.issuer });
    seeOther(ctx, departure.location);
  }

  /** Where somebody goes on who thought better of it at the provider. */
  function afterDenial(trip: AuthorizationRequest): string {
    if (trip.mode === 'link') return trip.returnTo;
    const fresh = trip.mode === 'fresh' ? '1' : '';
    return pathWith('/sign-in', { done: 'denied', fresh, return_to: trip.returnTo });
  }

  return {
    /** GET /sign-in/google: off to the provider. Linking is asked about first. */
    async start(ctx: Context): Promise<void> {
      const returnTo = safePath(queryOne(ctx, 'return_to'), HOME);
      if (queryOne(ctx, 'link') !== '') {
        const { account } = await signedIn.fresh(ctx, LINK_PATH);
        return sendPage(ctx, startLinkPage(site, account, { provider: google.name }));
      }
      const found = queryOne(ctx, 'fresh') === '1' ? await signedIn.find(ctx) : undefined;
      await depart(
        ctx,
        found === undefined
          ? { mode: 'sign-in', returnTo }
          : { mode: 'fresh', accountId: found.account.id, returnTo },
      );
    },

    /** POST /sign-in/google: off to the provider, to link the account there. */
    async startLinking(ctx: Context): Promise<void> {
      await readForm(ctx);
      const { account } = await signedIn.fresh(ctx, LINK_PATH);
      await depart(ctx, { mode: 'link', accountId: account.id, returnTo: '/account' });
    },

    /** GET /sign-in/google/callback: back from the provider (OpenID Connect Core section 3.1.2.5). */
    async arrive(ctx: Context): Promise<void> {
      const state = queryOne(ctx, 'state');
      const trip = await trips.arrive(ctx, state, google.issuer);
      const { nonce, verifier } = trip;
      const proof = await google.arrive(ctx.search, { state, nonce, verifier });
      seeOther(ctx, proof === 'denied' ? afterDenial(trip) : await arrivals.use(ctx, trip, proof));
    },

    /** GET /sign-in/link: asks for the password of the account that has this address. */
    async showLink(ctx: Context): Promise<void> {
      const link = await trips.waiting(ctx);
      sendPage(ctx, linkPage(link));
    },

    /** POST /sign-in/link: links once the password was right, and signs in. */
    async link(ctx: Context): Promise<void> {
      const form = await readForm(ctx);
      const link = await trips.waiting(ctx);
      const owner = await accounts.get(link.accountId);
      try {
        const account = await accounts.checkPassword({
          email: owner?.email ?? '',
          password: form.one('password'),
          from: addressOf(ctx),
        });
        await trips.take(ctx, link);
        const subject: Subject = { issuer: link.issuer, subject: link.subject };
        await identities.link({ ...subject, account, email: link.email }, actorOf(ctx, account.id));
        await signUps.endAll(account.emailKey);
        await sessions.start(ctx, { account, amr: ['pwd', 'fed'] });
        seeOther(ctx, link.returnTo);
      } catch (error) {
        showRefusal(ctx, error, (problem) => linkPage(link, problem));
      }
    },
  };

  function linkPage(
    link: { email: string; returnTo: string },
    problem?: Parameters<typeof linkIdentityPage>[1]['problem'],
  ) {
    const resetUrl = pathWith('/reset-password', { return_to: link.returnTo });
    return linkIdentityPage(site, { provider: google.name, email: link.email, resetUrl, problem });
  }
}
