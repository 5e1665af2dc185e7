import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openPeople, type People, type Person } from '../support/people.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

describe('reviews in the console', () => {
  let server: TestServer;
  let people: People;
  let admin: Person;
  let owner: Person;
  before(async () => {
    server = await startTestServer();
    people = await openPeople(server);
    [admin, owner] = await Promise.all([people.person({ admin: true }), people.person()]);
    const { tokens, clock } = people.domain;
    const expiresAt = clock() + 360 * 86_400;
    const wanted = { account: owner.account, scopes: ['profile'], expiresAt };
    for (const name of ['Nightly', 'Old <b>']) await tokens.mint({ ...wanted, name }, { kind: 'operator' });
  });
  after(async () => {
    await people.close();
    await server.stop();
  });

  const page = async (path: string) => (await admin.agent.get(`/admin/reviews${path}`)).text;

  test('say what would be asked now', async () => {
    const text = await page('/now');
    for (const shown of ['Nightly', 'Old &lt;b&gt;', owner.account.email, 'lives longer than'])
      assert.ok(text.includes(shown), shown);
    assert.match(await page(''), /No review yet/);
  });

  test('are answered for their owner with a reason, which the owner can read', async () => {
    const { reviews, clock, tokens } = people.domain;
    await reviews.works[0].run(clock());
    const [review] = await reviews.list(owner.account.id);
    const { id = '', items = [] } = review ?? {};
    const item = items.find(({ name }) => name === 'Nightly') ?? assert.fail();
    for (const path of ['', '?state=unanswered', `?month=${review?.month}`, `?q=${owner.account.email}`])
      assert.ok((await page(path)).includes(`/admin/reviews/${id}`), path);
    assert.match(await page('?state=answered'), /No review found/);
    assert.match(await page('?q=%25'), /No review found/);
    const path = `/admin/reviews/${id}/${item.id}/pause`;
    assert.ok((await page(`/${id}`)).includes(path));

    assert.equal((await admin.agent.post(path, { reason: '' })).status, 400);
    const done = await admin.agent.post(path, { reason: 'On leave <i>' });
    assert.equal(done.location, `/admin/reviews/${id}?done=pause`);
    assert.ok((await page(`/${id}?done=pause`)).includes('by an admin (reason: On leave &lt;i&gt;)'));
    const token = await tokens.get({ accountId: owner.account.id, id: item.id });
    assert.notEqual(token.pausedAt, undefined);
    const own = (await owner.agent.get('/account/reviews')).text;
    assert.ok(own.includes('by an admin of this site (reason: On leave &lt;i&gt;)'));
    assert.match((await owner.agent.get('/activity')).text, /Review answered, by an admin of this site/);
  });

  test('are answered for nobody where nothing was asked', async () => {
    const [{ id = '' } = {}] = await people.domain.reviews.list(owner.account.id);
    for (const path of ['/rev_none', `/${id}/tok_none/keep`, `/${id}/tok_none/burn`])
      assert.equal((await admin.agent.get(`/admin/reviews${path}`)).status, 404, path);
    const none = await admin.agent.post(`/admin/reviews/${id}/tok_none/keep`, { reason: 'Test' });
    assert.equal(none.status, 404);
  });
});
