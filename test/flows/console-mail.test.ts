import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Message } from '../../server/mail/message.ts';
import { openPeople, type People, type Person } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const FAULT = 'EENVELOPE RCPT TO 550';

describe('mail in the console', () => {
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

  async function givenUp(id: string, to = `${id}@example.com`): Promise<void> {
    const text = 'https://id.example.com/reset-password?token=sesame';
    const mail: Message = {
      id,
      to,
      subject: `About ${id}`,
      text,
      html: text,
      createdAt: 1_900_000_000,
      attempts: 3,
    };
    await people.domain.rows.outbox.insert({ ...mail, failedAt: people.domain.clock(), error: FAULT });
  }
  const page = async (query: string) => (await admin.agent.get(`/admin/mail${query}`)).text;
  const isSent = async (id: string) => (await people.domain.rows.outbox.get(id))?.failedAt === undefined;

  test('shows what was given up and why, and nothing of the text', async () => {
    await givenUp('one');
    const text = await page('');
    assert.match(text, /value="given_up" selected/);
    for (const shown of ['one@example.com', 'About one', FAULT, 'Given up']) assert.ok(text.includes(shown));
    for (const query of ['', '?q=one', '?q=one@example.com', '?q=sesame', '?state=waiting', '/retry?id=one'])
      assert.ok(!(await page(query)).includes('reset-password?token'), query);
    assert.match(await page('?q=%25'), /No mail found/);
    assert.equal((await admin.agent.get('/admin/mail?cursor=mine')).status, 400);
  });

  test('sends the chosen ones again with a reason, which whom they are for can read', async () => {
    const other = await people.person();
    await givenUp('first', other.account.email);
    await givenUp('second');
    const asked = await page('/retry?id=first&id=second');
    assert.match(asked, /Send these 2 mails again\?/);
    assert.ok(asked.includes(other.account.email));
    const silent = await admin.agent.post('/admin/mail/retry', {
      ids: 'first,second',
      fault: '',
      reason: '',
    });
    assert.equal(silent.status, 400);
    assert.equal(await isSent('first'), false);
    const fields = { ids: 'first,second', fault: '', reason: 'Box was full' };
    const done = await admin.agent.post('/admin/mail/retry', fields);
    assert.equal(done.location, '/admin/mail?state=waiting&retried=2');
    assert.deepEqual([await isSent('first'), await isSent('second')], [true, true]);
    const { text } = await other.agent.get('/activity');
    assert.match(text, /Mail sent again, by an admin of this site \(reason: Box was full\)/);
  });

  test('sends all again that were given up for one reason', async () => {
    await givenUp('third');
    assert.match(await page('?fault=EENVELOPE+RCPT+TO+550'), /Send all of these again/);
    const fields = { ids: '', fault: FAULT, reason: 'The relay is back' };
    const { location } = await admin.agent.post('/admin/mail/retry', fields);
    assert.match(location, /^\/admin\/mail\?state=waiting&retried=\d+$/);
    assert.equal(await isSent('third'), true);
    assert.match(await page('?state=waiting&retried=2'), /2 mails are due now/);
    const again = await admin.agent.post('/admin/mail/retry', fields);
    assert.equal(again.status, 409);
  });
});
