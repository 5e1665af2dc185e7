import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { always, is, isEmpty } from '../../server/data/expressions.ts';
import { defineType } from '../../server/data/type.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';

const FILES = '/api/1.1/obj/file';

/** Everybody may see a title and change it, and ask for nothing else. One field has a name that every object has. */
const file = defineType({
  name: 'file',
  description: 'A file',
  fields: {
    title: z.string(),
    secret: z.string().optional(),
    salary: z.number().optional(),
    tags: z.array(z.string()).optional(),
    constructor: z.string().optional(),
    box: z.string().optional(),
  },
  rules: (record, caller) => [
    {
      name: 'Whoever made it',
      when: is(record.createdBy, caller.account),
      ...{ find: true, view: true, constrain: true, create: true, change: true, delete: true },
    },
    {
      name: 'Everybody',
      when: always,
      find: true,
      view: ['title'],
      constrain: ['title'],
      change: ['title', 'box'],
    },
    { name: 'Unbuilt ones', when: isEmpty(record.constructor), view: ['constructor'] },
  ],
});

describe('what a caller may not see changes no answer', () => {
  let server: ApiServer;
  let [ann, eve] = ['', ''];
  let ids: string[] = [];
  before(async () => {
    server = await startApiServer({ types: [file] });
    const scopes = ['data:file:read', 'data:file:write'];
    [ann, eve] = [(await server.token({ scopes })).value, (await server.token({ scopes })).value];
    const hidden = [
      { secret: 'scarlet', salary: 10, tags: ['a'] },
      { secret: 'blue', salary: 99 },
    ];
    ids = await Promise.all(
      hidden.map(async (fields) => {
        const json = { title: 'The same', ...fields };
        const { status, body } = await server.call(FILES, { method: 'POST', token: ann, json });
        assert.equal(status, 201, JSON.stringify(body));
        return body.id as string;
      }),
    );
  });
  after(() => server.stop());

  type Sent = { method?: string; json?: unknown; body?: string; headers?: Record<string, string> };
  /** What is answered, without what differs from call to call. */
  async function answer(path: string, sent: Sent = {}): Promise<string> {
    const { status, text } = await server.call(path, { token: eve, ...sent });
    const same = text.replaceAll(/obj_\w+/g, 'ID').replaceAll(/"requestId":"[^"]*"/g, '');
    return `${status} ${same}`;
  }
  const listed = (query: Record<string, unknown>) =>
    answer(
      `${FILES}?${new URLSearchParams(
        Object.entries(query).map(([name, value]): [string, string] => [
          name,
          typeof value === 'string' ? value : JSON.stringify(value),
        ]),
      )}`,
    );
  const OTHERS = [
    ...['secret', 'salary', 'tags', 'constructor', 'Created By', 'Created Date', 'Modified Date'],
    ...['createdBy', 'createdAt', 'version', 'pending', 'pendingId', '__proto__', 'toString', 'id', 'doc'],
    ...['secret.length', '$where', "secret') OR 1=1 --", 'data.secret', ''],
  ];
  const VALUES = ['scarlet', 10, null, { $ne: null }, ['scarlet']];

  test('two records that differ in that alone answer alike, to whatever is sent', async () => {
    const tried = OTHERS.flatMap((name) => VALUES.map((value) => [name, value] as const));
    for (const [index, [name, value]] of tried.entries()) {
      const method = index % 3 === 0 ? 'PUT' : 'PATCH';
      const json = JSON.parse(`{"title":"The same",${JSON.stringify(name)}:${JSON.stringify(value)}}`);
      const [first, second] = await Promise.all(ids.map((id) => answer(`${FILES}/${id}`, { method, json })));
      assert.equal(first, second, `${method} ${name} ${JSON.stringify(value)}`);
      assert.match(first ?? '', /^40[03] /, `${method} ${name} ${JSON.stringify(value)}`);
    }
    for (const id of ids) {
      assert.match(await answer(`${FILES}/${id}`, { method: 'DELETE' }), /^403 /);
      assert.equal(await answer(`${FILES}/${id}`), '200 {"response":{"_id":"ID","title":"The same"}}');
    }
  });

  test('nothing is found, ordered or counted by it', async () => {
    const found = await listed({});
    assert.match(found, /"count":2,"remaining":0/);
    const types = ['equals', 'not equal', 'greater than', 'is_empty', 'in', 'contains', 'text contains'];
    for (const name of OTHERS) {
      const asked = types.flatMap((type) =>
        VALUES.map((value) => ({ key: name, constraint_type: type, value })),
      );
      for (const said of await Promise.all(asked.map((one) => listed({ constraints: [one] })))) {
        // What may be asked of records of their own is answered for those: there are none.
        assert.match(said, /^40[034] |"count":0,"remaining":0/, name);
        assert.doesNotMatch(said, /scarlet|blue|99/, said);
      }
    }
    const inOrder = ids.toSorted();
    for (const name of OTHERS.slice(0, -1)) {
      for (const descending of [false, true]) {
        const query = new URLSearchParams({ sort_field: name, descending: String(descending) });
        const { status, body } = await server.call(`${FILES}?${query}`, { token: eve });
        const given = status === 200 && body.response.results.map((one: { _id: string }) => one._id);
        assert.deepEqual(given, status === 200 && (descending ? inOrder.toReversed() : inOrder), name);
        const more = [{ sort_field: name, descending }];
        assert.match(await listed({ sort_field: 'title', additional_sort_fields: more }), /^40[03] /, name);
      }
    }
  });

  test('nobody makes or changes what each record has by itself', async () => {
    const by = (await server.call(`${FILES}/${ids[0]}`, { token: ann })).body.response['Created By'];
    for (const more of [
      { _id: ids[0] },
      { id: ids[0] },
      { 'Created By': by },
      { createdBy: by },
      { createdAt: 1 },
      { version: 9 },
      { pending: { mail: [] } },
    ]) {
      const json = { title: 'Mine', ...more };
      assert.match(await answer(FILES, { method: 'POST', json }), /^400 /, JSON.stringify(more));
      const headers = { 'content-type': 'text/plain' };
      const line = { method: 'POST', body: JSON.stringify(json), headers };
      assert.match(await answer(`${FILES}/bulk`, line), /^200 \{"status":"error"/, JSON.stringify(more));
    }
  });

  test('a field that they may fill and not see is changed by a right guess as by a wrong one', async () => {
    const rows = server.domain.types.get('file')?.rows ?? assert.fail();
    const id = ids[0] ?? '';
    const version = async () => (await rows.get(id))?.version;
    assert.equal(await answer(`${FILES}/${id}`, { method: 'PATCH', json: { box: 'right' } }), '204 ');
    const before = Number(await version());
    for (const [index, box] of ['right', 'wrong'].entries()) {
      assert.equal(await answer(`${FILES}/${id}`, { method: 'PATCH', json: { box } }), '204 ');
      assert.equal(await version(), before + index + 1, box);
    }
    await rows.update(id, { unset: ['box'] as never });
  });

  test('a field with the name of what each object has is one like others', async () => {
    const sent = { method: 'POST', token: eve, json: { title: 'Built', constructor: 'Eve' } };
    const { body } = await server.call(FILES, sent);
    const read = await server.call(`${FILES}/${body.id}`, { token: eve });
    assert.equal(read.body.response.constructor, 'Eve');
    const constraints = JSON.stringify([{ key: 'constructor', constraint_type: 'is_empty' }]);
    const some = await server.call(`${FILES}?${new URLSearchParams({ constraints })}`, { token: ann });
    assert.equal(some.body.response.count, 2);
    await server.call(`${FILES}/${body.id}`, { method: 'DELETE', token: eve });
  });
});
