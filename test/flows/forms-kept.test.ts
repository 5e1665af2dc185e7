import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import type { Agent } from '../support/browserless.ts';
import { PASSWORD, type Person } from '../support/people.ts';
import { siteOfBlock } from '../support/site.ts';
import { sqliteStores } from '../support/stores.ts';

type Fields = Record<string, string | string[]>;

const NAME = 'Nächtlich & “fein” <b>';
const SHOWN_NAME = 'value="Nächtlich &amp; “fein” &lt;b&gt;"';
const NOTE = '保管場所'.repeat(124);
const URIS = Array.from(
  { length: 10 },
  (_, index) => `https://app${index}.example.com/${'callback/'.repeat(40)}`,
);

sqliteStores(({ url: storeUrl }) => {
  describe('a form that meets the sign-in page', () => {
    const site = siteOfBlock(storeUrl);

    /** Each form with what is typed into it, and what must be there again. */
    async function formsOf({ account }: Person) {
      const actor = { kind: 'operator' } as const;
      const { services, apps } = site.domain;
      const { client: service } = await services.create(
        { account, name: 'Own', scopes: ['profile'], actsFor: 'account', resourceServer: false },
        actor,
      );
      const { client: app } = await apps.create(
        {
          account,
          name: 'Own',
          redirectUris: ['https://own.example/cb'],
          scopes: ['openid'],
          confidential: true,
        },
        actor,
      );
      const secret = { name: NAME, expires: '90', date: '' };
      const table: Record<string, [Fields, (string | RegExp)[]]> = {
        '/tokens/new': [
          {
            ...{ name: NAME, scopes: ['profile'], expires: 'date', date: '2030-01-31', note: NOTE },
            ...{
              ipRanges: '10.0.0.0/8\r\noffice',
              idleDays: '30',
              origin: 'https://a.example',
              bounds: 'x <= 1',
            },
          },
          [
            /<details open>/,
            /10\.0\.0\.0\/8\s+office/,
            'value="30"',
            'value="https://a.example"',
            'x &lt;= 1',
            SHOWN_NAME,
            `value="${NOTE}"`,
            'value="profile" checked',
            'value="2030-01-31"',
            '<option value="date" selected>',
          ],
        ],
        '/services/new': [
          { name: NAME, scopes: ['wf:create_transaction'], expires: '30', date: '' },
          [SHOWN_NAME, 'value="wf:create_transaction" checked', '<option value="30" selected>'],
        ],
        '/developer/new': [
          { name: NAME, redirectUris: URIS.join('\r\n'), scopes: ['openid', 'email'], type: 'public' },
          [SHOWN_NAME, ...URIS, 'value="email" checked', 'value="public" checked'],
        ],
        [`/developer/${app.id}/edit`]: [
          { name: NAME, redirectUris: URIS.join('\r\n'), scopes: ['email'] },
          [SHOWN_NAME, ...URIS, 'value="email" checked', /value="openid"(?! checked)/],
        ],
        [`/services/${service.id}/edit`]: [
          { name: NAME, scopes: ['wf:create_transaction'] },
          [SHOWN_NAME, 'value="wf:create_transaction" checked', /value="profile"(?! checked)/],
        ],
        [`/services/${service.id}/secrets/new`]: [secret, [SHOWN_NAME, '<option value="90" selected>']],
        [`/developer/${app.id}/secrets/new`]: [secret, [SHOWN_NAME, '<option value="90" selected>']],
        [`/services/${service.id}/rotate`]: [{ overlap: '3600' }, ['<option value="3600" selected>']],
        [`/developer/${app.id}/rotate`]: [{ overlap: '3600' }, ['<option value="3600" selected>']],
        '/account/name': [{ name: NAME }, [SHOWN_NAME]],
      };
      return table;
    }

    /** Sends a form whose sender must sign in, signs in as the page wants, and answers the page behind it. */
    async function sentAndSignedIn(agent: Agent, email: string, path: string, fields: Fields) {
      const sent = await agent.post(path, fields);
      assert.equal(sent.status, 303, path);
      assert.match(sent.location, /^\/sign-in\?/, path);
      assert.ok(sent.location.length < 8000, path);
      const page = await agent.get(sent.location);
      const returnTo =
        / name="return_to" value="([^"]*)"/.exec(page.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
      const form = { email, password: PASSWORD, return_to: returnTo };
      const back = await agent.post(
        '/sign-in',
        sent.location.includes('fresh=1') ? { ...form, fresh: '1' } : form,
      );
      assert.ok(back.location.startsWith(path), back.location);
      return agent.get(back.location);
    }

    for (const how of ['is not fresh', 'was ended in another tab'] as const) {
      test(`comes back as it was typed when the sign-in ${how}`, async () => {
        const person = await site.person();
        const { agent, account } = person;
        for (const [path, [fields, wanted]] of Object.entries(await formsOf(person))) {
          if (how === 'is not fresh') site.ahead += 301;
          else await agent.post('/sign-out', {});
          // The name alone needs no fresh sign-in.
          if (how === 'is not fresh' && path === '/account/name') continue;
          const page = await sentAndSignedIn(agent, account.email, path, fields);
          assert.equal(page.status, 200, path);
          for (const one of wanted) {
            const found = typeof one === 'string' ? page.text.includes(one) : one.test(page.text);
            assert.ok(found, `${path}: ${one}`);
          }
        }
        site.ahead = 0;
      });
    }

    test('never keeps a password or a secret, and keeps what it can of too much', async () => {
      const { agent } = await site.person();
      await agent.post('/sign-out', {});
      const password = 'seven words nobody else would choose';
      const sent = await agent.post('/account/password', { password, form_id: 'x' });
      assert.equal(sent.location, '/sign-in?return_to=%2Faccount%2Fpassword');
      const secret = `lk_pat_${'A'.repeat(36)}`;
      const noise = Array.from({ length: 900 }, () => crypto.randomUUID()).join('');
      for (const note of [`it is ${secret}`, secret.toUpperCase(), noise]) {
        const { location } = await agent.post('/tokens/new', {
          name: NAME,
          note,
          scopes: ['profile'],
          expires: '7',
        });
        assert.ok(location.length < 8000);
        const { account, agent: other } = await site.person();
        assert.ok(account);
        const page = await other.get(new URL(location, site.url).searchParams.get('return_to') ?? '');
        assert.ok(page.text.includes(SHOWN_NAME));
        assert.match(page.text, /name="note"[^>]* value=""|name="note"(?![^>]* value=)/);
      }
    });

    test('takes no form that is none', async () => {
      const { agent } = await site.person();
      const packed = (value: string) => deflateRawSync(value).toString('base64url');
      const bomb = deflateRawSync(`{"name":"${'a'.repeat(20_000_000)}"}`).toString('base64url');
      const junk = [
        'x',
        '%00',
        packed('null'),
        packed('[]'),
        packed('"x"'),
        packed('{"name":{"$ne":1},"scopes":7}'),
      ];
      for (const form of [
        ...junk,
        packed('{"__proto__":{"name":"x"},"constructor":"y"}'),
        bomb.slice(0, 7000),
      ]) {
        const page = await agent.get(`/tokens/new?form=${form}`);
        assert.equal(page.status, 200, form.slice(0, 40));
        assert.doesNotMatch(page.text, /name="name"[^>]* value="[^"]/);
      }
      assert.equal((await agent.get('/tokens/new?form=a&form=b')).status, 400);
      assert.match((await agent.get('/tokens/new?name=Prefilled')).text, /value="Prefilled"/);
    });
  });
});
