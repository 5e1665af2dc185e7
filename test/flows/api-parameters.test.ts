import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { defineWorkflow } from '../../server/workflows/workflow.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { eachStore } from '../support/stores.ts';
import { CALL, openDoor, TRANSACTION } from '../support/workflows.ts';

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
  describe(`parameters of the API (${engine})`, () => {
    const now = 1_800_000_000;
    let server: ApiServer;
    before(async () => {
      server = await startApiServer({
        storeUrl: await url(),
        clock: () => now,
        workflows: [openDoor, either],
      });
    });
    after(() => server.stop());

    const lastCall = async () => (await server.calls()).at(-1);
    const tokenFor = (...scopes: string[]) => server.token({ scopes });

    describe('of create_transaction', () => {
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

    describe('by place and type', () => {
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
  });
});
