import Koa, { type Context, type Next } from 'koa';
import mount from 'koa-mount';
import type { Site } from '../views/layout.ts';
import { providerNameOf } from './accounts/identities.ts';
import { createApi } from './api/routes.ts';
import type { Domain } from './domain.ts';
import { Problem } from './ground/errors.ts';
import { addressBucket } from './ground/limiter.ts';
import { MINUTE_SECONDS } from './ground/time.ts';
import { accessLog } from './http/access-log.ts';
import { createAssetRoutes, logoPath } from './http/assets.ts';
import { canonicalHost } from './http/canonical-host.ts';
import { respondToErrors } from './http/error-response.ts';
import { createHealthRoutes } from './http/health.ts';
import { addressOf } from './http/request.ts';
import { sameOriginOnly } from './http/same-origin.ts';
import { createStorage } from './oauth/artifact-storage.ts';
import { createSessions } from './oauth/browser-sessions.ts';
import { createEngine } from './oauth/engine.ts';
import { createInteractions } from './oauth/interactions.ts';
import { loadSigningKeys } from './oauth/keys.ts';
import { createMetadataRoutes } from './oauth/resource-metadata.ts';
import { createSessionStorage } from './oauth/session-storage.ts';
import { createSignedIn } from './pages/signed-in.ts';
import { createPortalRoutes } from './portal/routes.ts';
import { createSignInRoutes } from './sign-in/routes.ts';

/** The whole server on one page: what is mounted, in which order, with what. */
export async function createApp(domain: Domain): Promise<Koa> {
  const { settings, log, clock, rows, effects, clients, scopes } = domain;
  const site = siteOf(domain);
  const { engine, sessionStorage } = await openEngine(domain, site);
  const sessions = createSessions({ engine, storage: sessionStorage, artifacts: rows.artifacts, clock });
  const interactions = createInteractions({
    engine,
    sessions,
    artifacts: rows.artifacts,
    effects,
    getClient: clients.get,
    clock,
  });
  const signedIn = createSignedIn({ sessions, accounts: domain.accounts, clock });
  const pages = { ...domain, site, sessions, interactions, signedIn };

  const app = new Koa();
  // The engine reads the cookies that are set here and the other way round: one set of keys.
  if (engine.keys !== undefined) app.keys = engine.keys;
  // Behind a proxy TLS ends before us. canonicalHost writes X-Forwarded-Proto from the public URL, over
  // whatever came in, so both may believe it: Secure cookies are set and the engine's own URLs begin with
  // https.
  app.proxy = true;
  engine.proxy = true;
  // Logged where they are answered; what is left is the connection's own, such as a client that went away.
  app.on('error', (error) => log.debug({ err: error }, 'connection'));

  app.use(accessLog(log, settings.proxies));
  app.use(respondToErrors({ site, url: settings.url, log, production: settings.production }));
  app.use(canonicalHost(settings.url));

  app.use(createApi(domain));
  // Behind the beginning of its paths: a router looks at all of its routes before it hands a request on.
  app.use(
    under(
      ['/.well-known/oauth-protected-resource'],
      createMetadataRoutes({ url: settings.url, appName: settings.appName, scopes }).routes(),
    ),
  );
  app.use(limitBeginnings(domain.limiter));
  app.use(under(['/oauth/', '/.well-known/'], mount('/', engine)));
  app.use(createHealthRoutes(domain.store).routes());
  app.use(createAssetRoutes(settings, ['style.css', 'copy.js', 'favicon.svg', 'google.svg']).routes());

  app.use(sameOriginOnly(settings.url));
  app.use(createSignInRoutes(pages).routes());
  app.use(createPortalRoutes(pages).routes());
  return app;
}

function siteOf({ settings }: Domain): Site {
  return {
    appName: settings.appName,
    accentColour: settings.accentColour,
    ...(settings.google === undefined ? {} : { provider: providerNameOf(settings.google.issuer) }),
    ...(settings.logo === undefined ? {} : { logoUrl: logoPath(settings.logo) }),
  };
}

async function openEngine(domain: Domain, site: Site) {
  const { settings, store, clock, log, rows, clients, accounts, bearers, tokens } = domain;
  const jwks = await loadSigningKeys({ store, secret: settings.secret, clock });

  /** Undefined for one that is gone or suspended: nothing of such an account works. */
  async function liveAccount(id: string) {
    const account = await accounts.get(id);
    return account?.suspendedAt === undefined ? account : undefined;
  }

  async function liveClient(id: string) {
    const client = await clients.get(id);
    if (client === undefined || client.revokedAt !== undefined) return undefined;
    return (await liveAccount(client.accountId)) === undefined ? undefined : client;
  }

  const sessionStorage = createSessionStorage({ artifacts: rows.artifacts, clock, findAccount: liveAccount });
  const storage = createStorage({
    artifacts: rows.artifacts,
    sessions: sessionStorage,
    bearers,
    grants: domain.grants,
    clock,
    revokePersonalAccessToken: async (value, actor) => {
      const token = await tokens.findByValue(value);
      if (token === undefined) return;
      await tokens.revoke({ accountId: token.accountId, id: token.id }, actor);
    },
  });

  const engine = createEngine({
    settings,
    site,
    log,
    storage,
    jwks,
    scopes: domain.scopes,
    findAccount: liveAccount,
    findClient: liveClient,
    checkSecret: clients.checkSecret,
    describe: bearers.describe,
  });
  return { engine, sessionStorage };
}

/** Beginning a sign-in needs nobody and leaves a row for an hour: one network begins so many, of bounded size. */
function limitBeginnings(limiter: Domain['limiter']) {
  const paths = ['/oauth/authorize', '/sign-in/google'];

  async function begin(ctx: Context, next: Next): Promise<void> {
    if (ctx.querystring.length > BEGINNING_LENGTH_MAX) throw tooLong();
    await limiter.take(`begin:${addressBucket(addressOf(ctx))}`, BEGINNINGS);
    await next();
  }

  return (ctx: Context, next: Next) => (paths.includes(ctx.path) ? begin(ctx, next) : next());
}

/** An office behind one address signs in at nine o'clock; a script fills a disk. */
const BEGINNINGS = { limit: 1000, windowSeconds: 10 * MINUTE_SECONDS };

/** Room for a large `state` beside everything else that RFC 6749 and OpenID Connect name. */
const BEGINNING_LENGTH_MAX = 6_000;

function tooLong(): Problem {
  return new Problem({
    status: 414,
    code: 'invalid_request',
    message: 'The address of this request is too long.',
    hint: `Send at most ${BEGINNING_LENGTH_MAX} characters; keep what is longer with the app, under a short state.`,
  });
}

/** Routes whose paths all begin in one of these ways; other requests pass them by. */
function under(starts: readonly string[], routes: (ctx: never, next: Next) => unknown) {
  return (ctx: Context, next: Next) =>
    starts.some((start) => ctx.path.startsWith(start)) ? routes(ctx as never, next) : next();
}
