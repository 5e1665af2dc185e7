import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { describe, test } from 'node:test';
import { createAgent } from '../support/browserless.ts';
import { textOf } from '../support/page-text.ts';
import { PASSWORD, type Person } from '../support/people.ts';
import { siteOfBlock } from '../support/site.ts';
import { eachStore } from '../support/stores.ts';

const ANOTHER = 'another horse battery staple';
const google = { clientId: 'latchkey', clientSecret: 'not used here', issuer: 'https://accounts.google.com' };

eachStore(({ url: storeUrl, once }) => {
  describe('/account', () => {
    const site = siteOfBlock(storeUrl, { google });

    const isIn = async ({ agent }: Pick<Person, 'agent'>) => (await agent.get('/account')).status === 200;

    const signIn = (email: string, password: string) =>
      createAgent(site.url).post('/sign-in', { email, password, return_to: '/tokens' });

    async function link(person: Person, subject: string): Promise<void> {
      const identity = {
        account: person.account,
        issuer: google.issuer,
        subject,
        email: `${subject}@gmail.example`,
      };
      await site.domain.identities.link(identity, { kind: 'operator' });
    }

    test('shows who it is, how it signs in and where', async () => {
      const person = await site.person();
      const text = textOf((await person.agent.get('/account')).text);
      assert.ok(text.includes(person.account.email) && text.includes(person.account.id));
      assert.match(
        text,
        /Password Set Change….*Link Google.*Unknown browser on unknown system This browser 127\.0\.0\.1 just now \(.* UTC\)/,
      );
      assert.doesNotMatch(text, /\$argon2|End all other/);
    });

    test('takes a name, changes it and takes it away, and writes that down', async () => {
      const person = await site.person();
      const { agent, account } = person;
      const nameNow = async () => (await site.domain.accounts.get(account.id))?.name;
      assert.equal(
        (await agent.post('/account/name', { name: '  Zoë مهتاب 👩‍👩‍👧 ' })).location,
        '/account?done=name',
      );
      assert.equal(await nameNow(), 'Zoë مهتاب 👩‍👩‍👧');
      const text = textOf((await agent.get('/account?done=name')).text);
      assert.match(text, /Your name was saved.*Zoë/);
      assert.match((await agent.get('/account/name')).text, /value="Zoë/);
      for (const name of ['a'.repeat(81), 'a\nb', 'evil\u202etxt', '\u200b', 'e\u0301'.repeat(5_000)]) {
        const refused = await agent.post('/account/name', { name });
        assert.equal(refused.status, 400, name.slice(0, 90));
        assert.match(refused.text, /aria-invalid="true"/);
      }
      assert.equal(await nameNow(), 'Zoë مهتاب 👩‍👩‍👧');
      await agent.post('/account/name', { name: '' });
      assert.equal(await nameNow(), undefined);
      // What changes nothing is no change.
      await agent.post('/account/name', { name: ' ' });
      const audit = await site.domain.rows.audit.list({ where: [['accountId', '=', account.id]], limit: 20 });
      assert.equal(audit.filter(({ action }) => action === 'account.name_changed').length, 2);
      assert.match(textOf((await agent.get('/activity')).text), /Name changed/);
      const row = await site.domain.accounts.get(account.id);
      assert.ok(row?.updatedAt !== undefined && row.updatedAt >= row.createdAt);
    });

    test('changes the password and ends every other session, not this one', async () => {
      const person = await site.person();
      const elsewhere = { agent: await site.signIn(person.account.email) };
      const answer = await person.agent.post('/account/password', { password: ANOTHER });
      assert.equal(answer.location, '/account?done=password');
      assert.deepEqual([await isIn(person), await isIn(elsewhere)], [true, false]);
      assert.equal((await signIn(person.account.email, PASSWORD)).status, 400);
      assert.equal((await signIn(person.account.email, ANOTHER)).location, '/tokens');
    });

    test('lets in by the session that stands when the form has arrived, not when it began', async () => {
      const person = await site.person();
      const { account } = person;
      const { client } = await site.domain.services.create(
        { account, name: 'S', scopes: ['profile'], actsFor: 'account', resourceServer: false },
        { kind: 'operator' },
      );
      const app = await site.domain.apps.create(
        {
          account,
          name: 'A',
          redirectUris: ['https://app.example.com/callback'],
          confidential: true,
          scopes: ['profile'],
        },
        { kind: 'operator' },
      );
      const paths = [
        '/account/password',
        '/account/link-google',
        '/account/sessions/end-others',
        '/account/sessions/x/end',
        '/account/identities/x/unlink',
        '/tokens/new',
        '/tokens/revoke-all',
        '/tokens/x/revoke',
        '/services/new',
        `/services/${client.id}/revoke`,
        `/services/${client.id}/secrets/new`,
        `/services/${client.id}/secrets/x/revoke`,
        `/services/${client.id}/rotate`,
        '/developer/new',
        `/developer/${app.client.id}/edit`,
        `/developer/${app.client.id}/delete`,
        '/apps/x/end',
      ];
      const cookie = Object.entries(person.agent.cookies())
        .map(([name, value]) => `${name.split(' ')[0]}=${value}`)
        .join('; ');
      const hold = (path: string) => holdForm(site.url, path, cookie);
      assert.equal((await (await hold('/account/sessions/x/end'))()).location, '/account?done=session-ended');
      const held = await Promise.all(paths.map(hold));
      await site.domain.accounts.setPassword(account, ANOTHER, { kind: 'operator' });
      for (const finish of held) {
        const { path, status, location } = await finish();
        assert.deepEqual([path, status, /^\/sign-in\?return_to=/.test(location)], [path, 303, true]);
      }
      assert.equal((await signIn(account.email, ANOTHER)).location, '/tokens');
    });

    once('refuses a password that is no good, and says why', async () => {
      const person = await site.person();
      for (const password of ['', 'short', 'password123', person.account.email]) {
        const page = await person.agent.post('/account/password', { password });
        assert.equal(page.status, 400, password);
        assert.match(textOf(page.text), /Nothing was saved\./);
        assert.ok(password === '' || !page.text.includes(`value="${password}"`) || password.includes('@'));
      }
      assert.equal((await signIn(person.account.email, PASSWORD)).location, '/tokens');
    });

    once('asks for a fresh sign-in before it changes a way in', async () => {
      const person = await site.person();
      await link(person, 'fresh');
      const [linked] = await site.domain.identities.list(person.account.id);
      site.ahead = 301;
      try {
        const unlink = `/account/identities/${linked?.id}/unlink`;
        for (const path of ['/account/password', unlink]) {
          assert.match((await person.agent.get(path)).location, /^\/sign-in\?fresh=1&/, path);
        }
        for (const path of ['/account/password', unlink, '/account/link-google']) {
          const answer = await person.agent.post(path, { password: ANOTHER });
          assert.match(answer.location, /^\/sign-in\?fresh=1&/, path);
        }
        assert.equal((await site.domain.identities.list(person.account.id)).length, 1);
      } finally {
        site.ahead = 0;
      }
      assert.equal((await signIn(person.account.email, PASSWORD)).location, '/tokens');
    });

    test('links Google through its own page, by a post only', async () => {
      const person = await site.person();
      assert.equal((await person.agent.get('/account/link-google')).status, 405);
      assert.match(
        (await person.agent.post('/account/link-google', {})).location,
        /^\/sign-in\/google\?link=1$/,
      );
    });

    test('removes a linked account, but never the last way in', async () => {
      const person = await site.person();
      await link(person, 'one');
      const page = await person.agent.get('/account');
      const path = /\/account\/identities\/[\w-]+\/unlink/.exec(page.text)?.[0] ?? '';
      assert.match(textOf((await person.agent.get(path)).text), /Remove Google as a way to sign in\?/);
      assert.equal((await person.agent.post(path, {})).location, '/account?done=unlinked');
      assert.deepEqual(await site.domain.identities.list(person.account.id), []);
      await link(person, 'only');
      await site.domain.rows.accounts.update(person.account.id, { unset: ['passwordHash'] });
      const shown = await person.agent.get('/account');
      assert.match(textOf(shown.text), /Password Not set Set a password….*Your only way in/);
      assert.doesNotMatch(shown.text, /\/unlink/);
      const [only] = await site.domain.identities.list(person.account.id);
      const refused = await person.agent.post(`/account/identities/${only?.id}/unlink`, {});
      assert.equal(refused.status, 409);
      assert.equal((await site.domain.identities.list(person.account.id)).length, 1);
      const set = await person.agent.post('/account/password', { password: ANOTHER });
      assert.equal(set.location, '/account?done=password');
      assert.equal((await person.agent.post(`/account/identities/${only?.id}/unlink`, {})).status, 303);
    });

    test('lists sessions, ends one, ends all others', async () => {
      const person = await site.person();
      const { email } = person.account;
      const others = [];
      for (let count = 0; count < 3; count += 1) others.push({ agent: await site.signIn(email) });
      const page = await person.agent.get('/account');
      const paths = page.text.match(/\/account\/sessions\/[\w-]+\/end(?=")/g) ?? [];
      assert.equal(paths.length, 3);
      assert.equal((await person.agent.post(paths[0] ?? '', {})).location, '/account?done=session-ended');
      assert.equal((await Promise.all(others.map(isIn))).filter(Boolean).length, 2);
      const stranger = await site.person();
      assert.equal((await stranger.agent.post(paths[1] ?? '', {})).status, 303);
      assert.equal((await Promise.all(others.map(isIn))).filter(Boolean).length, 2);
      const answer = await person.agent.post('/account/sessions/end-others', {});
      assert.equal(answer.location, '/account?done=sessions-ended');
      assert.deepEqual(await Promise.all([...others, person].map(isIn)), [false, false, false, true]);
    });

    once('sends no cookie value into the page', async () => {
      const person = await site.person();
      const { text } = await person.agent.get('/account');
      for (const value of Object.values(person.agent.cookies())) assert.ok(!text.includes(value));
    });
  });
});

/**
 * Sends the head of a form and its first bytes, waits until its handler reads, and answers what sends the rest.
 */
async function holdForm(url: string, path: string, cookie: string) {
  const body = 'password=words+of+a+stranger&overlap=0';
  const sent = request(new URL(path, url), {
    method: 'POST',
    headers: {
      cookie,
      origin: url,
      'sec-fetch-site': 'same-origin',
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': body.length,
      expect: '100-continue',
    },
  });
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  await Promise.all([once(sent, 'continue'), sent.flushHeaders()]);
  sent.write(body.slice(0, 3));
  // A page that begins after it and needs the same session: when that is there, the handler is at its body.
  await (await fetch(new URL('/account', url), { headers: { cookie } })).text();
  return async () => {
    sent.end(body.slice(3));
    const [response] = await answered;
    response.resume();
    return { path, status: response.statusCode, location: response.headers.location ?? '' };
  };
}
