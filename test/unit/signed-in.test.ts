import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import Koa from 'koa';
import { SignInNeeded } from '../../server/ground/errors.ts';
import { newLinkToken } from '../../server/ground/opaque.ts';
import { createSignedIn } from '../../server/pages/signed-in.ts';
import { createFederatedCookie } from '../../server/sign-in/federated-cookie.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';

let domain: TestDomain;
before(async () => {
  domain = await openTestDomain();
});
after(() => domain.stop());

/** A request as Koa makes it, without a connection. */
function contextFor(method: string, url: string): Koa.Context {
  const headers: Record<string, unknown> = {};
  const response = {
    getHeader: (name: string) => headers[name.toLowerCase()],
    setHeader: (name: string, value: unknown) => {
      headers[name.toLowerCase()] = value;
    },
  };
  return new Koa().createContext({ method, url, headers: {}, socket: {} } as never, response as never);
}

describe('who sits in front of a browser', () => {
  const signedInAs = (accountId: string, signedInAt: number) =>
    createSignedIn({
      ...domain,
      portalSessions: { viewer: async () => undefined, isOver: async () => false },
      sessions: { read: async () => ({ uid: 'u', accountId, signedInAt, amr: ['pwd'], isProof: true }) },
    });
  const sentTo = (location: string) => (error: unknown) =>
    error instanceof SignInNeeded && error.location === location;

  it('is nobody when the account is suspended or gone', async () => {
    const account = await domain.account('ann@example.com');
    const signedIn = signedInAs(account.id, domain.clock());
    assert.equal((await signedIn.account(contextFor('GET', '/tokens'))).account.id, account.id);
    await domain.accounts.suspend(account.id, actor);
    assert.equal(await signedIn.find(contextFor('GET', '/tokens')), undefined);
    await assert.rejects(
      signedIn.account(contextFor('GET', '/tokens?a=1')),
      sentTo('/sign-in?return_to=%2Ftokens%3Fa%3D1'),
    );
    assert.equal(await signedInAs('acc_gone', domain.clock()).find(contextFor('GET', '/')), undefined);
  });

  it('is asked again after five minutes, and comes back to the page of a form', async () => {
    const account = await domain.account('bob@example.com');
    const signedIn = signedInAs(account.id, domain.clock());
    domain.pass(300);
    await signedIn.fresh(contextFor('POST', '/tokens'));
    domain.pass(1);
    const again = (path: string) => sentTo(`/sign-in?fresh=1&return_to=${encodeURIComponent(path)}`);
    await assert.rejects(signedIn.fresh(contextFor('POST', '/tokens?x=1')), again('/tokens'));
    await assert.rejects(signedIn.fresh(contextFor('POST', '/tokens'), '/tokens/new'), again('/tokens/new'));
    // A clock that was set back makes no sign-in fresh again.
    domain.pass(-3600);
    await assert.rejects(signedIn.fresh(contextFor('POST', '/tokens')), again('/tokens'));
    domain.pass(3600);
  });
});

describe('the cookie of a federated sign-in', () => {
  for (const [production, shape] of [
    [false, /^latchkey_federated=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600$/],
    [true, /^__Host-latchkey_federated=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600; Secure$/],
  ] as const) {
    it(`is bound to the ${production ? 'host and TLS' : 'host'}`, () => {
      const ctx = contextFor('GET', '/sign-in/google');
      createFederatedCookie({ production }).set(ctx, newLinkToken().token);
      assert.match(String(ctx.response.get('set-cookie')), shape);
    });
  }
});
