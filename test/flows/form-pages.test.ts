import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Agent, createAgent, type Page } from '../support/browserless.ts';
import { textOf } from '../support/page-text.ts';
import { siteOfBlock } from '../support/site.ts';
import { sqliteStores } from '../support/stores.ts';

/** The names of the fields at fault, and of the one that the cursor is put into. */
function lookAt({ text }: Page) {
  const tags = [...text.matchAll(/<(?:input|textarea|select)\b(?:[^>"]|"[^"]*")*>/g)].map(([tag]) => tag);
  const nameIn = (tag: string) => / name="([^"]+)"/.exec(tag)?.[1] ?? '';
  const focused = tags.filter((tag) => tag.replaceAll(/"[^"]*"/g, '').includes(' autofocus')).map(nameIn);
  const wrong = [...text.matchAll(/id="([\w-]+)-problem"/g)].map(([, id = '']) => id);
  return { focused, wrong };
}

sqliteStores(({ url: storeUrl }) => {
  describe('a page that is a form', () => {
    const site = siteOfBlock(storeUrl);

    test('puts the cursor into its first field', async () => {
      const { agent } = await site.person();
      const nobody = createAgent(site.url);
      const pages: [Agent, string, string][] = [
        [nobody, '/sign-in', 'email'],
        [nobody, '/sign-up', 'email'],
        [nobody, '/reset-password', 'email'],
        [agent, '/tokens/new', 'name'],
        [agent, '/services/new', 'name'],
        [agent, '/developer/new', 'name'],
        [agent, '/account/name', 'name'],
        [agent, '/account/password', 'password'],
        [agent, '/account/delete', 'email'],
      ];
      for (const [who, path, name] of pages) {
        assert.deepEqual(lookAt(await who.get(path)).focused, [name], path);
      }
      const refused = lookAt(await agent.post('/account/delete', { email: 'another@example.com' }));
      assert.deepEqual([refused.wrong, refused.focused], [['email'], ['email']]);
    });

    const mistakes: [string, Record<string, string | string[]>, string[], string][] = [
      ['/tokens/new', { name: '', expires: '0' }, ['name', 'scopes', 'expires'], 'name'],
      [
        '/tokens/new',
        { name: 'Fine', note: 'x'.repeat(501), expires: 'date', date: 'x' },
        ['scopes', 'note', 'expires'],
        'scopes',
      ],
      ['/services/new', { name: ' ', expires: '0' }, ['name', 'scopes', 'expires'], 'name'],
      [
        '/developer/new',
        { name: 'Fine', redirectUris: 'http://evil.example/' },
        ['redirectUris', 'scopes'],
        'redirectUris',
      ],
      ['/developer/new', { name: '' }, ['name', 'redirectUris', 'scopes'], 'name'],
      [
        '/developer/new',
        { name: 'Fine', redirectUris: 'x:y', postLogoutRedirectUris: 'https://*.example/' },
        ['redirectUris', 'postLogoutRedirectUris', 'scopes'],
        'redirectUris',
      ],
    ];
    for (const [path, form, wrong, focus] of mistakes) {
      test(`tells all mistakes at once: ${path} ${wrong}`, async () => {
        const { agent } = await site.person();
        const page = await agent.post(path, form);
        assert.equal(page.status, 400);
        const found = lookAt(page);
        assert.deepEqual(found.wrong.toSorted(), wrong.toSorted(), textOf(page.text));
        assert.deepEqual(found.focused, [focus]);
        assert.match(page.text, /Nothing was saved/);
      });
    }

    test('tells all mistakes of a service that is changed, and of each line of a list', async () => {
      const { agent, account } = await site.person();
      const { client } = await site.domain.services.create(
        { account, name: 'Own', scopes: ['profile'], actsFor: 'account', resourceServer: false },
        { kind: 'operator' },
      );
      const edited = await agent.post(`/services/${client.id}/edit`, { name: '', scopes: ['none'] });
      assert.deepEqual(lookAt(edited), { focused: ['name'], wrong: ['name', 'scopes'] });
      const redirectUris = 'https://fine.example/cb\nhttp://evil.example/cb\nhttps://a.example/#part';
      const listed = await agent.post('/developer/new', { name: 'Fine', scopes: ['openid'], redirectUris });
      assert.match(textOf(listed.text), /evil\.example\/cb.* cannot be used.*#part.* cannot be used/);
    });

    test('tells all mistakes of the first admin', async () => {
      const invitation = new URL(site.firstAdminLink ?? '').searchParams.get('invitation') ?? '';
      const form = { invitation, email: 'a@example.com', name: 'evil\u202etxt', password: 'short' };
      const page = await createAgent(site.url).post('/sign-up', form);
      assert.deepEqual(lookAt(page), { focused: ['name'], wrong: ['name', 'password'] });
    });

    test('asks for the address again where none was typed', async () => {
      const page = await createAgent(site.url).post('/sign-in', { email: '', password: 'x' });
      assert.deepEqual(lookAt(page).focused, ['email']);
    });

    test('tells all mistakes of a sign-up, with the cursor on the first', async () => {
      const form = { email: 'no address', name: 'evil\u202etxt', password: 'short' };
      const page = await createAgent(site.url).post('/sign-up', form);
      assert.equal(page.status, 400);
      assert.deepEqual(lookAt(page), { focused: ['email'], wrong: ['email', 'name', 'password'] });
      const one = await createAgent(site.url).post('/sign-up', { ...form, email: 'a@example.com', name: '' });
      assert.deepEqual(lookAt(one), { focused: ['password'], wrong: ['password'] });
    });

    test('takes no attribute out of what was typed', async () => {
      const { agent } = await site.person();
      const name = 'an autofocus name "with aria-invalid="true" has-problem"';
      const { text } = await agent.post('/tokens/new', { name, expires: '0' });
      assert.ok(
        text.includes('value="an autofocus name &quot;with aria-invalid=&quot;true&quot; has-problem&quot;"'),
      );
    });

    test('names the account for password managers where a password is changed', async () => {
      const { agent, account } = await site.person();
      const { text } = await agent.get('/account/password');
      const field = /<input [^>]*autocomplete="username"[^>]*>/.exec(text)?.[0] ?? '';
      assert.ok(field.includes(`value="${account.email}"`) && field.includes('type="text"'), field);
      assert.match(field, /aria-hidden="true"/);
    });

    test('has the script that shows a password from our own site', async () => {
      const agent = createAgent(site.url);
      const script = /<script src="(\/assets\/show-password\.js)" defer>/.exec(
        (await agent.get('/sign-in')).text,
      )?.[1];
      const { status, headers } = await agent.get(script ?? '/none');
      assert.equal(status, 200);
      assert.match(headers.get('content-type') ?? '', /javascript/);
    });
  });

  describe('an error page', () => {
    const site = siteOfBlock(storeUrl);

    test('keeps the navigation of who is signed in, and leads where its hint points', async () => {
      const { agent, account } = await site.person();
      for (const [path, link] of [
        ['/tokens/none/revoke', /href="\/tokens">Go to your tokens/],
        ['/services/none', /href="\/services">Go to your services/],
        ['/nothing', /href="\/">Go to the start page/],
        ['/reset-password?token=x', /href="\/reset-password">Ask for another link/],
        ['/verify-email?token=x', /href="\/sign-up">Sign up once more/],
      ] as const) {
        const page = await agent.get(path);
        assert.ok(page.status >= 400, path);
        assert.match(page.text, /<nav /, path);
        assert.ok(page.text.includes(account.email));
        assert.match(page.text, link);
      }
      for (const path of ['/oauth/authorize?client_id=nobody', '/oauth/authorize/of-long-ago']) {
        const page = await agent.get(path);
        assert.equal(page.status, 400, path);
        assert.match(page.text, /<nav /, path);
        assert.doesNotMatch(page.text, /\.\./, path);
      }
      for (const path of ['/nothing', '/oauth/authorize?client_id=nobody']) {
        assert.doesNotMatch((await createAgent(site.url).get(path)).text, /<nav /);
      }
    });
  });
});
