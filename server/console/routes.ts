import Router from '@koa/router';
import { createAccountThingPages } from './account-things.ts';
import { createAccountsPages } from './accounts.ts';
import { createCallsPages } from './activity.ts';
import { createAppsPages } from './apps.ts';
import { createAuditPages } from './audit.ts';
import { createCredentialPages } from './credentials.ts';
import type { ConsoleDependencies } from './dependencies.ts';
import { createInvitationPages } from './invitations.ts';
import { createMailPages } from './mail.ts';
import { createOverviewPage } from './overview.ts';
import { createReviewsPages } from './reviews.ts';
import { createServicesPages } from './services.ts';
import { createSettingsPage } from './settings.ts';
import { createTypePages } from './types.ts';
import { createWorkflowPages } from './workflows.ts';

/** Every page of whoever runs the app. Each asks by itself whether that is who looks at it. */
export function createConsoleRoutes(parts: ConsoleDependencies): Router {
  const router = new Router({ strict: true, sensitive: true });

  router.get('/admin', createOverviewPage(parts));

  addAccounts(router, parts);
  addCredentials(router, parts);
  const calls = createCallsPages(parts);
  router.get('/admin/activity', calls.list);
  router.get('/admin/activity.csv', calls.download);
  const audit = createAuditPages(parts);
  router.get('/admin/audit', audit.list);
  router.get('/admin/audit.csv', audit.download);
  addServices(router, parts);
  addApps(router, parts);

  const mail = createMailPages(parts);
  router.get('/admin/mail', mail.list);
  router.get('/admin/mail/retry', mail.showRetry);
  router.post('/admin/mail/retry', mail.retry);
  const workflows = createWorkflowPages(parts);
  router.get('/admin/workflows', workflows.list);
  router.get('/admin/workflows/:workflow', workflows.show);
  const types = createTypePages(parts);
  router.get('/admin/types/:type', types.show);
  router.post('/admin/types/:type', types.ask);

  router.get('/admin/settings', createSettingsPage(parts));

  const reviews = createReviewsPages(parts);
  router.get('/admin/reviews', reviews.list);
  router.get('/admin/reviews/now', reviews.preview);
  router.get('/admin/reviews/:reviewId', reviews.show);
  router.get('/admin/reviews/:reviewId/:itemId/:answer', reviews.showAnswer);
  router.post('/admin/reviews/:reviewId/:itemId/:answer', reviews.answer);

  return router;
}

function addServices(router: Router, parts: ConsoleDependencies): void {
  const services = createServicesPages(parts);
  router.get('/admin/services', services.list);
  router.get('/admin/services/new', services.showNew);
  router.post('/admin/services/new', services.create);
  router.get('/admin/services/:clientId', services.show);
  router.get('/admin/services/:clientId/edit', services.showEdit);
  router.post('/admin/services/:clientId/edit', services.edit);
  router.get('/admin/services/:clientId/:act', services.showAct);
  router.post('/admin/services/:clientId/:act', services.act);
  router.get('/admin/services/:clientId/secrets/:secretId/revoke', services.showEndSecret);
  router.post('/admin/services/:clientId/secrets/:secretId/revoke', services.endSecret);
}

function addCredentials(router: Router, parts: ConsoleDependencies): void {
  const credentials = createCredentialPages(parts);
  router.get('/admin/credentials', credentials.list);
  router.post('/admin/credentials', credentials.search);
  router.get('/admin/credentials/revoke', credentials.showRevoke);
  router.post('/admin/credentials/revoke', credentials.revoke);
  router.get('/admin/credentials/:credentialId', credentials.show);
  router.get('/admin/credentials/:credentialId/:act', credentials.showAct);
  router.post('/admin/credentials/:credentialId/:act', credentials.act);
}

function addAccounts(router: Router, parts: ConsoleDependencies): void {
  const accounts = createAccountsPages(parts);
  router.get('/admin/accounts', accounts.list);
  router.get('/admin/accounts/:id', accounts.show);
  router.get('/admin/accounts/:id/:act', accounts.showAct);
  router.post('/admin/accounts/:id/:act', accounts.act);
  const accountThings = createAccountThingPages(parts);
  router.get('/admin/accounts/:id/:kind/:thingId/:act', accountThings.showAct);
  router.post('/admin/accounts/:id/:kind/:thingId/:act', accountThings.act);
  const invitations = createInvitationPages(parts);
  router.get('/admin/invitations', invitations.list);
  router.get('/admin/invitations/new', invitations.showAdd);
  router.post('/admin/invitations/new', invitations.add);
  router.get('/admin/invitations/:invitationId/withdraw', invitations.showWithdraw);
  router.post('/admin/invitations/:invitationId/withdraw', invitations.withdraw);
}

function addApps(router: Router, parts: ConsoleDependencies): void {
  const apps = createAppsPages(parts);
  router.get('/admin/apps', apps.list);
  router.get('/admin/apps/:clientId', apps.show);
  router.get('/admin/apps/:clientId/:act', apps.showAct);
  router.post('/admin/apps/:clientId/:act', apps.act);
  router.get('/admin/apps/:clientId/grants/:grantId/end', apps.showEndGrant);
  router.post('/admin/apps/:clientId/grants/:grantId/end', apps.endGrant);
}
