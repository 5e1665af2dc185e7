import Router from '@koa/router';
import { createAuthorizationRequests } from '../accounts/authorization-requests.ts';
import type { StepDependencies } from './dependencies.ts';
import { createFederatedSteps } from './federated.ts';
import { createFederatedCookie } from './federated-cookie.ts';
import { createInteractionSteps } from './interaction.ts';
import { createPasswordSteps } from './password.ts';
import { CALLBACK_PATH } from './paths.ts';
import { createPortalLinkSteps } from './portal-link.ts';
import { createResetSteps } from './reset-password.ts';
import { createSignUpSteps } from './sign-up.ts';

/** Every address at which people sign in, sign up, prove an address, let an app in. */
export function createSignInRoutes(parts: StepDependencies): Router {
  const { settings, clock, rows, provider } = parts;
  const router = new Router({ strict: true, sensitive: true });

  const password = createPasswordSteps(parts);
  router.get('/sign-in', password.show);
  router.post('/sign-in', password.signIn);
  router.post('/sign-out', password.signOut);

  const signUp = createSignUpSteps(parts);
  router.get('/sign-up', signUp.show);
  router.post('/sign-up', signUp.signUp);
  router.get('/verify-email', signUp.showVerify);
  router.post('/verify-email', signUp.verify);
  router.get('/invitation', signUp.showInvitation);
  router.post('/invitation', signUp.acceptInvitation);

  const reset = createResetSteps(parts);
  router.get('/reset-password', reset.show);
  router.post('/reset-password', reset.reset);

  const portalLink = createPortalLinkSteps(parts);
  router.get('/portal', portalLink.show);
  router.post('/portal', portalLink.open);
  router.get('/portal/back', portalLink.back);
  router.get('/portal/over', portalLink.over);

  const interaction = createInteractionSteps(parts);
  router.get('/interaction/:uid', interaction.show);
  router.get('/interaction/:uid/continue', interaction.resume);
  router.post('/interaction/:uid/sign-in', interaction.signIn);
  router.post('/interaction/:uid/allow', interaction.allow);
  router.post('/interaction/:uid/deny', interaction.deny);
  router.post('/interaction/:uid/keep-account', interaction.keepAccount);
  router.post('/interaction/:uid/switch-account', interaction.switchAccount);

  if (provider !== undefined) {
    const requests = createAuthorizationRequests({ ...rows, clock });
    const cookie = createFederatedCookie(settings);
    const federated = createFederatedSteps({ ...parts, provider, requests, cookie });
    router.get('/sign-in/google', federated.start);
    router.post('/sign-in/google', federated.startLinking);
    router.get(CALLBACK_PATH, federated.finish);
    router.get('/sign-in/link', federated.showLink);
    router.post('/sign-in/link', federated.link);
  }
  return router;
}
