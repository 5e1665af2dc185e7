import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openPeople, type People, type Person } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

describe('workflows in the console', () => {
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

  test('are shown as declared, with how often everybody called them and what went wrong', async () => {
    const { domain } = people;
    const about = {
      accountId: 'acc_1',
      tokenId: 'tok_1',
      tokenKind: 'personal_access_token',
      tokenName: 'T',
    };
    const call = (path: string, status: number, result: string) =>
      domain.recorder.record(
        domain.recorder.entry(about, { method: 'POST', path, status, result, from: '', requestId: 'r' }),
      );
    const path = '/api/1.1/wf/create_transaction';
    for (const [status, result] of [
      [200, 'success'],
      [200, 'success'],
      [400, 'MISSING_DATA'],
    ] as const)
      await call(path, status, result);
    // Of the same result, and still of another workflow.
    await call('/api/1.1/wf/issue_token', 400, 'MISSING_DATA');
    await call('/api/1.1/wf/of_nobody', 404, 'NOT_FOUND');
    await domain.callCounts.flush();

    const { text } = await admin.agent.get('/admin/workflows');
    for (const shown of [
      'create_transaction',
      'wf:create_transaction',
      'issue_token',
      '1 (33 %)',
      '1 (100 %)',
      'amount_cents',
    ])
      assert.ok(text.includes(shown), shown);
    assert.ok(!text.includes('of_nobody'));
    const one = (await admin.agent.get('/admin/workflows/create_transaction')).text;
    for (const shown of [`POST ${path}`, 'savings', 'MISSING_DATA', 'Phone number of the other party'])
      assert.ok(one.includes(shown), shown);
    for (const none of ['of_nobody', '__proto__', '%24ne'])
      assert.equal((await admin.agent.get(`/admin/workflows/${none}`)).status, 404, none);
  });
});
