import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { Unavailable } from '../../adapters/port.ts';
import { transaction } from '../../config/types/transaction.ts';
import { JUDGED_AGAIN_MS } from '../../server/api/as-of-now.ts';
import { rowDeclarationOf } from '../../server/data/rows.ts';
import { defineType } from '../../server/data/type.ts';
import { systemClock } from '../../server/ground/clock.ts';
import { createPassedRules } from '../../server/workflows/passed-rules.ts';
import { createRunner } from '../../server/workflows/runner.ts';
import { defineWorkflow, refusal, type Workflow } from '../../server/workflows/workflow.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { eachStore } from '../support/stores.ts';
import { until } from '../support/until.ts';
import { CALL, TRANSACTION, toItsMaker } from '../support/workflows.ts';

const note = defineType({
  name: 'note',
  description: 'A note',
  fields: { text: z.string(), stars: z.number().default(1) },
  rules: toItsMaker,
});

/** What `tricky` does in this call, chosen by the test. */
let act: (call: Parameters<Workflow['run']>[0]) => unknown = () => ({});

function slip(): never {
  throw new TypeError('a slip of the owner');
}

const tricky = defineWorkflow({
  name: 'tricky',
  description: 'Do what the test says',
  callers: 'account',
  parameters: {
    slip: {
      schema: z.string().refine(slip).optional(),
      description: 'What is checked wrongly',
      example: 'a',
    },
  },
  types: { note },
  returns: z.object({ said: z.string().optional() }),
  run: (call) => act(call as never) as never,
});

