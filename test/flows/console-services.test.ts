import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openPeople, type People, type Person } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const PATH = '/admin/services';
const OPERATOR = { kind: 'operator' } as const;

describe('services in the console', () => {
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

  const page = async (path: string) => (await admin.agent.get(`${PATH}${path}`)).text;
  const post = (path: string, form: Record<string, string | string[]>) =>
    admin.agent.post(`${PATH}${path}`, form);
  async function serviceOf(owner: Person) {
    const { account } = owner;
    const wanted = { account, name: 'Courier', scopes: ['profile', 'wf:create_transaction'] };
    const made = await people.domain.services.create(
      { ...wanted, actsFor: 'account', resourceServer: false },
      OPERATOR,
    );
    return { id: made.client.id, secretId: made.secret.credential.id };
  }

  test('are found by id, owner and state, and shown with what tells whether they are of use', async () => {
    const other = await people.person();
    const { id, secretId } = await serviceOf(other);
    const { email, id: accountId } = other.account;
    for (const q of [id, accountId, encodeURIComponent(email)]) {
      const text = await page(`?q=${q}`);
      assert.ok(text.includes(`${PATH}/${id}"`), q);
      assert.ok(text.includes(email));
    }
    assert.match(await page(`?q=${id}&state=revoked`), /No service found/);
    assert.match(await page(`?q=${id}&admin=yes`), /No service found/);
    for (const q of ['%25', '%24ne', 'Courier']) assert.match(await page(`?q=${q}`), /No service found/);
    assert.equal((await admin.agent.get(`${PATH}?cursor=x`)).status, 400);
    const whole = await page(`/${id}`);
    for (const shown of [email, 'wf:create_transaction', secretId, 'No calls from', 'grant_type='])
      assert.ok(whole.includes(shown), shown);
    assert.equal((await admin.agent.get(`${PATH}/svc_none`)).status, 404);
  });

  test('are made for the app with a reason, and their secret is shown once', async () => {
    const form = { name: 'Importer', scopes: ['admin'], expires: '30', date: '', form_id: 'once' };
    assert.equal((await admin.agent.get(`${PATH}/new`)).status, 200);
    const silent = await post('/new', { ...form, reason: '' });
    assert.match(silent.text, /A reason is missing/);
    const unending = await post('/new', { ...form, reason: 'Nightly import', expires: '365' });
    assert.match(unending.text, /must expire soon/);
    const made = await post('/new', { ...form, reason: 'Nightly import' });
    const again = await post('/new', { ...form, reason: 'Nightly import' });
    assert.equal(again.location, made.location);
    const value = /lk_cs_\w{36}/.exec((await admin.agent.get(made.location)).text)?.[0] ?? '';
    const id = /svc_\w+/.exec(made.location)?.[0] ?? '';
    assert.ok(await people.domain.clients.checkSecret(id, value));
    const { actsFor, reason } = (await people.domain.clients.get(id)) ?? assert.fail();
    assert.deepEqual([actsFor, reason], ['app', 'Nightly import']);
    const text = await page('?admin=yes');
    assert.ok(text.includes(id) && text.includes('Nightly import'));
    assert.ok(!text.includes(value));
  });

  test('are paused, changed and ended with a reason, which their owner can read', async () => {
    const other = await people.person();
    const { id, secretId } = await serviceOf(other);
    const reason = 'Calls too often';
    for (const path of [`/${id}/pause`, `/${id}/edit`, `/${id}/secrets/${secretId}/revoke`]) {
      assert.equal((await admin.agent.get(`${PATH}${path}`)).status, 200, path);
      assert.match((await post(path, { reason: ' ', name: 'X' })).text, /A reason is missing/, path);
    }
    const client = async () => (await people.domain.clients.get(id)) ?? assert.fail();
    assert.equal((await post(`/${id}/pause`, { reason })).location, `${PATH}/${id}?done=pause`);
    assert.match(await page(`/${id}?done=pause`), /This service was paused/);
    assert.ok((await client()).pausedAt !== undefined);
    assert.equal((await post(`/${id}/pause`, { reason })).status, 409);
    const own = await other.agent.get(`/services/${id}`);
    assert.match(own.text, /by an admin of this site, and only an admin resumes it/);
    assert.ok(!own.text.includes('/resume'));
    assert.equal((await other.agent.post(`/services/${id}/resume`, {})).status, 403);
    assert.ok((await client()).pausedAt !== undefined);
    await post(`/${id}/resume`, { reason });

    const more = await post(`/${id}/edit`, { reason, name: 'Post', scopes: ['profile', 'wf:issue_token'] });
    assert.match(more.text, /can be taken away only/);
    await post(`/${id}/edit`, { reason, name: 'Post', scopes: ['profile'] });
    const { name, scopes } = await client();
    assert.deepEqual([name, scopes], ['Post', ['profile']]);
    const end = `/${id}/secrets/${secretId}/revoke`;
    assert.equal((await post(end, { reason })).location, `${PATH}/${id}?done=secret`);
    assert.equal((await post(end, { reason })).status, 409);
    await post(`/${id}/revoke`, { reason });
    assert.ok((await client()).revokedAt !== undefined);
    assert.match(await page(`/${id}`), /This service is revoked/);
    assert.equal((await admin.agent.get(`${PATH}/${id}/edit`)).status, 404);
    const { text } = await other.agent.get('/activity');
    for (const what of ['paused', 'resumed', 'changed', 'revoked'])
      assert.match(text, new RegExp(`Service ${what}, by an admin of this site \\(reason: ${reason}\\)`));
  });

  test('are not there for an ordinary account, nor is an app among them', async () => {
    const other = await people.person();
    const { id } = await serviceOf(other);
    for (const path of ['', '/new', `/${id}`, `/${id}/edit`, `/${id}/pause`])
      assert.equal((await other.agent.get(`${PATH}${path}`)).status, 404, path);
    assert.equal((await other.agent.post(`${PATH}/${id}/pause`, { reason: 'x' })).status, 404);
    const app = await people.app();
    assert.equal((await admin.agent.get(`${PATH}/${app.id}`)).status, 404);
    assert.match(await page(`?q=${app.id}`), /No service found/);
  });
});
