import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { Unavailable } from '../../adapters/port.ts';
import { transaction } from '../../config/types/transaction.ts';
import type { Call } from '../../server/activity/call.ts';
import { systemClock } from '../../server/ground/clock.ts';
import { createRunner } from '../../server/workflows/runner.ts';
import { type DataRow, openRuns, rowDeclarationOf, runDeclaration } from '../../server/workflows/runs.ts';
import { defineType, defineWorkflow, refusal, type Workflow } from '../../server/workflows/workflow.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { eachStore } from '../support/stores.ts';

const TRANSACTION = '/api/1.1/wf/create_transaction';
const CALL = { account: 'savings', phone: '+358401234567', amount: 12.5 };

const note = defineType({
  name: 'note',
  description: 'A note',
  fields: { text: z.string(), stars: z.number().default(1) },
});

/** What `tricky` does in this call, chosen by the test. */
let act: (call: Parameters<Workflow['run']>[0]) => unknown = () => ({});

const tricky = defineWorkflow({
  name: 'tricky',
  description: 'Do what the test says',
  callers: 'account',
  parameters: {},
  types: { note },
  returns: z.object({ said: z.string().optional() }),
  run: (call) => act(call as never) as never,
});

const open = defineWorkflow({
  name: 'open_door',
  description: 'Say who is there',
  method: 'GET',
  callers: 'anyone',
  parameters: {
    times: { schema: z.number().int().max(3).default(1), description: 'How often', example: 2 },
    loud: { schema: z.boolean().optional(), description: 'Whether loud', example: true },
  },
  returns: z.object({ who: z.string(), times: z.number(), loud: z.boolean() }),
  run: ({ caller, parameters }) => ({
    who: caller?.email ?? 'nobody',
    times: parameters.times,
    loud: parameters.loud ?? false,
  }),
});

const either = defineWorkflow({
  name: 'either_place',
  description: 'Read from anywhere',
  callers: 'account',
  parameters: {
    tone: { schema: z.string(), in: 'either', description: 'The tone', example: 'low' },
    place: { schema: z.string(), in: 'query', description: 'The place', example: 'here' },
    speed: { schema: z.number().optional(), description: 'The speed', example: 3 },
  },
  returns: z.object({ tone: z.string(), place: z.string(), speed: z.number().optional() }),
  run: ({ parameters }) => parameters,
});

