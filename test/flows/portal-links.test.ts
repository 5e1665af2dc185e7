import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { WantedPortalLink } from '../../server/access/portal-links.ts';
import type { Account } from '../../server/accounts/account.ts';
import type { Client } from '../../server/credentials/client.ts';
import { Problem } from '../../server/ground/errors.ts';
import { createAgent } from '../support/browserless.ts';
import { openPeople, PASSWORD, type People } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { eachStore } from '../support/stores.ts';

const RETURN_URL = 'https://shop.example.com/account';

eachStore(({ url: storeUrl, once }) => {
  describe('portal links', () => {
    let server: TestServer;
    let people: People;
    let owner: Account;
    let shop: Client;
    let now = Math.floor(Date.now() / 1000);
    before(async () => {
      const settings = { portalReturnUrls: [RETURN_URL] };
      server = await startTestServer({ storeUrl: await storeUrl(), settings, clock: () => now });
      people = await openPeople(server, settings, () => now);
      owner = await people.account({ admin: true });
      shop = await sender();
    });
    after(async () => {
      await people.close();
      await server.stop();
    });

    let count = 0;
    const newEmail = () => {
      count += 1;
      return `visitor${count}@example.com`;
    };
    /** A service that may send people here. */
    async function sender(account = owner): Promise<Client> {
      const scopes = ['admin:portal-links'];
      const rights = { scopes, actsFor: 'app', resourceServer: false, reason: 'Its users' } as const;
      const wanted = { ...rights, account, name: 'Shop', expiresAt: now + 86_400 };
      return (await people.domain.services.create(wanted, { kind: 'operator' })).client;
    }
    const make = (wanted: Partial<WantedPortalLink>, by = shop) =>
      people.domain.portalLinks.create(
        { page: 'tokens', returnUrl: RETURN_URL, ...wanted },
        { kind: 'client', id: by.id },
        by.accountId,
      );
    const pathOf = (url: string) => url.slice(server.url.length);
    const tokenOf = (url: string) => new URL(url).searchParams.get('token') ?? '';

    /** A browser that came by a link. */
    async function visitor(wanted: Partial<WantedPortalLink> = { email: newEmail() }, by = shop) {
      const { url, account } = await make(wanted, by);
      const agent = createAgent(server.url);
      const { location } = await agent.post('/portal', { token: tokenOf(url) });
      return { agent, account, location };
    }

    async function refusal(wanted: Partial<WantedPortalLink>, by = shop): Promise<string> {
      const error = await make(wanted, by).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof Problem, 'it was made');
      return error.code;
    }

    test('sign somebody new in to their tokens by one click, and lead back', async () => {
      const email = newEmail();
      const { url, account } = await make({ email, externalId: `user-${email}`, name: 'Ann' });
      assert.deepEqual([account.email, account.name, account.admin], [email, 'Ann', false]);
      const agent = createAgent(server.url);
      const asked = await agent.get(pathOf(url));
      assert.match(asked.text, new RegExp(email));
      // A program that looks into links uses none up.
      assert.equal((await agent.get(pathOf(url))).status, 200);
      assert.equal((await agent.post('/portal', { token: tokenOf(url) })).location, '/tokens');
      const made = await agent.make('/tokens/new', { name: 'Mine', scopes: 'profile', expires: '30' });
      assert.match(made.text, /lk_pat_/);
      const { text } = await agent.get('/tokens');
      assert.match(text, /Back to Latchkey/);
      assert.doesNotMatch(text, /href="\/account"|Sign out/);
      assert.equal((await agent.get('/portal/back')).location, RETURN_URL);
      assert.equal((await agent.get('/tokens')).status, 303);
    });

    once('reach nothing but their page', async () => {
      const pages = ['/tokens', '/services', '/apps', '/activity', '/activity.csv', '/developer'];
      const others = [
        '/account',
        '/account/password',
        '/account/access',
        '/account/data',
        '/account/delete',
        '/admin',
      ];
      for (const [page, reached] of [
        ['tokens', ['/tokens']],
        ['services', ['/services']],
        ['apps', ['/apps']],
        ['activity', ['/activity', '/activity.csv']],
      ] as const) {
        const { agent } = await visitor({ email: newEmail(), page });
        for (const path of [...pages, ...others]) {
          const { status, location } = await agent.get(path);
          const expected = (reached as readonly string[]).includes(path) ? 200 : 303;
          assert.equal(status, expected, `${page}: ${path}`);
          if (expected === 303) assert.match(location, /^\/sign-in\?/);
        }
        for (const path of [
          '/account/password',
          '/account/delete',
          '/account/access/end',
          '/account/link-google',
        ]) {
          assert.match((await agent.post(path, { password: 'x' })).location, /^\/sign-in\?/, path);
        }
      }
    });

    once('lead from their page to no other', async () => {
      const { agent, account } = await visitor();
      await agent.make('/tokens/new', { name: 'Mine', scopes: 'profile', expires: '30' });
      const [token] = await people.domain.tokens.list(account.id);
      for (const path of ['/tokens', '/tokens/new', `/tokens/${token?.id}`, `/tokens/${token?.id}/rotate`]) {
        const { text } = await agent.get(path);
        const links = [...text.matchAll(/ (?:href|action)="(\/[^"]*)"/g)].map(([, link]) => link);
        const others = links.filter(
          (link) => !/^\/(tokens([/?].*)?|assets\/.*|portal\/back)$/.test(link ?? ''),
        );
        assert.deepEqual(others, [], path);
      }
    });

    test('sign nobody in to an app', async () => {
      const client = await people.app();
      const { agent } = await visitor();
      const started = await client.start();
      const { location } = await agent
        .follow(started.location.href.slice(server.url.length))
        .then((page) => ({
          location: page.path,
        }));
      assert.match(location, /^\/interaction\//);
      assert.match((await agent.get(location)).text, /Sign in to continue/);
    });

    once('are named on the sign-in page, for who comes by a mail and has no password', async () => {
      const agent = createAgent(server.url);
      assert.match((await agent.follow('/tokens')).text, /open this page from there again/);
      const { location } = await (await people.app()).start();
      const { text } = await agent.follow(location.href.slice(server.url.length));
      assert.doesNotMatch(text, /open this page from there again/);
    });

    test('end when somebody signs in by themselves', async () => {
      const { agent } = await visitor();
      const { email } = await people.account();
      await agent.post('/sign-in', { email, password: PASSWORD, return_to: '/tokens' });
      assert.match((await agent.get('/tokens')).text, new RegExp(`${email}[^]*Sign out`));
      assert.match((await agent.get('/portal/back')).text, /Your visit is over/);
    });

    once('lead whoever comes back after the end to the app, and not to a sign-in', async () => {
      const late = await visitor();
      const cut = await visitor();
      await people.domain.accounts.suspend(cut.account.id, { kind: 'operator' });
      now += 3601;
      for (const { agent } of [late, cut]) {
        for (const page of [await agent.get('/tokens'), await agent.post('/tokens/new', { name: 'Mine' })])
          assert.equal(page.location, '/portal/over');
        assert.match((await agent.get('/portal/over')).text, new RegExp(`href="${RETURN_URL}"`));
        assert.match((await agent.get('/account')).location, /^\/sign-in/);
        assert.equal((await agent.get('/portal/back')).location, RETURN_URL);
        assert.match((await agent.get('/tokens')).location, /^\/sign-in/);
        assert.doesNotMatch((await agent.get('/portal/over')).text, new RegExp(RETURN_URL));
      }
    });

    test('leave whoever is signed in here as they were, and end when they sign out', async () => {
      const { agent, account } = await people.person();
      const { url, account: shown } = await make({ email: newEmail() });
      await agent.post('/portal', { token: tokenOf(url) });
      assert.match((await agent.get('/tokens')).text, new RegExp(shown.email));
      assert.match((await agent.get('/account')).text, new RegExp(account.email));
      await agent.get('/portal/back');
      assert.match((await agent.get('/tokens')).text, new RegExp(account.email));
      await agent.post('/portal', { token: tokenOf((await make({ email: shown.email })).url) });
      await agent.post('/sign-out', {});
      assert.match((await agent.get('/tokens')).location, /^\/sign-in/);
    });

    test('lead on again in the browser that opened them, and in no other', async () => {
      const { url } = await make({ email: newEmail() });
      const agent = createAgent(server.url);
      for (let turn = 0; turn < 2; turn += 1)
        assert.equal((await agent.post('/portal', { token: tokenOf(url) })).location, '/tokens');
      assert.equal((await agent.get(pathOf(url))).location, '/tokens');
      assert.equal((await (await visitor()).agent.get(pathOf(url))).status, 400);
      await agent.get('/portal/back');
      assert.equal((await agent.get(pathOf(url))).status, 400);
    });

    test('take two clicks on one button for one', async () => {
      const { url } = await make({ email: newEmail() });
      const token = tokenOf(url);
      // A browser drops the answer to the first, and its cookie with it.
      const click = (formId: string) =>
        createAgent(server.url).post('/portal', { token, ...(formId && { form_id: formId }) });
      const both = await Promise.all([click('form-1'), click('form-1')]);
      assert.deepEqual(
        [...both, await click('form-1')].map(({ location }) => location),
        Array(3).fill('/tokens'),
      );
      for (const formId of ['form-2', '']) assert.equal((await click(formId)).status, 400, formId);
      now += 31;
      assert.equal((await click('form-1')).status, 400);
    });

    test('work once, for five minutes, and whole', async () => {
      const { url } = await make({ email: newEmail() });
      const [one, other] = [createAgent(server.url), createAgent(server.url)];
      const post = (agent: typeof one, token = tokenOf(url)) => agent.post('/portal', { token });
      const both = await Promise.all([post(one), post(other)]);
      assert.deepEqual(both.map(({ status }) => status).sort(), [303, 400]);
      assert.equal((await createAgent(server.url).get(pathOf(url))).status, 400);

      const late = await make({ email: newEmail() });
      now += 301;
      assert.match((await one.get(pathOf(late.url))).text, /used already, or is too old/);
      assert.equal((await post(other, tokenOf(late.url))).status, 400);
      assert.match((await one.get(pathOf(late.url).slice(0, -3))).text, /damaged/);
      // Whoever was in has no way in by a link that is spent.
      assert.equal((await other.get('/tokens')).status, both[1]?.status === 303 ? 200 : 303);
    });

    test('end after an hour, with the account, and with all its sessions', async () => {
      const gone = await visitor();
      now += 3601;
      assert.equal((await gone.agent.get('/tokens')).status, 303);
      const suspended = await visitor();
      await people.domain.accounts.suspend(suspended.account.id, { kind: 'operator' });
      assert.equal((await suspended.agent.get('/tokens')).status, 303);
      const ended = await visitor();
      const manager = { kind: 'operator', reason: 'Test' } as const;
      const { url } = await make({ email: ended.account.email });
      await people.domain.accountActs.do('end-sessions', ended.account, manager, undefined);
      assert.equal((await createAgent(server.url).get(pathOf(url))).status, 400);
      assert.equal((await ended.agent.get('/tokens')).status, 303);
    });

    test('open nothing once the service that made them may send nobody any more', async () => {
      const operator = { kind: 'operator' } as const;
      const boss = await people.account({ admin: true });
      for (const [name, end] of [
        ['paused', (one: Client) => people.domain.services.pause(one, operator)],
        ['revoked', (one: Client) => people.domain.services.revoke(one, operator)],
        [
          'without its scope',
          ({ id, name }: Client) =>
            people.domain.services.update({ account: boss, id, name, scopes: ['profile'] }, operator),
        ],
        ['of a suspended account', () => people.domain.accounts.suspend(boss.id, operator)],
      ] as const) {
        const service = await sender(boss);
        const { agent } = await visitor({ email: newEmail() }, service);
        const { url } = await make({ email: newEmail() }, service);
        assert.equal((await agent.get('/tokens')).status, 200, name);
        await end(service);
        assert.equal((await agent.get('/tokens')).status, 303, name);
        assert.equal((await createAgent(server.url).get(pathOf(url))).status, 400, name);
        assert.equal((await agent.post('/portal', { token: tokenOf(url) })).status, 400, name);
      }
    });

    test('open nothing of an account that is not as it was when they were made', async () => {
      const operator = { kind: 'operator' } as const;
      const { passwordHash = '' } = owner;
      for (const [name, change] of [
        ['an admin by now', (one: Account) => people.domain.accounts.promote(one, operator)],
        [
          'with a password of its own',
          (one: Account) =>
            people.domain.accounts.setPasswordHash(one, { passwordHash, revokeAll: false }, operator),
        ],
      ] as const) {
        const { agent, account } = await visitor({ email: newEmail(), page: 'services' });
        const { url } = await make({ email: account.email });
        await change(account);
        assert.equal((await agent.get('/services/new')).status, 303, name);
        assert.equal((await agent.post('/portal', { token: tokenOf(url) })).status, 400, name);
      }
    });

    test('end with the other sessions of their owner, and with the grant on which they were made', async () => {
      const person = await people.person();
      const app = await people.app({ name: 'Shop' }, owner);
      await app.connect(person.agent);
      const { agent } = await visitor({ email: person.account.email });
      assert.equal((await agent.get('/tokens')).status, 200);
      assert.equal((await person.agent.post('/account/sessions/end-others', {})).status, 303);
      assert.equal((await agent.get('/tokens')).status, 303);
      const again = await make({ email: person.account.email });
      await agent.post('/portal', { token: tokenOf(again.url) });
      assert.equal((await agent.get('/tokens')).status, 200);
      await people.domain.grants.revokeAll(person.account.id, { kind: 'operator' });
      assert.equal((await agent.get('/tokens')).status, 303);
    });

    test('take no look-alike of an address for the address', async () => {
      const { account } = await make({ email: newEmail() });
      for (const email of [`\uff56${account.email.slice(1)}`, account.email.replace('.com', '\u3002com')])
        assert.equal(await refusal({ email }), 'INVALID_EMAIL', email);
      assert.equal((await make({ email: ` ${account.email.toUpperCase()} ` })).account.id, account.id);
    });

    test('take nobody of another app for one who has the same id there', async () => {
      const other = await sender();
      const first = await make({ email: newEmail(), externalId: '17' });
      assert.equal(await refusal({ email: newEmail(), externalId: '17' }, other), 'OTHER_EXTERNAL_ID');
      const { email } = first.account;
      for (const wanted of [{ externalId: '17' }, { email, externalId: '17' }])
        assert.equal((await make(wanted, other)).account.id, first.account.id);
    });

    test('stand in the history of the account, with the service that sent it', async () => {
      const { account } = await visitor();
      const entries = await people.domain.rows.audit.list({
        where: [['accountId', '=', account.id]],
        limit: 10,
      });
      const opened = entries.find(({ action }) => action === 'portal.opened');
      assert.deepEqual([opened?.actor.kind, opened?.actor.id], ['client', shop.id]);
    });

    once('fill in the form of a new token', async () => {
      const prefill = { name: 'From the shop & co', scopes: ['profile'] };
      const { agent, location } = await visitor({ email: newEmail(), page: 'tokens/new', prefill });
      const { text } = await agent.get(location);
      assert.match(text, /value="From the shop &amp; co"/);
      assert.match(text, /value="profile"[^>]* checked/);
      assert.equal(await refusal({ email: newEmail(), prefill }), 'INVALID_DATA');
      const admin = { name: '', scopes: ['admin'] };
      assert.equal(await refusal({ email: newEmail(), page: 'tokens/new', prefill: admin }), 'invalid_scope');
    });

    once('lead back only to what is registered, letter by letter', async () => {
      for (const returnUrl of [
        'https://evil.example',
        `${RETURN_URL}/`,
        `${RETURN_URL}?x=1`,
        `${RETURN_URL}@evil.example`,
        RETURN_URL.toUpperCase(),
        'javascript:alert(1)',
        '/tokens',
        '',
      ]) {
        assert.equal(await refusal({ email: newEmail(), returnUrl }), 'INVALID_RETURN_URL', returnUrl);
      }
    });

    test('find the account by external id, whatever its address is by now', async () => {
      const externalId = 'user-77';
      const [email, later] = [newEmail(), newEmail()];
      const first = await make({ email, externalId });
      assert.equal((await make({ externalId })).account.id, first.account.id);
      assert.equal((await make({ externalId, email: later })).account.id, first.account.id);
      const second = await make({ email: later, externalId: 'user-78' });
      assert.notEqual(second.account.id, first.account.id);
      assert.equal(await refusal({ externalId, email: later }), 'OTHER_EXTERNAL_ID');
      assert.equal(await refusal({ externalId: 'user-79', email }), 'OTHER_EXTERNAL_ID');
      assert.equal(await refusal({ externalId: 'user-80' }), 'MISSING_DATA');
      assert.equal(await refusal({}), 'MISSING_DATA');
      for (const bad of ['', ' user', 'a\nb', 'x'.repeat(201)]) {
        assert.equal(await refusal({ externalId: bad, email }), 'INVALID_DATA', JSON.stringify(bad));
      }
    });

    test('leave nothing behind that somebody else made, when the owner of the mailbox comes', async () => {
      const email = newEmail();
      const { account } = await make({ email });
      const { url } = await people.domain.resets.linkFor(account, { kind: 'operator' });
      assert.match((await createAgent(server.url).get(pathOf(url))).text, /name="revoke"[^>]* checked/);
      const known = await people.account();
      const { url: other } = await people.domain.resets.linkFor(known, { kind: 'operator' });
      assert.doesNotMatch(
        (await createAgent(server.url).get(pathOf(other))).text,
        /name="revoke"[^>]* checked/,
      );
    });

    test('make one account for many requests at the same moment', async () => {
      const [email, externalId] = [newEmail(), 'user-rush'];
      const made = await Promise.all(Array.from({ length: 8 }, () => make({ email, externalId })));
      assert.equal(new Set(made.map(({ account }) => account.id)).size, 1);
    });

    test('are made for nobody who is suspended', async () => {
      const { account } = await make({ email: newEmail() });
      await people.domain.accounts.suspend(account.id, { kind: 'operator' });
      assert.equal(await refusal({ email: account.email }), 'ACCOUNT_SUSPENDED');
    });

    test('take no account over that has a sign-in of its own, unless it let the app in', async () => {
      const person = await people.person();
      assert.equal(await refusal({ email: person.account.email }), 'HAS_OWN_SIGN_IN');
      assert.equal(await refusal({ email: person.account.email, externalId: 'user-99' }), 'HAS_OWN_SIGN_IN');
      const strangers = await people.app();
      await strangers.connect(person.agent);
      assert.equal(await refusal({ email: person.account.email }), 'HAS_OWN_SIGN_IN');
      const own = await people.app({ name: 'Shop' }, owner);
      await own.connect(person.agent);
      assert.equal((await make({ email: person.account.email })).account.id, person.account.id);
      const admin = await people.person({ admin: true });
      await own.connect(admin.agent);
      assert.equal(await refusal({ email: admin.account.email }), 'HAS_OWN_SIGN_IN');
    });
  });
});
