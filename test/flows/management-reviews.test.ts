import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type ApiServer, startApiServer } from '../support/api-server.ts';

const PATH = '/api/1.1/admin';

describe('reviews in the management API', () => {
  let server: ApiServer;
  let token: string;
  let email: string;
  before(async () => {
    server = await startApiServer();
    ({ value: token } = await server.serviceToken(['admin:manage']));
    const { domain } = server;
    const account = await domain.accounts.create(
      { email: 'ann@example.com', admin: false },
      { kind: 'operator' },
    );
    email = account.email;
    const expiresAt = domain.clock() + 360 * 86_400;
    await domain.tokens.mint({ account, name: 'Old', scopes: ['profile'], expiresAt }, { kind: 'operator' });
  });
  after(() => server.stop());

  test('say what would be asked now, what was asked, and take an answer for its owner', async () => {
    const now = await server.call(`${PATH}/review`, { token });
    const mine = now.body.response.items.find(({ account }: { account: string }) => account === email);
    assert.deepEqual([mine.name, mine.reasons], ['Old', ['long_lived']]);
    const only = await server.call(`${PATH}/review?account_id=${mine.account_id}`, { token });
    assert.deepEqual(only.body.response, { items: [mine], next_cursor: null });
    const none = await server.call(`${PATH}/review?account_id=acc_none`, { token });
    assert.deepEqual(none.body.response.items, []);
    await server.domain.reviews.works[0].run(server.domain.clock());
    const asked = await server.call(`${PATH}/reviews?q=${email}`, { token });
    const [review] = asked.body.response.items;
    assert.deepEqual([review.state, review.asked[0].answer], ['unanswered', null]);

    const answer = (json: unknown) =>
      server.call(`${PATH}/reviews/${review.id}/answer`, { method: 'POST', token, json });
    const said = { item: review.asked[0].id, answer: 'revoke', reason: 'Left' };
    assert.equal((await answer({ ...said, reason: '' })).body.body.status, 'INVALID_REASON');
    assert.equal((await answer({ ...said, answer: 'burn' })).body.body.parameter, 'answer');
    assert.equal((await answer({ ...said, item: 'tok_none' })).status, 404);
    const { response } = (await answer(said)).body;
    const [{ answer: given, answered_by: by, reason }] = response.asked;
    assert.deepEqual([response.state, given, by, reason], ['answered', 'revoke', 'client', 'Left']);
    assert.equal((await answer(said)).body.body.status, 'LINK_DEAD');
    for (const query of ['cursor=mine', 'month=May', 'state=open'])
      assert.equal((await server.call(`${PATH}/reviews?${query}`, { token })).status, 400, query);
  });

  test('give what would be asked now in pages that are no longer than others, and leave nobody out', async () => {
    const { domain } = server;
    const expiresAt = domain.clock() + 360 * 86_400;
    for (let count = 0; count < 25; count += 1) {
      const wanted = { email: `owner-${count}@example.com`, admin: false };
      const account = await domain.accounts.create(wanted, { kind: 'operator' });
      for (const name of ['One', 'Two', 'Three', 'Four']) {
        await domain.tokens.mint({ account, name, scopes: ['profile'], expiresAt }, { kind: 'operator' });
      }
    }
    const pages: { account: string }[][] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await server.call(`${PATH}/review?cursor=${cursor}`, { token });
      pages.push(body.response.items);
      cursor = body.response.next_cursor;
    }
    const theirs = pages.flat().filter(({ account }) => account.startsWith('owner-'));
    assert.equal(theirs.length, 100);
    assert.ok(pages.length > 1, 'one page had them all');
    for (const page of pages) assert.ok(page.length < 80, `${page.length} on one page`);
  });
});
