import * as oauth from 'openid-client';
import type { Client } from '../../server/credentials/client.ts';
import type { Agent } from './browserless.ts';

/**
 * A third-party app, written with a standard client library that knows nothing of this server. It speaks the
 * protocol; a person's agent walks the pages.
 */
export async function createThirdPartyApp(
  url: string,
  registered: { client: Client; secret?: string | undefined; auth?: 'basic' | 'post' },
) {
  const { client, secret } = registered;
  const authentication =
    secret === undefined
      ? oauth.None()
      : registered.auth === 'post'
        ? oauth.ClientSecretPost(secret)
        : oauth.ClientSecretBasic(secret);
  const config = await oauth.discovery(new URL(url), client.id, undefined, authentication, {
    execute: [oauth.allowInsecureRequests],
  });
  const redirectUri = client.redirectUris[0] ?? '';

  /** Starts an authorization: where to send the person, and what to check the answer with. */
  async function start(extra: Record<string, string> = {}) {
    const verifier = oauth.randomPKCECodeVerifier();
    const state = oauth.randomState();
    const nonce = oauth.randomNonce();
    const location = oauth.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid email wf:create_transaction',
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
      ...extra,
    });
    return { location, verifier, state, nonce };
  }

  return {
    config,
    redirectUri,
    start,

    /** The whole way for somebody who is signed in and allows it. */
    async connect(agent: Agent, extra: Record<string, string> = {}) {
      const started = await start(extra);
      const callback = await allow(agent, started.location);
      return oauth.authorizationCodeGrant(config, callback, {
        pkceCodeVerifier: started.verifier,
        expectedState: started.state,
        expectedNonce: started.nonce,
      });
    },
  };
}

/**
 * Follows an authorization to its consent page and presses `button`; answers where the person is sent in the
 * end.
 */
export async function allow(agent: Agent, location: URL, button: 'allow' | 'deny' = 'allow'): Promise<URL> {
  let page = await agent.get(`${location.pathname}${location.search}`);
  for (let turn = 0; turn < 10 && page.location.startsWith('/'); turn += 1)
    page = await agent.get(page.location);
  if (page.location === '') {
    const action = new RegExp(`action="(/interaction/[^"]+/${button})"`).exec(page.text)?.[1];
    if (action === undefined)
      throw new Error(`no ${button} on the page at ${page.path}: ${page.status} ${page.text}`);
    page = await agent.post(action, {});
  }
  for (let turn = 0; turn < 10 && page.location.startsWith('/'); turn += 1)
    page = await agent.get(page.location);
  if (page.location === '') throw new Error(`the way ended at ${page.path}: ${page.status} ${page.text}`);
  return new URL(page.location);
}
