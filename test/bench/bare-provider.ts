import Provider from 'oidc-provider';

/**
 * Yardstick of the token endpoint and of introspection: oidc-provider on its own, with the in-memory adapter that
 * it brings, and as far as these two endpoints go with the settings of server/oauth/configuration.ts. Its two clients
 * are static; their secrets stand in the environment variables SERVICE_SECRET and RESOURCE_SERVER_SECRET.
 */

const MINUTE = 60;

const service = {
  redirect_uris: [],
  response_types: [],
  grant_types: ['client_credentials'],
  token_endpoint_auth_method: 'client_secret_basic' as const,
};

const provider = new Provider(`http://127.0.0.1:${process.env.PORT}`, {
  clients: [
    {
      ...service,
      client_id: 'service',
      client_secret: process.env.SERVICE_SECRET ?? '',
      scope: 'profile',
    },
    { ...service, client_id: 'resource-server', client_secret: process.env.RESOURCE_SERVER_SECRET ?? '' },
  ],
  routes: { token: '/oauth/token', introspection: '/oauth/introspect' },
  ttl: { ClientCredentials: 10 * MINUTE },
  scopes: ['profile'],
  responseTypes: ['code'],
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
  features: {
    devInteractions: { enabled: false },
    dPoP: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: (_ctx, client) => client.clientId === 'resource-server' },
    revocation: { enabled: true },
    resourceIndicators: { enabled: true, defaultResource: () => undefined as unknown as string },
  },
});

provider.listen(Number(process.env.PORT), '127.0.0.1');
