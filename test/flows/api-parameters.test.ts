import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { newSecret } from '../../server/credentials/secret-format.ts';
import { queryOf } from '../../server/workflows/example-call.ts';
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

/** One parameter of each kind, and what it was given. */
const KINDS = {
  id: { schema: z.string().optional(), description: 'An id', example: 'a1' },
  count: { schema: z.number().optional(), description: 'A number', example: 3 },
  whole: { schema: z.int().max(9).optional(), description: 'A whole number', example: 3 },
  flag: { schema: z.boolean().optional(), description: 'Yes or no', example: true },
  tags: { schema: z.array(z.string()).max(3).optional(), description: 'Some words', example: ['a', 'b'] },
  counts: { schema: z.array(z.number()).optional(), description: 'Some numbers', example: [1, 2] },
  place: {
    schema: z.object({ name: z.string(), rank: z.number().optional() }).optional(),
    description: 'A place',
    example: { name: 'here' },
  },
  either: { schema: z.union([z.number(), z.string()]).optional(), description: 'Either', example: 1 },
  coerced: { schema: z.coerce.number().optional(), description: 'Any number', example: 4 },
  sure: { schema: z.coerce.boolean().optional(), description: 'Whether sure', example: true },
  day: { schema: z.enum(['mon', 'tue']).default('mon'), description: 'A day', example: 'tue' },
};
const kinds = (name: string, method: 'GET' | 'POST') =>
  defineWorkflow({
    name,
    description: 'Say what arrived',
    method,
    callers: 'anyone',
    parameters: KINDS,
    returns: z.object({ got: z.any() }),
    run: ({ parameters: { day, ...got } }) => ({ got: day === 'mon' ? got : { ...got, day } }),
  });
const posted = kinds('posted', 'POST');
const gotten = kinds('gotten', 'GET');

/** What is refused: the parameter that is named, and words of the message and the hint. */
type Refused = { of: string; says: RegExp; hint: RegExp };

const AS_TEXT = /send it as text/i;
const tooLong = (of: string): Refused => ({ of, says: /changed|does not arrive|as zero/, hint: AS_TEXT });
const leaveOut = (of: string): Refused => ({ of, says: /./, hint: /leave it out/ });

