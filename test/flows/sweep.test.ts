import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as oauth from 'openid-client';
import { openPeople } from '../support/people.ts';
import { startTestServer } from '../support/server.ts';
import { eachStore } from '../support/stores.ts';
import { createThirdPartyApp } from '../support/third-party-app.ts';
import { until } from '../support/until.ts';

const YEARS_MS = 3 * 365 * 24 * 60 * 60 * 1000;

eachStore(({ url: storeUrl }) => {
  test('what sign-ins and tokens leave behind goes away by itself', async (t) => {
    const server = await startTestServer({ storeUrl: await storeUrl() });
    const people = await openPeople(server);
    t.after(async () => {
      await people.close();
      await server.stop();
    });
    const { rows, jobs } = people.domain;
    const passing = [
      rows.artifacts,
      rows.limiterWindows,
      rows.signUps,
      rows.resets,
      rows.authorizationRequests,
      rows.pendingLinks,
      rows.sentForms,
      rows.sealedValues,
    ];
    const rowCounts = () => Promise.all(passing.map((collection) => collection.count([])));
    const before = await rowCounts();

    const account = await people.account();
    const made = await people.domain.apps.create(
      {
        account,
        name: 'Ledger',
        redirectUris: ['https://app.example.com/cb'],
        confidential: true,
        scopes: ['openid'],
      },
      { kind: 'operator' },
    );
    const app = await createThirdPartyApp(server.url, { client: made.client, secret: made.secret?.value });
    for (let round = 0; round < 4; round += 1) {
      const agent = await people.signIn(account.email);
      const tokens = await app.connect(agent, { scope: 'openid' });
      await oauth.refreshTokenGrant(app.config, tokens.refresh_token ?? '');
      await agent.post('/sign-up', { email: `new${round}@example.com`, password: 'some good words here' });
      await agent.post('/reset-password', { email: account.email });
      // Its work comes after its answer.
      await until('the link is made', async () => (await rows.resets.count([])) === round + 1);
      await agent.get((await app.start()).location.href.slice(server.url.length));
    }
    const [artifactsMade = 0] = await rowCounts();
    assert.ok(artifactsMade >= 20, String(artifactsMade));

    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + YEARS_MS });
    // The server's own periodic work may be at it just now.
    await until('it is our turn', () => jobs.runOnce());
    assert.deepEqual(await rowCounts(), before);
    t.mock.timers.reset();
  });
});
