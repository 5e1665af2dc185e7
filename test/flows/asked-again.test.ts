import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as oauth from 'openid-client';
import { systemClock } from '../../server/ground/clock.ts';
import { openPeople, PASSWORD } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eachStore } from '../support/stores.ts';
import { allow, createThirdPartyApp } from '../support/third-party-app.ts';

const operator = { kind: 'operator' } as const;

eachStore(({ url: storeUrl }) => {
  describe('an app that wants people to sign in once more', () => {
    let server: TestServer;
    let people: Awaited<ReturnType<typeof openPeople>>;
    let app: Awaited<ReturnType<typeof createThirdPartyApp>>;
    /** How far the server's clock is off. */
    let ahead = 0;

    before(async () => {
      server = await startTestServer({ storeUrl: await storeUrl(), clock: () => systemClock() + ahead });
      people = await openPeople(server);
      const account = await people.account();
      const { client } = await people.domain.apps.create(
        {
          account,
          name: 'Ledger',
          redirectUris: ['https://app.example.com/callback'],
          confidential: false,
          scopes: ['openid'],
        },
        operator,
      );
      app = await createThirdPartyApp(server.url, { client });
    });
    after(async () => {
      await people.close();
      await server.stop();
    });

    const wishes: Record<string, string>[] = [{ prompt: 'login' }, { max_age: '0' }, { max_age: '60' }];
    for (const wish of wishes) {
      it(`with ${JSON.stringify(wish)} takes no sign-in from before it asked`, async () => {
        ahead = -120;
        const { account, agent } = await people.person();
        ahead = 0;
        const started = await app.start({ scope: 'openid', ...wish });
        const form = await agent.follow(`${started.location.pathname}${started.location.search}`);
        assert.match(form.text, /Confirm that it is you/);
        const uid = /\/interaction\/([\w-]+)\/sign-in/.exec(form.text)?.[1] ?? '';
        const onwards = `/interaction/${uid}/continue`;

        // Signed in two minutes ago is fresh enough for our own pages, and no answer to this request.
        assert.equal((await agent.get('/tokens/new')).status, 200);
        assert.equal((await agent.get(onwards)).location, `/interaction/${uid}`);

        ahead = 5;
        const signedInAt = systemClock() + ahead;
        const again = { fresh: '1', return_to: onwards, password: PASSWORD };
        assert.equal((await agent.post('/sign-in', again)).location, onwards);
        // Who dawdles on the way is told to the app as they were, not as they arrive.
        ahead = 45;
        const callback = await allow(agent, new URL(onwards, server.url));
        const tokens = await oauth.authorizationCodeGrant(app.config, callback, {
          pkceCodeVerifier: started.verifier,
          expectedState: started.state,
          expectedNonce: started.nonce,
        });
        const [session] = await people.domain.sessionList.list(account.id);
        const told = tokens.claims()?.auth_time ?? session?.signedInAt ?? 0;
        assert.ok(Math.abs(told - signedInAt) <= 20, `${told - signedInAt} s off`);
        if ('max_age' in wish) assert.equal(tokens.claims()?.auth_time, session?.signedInAt);
      });
    }
  });
});
