import type { Address } from '../http/addresses.ts';

/*
 * Each address at which the engine answers, in its one spelling. Its own router takes capitals and a slash at the end
 * too, which limits and headers know nothing of, so it is asked for nothing else.
 */

/** Where a browser is sent to. POST is ours, see posted-request.ts. */
export const BROWSER_ENDPOINTS: readonly Address[] = [
  { path: '/oauth/authorize', methods: ['GET', 'HEAD', 'POST'] },
  { path: '/oauth/end-session', methods: ['GET', 'HEAD', 'POST'] },
  { path: /^\/oauth\/authorize\/[\w-]+$/, methods: ['GET', 'HEAD'] },
  { path: '/oauth/end-session/confirm', methods: ['POST'] },
  { path: '/oauth/end-session/success', methods: ['GET', 'HEAD'] },
];

/** What programs call. */
export const PROGRAM_ENDPOINTS: readonly Address[] = [
  { path: '/oauth/token', methods: ['POST', 'OPTIONS'] },
  { path: '/oauth/introspect', methods: ['POST', 'OPTIONS'] },
  { path: '/oauth/revoke', methods: ['POST', 'OPTIONS'] },
  { path: '/oauth/userinfo', methods: ['GET', 'HEAD', 'POST', 'OPTIONS'] },
  { path: '/oauth/jwks', methods: ['GET', 'HEAD', 'OPTIONS'] },
];

/** Where programs find all others. */
export const DISCOVERY_ENDPOINTS: readonly Address[] = [
  { path: '/.well-known/openid-configuration', methods: ['GET', 'HEAD', 'OPTIONS'] },
  { path: '/.well-known/oauth-authorization-server', methods: ['GET', 'HEAD', 'OPTIONS'] },
];
