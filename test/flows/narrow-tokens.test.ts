import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import type { Credential } from '../../server/credentials/credential.ts';
import type { Narrowing } from '../../server/credentials/narrowing.ts';
import { defineWorkflow, refusal } from '../../server/workflows/workflow.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { eachStore } from '../support/stores.ts';
import { CALL, TRANSACTION } from '../support/workflows.ts';

const ME = '/api/1.1/me';
const WORKFLOW = 'create_transaction';

/** A parameter whose schema takes more than plain numbers. */
const loose = defineWorkflow({
  name: 'loose',
  description: 'Take whatever comes',
  callers: 'account',
  parameters: {
    amount: { schema: z.coerce.number().optional(), description: 'How much', example: 1, in: 'either' },
    fail: { schema: z.boolean().default(false), description: 'Whether to fail', example: true },
  },
  returns: z.object({ amount: z.number().optional() }),
  run({ parameters: { amount, fail } }) {
    if (fail) throw refusal('It was turned down.', 'Try something else.');
    return { amount };
  },
});

eachStore(({ engine, url, isFirst }) => {
  describe(`narrow tokens at the API (${engine})`, () => {
    let now = 1_800_000_000;
    let server: ApiServer;
    before(async () => {
      server = await startApiServer({ storeUrl: await url(), clock: () => now, workflows: [loose] });
    });
    after(() => server.stop());

    const narrowed = (narrowing: Narrowing, wanted: Partial<Credential> = {}) =>
      server.token({ narrowing, scopes: ['wf:create_transaction', 'wf:loose'], ...wanted });
    const lastCall = async () => (await server.calls()).at(-1);

    /** What a call is answered, in short. */
    async function answer(token: string, path: string, init: RequestInit & { json?: unknown } = {}) {
      const { status, body, headers } = await server.call(path, { token, ...init });
      return { status, code: body.body?.status, body: body.body ?? body, headers };
    }
    const run = (token: string, json: unknown, path = '/api/1.1/wf/loose') =>
      answer(token, path, { method: 'POST', json });

    test('from another address: 403, before the scope, recorded, and no use of it', async () => {
      const { value, credential } = await narrowed(
        { ipRanges: ['198.51.100.0/24', '2001:db8::/32'] },
        { scopes: [] },
      );
      for (const path of [ME, TRANSACTION, '/api/1.1/wf/no_such', '/api/1.1/nothing']) {
        const { status, code, body, headers } = await answer(value, path, {
          method: path === ME ? 'GET' : 'POST',
        });
        assert.deepEqual([status, code], [403, 'ADDRESS_REFUSED'], path);
        assert.match(body.message, /from the address 127\.0\.0\.1\./);
        assert.ok(!JSON.stringify(body).includes('198.51'));
        assert.match(
          headers.get('www-authenticate') ?? '',
          /^Bearer realm="[^"]+", resource_metadata="[^"]+"$/,
        );
      }
      const call = (await server.calls()).find((one) => one.tokenId === credential.id);
      assert.deepEqual([call?.status, call?.result, call?.from], [403, 'ADDRESS_REFUSED', '127.0.0.1']);
      await server.domain.lastUsed.flush();
      assert.equal((await server.domain.rows.credentials.get(credential.id))?.lastUsedAt, undefined);
    });

    test('a token that is dead is told so first, and one from its range is let in', async () => {
      const elsewhere = { ipRanges: ['198.51.100.0/24'] };
      const { value: expired } = await narrowed(elsewhere, { expiresAt: now });
      assert.equal((await answer(expired, ME)).status, 401);
      const { value: idle } = await narrowed({ ...elsewhere, idleDays: 7 }, { createdAt: now - 7 * 86_400 });
      const refused = await answer(idle, ME);
      assert.equal(refused.status, 401);
      assert.match(refused.body.message, /nothing had used it/);
      const { value } = await narrowed({ ipRanges: ['198.51.100.7', '127.0.0.0/8'] });
      assert.equal((await answer(value, ME)).status, 200);
    });

    test('an address that the caller writes itself counts for nothing without a proxy', async () => {
      const { value } = await narrowed({ ipRanges: ['198.51.100.0/24'] });
      for (const headers of [
        { 'x-forwarded-for': '198.51.100.7' },
        { forwarded: 'for=198.51.100.7' },
        { 'x-real-ip': '198.51.100.7', 'client-ip': '198.51.100.7' },
      ]) {
        assert.equal((await answer(value, ME, { headers: headers as Record<string, string> })).status, 403);
      }
    });

    test('with an origin it works for the pages of that one, and not without the header', async () => {
      const { value } = await narrowed({ origin: 'https://app.example.com' });
      const from = (origin?: string) =>
        answer(value, ME, origin === undefined ? {} : { headers: { origin } });
      const { status, headers } = await from('https://app.example.com');
      assert.deepEqual([status, headers.get('access-control-allow-origin')], [200, '*']);
      for (const origin of [
        undefined,
        'null',
        'http://app.example.com',
        'https://app.example.com:8443',
        'https://APP.example.com',
        'https://app.example.com/',
        'https://app.example.com.evil.example',
        'https://evil.example, https://app.example.com',
        'https://app.example.com https://evil.example',
      ]) {
        const refused = await from(origin);
        assert.deepEqual([refused.status, refused.code], [403, 'ORIGIN_REFUSED'], origin);
        assert.ok(!JSON.stringify(refused.body).includes('app.example.com'));
      }
      assert.equal((await lastCall())?.result, 'ORIGIN_REFUSED');
    });

    test('a value beyond its bound is 403 with its name and what is allowed, and nothing is run', async () => {
      const bound = { workflow: WORKFLOW, parameter: 'amount', is: '<=' as const, value: 100.01 };
      const { value } = await narrowed({ bounds: [bound] });
      const at = (amount: unknown) => run(value, { ...CALL, amount }, TRANSACTION);
      for (const amount of [100.01, 100, 0.01]) assert.equal((await at(amount)).status, 200, String(amount));
      const rows = (await server.calls()).length;
      for (const amount of [100.02, 1000, 999_999_999.99]) {
        const { status, code, body } = await at(amount);
        assert.deepEqual([status, code, body.parameter], [403, 'OUT_OF_BOUNDS', 'amount']);
        assert.match(body.message, /create_transaction with amount at most 100\.01 only; [\d.]+ was sent/);
      }
      assert.equal((await server.calls()).length, rows + 3);
      assert.equal((await lastCall())?.result, 'OUT_OF_BOUNDS');
      // What the schema refuses is said first.
      assert.equal((await at('a lot')).code, 'INVALID_DATA');
      // Another workflow is not bounded by it.
      assert.equal((await run(value, { amount: 5000 })).status, 200);
    });

    const sent: [what: string, body: string, status: number][] = [
      ['a number', '{"amount":10}', 200],
      ['the same in another spelling', '{"amount":1e1}', 200],
      ['the text of one', '{"amount":"10"}', 200],
      ['beyond by one place', '{"amount":10.000000000000002}', 403],
      ['a huge one', '{"amount":1e300}', 403],
      ['beyond every number', '{"amount":1e999}', 400],
      ['more digits than arrive', '{"amount":10.00000000000000000001}', 400],
      ['a text beyond', '{"amount":"11"}', 403],
      ['a text that only a coercing schema reads', '{"amount":"0x5"}', 403],
      ['with blanks', '{"amount":" 5 "}', 403],
      ['a list of one', '{"amount":["5"]}', 403],
      ['a truth', '{"amount":true}', 403],
      ['Infinity as a text', '{"amount":"Infinity"}', 400],
      ['NaN as a text', '{"amount":"NaN"}', 400],
      ['a small one, below', '{"amount":-1}', 403],
      ['left out', '{}', 403],
      ['twice, the second beyond', '{"amount":1,"amount":11}', 400],
    ];
    for (const [what, body, status] of isFirst ? sent : []) {
      test(`an amount from 0 to 10 of a coercing schema: ${what} is ${status}`, async () => {
        const bound = { workflow: 'loose', parameter: 'amount' };
        const { value } = await narrowed({
          bounds: [
            { ...bound, is: '<=', value: 10 },
            { ...bound, is: '>=', value: 0 },
          ],
        });
        const headers = { 'content-type': 'application/json' };
        const found = await answer(value, '/api/1.1/wf/loose', { method: 'POST', body, headers });
        assert.equal(found.status, status, JSON.stringify(found.body));
        if (status === 403) assert.equal(found.code, 'OUT_OF_BOUNDS');
      });
    }

    test('in a form and in the query too', async () => {
      const { value } = await narrowed({
        bounds: [{ workflow: 'loose', parameter: 'amount', is: '<=', value: 10 }],
      });
      const form = (amount: string) =>
        answer(value, '/api/1.1/wf/loose', { method: 'POST', body: new URLSearchParams({ amount }) });
      assert.deepEqual([(await form('10')).status, (await form('11')).status], [200, 403]);
      const query = (amount: string) =>
        answer(value, `/api/1.1/wf/loose?amount=${amount}`, { method: 'POST' });
      assert.deepEqual([(await query('10')).status, (await query('11')).status], [200, 403]);
    });

    test('a bound of a parameter that the workflow has no longer lets nothing through', async () => {
      const { value } = await narrowed({
        bounds: [{ workflow: 'loose', parameter: 'sum', is: '<=', value: 10 }],
      });
      assert.equal((await run(value, { sum: 1 })).code, 'OUT_OF_BOUNDS');
    });

    test('so many calls a day: what was refused before it ran does not count, at once not one more', async () => {
      const { value, credential } = await narrowed(
        {
          bounds: [
            { workflow: 'loose', callsADay: 3 },
            { workflow: 'loose', callsADay: 5 },
            { workflow: 'loose', parameter: 'amount', is: '<=', value: 10 },
          ],
        },
        { expiresAt: now + 10 * 86_400 },
      );
      for (let turn = 0; turn < 3; turn += 1) {
        assert.equal((await run(value, { amount: 'x' })).status, 400);
        assert.equal((await run(value, { amount: 11 })).status, 403);
      }
      // One that its workflow turned down has run.
      assert.equal((await run(value, { amount: 1, fail: true })).code, 'NOT_RUN');
      const many = await Promise.all(Array.from({ length: 10 }, () => run(value, { amount: 1 })));
      assert.equal(many.filter(({ status }) => status === 200).length, 2);
      const refused = await run(value, { amount: 1 });
      assert.deepEqual([refused.status, refused.code], [429, 'CALLS_USED_UP']);
      assert.match(refused.body.message, /allows 3 calls of loose a day/);
      assert.equal(Number(refused.headers.get('retry-after')), 86_400 - (now % 86_400));
      // Other workflows have a day of their own; a rotated value has that of the one before.
      assert.equal((await run(value, CALL, TRANSACTION)).status, 200);
      const account = await server.domain.accounts.get(credential.accountId);
      assert.ok(account);
      const which = { accountId: account.id, id: credential.id };
      const wanted = { account, overlapSeconds: 0 };
      const rotated = await server.domain.tokens.rotate(which, wanted, { kind: 'operator' });
      assert.equal((await run(rotated.value, { amount: 1 })).code, 'CALLS_USED_UP');
      now += 86_400;
      assert.equal((await run(rotated.value, { amount: 1 })).status, 200);
    });

    test('/me says what narrows it', async () => {
      const { value } = await narrowed({
        ...{ ipRanges: ['127.0.0.1'], idleDays: 30, countedAs: 'tok_first' },
        bounds: [
          { workflow: 'loose', callsADay: 3 },
          { workflow: 'loose', parameter: 'amount', is: '<=', value: 10 },
        ],
      });
      const { token } = (await answer(value, ME)).body.response;
      assert.deepEqual(
        [token.ip_ranges, token.idle_days, token.bounds, token.countedAs],
        [['127.0.0.1'], 30, ['loose = 3/day', 'loose.amount <= 10'], undefined],
      );
      const plain = await server.token();
      assert.deepEqual(
        Object.keys((await answer(plain.value, ME)).body.response.token).includes('bounds'),
        false,
      );
    });
  });
});
