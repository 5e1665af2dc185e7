import Router from '@koa/router';
import type { Scopes } from '../credentials/scopes.ts';
import { API_PATH, apiResource } from '../ground/api-address.ts';

/** RFC 9728: at the root and in path form. Open to pages of any origin, since clients in browsers read it. */
export function createMetadataRoutes(parts: { url: string; appName: string; scopes: Scopes }): Router {
  const { url, appName, scopes } = parts;
  const metadata = {
    resource: apiResource(url),
    authorization_servers: [url],
    scopes_supported: scopes.forApps.map((scope) => scope.name),
    bearer_methods_supported: ['header'],
    resource_name: `${appName} API`,
  };
  const router = new Router({ strict: true, sensitive: true });
  for (const path of ['', API_PATH]) {
    router.get(`/.well-known/oauth-protected-resource${path}`, (ctx) => {
      ctx.set('Access-Control-Allow-Origin', '*');
      ctx.set('Cache-Control', 'public, max-age=300');
      ctx.body = metadata;
    });
  }
  return router;
}
