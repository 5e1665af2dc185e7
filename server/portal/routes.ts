import Router, { type RouterContext } from '@koa/router';
import { welcomePage } from '../../views/welcome.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { createAccessPages } from './access.ts';
import { createAccountPages } from './account.ts';
import { createActivityPages } from './activity.ts';
import { createActivityDownload } from './activity-csv.ts';
import { createConnectedAppPages } from './apps.ts';
import { createChosenTokens } from './chosen-tokens.ts';
import type { PortalDependencies } from './dependencies.ts';
import { createDeveloperPages } from './developer.ts';
import { createReviewPages } from './reviews.ts';
import { createSecretPages } from './secrets.ts';
import { createServicePages } from './services.ts';
import { createTokenLifePages } from './token-life.ts';
import { createTokenNarrowingPages } from './token-narrowing.ts';
import { createTokenPages } from './tokens.ts';

/** Every page of a signed-in person, and the front door. */
export function createPortalRoutes(parts: PortalDependencies): Router {
  const router = new Router({ strict: true, sensitive: true });

  router.get('/', (ctx) => showFrontDoor(parts, ctx));

  addTokenRoutes(router, parts);

  const services = createServicePages(parts);
  router.get('/services', services.list);
  router.get('/services/new', services.showNew);
  router.post('/services/new', services.create);
  router.get('/services/:id', services.show);
  router.get('/services/:id/edit', services.showEdit);
  router.post('/services/:id/edit', services.edit);
  router.post('/services/:id/pause', services.pause);
  router.post('/services/:id/resume', services.resume);
  router.get('/services/:id/revoke', services.showRevoke);
  router.post('/services/:id/revoke', services.revoke);

  addSecretRoutes(router, '/services/:id', createSecretPages(parts, 'service'));

  const connectedApps = createConnectedAppPages(parts);
  router.get('/apps', connectedApps.list);
  router.get('/apps/:id/end', connectedApps.showEnd);
  router.post('/apps/:id/end', connectedApps.end);

  const developer = createDeveloperPages(parts);
  router.get('/developer', developer.list);
  router.get('/developer/new', developer.showNew);
  router.post('/developer/new', developer.register);
  router.get('/developer/:id', developer.show);
  router.get('/developer/:id/edit', developer.showEdit);
  router.post('/developer/:id/edit', developer.edit);
  router.get('/developer/:id/delete', developer.showDelete);
  router.post('/developer/:id/delete', developer.remove);

  addSecretRoutes(router, '/developer/:id', createSecretPages(parts, 'app'));

  const activity = createActivityPages(parts);
  router.get('/activity', activity.list);
  router.get('/activity.csv', createActivityDownload(parts));

  const reviews = createReviewPages(parts);
  router.get('/review', reviews.show);
  router.post('/review', reviews.answer);
  router.get('/account/reviews', reviews.list);

  const account = createAccountPages(parts);
  router.get('/account', account.show);
  router.get('/account/name', account.showName);
  router.post('/account/name', account.setName);
  router.get('/account/password', account.showPassword);
  router.post('/account/password', account.setPassword);
  router.post('/account/link-google', account.linkProvider);
  router.get('/account/identities/:id/unlink', account.showUnlink);
  router.post('/account/identities/:id/unlink', account.unlink);
  router.post('/account/sessions/end-others', account.endOtherSessions);
  router.post('/account/sessions/:uid/end', account.endSession);

  addAccessRoutes(router, createAccessPages(parts));

  return router;
}

function addTokenRoutes(router: Router, parts: PortalDependencies): void {
  const tokens = createTokenPages(parts);
  router.get('/tokens', tokens.list);
  router.post('/tokens', createChosenTokens(parts, tokens.listPage));
  router.get('/tokens/new', tokens.showNew);
  router.post('/tokens/new', tokens.mint);
  router.get('/tokens/revoke-all', tokens.showRevokeAll);
  router.post('/tokens/revoke-all', tokens.revokeAll);
  router.get('/tokens/:id/value', tokens.showValue);
  router.post('/tokens/:id/value', tokens.copied);
  router.get('/tokens/:id/revoke', tokens.showRevoke);
  router.post('/tokens/:id/revoke', tokens.revoke);

  const life = createTokenLifePages(parts);
  router.get('/tokens/:id', life.show);
  router.get('/tokens/:id/rotate', life.showRotate);
  router.post('/tokens/:id/rotate', life.rotate);
  router.post('/tokens/:id/pause', life.pause);
  router.post('/tokens/:id/resume', life.resume);
  router.get('/tokens/:id/edit', life.showEdit);
  router.post('/tokens/:id/edit', life.edit);

  const narrowing = createTokenNarrowingPages(parts);
  router.get('/tokens/:id/narrow', narrowing.show);
  router.post('/tokens/:id/narrow', narrowing.narrow);
}

function addAccessRoutes(router: Router, access: ReturnType<typeof createAccessPages>): void {
  router.get('/account/access', access.show);
  router.get('/account/access/end', access.showEnd);
  router.post('/account/access/end', access.end);
  router.get('/account/data', access.showData);
  router.post('/account/data', access.takeData);
  router.get('/account/delete', access.showDelete);
  router.post('/account/delete', access.delete);
}

function addSecretRoutes(router: Router, client: string, pages: ReturnType<typeof createSecretPages>): void {
  router.get(`${client}/secrets/new`, pages.showNew);
  router.post(`${client}/secrets/new`, pages.add);
  router.get(`${client}/secrets/:secretId/value`, pages.showValue);
  router.post(`${client}/secrets/:secretId/value`, pages.copied);
  router.get(`${client}/secrets/:secretId/revoke`, pages.showRevoke);
  router.post(`${client}/secrets/:secretId/revoke`, pages.revoke);
  router.get(`${client}/rotate`, pages.showRotate);
  router.post(`${client}/rotate`, pages.rotate);
}

/** The first page of who is signed in, and the welcome of who is not. */
async function showFrontDoor({ site, signedIn }: PortalDependencies, ctx: RouterContext): Promise<void> {
  if ((await signedIn.find(ctx)) !== undefined) return seeOther(ctx, '/tokens');
  sendPage(ctx, welcomePage(site));
}
