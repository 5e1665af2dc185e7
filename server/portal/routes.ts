import Router from '@koa/router';
import { welcomePage } from '../../views/welcome.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { createAccountRoutes } from './account.ts';
import { createActivityRoutes } from './activity.ts';
import { createConnectedAppRoutes } from './apps.ts';
import type { PortalDependencies } from './dependencies.ts';
import { createDeveloperRoutes } from './developer.ts';
import { createServiceRoutes } from './services.ts';
import { createTokenRoutes } from './tokens.ts';

/** Every page of a signed-in person, and the front door. */
export function createPortalRoutes(parts: PortalDependencies): Router {
  const router = new Router({ strict: true, sensitive: true });

  router.get('/', async (ctx) => {
    if ((await parts.signedIn.find(ctx)) !== undefined) return seeOther(ctx, '/tokens');
    sendPage(ctx, welcomePage(parts.site, {}));
  });

  for (const createRoutes of [
    createTokenRoutes,
    createServiceRoutes,
    createConnectedAppRoutes,
    createDeveloperRoutes,
    createActivityRoutes,
    createAccountRoutes,
  ]) {
    router.use(createRoutes(parts).routes());
  }
  return router;
}
