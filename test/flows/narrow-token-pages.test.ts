import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { secretIn, textOf } from '../support/page-text.ts';
import { siteOfBlock } from '../support/site.ts';
import { eachStore } from '../support/stores.ts';

eachStore(({ url: storeUrl, isFirst }) => {
  if (!isFirst) return;
  describe('narrowing a token on its pages', () => {
    const site = siteOfBlock(storeUrl);
    const FORM = { name: 'Till', scopes: ['wf:create_transaction'], expires: '90', note: '', date: '' };
    const NARROW = {
      ipRanges: '203.0.113.9/24\r\n::ffff:192.0.2.1',
      idleDays: '30',
      origin: 'https://app.example.com/',
      bounds: 'create_transaction.amount <= 100\r\ncreate_transaction = 20/day',
    };
    const IN_WORDS = [
      /Only from 203\.0\.113\.0\/24, 192\.0\.2\.1/,
      /Only from pages of https:\/\/app\.example\.com/,
      /Ends when it is not used for 30 days/,
      /create_transaction: amount at most 100/,
      /create_transaction: at most 20 calls a day/,
    ];
    const matchAll = (text: string) => {
      for (const line of IN_WORDS) assert.match(text, line);
    };

    test('the form offers it folded away, and what is written is shown wherever the token is', async () => {
      const { agent, account } = await site.person();
      const blank = await agent.get('/tokens/new');
      assert.match(blank.text, /<details><summary>Narrow it further<\/summary>/);
      assert.match(textOf(blank.text), /Numbers that there are: create_transaction\.amount/);
      const made = await agent.make('/tokens/new', { ...FORM, ...NARROW });
      assert.equal(made.status, 200, textOf(made.text));
      matchAll(textOf(made.text));
      matchAll(textOf((await agent.get('/tokens')).text));
      const [token] = await site.domain.tokens.list(account.id);
      matchAll(textOf((await agent.get(`/tokens/${token?.id}`)).text));
      const [mail] = await site.domain.rows.outbox.list({ where: [['to', '=', account.email]], limit: 1 });
      assert.match(String(mail?.text), /Narrowed: Only from 203/);
      const refused = await fetch(`${site.url}/api/1.1/me`, {
        headers: { authorization: `Bearer ${secretIn(made.text, 'lk_pat_')}` },
      });
      assert.equal(refused.status, 403);
    });

    test('each mistake stands at its field, with what was typed, unfolded', async () => {
      const { agent, account } = await site.person();
      const sent = {
        ...FORM,
        ipRanges: 'office',
        idleDays: '0',
        origin: 'app',
        bounds: 'create_transaction.phone <= 1',
      };
      const page = await agent.post('/tokens/new', sent);
      assert.equal(page.status, 400);
      assert.match(page.text, /<details open>/);
      for (const name of ['ipRanges', 'idleDays', 'origin', 'bounds']) {
        assert.match(page.text, new RegExp(`id="${name}-problem"`));
      }
      assert.match(page.text, />\s*office<\/textarea>/);
      assert.deepEqual(await site.domain.tokens.list(account.id), []);
    });

    test('one that is there is narrowed on a page of its own, by its owner alone', async () => {
      const { agent, account } = await site.person();
      const stranger = await site.person();
      await agent.make('/tokens/new', FORM);
      const [token] = await site.domain.tokens.list(account.id);
      const path = `/tokens/${token?.id}/narrow`;
      assert.equal((await stranger.agent.get(path)).status, 404);
      assert.equal((await stranger.agent.post(path, NARROW)).status, 404);
      const wrong = await agent.post(path, { ...NARROW, idleDays: 'soon' });
      assert.equal(wrong.status, 400);
      assert.match(wrong.text, /value="soon"/);
      const done = await agent.post(path, NARROW);
      assert.equal(done.location, `/tokens/${token?.id}?done=changed`);
      matchAll(textOf((await agent.get(`/tokens/${token?.id}`)).text));
      const again = await agent.get(path);
      assert.match(again.text, /203\.0\.113\.0\/24\n192\.0\.2\.1<\/textarea>/);
      assert.match(
        again.text,
        /create_transaction\.amount &lt;= 100\ncreate_transaction = 20\/day<\/textarea>/,
      );
      assert.equal((await agent.post(path, { ipRanges: '', idleDays: '', origin: '' })).status, 400);
      // What is taken out of the form widens it: that is for who proved lately who they are, and nothing is lost.
      site.ahead = 3600;
      for (const answer of [await agent.get(path), await agent.post(path, { ...NARROW, bounds: '' })]) {
        assert.equal(answer.status, 303);
        assert.match(answer.location, /^\/sign-in\?fresh=1&return_to=%2Ftokens%2Ftok_\w+%2Fnarrow/);
      }
      site.ahead = 0;
      const still = await site.domain.tokens.get({ accountId: account.id, id: token?.id ?? '' });
      assert.equal(still.narrowing?.bounds?.length, 2);
      await agent.post(path, { ipRanges: '', idleDays: '', origin: '', bounds: '' });
      assert.ok(!textOf((await agent.get(`/tokens/${token?.id}`)).text).includes('Narrowed'));
      await site.domain.tokens.revoke({ accountId: account.id, id: token?.id ?? '' }, { kind: 'operator' });
      for (const page of [path, `/tokens/${token?.id}/edit`])
        assert.equal((await agent.get(page)).status, 409);
    });
  });
});
