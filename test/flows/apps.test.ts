import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import * as oauth from 'openid-client';
import type { Agent } from '../support/browserless.ts';
import { textOf } from '../support/page-text.ts';
import type { Person } from '../support/people.ts';
import { siteOfBlock } from '../support/site.ts';
import { eachStore } from '../support/stores.ts';
import { createThirdPartyApp } from '../support/third-party-app.ts';

eachStore(({ url: storeUrl, once }) => {
  describe('/apps', () => {
    const site = siteOfBlock(storeUrl);
    let developer: Person;
    before(async () => {
      developer = await site.person();
    });

    async function connect(agent: Agent, name: string, redirectUris = ['https://app.example.com/callback']) {
      const { client, secret } = await site.domain.apps.create(
        {
          account: developer.account,
          name,
          redirectUris,
          scopes: ['openid', 'email', 'wf:create_transaction', 'profile'],
          confidential: true,
        },
        { kind: 'operator' },
      );
      const app = await createThirdPartyApp(site.url, { client, secret: secret?.value });
      const tokens = await app.connect(agent);
      return { app, client, access: tokens.access_token, refresh: tokens.refresh_token ?? '' };
    }

    const endPaths = (html: string) => html.match(/\/apps\/[\w-]+\/end/g) ?? [];

    once('says what would be here when there is none', async () => {
      const { agent } = await site.person();
      assert.match(textOf((await agent.get('/apps')).text), /No connected apps .*you can cut it off/);
    });

    test('lists an app in plain words and cuts it off at once', async () => {
      const { agent } = await site.person();
      const { app, access, refresh } = await connect(agent, 'Planner');
      assert.equal(await site.callMe(access), 200);
      const list = await agent.get('/apps');
      const words = /Planner app\.example\.com Know that it is you .*See your e-mail address .*just now/;
      assert.match(textOf(list.text), words);
      const [path = ''] = endPaths(list.text);
      const question = textOf((await agent.get(path)).text);
      assert.match(question, /Cut off “Planner”\? .*refused at once.*Last used:/);
      assert.equal(await site.callMe(access), 200);
      assert.equal((await agent.post(path, {})).location, '/apps?done=ended');
      assert.equal(await site.callMe(access), 401);
      await assert.rejects(oauth.refreshTokenGrant(app.config, refresh), { error: 'invalid_grant' });
      const done = textOf((await agent.get('/apps?done=ended')).text);
      assert.match(done, /The app was cut off\..*No connected apps/);
      assert.equal((await agent.post(path, {})).status, 404);
    });

    test('cuts off one app without the other, and one person without the other', async () => {
      const [ann, bob] = [await site.person(), await site.person()];
      const kept = await connect(ann.agent, 'Kept');
      const [keptPath = ''] = endPaths((await ann.agent.get('/apps')).text);
      const ended = await connect(ann.agent, 'Ended');
      const others = await connect(bob.agent, 'Kept');
      const paths = endPaths((await ann.agent.get('/apps')).text);
      assert.equal(paths.length, 2);
      const path = paths.find((one) => one !== keptPath) ?? '';
      assert.equal((await bob.agent.post(path, {})).status, 404);
      assert.equal(await site.callMe(ended.access), 200);
      assert.equal((await ann.agent.post(path, {})).status, 303);
      assert.deepEqual(
        await Promise.all([ended, kept, others].map(({ access }) => site.callMe(access))),
        [401, 200, 200],
      );
      assert.doesNotMatch(textOf((await ann.agent.get('/apps')).text), /Ended/);
    });

    once('shows every place that an app sends people to', async () => {
      const { agent } = await site.person();
      const uris = [
        'https://app.example.com/a',
        'https://app.example.com/b',
        'http://127.0.0.1/cb',
        'com.example.x:/cb',
      ];
      await connect(agent, 'Many', uris);
      const text = textOf((await agent.get('/apps')).text);
      assert.match(text, /Many app\.example\.com 127\.0\.0\.1 com\.example\.x: /);
    });
  });
});
