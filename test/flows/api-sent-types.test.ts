import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { address, date, file, record } from 'latchkey';
import { z } from 'zod';
import { always } from '../../server/data/expressions.ts';
import { defineType } from '../../server/data/type.ts';
import { UPLOAD_BYTES_MAX } from '../../server/ground/limits.ts';
import { defineWorkflow } from '../../server/workflows/workflow.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { toItsMaker } from '../support/workflows.ts';

const note = defineType({
  name: 'note',
  description: 'A note',
  fields: { text: z.string(), secret: z.string().optional(), count: z.int().optional() },
  rules: (of, caller) => [...toItsMaker(of, caller), { name: 'What is public', when: always, view: [] }],
});

/** What arrived, as JSON says it. */
const said = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('latin1').slice(0, 40)}`;
  if (value instanceof Date) return `date ${value.toISOString()}`;
  if (Array.isArray(value)) return value.map(said);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, said(part)]));
};

const typed = defineWorkflow({
  name: 'typed',
  description: 'Say what arrived',
  callers: 'account',
  parameters: {
    at: { schema: date().optional(), in: 'either', description: 'When', example: '2026-11-27T09:30:00Z' },
    days: {
      schema: date().array().max(3).optional(),
      in: 'either',
      description: 'Days',
      example: ['2026-11-27'],
    },
    home: { schema: address().optional(), in: 'either', description: 'Where', example: 'Main Street 1' },
    note: { schema: record(note).optional(), in: 'either', description: 'A note', example: 'obj_1' },
    notes: { schema: record(note).array().optional(), description: 'Notes', example: ['obj_1'] },
    inside: {
      schema: z.object({ note: record(note), due: date() }).optional(),
      description: 'A note and when',
      example: { note: 'obj_1', due: '2026-11-27' },
    },
    text: { schema: z.string().optional(), description: 'Text', example: 'x' },
  },
  returns: z.object({ got: z.any(), at: z.date().optional() }),
  run: ({ parameters }) => ({ got: said(parameters), at: parameters.at }),
});

const upload = defineWorkflow({
  name: 'upload',
  description: 'Take files',
  callers: 'account',
  parameters: {
    doc: {
      schema: file({ maxBytes: 2_000_000 }),
      description: 'The document',
      example: { filename: 'a.txt', contents: 'aGVsbG8=' },
    },
    images: {
      schema: file({ maxBytes: 1000, types: ['image/png'] })
        .array()
        .max(3)
        .optional(),
      description: 'Pictures',
      example: [],
    },
    text: { schema: z.string().max(50).optional(), description: 'Text', example: 'x' },
  },
  returns: z.object({ got: z.any() }),
  run: ({ parameters }) => ({ got: said(parameters) }),
});

const uploadMany = defineWorkflow({
  name: 'upload_many',
  description: 'Take many files',
  callers: 'account',
  parameters: { many: { schema: file({ maxBytes: 10_000_000 }).array(), description: 'Files', example: [] } },
  returns: z.object({}),
  run: () => ({}),
});

/** What happens between the look-up of a record and its change. */
let meanwhile: (() => Promise<unknown>) | undefined;
const bump = defineWorkflow({
  name: 'bump',
  description: 'Count a note up',
  callers: 'account',
  parameters: { note: { schema: record(note), description: 'A note', example: 'obj_1' } },
  types: { note },
  returns: z.object({ count: z.number() }),
  async run({ parameters, data }) {
    const count = (parameters.note.count ?? 0) + 1;
    await meanwhile?.();
    await data.note.change(parameters.note, { count });
    return { count };
  },
});

const make = defineWorkflow({
  name: 'make',
  description: 'Make a note',
  callers: 'account',
  parameters: { text: { schema: z.string(), description: 'Text', example: 'x' } },
  types: { note },
  returns: z.object({ id: z.string() }),
  run: ({ parameters, data }) => ({ id: data.note.create({ ...parameters, secret: 's' }).id }),
});

const PNG = Buffer.from('89504e470d0a1a0a00', 'hex');
const SCOPES = ['wf:typed', 'wf:upload', 'wf:upload_many', 'wf:bump', 'wf:make'];

describe('dates, addresses, records and files', () => {
  let server: ApiServer;
  let token: string;
  let other: string;
  before(async () => {
    server = await startApiServer({ workflows: [typed, upload, uploadMany, bump, make], types: [note] });
    token = (await server.token({ scopes: SCOPES })).value;
    other = (await server.token({ scopes: SCOPES })).value;
  });
  after(() => server.stop());

  const post = (name: string, json: unknown, as = token) =>
    server.call(`/api/1.1/wf/${name}`, { method: 'POST', token: as, json });
  const form = (name: string, body: FormData | URLSearchParams, as = token) =>
    server.call(`/api/1.1/wf/${name}`, { method: 'POST', token: as, body });
  const newNote = async (as = token): Promise<string> =>
    (await post('make', { text: 'mine' }, as)).body.response.id;

  function refused(answer: Awaited<ReturnType<typeof post>>, of: string, says: RegExp, hint: RegExp): void {
    assert.equal(answer.status, 400, answer.text);
    const { parameter, message, hint: told } = answer.body.body;
    assert.equal(parameter, of, answer.text);
    assert.match(message, says);
    assert.match(told, hint);
  }

  test('arrive from JSON as what they are, and a date goes out in ISO 8601', async () => {
    const answer = await post('typed', {
      at: 1_795_336_731_000,
      days: ['2026-11-27', '2026-11-27T09:30:00+02:00'],
      home: { address: 'Main Street 1', lat: 60.17, lng: 24.94 },
    });
    assert.deepEqual(answer.body.response, {
      at: '2026-11-22T08:38:51.000Z',
      got: {
        at: 'date 2026-11-22T08:38:51.000Z',
        days: ['date 2026-11-27T00:00:00.000Z', 'date 2026-11-27T07:30:00.000Z'],
        home: { address: 'Main Street 1', lat: 60.17, lng: 24.94 },
      },
    });
  });

  test('arrive from a form and a query too', async () => {
    const fields = new URLSearchParams([
      ['at', '1795336731000'],
      ['days', '2026-11-27'],
      ['days', '2026-11-28'],
      ['home', '{"address":"Main Street 1","lat":1,"lng":2}'],
    ]);
    const wanted = {
      at: 'date 2026-11-22T08:38:51.000Z',
      days: ['date 2026-11-27T00:00:00.000Z', 'date 2026-11-28T00:00:00.000Z'],
      home: { address: 'Main Street 1', lat: 1, lng: 2 },
    };
    assert.deepEqual((await form('typed', fields)).body.response?.got, wanted);
    assert.deepEqual((await form(`typed?${fields}`, new URLSearchParams())).body.response?.got, wanted);
    const one = await form('typed', new URLSearchParams({ days: '2026-11-27', home: 'Main Street 1' }));
    assert.deepEqual(one.body.response?.got, {
      days: ['date 2026-11-27T00:00:00.000Z'],
      home: { address: 'Main Street 1' },
    });
  });

  const mistakes: [json: Record<string, unknown>, of: string, says: RegExp, hint: RegExp][] = [
    [{ at: '2026-02-30' }, 'at', /there is no such day/, /For example "2026-11-27T09:30:00Z"/],
    [{ at: '27/11/26' }, 'at', /year in four digits/, /For example/],
    [{ at: 1_795_336_731 }, 'at', /seconds/, /For example/],
    [{ at: ' 2026-11-27 ' }, 'at', /ISO 8601/, /blanks or line ends around it/],
    [{ at: '' }, 'at', /ISO 8601/, /leave it out/],
    [{ at: ['2026-11-27'] }, 'at', /received array/, /list of one/],
    [{ at: { $gt: 5 } }, 'at', /received object/, /For example/],
    [{ days: '2026-11-27' }, 'days', /expected array/, /brackets/],
    [{ days: ['2026-11-27', 'x'] }, 'days', /1: expected a date/, /For example/],
    [{ home: { address: 'x', latitude: 5 } }, 'home', /nothing else/, /For example/],
    [{ home: { address: 'x', lat: 95, lng: 5 } }, 'home', /lat: .*-90 to 90/, /For example/],
    [{ home: { address: 'x', lat: 5 } }, 'home', /lng: .*-180 to 180/, /For example/],
    [{ home: { address: 'x', lat: '5', lng: 5 } }, 'home', /lat: /, /For example/],
    [{ home: 'a\u0007b' }, 'home', /expected an address/, /For example/],
    [{ home: 5 }, 'home', /received number/, /as text/],
    [{ home: '{"address":"x"}' }, 'home', /JSON inside a text/, /encoded twice/],
    [{ note: 5 }, 'note', /id of a record of type note, received number/, /as text/],
    [{ note: { id: 'obj_1' } }, 'note', /received object/, /inside an object/],
    [{ note: { $ne: null } }, 'note', /received object/, /For example/],
    [{ Days: ['2026-11-27'] }, 'Days', /no such parameter/, /Did you mean days/],
    [{ inside: { note: 'obj_1', Due: '2026-11-27' } }, 'inside', /no Due in it/, /Did you mean due/],
  ];
  for (const [json, of, says, hint] of mistakes) {
    test(`${JSON.stringify(json)} is refused`, async () =>
      refused(await post('typed', json), of, says, hint));
  }

  describe('a record', () => {
    test('is what the caller may see of it, also in a list and inside of something', async () => {
      const [one, two] = [await newNote(), await newNote()];
      const answer = await post('typed', {
        note: one,
        notes: [one, two, one],
        inside: { note: two, due: '2026-11-27' },
      });
      const { got } = answer.body.response;
      assert.deepEqual([got.note.id, got.note.text, got.note.secret], [one, 'mine', 's']);
      assert.deepEqual(
        got.notes.map((each: { id: string }) => each.id),
        [one, two, one],
      );
      assert.deepEqual([got.inside.note.id, got.inside.due], [two, 'date 2026-11-27T00:00:00.000Z']);
      for (const internal of ['version', 'pending', 'pendingAt']) assert.ok(!(internal in got.note));
    });

    test('that is not there and one of somebody else are the same', async () => {
      const theirs = await newNote(other);
      const [ofThem, ofNobody] = [
        await post('typed', { note: theirs }),
        await post('typed', { note: 'obj_no' }),
      ];
      refused(ofThem, 'note', /parameter note: there is no such note$/, /may see/);
      const without = ({ body }: typeof ofThem) => ({ ...body.body, requestId: '' });
      assert.deepEqual(without(ofThem), without(ofNobody));
      refused(await post('typed', { notes: [await newNote(), theirs] }), 'notes', /no such note/, /may see/);
      refused(
        await post('typed', { inside: { note: theirs, due: '2026-11-27' } }),
        'inside',
        /no such note/,
        /see/,
      );
    });

    test('is read once for each id, and a hundred at most', async () => {
      const ids = Array.from({ length: 101 }, (_, index) => `obj_${index}`);
      refused(
        await post('typed', {
          notes: Array(500)
            .fill(await newNote())
            .concat(ids),
        }),
        'notes',
        /no such/,
        /see/,
      );
      const notes = [];
      for (let index = 0; index < 101; index += 1) notes.push(await newNote());
      refused(await post('typed', { notes }), 'notes', /more than 100 records/, /at most 100/);
    });

    test('is changed as it was seen: what another run changed meanwhile is not lost', async () => {
      const id = await newNote();
      meanwhile = () => {
        meanwhile = undefined;
        return post('bump', { note: id });
      };
      assert.equal((await post('bump', { note: id })).body.response?.count, 2);
    });
  });

  describe('a file', () => {
    function parts(...entries: [name: string, value: string | File][]): FormData {
      const data = new FormData();
      for (const [name, value] of entries) data.append(name, value);
      return data;
    }
    const doc = new File(['hello'], 'a.txt', { type: 'text/plain' });
    const got = { filename: 'a.txt', type: 'text/plain', bytes: 'bytes hello' };

    test('comes as a part of a form, beside texts', async () => {
      const images = [1, 2].map((n) => new File([PNG], `${n}.png`, { type: 'image/png' }));
      const answer = await form(
        'upload',
        parts(['doc', doc], ['text', 'ä'], ['images', images[0] as File], ['images', images[1] as File]),
      );
      assert.equal(answer.status, 200, answer.text);
      const { response } = answer.body;
      assert.deepEqual([response.got.doc, response.got.text], [got, 'ä']);
      assert.deepEqual(
        response.got.images.map((one: { filename: string }) => one.filename),
        ['1.png', '2.png'],
      );
      const one = await form('upload', parts(['doc', doc], ['images', images[0] as File]));
      assert.equal(one.body.response?.got.images.length, 1, one.text);
    });

    test('comes in JSON, and in a form as JSON', async () => {
      const contents = Buffer.from('hello').toString('base64');
      const json = { filename: 'a.txt', contents, type: 'text/plain' };
      assert.deepEqual((await post('upload', { doc: json })).body.response?.got, { doc: got });
      const fields = new URLSearchParams({ doc: JSON.stringify(json) });
      assert.deepEqual((await form('upload', fields)).body.response?.got, { doc: got });
    });

    test('may be as large as its parameter says, in both', async () => {
      const bytes = Buffer.alloc(2_000_000, 'x');
      const big = new File([bytes], 'big');
      assert.equal((await form('upload', parts(['doc', big]))).status, 200);
      assert.equal(
        (await post('upload', { doc: { filename: 'big', contents: bytes.toString('base64') } })).status,
        200,
      );
      const lines = bytes.toString('base64').replace(/.{76}/g, '$&\r\n');
      assert.equal((await post('upload', { doc: { filename: 'big', contents: lines } })).status, 200);
      const larger = new File([bytes, 'x'], 'larger');
      refused(await form('upload', parts(['doc', larger])), 'doc', /2000001 bytes, and at most 2000000/, /./);
    });

    test('is among files that have a bound together', async () => {
      const contents = Buffer.alloc(7_000_000).toString('base64');
      const many = [1, 2, 3].map((n) => ({ filename: `${n}`, contents }));
      const all = await post('upload_many', { many });
      refused(all, 'many', /together have more than 20000000 bytes/, /fewer/);
      assert.equal((await post('upload_many', { many: many.slice(1) })).status, 200);
    });

    const slips: [
      what: string,
      body: () => FormData | URLSearchParams,
      of: string,
      says: RegExp,
      hint: RegExp,
    ][] = [
      [
        'a file where text is read',
        () => parts(['doc', doc], ['text', doc]),
        'text',
        /sent as a file/,
        /without a filename/,
      ],
      [
        'text where a file is read',
        () => parts(['doc', 'hello']),
        'doc',
        /expected a file.*received a text/,
        /For example/,
      ],
      ['its address', () => parts(['doc', 'https://example.com/x']), 'doc', /fetches nothing/, /For example/],
      [
        'nothing chosen',
        () => parts(['doc', new File([], '')]),
        'doc',
        /Missing parameter/,
        /curl.*doc=@PATH/,
      ],
      [
        'two where one is read',
        () => parts(['doc', doc], ['doc', doc]),
        'doc',
        /received array/,
        /For example/,
      ],
      [
        'a type that is not taken',
        () => parts(['doc', doc], ['images', doc]),
        'images',
        /0: .*image\/png/,
        /./,
      ],
      ['a wrong name', () => parts(['Doc', doc]), 'doc', /Missing/, /Doc was sent: is it doc/],
      ['a name in brackets', () => parts(['doc[]', doc]), 'doc', /Missing/, /as doc\[\]/],
      ['__proto__ as a name', () => parts(['__proto__', doc]), 'doc', /Missing/, /curl/],
      [
        'a name with NUL in the file',
        () => parts(['doc', new File(['x'], 'a\0.txt')]),
        'doc',
        /filename/,
        /./,
      ],
    ];
    for (const [what, body, of, says, hint] of slips) {
      test(`${what} is told`, async () => refused(await form('upload', body()), of, says, hint));
    }

    test('in the query is told where it goes', async () => {
      refused(await post('upload?doc=x', {}), 'doc', /Missing/, /read from the body.*curl.*-F 'doc=@PATH'/);
      refused(await post('upload', {}), 'doc', /Missing/, /-F 'doc=@PATH'/);
    });

    test('for a workflow that takes none is told so', async () => {
      refused(await form('typed', parts(['text', doc])), 'text', /sent as a file/, /without a filename/);
      refused(await form('typed', parts(['at', doc])), 'at', /sent as a file/, /without @/);
    });
  });

  describe('a form of parts', () => {
    const raw = (body: string | Buffer, type: string, name = 'upload') =>
      server.call(`/api/1.1/wf/${name}`, {
        method: 'POST',
        token,
        headers: { 'content-type': type },
        body: body as NonNullable<RequestInit['body']>,
      });
    const TYPE = 'multipart/form-data; boundary=xyz';
    const head = (name: string, more = '') =>
      `--xyz\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`;
    const END = '\r\n--xyz--\r\n';

    const wrong: [what: string, body: string | Buffer, status: number, says: RegExp, type?: string][] = [
      [
        'without a boundary',
        `${head('text')}x${END}`,
        415,
        /names no boundary.*Leave the header/,
        'multipart/form-data',
      ],
      ['with an endless boundary', `${head('text')}x${END}`, 415, /no boundary/, `${TYPE}${'y'.repeat(100)}`],
      ['with another boundary', `${head('text')}x${END}`, 400, /does not end with its boundary/, `${TYPE}z`],
      ['that is cut off', `${head('text')}x`, 400, /does not end with its boundary/],
      ['cut off in a header', '--xyz\r\nContent-Disposition: form-da', 400, /boundary/],
      ['of 10,000 parts', `${head('text')}x\r\n`.repeat(10_000) + END, 400, /more than 1000 parts/],
      [
        'with a part without a name',
        `--xyz\r\nContent-Disposition: form-data\r\n\r\nx${END}`,
        400,
        /no name/,
      ],
      [
        'that is encoded',
        head('text').replace('\r\n\r\n', '\r\nContent-Transfer-Encoding: base64\r\n\r\n') + END,
        400,
        /Encoding/,
      ],
      ['that is no UTF-8', Buffer.from(`${head('text')}\xe4${END}`, 'latin1'), 400, /not valid UTF-8/],
      ['with too much text', `${head('text')}${'x'.repeat(1_100_000)}${END}`, 413, /Without its files/],
      ['that is JSON', '{"doc":1}', 400, /boundary/],
      ['with a part of another kind', head('text').replace('form-data', 'attachment') + END, 400, /line end/],
      ['with a bare line end in a name', `${head('doc', '; filename="a\nb"')}x${END}`, 400, /line end/],
      ['with a part that says nothing', `${head('text')}x\r\n--xyz\r\n\r\nx${END}`, 400, /line end|no name/],
      ['of nothing', '--xyz--\r\n', 400, /Missing parameter/],
      [
        'with a filename of 10 kB',
        `${head('doc', `; filename="${'a'.repeat(10_000)}"`)}x${END}`,
        400,
        /filename/,
      ],
    ];
    for (const [what, body, status, says, type = TYPE] of wrong) {
      test(`${what} is refused`, async () => {
        const answer = await raw(body, type);
        assert.equal(answer.status, status, answer.text);
        assert.match(`${answer.body.body.message} ${answer.body.body.hint}`, says);
      });
    }

    test('of more bytes than files may have is refused', async () => {
      const answer = await raw(Buffer.alloc(UPLOAD_BYTES_MAX + 1_100_000), TYPE);
      assert.deepEqual([answer.status, answer.body.body.status], [413, 'TOO_LARGE']);
      const small = await raw(Buffer.alloc(1_100_000), TYPE, 'typed');
      assert.deepEqual([small.status, small.body.body.status], [413, 'TOO_LARGE']);
    });

    test('does not make room for anything else', async () => {
      const many = JSON.stringify({ doc: 'x', text: Array(600_000).fill({}) });
      for (const body of [many, JSON.stringify({ doc: 'x', text: 'x'.repeat(1_100_000) })]) {
        const answer = await raw(body, 'application/json');
        assert.deepEqual([answer.status, answer.body.body.status], [413, 'TOO_LARGE'], answer.text);
        assert.match(answer.body.body.message, /Without its files/);
      }
    });
  });

  test('a token that is revoked while a file is on its way takes none', async () => {
    const { value, credential } = await server.token({ scopes: SCOPES });
    const { hostname, port } = new URL(server.url);
    const body = `--xyz\r\nContent-Disposition: form-data; name="doc"; filename="a"\r\n\r\nhello\r\n--xyz--\r\n`;
    const socket = connect(Number(port), hostname);
    const answer = new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))));
    socket.write(
      `POST /api/1.1/wf/upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${value}\r\n` +
        `Content-Type: multipart/form-data; boundary=xyz\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 80)}`,
    );
    // Beyond what is taken for quick; it is let in within the first moments of it.
    await sleep(300);
    await server.domain.rows.credentials.update(credential.id, { set: { revokedAt: server.domain.clock() } });
    await sleep(900);
    socket.write(body.slice(80));
    assert.match(await answer, /^HTTP\/1\.1 401 [\s\S]*invalid_token/);
  });

  test('slow uploads of one caller take no more than their room, and give it back', async () => {
    const { hostname, port } = new URL(server.url);
    const size = 1_400_000;
    const sockets = Array.from({ length: 100 }, () => {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      socket.write(
        `POST /api/1.1/wf/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n` +
          `Content-Type: multipart/form-data; boundary=xyz\r\nContent-Length: ${size}\r\n\r\n`,
      );
      socket.write(Buffer.alloc(size - 1, 'x'));
      return socket;
    });
    const answers = sockets.map(
      (socket) => new Promise<string>((resolve) => socket.on('data', (data) => resolve(String(data)))),
    );
    const first = await Promise.race([...answers, sleep(5000, 'nobody is refused')]);
    assert.match(first, /503[\s\S]*TOO_BUSY/);
    // Another one's files are taken meanwhile.
    const data = new FormData();
    data.append('doc', new File(['hello'], 'a.txt'));
    assert.equal((await form('upload', data, other)).status, 200);
    for (const socket of sockets) socket.destroy();
    let status = 503;
    for (let tries = 0; status !== 200 && tries < 100; tries += 1) {
      await sleep(20);
      const again = new FormData();
      again.append('doc', new File([Buffer.alloc(1_000_000)], 'a.txt'));
      status = (await form('upload', again)).status;
    }
    assert.equal(status, 200);
  });
});
