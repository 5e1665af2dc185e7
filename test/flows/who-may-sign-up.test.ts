import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createAgent } from '../support/browserless.ts';
import { startGoogle } from '../support/google.ts';
import { openPeople, PASSWORD, type People } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { until } from '../support/until.ts';

describe('pages where only invited people sign up, and only admins register clients', () => {
  let server: TestServer;
  let people: People;
  before(async () => {
    const settings = { signUp: 'invited', register: { apps: 'admins', services: 'admins' } } as const;
    server = await startTestServer({ settings });
    people = await openPeople(server);
  });
  after(async () => {
    await people.close();
    await server.stop();
  });

  test('say so, and link to no form', async () => {
    const agent = createAgent(server.url);
    for (const path of ['/', '/sign-in', '/sign-up']) {
      const page = await agent.get(path);
      assert.equal(page.status, 200);
      assert.match(page.text, /Accounts are for invited people/, path);
      assert.doesNotMatch(page.text, /href="\/sign-up/, path);
      assert.doesNotMatch(page.text, /action="\/sign-up/, path);
    }
  });

  test('the link of the first admin opens its form all the same', async () => {
    const page = await createAgent(server.url).get(server.firstAdminLink?.slice(server.url.length) ?? '');
    assert.equal(page.status, 200);
    assert.match(page.text, /Make the first admin/);
  });

  test('somebody whom an app sent to sign up goes back to it by signing in', async () => {
    const path = '/interaction/x/continue';
    const page = await createAgent(server.url).get(`/sign-up?return_to=${encodeURIComponent(path)}`);
    assert.match(page.text, /href="\/sign-in\?return_to=%2Finteraction%2Fx%2Fcontinue"/);
  });

  test('take no form that was kept from before', async () => {
    const agent = createAgent(server.url);
    const sent = { email: 'ann@example.com', password: PASSWORD, name: '', return_to: '/' };
    const page = await agent.post('/sign-up', sent);
    assert.equal(page.status, 403);
    assert.match(page.text, /Accounts here are for invited people/);
  });

  test('the metadata promise no prompt=create', async () => {
    const answer = await fetch(`${server.url}/.well-known/openid-configuration`);
    const metadata = (await answer.json()) as { prompt_values_supported: string[] };
    assert.ok(!metadata.prompt_values_supported.includes('create'));
  });

  test('an invitation opens a form, a scanner’s GET does nothing, and the form makes the account once', async () => {
    await people.domain.mailedInvitations.invite('guest@example.com', { kind: 'operator' });
    const path = await until('the mail of the invitation', async () => {
      const files = await readdir(server.mailFolder).catch(() => []);
      const mails = await Promise.all(files.map((file) => readFile(join(server.mailFolder, file), 'utf8')));
      const mail = mails.find((one) => one.includes('guest@example.com'));
      return /\/invitation\?token=3?D?([\w-]+)/.exec(mail?.replace(/=\r?\n/g, '') ?? '') ?? undefined;
    });
    const token = path[1] ?? '';
    const agent = createAgent(server.url);
    for (const _ of [1, 2]) {
      const shown = await agent.get(`/invitation?token=${token}`);
      assert.equal(shown.status, 200, shown.text);
      assert.match(shown.text, /guest@example\.com/);
    }
    assert.equal(await people.domain.accounts.findByEmail('guest@example.com'), undefined);
    // The address is the invitation's, whatever the form says.
    const sent = { token, password: PASSWORD, name: 'Guest', email: 'boss@example.com' };
    const done = await agent.post('/invitation', sent);
    assert.equal(done.status, 303, done.text);
    assert.equal((await people.domain.accounts.findByEmail('guest@example.com'))?.name, 'Guest');
    assert.equal(await people.domain.accounts.findByEmail('boss@example.com'), undefined);
    const again = await createAgent(server.url).post('/invitation', { ...sent, password: `${PASSWORD} 2` });
    assert.equal(again.status, 400);
    assert.match(again.text, /was used already/);
  });

  test('people see that clients are for admins, and the form is not there', async () => {
    const { agent } = await people.person();
    for (const [path, sentence] of [
      ['/services', /Only admins make services/],
      ['/developer', /Only admins register apps/],
    ] as const) {
      const page = await agent.get(path);
      assert.match(page.text, sentence);
      assert.doesNotMatch(page.text, new RegExp(`href="${path}/new"`));
      const form = await agent.get(`${path}/new`);
      assert.equal(form.status, 403);
      assert.match(form.text, /Ask an admin/);
    }
    const admin = await people.person({ admin: true });
    assert.equal((await admin.agent.get('/services/new')).status, 200);
    assert.match((await admin.agent.get('/developer')).text, /href="\/developer\/new"/);
  });
});

test('a first sign-in at the identity provider makes an account for who was invited only', async () => {
  const google = await startGoogle();
  const server = await startTestServer({ settings: { google: google.settings, signUp: 'invited' } });
  const people = await openPeople(server);
  try {
    const email = 'ann@example.com';
    await google.behave({ person: { sub: 'sub-ann', email, email_verified: true } });
    const travel = async () => {
      const agent = createAgent(server.url);
      const left = await agent.get('/sign-in/google');
      const answer = await fetch(left.location, { redirect: 'manual' });
      return agent.get(answer.headers.get('location')?.slice(server.url.length) ?? '');
    };
    const refused = await travel();
    assert.equal(refused.status, 403);
    assert.match(refused.text, /Accounts here are for invited people/);
    assert.equal(await people.domain.accounts.findByEmail(email), undefined);
    await people.domain.mailedInvitations.invite(email, { kind: 'operator' });
    assert.equal((await travel()).status, 303);
    assert.equal((await people.domain.accounts.findByEmail(email))?.email, email);
    assert.deepEqual(await people.domain.rows.mailedInvitations.list({ limit: 5 }), []);
    // Who has an account signs in, whatever the rules for new ones.
    assert.equal((await travel()).status, 303);
  } finally {
    await people.close();
    await server.stop();
    await google.stop();
  }
});
