import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createAgent } from '../support/browserless.ts';
import { textOf } from '../support/page-text.ts';
import { PASSWORD } from '../support/people.ts';
import { siteOfBlock } from '../support/site.ts';
import { sqliteStores } from '../support/stores.ts';
import { until } from '../support/until.ts';

const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36';
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1';

sqliteStores(({ url: storeUrl }) => {
  describe('sessions can be told apart', () => {
    const site = siteOfBlock(storeUrl, { proxies: ['127.0.0.1'] });

    const signIn = async (email: string, userAgent: string, from: string, agent = createAgent(site.url)) => {
      const headers = { 'user-agent': userAgent, 'x-forwarded-for': from };
      const form = { email, password: PASSWORD, return_to: '/account' };
      assert.equal((await agent.post('/sign-in', form, headers)).location, '/account');
      return agent;
    };

    const newDevices = (accountId: string) =>
      site.domain.rows.audit.count([
        ['accountId', '=', accountId],
        ['action', '=', 'session.new_device'],
      ]);

    test('by browser, system, address and times', async () => {
      const { email, id } = await site.account();
      await signIn(email, IPHONE, '203.0.113.5');
      const agent = await signIn(email, CHROME, '198.51.100.7');
      site.ahead = 600;
      try {
        const headers = { 'x-forwarded-for': '198.51.100.8' };
        let text = '';
        // Where it was last seen is noted beside the answer.
        await until('it is seen at its new address', async () => {
          text = textOf((await agent.get('/account', headers)).text);
          return text.includes('198.51.100.8');
        });
        assert.match(
          text,
          /Chrome 131 on Windows 10 This browser 198\.51\.100\.8 10 minutes ago .* just now/,
        );
        assert.match(text, /Safari 17 on iOS 17 203\.0\.113\.5 10 minutes ago/);
      } finally {
        site.ahead = 0;
      }
      assert.equal(await newDevices(id), 1);
      const mail = await site.mail.waitFor({ to: email, subject: /new device/ });
      assert.match(mail.text ?? '', /From: 198\.51\.100\.7\nBrowser: Chrome 131 on Windows 10/);
      assert.match(textOf((await agent.get('/activity')).text), /Sign-in from a new device Chrome 131 on/);
    });

    test('its cookie outlives the sign-out, and signs nobody in', async () => {
      const { email, id } = await site.account();
      const agent = await signIn(email, CHROME, '198.51.100.7');
      await agent.post('/sign-out', {});
      const device = agent.cookie('latchkey_device') ?? '';
      assert.match(device, /^[\w-]{43}$/);
      assert.equal((await agent.get('/account')).status, 303);
      await signIn(email, IPHONE, '203.0.113.5', agent);
      assert.equal(await newDevices(id), 0);
      const forged = createAgent(site.url);
      forged.setCookie('latchkey_device', '__proto__;{"$ne":1}');
      await signIn(email, IPHONE, '192.0.2.5', forged);
      assert.equal(await newDevices(id), 1);
    });

    test('also of a sign-in that an app asked for', async () => {
      const { email, id } = await site.account();
      await signIn(email, CHROME, '198.51.100.7');
      const app = await site.app();
      const { location } = await app.start();
      const agent = createAgent(site.url);
      const headers = { 'user-agent': IPHONE, 'x-forwarded-for': '203.0.113.5' };
      let page = await agent.get(`${location.pathname}${location.search}`, headers);
      page = await agent.get(page.location, headers);
      const action = /action="(\/interaction\/[^"]+\/sign-in)"/.exec(page.text)?.[1] ?? '';
      page = await agent.post(action, { email, password: PASSWORD }, headers);
      for (let turn = 0; turn < 5 && page.location !== ''; turn += 1)
        page = await agent.get(page.location.replace(site.url, ''), headers);
      assert.equal(await newDevices(id), 1);
      const rows = await site.domain.sessionList.list(id);
      assert.deepEqual(rows.map(({ browser, seenFrom }) => `${browser} ${seenFrom}`).sort(), [
        'Chrome 131 on Windows 10 198.51.100.7',
        'Safari 17 on iOS 17 203.0.113.5',
      ]);
    });

    test('a header of any size is stored cut', async () => {
      const { email, id } = await site.account();
      await signIn(email, `<script>alert(1)</script>${'x'.repeat(4_000)}`, '198.51.100.7');
      const [row] = await site.domain.rows.artifacts.list({ where: [['accountId', '=', id]], limit: 2 });
      assert.equal(row?.userAgent?.length, 400);
      const agent = await site.signIn(email);
      const { text } = await agent.get('/account');
      assert.match(textOf(text), /Unknown browser on unknown system/);
      assert.doesNotMatch(text, /alert/);
    });
  });
});
