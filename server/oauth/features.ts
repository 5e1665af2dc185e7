import {
  type Configuration,
  type Client as EngineClient,
  errors,
  type KoaContextWithOIDC,
} from 'oidc-provider';
import { logoutPage, signedOutPage } from '../../views/end-session.ts';
import type { Site } from '../../views/layout.ts';
import type { Bearers } from '../access/bearers.ts';
import type { Scopes } from '../credentials/scopes.ts';
import { apiResource } from '../ground/api-address.ts';
import type { Settings } from '../ground/settings.ts';
import { sendPage } from '../http/page.ts';
import { PERSONAL_CLIENT_ID } from './artifact-storage.ts';
import { OWN_METADATA } from './client-metadata.ts';
import { nameIntrospected } from './introspection.ts';

export type FeatureParts = {
  settings: Settings;
  site: Site;
  scopes: Scopes;
  /** The names of a live token of any kind; undefined for a dead one. */
  describe: Bearers['describe'];
};

/** Which parts of OAuth and OpenID Connect this server speaks beyond the core, and who may use them. */
export function featuresOf(parts: FeatureParts): NonNullable<Configuration['features']> {
  const { settings, scopes, describe } = parts;
  return {
    devInteractions: { enabled: false },
    // Bound tokens would need their proof checked by every resource; they come when the API does that.
    dPoP: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: {
      enabled: true,
      allowedPolicy: async (_ctx, client, token) =>
        client[OWN_METADATA.resourceServer] === true && nameIntrospected(token, describe, settings.url),
    },
    revocation: { enabled: true, allowedPolicy: mayRevoke },
    userinfo: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => sendPage(ctx, logoutPage(parts.site, { form })),
      postLogoutSuccessSource: (ctx) => sendPage(ctx, signedOutPage(parts.site)),
    },
    resourceIndicators: {
      enabled: true,
      // A token for no stated resource is good for this server: its API and userinfo.
      defaultResource: (ctx, client) => {
        askForEverythingByDefault(ctx, client);
        return undefined as unknown as string;
      },
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource, client) => {
        if (resource !== apiResource(settings.url)) throw new errors.InvalidTarget();
        askForEverythingByDefault(ctx, client);
        return {
          scope: scopes.all.map((scope) => scope.name).join(' '),
          audience: resource,
          accessTokenFormat: 'opaque',
        };
      },
    },
  };
}

/** RFC 6749 section 3.3: a service that names no scope gets all it is registered for. */
function askForEverythingByDefault(ctx: KoaContextWithOIDC, client: EngineClient): void {
  const params = ctx.oidc.params as Record<string, unknown> | undefined;
  if (params?.grant_type === 'client_credentials' && params.scope === undefined) {
    params.scope = client.scope;
  }
}

/** A client ends its own tokens; a service also its owner's personal access tokens (RFC 7009 section 2.1). */
async function mayRevoke(
  _ctx: KoaContextWithOIDC,
  client: EngineClient,
  token: { clientId?: string | undefined; accountId?: string },
) {
  if (client.clientId === PERSONAL_CLIENT_ID) return false;
  if (token.clientId === client.clientId) return true;
  if (token.clientId === PERSONAL_CLIENT_ID) {
    return client.clientAuthMethod !== 'none' && token.accountId === client[OWN_METADATA.owner];
  }
  return false;
}
