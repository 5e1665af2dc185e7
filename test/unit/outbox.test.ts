import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { openStore } from '../../adapters/open.ts';
import type { Collection, Store } from '../../adapters/port.ts';
import { leaseDeclaration } from '../../server/ground/lease.ts';
import { createLog } from '../../server/ground/log.ts';
import { type Message, messageDeclaration } from '../../server/mail/message.ts';
import { createSender } from '../../server/mail/sender.ts';
import { createTransport } from '../../server/mail/transport.ts';
import { startSmtp } from '../support/smtp.ts';
import { eachStore } from '../support/stores.ts';
import { until } from '../support/until.ts';

const START = 1_800_000_000;
const SECRET_LINK = 'https://id.example.com/reset-password?token=sesame';

function message(id: string, over: Partial<Message> = {}): Message {
  return {
    id,
    to: `${id}@example.com`,
    subject: `Subject of ${id}`,
    text: `Open ${SECRET_LINK}`,
    html: `<p>${SECRET_LINK}</p>`,
    createdAt: START,
    dueAt: START,
    attempts: 0,
    ...over,
  };
}

const isSent = (outbox: Collection<Message>, id: string) => async () =>
  (await outbox.get(id))?.sentAt !== undefined;

eachStore(({ url, isFirst }) => {
  describe('outbox', () => {
    const stops: (() => Promise<unknown>)[] = [];
    const stopAll = async () => {
      for (const stop of stops.splice(0).reverse()) await stop();
    };
    afterEach(stopAll);

    async function openFresh(): Promise<Store> {
      const store = await openStore(await url());
      stops.push(() => store.close());
      return store;
    }

    async function startMailServer(options?: Parameters<typeof startSmtp>[0]) {
      const smtp = await startSmtp(options);
      stops.push(smtp.stop);
      return smtp;
    }

    /** One process that sends what is in the outbox of a store. */
    async function startSender(store: Store, mail: string, clock: () => number, leaseStore = store) {
      const lines: string[] = [];
      const log = createLog({ write: (line) => lines.push(line) });
      const outbox = await store.collection(messageDeclaration);
      const leases = await leaseStore.collection(leaseDeclaration);
      const transport = createTransport({ mail, mailFrom: '"App" <no-reply@app.example>' });
      const sender = createSender({ outbox, leases, transport, clock, log });
      stops.push(sender.stop);
      sender.start();
      return { sender, outbox, leases, logged: () => lines.join('') };
    }

    it('sends what is due, and keeps the envelope but not the body', async () => {
      const store = await openFresh();
      const smtp = await startMailServer();
      const { sender, outbox } = await startSender(store, smtp.url, () => START + 5);
      await outbox.insertMany([message('now'), message('later', { dueAt: START + 6 })]);
      sender.wake();
      await until('the sender is that far', isSent(outbox, 'now'));
      const mail = await smtp.waitFor({ to: 'now@example.com' });
      assert.equal(mail.subject, 'Subject of now');
      assert.equal(mail.messageId, '<now@app.example>');
      assert.ok(mail.text?.includes(SECRET_LINK));
      const { text, html, ...kept } = (await outbox.get('now')) ?? assert.fail();
      assert.deepEqual([text, html], ['', '']);
      assert.deepEqual(kept, {
        id: 'now',
        to: 'now@example.com',
        subject: 'Subject of now',
        createdAt: START,
        attempts: 1,
        sentAt: START + 5,
      });
      assert.deepEqual(await outbox.get('later'), message('later', { dueAt: START + 6 }));
      assert.equal(smtp.messages().length, 1);
    });

    it('sends links that people wait for, then our notices, then what workflows send', async () => {
      const store = await openFresh();
      const smtp = await startMailServer();
      const outbox = await store.collection(messageDeclaration);
      const older = { queue: 'acc_1', dueAt: START - 60 };
      await outbox.insertMany([
        ...Array.from({ length: 12 }, (_, index) => message(`workflow${index}`, older)),
        ...Array.from({ length: 5 }, (_, index) =>
          message(`ours${index}`, { queue: 'own', dueAt: START - 10 }),
        ),
        ...Array.from({ length: 3 }, (_, index) => message(`link${index}`, { queue: 'link' })),
      ]);
      await startSender(store, smtp.url, () => START);
      await until('the sender is that far', async () => (await outbox.count([['sentAt', 'present']])) === 20);
      const order = smtp.messages().map(({ subject }) => /link|ours|workflow/.exec(subject ?? '')?.[0]);
      // Five are under way at a time, and arrive in any order among themselves.
      assert.ok(order.lastIndexOf('link') < 5, order.join());
      assert.ok(order.lastIndexOf('ours') < 3 + 5 + 4, order.join());
    });

    it('sends each mail once however many processes send', async () => {
      const store = await openFresh();
      const smtp = await startMailServer();
      const clock = () => START;
      const senders = await Promise.all([1, 2, 3].map(() => startSender(store, smtp.url, clock)));
      const { outbox } = senders[0] ?? assert.fail();
      const ids = Array.from({ length: 15 }, (_, index) => `m${index}`);
      await outbox.insertMany(ids.map((id) => message(id)));
      for (const { sender } of senders) sender.wake();
      await until(
        'the sender is that far',
        async () => (await outbox.count([['sentAt', 'present']])) === ids.length,
      );
      assert.deepEqual(
        smtp
          .messages()
          .map((mail) => mail.subject)
          .sort(),
        ids.map((id) => `Subject of ${id}`).sort(),
      );
    });

    it('sends each mail once even where two processes hold the lease', async () => {
      const store = await openFresh();
      const other = await openFresh();
      const smtp = await startMailServer();
      const one = await startSender(store, smtp.url, () => START);
      const two = await startSender(store, smtp.url, () => START, other);
      const ids = Array.from({ length: 15 }, (_, index) => `m${index}`);
      await one.outbox.insertMany(ids.map((id) => message(id)));
      for (const { sender } of [one, two]) sender.wake();
      await until(
        'the sender is that far',
        async () => (await one.outbox.count([['sentAt', 'present']])) === ids.length,
      );
      assert.equal(smtp.messages().length, ids.length);
    });

    it('waits for a lease that a dead process holds, and takes it over when it ends', async () => {
      let now = START;
      const store = await openFresh();
      const smtp = await startMailServer();
      const { sender, outbox, leases, logged } = await startSender(store, smtp.url, () => now);
      await leases.put({ id: 'mail', holder: 'dead', endsAt: START + 10 });
      await outbox.insert(message('one'));
      sender.wake();
      await sender.stop();
      assert.equal((await leases.get('mail'))?.holder, 'dead');
      assert.equal((await outbox.get('one'))?.attempts, 0);
      assert.match(logged(), /"endsIn":10,.*mail waits for the lease/);
      now += 10;
      await startSender(store, smtp.url, () => now);
      await until('the sender is that far', isSent(outbox, 'one'));
      assert.notEqual((await leases.get('mail'))?.holder, 'dead');
    });

    it('leaves alone what a process that died had claimed, until the claim ends', async () => {
      let now = START;
      const store = await openFresh();
      const smtp = await startMailServer();
      const { sender, outbox } = await startSender(store, smtp.url, () => now);
      await outbox.insertMany([
        message('claimed', { dueAt: START + 10, claimEndsAt: START + 10, attempts: 1 }),
        message('free'),
      ]);
      sender.wake();
      await until('the sender is that far', isSent(outbox, 'free'));
      assert.equal((await outbox.get('claimed'))?.attempts, 1);
      now += 10;
      sender.wake();
      await until('the sender is that far', isSent(outbox, 'claimed'));
      assert.equal((await outbox.get('claimed'))?.attempts, 2);
    });

    it('tries again after half a minute, and says nothing of whom in the log', async () => {
      let now = START;
      const store = await openFresh();
      const smtp = await startMailServer();
      smtp.failNext(1);
      const { sender, outbox, logged } = await startSender(store, smtp.url, () => now);
      await outbox.insert(message('one'));
      sender.wake();
      await until('the sender is that far', async () => (await outbox.get('one'))?.error !== undefined);
      const row = (await outbox.get('one')) ?? assert.fail();
      const wait = (row.dueAt ?? 0) - START;
      assert.ok(wait >= 24 && wait <= 36, `${wait} s`);
      assert.equal(row.error, 'EMESSAGE DATA 451');
      now += wait;
      sender.wake();
      await until('the sender is that far', isSent(outbox, 'one'));
      assert.equal((await outbox.get('one'))?.error, undefined);
      assert.equal(smtp.messages().length, 1);
      await until('the sender is that far', async () => logged().includes('"mailId":"one"'));
      assert.doesNotMatch(logged(), /example\.com|sesame|Subject/);
    });

    it('gives up after about two days', async () => {
      let now = START;
      const store = await openFresh();
      const smtp = await startMailServer();
      smtp.failNext(100);
      const { sender, outbox, logged } = await startSender(store, smtp.url, () => now);
      await outbox.insert(message('one'));
      let row = (await outbox.get('one')) ?? assert.fail();
      const waits: number[] = [];
      while (row.failedAt === undefined) {
        const { attempts, error } = row;
        sender.wake();
        // Said when the attempt is over and noted: the row alone may look the same while it is claimed.
        await until('the sender is that far', async () => logged().includes(`"attempts":${attempts + 1},`));
        row = (await outbox.get('one')) ?? assert.fail();
        assert.ok(error === undefined || error === 'EMESSAGE DATA 451');
        if (row.dueAt === undefined) break;
        waits.push(row.dueAt - now);
        now = row.dueAt;
      }
      const days = (now - START) / 86_400;
      assert.ok(days > 1.6 && days < 2.6, `${days} days`);
      assert.ok(Math.max(...waits) <= 6 * 3600 * 1.2);
      assert.equal(row.attempts, 18);
      assert.deepEqual([row.failedAt, row.dueAt], [now, undefined]);
      // So that it can be sent once more, until its row goes.
      assert.ok(row.text.includes(SECRET_LINK) && row.html.includes(SECRET_LINK));
      // The row is seen a moment before whoever changed it hears that it is on disk.
      await until('the sender is that far', async () => logged().includes('given up'));
      assert.doesNotMatch(logged(), /example\.com|sesame/);
    });

    it('gives up at once on what is no address, and sends the rest', async () => {
      const store = await openFresh();
      const smtp = await startMailServer();
      const { sender, outbox } = await startSender(store, smtp.url, () => START);
      const to = 'a@example.com, b@example.com';
      await outbox.insertMany([message('bad', { to, dueAt: START - 1 }), message('good')]);
      sender.wake();
      await until('the sender is that far', isSent(outbox, 'good'));
      await until('the sender is that far', async () => (await outbox.get('bad'))?.failedAt !== undefined);
      assert.equal((await outbox.get('bad'))?.error, 'the recipient is not one plain address');
      assert.deepEqual(
        smtp.messages().map((mail) => mail.subject),
        ['Subject of good'],
      );
    });

    it('gives up after a few tries what the mail server refuses for good, and says so to the operator', async () => {
      let now = START;
      const store = await openFresh();
      const smtp = await startMailServer({
        onRcptTo: (_address, _session, done) => done(Object.assign(new Error('no'), { responseCode: 550 })),
      });
      const { sender, outbox, logged } = await startSender(store, smtp.url, () => now);
      await outbox.insert(message('one', { queue: 'acc_1' }));
      for (let tries = 1; tries <= 3; tries += 1) {
        sender.wake();
        await until('it was tried', () => logged().includes(`"attempts":${tries},`));
        const row = (await outbox.get('one')) ?? assert.fail();
        assert.deepEqual([row.attempts, row.claimEndsAt], [tries, undefined]);
        now = row.dueAt ?? now;
      }
      const row = (await outbox.get('one')) ?? assert.fail();
      assert.ok(now - START < 300, `${now - START} s`);
      assert.deepEqual([row.failedAt, row.dueAt, row.error], [now, undefined, 'EENVELOPE RCPT TO 550']);
      assert.ok(row.text.includes(SECRET_LINK));
      assert.match(logged(), /"level":"?(error|50)"?.*mail given up.*latchkey mail retry one/);
      assert.doesNotMatch(logged(), /example\.com|sesame/);
    });

    it('waits for a mailbox that is full, apart from what counts for its owner, and for a thousand such mails only', async () => {
      let now = START;
      const store = await openFresh();
      const smtp = await startMailServer({
        onRcptTo: (_address, _session, done) => done(Object.assign(new Error('full'), { responseCode: 452 })),
      });
      const { sender, outbox, logged } = await startSender(store, smtp.url, () => now);
      const tried = async (attempts: number) => {
        sender.wake();
        await until('it was tried', () => logged().includes(`"attempts":${attempts},`));
        return (await outbox.get('one')) ?? assert.fail();
      };
      await outbox.insert(message('one', { queue: 'acc_1', attempts: 5 }));
      const waits = await tried(6);
      assert.deepEqual(
        [waits.failedAt, waits.refusedAt, waits.error],
        [undefined, now, 'EENVELOPE RCPT TO 452'],
      );
      now = waits.dueAt ?? now;
      const far = { dueAt: now + 3600, attempts: 3, refusedAt: now };
      const more = Array.from({ length: 1000 }, (_, index) =>
        message(`more${index}`, { queue: 'acc_1', ...far }),
      );
      await outbox.insertMany(more);
      assert.equal((await tried(7)).failedAt, now);
    });

    it('waits where the mail server refuses all of us, as for a wrong password', async () => {
      const store = await openFresh();
      const smtp = await startMailServer({
        authOptional: false,
        allowInsecureAuth: true,
        onAuth: (_auth, _session, done) => done(Object.assign(new Error('no'), { responseCode: 535 })),
      });
      const mail = smtp.url.replace('//', '//me:secret@');
      const { outbox } = await startSender(store, mail, () => START);
      await outbox.insert(message('one', { attempts: 10 }));
      await startSender(store, mail, () => START);
      await until('it was tried', async () => (await outbox.get('one'))?.error !== undefined);
      const row = (await outbox.get('one')) ?? assert.fail();
      assert.ok(row.failedAt === undefined && row.refusedAt === undefined && (row.dueAt ?? 0) > START);
    });

    const strays: [what: string, over: Partial<Message>][] = [
      ['a claim', { dueAt: START + 3600, claimEndsAt: START + 3600, attempts: 1 }],
      ['a claim of an hour and a half', { dueAt: START + 5400, claimEndsAt: START + 5400, attempts: 3 }],
      ['a mail that was never tried', { dueAt: START + 60, createdAt: START + 60 }],
      ['a wait for the next attempt', { dueAt: START + 86_400, attempts: 4 }],
    ];
    for (const [what, over] of strays) {
      it(`sends ${what} that a wrong clock put off for too long`, async () => {
        const store = await openFresh();
        const smtp = await startMailServer();
        const outbox = await store.collection(messageDeclaration);
        const right = { dueAt: START + 6 * 3600, attempts: 12 };
        // As a summary of notices does, from the beginning.
        const later = { dueAt: START + 600 };
        await outbox.insertMany([message('stray', over), message('waits', right), message('summary', later)]);
        await startSender(store, smtp.url, () => START);
        await until('it was sent', isSent(outbox, 'stray'));
        assert.equal((await outbox.get('waits'))?.dueAt, right.dueAt);
        assert.equal((await outbox.get('summary'))?.dueAt, later.dueAt);
      });
    }

    it('has a place for a link that somebody waits for, however slow the others are', async () => {
      const store = await openFresh();
      const answers: (() => void)[] = [];
      const smtp = await startMailServer({
        onRcptTo: ({ address }, _session, done) => {
          if (address.startsWith('slow')) answers.push(done);
          else done();
        },
      });
      const { sender, outbox } = await startSender(store, smtp.url, () => START);
      await outbox.insertMany(
        Array.from({ length: 8 }, (_, index) => message(`slow${index}`, { queue: 'own' })),
      );
      sender.wake();
      await until('the slow ones are under way', () => answers.length === 4);
      await outbox.insert(message('link', { queue: 'link' }));
      sender.wake();
      await until('the link was sent', isSent(outbox, 'link'));
      assert.equal(answers.length, 4);
      const stopped = sender.stop();
      for (const answer of answers) answer();
      await stopped;
    });

    it('lets a mailbox that is slow to answer hold up the mails of its own account only', async () => {
      const store = await openFresh();
      const answers: (() => void)[] = [];
      const smtp = await startMailServer({
        onRcptTo: ({ address }, _session, done) => {
          if (address.startsWith('slow')) answers.push(done);
          else done();
        },
      });
      const { sender, outbox } = await startSender(store, smtp.url, () => START);
      const slow = (index: number) => message(`slow${index}`, { queue: 'acc_1', dueAt: START - 10 });
      await outbox.insertMany(Array.from({ length: 8 }, (_, index) => slow(index)));
      sender.wake();
      await until('the slow ones are under way', () => answers.length === 4);
      await outbox.insertMany([message('one', { queue: 'acc_2' }), message('two', { queue: 'acc_3' })]);
      answers[0]?.();
      await until(
        'both were sent',
        async () => (await isSent(outbox, 'one')()) && (await isSent(outbox, 'two')()),
      );
      assert.ok(answers.length <= 5, `${answers.length} of the slow ones came first`);
      const stopped = sender.stop();
      for (const answer of answers) answer();
      await stopped;
    });

    it('renews the claim of a mail while it is being sent', async (t) => {
      t.mock.timers.enable({ apis: ['setInterval'] });
      const store = await openFresh();
      const answers: (() => void)[] = [];
      const smtp = await startMailServer({ onRcptTo: (_address, _session, done) => answers.push(done) });
      let now = START;
      const { sender, outbox } = await startSender(store, smtp.url, () => now);
      await outbox.insert(message('one'));
      sender.wake();
      const answer = await until('it is under way', () => answers[0]);
      assert.equal((await outbox.get('one'))?.claimEndsAt, START + 10);
      now += 3;
      t.mock.timers.tick(3000);
      await until('it is claimed anew', async () => (await outbox.get('one'))?.claimEndsAt === now + 10);
      assert.equal((await outbox.get('one'))?.attempts, 1);
      answer();
      await until('it was sent', isSent(outbox, 'one'));
      assert.equal((await outbox.get('one'))?.claimEndsAt, undefined);
      assert.equal(smtp.messages().length, 1);
    });

    it('stops trying a mail during which its process dies each time', async () => {
      const store = await openFresh();
      const smtp = await startMailServer();
      const { sender, outbox } = await startSender(store, smtp.url, () => START);
      await outbox.insert(message('deadly', { attempts: 18 }));
      sender.wake();
      await until('the sender is that far', async () => (await outbox.get('deadly'))?.failedAt !== undefined);
      assert.equal(smtp.messages().length, 0);
    });

    it('lets a send that is under way finish when it is stopped, and begins no other', async () => {
      const store = await openFresh();
      const answers: (() => void)[] = [];
      const smtp = await startMailServer({ onRcptTo: (_address, _session, done) => answers.push(done) });
      const { sender, outbox } = await startSender(store, smtp.url, () => START);
      await outbox.insertMany(Array.from({ length: 6 }, (_, index) => message(`m${index}`)));
      sender.wake();
      await until('the sender is that far', async () => answers.length === 4);
      const stopped = sender.stop();
      for (const answer of answers) answer();
      await stopped;
      assert.equal(await outbox.count([['sentAt', 'present']]), 4);
      assert.equal(smtp.messages().length, 4);
      sender.wake();
      await sender.stop();
      assert.equal(await outbox.count([['dueAt', 'present']]), 2);
    });

    if (!isFirst) return;

    it('waits no longer than it must for a server that keeps silent, and leaves the mail for later', async () => {
      const store = await openFresh();
      let reached = () => {};
      const connected = new Promise<void>((resolve) => {
        reached = resolve;
      });
      const smtp = await startMailServer({ onConnect: () => reached() });
      const { sender, outbox } = await startSender(store, smtp.url, () => START);
      await outbox.insert(message('one'));
      sender.wake();
      await connected;
      const startedAt = performance.now();
      await sender.stop();
      assert.ok(performance.now() - startedAt < 5_000);
      const row = (await outbox.get('one')) ?? assert.fail();
      assert.ok(row.text !== '' && (row.dueAt ?? 0) > START);
      assert.equal(row.error, 'EABORT');
    });
  });
});
