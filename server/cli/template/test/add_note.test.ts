import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { openTestStore } from 'latchkey/testing';

const store = await openTestStore(join(import.meta.dirname, '..'));
after(() => store.close());

it('writes a note for whoever calls, and no second one of its title', async () => {
  const ann = await store.account({ email: 'ann@example.com' });
  const ben = await store.account({ email: 'ben@example.com' });
  await ann.call('add_note', { title: 'Groceries' });
  await assert.rejects(ann.call('add_note', { title: 'Groceries' }), { code: 'NOT_RUN' });
  // The rules of the type show Ben nothing of Ann's notes, so this is his first of that title.
  await ben.call('add_note', { title: 'Groceries' });
  const makers = (await store.records('note')).map((note) => note.createdBy);
  assert.deepEqual(makers, [ann.id, ben.id]);
});