/** JSON bodies as they stand on the wire. */
const JSON_BODIES: [body: string, wanted: Record<string, unknown> | Refused][] = [
  // Numbers arrive as they were sent, or not at all.
  ['{"count":9007199254740991}', { count: 9007199254740991 }],
  ['{"count":-9007199254740991}', { count: -9007199254740991 }],
  ['{"count":49.90}', { count: 49.9 }],
  ['{"count":1.0}', { count: 1 }],
  ['{"count":0}', { count: 0 }],
  ['{"count":0.1}', { count: 0.1 }],
  ['{"count":0.30000000000000004}', { count: 0.30000000000000004 }],
  ['{"count":6.02214076e23}', { count: 6.02214076e23 }],
  ['{"count":1.7976931348623157e308}', { count: Number.MAX_VALUE }],
  ['{"count":5E-324}', { count: 5e-324 }],
  ['{"count":-2.50e+1}', { count: -25 }],
  ['{"count":9007199254740992}', tooLong('count')],
  ['{"count":9007199254740993}', tooLong('count')],
  ['{"count":-9007199254740993}', tooLong('count')],
  ['{"count":9007199254740993.0}', tooLong('count')],
  ['{"count":9007199254740993e0}', tooLong('count')],
  ['{"count":9.007199254740993e15}', tooLong('count')],
  ['{"count":90071992547409930e-1}', tooLong('count')],
  ['{"count":12345678901234567890}', tooLong('count')],
  ['{"count":100000000000000000000000}', tooLong('count')],
  [`{"count":1${'0'.repeat(400)}}`, tooLong('count')],
  ['{"count":1e400}', tooLong('count')],
  ['{"count":-1e400}', tooLong('count')],
  ['{"count":1e-400}', tooLong('count')],
  ['{"count":0.12345678901234567890}', tooLong('count')],
  ['{"count":1234567890.123456789}', tooLong('count')],
  ['{"count":99999999999999.99}', tooLong('count')],
  ['{"count":49.900000000000000001}', tooLong('count')],
  ['{"count":-0}', { of: 'count', says: /minus zero/, hint: /Send 0/ }],
  ['{"count":-0.0}', { of: 'count', says: /minus zero/, hint: /Send 0/ }],
  ['{"count":-0e5}', { of: 'count', says: /minus zero/, hint: /Send 0/ }],
  ['{"id":9007199254740993}', { of: 'id', says: /changed/, hint: /as text, in double quotes/ }],
  ['{"either":9007199254740993}', { of: 'either', says: /changed/, hint: /as text, in double quotes/ }],
  ['{"id":5}', { of: 'id', says: /expected string/, hint: /as text, in double quotes/ }],
  ['{"counts":[1,9007199254740993]}', tooLong('counts')],
  ['{"place":{"name":"x","rank":9007199254740993}}', tooLong('place')],
  ['{"coerced":"9007199254740993"}', tooLong('coerced')],
  ['{"coerced":null}', leaveOut('coerced')],
  ['{"coerced":" "}', leaveOut('coerced')],
  ['{"coerced":[]}', leaveOut('coerced')],
  ['{"sure":""}', leaveOut('sure')],
  ['{"sure":"False"}', { of: 'sure', says: /arrive as true/, hint: /leave out the quotes/ }],
  ['{"sure":false,"coerced":"0"}', { sure: false, coerced: 0 }],
  ['{"id":"9007199254740993"}', { id: '9007199254740993' }],
  ['{"id":"a 9007199254740993 -0 1e400"}', { id: 'a 9007199254740993 -0 1e400' }],
  ['{"other":{"id2":9007199254740993},"id":"x"}', { id: 'x' }],

  // Nothing.
  ['{"id":null}', leaveOut('id')],
  ['{"count":null}', leaveOut('count')],
  ['{"day":null}', leaveOut('day')],
  ['{"count":""}', leaveOut('count')],
  ['{"count":" "}', leaveOut('count')],
  ['{"count":[]}', leaveOut('count')],
  ['{"count":{}}', leaveOut('count')],
  ['{"tags":{}}', leaveOut('tags')],
  ['{"flag":"undefined"}', leaveOut('flag')],
  ['{"id":""}', { id: '' }],
  ['{"tags":[]}', { tags: [] }],

  // Wrapped, nested, in pieces.
  ['{"data":{"id":"x"}}', { of: 'id', says: /inside data/, hint: /by itself/ }],
  ['{"data":{"attributes":{"id":"x"}}}', { of: 'id', says: /inside data/, hint: /by itself/ }],
  ['{"items":[{"id":"x"}]}', { of: 'id', says: /inside items/, hint: /by itself/ }],
  ['{"body":"{\\"id\\":\\"x\\"}"}', { of: 'id', says: /inside body/, hint: /by itself/ }],
  ['{"data[id]":"x"}', { of: 'id', says: /as data\[id\]/, hint: /by itself/ }],
  ['{"data.id":"x"}', { of: 'id', says: /as data\.id/, hint: /by itself/ }],
  ['{"id":"x","id.name":"y"}', { of: 'id.name', says: /no such parameter/, hint: /one value/ }],
  ['{"id":"x","id[]":"y"}', { of: 'id[]', says: /no such parameter/, hint: /one value/ }],
  ['{"place":{"name":"x"},"data":{"name":"y"}}', { place: { name: 'x' } }],
  ['{"id":["x"]}', { of: 'id', says: /expected string/, hint: /list of one/ }],
  ['{"count":{"value":5}}', { of: 'count', says: /expected number/, hint: /inside an object/ }],
  ['{"place":"{\\"name\\":\\"x\\"}"}', { of: 'place', says: /expected object/, hint: /encoded twice/ }],
  ['{"tags":"a"}', { of: 'tags', says: /expected array/, hint: /brackets around it/ }],
  ['{"counts":["1"]}', { of: 'counts', says: /0: expected number/, hint: /For example/ }],
  ['{"flag":"True"}', { of: 'flag', says: /expected boolean/, hint: /leave out the quotes/ }],
  ['{"count":"1,5"}', { of: 'count', says: /expected number/, hint: /decimal point/ }],
  ['{"counts ":[1]}', { of: 'counts ', says: /no such/, hint: /Did you mean counts/ }],
  ['{"\\ufefftags":["x"]}', { of: '\ufefftags', says: /no such/, hint: /Did you mean tags/ }],

  // Characters that would not stay.
  ['{"id":"\\ud800"}', { of: 'id', says: /half a character/, hint: /UTF-8/ }],
  ['{"place":{"name":"x","Rank":1}}', { of: 'place', says: /no Rank in it/, hint: /Did you mean rank/ }],
  ['{"place":{"nmae":"x"}}', { of: 'place', says: /no nmae in it/, hint: /Did you mean name/ }],
  [
    '{"place":{"name":"x","rank":null}}',
    { of: 'place', says: /rank: expected number/, hint: /leave it out/ },
  ],
  ['{"place":{"name":"x","colour":"red"}}', { place: { name: 'x' } }],
  ['{"tags":["a",null]}', { of: 'tags', says: /1: expected string/, hint: /leave it out/ }],
  ['{"place":{"name":"a\\udfff"}}', { of: 'place', says: /half a character/, hint: /UTF-8/ }],
  ['{"tags":["\\u0000"]}', { of: 'tags', says: /NUL/, hint: /the character NUL/ }],
  ['{"id":"\\ud83d\\ude00"}', { id: '😀' }],
  ['\ufeff{"id":"x"}', { id: 'x' }],
  ['{"id":"\ufeffx"}', { id: '\ufeffx' }],
];

