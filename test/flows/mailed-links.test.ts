import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAgent } from '../support/browserless.ts';
import { textOf } from '../support/page-text.ts';
import { PASSWORD } from '../support/people.ts';
import { siteOfBlock } from '../support/site.ts';
import { linkIn } from '../support/smtp.ts';
import { eachStore } from '../support/stores.ts';

eachStore(({ url: storeUrl, once }) => {
  const site = siteOfBlock(storeUrl);
  let count = 0;

  async function signUpLink() {
    count += 1;
    const email = `linked-${count}@example.com`;
    const agent = createAgent(site.url);
    const asked = await agent.post('/sign-up', { email, password: PASSWORD });
    const told = await agent.get(asked.location);
    const path = linkIn(await site.mail.waitFor({ to: email, subject: 'Confirm' })).slice(site.url.length);
    return { agent, email, path, told };
  }

  async function resetLink() {
    const account = await site.account();
    const agent = createAgent(site.url);
    const asked = await agent.post('/reset-password', { email: account.email });
    const told = await agent.get(asked.location);
    const path = linkIn(await site.mail.waitFor({ to: account.email, subject: 'Reset' })).slice(
      site.url.length,
    );
    return { agent, email: account.email, path, told };
  }

  async function invitationLink() {
    count += 1;
    const email = `invited-${count}@example.com`;
    await site.domain.mailedInvitations.invite(email, { kind: 'operator' });
    const path = linkIn(await site.mail.waitFor({ to: email, subject: 'invited' })).slice(site.url.length);
    return { agent: createAgent(site.url), email, path };
  }

  const tokenIn = (path: string) => new URL(path, site.url).searchParams.get('token') ?? '';

  /** What mail programs and people do to a link. */
  const DAMAGES: Record<string, (path: string) => string> = {
    'cut off by one': (path) => path.slice(0, -1),
    'cut off at the width of a line': (path) => path.slice(0, 40),
    'quoted-printable left in': (path) => path.replace('=', '=3D'),
    'a soft line end left in': (path) => `${path.slice(0, 30)}=%0A${path.slice(30)}`,
    'a full stop at its end': (path) => `${path}.`,
    'a bracket at its end': (path) => `${path}%3E`,
    'a quote at its end': (path) => `${path}%22`,
    'the token in small letters': (path) => path.toLowerCase(),
    'a percent sign alone': (path) => `${path}%`,
    'its equals sign escaped': (path) => path.replace('=', '%3D'),
    'its question mark escaped': (path) => path.replace('?', '%3F'),
    'its path and query escaped': (path) => path.replace('?', '%3F').replace('=', '%3D'),
    'a slash before the question mark': (path) => path.replace('?', '/?'),
    'a semicolon for the question mark': (path) => path.replace('?', ';'),
    'all of it in capitals': (path) => path.toUpperCase(),
    'nothing behind the equals sign': (path) => path.replace(/=.*/, '='),
  };

  for (const [kind, link] of [
    ['sign up', signUpLink],
    ['choose a password', resetLink],
  ] as const) {
    describe(`a link to ${kind}`, () => {
      once('that was damaged is told so, and is good still', async () => {
        const { path, agent } = await link();
        for (const [damage, change] of Object.entries(DAMAGES)) {
          const page = await createAgent(site.url).get(change(path));
          assert.equal(page.status, 400, damage);
          assert.match(page.text, /This link is damaged/, damage);
          assert.match(page.text, /Copy the whole link from the mail/);
          assert.doesNotMatch(page.text, /used already/);
        }
        const token = tokenIn(path).slice(0, -1);
        const posted = await agent.post(path.replace(/\?.*/, ''), { token, password: PASSWORD });
        assert.match(posted.text, /This link is damaged/);
        assert.equal((await agent.get(path)).status, 200);
      });

      it('goes to an address that is named, and says what it did', async () => {
        const { agent, path, email, told } = await link();
        assert.ok(textOf(told.text).includes(email), textOf(told.text));
        await agent.get(path);
        const done = await agent.post(path.replace(/\?.*/, ''), { token: tokenIn(path), password: PASSWORD });
        assert.equal(done.location, '/tokens');
        const next = textOf((await agent.get(done.location)).text);
        assert.match(next, kind === 'sign up' ? /address is confirmed/ : /new password is saved/);
        assert.doesNotMatch((await agent.get('/tokens')).text, /role="status"/);
        // Once it was used it is no damaged one.
        assert.match((await createAgent(site.url).get(path)).text, /used already/);
      });
    });
  }

  for (const [kind, link] of Object.entries({ signUpLink, resetLink, invitationLink })) {
    it(`the ${kind} changes nothing when it is looked at, by whatever program, and is good still`, async () => {
      const { agent, path, email } = await link();
      const { accounts, identities, signUps, resets, mailedInvitations, audit } = site.domain.rows;
      const { artifacts } = site.domain.rows;
      const rows = async () => {
        const all = [accounts, identities, signUps, resets, mailedInvitations, audit] as const;
        const lists = await Promise.all(all.map((one) => one.list({ limit: 1000 })));
        return JSON.stringify([lists, await artifacts.count([['model', '=', 'Session']])]);
      };
      const stranger = await site.person();
      const before = await rows();
      const nobody = createAgent(site.url);
      for (const headers of [
        {},
        { 'sec-purpose': 'prefetch' },
        { purpose: 'preview', 'user-agent': 'Scanner' },
      ]) {
        assert.equal((await nobody.get(path, headers)).status, 200);
        assert.equal((await fetch(site.url + path, { method: 'HEAD', headers })).status, 200);
      }
      // Somebody else who is signed in sees whose it is before anything is done.
      assert.ok((await stranger.agent.get(path)).status < 500);
      for (const method of ['PUT', 'DELETE', 'OPTIONS'])
        await fetch(site.url + path, { method, headers: { origin: site.url } });
      assert.equal(await rows(), before);
      const elsewhere = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
      const form = { token: tokenIn(path), password: PASSWORD };
      const to = path.replace(/\?.*/, '');
      assert.equal((await agent.post(to, form, elsewhere)).status, 403);
      assert.equal(await rows(), before);
      const opened = await agent.get(path);
      assert.match(opened.text, new RegExp(email.replaceAll('.', '\\.')));
      const probe = { cookies: 'asked' };
      assert.equal((await agent.post(to, { ...form, ...probe })).location, '/tokens');
      for (const again of [path, path]) assert.match((await nobody.get(again)).text, /used already/);
      // Who knows the password that it was given is let in, nobody else.
      assert.equal((await nobody.post(to, { ...form, password: 'another good phrase' })).status, 400);
    });
  }

  describe('a browser without cookies', () => {
    /** Sends the form of a page, with all that it has unseen, without a cookie. */
    async function sendForm(path: string, fields: Record<string, string>) {
      const page = await createAgent(site.url).get(path);
      const unseen = [...page.text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)];
      const hidden = Object.fromEntries(unseen.map(([, name = '', value = '']) => [name, value]));
      return createAgent(site.url).post(path.replace(/\?.*/, ''), { ...hidden, ...fields });
    }

    once('is told so where it would sign in', async () => {
      const account = await site.account();
      const cases: [string, Record<string, string>][] = [
        ['/sign-in', { email: account.email, password: PASSWORD }],
        ['/sign-up', { email: 'cookieless@example.com', password: PASSWORD }],
        [(await signUpLink()).path, { password: PASSWORD }],
        [(await resetLink()).path, { password: PASSWORD }],
      ];
      for (const [path, fields] of cases) {
        const page = await sendForm(path, fields);
        assert.equal(page.status, 400, path);
        assert.match(page.text, /keeps no cookies/, path);
      }
    });

    once('is not one that got its cookie with the form', async () => {
      const account = await site.account();
      const agent = createAgent(site.url);
      await agent.get('/sign-in');
      const fields = { email: account.email, password: PASSWORD, cookies: 'asked' };
      assert.equal((await agent.post('/sign-in', fields)).location, '/tokens');
    });
  });

  once('shows nothing that a browser claims was done but our own words', async () => {
    const { agent } = await site.person();
    for (const value of ['<b>x</b>', 'constructor', '__proto__', 'mailed.PGI-eDwvYj4', 'admin.x.y', '%00']) {
      agent.setCookie('latchkey_notice', value);
      const { text, status } = await agent.get('/tokens');
      assert.equal(status, 200);
      assert.doesNotMatch(text, /<b>x/);
    }
    agent.setCookie('latchkey_notice', `mailed.${Buffer.from('<b>x</b>').toString('base64url')}`);
    assert.match((await agent.get('/sign-up?done=mailed')).text, /&lt;b&gt;x/);
  });
});
