import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Call } from '../../server/activity/call.ts';
import { momentOf } from '../../server/activity/entry-ids.ts';
import { isoTime } from '../../server/ground/time.ts';
import { textOf } from '../support/page-text.ts';
import { openPeople, type People, type Person } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const DAY = 86_400;
/** A minute of some day. */
const THEN = Math.floor(Date.now() / DAY / 1000) * DAY - 3 * DAY + 9 * 3600;

describe('activity and audit of everybody in the console', () => {
  let server: TestServer;
  let people: People;
  let admin: Person;
  let other: Person;
  before(async () => {
    server = await startTestServer();
    people = await openPeople(server);
    admin = await people.person({ admin: true });
    other = await people.person();
    await people.domain.rows.calls.insertMany([
      call(1, { at: THEN, tokenName: '=1+1' }),
      call(2, { at: THEN + 59, status: 403, result: 'insufficient_scope', refused: true }),
      call(3, { at: THEN + 60, from: '203.0.113.9', privacyBypassed: true, hidden: 1 }),
      call(4, { at: THEN + DAY, accountId: 'acc_gone', clientId: 'svc_1', tokenId: 'at_1' }),
    ]);
  });
  after(async () => {
    await people.close();
    await server.stop();
  });

  function call(number: number, wanted: Partial<Call> & { at: number }): Call {
    return {
      id: `call_${momentOf(wanted.at)}${number}`,
      accountId: other.account.id,
      tokenId: 'tok_x',
      tokenKind: 'personal_access_token',
      tokenName: `Token ${number}`,
      method: 'GET',
      path: `/api/1.1/call-${number}`,
      status: 200,
      result: 'success',
      from: '192.0.2.1',
      requestId: `${momentOf(wanted.at)}-${number}`,
      ...wanted,
    };
  }

  const get = async (path: string) => (await admin.agent.get(path)).text;
  const calls = (html: string) => [...html.matchAll(/call-(\d)/g)].map(([, number]) => Number(number));
  const minute = isoTime(THEN).slice(0, 16);

  test('lists calls by what is asked for', async () => {
    for (const [query, expected] of [
      ['', [4, 3, 2, 1]],
      [`account=${other.account.email.toUpperCase()}`, [3, 2, 1]],
      ['account=acc_gone', [4]],
      ['credential=tok_x', [3, 2, 1]],
      ['credential=svc_1', [4]],
      ['result=refused', [2]],
      ['result=insufficient_scope', [2]],
      ['result=failed', []],
      ['address=203.0.113.9', [3]],
      [`request=${momentOf(THEN)}-1`, [1]],
      ['admin=yes', [3]],
      [`period=date&from=${minute}&to=${minute}`, [2, 1]],
      [`period=date&from=${minute}&to=${minute}&result=success`, [1]],
      [`period=date&from=${minute.slice(0, 10)}&to=${minute.slice(0, 10)}`, [3, 2, 1]],
      ['account=%25', []],
      ['account=nobody@example.com', []],
      ['credential=%24ne', []],
    ] as const)
      assert.deepEqual(calls(await get(`/admin/activity?${query}`)), expected, query);
  });

  test('leads on from a call, keeps what was asked for, and shows no secret that was pasted', async () => {
    const text = await get('/admin/activity?result=refused&period=30&account=lk_pat_0123456789');
    assert.match(text, /value="\(removed\)"/);
    assert.doesNotMatch(text, /lk_pat_0/);
    const refused = await get('/admin/activity?result=refused&address=192.0.2.1');
    assert.match(refused, /href="\/admin\/activity\?result=insufficient_scope&amp;address=192.0.2.1"/);
    assert.match(refused, new RegExp(`href="/admin/accounts/${other.account.id}"`));
    assert.match(textOf(await get('/admin/activity?account=acc_gone')), /An account that is gone acc_gone/);
    const late = await get(`/admin/activity?period=date&from=${minute}`);
    assert.match(late, new RegExp(`name="from" type="datetime-local" value="${minute}"`));
    assert.equal((await admin.agent.get('/admin/activity?cursor=mine')).status, 400);
    assert.equal((await admin.agent.get('/admin/audit?cursor=mine')).status, 400);
  });

  test('links to the pages of what is there, and to nothing that is gone', async () => {
    const { credential } = await people.domain.tokens.mint(
      { account: other.account, name: 'Script', scopes: ['profile'], expiresAt: THEN + 90 * DAY },
      { kind: 'operator' },
    );
    await people.domain.rows.calls.insert(call(5, { at: THEN + 2 * DAY, tokenId: credential.id }));
    const page = `href="/admin/credentials/${credential.id}"`;
    assert.ok((await get(`/admin/activity?credential=${credential.id}`)).includes(page));
    assert.ok((await get(`/admin/audit?target=${credential.id}`)).includes(page));
    const gone = await get('/admin/activity?period=any');
    for (const path of ['credentials/tok_x', 'services/svc_1', 'accounts/acc_gone'])
      assert.ok(!gone.includes(`/admin/${path}"`), path);
    for (const path of [`/admin/credentials/${credential.id}`, `/admin/accounts/${other.account.id}`])
      assert.equal((await admin.agent.get(path)).status, 200);
  });

  test('shows who did what to whom, from where and why', async () => {
    const reason = 'Paid by a <stolen> card';
    await admin.agent.post(`/admin/accounts/${other.account.id}/end-sessions`, { reason });
    for (const query of [
      `account=${other.account.email}&reason=yes`,
      `actor=${admin.account.email}&action=account.sessions_ended`,
      `target=${other.account.id}&address=127.0.0.1&action=account.sessions_ended`,
      `account=${other.account.id}&actor=${admin.account.id}`,
    ]) {
      const text = textOf(await get(`/admin/audit?${query}`));
      const { email } = admin.account;
      const words = `All sessions ended Reason: ${reason} ${email} ${other.account.email}`;
      assert.ok(text.includes(words), `${query}: ${text}`);
      assert.equal(text.split('All sessions ended Reason').length, 2, query);
    }
    const made = textOf(await get(`/admin/audit?actor=operator&account=${other.account.id}`));
    assert.match(made, /Account made Operator \(command line\)/);
    await people.domain.mailedInvitations.invite('invited@example.com', { kind: 'operator' });
    const invited = await get('/admin/audit?action=invitation.made');
    const choices = [...invited.matchAll(/<option value="\w+\.[^>]*>([^<]*)/g)].map(([, words]) => words);
    assert.ok(choices.length > 40, `${choices.length}`);
    assert.equal(new Set(choices).size, choices.length, 'two changes are called the same');
    assert.match(textOf(invited), /Invitation mailed .* Nobody’s account invited@example\.com \d{4}/);
    for (const query of ['actor=%25', 'target=%24ne', 'action=x', 'period=date&to=2001-01-01'])
      assert.match(await get(`/admin/audit?${query}`), /No entry matches/, query);
    // The account itself reads it in its own.
    const own = await (await people.signIn(other.account.email)).get('/activity');
    assert.match(
      textOf(own.text),
      /All sessions ended, by an admin of this site \(reason: Paid by a <stolen> card\)/,
    );
  });

  test('names who acted as an admin so to the account, also when they are none any more', async () => {
    const former = await people.person({ admin: true });
    const { account, agent } = await people.person();
    await former.agent.post(`/admin/accounts/${account.id}/send-reset-link`, { reason: 'Asked by phone' });
    await admin.agent.post(`/admin/accounts/${former.account.id}/demote`, { reason: 'Left' });
    const own = textOf((await agent.get('/activity')).text);
    const words = 'Link to choose a new password made, by an admin of this site (reason: Asked by phone)';
    assert.ok(own.includes(words), own);
    assert.doesNotMatch(own, /Privacy rules/);
    // Nor from where.
    assert.doesNotMatch(own.slice(own.indexOf(words)), /127\.0\.0\.1/);
  });

  test('are files too, in which nothing runs', async () => {
    const { headers, text } = await admin.agent.get(`/admin/activity.csv?credential=tok_x`);
    assert.match(headers.get('content-type') ?? '', /^text\/csv/);
    const lines = text.trimEnd().split('\r\n');
    assert.equal(lines.length, 4);
    assert.match(lines[0] ?? '', /^"time","account","account_id","credential"/);
    assert.equal(
      lines[3],
      `"${isoTime(THEN)}","${other.account.email}","${other.account.id}","'=1+1","tok_x","","GET",` +
        `"/api/1.1/call-1","Success","","200","","1","192.0.2.1","${momentOf(THEN)}-1","",""`,
    );
    assert.match(lines[1] ?? '', /"yes","1"$/);
    const audit = (await admin.agent.get('/admin/audit.csv?reason=yes')).text;
    assert.match(
      audit,
      /"All sessions ended","account.sessions_ended",".*","account","acc_.*","Paid by a <stolen> card"/,
    );
  });

  test('are not there for an ordinary account', async () => {
    for (const path of ['activity', 'activity.csv', 'audit', 'audit.csv']) {
      const { agent } = await people.person();
      assert.equal((await agent.get(`/admin/${path}`)).status, 404, path);
    }
  });
});