/** Queries, and forms too. */
const PAIRS: [pairs: string, wanted: Record<string, unknown> | Refused][] = [
  ['count=9007199254740991', { count: 9007199254740991 }],
  ['count=9007199254740993', tooLong('count')],
  ['count=1e400', tooLong('count')],
  ['count=0.12345678901234567890', tooLong('count')],
  ['count=-0', { of: 'count', says: /minus zero/, hint: /Send 0/ }],
  ['counts=1&counts=9007199254740993', tooLong('counts')],
  ['counts=9007199254740993', tooLong('counts')],
  ['tags=9007199254740993', { tags: ['9007199254740993'] }],
  ['counts=[9007199254740993]', tooLong('counts')],
  ['place={"name":"x","rank":9007199254740993}', tooLong('place')],
  ['coerced=12&sure=false', { coerced: 12, sure: false }],
  ['coerced=', leaveOut('coerced')],
  ['coerced=9007199254740993', tooLong('coerced')],
  ['id=9007199254740993&either=9007199254740993', { id: '9007199254740993', either: '9007199254740993' }],

  ['tags=a&tags=b', { tags: ['a', 'b'] }],
  ['tags=a', { tags: ['a'] }],
  ['tags=5', { tags: ['5'] }],
  ['tags=["a","b"]', { tags: ['a', 'b'] }],
  ['tags=a&tags=b&tags=c&tags=d', { of: 'tags', says: /<=3/, hint: /For example/ }],
  ['counts=1&counts=2.5', { counts: [1, 2.5] }],
  ['counts=1', { counts: [1] }],
  ['counts=1&counts=x', { of: 'counts', says: /1: expected number/, hint: /For example/ }],
  ['place={"name":"x"}', { place: { name: 'x' } }],
  ['place={"name":"x","name":"y"}', { of: 'place', says: /expected object/, hint: /For example/ }],
  ['id=a&id=a', { of: 'id', says: /sent 2 times/, hint: /once.*JSON/ }],
  ['count=1&count=2&count=2', { of: 'count', says: /sent 3 times/, hint: /once.*JSON/ }],
  ['day=mon&day=tue', { of: 'day', says: /sent 2 times/, hint: /once/ }],
  ['other=1&other=2&id=x', { id: 'x' }],

  ['count=', leaveOut('count')],
  ['count', leaveOut('count')],
  ['flag=+', leaveOut('flag')],
  ['tags=', leaveOut('tags')],
  ['count=null', leaveOut('count')],
  ['flag=undefined', leaveOut('flag')],
  ['whole=2.5', { of: 'whole', says: /expected int, received number/, hint: /For example 3/ }],
  ['whole=10', { of: 'whole', says: /<=9/, hint: /For example 3/ }],
  ['flag=yes', { of: 'flag', says: /expected boolean/, hint: /^Send true or false\./ }],
  ['flag=True', { of: 'flag', says: /expected boolean/, hint: /lower case/ }],

  ['data[id]=x', { of: 'id', says: /as data\[id\]/, hint: /by itself/ }],
  ['data.id=x', { of: 'id', says: /as data\.id/, hint: /by itself/ }],
  ['id[name]=x', { of: 'id', says: /as id\[name\]/, hint: /by itself/ }],
  ['tags[]=x', { of: 'tags', says: /as tags\[\]/, hint: /by itself/ }],
  ['tags[0]=x&tags[1]=y', { of: 'tags', says: /as tags\[0\]/, hint: /by itself/ }],
  ['id=x&id[name]=x', { of: 'id[name]', says: /no such parameter/, hint: /one value/ }],
  ['id=x&id.name=x', { of: 'id.name', says: /no such parameter/, hint: /one value/ }],
  ['data={"id":"x"}', { of: 'id', says: /inside data/, hint: /by itself/ }],
  ['Count=1', { of: 'Count', says: /no such parameter/, hint: /Did you mean count/ }],
  ['\ufeffid=x', { of: '\ufeffid', says: /no such parameter/, hint: /Did you mean id/ }],

  ['id=%00', { of: 'id', says: /NUL/, hint: /the character NUL/ }],
  ['id=%e4', { of: 'id', says: /not valid UTF-8/, hint: /as UTF-8/ }],
  ['id=a&other=%C3', { of: 'other', says: /not valid UTF-8/, hint: /as UTF-8/ }],
  ['id=%ED%A0%80', { of: 'id', says: /not valid UTF-8/, hint: /as UTF-8/ }],
  ['id=%C0%80', { of: 'id', says: /not valid UTF-8/, hint: /as UTF-8/ }],
  ['id=%C3%A4%f0%9f%98%80', { id: 'ä😀' }],
  ['id=100%&tags=%zz', { id: '100%', tags: ['%zz'] }],
];