eachStore(({ engine, url, isFirst }) => {
  describe(`what a run leaves (${engine})`, () => {
    const now = 1_800_000_000;
    let server: ApiServer;
    before(async () => {
      server = await startApiServer({
        storeUrl: await url(),
        clock: () => now,
        workflows: [tricky],
        types: [note],
      });
    });
    after(() => server.stop());

    const mails = () => server.domain.rows.outbox.list({ limit: 1000 });
    const runs = () => server.domain.rows.runs.count([]);
    const notes = async () =>
      (await server.domain.store.collection(rowDeclarationOf(note))).list({ limit: 1000 });
    const lastCall = async () => (await server.calls()).at(-1);
    const tokenFor = (...scopes: string[]) => server.token({ scopes });

    test('stores the transaction, mails the owner, leaves one entry and answers in the envelope', async () => {
      const { value, credential } = await server.token({ name: 'Shop' });
      const answer = await server.call(TRANSACTION, { method: 'POST', token: value, json: CALL });
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8');
      assert.equal(answer.headers.get('cache-control'), 'no-store');
      const { status, response } = answer.body;
      const { transaction_id, ...rest } = response;
      assert.equal(status, 'success');
      assert.deepEqual(rest, { ...CALL, created_at: '2027-01-15T08:00:00.000Z' });

      const stored = await (await server.domain.store.collection(rowDeclarationOf(transaction))).get(
        transaction_id,
      );
      assert.deepEqual(stored, {
        id: transaction_id,
        createdAt: now,
        modifiedAt: now,
        createdBy: credential.accountId,
        account: CALL.account,
        phone: CALL.phone,
        amount_cents: 1250,
      });
      const mail = (await mails()).find(({ to }) => to === `${credential.accountId}@example.com`);
      assert.match(mail?.subject ?? '', /12\.50 on savings/);
      assert.match(mail?.text ?? '', new RegExp(transaction_id));
      assert.match(mail?.html ?? '', new RegExp(transaction_id));

      const call = await lastCall();
      assert.deepEqual(
        { ...call, id: undefined, requestId: undefined, ms: undefined },
        {
          id: undefined,
          requestId: undefined,
          ms: undefined,
          at: now,
          accountId: credential.accountId,
          tokenId: credential.id,
          tokenKind: 'personal_access_token',
          tokenName: 'Shop',
          method: 'POST',
          path: TRANSACTION,
          status: 200,
          result: 'success',
          from: '127.0.0.1',
        },
      );
      assert.ok(Number.isSafeInteger(call?.ms), `${call?.ms} ms`);
      assert.equal(call?.requestId, answer.headers.get('x-request-id'));
      assert.equal(await runs(), 0, 'nothing is left on its way');
    });

    describe('a run that fails changes nothing', () => {
      const failures: [what: string, act: typeof act, status: number, code: string][] = [
        [
          'a thrown error',
          () => {
            throw new Error('boom');
          },
          500,
          'INTERNAL',
        ],
        [
          'a thrown text',
          () => {
            throw 'boom';
          },
          500,
          'INTERNAL',
        ],
        [
          'a refusal',
          () => {
            throw refusal('The account is closed.', 'Open it first.');
          },
          400,
          'NOT_RUN',
        ],
        ['an answer of the wrong shape', () => ({ said: 5 }), 500, 'INTERNAL'],
        ['no answer', () => undefined, 500, 'INTERNAL'],
        ['a rejected promise', () => Promise.reject(new Error('boom')), 500, 'INTERNAL'],
        [
          'a row of the wrong shape',
          ({ data }) => {
            data.note?.create({ text: 5 });
            return {};
          },
          500,
          'INTERNAL',
        ],
        [
          'a row with more than its fields',
          ({ data }) => {
            data.note?.create({ text: 'a', id: 'mine' });
            return {};
          },
          500,
          'INTERNAL',
        ],
        [
          'a mail to two',
          ({ mail }) => {
            mail.send({ to: 'a@example.com, b@example.com', subject: 's', text: 't' });
            return {};
          },
          500,
          'INTERNAL',
        ],
        [
          'a subject of two lines',
          ({ mail }) => {
            mail.send({ to: 'a@example.com', subject: 's\r\nBcc: b@example.com', text: 't' });
            return {};
          },
          500,
          'INTERNAL',
        ],
        [
          'too many rows',
          ({ data }) => {
            for (let row = 0; row <= 1000; row += 1) data.note?.create({ text: 'x' });
            return {};
          },
          500,
          'INTERNAL',
        ],
        [
          'too large a row',
          ({ data }) => {
            data.note?.create({ text: 'x'.repeat(5_000_000) });
            return {};
          },
          500,
          'INTERNAL',
        ],
      ];
      for (const [what, doing, status, code] of failures) {
        test(what, async () => {
          act = async (call) => {
            call.data.note?.create({ text: 'staged before it failed' });
            call.mail.send({ to: 'someone@example.com', subject: 'staged', text: 'staged' });
            return doing(call);
          };
          const { value, credential } = await tokenFor('wf:tricky');
          const before = [(await notes()).length, (await mails()).length];
          const answer = await server.call('/api/1.1/wf/tricky', { method: 'POST', token: value });
          assert.deepEqual([answer.status, answer.body.body.status], [status, code], answer.text);
          assert.ok(status < 500 || !answer.text.includes('boom'));
          assert.deepEqual([(await notes()).length, (await mails()).length, await runs()], [...before, 0]);
          const call = await lastCall();
          assert.deepEqual([call?.tokenId, call?.status, call?.result], [credential.id, status, code]);
        });
      }

      test('a schema that fails, which says that nothing was done', async () => {
        const { value: token } = await tokenFor('wf:tricky');
        const json = { slip: 'a' };
        const { status, body } = await server.call('/api/1.1/wf/tricky', { method: 'POST', token, json });
        assert.equal(status, 500);
        assert.match(body.body.hint, /^Nothing was stored or sent\. Try again\./);
      });

      test('what a run starts and does not wait for comes too late', async () => {
        let late: unknown;
        act = ({ data }) => {
          setImmediate(() => {
            try {
              data.note?.create({ text: 'late' });
            } catch (error) {
              late = error;
            }
          });
          return {};
        };
        const { value } = await tokenFor('wf:tricky');
        const before = (await notes()).length;
        assert.equal((await server.call('/api/1.1/wf/tricky', { method: 'POST', token: value })).status, 200);
        await until('it tried', () => late !== undefined);
        assert.match(String(late), /it is over; await what run starts, as in await data/);
        assert.equal((await notes()).length, before);
      });
    });

    test('a run that takes too long is stopped, told so, and changes nothing', async () => {
      const runner = createRunner({ ...server.domain, timeLimitMs: 30 });
      let told: unknown;
      act = ({ data, signal }) => {
        data.note?.create({ text: 'slow' });
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            told = signal.reason;
            reject(new Error('given up'));
          });
        });
      };
      const before = (await notes()).length;
      const named = { parameters: {}, known: [], passed: createPassedRules() };
      const call = { parameters: {}, named, caller: undefined, request: { id: 'r', from: '127.0.0.1' } };
      await assert.rejects(runner.run(tricky, call, undefined), { status: 504, code: 'TIMEOUT' });
      assert.equal((told as { code?: string }).code, 'TIMEOUT');
      assert.deepEqual([(await notes()).length, await runs()], [before, 0]);
    });

    test('a run whose caller is cut off meanwhile stores and sends nothing', async () => {
      const cutOff = async (stages: boolean, set: { revokedAt: number } | { suspendedAt?: number }) => {
        const { value, credential } = await tokenFor('wf:tricky');
        const { credentials, accounts } = server.domain.rows;
        act = async ({ data, mail }) => {
          if (stages) data.note?.create({ text: 'late' });
          if (stages) mail.send({ to: 'late@example.com', subject: 'Late', text: 'mail' });
          if ('revokedAt' in set) await credentials.update(credential.id, { set });
          else await accounts.update(credential.accountId, { set });
          await delay(1.5 * JUDGED_AGAIN_MS);
          return {};
        };
        return (await server.call('/api/1.1/wf/tricky', { method: 'POST', token: value })).status;
      };
      const before = [(await notes()).length, (await mails()).length];
      assert.deepEqual(
        [await cutOff(true, { revokedAt: now }), await cutOff(true, { suspendedAt: now })],
        [401, 401],
      );
      assert.equal((await lastCall())?.result, 'invalid_token');
      assert.deepEqual([(await notes()).length, (await mails()).length], before);
      assert.equal(await cutOff(false, { revokedAt: now }), 200);
      assert.equal(await cutOff(true, {}), 200);
    });

    test('a run with several rows and mails does them all, with defaults filled in', async () => {
      act = ({ data, mail }) => {
        const first = data.note?.create({ text: 'one' });
        data.note?.create({ text: `after ${first?.id}`, stars: 3 });
        mail.send({ to: 'a@example.com', subject: 'A & B', text: 'one\ntwo\n\n<three>' });
        mail.send({ to: 'b@example.com', subject: 'B', text: 'plain', html: '<b>rich</b>' });
        return { said: String(first?.stars), more: 'left out' };
      };
      const { value } = await tokenFor('wf:tricky');
      const before = (await notes()).length;
      const answer = await server.call('/api/1.1/wf/tricky', { method: 'POST', token: value });
      assert.deepEqual(answer.body.response, { said: '1' });
      const stored = (await notes()).slice();
      assert.equal(stored.length, before + 2);
      const [a, b] = ['a@example.com', 'b@example.com'].map(async (to) =>
        (await mails()).find((one) => one.to === to),
      );
      assert.match((await a)?.html ?? '', /one<br>two/);
      assert.match((await a)?.html ?? '', /&lt;three&gt;/);
      assert.match((await a)?.text ?? '', /one\ntwo\n\n<three>/);
      assert.deepEqual([(await b)?.text, (await b)?.html], ['plain', '<b>rich</b>']);
    });

    test('mails without any row go out too', async () => {
      act = ({ mail }) => {
        mail.send({ to: 'only@example.com', subject: 'Only', text: 'mail' });
        return {};
      };
      const { value } = await tokenFor('wf:tricky');
      assert.equal((await server.call('/api/1.1/wf/tricky', { method: 'POST', token: value })).status, 200);
      assert.equal((await mails()).filter(({ to }) => to === 'only@example.com').length, 1);
      assert.equal((await lastCall())?.result, 'success');
    });

    test('calls at the same moment get no more mails in than may wait', async () => {
      const { outbox } = server.domain.rows;
      act = ({ mail }) => {
        mail.send({ to: 'crowd@example.com', subject: 'Crowd', text: 'mail' });
        return {};
      };
      const { value, credential } = await tokenFor('wf:tricky');
      const mail = {
        to: 'crowd@example.com',
        subject: 'Crowd',
        text: '',
        html: '',
        createdAt: now,
        attempts: 0,
      };
      const ids = Array.from({ length: 990 }, (_, at) => `crowd${at}`);
      await outbox.insertMany(
        ids.map((id) => ({ ...mail, id, queue: credential.accountId, dueAt: now + 60 })),
      );
      const answers = await Promise.all(
        Array.from({ length: isFirst ? 40 : 20 }, () =>
          server.call('/api/1.1/wf/tricky', { method: 'POST', token: value }),
        ),
      );
      const done = answers.filter(({ status }) => status === 200).length;
      assert.ok(done >= 1 && done <= 10, String(done));
      // What a run brings may reach its place only at the next sweep.
      const mails = () => outbox.count([['to', '=', 'crowd@example.com']]);
      await until('each mail is in the outbox', async () => (await mails()) === 990 + done);
      await outbox.removeMany([['to', '=', 'crowd@example.com']], 2000);
    });

    if (isFirst)
      test('a caller whose mails pile up is refused another; other callers and sent mails do not count', async () => {
        const { outbox } = server.domain.rows;
        act = ({ data, mail }) => {
          data.note?.create({ text: 'beside a mail' });
          mail.send({ to: 'pile@example.com', subject: 'Pile', text: 'mail' });
          return {};
        };
        const one = await tokenFor('wf:tricky');
        const other = await tokenFor('wf:tricky');
        const call = ({ value }: typeof one) =>
          server.call('/api/1.1/wf/tricky', { method: 'POST', token: value });
        const mail = {
          to: 'pile@example.com',
          subject: 'Pile',
          text: '',
          html: '',
          createdAt: now,
          attempts: 0,
        };
        const queue = one.credential.accountId;
        const ids = Array.from({ length: 999 }, (_, at) => `pile${at}`);
        await outbox.insertMany(ids.map((id) => ({ ...mail, id, queue, dueAt: now + 60 })));
        assert.equal((await call(one)).status, 200);
        const before = (await notes()).length;
        const refused = await call(one);
        assert.deepEqual([refused.status, refused.body.body.status], [429, 'TOO_MANY_MAILS']);
        assert.equal(refused.headers.get('retry-after'), '60');
        assert.equal((await notes()).length, before);
        const entries = (await server.calls()).filter(({ tokenId }) => tokenId === one.credential.id);
        assert.deepEqual(entries.map(({ result }) => result).sort(), ['TOO_MANY_MAILS', 'success']);
        assert.equal((await call(other)).status, 200);
        await outbox.update('pile0', { set: { sentAt: now }, unset: ['dueAt'] });
        assert.equal((await call(one)).status, 200);
        // What a dead mailbox refuses is given up soon, and does not keep its owner from calling.
        assert.equal((await call(one)).status, 429);
        await outbox.updateMany([['to', '=', 'pile@example.com']], { set: { refusedAt: now } });
        assert.equal((await call(one)).status, 200);
        await outbox.removeMany([['to', '=', 'pile@example.com']], 2000);
      });

    test('entries of one second list in the order of their calls', async () => {
      const { value, credential } = await server.token();
      for (const path of ['/api/1.1/me', '/api/1.1/nowhere', '/api/1.1/wf/x', '/api/1.1/me'])
        await server.call(path, { token: value });
      const own = await server.domain.rows.calls.list({
        where: [['accountId', '=', credential.accountId]],
        order: { by: 'at' },
        limit: 10,
      });
      assert.deepEqual(
        own.map(({ path }) => path),
        ['/api/1.1/me', '/api/1.1/nowhere', '/api/1.1/wf/x', '/api/1.1/me'],
      );
    });
  });

  describe(`the API without its activity (${engine})`, () => {
    test('no answer leaves without its entry: 503, and a refusal too', async () => {
      const away = () => Promise.reject(new Unavailable('away'));
      let now = systemClock();
      const server = await startApiServer({
        storeUrl: await url(),
        clock: () => now,
        recorder: (real) => ({ ...real, record: away }),
      });
      try {
        const { value } = await server.token();
        const { value: dead } = await server.token({ revokedAt: 1 });
        const calls = [
          server.call('/api/1.1/me', { token: value }),
          server.call('/api/1.1/me', { token: dead }),
          server.call('/api/1.1/wf/no_such', { token: value }),
        ];
        for (const answer of await Promise.all(calls)) {
          assert.deepEqual([answer.status, answer.body.body.status], [503, 'UNAVAILABLE']);
          assert.ok(Number(answer.headers.get('retry-after')) > 0);
        }
        // A change carries its entry with it, so it needs no second write.
        const done = await server.call(TRANSACTION, { method: 'POST', token: value, json: CALL });
        assert.equal(done.status, 200, done.text);
        now += 10;
        await server.domain.effects.sweep();
        assert.deepEqual(
          (await server.calls()).map(({ path }) => path),
          [TRANSACTION],
        );
      } finally {
        await server.stop();
      }
    });
  });
});
