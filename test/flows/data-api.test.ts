import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { Unavailable } from '../../adapters/port.ts';
import { JUDGED_AGAIN_MS } from '../../server/api/as-of-now.ts';
import { has, is } from '../../server/data/expressions.ts';
import { defineType } from '../../server/data/type.ts';
import { inTurn } from '../../server/ground/in-turn.ts';
import { BULK_BYTES_MAX } from '../../server/ground/limits.ts';
import { newId } from '../../server/ground/opaque.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { eachStore } from '../support/stores.ts';
import { until } from '../support/until.ts';
import { toItsMaker } from '../support/workflows.ts';

const NOTES = '/api/1.1/obj/note';

const note = defineType({
  name: 'note',
  description: 'A note',
  fields: {
    title: z.string(),
    pages: z.int().optional(),
    hot: z.boolean().optional(),
    tags: z.array(z.string()).optional(),
    state: z.enum(['draft', 'public']).default('draft'),
    readers: z.array(z.string()).optional(),
    secret: z.string().optional(),
    code: z.string().optional(),
    place: z.object({ street: z.string() }).optional(),
  },
  unique: ['code'],
  rules: (record, caller) => [
    ...toItsMaker(record, caller),
    {
      name: 'Whoever reads it',
      when: has(record.readers, caller.account),
      find: true,
      view: ['title', 'readers', 'pages'],
      constrain: ['title'],
      change: ['pages'],
    },
    {
      name: 'Everybody',
      when: is(record.state, 'public'),
      find: true,
      view: ['title', 'state'],
      constrain: ['title', 'state'],
    },
  ],
});

/** Nobody's but who passes rules. */
const vault = defineType({ name: 'vault', description: 'What nobody sees', fields: { what: z.string() } });

/** One for each account. */
const profile = defineType({
  name: 'profile',
  description: 'Of an account',
  fields: { nick: z.string() },
  onePerAccount: true,
  rules: (record, caller) => [
    { name: 'Their own', when: is(record.createdBy, caller.account), find: true, view: true, create: true },
  ],
});

/** Whose lines take as long to check as the test says. */
let checkParcel = () => {};
const slow = z.string().refine(() => {
  checkParcel();
  return true;
});
const parcel = defineType({
  name: 'parcel',
  description: 'A parcel',
  fields: { text: slow },
  rules: toItsMaker,
});
const crate = defineType({
  name: 'crate',
  description: 'Shut ones are made by nobody but who passes the rules',
  fields: { text: slow },
  rules: (record) => [{ name: 'Whoever comes', when: is(record.text, 'open'), view: true, create: true }],
});

/** To look through these takes long. */
const book = defineType({
  name: 'book',
  description: 'A book',
  fields: { text: z.string() },
  rules: toItsMaker,
});

const BOTH = ['data:note:read', 'data:note:write', 'data:profile:write', 'data:profile:read'];

