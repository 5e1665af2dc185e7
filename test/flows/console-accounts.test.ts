import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openPeople, type People, type Person } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { createKeptMail } from '../support/smtp.ts';
import { eachStore } from '../support/stores.ts';

eachStore(({ url: storeUrl }) => {
  describe('accounts in the console', () => {
    let server: TestServer;
    let people: People;
    let admin: Person;
    before(async () => {
      server = await startTestServer({ storeUrl: await storeUrl() });
      people = await openPeople(server);
      admin = await people.person({ admin: true });
    });
    after(async () => {
      await people.close();
      await server.stop();
    });

    const stateOf = async (id: string) => {
      const { admin, suspendedAt } = (await people.domain.accounts.get(id)) ?? assert.fail('it is gone');
      return { admin, isSuspended: suspendedAt !== undefined };
    };

    test('are found by the beginning of the address, by id and by state, and by no pattern', async () => {
      const one = await people.account();
      const list = async (query: string) => (await admin.agent.get(`/admin/accounts?${query}`)).text;
      assert.ok(
        (await list(`q=${one.email.slice(0, -3).toUpperCase()}`)).includes(`/admin/accounts/${one.id}`),
      );
      assert.ok((await list(`q=${one.id}`)).includes(one.email));
      assert.ok(!(await list('state=admin')).includes(one.email));
      await people.domain.accounts.suspend(one.id, { kind: 'operator' });
      assert.ok((await list('state=suspended')).includes(one.email));
      assert.ok(!(await list('state=active')).includes(one.email));
      for (const q of ['%25', '%24ne', '.*', 'nobody']) {
        assert.match(await list(`q=${q}`), /No account found/, q);
      }
    });

    test('page by a cursor, and refuse one that is not ours', async () => {
      for (let count = 0; count < 51; count += 1) await people.account();
      const first = await admin.agent.get('/admin/accounts');
      const next =
        /href="(\/admin\/accounts\?cursor=[^"]+)"/.exec(first.text)?.[1] ?? assert.fail(first.text);
      const second = await admin.agent.get(next);
      const ids = (text: string) => [...text.matchAll(/\/admin\/accounts\/(acc_\w+)"/g)].map(([, id]) => id);
      assert.equal(ids(first.text).length, 50);
      assert.ok(ids(second.text).length > 0);
      assert.deepEqual(
        ids(second.text).filter((id) => ids(first.text).includes(id)),
        [],
      );
      // A cursor of this list leads nowhere on another one.
      assert.equal((await admin.agent.get(next.replace('accounts', 'credentials'))).status, 400);
      // `1e999` is read as a number without an end.
      const endless = Buffer.from('["a",1e999]').toString('base64url');
      for (const cursor of ['x', 'e30', 'WzEsMl0', 'WyJhIix7fV0', 'WyJhIiwxLDJd', endless]) {
        assert.equal((await admin.agent.get(`/admin/accounts?cursor=${cursor}`)).status, 400, cursor);
      }
    });

    test('are changed with a reason, which the account itself can read', async () => {
      const other = await people.person();
      const path = `/admin/accounts/${other.account.id}/suspend`;
      const silent = await admin.agent.post(path, { reason: ' ' });
      assert.equal(silent.status, 400);
      assert.match(silent.text, /A reason is missing/);
      assert.deepEqual(await stateOf(other.account.id), { admin: false, isSuspended: false });

      const done = await admin.agent.post(path, { reason: 'Paid by a stolen card' });
      assert.equal(done.location, `/admin/accounts/${other.account.id}?done=suspend`);
      assert.deepEqual(await stateOf(other.account.id), { admin: false, isSuspended: true });
      assert.equal((await admin.agent.post(path, { reason: 'Again' })).status, 409);
      // Who cannot sign in reads it in a mail.
      const mail = createKeptMail(server.mailFolder);
      const told = await mail.waitFor({ to: other.account.email, subject: /was suspended$/ });
      assert.match(told.text ?? '', /From: an admin of this site \(reason: Paid by a stolen card\)/);
      await admin.agent.post(`/admin/accounts/${other.account.id}/restore`, { reason: 'It was theirs' });
      const { text } = await (await people.signIn(other.account.email)).get('/activity');
      assert.match(text, /Account suspended, by an admin of this site \(reason: Paid by a stolen card\)/);
    });

    test('end sessions, take and give admin rights, and delete', async () => {
      const other = await people.person();
      const { id, email } = other.account;
      const act = (what: string) => admin.agent.post(`/admin/accounts/${id}/${what}`, { reason: 'Test' });
      await act('end-sessions');
      assert.equal((await other.agent.get('/tokens')).status, 303);
      await act('promote');
      assert.equal((await stateOf(id)).admin, true);
      assert.equal((await (await people.signIn(email)).get('/admin/accounts')).status, 200);
      await act('demote');
      assert.equal((await stateOf(id)).admin, false);
      assert.equal((await act('delete')).location, '/admin/accounts?done=delete');
      assert.equal(await people.domain.accounts.get(id), undefined);
    });

    test('are not those of who acts where that would lock them out', async () => {
      const { id } = admin.account;
      await people.account({ admin: true });
      for (const act of ['suspend', 'demote', 'delete']) {
        const refused = await admin.agent.post(`/admin/accounts/${id}/${act}`, { reason: 'Test' });
        assert.equal(refused.status, 409, act);
        assert.match(refused.text, /lock yourself out/);
      }
      assert.deepEqual(await stateOf(id), { admin: true, isSuspended: false });
    });
  });
});
