import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { callLine } from '../../server/pages/curl.ts';
import { exampleCall } from '../../server/workflows/example-call.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';

const TYPE = `import { always, defineType, is } from 'latchkey';
import { z } from 'zod';
export const letter = defineType({
  name: 'letter', description: 'A letter',
  fields: { subject: z.string(), due: z.string(), size: z.int() },
  rules: (record, caller) => [{
    name: 'Whoever made it', when: is(record.createdBy, caller.account), find: true, view: true, create: true, change: true,
  }],
});`;

const SEND = `import { address, date, defineWorkflow, file } from 'latchkey';
import { z } from 'zod';
import { letter } from '../types/letter.ts';
export const workflow = defineWorkflow({
  name: 'send_letter', description: 'Send a letter', callers: 'account',
  parameters: {
    subject: { schema: z.string(), description: 'What it is about', example: "It's due" },
    due: { schema: date(), description: 'When it has to be there', example: '2026-11-27T09:30:00Z' },
    to: { schema: address(), description: 'Where it goes', example: 'Main Street 1' },
    scan: {
      schema: file({ maxBytes: 2_000_000, types: ['text/plain', 'application/pdf'] }),
      description: 'The letter', example: { filename: 'letter.txt', type: 'text/plain', contents: 'aGVsbG8=' },
    },
    more: { schema: file({ maxBytes: 1500 }).array().max(3).optional(), description: 'Enclosures', example: [] },
    days: { schema: date().array().optional(), description: 'Days off', example: ['2026-11-27'] },
  },
  types: { letter },
  returns: z.object({ id: z.string(), due: z.date(), to: z.any(), scan: z.string(), of: z.array(z.string()) }),
  run({ parameters: { subject, due, to, scan }, data }) {
    const of = [due, scan.bytes, to].map((one) => Object.getPrototypeOf(one).constructor.name);
    const text = new TextDecoder().decode(scan.bytes);
    const { id } = data.letter.create({ subject, due: due.toISOString(), size: scan.bytes.length });
    return { id, due: new Date(due.getTime() + 86_400_000), to, scan: scan.filename + ' ' + scan.type + ' ' + text, of };
  },
});`;

const MOVE = `import { date, defineWorkflow, record } from 'latchkey';
import { z } from 'zod';
import { letter } from '../types/letter.ts';
export const workflow = defineWorkflow({
  name: 'move_letter', description: 'Move a letter', callers: 'account',
  parameters: {
    letter: { schema: record(letter), description: 'Which one', example: 'obj_1' },
    due: { schema: date(), description: 'When', example: '2026-11-27' },
    others: { schema: record(letter).array().optional(), description: 'Others', example: ['obj_1'] },
  },
  types: { letter },
  returns: z.object({ subject: z.string(), due: z.string() }),
  async run({ parameters: { letter: one, due }, data }) {
    const { due: now } = await data.letter.change(one, { due: due.toISOString() });
    return { subject: one.subject ?? 'none', due: now };
  },
});`;

describe('types of parameters in a folder of the owner, whose workflows run in processes', () => {
  let folder: string;
  let server: ApiServer;
  let token: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-types-'));
    for (const name of ['types', 'workflows']) await mkdir(join(folder, name));
    await writeFile(join(folder, 'types/letter.ts'), TYPE);
    await writeFile(join(folder, 'workflows/send_letter.ts'), SEND);
    await writeFile(join(folder, 'workflows/move_letter.ts'), MOVE);
    server = await startApiServer({ config: folder });
    token = (await server.token({ scopes: ['wf:send_letter', 'wf:move_letter'] })).value;
  });
  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const sentLetter = async () => {
    const { body, path } = exampleCall(server.domain.declarations, 'wf:send_letter') ?? assert.fail();
    return server.call(path, { method: 'POST', token, json: body });
  };

  test('the ready-made call is accepted, and its values arrive as what they are', async () => {
    const answer = await sentLetter();
    assert.equal(answer.status, 200, answer.text);
    const { id, ...response } = answer.body.response;
    assert.deepEqual(response, {
      due: '2026-11-28T09:30:00.000Z',
      to: { address: 'Main Street 1' },
      scan: 'letter.txt text/plain hello',
      of: ['Date', 'Uint8Array', 'Object'],
    });
    const moved = await server.call('/api/1.1/wf/move_letter', {
      method: 'POST',
      token,
      json: { letter: id, due: '2027-01-01' },
    });
    assert.deepEqual(
      moved.body.response,
      { subject: "It's due", due: '2027-01-01T00:00:00.000Z' },
      moved.text,
    );
  });

  test('a form of parts arrives the same way', async () => {
    const data = new FormData();
    data.append('subject', 'x');
    data.append('due', '1795336731000');
    data.append('to', '{"address":"Main Street 1","lat":1,"lng":2}');
    data.append('scan', new File([Buffer.alloc(1_900_000, 'ä')], 'big.pdf.txt', { type: 'text/plain' }));
    const answer = await server.call('/api/1.1/wf/send_letter', { method: 'POST', token, body: data });
    assert.equal(answer.status, 200, answer.text.slice(0, 500));
    assert.equal(answer.body.response.scan.length, 'big.pdf.txt text/plain '.length + 950_000);
  });

  test('pages say them in words', async () => {
    const workflows = await server.domain.declared.workflows();
    const words = workflows.flatMap(({ parameters }) =>
      parameters.map(({ name, type, limits }) => [name, type, limits.join(', ')].join(': ')),
    );
    assert.deepEqual(words.slice(0, 3), [
      'letter: id of a letter: ',
      'due: date: ',
      'others: list of ids, each of a letter: ',
    ]);
    assert.deepEqual(words.slice(3, 9), [
      'subject: text: ',
      'due: date: ',
      'to: address: ',
      'scan: file (at most 2 MB): ',
      'more: list of files (at most 1.5 kB each): at most 3 of them',
      'days: list of dates: ',
    ]);
  });

  test('the line for a shell sends a file as a part of a form', () => {
    const line = callLine('https://x.example', 'T', ['wf:send_letter'], server.domain.declarations);
    assert.match(line, /--form-string 'subject=It'\\''s due'/);
    assert.match(line, /-F 'scan=@letter\.txt;type=text\/plain'/);
    assert.doesNotMatch(line, /Content-Type/);
  });

  test('none of them can be bounded as a number', () => {
    assert.deepEqual(server.domain.scopes.numbersOf('send_letter'), []);
  });
});
