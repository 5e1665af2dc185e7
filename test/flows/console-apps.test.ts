import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openPeople, type People, type Person } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

describe('apps in the console', () => {
  let server: TestServer;
  let people: People;
  let admin: Person;
  before(async () => {
    server = await startTestServer();
    people = await openPeople(server);
    admin = await people.person({ admin: true });
  });
  after(async () => {
    await people.close();
    await server.stop();
  });

  const text = async (path: string) => (await admin.agent.get(path)).text;

  test('are found by id, by who made them and by state, and by no pattern', async () => {
    const mine = await people.app({ name: 'Mine', withoutPkce: true });
    const other = await people.app({ name: 'Other' });
    for (const q of [mine.id, mine.developer.id, mine.developer.email.toUpperCase()]) {
      const found = await text(`/admin/apps?q=${encodeURIComponent(q)}`);
      assert.ok(found.includes(mine.id) && !found.includes(other.id), q);
      assert.match(found, /Without PKCE/);
      assert.match(found, /app\.example\.com/);
      assert.match(found, /Nobody/);
    }
    await people.domain.apps.remove({ accountId: other.developer.id, id: other.id }, { kind: 'operator' });
    assert.ok((await text('/admin/apps?state=deleted')).includes(other.id));
    assert.ok(!(await text('/admin/apps?state=live')).includes(other.id));
    for (const q of ['%25', '%24ne', 'app_', '.*', 'svc_'])
      assert.match(await text(`/admin/apps?q=${q}`), /No app found/, q);
    assert.equal((await admin.agent.get('/admin/apps?cursor=mine')).status, 400);
    assert.equal((await admin.agent.get('/admin/apps/app_none')).status, 404);
  });

  test('show who let them in, and are cut off from one account with a reason', async () => {
    const app = await people.app({ name: 'Let in' });
    const [ann, bob] = [await people.person(), await people.person()];
    for (const { agent } of [ann, bob]) await app.connect(agent);
    assert.match(await text('/admin/apps'), /2 accounts/);
    const shown = await text(`/admin/apps/${app.id}`);
    const path = /\/admin\/apps\/\w+\/grants\/[\w-]+\/end/.exec(shown)?.[0] ?? assert.fail(shown);
    assert.ok(shown.includes(ann.account.email) && shown.includes(bob.account.email));
    assert.match(await text(path), /Cut “Let in” off from/);
    assert.equal((await admin.agent.post(path, { reason: ' ' })).status, 400);
    // A grant is found under its own app only.
    const elsewhere = await people.app();
    assert.equal((await admin.agent.get(path.replace(app.id, elsewhere.id))).status, 404);

    const done = await admin.agent.post(path, { reason: 'Asked by mail' });
    assert.equal(done.location, `/admin/apps/${app.id}?done=end-grant`);
    assert.equal((await admin.agent.get(path)).status, 404);
    const ended = (await people.domain.grants.list(ann.account.id)).length === 0 ? ann : bob;
    const left = ended === ann ? bob : ann;
    assert.equal((await people.domain.grants.list(left.account.id)).length, 1);
    const { text: own } = await ended.agent.get('/activity');
    assert.match(own, /App cut off, by an admin of this site \(reason: Asked by mail\)/);
  });

  test('are cut off from everybody, and deleted, as their developer and their people can read', async () => {
    const developer = await people.person();
    const app = await people.app({ name: 'Spam' }, developer.account);
    const [ann, bob] = [await people.person(), await people.person()];
    const tokens = await app.connect(ann.agent);
    await app.connect(bob.agent);
    const me = async () =>
      (
        await fetch(`${server.url}/api/1.1/me`, {
          headers: { authorization: `Bearer ${tokens.access_token}` },
        })
      ).status;
    assert.equal(await me(), 200);
    const act = (what: string, reason = 'It spams') =>
      admin.agent.post(`/admin/apps/${app.id}/${what}`, { reason });
    assert.equal((await act('cut-off')).location, `/admin/apps/${app.id}?done=cut-off`);
    assert.equal(await me(), 401);
    for (const { account, agent } of [ann, bob]) {
      assert.deepEqual(await people.domain.grants.list(account.id), []);
      assert.match((await agent.get('/activity')).text, /App cut off, by an admin.*\(reason: It spams\)/);
    }
    const read = async () => (await developer.agent.get('/activity')).text;
    assert.match(await read(), /App cut off from everybody, by an admin.*\(reason: It spams\)/);
    for (const path of [`/admin/activity?credential=${app.id}`, `/admin/audit?target=${app.id}`]) {
      assert.ok((await text(`/admin/apps/${app.id}`)).includes(`href="${path}"`));
      assert.match(await text(path), /Spam/, path);
    }
    // It may ask again.
    await app.connect(bob.agent);
    assert.equal((await act('delete')).location, `/admin/apps/${app.id}?done=delete`);
    assert.match(await read(), /App deleted, by an admin.*\(reason: It spams\)/);
    assert.deepEqual(await people.domain.grants.list(bob.account.id), []);
    const shown = await text(`/admin/apps/${app.id}`);
    assert.match(shown, /Deleted/);
    assert.doesNotMatch(shown, /What you can do/);
    for (const again of ['cut-off', 'delete']) assert.equal((await act(again)).status, 409, again);
    assert.equal((await act('revoke')).status, 404);
  });
});
