import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Client } from '../../server/credentials/client.ts';
import type { Credential } from '../../server/credentials/credential.ts';
import { hashOf } from '../../server/ground/opaque.ts';
import { textOf } from '../support/page-text.ts';
import { siteOfBlock } from '../support/site.ts';
import { sqliteStores } from '../support/stores.ts';

sqliteStores(({ url }) => {
  describe('long lists', () => {
    const site = siteOfBlock(url);

    /** So many services or apps of somebody new, the last of them made last. */
    async function manyOf(kind: Client['kind'], count: number) {
      const person = await site.person();
      const accountId = person.account.id;
      const clients = Array.from({ length: count }, (_, index): Client => {
        const id = `${kind === 'app' ? 'app' : 'svc'}_${accountId.slice(4)}${index}`;
        return {
          id,
          kind,
          name: `Number ${index + 1}.`,
          accountId,
          actsFor: 'account',
          scopes: ['profile'],
          resourceServer: false,
          redirectUris: [],
          postLogoutRedirectUris: [],
          applicationType: 'web',
          confidential: true,
          createdAt: site.domain.clock() - 100 + index,
        };
      });
      await site.domain.rows.clients.insertMany(clients);
      return { ...person, page: async (path: string) => (await person.agent.get(path)).text };
    }

    const namesIn = (page: string) => textOf(page).match(/Number \d+\./g) ?? [];
    const nextOf = (page: string) => /href="([^"]+)" rel="next"/.exec(page)?.[1]?.replaceAll('&amp;', '&');

    for (const [path, kind] of [
      ['/services', 'service'],
      ['/developer', 'app'],
    ] as const) {
      test(`${path} has forty a page, each row on one of them, whatever the order`, async () => {
        const { page } = await manyOf(kind, 45);
        const first = await page(path);
        assert.equal(namesIn(first).length, 40);
        assert.equal(namesIn(first)[0], 'Number 45.');
        const second = await page(nextOf(first) ?? '');
        assert.equal(new Set([...namesIn(first), ...namesIn(second)]).size, 45);
        assert.match(textOf(second), /Page 2 of 2/);
        assert.equal(nextOf(second), undefined);
        const byName = await page(`${path}?sort=name`);
        assert.deepEqual(namesIn(byName).slice(0, 3), ['Number 1.', 'Number 2.', 'Number 3.']);
        assert.equal(nextOf(byName), `${path}?sort=name&page=2`);
        assert.equal(namesIn(await page(`${path}?sort=name&page=2`))[0], 'Number 41.');
      });

      test(`${path} is searched, and says what was found`, async () => {
        const { page } = await manyOf(kind, 45);
        const found = await page(`${path}?q=NUMBER+44.`);
        assert.deepEqual(namesIn(found), ['Number 44.']);
        assert.match(textOf(found), /1 of 45\. Show all/);
        assert.match(found, /name="q" type="text" value="NUMBER 44\."/);
        const many = await page(`${path}?q=number&sort=name`);
        assert.equal(nextOf(many), `${path}?q=number&sort=name&page=2`);
        const none = textOf(await page(`${path}?q=nowhere`));
        assert.match(none, /Nothing found .*Show all/);
        assert.match(none, /Make an? (service|app)/);
      });
    }

    test('a hundred tokens fit three pages, in each order, and are found by what is left of their values', async () => {
      const { agent, account } = await site.person();
      const now = site.domain.clock();
      const token = (index: number): Credential => ({
        id: `tok_${account.id.slice(4)}${index}`,
        kind: 'personal_access_token',
        hash: hashOf(`${account.id}${index}`),
        firstFour: 'aaaa',
        lastFour: `${1000 + index}`,
        name: `Number ${index}.`,
        accountId: account.id,
        scopes: ['profile'],
        createdAt: now - 1000 + index,
        expiresAt: now + 10_000 + ((index * 37) % 100),
        ...(index === 7 ? { lastUsedAt: now } : {}),
      });
      const rows = Array.from({ length: 100 }, (_, index) => token(index + 1));
      await site.domain.rows.credentials.insertMany(rows);
      const page = async (path: string) => (await agent.get(path)).text;
      const seen: string[] = [];
      const sizes: number[] = [];
      for (let path: string | undefined = '/tokens'; path !== undefined; ) {
        const text = await page(path);
        const names = namesIn(/<tbody[\s\S]*?<\/tbody>/.exec(text)?.[0] ?? '');
        sizes.push(new Set(names).size);
        seen.push(...names);
        path = nextOf(text);
      }
      assert.deepEqual([sizes, new Set(seen).size], [[40, 40, 20], 100]);
      assert.match(await page('/tokens'), /<table role="table" class="dense">/);
      assert.equal(namesIn(await page('/tokens?sort=used'))[0], 'Number 7.');
      assert.equal(namesIn(await page('/tokens?sort=expiring'))[0], 'Number 100.');
      assert.deepEqual([...new Set(namesIn(await page('/tokens?q=1042')))], ['Number 42.']);
    });

    test('a short list has no form, and an empty one says what to do first', async () => {
      const { page } = await manyOf('service', 2);
      for (const path of ['/services', '/apps', '/developer']) {
        assert.doesNotMatch(await page(path), /name="q"|class="(pager|dense)"/, path);
      }
      assert.match(textOf(await page('/apps')), /No connected apps/);
    });

    test('a query that makes no sense is the first page, and nothing of it is believed', async () => {
      const { page } = await manyOf('service', 45);
      const first = namesIn(await page('/services'));
      for (const query of [
        'page=0',
        'page=-1',
        'page=1e3',
        'page=x',
        'sort=nothing',
        'sort=constructor',
        'q=+',
      ]) {
        assert.deepEqual(namesIn(await page(`/services?${query}`)), first, query);
      }
      assert.match(textOf(await page('/services?page=9999')), /Page 2 of 2/);
      const script = await page('/services?q=%3Cscript%3Ealert(1)%3C/script%3E');
      assert.doesNotMatch(script, /<script>alert/);
      const secret = `lk_pat_${'a'.repeat(36)}`;
      assert.ok(!(await page(`/services?q=${secret}`)).includes(secret));
    });

    test('shows and finds nothing of anybody else', async () => {
      await manyOf('service', 12);
      const stranger = await manyOf('service', 0);
      const page = await stranger.page('/services?q=number');
      assert.deepEqual(namesIn(page), []);
    });
  });
});
