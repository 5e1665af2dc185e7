import Router from '@koa/router';
import type { Scopes } from '../credentials/scopes.ts';
import { API_PATH, apiResource } from '../ground/api-address.ts';

/** RFC 9728 section 3.1: at the root and in path form. */
export const METADATA_PATHS = ['', API_PATH].map((path) => `/.well-known/oauth-protected-resource${path}`);

/** The API's protected resource metadata, by which clients find who gives out its tokens. */
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
  for (const path of METADATA_PATHS) {
    router.get(path, (ctx) => {
      ctx.set('Cache-Control', 'public, max-age=300');
      ctx.body = metadata;
    });
  }
  return router;
}