eachStore(({ engine, isFirst, url }) => {
  describe(`the Data API (${engine})`, () => {
    let now = 1_800_000_000;
    let server: ApiServer;
    let ann: string;
    let bob: string;
    let annId: string;
    let bobId: string;
    /** Once: when a caller was let in, and when the time is looked at. */
    let onCaller: (() => void) | undefined;
    let onClock: (() => void) | undefined;
    const opened = () => server.domain.types.get('note')?.rows ?? assert.fail();
    before(async () => {
      const types = [note, vault, profile, parcel, crate, book];
      const clock = () => {
        const hook = onClock;
        onClock = undefined;
        hook?.();
        return now;
      };
      server = await startApiServer({
        ...{ storeUrl: await url(), clock, types },
        onCaller: () => {
          const hook = onCaller;
          onCaller = undefined;
          hook?.();
        },
      });
      [ann, annId] = await somebody();
      [bob, bobId] = await somebody();
    });
    after(() => server.stop());

    async function somebody(scopes = BOTH): Promise<[token: string, accountId: string]> {
      const { value, credential } = await server.token({ scopes, expiresAt: now + 1_000_000 });
      return [value, credential.accountId];
    }

    type Sent = { token?: string; json?: unknown; body?: string; headers?: Record<string, string> };
    const send = (method: string, path: string, sent: Sent = {}) => server.call(path, { method, ...sent });

    async function make(token: string, fields: object): Promise<string> {
      const { status, body } = await send('POST', NOTES, { token, json: fields });
      assert.equal(status, 201, JSON.stringify(body));
      return body.id;
    }

    const get = (id: string, token?: string) =>
      send('GET', `${NOTES}/${id}`, token === undefined ? {} : { token });

    function list(token: string | undefined, asked: Record<string, unknown> = {}) {
      const texts = Object.entries(asked).map(([name, value]) => [
        name,
        typeof value === 'object' ? JSON.stringify(value) : String(value),
      ]);
      const query = new URLSearchParams(texts as [string, string][]);
      return send('GET', `${NOTES}?${query}`, token === undefined ? {} : { token });
    }
    const titles = ({ body }: Awaited<ReturnType<typeof list>>) =>
      body.response.results.map((one: { title: string }) => one.title);
    const where = (key: string, constraint_type: string, value?: unknown) => ({
      constraints: [{ key, constraint_type, value }],
    });

    test('a page of long records ends earlier, by what its reader sees of them, and the next goes on', async () => {
      const [me, myId] = await somebody();
      const [reader, readerId] = await somebody();
      for (const secret of ['a', 'b', 'c'])
        await make(me, { title: 'Long', secret: secret.repeat(1_000_000), readers: [readerId] });
      const mine = where('Created By', 'equals', myId);
      const sizes = async (asked: object) => {
        const { response } = (await list(me, { ...mine, ...asked })).body;
        return [response.count, response.remaining];
      };
      assert.deepEqual(await sizes({}), [2, 1]);
      assert.deepEqual(await sizes({ cursor: 2 }), [1, 0]);
      assert.deepEqual(await sizes({ limit: 1 }), [1, 2]);
      const theirs = (await list(reader, where('title', 'equals', 'Long'))).body.response;
      assert.deepEqual([theirs.count, theirs.remaining], [3, 0]);
      // FerretDB would read them for most of what the next tests ask.
      await opened().removeMany([['createdBy', '=', myId]], 10);
    });

    test('makes, reads, changes, replaces and deletes a record', async () => {
      now += 10;
      const id = await make(ann, { title: 'One', pages: 3, tags: ['a'], secret: null });
      const made = '2027-01-15T08:00:10.000Z';
      const read = await get(id, ann);
      assert.deepEqual(read.body, {
        response: {
          ...{ _id: id, title: 'One', pages: 3, tags: ['a'], state: 'draft' },
          ...{ 'Created Date': made, 'Modified Date': made, 'Created By': annId },
        },
      });
      now += 10;
      const changed = await send('PATCH', `${NOTES}/${id}`, {
        token: ann,
        json: { pages: null, secret: 'x' },
      });
      assert.deepEqual([changed.status, changed.text], [204, '']);
      const seen = (await get(id, ann)).body.response;
      assert.deepEqual(seen, {
        ...{ _id: id, title: 'One', tags: ['a'], state: 'draft', secret: 'x' },
        ...{ 'Created Date': made, 'Modified Date': '2027-01-15T08:00:20.000Z', 'Created By': annId },
      });
      // What was read can be sent back as it is, with one field changed.
      const whole = { ...seen, title: 'Two', tags: undefined };
      assert.equal((await send('PUT', `${NOTES}/${id}`, { token: ann, json: whole })).status, 204);
      const { title, tags, secret, state } = (await get(id, ann)).body.response;
      assert.deepEqual([title, tags, secret, state], ['Two', undefined, 'x', 'draft']);
      // Who sends all that is there changes nothing, also not when it was changed.
      now += 10;
      assert.equal((await send('PUT', `${NOTES}/${id}`, { token: ann, json: whole })).status, 204);
      assert.equal((await get(id, ann)).body.response['Modified Date'], '2027-01-15T08:00:20.000Z');
      assert.equal((await send('DELETE', `${NOTES}/${id}`, { token: ann })).status, 204);
      const gone = await get(id, ann);
      assert.deepEqual([gone.status, gone.body.body.status], [404, 'MISSING_DATA']);
      assert.equal(
        gone.body.body.message,
        `Missing object of type note: object with id ${id} does not exist`,
      );
    });

    test('shows each caller the records and fields that the rules give, and no others', async () => {
      const [me, myId] = await somebody();
      const fields = { title: 'Hers', pages: 1, secret: 's', readers: [bobId] };
      const own = await make(me, fields);
      const open = await make(me, { title: 'Open', state: 'public', secret: 's' });
      assert.deepEqual((await get(own, bob)).body.response, {
        ...{ _id: own, title: 'Hers', pages: 1, readers: [bobId] },
      });
      assert.deepEqual((await get(open, bob)).body.response, { _id: open, title: 'Open', state: 'public' });
      assert.deepEqual((await get(open)).body.response, { _id: open, title: 'Open', state: 'public' });
      assert.equal((await get(own)).status, 404);
      const [other] = await somebody();
      assert.deepEqual([(await get(own, other)).status, (await get(open, other)).status], [404, 200]);
      // A count, a constraint and an order are about what is seen alone.
      const hers = await list(other, where('title', 'equals', 'Hers'));
      assert.deepEqual(hers.body, { response: { cursor: 0, results: [], count: 0, remaining: 0 } });
      assert.deepEqual(titles(await list(bob, where('title', 'in', ['Hers', 'Nothing']))), ['Hers']);
      // Where they may see another field of a record only, a constraint on this one passes it over.
      assert.deepEqual(titles(await list(bob, where('state', 'equals', 'draft'))), []);
      assert.deepEqual(titles(await list(me, where('Created By', 'equals', myId))).toSorted(), [
        'Hers',
        'Open',
      ]);
    });

    test('refuses constraints and orders on what is not theirs by its name', async () => {
      const nobody = await list(undefined, where('secret', 'equals', 's'));
      assert.deepEqual([nobody.status, nobody.body.body.parameter], [403, 'secret']);
      const dated = await list(undefined, { sort_field: 'Created Date' });
      assert.deepEqual([dated.status, dated.body.body.parameter], [403, 'Created Date']);
      const later = await list(bob, {
        sort_field: 'title',
        additional_sort_fields: [{ sort_field: 'pages' }],
      });
      assert.deepEqual([later.status, later.body.body.parameter], [403, 'pages']);
      assert.match(later.body.body.hint, /^Sort by pages first/);
      // Nor does a hint name it.
      for (const [asked, hint] of [
        [where('secrets', 'equals', 's'), 'There are: _id, title, state.'],
        [{ secret: 's' }, /^There are: constraints, /],
      ] as const)
        assert.match((await list(undefined, asked)).body.body.hint, new RegExp(hint));
      // When records were made is not told by an order either.
      const [first, second] = await Promise.all(
        ['1', '2'].map((title) => make(ann, { title, state: 'public' })),
      );
      const ids = (await list(undefined)).body.response.results.map((one: { _id: string }) => one._id);
      assert.deepEqual(ids, ids.toSorted());
      assert.ok(ids.includes(first) && ids.includes(second));
    });

    test('lets nobody change what the rules do not give, and tells nothing of it', async () => {
      const id = await make(ann, { title: 'Read', readers: [bobId], secret: 'hidden' });
      const patch = (json: object, token = bob) => send('PATCH', `${NOTES}/${id}`, { token, json });
      assert.equal((await patch({ pages: 5 })).status, 204);
      for (const secret of ['hidden', 'other', null]) {
        const { status, body } = await patch({ secret });
        assert.deepEqual([status, body.body.parameter], [403, 'secret']);
      }
      assert.equal((await patch({ title: 'Mine' })).status, 403);
      // A token that may not read finds out nothing by sending a guess.
      const { value: blind } = await server.token({ accountId: bobId, scopes: ['data:note:write'] });
      for (const title of ['Read', 'Guess']) assert.equal((await patch({ title }, blind)).status, 403);
      assert.equal((await patch({ title: 'Read' })).status, 204);
      // Who replaces a record empties nothing that is not theirs.
      const seen = (await get(id, bob)).body.response;
      const put = await send('PUT', `${NOTES}/${id}`, { token: bob, json: { title: seen.title } });
      assert.equal(put.status, 204);
      const { pages, secret, readers } = (await get(id, ann)).body.response;
      assert.deepEqual([pages, secret, readers], [undefined, 'hidden', [bobId]]);
      assert.equal((await send('DELETE', `${NOTES}/${id}`, { token: bob })).status, 403);
      // It is as if it were not there for whoever sees nothing of it.
      const [other] = await somebody();
      for (const [method, json] of [
        ['PATCH', { pages: 1 }],
        ['PUT', { title: 'x' }],
        ['DELETE', undefined],
      ]) {
        const none = await send(method as string, `${NOTES}/${id}`, { token: other, json });
        assert.deepEqual([none.status, none.body.body.status], [404, 'MISSING_DATA']);
      }
    });

    test('pages through a list, with what remains, and ties in one order', async () => {
      const [me, myId] = await somebody();
      for (const [index, pages] of [2, 1, 2, 1, 3].entries()) await make(me, { title: `p${index}`, pages });
      const asked = { sort_field: 'pages', descending: true, limit: 2 };
      const seen: string[] = [];
      for (const cursor of [0, 2, 4]) {
        const page = (await list(me, { ...asked, cursor, ...where('Created By', 'equals', myId) })).body
          .response;
        assert.deepEqual(
          [page.cursor, page.count, page.remaining],
          [cursor, cursor === 4 ? 1 : 2, [3, 1, 0][cursor / 2]],
        );
        seen.push(...page.results.map((one: { _id: string; pages: number }) => `${one.pages} ${one._id}`));
      }
      assert.deepEqual(seen, seen.toSorted().toReversed());
      assert.equal(new Set(seen).size, 5);
      const bare = (await list(me, { limit: 1, exclude_remaining: true })).body.response;
      assert.deepEqual([bare.count, 'remaining' in bare], [1, false]);
      const counted = (await list(me, { limit: 0 })).body.response;
      assert.deepEqual([counted.count, counted.remaining >= 5], [0, true]);
    });

    test('finds by each constraint of the format', async () => {
      const [me, myId] = await somebody();
      now += 100;
      const first = now;
      await make(me, { title: 'apple pie', pages: 1, tags: ['red', 'x'], hot: true });
      now += 100;
      await make(me, { title: 'Apple', pages: 2, tags: [], hot: false });
      now += 100;
      await make(me, { title: 'pear', tags: ['green'] });
      const iso = new Date((first + 100) * 1000).toISOString();
      for (const [key, type, value, expected] of [
        ['title', 'equals', 'pear', '3'],
        ['title', 'not equal', 'pear', '12'],
        ['title', 'text contains', 'pple', '12'],
        ['title', 'not text contains', 'apple', '23'],
        ['title', 'in', ['pear', 'Apple'], '23'],
        ['title', 'not in', ['pear', 'Apple'], '1'],
        ['pages', 'greater than', 1, '2'],
        ['pages', 'less than', 2, '1'],
        ['pages', 'is_empty', undefined, '3'],
        ['pages', 'is_not_empty', undefined, '12'],
        ['pages', 'not equal', 1, '23'],
        ['hot', 'equals', false, '2'],
        ['tags', 'contains', 'red', '1'],
        ['tags', 'not contains', 'red', '23'],
        ['tags', 'empty', undefined, '2'],
        ['tags', 'not empty', undefined, '13'],
        ['Created Date', 'greater than', iso, '3'],
        ['Created Date', 'less than', (first + 100) * 1000, '1'],
        ['Created Date', 'equals', iso, '2'],
        ['Modified Date', 'greater than', (first + 50) * 1000, '23'],
      ] as const) {
        const own = where('Created By', 'equals', myId).constraints;
        const found = titles(
          await list(me, { constraints: [...own, ...where(key, type, value).constraints] }),
        );
        const numbers = found
          .map((title: string) => ['apple pie', 'Apple', 'pear'].indexOf(title) + 1)
          .join('');
        assert.equal(numbers, expected, `${key} ${type} ${JSON.stringify(value)}`);
      }
    });

    test('says what is wrong with a list that is asked for, and what was meant', async () => {
      for (const [asked, status, message, hint] of [
        [{ constraints: 'x' }, 400, /not valid JSON/, /percent-encoded/],
        [{ constraints: '{}' }, 400, /is a list, and an object came/, /\[\{/],
        [{ constraints: '[1]' }, 400, /has a number where an object is wanted/, /\[\{/],
        [{ constraints: [{ kee: 'title' }] }, 400, /not read: kee/, /There are: key, constraint_type, value/],
        [
          { constraints: [{ key: 'title', constraintType: 'in' }] },
          400,
          /constraintType/,
          /constraint_type\?/,
        ],
        [
          { constraints: [{ key: { $ne: null }, constraint_type: 'equals' }] },
          400,
          /an object where the text key/,
          /./,
        ],
        [where('titel', 'equals', 'x'), 400, /^Unrecognized field: titel$/, /Did you mean title\?/],
        [where('__proto__', 'equals', 'x'), 400, /Unrecognized field/, /There are/],
        [where('created_date', 'equals', 'x'), 400, /Unrecognized field/, /Did you mean Created Date\?/],
        [
          where('title', 'Equal', 'x'),
          404,
          /^Constraint type not found Equal for field title and type note$/,
          /Did you mean equals\?/,
        ],
        [
          where('pages', 'text contains', 'x'),
          404,
          /Constraint type not found/,
          /For pages there are: equals/,
        ],
        [where('title', 'geographic_search', 'x'), 404, /Constraint type not found/, /For title/],
        [
          { constraints: [{ key: 'title', constraint_type: 5 }] },
          400,
          /a number where the text constraint_type/,
          /./,
        ],
        [where('title', 'equals', 5), 400, /"title" is a text, and a number came/, /double quotes/],
        [where('pages', 'equals', true), 400, /is a number, and true came/, /^Send a number\.$/],
        [where('title', 'equals', undefined), 400, /no value came/, /is_empty/],
        [where('title', 'equals', ['x']), 400, /"title" is a text, and a list came/, /constraint type in/],
        [where('title', 'equals', { $ne: null }), 400, /is a text, and an object came/, /./],
        [where('title', 'equals', null), 400, /null came/, /is_empty/],
        [where('title', 'equals', 'a\0b'), 400, /NUL/, /./],
        [where('title', 'equals', '\ud800'), 400, /half a character/, /./],
        [where('title', 'text contains', 'x'.repeat(1001)), 400, /too long/, /1000/],
        [where('pages', 'equals', '1'), 400, /is a number, and a text came/, /Leave out the quotes/],
        [
          { constraints: '[{"key":"pages","constraint_type":"equals","value":9007199254740993}]' },
          400,
          /not kept/,
          /./,
        ],
        [{ constraints: '[{"key":"pages","constraint_type":"equals","value":1e999}]' }, 400, /not kept/, /./],
        [{ constraints: '[{"key":"pages","constraint_type":"equals","value":NaN}]' }, 400, /valid JSON/, /./],
        [{ constraints: '[{"key":"title","key":"pages","constraint_type":"is_empty"}]' }, 400, /twice/, /./],
        [where('tags', 'contains', ['x']), 400, /"tags" is a text, a number, .*and a list came/, /./],
        [where('title', 'in', 'x'), 400, /one of a list, and a text came/, /./],
        [
          where(
            'title',
            'in',
            Array.from({ length: 101 }, () => 'x'),
          ),
          400,
          /101 values/,
          /100/,
        ],
        [where('Created Date', 'less than', 1_800_000_000), 400, /too small to tell from seconds/, /2026/],
        [where('Created Date', 'less than', 'yesterday'), 400, /no moment: expected a date/, /2026/],
        [where('Created Date', 'less than', '2027-02-30'), 400, /there is no such day/, /milliseconds/],
        [where('Modified Date', 'in', ['2027-02-20T25:00:00Z']), 400, /no such time of day/, /milliseconds/],
        [where('Created Date', 'equals', '2027-02-20T14:03:22'), 400, /no time zone/, /milliseconds/],
        [
          { constraints: Array.from({ length: 21 }, () => ({ key: 'title', constraint_type: 'is_empty' })) },
          400,
          /21 parts/,
          /20/,
        ],
        [{ cursor: 50_001 }, 400, /more than 50000/, /Created Date/],
        [{ cursor: '1e9' }, 400, /no whole number/, /./],
        [{ cursor: '9'.repeat(40) }, 400, /no whole number/, /./],
        [{ cursor: -1 }, 400, /no whole number/, /./],
        [{ limit: 101 }, 400, /more than 100/, /cursor/],
        [{ descending: 'True' }, 400, /neither true nor false/, /lower case/],
        [{ sort_field: 'tags' }, 400, /has no order/, /./],
        [{ sort_field: 'pagse' }, 400, /Unrecognized field/, /Did you mean pages\?/],
        [{ additional_sort_fields: [{ sortField: 'pages' }] }, 400, /sortField/, /sort_field\?/],
        [{ title: 'x' }, 400, /"title" is not read here/, /constraints=\[/],
        [{ sortfield: 'x' }, 400, /is not read here/, /Did you mean sort_field\?/],
      ] as [Record<string, unknown>, number, RegExp, RegExp][]) {
        const refused = await list(ann, asked);
        const said = JSON.stringify(asked).slice(0, 200);
        assert.equal(refused.status, status, `${said}: ${refused.text}`);
        assert.match(refused.body.body.message, message, said);
        assert.match(refused.body.body.hint, hint, said);
      }
      const many = Array.from({ length: 2000 }, () => ({ key: 'title', constraint_type: 'is_empty' }));
      // Too much for any header.
      assert.equal((await list(ann, { constraints: many })).status, 431);
      // `fetch` sends no body with a GET.
      const withBody = await new Promise<number | undefined>((resolve, reject) => {
        const headers = { authorization: `Bearer ${ann}`, 'content-length': 2 };
        const asked = httpRequest(`${server.url}${NOTES}`, { headers }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        });
        asked.on('error', reject).end('{}');
      });
      assert.equal(withBody, 400);
      const listed = await send('GET', `${NOTES}?constraints=a&constraints=b`, { token: ann });
      assert.match(listed.text, /sent more than once.*Send one JSON list in it.*constraint_type/);
      const twice = await send('GET', `${NOTES}?limit=1&limit=2`, { token: ann });
      assert.equal(twice.status, 400);
    });

    test('refuses by its name what is sent in the query of all but a list', async () => {
      const id = await make(ann, { title: 'whole' });
      const one = `${NOTES}/${id}`;
      for (const [method, address, hint] of [
        ['GET', `${one}?limt=1`, /asked for with limit, at \/api\/1\.1\/obj\/note;/],
        ['GET', `${one}?title=other`, /Leave it out/],
        ['PATCH', `${one}?Title=other`, /Send title in the body/],
        ['PUT', `${one}?titel=other`, /Send title in the body/],
        ['PUT', `${one}?limit=1`, /Leave it out/],
        ['DELETE', `${one}?title=other`, /Leave it out/],
        ['DELETE', `${one}?__proto__=1`, /Leave it out/],
        ['POST', `${NOTES}?title=other`, /Send title in the body/],
        ['POST', `${NOTES}/bulk?dry_run=1`, /Leave it out/],
      ] as const) {
        const json = { title: 'changed' };
        const refused = await send(method, address, {
          token: ann,
          ...(method === 'GET' || method === 'DELETE' ? {} : { json }),
        });
        assert.equal(refused.status, 400, `${method} ${address}: ${refused.text}`);
        assert.match(
          refused.body.body.message,
          /"(limt|\w*tit\w*|limit|__proto__|dry_run)" is not read here/i,
        );
        assert.match(refused.body.body.hint, hint, address);
      }
      const { body } = await send('GET', one, { token: ann });
      assert.equal(body.response.title, 'whole');
      assert.equal((await send('DELETE', `${one}?title=other`)).status, 401);
    });

    test('says how to go on from a value that is not kept, an operator, and a PUT of a part', async () => {
      const id = await make(ann, { title: 'x' });
      const raw = (body: string) => ({ body, headers: { 'content-type': 'application/json' } });
      for (const [method, sent, hint] of [
        ['POST', { json: { title: 'x\0' } }, /Leave out the character NUL/],
        ['POST', raw('{"title":"x","pages":-0}'), /^Send 0\.$/],
        ['POST', raw('{"title":"x","pages":9007199254740993}'), /no more than fifteen digits/],
        ['POST', { json: { title: { $ne: null } } }, /begins with \$ is an operator.*title takes: text/],
        ['POST', { json: {} }, /^Each note has: title\.$/],
        ['PUT', { json: { pages: 1 } }, /^Each note has: title\. PUT replaces .* send PATCH\.$/],
      ] as const) {
        const path = method === 'PUT' ? `${NOTES}/${id}` : NOTES;
        const { body } = await send(method, path, { token: ann, ...sent });
        assert.match(body.body.hint, hint);
      }
      const constraints = JSON.stringify([{ key: 'title', constraint_type: 'equals', value: { $ne: 'x' } }]);
      const list = await send('GET', `${NOTES}?constraints=${encodeURIComponent(constraints)}`, {
        token: ann,
      });
      assert.match(list.body.body.hint, /^Compare with constraint_type and send the plain value/);
    });

    test('says what is wrong with a record that is sent', async () => {
      for (const [sent, status, code, message] of [
        [{ json: {} }, 400, 'MISSING_DATA', /^Missing field of type note: field title$/],
        [{ json: { titel: 'x' } }, 400, 'INVALID_DATA', /^Unrecognized field: titel$/],
        [{ json: { title: 1 } }, 400, 'INVALID_DATA', /field title: expected string, received number/],
        [{ json: { title: ['x'] } }, 400, 'INVALID_DATA', /expected string, received array/],
        [{ json: { title: { $ne: null } } }, 400, 'INVALID_DATA', /expected string, received object/],
        [{ json: { title: null } }, 400, 'INVALID_DATA', /cannot be taken away/],
        [{ json: { title: 'x', _id: 'obj_1' } }, 400, 'INVALID_DATA', /"_id" is not written by callers/],
        [{ json: { title: 'x', 'Created By': 'acc_1' } }, 400, 'INVALID_DATA', /not written/],
        [{ json: { title: 'x', createdBy: 'acc_1' } }, 400, 'INVALID_DATA', /Unrecognized field/],
        [{ json: { title: 'x', version: 7 } }, 400, 'INVALID_DATA', /Unrecognized field/],
        [{ json: { title: 'x', pending: {} } }, 400, 'INVALID_DATA', /Unrecognized field/],
        [{ json: { title: 'x', constructor: 1 } }, 400, 'INVALID_DATA', /Unrecognized field/],
        [{ json: { title: 'x\0' } }, 400, 'INVALID_DATA', /NUL/],
        [{ json: { title: 'x', place: { Street: 'y' } } }, 400, 'INVALID_DATA', /there is no Street in it/],
        [{ json: [{ title: 'x' }] }, 400, 'INVALID_DATA', /not an object/],
        [
          { body: '{"title":"x","__proto__":{}}', headers: { 'content-type': 'application/json' } },
          400,
          'INVALID_DATA',
          /__proto__/,
        ],
        [
          { body: '{"title":"x","pages":9007199254740993}', headers: { 'content-type': 'application/json' } },
          400,
          'INVALID_DATA',
          /pages/,
        ],
        [
          { body: '{"title":"x"}', headers: { 'content-type': 'text/plain' } },
          415,
          'UNSUPPORTED_MEDIA_TYPE',
          /looks like JSON/,
        ],
        [
          { body: 'title=x', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
          415,
          'UNSUPPORTED_MEDIA_TYPE',
          /form/,
        ],
        [{}, 400, 'MISSING_DATA', /no body/],
      ] as [Sent, number, string, RegExp][]) {
        const { status: got, body, text } = await send('POST', NOTES, { token: ann, ...sent });
        const said = JSON.stringify(sent);
        assert.deepEqual([got, body.body.status], [status, code], `${said}: ${text}`);
        assert.match(body.body.message, message, said);
        assert.ok(body.body.hint.length > 0 && body.body.requestId.length > 0);
      }
    });

    test('keeps unique values apart, and records that there is one of for an account', async () => {
      const code = newId('code_');
      await make(ann, { title: 'First', code });
      const second = await send('POST', NOTES, { token: bob, json: { title: 'Second', code } });
      assert.deepEqual(
        [second.status, second.body.body.status, second.body.body.parameter],
        [409, 'CONFLICT', 'code'],
      );
      const id = await make(bob, { title: 'Third' });
      const changed = await send('PATCH', `${NOTES}/${id}`, { token: bob, json: { code } });
      assert.deepEqual([changed.status, changed.body.body.parameter], [409, 'code']);
      const [me] = await somebody();
      const own = () => send('POST', '/api/1.1/obj/profile', { token: me, json: { nick: 'n' } });
      assert.equal((await own()).status, 201);
      const again = await own();
      assert.deepEqual(
        [again.status, again.body.body.message],
        [409, 'This account has its profile already.'],
      );
    });

    test('answers to each token what its scopes and its account give, and to none what anybody may read', async () => {
      const id = await make(ann, { title: 'Public', state: 'public' });
      const [reader] = await somebody(['data:note:read']);
      const [writer] = await somebody(['data:note:write']);
      const refused = await send('POST', NOTES, { token: reader, json: { title: 'x' } });
      assert.deepEqual([refused.status, refused.body.body.status], [403, 'insufficient_scope']);
      assert.match(refused.headers.get('www-authenticate') ?? '', /scope="data:note:write"/);
      assert.equal((await get(id, writer)).status, 403);
      assert.equal((await get(id)).status, 200);
      assert.equal((await send('POST', NOTES, { json: { title: 'x' } })).status, 401);
      assert.equal((await send('DELETE', `${NOTES}/${id}`)).status, 401);
      for (const path of ['/api/1.1/obj/profile', '/api/1.1/obj/vault', '/api/1.1/obj/nothing'])
        assert.equal((await send('GET', path)).status, 401, path);
      // A type without rules is as one that there is not.
      const [none, hidden] = await Promise.all(
        ['nothing', 'vault'].map((type) => send('GET', `/api/1.1/obj/${type}`, { token: ann })),
      );
      assert.deepEqual(
        [hidden?.status, { ...hidden?.body.body, requestId: '' }],
        [404, { ...none?.body.body, requestId: '' }],
      );
      // No hint names more than the token reaches.
      const { value: former } = await server.serviceToken(['admin:data:vault:read'], { admin: false });
      for (const [token, hint] of [
        [reader, 'This token may reach: note.'],
        [former, 'This token may reach: no data, its scopes name none.'],
      ] as const)
        assert.equal((await send('GET', '/api/1.1/obj/q', { token })).body.body.hint, hint);
      const near = await send('GET', '/api/1.1/obj/notes', { token: ann });
      assert.deepEqual([near.status, near.body.body.hint], [404, 'Did you mean note?']);
      const inQuery = await send('GET', `${NOTES}?access_token=x`);
      assert.deepEqual([inQuery.status, inQuery.body.body.status], [401, 'invalid_request']);
    });

    test('answers methods: OPTIONS, HEAD, preflights and what an address is not called with', async () => {
      const id = await make(ann, { title: 'Methods', state: 'public' });
      for (const [path, allow] of [
        [NOTES, 'GET, HEAD, POST, OPTIONS'],
        [`${NOTES}/bulk`, 'POST, OPTIONS'],
        [`${NOTES}/${id}`, 'GET, HEAD, PATCH, PUT, DELETE, OPTIONS'],
        ['/api/1.1/obj/nothing', 'GET, HEAD, POST, OPTIONS'],
      ] as const) {
        const options = await send('OPTIONS', path);
        assert.deepEqual([options.status, options.headers.get('allow')], [204, allow]);
      }
      const headers = { origin: 'https://a.example', 'access-control-request-method': 'PATCH' };
      const preflight = await send('OPTIONS', `${NOTES}/${id}`, { headers });
      assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /PUT, PATCH, DELETE/);
      const head = await send('HEAD', `${NOTES}/${id}`, { token: ann });
      assert.deepEqual([head.status, head.text], [200, '']);
      for (const [method, path] of [
        ['POST', `${NOTES}/${id}`],
        ['DELETE', NOTES],
        ['GET', `${NOTES}/bulk`],
      ] as const) {
        const wrong = await send(method, path, { token: ann });
        assert.deepEqual([wrong.status, wrong.body.body.status], [405, 'METHOD_NOT_ALLOWED']);
      }
      for (const path of [`${NOTES}/`, `${NOTES}/${id}/more`, '/api/1.1/obj/', '/api/1.1/obj'])
        assert.equal((await send('GET', path, { token: ann })).status, 404, path);
    });

    test('passes the rules for an admin token and a service of the app, and marks it', async () => {
      const [me, myId] = await somebody();
      const id = await make(me, { title: 'Private', secret: 's' });
      const open = await make(me, { title: 'Public', state: 'public' });
      for (const scopes of [['admin'], ['admin:data:note:read', 'admin:data:note:write'], BOTH]) {
        const { value, clientId } = await server.serviceToken(scopes);
        await server.domain.rows.clients.update(clientId, { set: { reason: 'Looks after data' } });
        const ids = where('_id', 'in', [id, open]);
        const seen = await list(value, ids);
        assert.deepEqual(titles(seen).toSorted(), ['Private', 'Public'], scopes.join());
        assert.equal((await get(id, value)).body.response.secret, 's');
        now += 60;
        const changed = await send('PATCH', `${NOTES}/${id}`, {
          token: value,
          json: { secret: 's', pages: now },
        });
        assert.equal(changed.status, 204);
        const calls = (await server.calls()).filter((call) => call.clientId === clientId);
        assert.deepEqual(
          calls.map(({ method, privacyBypassed, hidden }) => [method, privacyBypassed, hidden]),
          [
            ['GET', true, 1],
            ['GET', true, 1],
            ['PATCH', true, 1],
          ],
        );
        const told = (
          await server.domain.rows.audit.list({ where: [['accountId', '=', myId]], limit: 100 })
        ).filter(({ actor }) => actor.id === clientId);
        assert.deepEqual(
          told.map(({ action, targetName, actor }) => [action, targetName, actor.reason]),
          [['data.touched', 'data note', 'Looks after data']],
        );
      }
      // A record of whose account is gone tells nobody; that it is removed is told like a change.
      const { value: admin, clientId, owner } = await server.serviceToken(['admin']);
      const gone = await make(admin, { title: 'Own' });
      await opened().update(gone, { set: { createdBy: 'acc_gone' } });
      const own = await make(admin, { title: 'Own' });
      for (const one of [gone, own, open])
        assert.equal((await send('DELETE', `${NOTES}/${one}`, { token: admin })).status, 204);
      const deleted = (await server.calls()).filter(
        (call) => call.clientId === clientId && call.status === 204,
      );
      assert.deepEqual(
        deleted.map(({ hidden }) => hidden),
        [1, 0, 0],
      );
      const told = await server.domain.rows.audit.list({
        where: [['action', '=', 'data.touched']],
        limit: 100,
      });
      assert.deepEqual(
        told.filter(({ actor }) => actor.id === clientId).map(({ accountId }) => accountId),
        [myId],
      );
      assert.ok(told.every(({ accountId }) => accountId !== owner && accountId !== 'acc_gone'));
      const [vaults] = ['/api/1.1/obj/vault'];
      const { value: keeper } = await server.serviceToken(['admin:data:vault:read']);
      assert.equal((await send('GET', vaults as string, { token: keeper })).status, 200);
      const unable = await send('POST', vaults as string, { token: keeper, json: { what: 'x' } });
      assert.match(unable.headers.get('www-authenticate') ?? '', /scope="admin:data:vault:write"/);
      // Who is no admin any more passes nothing.
      const { value: former } = await server.serviceToken(['admin:data:note:read'], { admin: false });
      assert.equal((await get(id, former)).status, 404);
      const [, ...mine] = (await server.calls()).filter((call) => call.accountId === myId);
      assert.ok(mine.every((call) => call.privacyBypassed === undefined && call.hidden === undefined));
      // What a rule gives passes none, and tells nobody.
      const shared = await make(ann, { title: 'Shared', readers: [bobId] });
      assert.equal(
        (await send('PATCH', `${NOTES}/${shared}`, { token: bob, json: { pages: 3 } })).status,
        204,
      );
      assert.equal(await server.domain.rows.audit.count([['accountId', '=', annId]]), 0);
    });

    test('keeps a service of an account, and an app that acts for one, to what that account may', async () => {
      const { value, owner } = await server.serviceToken(BOTH, { admin: false });
      const id = await make(value, { title: 'Of a service' });
      const { response } = (await get(id, value)).body;
      assert.deepEqual([response['Created By'], response.title], [owner, 'Of a service']);
      assert.equal((await get(id, ann)).status, 404);
      const hers = await make(ann, { title: 'Of Ann' });
      assert.equal((await get(hers, value)).status, 404);
      const [call] = (await server.calls()).filter(
        ({ accountId, status }) => accountId === owner && status === 201,
      );
      assert.deepEqual([call?.privacyBypassed, call?.hidden], [undefined, undefined]);
    });

    test('has the entry of a change in the change itself, and answers no read without one', async () => {
      const [token, accountId] = await somebody();
      const id = await make(token, { title: 'Kept' });
      await send('PATCH', `${NOTES}/${id}`, { token, json: { pages: 1 } });
      await send('PUT', `${NOTES}/${id}`, { token, json: { title: 'Kept' } });
      await send('PATCH', `${NOTES}/${id}`, { token, json: {} });
      await get(id, token);
      await send('DELETE', `${NOTES}/${id}`, { token });
      await send('PATCH', `${NOTES}/${id}`, { token, json: { pages: 2 } });
      const calls = (await server.calls()).filter((call) => call.accountId === accountId);
      assert.deepEqual(
        calls.map(
          ({ method, path, status, result }) => `${method} ${path === NOTES ? '' : 'ID'} ${status} ${result}`,
        ),
        [
          'POST  201 success',
          'PATCH ID 204 success',
          'PUT ID 204 success',
          'PATCH ID 204 success',
          'GET ID 200 success',
          'DELETE ID 204 success',
          'PATCH ID 404 MISSING_DATA',
        ],
      );
      assert.ok(calls.every(({ ms }) => ms !== undefined));
    });

    test('makes many records line by line, and keeps those that are good', async () => {
      const [me, myId] = await somebody();
      const code = newId('code_');
      // FerretDB takes its time over each; more than one commit has are tried on SQLite.
      const more = engine === 'mongodb' ? 20 : 150;
      const lines = [
        JSON.stringify({ title: 'b1', code }),
        '{"title":',
        '',
        JSON.stringify({ titel: 'b2' }),
        JSON.stringify({ title: 'b3', code }),
        '[]',
        '{"title":"x","title":"y"}',
        ...Array.from({ length: more }, (_, index) => JSON.stringify({ title: `b${index + 4}` })),
      ];
      const bulk = (body: string | Buffer<ArrayBuffer>, type = 'text/plain', token = me) =>
        fetch(`${server.url}${NOTES}/bulk`, {
          method: 'POST',
          body,
          headers: { authorization: `Bearer ${token}`, 'content-type': type },
        });
      const answered = await bulk(`${lines.join('\n')}\n`);
      const outcomes = (await answered.text())
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      assert.deepEqual(
        [answered.status, answered.headers.get('content-type'), outcomes.length],
        [200, 'text/plain; charset=utf-8', lines.length],
      );
      assert.deepEqual(
        outcomes.slice(0, 8).map(({ status }) => status),
        ['success', 'error', 'error', 'error', 'error', 'error', 'error', 'success'],
      );
      assert.match(outcomes[1].message, /line is not valid JSON/);
      assert.match(outcomes[3].message, /Unrecognized field: titel/);
      assert.match(outcomes[4].message, /Another note has this code/);
      assert.equal(new Set(outcomes.map(({ id }) => id)).size, more + 2);
      assert.equal(
        (await list(me, { limit: 0, ...where('Created By', 'equals', myId) })).body.response.remaining,
        more + 1,
      );
      const [entry, ...others] = (await server.calls()).filter(
        ({ path, accountId }) => path === `${NOTES}/bulk` && accountId === myId,
      );
      assert.deepEqual([entry?.status, others.length], [200, 0]);
      await server.domain.callCounts.flush();
      const { days } = await server.domain.callCounts.of({
        accountId: myId,
        from: now - 86_400,
        before: now + 60,
      });
      assert.equal(days.at(-1)?.success, 2);
      for (const [body, type, status, message] of [
        ['', 'text/plain', 400, /no body/],
        ['{"title":"x"}', 'application/json', 415, /application\/json/],
        ['\n'.repeat(1001), 'text/plain', 400, /more than 1000 lines/],
        ['x'.repeat(BULK_BYTES_MAX + 1), 'text/plain', 413, /larger/],
        [Buffer.from([0x7b, 0xff]), 'text/plain', 400, /UTF-8/],
      ] as const) {
        const refused = await bulk(body, type);
        assert.equal(refused.status, status);
        assert.match(JSON.stringify(await refused.json()), message);
      }
      // Sent again, they are found to be there, each in its line.
      const same = ['c1', 'c2', 'c3'].map((one) => JSON.stringify({ title: 'b', code: code + one }));
      const statuses = async (sent: string[]) =>
        (await (await bulk(sent.join('\n'))).text()).match(/success|error/g)?.join(' ');
      assert.equal(await statuses([...same, ...same]), 'success success success error error error');
      assert.equal(
        await statuses([
          ...same,
          JSON.stringify({ title: 'b', code: `${code}c4` }),
          ...same,
          '{"title":"b"}',
        ]),
        'error error error success error error error success',
      );
      // A call that stores nothing is on record all the same.
      const [other, otherId] = await somebody();
      assert.equal((await bulk('{"titel":"x"}', 'text/plain', other)).status, 200);
      const ofOther = (await server.calls()).filter(({ accountId }) => accountId === otherId);
      assert.deepEqual(
        ofOther.map(({ status }) => status),
        [200],
      );
      const [reader] = await somebody(['data:note:read']);
      assert.equal((await bulk('{"title":"x"}', 'text/plain', reader)).status, 403);
    });

    if (isFirst)
      test('stores no more lines of who is cut off while they are read', async () => {
        const cutOffAt = async (line: number) => {
          const { value, credential } = await server.token({
            scopes: ['data:parcel:write'],
            expiresAt: now + 1000,
          });
          let left = line;
          checkParcel = () => {
            left -= 1;
            if (left === 0)
              void server.domain.rows.credentials.update(credential.id, { set: { revokedAt: now } });
            const until = performance.now() + (left < 0 && left > -6 ? 25 : 0);
            while (performance.now() < until);
          };
          const headers = { authorization: `Bearer ${value}`, 'content-type': 'text/plain' };
          const body = '{"text":"x"}\n'.repeat(150);
          return fetch(`${server.url}/api/1.1/obj/parcel/bulk`, { method: 'POST', body, headers });
        };
        const lines = (await (await cutOffAt(101)).text()).trimEnd().split('\n');
        assert.deepEqual([lines.length, lines.filter((line) => /success/.test(line)).length], [150, 100]);
        assert.match(lines[100] ?? '', /The token was revoked/);
        assert.equal((await cutOffAt(1)).status, 401);
      });

    if (isFirst)
      test('says that nothing was stored where a schema fails before anything is', async () => {
        const { value: token } = await server.token({
          scopes: ['data:parcel:write', 'data:parcel:read'],
          expiresAt: now + 1000,
        });
        checkParcel = () => {};
        const made = await send('POST', '/api/1.1/obj/parcel', { token, json: { text: 'x' } });
        const sent = async (method: string, path: string, body: string, goodOnes = 0) => {
          let left = goodOnes;
          checkParcel = () => {
            left -= 1;
            if (left < 0) throw new TypeError('a slip of the owner');
          };
          const type = path.endsWith('bulk') ? 'text/plain' : 'application/json';
          const headers = { authorization: `Bearer ${token}`, 'content-type': type };
          const answer = await fetch(`${server.url}/api/1.1/obj/parcel${path}`, { method, body, headers });
          assert.equal(answer.status, 500);
          return ((await answer.json()) as { body: { hint: string } }).body.hint;
        };
        const json = '{"text":"y"}';
        for (const hint of [
          await sent('POST', '', json),
          await sent('PATCH', `/${made.body.id}`, json),
          await sent('PUT', `/${made.body.id}`, json),
          await sent('POST', '/bulk', `${json}\n`.repeat(3), 2),
        ])
          assert.match(hint, /^Nothing was stored or sent\. Try again\./);
        // A hundred lines before it are stored.
        assert.match(await sent('POST', '/bulk', `${json}\n`.repeat(120), 110), /^It is not certain/);
      });

    if (isFirst)
      test('holds the lines that are left to the rules where their caller passes them no more', async () => {
        const accountId = newId('acc_');
        await server.domain.rows.accounts.insert({
          ...{ id: accountId, email: `${accountId}@example.com`, emailKey: accountId, createdAt: now },
          admin: true,
        });
        const [scope, past] = ['data:crate:write', 'admin:data:crate:write'];
        const scopes = [scope, past];
        const { value, credential } = await server.token({ accountId, scopes, expiresAt: now + 1000 });
        let left = 101;
        checkParcel = () => {
          left -= 1;
          if (left === 0)
            void server.domain.rows.credentials.update(credential.id, { set: { scopes: [scope] } });
          const until = performance.now() + (left < 0 && left > -6 ? 25 : 0);
          while (performance.now() < until);
        };
        const headers = { authorization: `Bearer ${value}`, 'content-type': 'text/plain' };
        const body = `${'{"text":"shut"}\n'.repeat(149)}{"text":"open"}`;
        const sent = { method: 'POST', body, headers };
        const answered = await fetch(`${server.url}/api/1.1/obj/crate/bulk`, sent);
        const lines = (await answered.text()).trimEnd().split('\n');
        const stored = lines.flatMap((line, at) => (/success/.test(line) ? [at] : []));
        assert.deepEqual(stored, [...Array(100).keys(), 149]);
        assert.match(lines[100] ?? '', /may make no such crate/);
        const [entry] = (await server.calls()).filter((call) => call.accountId === accountId);
        assert.deepEqual([entry?.privacyBypassed, entry?.hidden], [true, 0]);
      });

    if (isFirst)
      test('gives others their turn while it reads lines, however many of them are no good', async () => {
        const [me] = await somebody();
        const names = Array.from({ length: 400 }, (_, index) => `"k${index}":1`).join();
        const body = `{${names}}\n`.repeat(300);
        const headers = { authorization: `Bearer ${me}`, 'content-type': 'text/plain' };
        // Of work, as others on the machine may let it wait.
        const workedMs = () => {
          const { user, system } = process.threadCpuUsage();
          return (user + system) / 1000;
        };
        let [longestMs, lastMs, isOver] = [0, workedMs(), false];
        const look = () => {
          longestMs = Math.max(longestMs, workedMs() - lastMs);
          lastMs = workedMs();
          if (!isOver) setImmediate(look);
        };
        const startedMs = workedMs();
        look();
        const { status } = await fetch(`${server.url}${NOTES}/bulk`, { method: 'POST', body, headers });
        isOver = true;
        assert.equal(status, 200);
        assert.ok(longestMs < (workedMs() - startedMs) / 3, `${longestMs} ms at once`);
      });

    if (isFirst)
      test('looks no further for whoever has gone, who takes no place in line from their next call', async () => {
        const { value: token, credential } = await server.token({
          scopes: ['data:book:read'],
          expiresAt: now + 1000,
        });
        const createdBy = credential.accountId;
        const text = 'word '.repeat(4000);
        const rows = server.domain.types.get('book')?.rows ?? assert.fail();
        const made = Array.from({ length: 500 }, (_, index) => ({
          ...{ id: `obj_${index}`, createdAt: index, createdBy, text: text + index },
        }));
        await rows.insertMany(made as never);
        const lacking = (times: number) => {
          const one = { key: 'text', constraint_type: 'not text contains', value: 'words' };
          const constraints = JSON.stringify(Array(times).fill(one));
          return `/api/1.1/obj/book?${new URLSearchParams({ constraints, limit: '1' })}`;
        };
        const gone = new AbortController();
        let letIn = 0;
        const countOne = () => {
          letIn += 1;
          onCaller = countOne;
        };
        onCaller = countOne;
        const left = Array.from({ length: 11 }, () =>
          assert.rejects(server.call(lacking(20), { token, signal: gone.signal }), { name: 'AbortError' }),
        );
        await until('all of them wait for their list', () => letIn === left.length);
        onCaller = undefined;
        gone.abort();
        await Promise.all(left);
        const { status, body } = await server.call(lacking(2), { token });
        assert.deepEqual([status, body.response?.remaining], [200, 499]);
        const ofThem = (await server.calls()).filter(({ accountId }) => accountId === createdBy);
        const results = ofThem.map(({ status: answered, result }) => `${answered} ${result}`);
        assert.ok(results.filter((one) => one === '499 CALLER_GONE').length >= 9, results.join());
        assert.ok(results.includes('200 success'));
      });

    test('loses no change of two that change one record at the same time', async () => {
      const id = await make(ann, { title: 'Race', readers: [bobId] });
      /** Whose change met others each time is sent away, and comes again. Answers how often it was. */
      async function patch(json: object, token: string): Promise<number> {
        for (let sentAway = 0; ; sentAway += 1) {
          const { status } = await send('PATCH', `${NOTES}/${id}`, { token, json });
          if (status === 204) return sentAway;
          assert.equal(status, 409);
        }
      }
      await Promise.all([
        ...Array.from({ length: 3 }, (_, index) => patch({ hot: true, secret: `s${index}` }, ann)),
        ...Array.from({ length: 3 }, (_, index) => patch({ pages: index }, bob)),
      ]);
      const { hot, pages, title } = (await get(id, ann)).body.response;
      assert.deepEqual([hot, typeof pages, title], [true, 'number', 'Race']);
      // Within a process they wait for each other, and nobody is sent away; where the store is elsewhere and slow, who has just
      // come may be quicker than who waits each time.
      const many = await Promise.all(Array.from({ length: 30 }, (_, at) => patch({ pages: at + 100 }, ann)));
      if (isFirst) assert.deepEqual([...new Set(many)], [0]);
      assert.deepEqual(
        [
          ...new Set(
            (await Promise.all([1, 2, 3].map(() => send('DELETE', `${NOTES}/${id}`, { token: ann })))).map(
              ({ status }) => status,
            ),
          ),
        ].toSorted(),
        [204, 404],
      );
    });

    test('writes to a record only as it was when the rules were asked', async () => {
      // On MongoDB the two come over connections of their own, of which a busy machine may serve Bob's first.
      const id = await until('it is taken away before he writes', async () => {
        const made = await make(ann, { title: 'Taken away', readers: [bobId] });
        // Between the two, Bob is none of its readers any more. The first time stands in the entry, the second in the change.
        const takeAway = () => void opened().update(made, { set: { readers: [], version: 7 } as never });
        onCaller = () => {
          onClock = () => {
            onClock = takeAway;
          };
        };
        const late = await send('PATCH', `${NOTES}/${made}`, { token: bob, json: { pages: 9 } });
        if (late.status === 204) return undefined;
        assert.deepEqual([late.status, (await get(made, ann)).body.response.pages], [404, undefined]);
        return made;
      });
      // What it still carries of a change goes out before it goes.
      await opened().update(id, { set: { pendingId: 'p', pendingAt: now } });
      const remove = () => send('DELETE', `${NOTES}/${id}`, { token: ann });
      const early = await remove();
      assert.deepEqual([early.status, early.body.body.status], [409, 'CONFLICT']);
      await opened().update(id, { unset: ['pendingId', 'pendingAt'] });
      assert.equal((await remove()).status, 204);
    });

    if (isFirst)
      test('lists nothing for who is cut off while the records are looked for', async () => {
        await make(ann, { title: 'Long looked for' });
        const { value, credential } = await server.token({
          ...{ accountId: annId, scopes: BOTH, expiresAt: now + 1000 },
        });
        const rows = opened();
        const { list } = rows;
        rows.list = async (asked) => {
          rows.list = list;
          await server.domain.rows.credentials.update(credential.id, { set: { revokedAt: now } });
          await delay(1.5 * JUDGED_AGAIN_MS);
          return list(asked);
        };
        const { status, text } = await server.call(NOTES, { token: value });
        assert.equal(status, 401);
        assert.doesNotMatch(text, /Long looked for/);
        assert.equal((await server.call(NOTES, { token: ann })).status, 200);
      });

    if (isFirst)
      test('changes nothing for who is cut off while others change the record', async () => {
        const id = await make(ann, { title: 'Held' });
        const { value, credential } = await server.token({
          ...{ accountId: annId, scopes: BOTH, expiresAt: now + 1000 },
        });
        await opened().update(id, { set: { pendingId: 'p', pendingAt: now } });
        const others = Promise.withResolvers<void>();
        const held = inTurn(opened(), id, () => others.promise);
        const waiting = send('DELETE', `${NOTES}/${id}`, { token: value });
        await delay(1.5 * JUDGED_AGAIN_MS);
        await server.domain.rows.credentials.update(credential.id, { set: { revokedAt: now } });
        await opened().update(id, { unset: ['pendingId', 'pendingAt'] });
        others.resolve();
        await held;
        assert.equal((await waiting).status, 401);
        assert.equal((await get(id, ann)).status, 200);
      });

    test('counts calls of all records of a type by one route', async () => {
      const [token, accountId] = await somebody();
      const { id: tokenId } = (await server.call('/api/1.1/me', { token })).body.response.token;
      for (const title of ['1', '2', '3']) await get(await make(token, { title }), token);
      await server.domain.callCounts.flush();
      const { routes } = await server.domain.callCounts.of({
        ...{ accountId, about: { tokenId }, from: now - 86_400, before: now + 86_400 },
      });
      const named = routes
        .map(({ route, count }) => `${route} ${count}`)
        .filter((one) => one.includes('obj'));
      assert.deepEqual(named.toSorted(), [`GET ${NOTES}/:id 3`, `POST ${NOTES} 3`]);
    });

    test('holds tokens that are narrowed to where they work', async () => {
      const narrow = { scopes: BOTH, expiresAt: now + 1000 };
      const far = await server.token({ ...narrow, narrowing: { ipRanges: ['192.0.2.0/24'] } });
      const refused = await list(far.value);
      assert.deepEqual([refused.status, refused.body.body.status], [403, 'ADDRESS_REFUSED']);
      const page = await server.token({ ...narrow, narrowing: { origin: 'https://a.example' } });
      assert.equal((await list(page.value)).body.body.status, 'ORIGIN_REFUSED');
      const idle = await server.token({ ...narrow, createdAt: now - 86_400 * 9, narrowing: { idleDays: 7 } });
      assert.equal((await list(idle.value)).status, 401);
    });
  });
});

describe('the Data API while its activity cannot be written', () => {
  test('keeps no change without its entry, and answers no read', async () => {
    let fails = false;
    const server = await startApiServer({
      types: [note],
      recorder: (real) => ({
        ...real,
        record: (entry, durability) =>
          fails ? Promise.reject(new Unavailable('gone')) : real.record(entry, durability),
      }),
    });
    try {
      const { value: token } = await server.token({ scopes: BOTH });
      fails = true;
      // What carries its entry inside needs no other place for it.
      const made = await server.call(NOTES, { method: 'POST', token, json: { title: 'x' } });
      assert.equal(made.status, 201);
      assert.equal((await server.call(`${NOTES}/${made.body.id}`, { token })).status, 503);
      fails = false;
      assert.deepEqual(
        (await server.calls()).map(({ method, status }) => [method, status]),
        [['POST', 201]],
      );
    } finally {
      await server.stop();
    }
  });
});
