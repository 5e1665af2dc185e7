import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../../server/ground/clock.ts';
import { SHOWN_ONCE_SECONDS } from '../../server/ground/limits.ts';
import { type Agent, createAgent, type Page } from '../support/browserless.ts';
import { secretIn, textOf } from '../support/page-text.ts';
import { openPeople, PASSWORD, type People } from '../support/people.ts';
import { createThings } from '../support/routes.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { siteOfBlock } from '../support/site.ts';
import { linkIn } from '../support/smtp.ts';
import { eachStore } from '../support/stores.ts';

type Fields = Record<string, string | string[]>;

const TOKEN = { name: 'Build server', scopes: ['profile'], expires: '90', date: '', note: '' };
const SERVICE = { name: 'Courier', scopes: ['profile'], expires: '365', date: '' };
const APP = { name: 'Planner', redirectUris: 'https://app.example.com/cb', scopes: ['openid'] };

/** The id that the form of a page has in it. */
function formIdIn(page: Page): string {
  const form = /<main[\s\S]*<\/main>/.exec(page.text)?.[0] ?? '';
  return / name="form_id" value="([^"]+)"/.exec(form)?.[1] ?? assert.fail(textOf(page.text));
}

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  await once(listener.close(), 'close');
  return port;
}

/** Opens a form and answers what its page would send. */
async function opened(agent: Agent, path: string, typed: Fields): Promise<Fields> {
  const page = await agent.get(path);
  assert.equal(page.status, 200, `${path}: ${page.location}`);
  return { ...typed, form_id: formIdIn(page) };
}

