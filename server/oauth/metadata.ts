import Router from '@koa/router';
import type { Scopes } from './scopes.ts';

/** Where the API lives. */
export const API_PATH = '/api/1.1';

/** The API as a resource that tokens are asked for (RFC 8707 section 2), which is their `aud` too. */
export function apiResource(url: string): string {
  return `${url}${API_PATH}`;
}

/**
 * The protected resource metadata's address for the API, as 401 and 403 challenges give it (RFC 9728 section
 * 5.1).
 */
export function resourceMetadataUrl(url: string): string {
  return `${url}/.well-known/oauth-protected-resource${API_PATH}`;
}

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
