import type Router from '@koa/router';
import Koa from 'koa';
import mount from 'koa-mount';
import { createLeakRoutes } from './api/leaks.ts';
import { createApi } from './api/routes.ts';
import { createConsoleRoutes } from './console/routes.ts';
import type { Domain } from './domain.ts';
import { accessLog } from './http/access-log.ts';
import { addressesOf, onlyAt } from './http/addresses.ts';
import { createAssetRoutes } from './http/assets.ts';
import { limitAuthorizationRequests } from './http/authorization-request-limit.ts';
import { canonicalHost, ownNameOnly } from './http/canonical-host.ts';
import { createClientAddress } from './http/client-address.ts';
import { openDocuments } from './http/cors.ts';
import { asEnvelope, asItsAddressWants, asOAuthError, asPage } from './http/error-forms.ts';
import { answerErrorsAs } from './http/error-response.ts';
import { createHealthRoutes } from './http/health.ts';
import { postedRequest } from './http/posted-request.ts';
import { plainTarget } from './http/request-target.ts';
import { sameOriginOnly } from './http/same-origin.ts';
import { pageHeaders, securityHeaders } from './http/security-headers.ts';
import { at, under } from './http/under.ts';
import type { Login, Sessions } from './oauth/browser-sessions.ts';
import { BROWSER_ENDPOINTS, DISCOVERY_ENDPOINTS, PROGRAM_ENDPOINTS } from './oauth/endpoints.ts';
import { openEngine } from './oauth/engine.ts';
import { createMetadataRoutes, METADATA_PATHS } from './oauth/resource-metadata.ts';
import { createOneTimeForms } from './pages/one-time-forms.ts';
import { createPortalSessions } from './pages/portal-session.ts';
import { createShownOnce } from './pages/shown-once.ts';
import { createSignedIn } from './pages/signed-in.ts';
import { siteOf } from './pages/site.ts';
import { createPortalRoutes } from './portal/routes.ts';
import { openFederation } from './sign-in/federation.ts';
import { createSignInRoutes } from './sign-in/routes.ts';

const ASSETS = ['style.css', 'copy.js', 'show-password.js', 'favicon.svg', 'google.svg'];

/** The whole server on one page: what is mounted, in which order. `routers` are all that are mounted. */
export async function createApp(domain: Domain) {
  const { settings, log, limiter } = domain;
  const { url, production } = settings;
  const site = siteOf(settings);
  const { provider, readSubjectToken } = openFederation(domain);
  const { engine, ...found } = await openEngine({ ...domain, site, readSubjectToken });
  const pages = { ...createPages({ ...domain, ...found }), site };

  const metadata = createMetadataRoutes({ ...settings, scopes: domain.scopes });
  const health = createHealthRoutes(domain.readiness);
  const assets = createAssetRoutes(settings, ASSETS);
  const leaks = createLeakRoutes(domain);
  const withCookies = [
    createSignInRoutes({ ...pages, provider }),
    createPortalRoutes(pages),
    createConsoleRoutes(pages),
  ];

  const clientAddress = createClientAddress({ ...settings, log });
  // `proxy`: believe X-Forwarded-Proto, which canonicalHost writes over whatever came in.
  const app = new Koa({ proxy: true });
  // The engine reads the cookies that are set here and the other way round: one set of keys.
  if (engine.keys !== undefined) app.keys = engine.keys;
  // Problems are logged where they are answered; what is left is the connection's own, such as a client that left.
  app.on('error', (error) => log.debug({ err: error }, 'connection'));

  const viewerOf = async (ctx: Koa.Context) => (await pages.signedIn.find(ctx))?.account;
  const own = ownNameOnly(url, clientAddress);
  const limit = limitAuthorizationRequests(limiter, [
    '/oauth/authorize',
    '/oauth/end-session',
    '/sign-in/google',
  ]);
  const engineRoutes = mount('/', engine);
  const routers = [metadata, health, assets, leaks, ...withCookies];

  app.use(accessLog(log, clientAddress, domain.clock));
  app.use(securityHeaders(production));
  app.use(answerErrorsAs(asItsAddressWants({ url, site, viewerOf }), log));
  app.use(plainTarget);
  app.use(canonicalHost(url));

  app.use(under(['/api'], answerErrorsAs(asEnvelope(url), log), createApi(domain)));

  // Anybody's programs, and no page of another site: nothing here answers a preflight.
  const reports = [answerErrorsAs(asEnvelope(url), log), onlyAt(addressesOf([leaks])), routesOf(leaks)];
  app.use(under(['/credentials'], ...reports));

  // What a browser is sent to; everything else below /oauth is called by programs.
  const shown = [onlyAt(BROWSER_ENDPOINTS), pageHeaders, answerErrorsAs(asPage(site, viewerOf), log), own];
  app.use(at(BROWSER_ENDPOINTS, ...shown, postedRequest, limit, engineRoutes));
  app.use(under(['/oauth'], answerErrorsAs(asOAuthError, log), onlyAt(PROGRAM_ENDPOINTS), engineRoutes));

  app.use(pageHeaders);
  app.use(openDocuments(METADATA_PATHS));
  app.use(onlyAt([...DISCOVERY_ENDPOINTS, ...addressesOf(routers)]));
  app.use(metadata.routes());
  app.use(under(['/.well-known'], engineRoutes));
  app.use(health.routes());
  app.use(assets.routes());
  // What has cookies from here on.
  app.use(own);
  app.use(limit);
  app.use(sameOriginOnly(url));
  for (const router of withCookies) app.use(router.routes());
  return { app, routers };
}

/** What all pages with cookies stand on. */
function createPages<Parts extends Domain & { sessions: Sessions }>(parts: Parts) {
  const stored = { ...parts, ...parts.rows };
  const portalSessions = createPortalSessions(parts);
  /** Who signs in by themselves has left the app that sent them. */
  async function start(ctx: Koa.Context, login: Login): Promise<void> {
    await portalSessions.end(ctx);
    await parts.sessions.start(ctx, login);
  }
  /** Who signs out leaves nobody signed in in this browser. */
  async function end(ctx: Koa.Context): Promise<void> {
    await portalSessions.end(ctx);
    await parts.sessions.end(ctx);
  }
  return {
    ...parts,
    sessions: { ...parts.sessions, start, end },
    portalSessions,
    signedIn: createSignedIn({ ...parts, portalSessions }),
    forms: createOneTimeForms(stored),
    shownOnce: createShownOnce(stored),
  };
}

/** All of a router, for a group of routes. */
function routesOf(router: Router): Koa.Middleware {
  return router.routes() as unknown as Koa.Middleware;
}
