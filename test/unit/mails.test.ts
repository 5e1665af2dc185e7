import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Account } from '../../server/accounts/account.ts';
import { MAILS_RETRIED_MAX } from '../../server/ground/limits.ts';
import type { Message } from '../../server/mail/message.ts';
import { createMails } from '../../server/management/mails.ts';
import { openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const MANAGER = { kind: 'account', id: 'acc_root', reason: 'The relay is back' } as const;
const FULL = 'EENVELOPE RCPT TO 552';
const PAGE = { cursor: '', limit: 50 };

eachStore(({ url }) => {
  describe('mails of everybody', () => {
    let domain: TestDomain;
    let ann: Account;
    before(async () => {
      domain = await openTestDomain({ storeUrl: await url() });
      ann = await domain.account('Ann@example.com');
      await domain.rows.outbox.removeMany([['id', '>', '']], 100);
      await domain.rows.outbox.insertMany([
        mail('waits', { dueAt: 5 }),
        mail('sent', { sentAt: 7, text: '', html: '' }),
        mail('lost', { failedAt: 9, error: FULL, text: '', html: '' }),
        ...['refused', 'to-ann', 'third'].map((id, at) =>
          mail(id, { failedAt: 10 + at, error: FULL, attempts: 3 }),
        ),
        mail('other', { failedAt: 20, error: 'ECONNECTION' }),
      ]);
    });
    after(() => domain.stop());

    function mail(id: string, over: Partial<Message>): Message {
      const to = id === 'to-ann' ? ann.email : `${id}@example.com`;
      return {
        id,
        to,
        subject: `S ${id}`,
        text: 'Secret',
        html: 'Secret',
        createdAt: 1,
        attempts: 0,
        ...over,
      };
    }

    const list = async (asked: Partial<Parameters<TestDomain['mails']['list']>[0]>, page = PAGE) => {
      const found = await domain.mails.list({ search: '', fault: '', ...asked }, page);
      for (const one of found.rows) assert.ok(!('text' in one) && !('html' in one));
      return found;
    };
    const ids = async (asked: Parameters<typeof list>[0]) => (await list(asked)).rows.map(({ id }) => id);

    it('are found by state, address, id and fault, without their text', async () => {
      assert.deepEqual(await ids({ state: 'waiting' }), ['waits']);
      assert.deepEqual(await ids({ state: 'sent' }), ['sent']);
      assert.deepEqual(await ids({}), ['other', 'third', 'to-ann', 'refused', 'lost']);
      assert.deepEqual(await ids({ fault: 'ECONNECTION' }), ['other']);
      assert.deepEqual(await ids({ search: 'waits' }), ['waits']);
      assert.deepEqual(await ids({ search: 'ANN@Example.com' }), ['to-ann']);
      assert.deepEqual(await ids({ search: ann.id }), ['to-ann']);
      assert.deepEqual(await ids({ search: 'ann@example.com', state: 'sent' }), []);
      for (const search of ['%', '$ne', '.*', 'ann@']) assert.deepEqual(await ids({ search }), [], search);
      for (const state of ['waiting', 'sent'] as const)
        assert.deepEqual(await ids({ state, fault: FULL }), []);
    });

    it('page by a cursor', async () => {
      const first = await list({}, { cursor: '', limit: 3 });
      const second = await list({}, { cursor: first.next ?? '', limit: 3 });
      assert.deepEqual(
        [first.rows.length, second.rows.map(({ id }) => id), second.next],
        [3, ['refused', 'lost'], undefined],
      );
      await assert.rejects(list({}, { cursor: 'mine', limit: 3 }), { code: 'INVALID_CURSOR' });
    });

    it('are sent again by id, all or none, on record with whom they are for', async () => {
      for (const [chosen, code] of [
        [['other', 'sent'], 'NOTHING_TO_DO'],
        [['other', 'lost'], 'NOTHING_TO_DO'],
        [['other', 'gone'], 'NOT_FOUND'],
        [[], 'INVALID_DATA'],
        [Array(MAILS_RETRIED_MAX + 1).fill('other'), 'INVALID_DATA'],
      ] as const) {
        await assert.rejects(domain.mails.retry(chosen, MANAGER), { code }, chosen.slice(0, 2).join());
      }
      assert.deepEqual(await ids({ fault: 'ECONNECTION' }), ['other']);
      const [again] = await domain.mails.retry(['other'], MANAGER);
      assert.deepEqual([again?.dueAt, again?.failedAt, again?.attempts], [domain.clock(), undefined, 0]);
      const [entry] = await domain.rows.audit.list({ where: [['targetId', '=', 'other']], limit: 1 });
      assert.deepEqual([entry?.accountId, entry?.action, entry?.actor], ['', 'mail.retried', MANAGER]);
    });

    it('are sent at once, and not again where the sender was quicker', async () => {
      const { outbox, audit } = domain.rows;
      let woken = 0;
      const sender = {
        wake(): void {
          woken += 1;
        },
      };
      await outbox.insertMany([mail('soon', { dueAt: 5 }), mail('quick', { dueAt: 5 })]);
      await createMails({ ...domain, outbox, audit, sender }).retry(['soon'], MANAGER);
      assert.equal(woken, 1);
      const get: typeof outbox.get = async (id) => {
        const row = await outbox.get(id);
        await outbox.update(id, { set: { sentAt: 7 }, unset: ['dueAt'] });
        return row;
      };
      const quicker = createMails({ ...domain, outbox: { ...outbox, get }, audit, sender });
      await assert.rejects(quicker.retry(['quick'], MANAGER), { code: 'NOTHING_TO_DO' });
      assert.deepEqual([woken, (await outbox.get('quick'))?.dueAt], [1, undefined]);
      for (const id of ['soon', 'quick']) await outbox.remove(id);
    });

    it('are sent again that were given up for one reason, but for those whose text is gone', async () => {
      assert.deepEqual(await domain.mails.retryGivenUp(FULL, MANAGER), { count: 3, isMore: false });
      assert.deepEqual(await ids({}), ['lost']);
      assert.ok((await domain.audited(ann.id)).includes('mail.retried S to-ann'));
      await assert.rejects(domain.mails.retryGivenUp(FULL, MANAGER), { status: 409 });
    });
  });
});
