import assert from 'node:assert/strict';
import type Router from '@koa/router';
import { createApp } from '../../server/app.ts';
import type { Domain } from '../../server/domain.ts';
import { WORKFLOWS_PATH } from '../../server/ground/api-address.ts';
import { openPeople, type Person } from './people.ts';
import { startTestServer } from './server.ts';
import { createThirdPartyApp } from './third-party-app.ts';

/** A route as its router knows it: `path` has `:names` in it. */
export type Route = { method: 'GET' | 'POST'; path: string };

/** HEAD goes with GET. */
export function routesOf(router: Router): Route[] {
  return router.stack.flatMap(({ methods, path }) =>
    methods
      .filter((method) => method !== 'HEAD')
      .map((method) => ({ method: method as Route['method'], path: String(path) })),
  );
}

/** All that a server answers at, asked of itself, so that nothing new is forgotten by a test. */
export async function readRoutes(): Promise<{ routes: Route[]; workflows: string[]; engine: string[] }> {
  const server = await startTestServer();
  const people = await openPeople(server);
  const { domain } = people;
  const google = { issuer: 'https://accounts.google.com', clientId: 'unused', clientSecret: 'unused' };
  const leaks = { ...domain.settings.leaks, github: true };
  const { routers } = await createApp({ ...domain, settings: { ...domain.settings, google, leaks } });
  const metadata = (await (await fetch(`${server.url}/.well-known/openid-configuration`)).json()) as object;
  await people.close();
  await server.stop();
  return {
    routes: routers.flatMap(routesOf),
    workflows: [...domain.declarations.workflows.keys(), 'issue_token'].map((name) => WORKFLOWS_PATH + name),
    engine: Object.entries(metadata)
      .filter(([name]) => /_endpoint$|^jwks_uri$/.test(name))
      .map(([, url]) => new URL(url).pathname),
  };
}

/** The path with ids in place of its `:names`; `idOf` is asked for `/services/:id` and the like. */
export function pathWith(path: string, idOf: (name: string) => string | undefined): string {
  const base = /^\/\w*/.exec(path)?.[0] ?? '';
  return path.replace(/:\w+/g, (name) => idOf(`${base}/${name}`) ?? assert.fail(path));
}

/** One of each thing of an account that can be named in a path, by that path's beginning and name. */
export async function createThings(
  url: string,
  domain: Domain,
  { account, agent }: Person,
): Promise<Record<string, string>> {
  const actor = { kind: 'operator' } as const;
  const expiresAt = domain.clock() + 86_400;
  const token = await domain.tokens.mint({ account, name: 'Own', scopes: ['profile'], expiresAt }, actor);
  const service = await domain.services.create(
    { account, name: 'Own', scopes: ['profile'], actsFor: 'account', resourceServer: false },
    actor,
  );
  const app = await domain.apps.create(
    {
      account,
      name: 'Own',
      redirectUris: ['https://own.example/cb'],
      scopes: ['openid', 'email', 'wf:create_transaction'],
      confidential: true,
    },
    actor,
  );
  const third = await createThirdPartyApp(url, { client: app.client, secret: app.secret?.value });
  await third.connect(agent);
  const [grant] = await domain.grants.list(account.id);
  const identity = {
    account,
    issuer: 'https://accounts.google.com',
    subject: account.id,
    email: 'g@example.com',
  };
  await domain.identities.link(identity, actor);
  const [linked] = await domain.identities.list(account.id);
  const [session] = await domain.sessionList.list(account.id);
  const waiting = await agent.get((await third.start({ prompt: 'consent' })).location.href.slice(url.length));
  return {
    '/tokens/:id': token.credential.id,
    '/services/:id': service.client.id,
    '/services/:secretId': service.secret.credential.id,
    '/developer/:id': app.client.id,
    '/developer/:secretId': app.secret?.credential.id ?? '',
    '/apps/:id': grant?.grantId ?? '',
    '/account/:id': linked?.id ?? '',
    '/admin/:id': account.id,
    '/admin/:act': 'suspend',
    '/admin/:invitationId': 'none',
    '/admin/:kind': 'tokens',
    '/admin/:thingId': token.credential.id,
    '/admin/:clientId': app.client.id,
    '/admin/:secretId': service.secret.credential.id,
    '/admin/:grantId': grant?.grantId ?? '',
    '/admin/:workflow': 'create_transaction',
    '/admin/:type': 'transaction',
    '/admin/:reviewId': 'rev_none',
    '/admin/:itemId': token.credential.id,
    '/admin/:answer': 'keep',
    '/admin/:credentialId': token.credential.id,
    '/account/:uid': session?.uid ?? '',
    '/interaction/:uid': /^\/interaction\/([\w-]+)/.exec(waiting.location)?.[1] ?? assert.fail(waiting.text),
  };
}
