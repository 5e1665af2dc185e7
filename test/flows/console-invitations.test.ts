import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openPeople, type People, type Person } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

describe('adding somebody in the console', () => {
  let server: TestServer;
  let people: People;
  let admin: Person;
  before(async () => {
    server = await startTestServer({ settings: { signUp: 'invited' } });
    people = await openPeople(server, { signUp: 'invited' });
    admin = await people.person({ admin: true });
  });
  after(async () => {
    await people.close();
    await server.stop();
  });

  const add = (form: Record<string, string>) => admin.agent.post('/admin/invitations/new', form);
  const listed = async () => (await admin.agent.get('/admin/invitations')).text;

  test('invites by mail, once, with a reason, and withdraws that', async () => {
    const form = { email: 'new@example.com', how: 'invite', reason: 'Hired' };
    assert.equal((await add({ ...form, reason: '' })).status, 400);
    assert.match((await add({ ...form, email: 'nobody' })).text, /value="nobody"/);
    assert.match(await listed(), /No open invitations/);
    assert.equal((await add(form)).location, '/admin/invitations?done=invited');
    const [mail] = await people.domain.rows.outbox.list({ where: [['to', '=', form.email]], limit: 2 });
    assert.ok(mail !== undefined);
    const shown = await listed();
    const path = /\/admin\/invitations\/[\w-]+\/withdraw/.exec(shown)?.[0] ?? assert.fail(shown);
    assert.match((await admin.agent.get(path)).text, /Withdraw the invitation of new@example\.com/);
    assert.equal((await admin.agent.post(path, { reason: ' ' })).status, 400);
    assert.equal(
      (await admin.agent.post(path, { reason: 'Not hired' })).location,
      '/admin/invitations?done=withdrawn',
    );
    assert.equal((await admin.agent.get(path)).status, 404);
    assert.match(await listed(), /No open invitations/);
    const { rows } = people.domain;
    const entries = await rows.audit.list({
      where: [['accountId', '=', '']],
      order: { by: 'at' },
      limit: 9,
    });
    assert.deepEqual(
      entries.map(({ action, actor }) => [action, actor.id, actor.reason]),
      [
        ['invitation.made', admin.account.id, 'Hired'],
        ['invitation.withdrawn', admin.account.id, 'Not hired'],
      ],
    );
  });

  test('is not there for who is no admin', async () => {
    const { agent } = await people.person();
    for (const path of ['/admin', '/admin/settings', '/admin/invitations', '/admin/invitations/new'])
      assert.equal((await agent.get(path)).status, 404, path);
    const form = { email: 'friend@example.com', how: 'make', reason: 'Mine' };
    assert.equal((await agent.post('/admin/invitations/new', form)).status, 404);
    assert.equal(await people.domain.accounts.findByEmail(form.email), undefined);
  });

  test('makes an account at once, which has no password until its owner sets one', async () => {
    const form = { email: 'made@example.com', name: 'Ann', how: 'make', reason: 'Asked for it' };
    assert.match((await add({ ...form, name: 'a\u202eb' })).text, /This name cannot be used/);
    const { location } = await add(form);
    const made = await people.domain.accounts.findByEmail(form.email);
    assert.equal(location, `/admin/accounts/${made?.id}?done=made`);
    assert.deepEqual([made?.name, made?.admin, made?.passwordHash], ['Ann', false, undefined]);
    assert.match((await admin.agent.get(location)).text, /Account made[\s\S]*Asked for it/);
    for (const how of ['make', 'invite']) {
      const taken = await add({ ...form, how });
      assert.equal(taken.status, 409, how);
      assert.match(taken.text, /has an account already|is an account with this/);
    }
  });
});
