import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as oauth from 'openid-client';
import type { createThirdPartyApp } from '../support/third-party-app.ts';

type App = Awaited<ReturnType<typeof createThirdPartyApp>>;
type Tokens = Awaited<ReturnType<typeof oauth.authorizationCodeGrant>>;

/**
 * The web site of a third-party app, on an origin of its own: one link that sends people to sign in, and the
 * page that they come back to, which redeems the code with a standard client library.
 */
export async function startAppSite() {
  const started = new Map<string, Awaited<ReturnType<App['start']>>>();
  let app: App | undefined;
  let tokens: Tokens | undefined;

  async function depart(response: ServerResponse): Promise<void> {
    if (app === undefined) throw new Error('no app is set up');
    const start = await app.start();
    started.set(start.state, start);
    response.writeHead(303, { location: start.location.href }).end();
  }

  async function arrive(url: URL, response: ServerResponse): Promise<void> {
    const start = started.get(url.searchParams.get('state') ?? '');
    if (app === undefined || start === undefined) return show(response, 'Nobody was waited for');
    started.delete(start.state);
    try {
      tokens = await oauth.authorizationCodeGrant(app.config, url, {
        pkceCodeVerifier: start.verifier,
        expectedState: start.state,
        expectedNonce: start.nonce,
      });
      show(response, 'Connected', String(tokens.claims()?.sub));
    } catch (error) {
      if (!(error instanceof oauth.AuthorizationResponseError)) throw error;
      show(response, 'Not connected', error.error);
    }
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', origin);
    const steps: Record<string, () => Promise<void> | void> = {
      '/': () => show(response, 'Ledger', '<a href="/start">Sign in with Latchkey</a>'),
      '/start': () => depart(response),
      '/callback': () => arrive(url, response),
    };
    const step = steps[url.pathname] ?? (() => show(response, 'Nothing here'));
    Promise.resolve(step()).catch((error) => show(response, 'Failed', String(error)));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    origin,
    callback: `${origin}/callback`,

    /** From now on it is this app. */
    become(registered: App): void {
      app = registered;
    },

    /** What it was given last. */
    tokens(): Tokens {
      if (tokens === undefined) throw new Error('the app was given no tokens');
      return tokens;
    },

    async stop(): Promise<void> {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

function show(response: ServerResponse, heading: string, text = ''): void {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.end(
    `<!doctype html><html lang="en"><title>${heading}</title><link rel="icon" href="data:,">
<h1>${heading}</h1><p>${text}</p></html>`,
  );
}