eachStore(({ engine, url }) => {
  describe(`the API (${engine})`, () => {
    let now = 1_800_000_000;
    let server: ApiServer;
    before(async () => {
      server = await startApiServer({
        storeUrl: await url(),
        clock: () => now,
        workflows: [tricky, open, either],
        types: [note],
      });
    });
    after(() => server.stop());

    const mails = () => server.domain.rows.outbox.list({ limit: 1000 });
    const runs = async () => (await server.domain.store.collection(runDeclaration)).count([]);
    const notes = async () =>
      (await server.domain.store.collection(rowDeclarationOf(note))).list({ limit: 1000 });
    const lastCall = async () => (await server.calls()).at(-1);
    const tokenFor = (...scopes: string[]) => server.token({ scopes });

    describe('create_transaction', () => {
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
          createdBy: credential.accountId,
          ...CALL,
        });
        const mail = (await mails()).find(({ to }) => to === `${credential.accountId}@example.com`);
        assert.match(mail?.subject ?? '', /12\.50 on savings/);
        assert.match(mail?.text ?? '', new RegExp(transaction_id));
        assert.match(mail?.html ?? '', new RegExp(transaction_id));

        const call = await lastCall();
        assert.deepEqual(
          { ...call, id: undefined, requestId: undefined },
          {
            id: undefined,
            requestId: undefined,
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
        assert.equal(call?.requestId, answer.headers.get('x-request-id'));
        assert.equal(await runs(), 0, 'nothing is left on its way');
      });

      test('reads a form too', async () => {
        const { value } = await server.token();
        const body = new URLSearchParams({ account: 'savings', phone: '+358401234567', amount: '0.10' });
        const answer = await server.call(TRANSACTION, { method: 'POST', token: value, body });
        assert.equal(answer.body?.response?.amount, 0.1, answer.text);
      });

      const wrongPlaces: [what: string, path: string, json: unknown, message: RegExp, hint: RegExp][] = [
        [
          'in the query',
          `${TRANSACTION}?account=savings`,
          { phone: CALL.phone, amount: 1 },
          /^Missing parameter for workflow create_transaction: parameter account$/,
          /account was sent in the query, but it is read from the body\. Send \{"account":"savings".*application\/json/,
        ],
        ['missing', TRANSACTION, { phone: CALL.phone, amount: 1 }, /parameter account$/, /Send \{"account"/],
        [
          'nearly the name',
          TRANSACTION,
          { ...CALL, account: undefined, Acount: 'x' },
          /parameter account$/,
          /Acount was sent/,
        ],
        ['one too deep', TRANSACTION, { data: CALL }, /parameter account$/, /inside data/],
      ];
      for (const [what, path, json, message, hint] of wrongPlaces) {
        test(`a parameter ${what} is MISSING_DATA and the hint finds it`, async () => {
          const { value } = await server.token();
          const { status, body } = await server.call(path, { method: 'POST', token: value, json });
          assert.equal(status, 400);
          assert.deepEqual(Object.keys(body), ['statusCode', 'body']);
          assert.equal(body.statusCode, 400);
          assert.equal(body.body.status, 'MISSING_DATA');
          assert.equal(body.body.parameter, 'account');
          assert.match(body.body.message, message);
          assert.match(body.body.hint, hint);
          assert.equal((await lastCall())?.result, 'MISSING_DATA');
        });
      }

      const wrongValues: [
        what: string,
        path: string,
        json: unknown,
        parameter: string,
        message: RegExp,
        hint: RegExp,
      ][] = [
        [
          'a number as a text',
          TRANSACTION,
          { ...CALL, amount: '12.5' },
          'amount',
          /expected number, received string/,
          /leave out the quotes/,
        ],
        [
          'a word for a number',
          TRANSACTION,
          { ...CALL, amount: 'much' },
          'amount',
          /expected number/,
          /For example 49\.9/,
        ],
        [
          'in both places',
          `${TRANSACTION}?account=x`,
          CALL,
          'account',
          /in the query and in the body/,
          /once, in the body/,
        ],
        [
          'three decimals',
          TRANSACTION,
          { ...CALL, amount: 1.005 },
          'amount',
          /at most two decimals/,
          /For example/,
        ],
      ];
      for (const [what, path, json, parameter, message, hint] of wrongValues) {
        test(`${what} is INVALID_DATA`, async () => {
          const { value } = await server.token();
          const { status, body } = await server.call(path, { method: 'POST', token: value, json });
          assert.equal(status, 400);
          assert.deepEqual([body.body.status, body.body.parameter], ['INVALID_DATA', parameter]);
          assert.match(body.body.message, message);
          assert.match(body.body.hint, hint);
        });
      }

      test('names that no parameter has are left alone', async () => {
        const { value } = await server.token();
        const json = { ...CALL, utm_source: 'x', constructor: 1 };
        assert.equal(
          (await server.call(`${TRANSACTION}?v=2`, { method: 'POST', token: value, json })).status,
          200,
        );
      });
    });

    describe('parameters by place and type', () => {
      test('are read from the query or the body as declared, texts of a query as what they spell', async () => {
        const { value } = await tokenFor('wf:either_place');
        const inBody = await server.call('/api/1.1/wf/either_place?place=here', {
          method: 'POST',
          token: value,
          json: { tone: 'low', speed: 2 },
        });
        assert.deepEqual(inBody.body.response, { tone: 'low', place: 'here', speed: 2 });
        const inQuery = await server.call('/api/1.1/wf/either_place?place=5&tone=1', {
          method: 'POST',
          token: value,
        });
        assert.deepEqual(inQuery.body.response, { tone: '1', place: '5' });
        const spelt = await server.call('/api/1.1/wf/open_door?times=3&loud=true');
        assert.deepEqual(spelt.body.response, { who: 'nobody', times: 3, loud: true });
      });

      const slips: [path: string, json: unknown, status: string, parameter: string, hint: RegExp][] = [
        ['?tone=low', { place: 'here' }, 'MISSING_DATA', 'place', /Send \?place=here/],
        ['?tone=low&place=here&speed=3', {}, 'INVALID_DATA', 'speed', /read from the body/],
        ['?tone=low&place=here', { sped: 3 }, 'INVALID_DATA', 'sped', /Did you mean speed/],
        ['?tone=low&place=here&place=there', {}, 'INVALID_DATA', 'place', /once/],
        ['?tone=low&place=here', { tone: 'low' }, 'INVALID_DATA', 'tone', /once/],
      ];
      for (const [path, json, status, parameter, hint] of slips) {
        test(`${path} ${JSON.stringify(json)} is ${status} of ${parameter}`, async () => {
          const { value } = await tokenFor('wf:either_place');
          const answer = await server.call(`/api/1.1/wf/either_place${path}`, {
            method: 'POST',
            token: value,
            json,
          });
          assert.deepEqual(
            [answer.status, answer.body.body.status, answer.body.body.parameter],
            [400, status, parameter],
          );
          assert.match(answer.body.body.hint, hint);
        });
      }
    });

    describe('who may call', () => {
      test('nobody learns a name without a token; with one the nearest name is suggested', async () => {
        for (const name of ['create_transaction', 'no_such', 'issue_token']) {
          const { status, body } = await server.call(`/api/1.1/wf/${name}`, { method: 'POST' });
          assert.deepEqual([status, body.body.status], [401, 'UNAUTHORIZED']);
        }
        const { value } = await server.token();
        const near = await server.call('/api/1.1/wf/createTransactions', { method: 'POST', token: value });
        assert.deepEqual([near.status, near.body.body.status], [404, 'NOT_FOUND']);
        assert.match(near.body.body.hint, /Did you mean create_transaction\?/);
        const far = await server.call('/api/1.1/wf/issue_tokens', { method: 'POST', token: value });
        assert.match(far.body.body.hint, /This token may call: create_transaction, open_door\./);
        assert.equal((await lastCall())?.result, 'NOT_FOUND');
      });

      test('a missing scope is 403 naming it, before anything is said of the parameters', async () => {
        const { value, credential } = await tokenFor('profile');
        const { status, headers, body } = await server.call(TRANSACTION, {
          method: 'POST',
          token: value,
          json: [],
        });
        assert.deepEqual([status, body.body.status], [403, 'insufficient_scope']);
        const challenge = headers.get('www-authenticate') ?? '';
        assert.match(challenge, /error="insufficient_scope"/);
        assert.match(challenge, /scope="wf:create_transaction"/);
        assert.match(challenge, /resource_metadata="[^"]+"/);
        const call = await lastCall();
        assert.deepEqual(
          [call?.tokenId, call?.status, call?.result],
          [credential.id, 403, 'insufficient_scope'],
        );
      });

      test('the wrong method is 405 and says the right one, to those who may know', async () => {
        assert.equal((await server.call(TRANSACTION)).status, 401);
        const { value } = await server.token();
        const { status, headers, body } = await server.call(TRANSACTION, { token: value });
        assert.deepEqual(
          [status, headers.get('allow'), body.body.status],
          [405, 'POST, OPTIONS', 'METHOD_NOT_ALLOWED'],
        );
        assert.match(body.body.hint, /POST/);
      });

      test('a workflow for anyone needs no token, knows its caller, and still refuses a bad one', async () => {
        assert.equal((await server.call('/api/1.1/wf/open_door')).body.response.who, 'nobody');
        const before = (await server.calls()).length;
        const { value, credential } = await tokenFor('profile');
        const known = await server.call('/api/1.1/wf/open_door', { token: value });
        assert.equal(known.body.response.who, `${credential.accountId}@example.com`);
        assert.equal((await server.calls()).length, before + 1);
        assert.equal((await server.call('/api/1.1/wf/open_door', { token: 'nonsense' })).status, 401);
        const head = await server.call('/api/1.1/wf/open_door', { method: 'HEAD' });
        assert.deepEqual([head.status, head.text], [200, '']);
      });
    });

    describe('dead tokens', () => {
      const deaths: [what: string, wanted: object, result: RegExp, hint: RegExp][] = [
        ['expired', { expiresAt: now - 60 }, /expired on 2027-01-15 07:59 UTC/, /\/tokens/],
        ['revoked', { revokedAt: now - 60 }, /revoked on 2027-01-15 07:59 UTC/, /\/tokens/],
      ];
      for (const [what, wanted, message, hint] of deaths) {
        test(`${what}: 401 that says when, and an entry of the refused call`, async () => {
          const { value, credential } = await server.token(wanted);
          const { status, headers, body } = await server.call('/api/1.1/me', { token: value });
          assert.deepEqual([status, body.body.status], [401, 'invalid_token']);
          assert.match(headers.get('www-authenticate') ?? '', message);
          assert.match(body.body.message, message);
          assert.match(body.body.hint, hint);
          const call = await lastCall();
          assert.deepEqual(
            [call?.accountId, call?.tokenId, call?.status, call?.result],
            [credential.accountId, credential.id, 401, 'invalid_token'],
          );
        });
      }

      test('of a suspended account', async () => {
        const { value, credential } = await server.token();
        assert.equal((await server.call('/api/1.1/me', { token: value })).status, 200);
        await server.domain.accounts.suspend(credential.accountId, { kind: 'operator' });
        const { status, body } = await server.call('/api/1.1/me', { token: value });
        assert.equal(status, 401);
        assert.match(body.body.message, /suspended/);
        assert.equal((await lastCall())?.tokenId, credential.id);
      });

      test('a revocation holds from the very next call on', async () => {
        const { value, credential } = await server.token();
        assert.equal((await server.call('/api/1.1/me', { token: value })).status, 200);
        await server.domain.tokens.revoke(
          { accountId: credential.accountId, id: credential.id },
          { kind: 'operator' },
        );
        assert.equal((await server.call('/api/1.1/me', { token: value })).status, 401);
        assert.equal(
          (await server.call(TRANSACTION, { method: 'POST', token: value, json: CALL })).status,
          401,
        );
      });
    });

    describe('GET /api/1.1/me', () => {
      test('says who the token is, what it may do and until when', async () => {
        const { value, credential } = await server.token({ name: 'Laptop' });
        const { body } = await server.call('/api/1.1/me', { token: value });
        assert.deepEqual(body, {
          status: 'success',
          response: {
            account: { id: credential.accountId, email: `${credential.accountId}@example.com` },
            token: {
              id: credential.id,
              kind: 'personal_access_token',
              name: 'Laptop',
              scopes: ['wf:create_transaction', 'profile'],
              created_at: now,
              created: '2027-01-15T08:00:00.000Z',
              expires_at: now + 3600,
              expires: '2027-01-15T09:00:00.000Z',
              expires_in: 3600,
            },
            acts_for: 'account',
          },
        });
      });

      test('says null where a token never expires, and keeps the e-mail from tokens that may not see it', async () => {
        const { value, credential } = await server.token({
          scopes: ['wf:create_transaction'],
          expiresAt: undefined,
        });
        const { response } = (await server.call('/api/1.1/me', { token: value })).body;
        assert.deepEqual(response.account, { id: credential.accountId });
        assert.deepEqual(
          [response.token.expires_at, response.token.expires, response.token.expires_in],
          [null, null, null],
        );
      });

      test('of a service names the client and for whom it acts', async () => {
        const { value, clientId, owner } = await server.serviceToken(['admin', 'wf:issue_token']);
        const { response } = (await server.call('/api/1.1/me', { token: value })).body;
        assert.deepEqual(response.client, { id: clientId, name: 'Sync service', kind: 'service' });
        assert.deepEqual(
          [response.account.id, response.acts_for, response.token.kind],
          [owner, 'app', 'access_token'],
        );
        const call = await lastCall();
        assert.deepEqual([call?.clientId, call?.privacyBypassed], [clientId, true]);
      });

      test('HEAD is GET without the body', async () => {
        const { value } = await server.token();
        const { status, text, headers } = await server.call('/api/1.1/me', { method: 'HEAD', token: value });
        assert.deepEqual([status, text], [200, '']);
        assert.ok(Number(headers.get('content-length')) > 100);
      });
    });

    describe('pages of other origins', () => {
      test('may call, and may read what was refused', async () => {
        const preflight = await server.call('/api/1.1/wf/no_such', {
          method: 'OPTIONS',
          headers: {
            origin: 'https://app.example',
            'access-control-request-method': 'POST',
            'access-control-request-headers': 'authorization, content-type',
          },
        });
        assert.equal(preflight.status, 204);
        assert.equal(preflight.headers.get('access-control-allow-origin'), '*');
        assert.equal(preflight.headers.get('access-control-allow-credentials'), null);
        assert.match(
          preflight.headers.get('access-control-allow-headers') ?? '',
          /Authorization, Content-Type/,
        );
        const plain = await server.call('/api/1.1/me');
        assert.equal(plain.headers.get('access-control-allow-origin'), null);
        const refused = await server.call('/api/1.1/me', { headers: { origin: 'https://app.example' } });
        assert.equal(refused.headers.get('access-control-allow-origin'), '*');
        assert.match(refused.headers.get('access-control-expose-headers') ?? '', /WWW-Authenticate/);
      });
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
        await new Promise((resolve) => setTimeout(resolve, 20));
        assert.match(String(late), /it is over/);
        assert.equal((await notes()).length, before);
      });
    });

    test('a run that takes too long is stopped, told so, and changes nothing', async () => {
      const types = new Map([['note', note]]);
      const ownRuns = await openRuns({ ...server.domain, types });
      const runner = createRunner({ ...server.domain, runs: ownRuns, timeLimitMs: 30 });
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
      const call = { parameters: {}, caller: undefined, request: { id: 'r', from: '127.0.0.1' } };
      await assert.rejects(runner.run(tricky, call, undefined), { status: 504, code: 'TIMEOUT' });
      assert.equal((told as { code?: string }).code, 'TIMEOUT');
      assert.deepEqual([(await notes()).length, await runs()], [before, 0]);
    });

    test('a run is done once it is written, even if the store goes away before it is spread', async () => {
      const types = new Map([['note', note]]);
      const away = { ...server.domain.recorder, keep: () => Promise.reject(new Unavailable('away')) };
      const broken = await openRuns({ ...server.domain, types, recorder: away });
      const entry = { ...(await lastCall()), id: 'call_away' } as Call;
      const row = { id: 'obj_away', createdAt: now, text: 'away', stars: 1 } as DataRow;
      await broken.commit({ rows: [{ type: 'note', row }], mail: [] }, entry);
      assert.equal(await runs(), 1);
      now += 10;
      await server.domain.effects.sweep();
      assert.equal(await runs(), 0);
      assert.equal((await server.calls()).filter(({ id }) => id === 'call_away').length, 1);
    });

    test('a run with several rows and mails does them all, with defaults filled in', async () => {
      act = ({ data, mail }) => {
        const first = data.note?.create({ text: 'one' }) as { id: string; stars: number };
        data.note?.create({ text: `after ${first.id}`, stars: 3 });
        mail.send({ to: 'a@example.com', subject: 'A & B', text: 'one\ntwo\n\n<three>' });
        mail.send({ to: 'b@example.com', subject: 'B', text: 'plain', html: '<b>rich</b>' });
        return { said: String(first.stars), more: 'left out' };
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
      await outbox.removeMany([['to', '=', 'pile@example.com']], 2000);
    });

    test('a run whose process died right after it happened is finished by a sweep, once', async () => {
      const collection = await server.domain.store.collection(runDeclaration);
      const { credential } = await server.token();
      const row = { id: 'obj_left', createdAt: now, createdBy: credential.accountId, text: 'left', stars: 1 };
      const call = { ...(await lastCall()), id: 'call_left', tokenId: credential.id } as never;
      const mail = {
        id: 'mail_left',
        to: 'left@example.com',
        subject: 's',
        text: 't',
        html: 't',
        createdAt: now,
        dueAt: now,
        attempts: 0,
      };
      await collection.insert({
        id: 'run_left',
        committedAt: now,
        rows: [
          { type: 'note', row },
          { type: 'note', row: { ...row, id: 'obj_left2' } },
        ],
        call,
        pending: { audit: [], mail: [mail] },
        pendingAt: now + 5,
        pendingId: 'x',
      } as never);
      await server.domain.effects.sweep();
      const spread = async () => (await notes()).filter(({ id }) => id.startsWith('obj_left')).length;
      assert.deepEqual([await runs(), await spread()], [1, 0], 'its own process may still be at it');
      now += 10;
      await server.domain.effects.sweep();
      assert.deepEqual([await runs(), await spread()], [1, 2], 'its mail is still in it');
      now += 10;
      await server.domain.effects.sweep();
      await server.domain.effects.sweep();
      assert.equal(await runs(), 0);
      assert.deepEqual(
        (await notes())
          .filter(({ id }) => id.startsWith('obj_left'))
          .map(({ id }) => id)
          .sort(),
        ['obj_left', 'obj_left2'],
      );
      assert.equal((await server.calls()).filter(({ id }) => id === 'call_left').length, 1);
      assert.equal((await mails()).filter(({ id }) => id === 'mail_left').length, 1);
    });

    test('entries of one second list in the order of their calls', async () => {
      const { value, credential } = await server.token();
      for (const path of ['/api/1.1/me', '/api/1.1/nowhere', '/api/1.1/wf/x', '/api/1.1/me'])
        await server.call(path, { token: value });
      await server.domain.recorder.settle();
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

    describe('issue_token', () => {
      const ISSUE = '/api/1.1/wf/issue_token';
      const PASSWORD = 'correct horse battery staple';
      let admin: string;
      let userId: string;
      before(async () => {
        admin = (await server.serviceToken(['admin'])).value;
        const passwordHash = await server.domain.passwords.hash(PASSWORD);
        const user = await server.domain.accounts.create(
          { email: 'user@example.com', passwordHash, admin: false },
          { kind: 'operator' },
        );
        userId = user.id;
      });

      test('gives the token of a user who knows the password, with all that the account may do by itself', async () => {
        const json = { email: 'User@example.com', password: PASSWORD };
        const { status, body, text } = await server.call(ISSUE, { method: 'POST', token: admin, json });
        assert.equal(status, 200, text);
        const { token, user_id, expires } = body.response;
        assert.deepEqual([body.status, user_id, expires], ['success', userId, 90 * 86_400]);
        const me = (await server.call('/api/1.1/me', { token })).body.response;
        assert.deepEqual(me.account, { id: userId, email: 'user@example.com' });
        assert.deepEqual(me.token.scopes, ['wf:create_transaction', 'profile']);
        assert.equal(me.token.expires_in, expires);
        assert.equal((await server.call(TRANSACTION, { method: 'POST', token, json: CALL })).status, 200);
        const [entry] = await server.domain.rows.audit.list({
          where: [
            ['accountId', '=', userId],
            ['action', '=', 'token.created'],
          ],
          limit: 1,
        });
        assert.equal(entry?.actor.kind, 'client');
        assert.ok(!JSON.stringify(await server.calls()).includes(PASSWORD));
        assert.ok(!server.logged().includes(PASSWORD) && !server.logged().includes(token));
      });

      test('lives as long as asked, within the settings, under the name asked for', async () => {
        const json = { email: 'user@example.com', password: PASSWORD, expires_in: 3600, name: 'Their phone' };
        const { body } = await server.call(ISSUE, { method: 'POST', token: admin, json });
        assert.equal(body.response.expires, 3600);
        assert.equal(
          (await server.call('/api/1.1/me', { token: body.response.token })).body.response.token.name,
          'Their phone',
        );
        for (const expires_in of [0, 59, 1.5, 401 * 86_400, '3600', null]) {
          const wrong = await server.call(ISSUE, {
            method: 'POST',
            token: admin,
            json: { ...json, expires_in },
          });
          assert.deepEqual([wrong.status, wrong.body.body.parameter], [400, 'expires_in']);
        }
      });

      test('says the same of an unknown user, a wrong password, one of Google only and a suspended one', async () => {
        const accounts = server.domain.accounts;
        await accounts.create({ email: 'google@example.com', admin: false }, { kind: 'operator' });
        const passwordHash = await server.domain.passwords.hash(PASSWORD);
        const gone = await accounts.create(
          { email: 'gone@example.com', passwordHash, admin: false },
          { kind: 'operator' },
        );
        await accounts.suspend(gone.id, { kind: 'operator' });
        const attempts = [
          ['user@example.com', 'wrong password'],
          ['nobody@example.com', PASSWORD],
          ['google@example.com', PASSWORD],
          ['gone@example.com', PASSWORD],
          ['not an address', PASSWORD],
        ];
        const answers = [];
        for (const [email, password] of attempts) {
          const { status, body } = await server.call(ISSUE, {
            method: 'POST',
            token: admin,
            json: { email, password },
          });
          answers.push({ status, body: { ...body.body, requestId: '' } });
        }
        assert.deepEqual([answers[0]?.status, answers[0]?.body.status], [400, 'INVALID_DATA']);
        assert.match(answers[0]?.body.hint, /Google .*\/tokens/);
        for (const answer of answers) assert.deepEqual(answer, answers[0]);
      });

      test('guesses of one e-mail are counted, wherever they come from', async () => {
        // Each guess costs a hash, so all but the last two of the hour's hundred are only counted.
        const hour = { limit: 100, windowSeconds: 3600 };
        for (let turn = 0; turn < 98; turn += 1) {
          await server.domain.limiter.take('password:guessed@example.com', hour);
        }
        const json = { email: 'guessed@example.com', password: 'wrong password' };
        const statuses: number[] = [];
        for (let turn = 0; turn < 3; turn += 1) {
          statuses.push((await server.call(ISSUE, { method: 'POST', token: admin, json })).status);
        }
        assert.deepEqual(statuses, [400, 400, 429]);
      });

      test('is for admin tokens of admins only', async () => {
        const json = { email: 'user@example.com', password: PASSWORD };
        for (const scopes of [['profile'], ['wf:issue_token'], ['wf:create_transaction', 'profile']]) {
          const { value } = await server.serviceToken(scopes);
          const { status, headers } = await server.call(ISSUE, { method: 'POST', token: value, json });
          assert.equal(status, 403);
          assert.match(headers.get('www-authenticate') ?? '', /scope="admin"/);
        }
        const { value } = await server.serviceToken(['admin'], { admin: false });
        assert.equal((await server.call(ISSUE, { method: 'POST', token: value, json })).status, 403);
      });
    });
  });

  describe(`the API without its activity (${engine})`, () => {
    test('no answer leaves without its entry: 503, and a refusal too', async () => {
      const away = () => Promise.reject(new Unavailable('away'));
      let now = systemClock();
      const server = await startApiServer({
        storeUrl: await url(),
        clock: () => now,
        recorder: (real) => ({ ...real, keep: away }),
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