eachStore(({ url: storeUrl, isFirst }) => {
  describe('forms that are sent twice', () => {
    const site = siteOfBlock(storeUrl);

    /** Each form that makes or changes something of a new person, and how many of it there are. */
    async function forms() {
      const person = await site.person();
      const { account, agent } = person;
      const actor = { kind: 'operator' } as const;
      const accountId = account.id;
      const { tokens, services, apps, secrets } = site.domain;
      const { client } = await services.create(
        { account, name: 'Own', scopes: ['profile'], actsFor: 'account', resourceServer: false },
        actor,
      );
      const app = await apps.create(
        { account, ...APP, redirectUris: [APP.redirectUris], confidential: true },
        actor,
      );
      const changes = async () =>
        (await site.domain.activity.list({ accountId, after: '', limit: 50 })).entries.length;
      const countSecrets = async (clientId: string) => (await secrets.list({ accountId, clientId })).length;
      const count = {
        tokens: async () => (await tokens.list(accountId)).length,
        services: async () => (await services.list(accountId)).length,
        apps: async () => (await apps.list(accountId)).length,
        service: () => countSecrets(client.id),
        app: () => countSecrets(app.client.id),
        changes,
      };
      const [service, developer] = [`/services/${client.id}`, `/developer/${app.client.id}`];
      const table: [string, Fields, keyof typeof count, 'value' | 'page'][] = [
        ['/tokens/new', TOKEN, 'tokens', 'value'],
        ['/services/new', SERVICE, 'services', 'value'],
        ['/developer/new', { ...APP, type: 'confidential' }, 'apps', 'value'],
        ['/developer/new', { ...APP, type: 'public' }, 'apps', 'page'],
        [`${service}/secrets/new`, { name: 'Second', expires: '30', date: '' }, 'service', 'value'],
        [`${service}/rotate`, { overlap: '3600' }, 'service', 'value'],
        [`${developer}/secrets/new`, { name: 'Second', expires: '30', date: '' }, 'app', 'value'],
        [`${developer}/rotate`, { overlap: '3600' }, 'app', 'value'],
        [`${service}/edit`, { name: 'Other', scopes: ['profile'] }, 'changes', 'page'],
        [`${developer}/edit`, { ...APP, name: 'Planner 2' }, 'changes', 'page'],
      ];
      return { person, agent, count, table };
    }

    for (const how of isFirst
      ? (['one after the other', 'side by side'] as const)
      : (['side by side'] as const)) {
      test(`does each once when it is sent twice ${how}, and shows it to the second`, async () => {
        const { agent, count, table } = await forms();
        for (const [path, typed, what, shows] of table) {
          const fields = await opened(agent, path, typed);
          const before = await count[what]();
          const post = () => agent.post(path, fields);
          const answers =
            how === 'side by side'
              ? await Promise.all([post(), post(), post()])
              : [await post(), await post()];
          for (const answer of answers) {
            assert.deepEqual([answer.status, answer.location], [303, answers[0]?.location], path);
          }
          assert.equal(await count[what](), before + 1, path);
          const location = answers[0]?.location ?? '';
          assert.equal(location.endsWith('/value'), shows === 'value', location);
          const page = await agent.get(location);
          assert.equal(page.status, 200);
          assert.equal(page.headers.get('cache-control'), 'no-store');
          if (shows === 'page') continue;
          const value = secretIn(page.text, path === '/tokens/new' ? 'lk_pat_' : 'lk_cs_');
          assert.ok((await agent.get(location)).text.includes(value), 'it may be reloaded');
          assert.ok(answers.every(({ text }) => !text.includes(value)));
          assert.ok(!site.logged().includes(value));
        }
      });
    }

    test('ends once what is ended twice, and says so both times', async () => {
      const { person, agent } = await forms();
      const things = await createThings(site.url, site.domain, person);
      const ends = [
        `/apps/${things['/apps/:id']}/end`,
        `/account/identities/${things['/account/:id']}/unlink`,
        `/tokens/${things['/tokens/:id']}/revoke`,
        `/services/${things['/services/:id']}/secrets/${things['/services/:secretId']}/revoke`,
        `/services/${things['/services/:id']}/revoke`,
        `/developer/${things['/developer/:id']}/delete`,
        '/tokens/revoke-all',
        '/account/sessions/end-others',
      ];
      for (const path of ends) {
        // Nothing is left to ask about where all tokens are revoked, and ending other sessions has no page.
        const page = await agent.get(path);
        const fields: Fields = page.status === 200 ? { form_id: formIdIn(page) } : {};
        const post = () => agent.post(path, fields);
        const answers = [...(await Promise.all([post(), post()])), await post()];
        for (const { status, location } of answers) {
          assert.deepEqual([status, location], [303, answers[0]?.location], path);
        }
        assert.match(answers[0]?.location ?? '', /\?done=/);
      }
    });

    test('answers an app once, however often a button of its page is pressed', async () => {
      const app = await site.app();
      const { account, agent } = await site.person();
      for (const [button, wish] of [
        ['allow', {}],
        ['deny', { prompt: 'consent' }],
        ['keep-account', { prompt: 'select_account' }],
        // Last, since nobody is signed in afterwards.
        ['switch-account', { prompt: 'select_account' }],
      ] as const) {
        const { location } = await app.start(wish);
        const { text } = await agent.follow(`${location.pathname}${location.search}`);
        const action =
          new RegExp(`action="(/interaction/[^"]+/${button})"`).exec(text)?.[1] ?? assert.fail(text);
        const post = () => agent.post(action, {});
        const answers = [...(await Promise.all([post(), post()])), await post()];
        for (const answer of answers) {
          assert.deepEqual([answer.status, answer.location], [303, answers[0]?.location], button);
        }
        const next = await agent.get(answers[0]?.location ?? '');
        assert.equal(next.status, 303, textOf(next.text));
      }
      const written = async () => {
        const { entries } = await site.domain.activity.list({ accountId: account.id, after: '', limit: 50 });
        return entries.filter((entry) => JSON.stringify(entry).includes('app.allowed')).length;
      };
      assert.equal(await written(), 1);
      // What the app has already, in whichever browser.
      const again = await site.signIn(account.email);
      for (const _ of [1, 2, 3]) {
        const { location } = await app.start({ prompt: 'consent' });
        const { text } = await again.follow(`${location.pathname}${location.search}`);
        const action = /action="(\/interaction\/[^"]+\/allow)"/.exec(text)?.[1] ?? assert.fail(text);
        assert.match((await again.follow((await again.post(action, {})).location)).location, /code=/);
      }
      assert.equal(await written(), 1);
    });

    if (isFirst)
      test('shows a value until somebody says that it is copied, and says what to do afterwards', async () => {
        const { agent, table } = await forms();
        for (const [path, typed] of table.filter(([, , , one]) => one === 'value')) {
          const { location } = await agent.post(path, await opened(agent, path, typed));
          const page = await agent.get(location);
          assert.match(page.text, new RegExp(`<form method="post" action="${location}">`));
          const copied = await agent.post(location, {});
          assert.equal(copied.status, 303);
          const id = /\/(\w+)\/value$/.exec(location)?.[1] ?? '';
          assert.equal(await site.domain.rows.sealedValues.get(id), undefined);
          assert.match(textOf((await agent.get(copied.location)).text), /is not shown any more/);
          const gone = await agent.get(location);
          assert.equal(gone.status, 410);
          assert.match(textOf(gone.text), /cannot be shown again .*(?:revoke it and make another|rotate)/);
          assert.doesNotMatch(gone.text, /lk_(?:pat|cs)_[0-9A-Za-z]{36}/);
          // Once more does no harm.
          assert.equal((await agent.post(location, {})).status, 303);
        }
      });

    test('shows a value five minutes at most', async () => {
      const { agent } = await site.person();
      const { location } = await agent.post('/tokens/new', TOKEN);
      try {
        site.ahead = SHOWN_ONCE_SECONDS - 5;
        assert.equal((await agent.get(location)).status, 200);
        site.ahead = SHOWN_ONCE_SECONDS + 1;
        assert.equal((await agent.get(location)).status, 410);
      } finally {
        site.ahead = 0;
      }
    });

    test('shows a value in no other browser and to nobody else', async () => {
      const { account, agent } = await site.person();
      const stranger = await site.person();
      const { location } = await agent.post('/tokens/new', TOKEN);
      const other = await site.signIn(account.email);
      const withJunk = await site.signIn(account.email);
      for (const junk of ['', 'x', 'A'.repeat(43), `${'A'.repeat(42)}=`]) {
        withJunk.setCookie('latchkey_shown_once', junk);
        assert.equal((await withJunk.get(location)).status, 410, junk);
      }
      assert.equal((await other.get(location)).status, 410);
      assert.equal((await createAgent(site.url).get(location)).status, 303);
      stranger.agent.setCookie('latchkey_shown_once', agent.cookie('latchkey_shown_once') ?? '');
      assert.equal((await stranger.agent.get(location)).status, 404);
      assert.equal((await stranger.agent.post(location, {})).status, 404);
      // None of them took it away.
      assert.equal((await agent.get(location)).status, 200);
    });

    if (isFirst)
      test('keeps nothing at rest that opens a value, and nothing that was changed opens', async () => {
        const { account, agent } = await site.person();
        const { location } = await agent.post('/tokens/new', TOKEN);
        const value = secretIn((await agent.get(location)).text, 'lk_pat_');
        const { sealedValues, sentForms } = site.domain.rows;
        const rows = await sealedValues.list({ where: [['accountId', '=', account.id]], limit: 10 });
        assert.equal(rows.length, 1);
        const stored = JSON.stringify([rows, await sentForms.list({ limit: 100 })]);
        assert.ok(!stored.includes(value.slice(7)));
        assert.ok(!stored.includes(agent.cookie('latchkey_shown_once') ?? 'no cookie'));
        const [row] = rows;
        assert.ok(row);
        const middle = row.sealed.length >> 1;
        const flipped = row.sealed[middle] === 'A' ? 'B' : 'A';
        const sealed = `${row.sealed.slice(0, middle)}${flipped}${row.sealed.slice(middle + 1)}`;
        for (const broken of [sealed, row.sealed.slice(0, 20), '']) {
          await sealedValues.update(row.id, { set: { sealed: broken } });
          assert.equal((await agent.get(location)).status, 410);
        }
        // Of another credential, under its name.
        await sealedValues.update(row.id, { set: { sealed: row.sealed } });
        assert.equal((await agent.get(location)).status, 200);
        const second = await agent.post('/tokens/new', { ...TOKEN, name: 'Other' });
        const otherId = /tok_\w+/.exec(second.location)?.[0] ?? '';
        await sealedValues.update(otherId, { set: { sealed: row.sealed } });
        assert.equal((await agent.get(second.location)).status, 410);
      });

    if (isFirst)
      test('gives the cookie to this site and its server only, before the form is sent', async () => {
        const { agent } = await site.person();
        for (const path of ['/tokens/new', '/services/new', '/developer/new']) {
          const fresh = createAgent(site.url);
          for (const [name, value] of Object.entries(agent.cookies())) {
            if (!name.startsWith('latchkey_shown_once')) fresh.setCookie(name.split(' ')[0] ?? '', value);
          }
          const cookies = (await fresh.get(path)).headers.getSetCookie();
          const [cookie = ''] = cookies.filter((one) => one.startsWith('latchkey_shown_once='));
          assert.match(cookie, /^latchkey_shown_once=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/, path);
        }
      });

    test('takes no form id of another account, another action or nobody', async () => {
      const one = await site.person();
      const other = await site.person();
      const fields = await opened(one.agent, '/tokens/new', TOKEN);
      const first = await one.agent.post('/tokens/new', fields);
      const foreign = await other.agent.post('/tokens/new', fields);
      assert.notEqual(foreign.location, first.location);
      assert.equal((await site.domain.tokens.list(other.account.id)).length, 1);
      const service = await one.agent.post('/services/new', { ...SERVICE, form_id: String(fields.form_id) });
      assert.match(service.location, /^\/services\/svc_/);
      for (const form_id of ['', 'x', '__proto__', '\u0000', 'x'.repeat(5000)]) {
        const made = await one.agent.post('/tokens/new', { ...TOKEN, name: `T${form_id.length}`, form_id });
        assert.equal(made.status, form_id === '\u0000' ? 409 : 303, form_id.slice(0, 10));
      }
      const twice = await one.agent.post('/tokens/new', { ...TOKEN, name: 'Z', form_id: ['a', 'b'] });
      assert.equal(twice.status, 400);
    });

    if (isFirst)
      test('does nothing for a form that another account was shown, in another tab of the same browser', async () => {
        const { person, agent } = await forms();
        const things = await createThings(site.url, site.domain, person);
        const other = await site.person();
        const password = 'seven words nobody else would choose';
        const typed: [string, Fields][] = [
          ['/tokens/new', TOKEN],
          ['/services/new', SERVICE],
          ['/account/name', { name: 'Ann' }],
          ['/account/password', { password }],
          ['/tokens/revoke-all', {}],
          [`/services/${things['/services/:id']}/revoke`, {}],
        ];
        for (const [path, fields] of typed) {
          const page = await agent.get(path);
          const viewer = / name="viewer" value="([^"]+)"/.exec(page.text)?.[1] ?? assert.fail(path);
          assert.equal(viewer, person.account.email);
          const answer = await other.agent.post(path, { ...fields, viewer, form_id: formIdIn(page) });
          assert.equal(answer.status, 409, path);
          assert.match(
            textOf(answer.text),
            new RegExp(`signed in as ${other.account.email}. Nothing was done`),
          );
        }
        const { tokens, services, accounts } = site.domain;
        assert.deepEqual(await tokens.list(other.account.id), []);
        assert.deepEqual(await services.list(other.account.id), []);
        const now = await accounts.get(other.account.id);
        assert.deepEqual([now?.name, now?.passwordHash], [undefined, other.account.passwordHash]);
      });

    test('writes down and mails nothing where a form is saved as it was shown', async () => {
      const { account } = await site.person();
      const actor = { kind: 'operator' } as const;
      const { tokens, services, apps, rows } = site.domain;
      const narrowing = {
        ipRanges: ['10.0.0.0/8'],
        idleDays: '30',
        origin: '',
        bounds: ['create_transaction = 5/day'],
      };
      const shown = { name: 'As it is', scopes: ['wf:create_transaction', 'profile'] };
      const expiresAt = systemClock() + 86_400;
      const token = await tokens.mint({ ...shown, account, note: '', expiresAt, narrowing }, actor);
      const service = await services.create(
        { ...shown, account, actsFor: 'account', resourceServer: false },
        actor,
      );
      const app = { ...APP, redirectUris: [APP.redirectUris] };
      const made = await apps.create({ ...app, account, confidential: true }, actor);
      const [tokenId, appId] = [token.credential.id, made.client.id].map((id) => ({
        accountId: account.id,
        id,
      }));
      assert.ok(tokenId && appId);
      const written = async () => {
        const of = { where: [['accountId', '=', account.id]] as const, limit: 100 };
        const mails = { where: [['to', '=', account.email]] as const, limit: 100 };
        return (await rows.audit.list(of)).length + (await rows.outbox.list(mails)).length;
      };
      const save = async (name: string) => {
        await tokens.edit(tokenId, { ...shown, name, scopes: shown.scopes.toReversed(), note: ' ' }, actor);
        await services.update({ account, id: service.client.id, ...shown, name }, actor);
        await apps.update({ ...app, ...appId, name: name === shown.name ? app.name : name }, actor);
      };
      const before = await written();
      await save(shown.name);
      await tokens.narrow(tokenId, narrowing, actor);
      assert.equal(await written(), before);
      await save('Another name');
      await tokens.narrow(tokenId, { ...narrowing, idleDays: '31' }, actor);
      assert.ok((await written()) >= before + 4);
    });

    test('lets a form be sent again that was refused', async () => {
      const { agent } = await site.person();
      const fields = await opened(agent, '/tokens/new', TOKEN);
      assert.equal((await agent.post('/tokens/new', { ...fields, name: '' })).status, 400);
      assert.match((await agent.post('/tokens/new', fields)).location, /value$/);
      // The next form is another one: its name is taken, and it says so.
      const next = await agent.post('/tokens/new', await opened(agent, '/tokens/new', TOKEN));
      assert.equal(next.status, 409);
    });

    test('does not do a second time what was cut off, and says that it may be done', async () => {
      const { account, agent } = await site.person();
      const fields = await opened(agent, '/tokens/new', TOKEN);
      await agent.post('/tokens/new', fields);
      const { sentForms } = site.domain.rows;
      const row = (await sentForms.list({ limit: 1000 })).find(({ location = '' }) =>
        location.startsWith('/tokens/'),
      );
      const mine = (await sentForms.list({ limit: 1000 })).filter(({ location = '' }) => location !== '');
      assert.ok(row);
      for (const { id } of mine) {
        await sentForms.update(id, { set: { failedAt: systemClock() }, unset: ['location'] });
      }
      const again = await agent.post('/tokens/new', fields);
      assert.equal(again.status, 409);
      assert.match(textOf(again.text), /may have been done or not.*Look at the list/);
      assert.doesNotMatch(textOf(again.text), /Nothing was (?:saved|changed|done)/);
      assert.equal((await site.domain.tokens.list(account.id)).length, 1);
    });
  });

  describe('forms that are sent to two processes', () => {
    let servers: TestServer[];
    let people: People;
    /** Where the second process listens: both have the public URL of the first. */
    let port: number;
    before(async () => {
      const url = await storeUrl();
      const secret = 'a secret that two processes share, long enough';
      const first = await startTestServer({ storeUrl: url, settings: { secret } });
      port = await freePort();
      const second = await startTestServer({ storeUrl: url, settings: { secret, url: first.url, port } });
      servers = [first, second];
      people = await openPeople(first);
    });
    after(async () => {
      await people.close();
      for (const server of servers) await server.stop();
    });

    test('does them once, and either shows the value', async () => {
      const { account, agent } = await people.person();
      const fields = await opened(agent, '/services/new', SERVICE);
      const elsewhere = createAgent(`http://127.0.0.1:${port}`);
      for (const [name, value] of Object.entries(agent.cookies())) {
        elsewhere.setCookie(name.split(' ')[0] ?? '', value);
      }
      const headers = { origin: servers[0]?.url ?? '' };
      const posts = [agent, elsewhere, agent, elsewhere].map((one) =>
        one.post('/services/new', fields, headers),
      );
      const locations = new Set((await Promise.all(posts)).map(({ location }) => location));
      assert.equal(locations.size, 1);
      const [location = ''] = locations;
      const path = location.replace(servers[0]?.url ?? '', '');
      assert.equal((await people.domain.services.list(account.id)).length, 1);
      const shown = await Promise.all([agent, elsewhere].map((one) => one.get(path)));
      const [value, same] = shown.map(({ text }) => secretIn(text, 'lk_cs_'));
      assert.equal(value, same);
      await elsewhere.post(path, {}, headers);
      assert.equal((await agent.get(path)).status, 410);
    });
  });

  describe('forms of people who are not signed in, sent twice', () => {
    const site = siteOfBlock(storeUrl);

    const isSignedIn = async (agent: Agent) => (await agent.get('/tokens')).status === 200;

    /** A second tab of the same browser: what the first answer brings does not reach it. */
    function cloneOf(agent: Agent): Agent {
      const clone = createAgent(site.url);
      for (const [name, value] of Object.entries(agent.cookies())) {
        clone.setCookie(name.split(' ')[0] ?? '', value);
      }
      return clone;
    }

    /** Sends a form side by side and once more; each of these browsers must go on to the same place, signed in. */
    async function sendsThrice(agent: Agent, path: string, fields: Fields, location: string) {
      const [one, two, three] = [cloneOf(agent), cloneOf(agent), cloneOf(agent)];
      const pages = await Promise.all([one.post(path, fields), two.post(path, fields)]);
      pages.push(await three.post(path, fields));
      for (const page of pages)
        assert.deepEqual([page.status, page.location], [303, location], textOf(page.text));
      for (const each of [one, two, three]) assert.ok(await isSignedIn(each), path);
    }

    const linkTo = async (email: string, subject: string | RegExp) =>
      new URL(linkIn(await site.mail.waitFor({ to: email, subject })));

    test('mails one link, and makes the account behind it for each post', async () => {
      const email = 'twice@example.com';
      const agent = createAgent(site.url);
      const fields = await opened(agent, '/sign-up', {
        email,
        name: '',
        password: PASSWORD,
        return_to: '/services',
      });
      const asked = await Promise.all([agent.post('/sign-up', fields), agent.post('/sign-up', fields)]);
      for (const { location } of asked) assert.equal(location, '/sign-up?done=mailed');
      const link = await linkTo(email, 'Confirm your e-mail address');
      const token = link.searchParams.get('token') ?? '';
      const rows = await site.domain.rows.signUps.list({ where: [['email', '=', email]], limit: 10 });
      assert.equal(rows.length, 1);

      await sendsThrice(agent, '/verify-email', { token, password: PASSWORD }, '/services');
      // Who has the used link and not the password, and who has neither, learn nothing and get nothing.
      for (const typed of [
        { token, password: 'another phrase' },
        { token: `${token}x`, password: PASSWORD },
      ]) {
        const other = createAgent(site.url);
        const page = await other.post('/verify-email', typed);
        assert.equal(page.status, 400);
        assert.match(textOf(page.text), /used already|is damaged/);
        assert.equal(await isSignedIn(other), false);
      }
    });

    test('chooses a new password once, and lets each post in', async () => {
      const account = await site.account();
      const agent = createAgent(site.url);
      const fields = await opened(agent, '/reset-password', { email: account.email, return_to: '/tokens' });
      await Promise.all([agent.post('/reset-password', fields), agent.post('/reset-password', fields)]);
      const link = await linkTo(account.email, /password for/);
      const token = link.searchParams.get('token') ?? '';
      const password = 'seven words nobody else would choose';
      await sendsThrice(agent, '/reset-password', { token, password, revoke: 'yes' }, '/tokens');
      const now = await site.domain.accounts.get(account.id);
      assert.equal((now?.securityVersion ?? 0) - (account.securityVersion ?? 0), 1);
      const other = createAgent(site.url);
      const refused = await other.post('/reset-password', {
        token,
        password: 'another seven words nobody has',
      });
      assert.equal(refused.status, 400);
      assert.equal(await isSignedIn(other), false);
    });

    test('makes the first admin once, and lets each post of that page in', async () => {
      const path = site.firstAdminLink?.slice(site.url.length) ?? '';
      const invitation = new URL(path, site.url).searchParams.get('invitation') ?? '';
      const agent = createAgent(site.url);
      const typed = { email: 'root@example.com', name: '', password: PASSWORD, invitation };
      const fields = await opened(agent, path, typed);
      await sendsThrice(agent, '/sign-up', fields, '/tokens');
      const other = createAgent(site.url);
      assert.equal((await other.post('/sign-up', { ...typed, email: 'eve@example.com' })).status, 400);
      assert.equal((await other.post('/sign-up', { ...fields, password: 'another phrase' })).status, 400);
      assert.equal(await isSignedIn(other), false);
    });

    test('says to the second post of a form that ended its own session what the first one did', async () => {
      const ended = await site.person();
      const gone = await site.person();
      for (const { agent, path, typed, says } of [
        {
          agent: ended.agent,
          path: '/account/access/end',
          typed: {},
          says: /All access was ended\. The form was sent twice/,
        },
        {
          agent: gone.agent,
          path: '/account/delete',
          typed: { email: gone.account.email },
          says: /Your account was deleted/,
        },
      ]) {
        const fields = await opened(agent, path, typed);
        const [one, two, three] = [cloneOf(agent), cloneOf(agent), cloneOf(agent)];
        const pages = await Promise.all([one.post(path, fields), two.post(path, fields)]);
        pages.push(await three.post(path, fields));
        for (const page of pages) assert.deepEqual([page.status, page.location], [303, pages[0]?.location]);
        assert.match(textOf((await three.get(pages[0]?.location ?? '')).text), says);
        assert.equal(await isSignedIn(three), false);
        // Who was signed in by the first answer goes on to the page.
        if (await isSignedIn(one))
          assert.match((await one.follow(pages[0]?.location ?? '')).text, /secrets of your apps were ended/);
        // Another form of that page is another one, and no id is none.
        for (const form_id of ['', 'x'])
          assert.match((await three.post(path, { ...fields, form_id })).location, /^\/sign-in\?return_to=/);
      }
      const { entries } = await site.domain.activity.list({
        accountId: ended.account.id,
        after: '',
        limit: 50,
      });
      assert.equal(entries.filter((entry) => JSON.stringify(entry).includes('access_ended')).length, 1);
    });

    test('changes a password once, and keeps the browser signed in that sent it twice', async () => {
      const { account, agent } = await site.person();
      const password = 'seven words nobody else would choose';
      const fields = await opened(agent, '/account/password', { password });
      await sendsThrice(agent, '/account/password', fields, '/account?done=password');
      const now = await site.domain.accounts.get(account.id);
      assert.equal((now?.securityVersion ?? 0) - (account.securityVersion ?? 0), 1);
      assert.equal(await isSignedIn(agent), false);
      const stranger = createAgent(site.url);
      const forged = await stranger.post('/account/password', { ...fields, password: PASSWORD });
      assert.match(forged.location, /^\/sign-in\?return_to=/);
      assert.equal(await isSignedIn(stranger), false);
    });
  });
});
