import { randomBytes } from 'node:crypto';
import type { Adapter, AdapterPayload } from 'oidc-provider';
import type { ClientAuthentication } from '../access/client-authentication.ts';
import type { Client } from '../credentials/client.ts';
import { coversAsAdmin, type Scopes, workflowScope } from '../credentials/scopes.ts';
import type { Settings } from '../ground/settings.ts';
import { ISSUE_TOKEN } from '../workflows/issue-token.ts';
import { TOKEN_EXCHANGE } from './token-exchange.ts';

/** Client metadata of ours that the engine hands back to its policies. */
export const OWN_METADATA = {
  resourceServer: 'latchkey_resource_server',
  owner: 'latchkey_owner',
  withoutPkce: 'latchkey_without_pkce',
  scopes: 'latchkey_scopes',
} as const;

/** Stands in the engine's client for its secret, which is required there: known to nobody, new at each start. */
const SECRET_PLACEHOLDER = randomBytes(32).toString('base64url');

/** The engine's storage of the model Client, which it only reads: our pages and the command line make clients. */
export function clientStorage(
  clients: Pick<ClientAuthentication, 'getLive'>,
  scopes: Pick<Scopes, 'declared'>,
  { google }: Pick<Settings, 'google'>,
): Partial<Adapter> {
  return {
    find: async (id) => {
      const client = await clients.getLive(id);
      return client && metadataOf(client, scopes.declared(client.scopes), google !== undefined);
    },
  };
}

/**
 * A client as the engine reads it: the metadata of RFC 7591 section 2. It refuses one that has a scope which is not
 * declared, so `scopes` are those of the client that are.
 */
function metadataOf(client: Client, scopes: readonly string[], exchanges: boolean): AdapterPayload {
  const shared = {
    client_id: client.id,
    client_name: client.name,
    // The engine takes an absent list for "anything", so there always is one.
    scope: scopes.join(' ') || 'openid',
    [OWN_METADATA.scopes]: scopes,
    [OWN_METADATA.resourceServer]: client.resourceServer,
    [OWN_METADATA.owner]: client.accountId,
    [OWN_METADATA.withoutPkce]: client.confidential && client.withoutPkce === true,
    ...(client.confidential
      ? { token_endpoint_auth_method: 'client_secret_basic', client_secret: SECRET_PLACEHOLDER }
      : { token_endpoint_auth_method: 'none' }),
  };
  if (client.kind === 'service') {
    // One that is only there to introspect gets no tokens of its own.
    const grantTypes = scopes.length === 0 ? [] : ['client_credentials'];
    // Whoever may issue tokens to people with a password may do it for those who sign in elsewhere.
    if (exchanges && coversAsAdmin(scopes, workflowScope(ISSUE_TOKEN.name))) grantTypes.push(TOKEN_EXCHANGE);
    return { ...shared, grant_types: grantTypes, response_types: [], redirect_uris: [] } as AdapterPayload;
  }
  return {
    ...shared,
    application_type: client.applicationType,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    redirect_uris: client.redirectUris,
    post_logout_redirect_uris: client.postLogoutRedirectUris,
  } as AdapterPayload;
}