eachStore(({ engine, url }) => {
  describe(`parameters of the API (${engine})`, () => {
    const now = 1_800_000_000;
    let server: ApiServer;
    before(async () => {
      server = await startApiServer({
        storeUrl: await url(),
        clock: () => now,
        workflows: [openDoor, either, posted, gotten],
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

    describe('arrive as they were sent, or are refused by name', () => {
      type Answer = Awaited<ReturnType<ApiServer['call']>>;
      const wire = (pairs: string) => pairs.replaceAll('\ufeff', '%EF%BB%BF');

      function assertWanted({ status, body, text }: Answer, wanted: Record<string, unknown> | Refused) {
        if (!('says' in wanted)) {
          assert.equal(status, 200, text);
          assert.deepEqual(body.response.got, wanted);
          return;
        }
        const { of, says, hint } = wanted as Refused;
        assert.equal(status, 400, text);
        assert.deepEqual([body.body.status, body.body.parameter], ['INVALID_DATA', of], text);
        assert.match(body.body.message, says);
        assert.match(body.body.hint, hint);
      }

      for (const [body, wanted] of JSON_BODIES) {
        test(`JSON ${body.slice(0, 60)}`, async () => {
          const headers = { 'content-type': 'application/json' };
          assertWanted(await server.call('/api/1.1/wf/posted', { method: 'POST', headers, body }), wanted);
        });
      }
      for (const [pairs, wanted] of PAIRS) {
        test(`a query ${pairs}`, async () => {
          assertWanted(await server.call(`/api/1.1/wf/gotten?${wire(pairs)}`), wanted);
        });
        test(`a form ${pairs}`, async () => {
          const headers = { 'content-type': 'application/x-www-form-urlencoded' };
          const body = wire(pairs);
          assertWanted(await server.call('/api/1.1/wf/posted', { method: 'POST', headers, body }), wanted);
        });
      }

      test('the ready-made call of each kind is accepted, as a query too', async () => {
        const examples = Object.entries(KINDS).map(([name, { example }]) => [name, example]);
        const wanted = Object.fromEntries(examples);
        const query = queryOf(wanted);
        assert.deepEqual((await server.call(`/api/1.1/wf/gotten?${query}`)).body.response.got, {
          ...wanted,
          either: '1',
        });
      });

      test('a token in the place of a name is not said back', async () => {
        const secret = newSecret('lk_pat_');
        for (const body of [`{"data[${secret}][id]":"x"}`, `{"${secret}":1,"${secret}":2}`]) {
          const headers = { 'content-type': 'application/json' };
          const answer = await server.call('/api/1.1/wf/posted', { method: 'POST', headers, body });
          assert.equal(answer.status, 400);
          assert.ok(!answer.text.includes(secret.slice(7, 30)), answer.text);
        }
      });

      test('a body of a GET is misplaced', async () => {
        const request = await rawGet(`${server.url}/api/1.1/wf/gotten`, '{"count":1}');
        assert.equal(request.statusCode, 400);
        assert.deepEqual(
          [request.body.parameter, request.body.message?.includes('it is in the body')],
          ['count', true],
        );
      });

      test('a body of JSON that is a list of one, JSON in a text, or UTF-16 is told so', async () => {
        const headers = { 'content-type': 'application/json' };
        for (const [body, hint] of [
          ['[{"id":"x"}]', /square brackets/],
          ['"{\\"id\\":\\"x\\"}"', /encoded twice/],
          [Buffer.from('{"id":"x"}', 'utf16le'), /UTF-16/],
        ] as const) {
          const answer = await server.call('/api/1.1/wf/posted', { method: 'POST', headers, body });
          assert.deepEqual([answer.status, answer.body.body.status], [400, 'INVALID_DATA']);
          assert.match(answer.body.body.hint, hint);
        }
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

/** A GET with a body, which fetch refuses to send. */
function rawGet(url: string, body: string): Promise<{ statusCode: number; body: Record<string, string> }> {
  const headers = { 'content-type': 'application/json', 'content-length': body.length };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'GET', headers }, async (response) => {
      resolve(JSON.parse((await response.toArray()).join('')));
    });
    sent.on('error', reject).end(body);
  });
}
