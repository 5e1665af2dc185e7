import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  WORKFLOW_PROCESSES_MAX,
  WORKFLOW_RUNS_WAITING_MAX,
  WORKFLOW_SECONDS_MAX,
} from '../../server/ground/limits.ts';
import { makeConfigFolder } from '../support/config-folder.ts';
import { openPeople, type People } from '../support/people.ts';
import { type ServerProcess, startServerProcess } from '../support/process.ts';
import { sqliteStores } from '../support/stores.ts';
import { until } from '../support/until.ts';

const NOTE = `
import { always, defineType } from 'latchkey';
import { z } from 'zod';
export const note = defineType({
  name: 'note', description: 'A note', fields: { text: z.string() },
  rules: (record) => [{ name: 'Everybody', when: always, find: true, view: true, constrain: true, create: true }],
});
`;

/** What a run may do to the process that it is in. Before it a note is stored, which must not be there afterwards. */
const HARM: Record<string, string> = {
  loop: 'for (;;);',
  'loop of promises': 'for (;;) await null;',
  'regular expression': `/^(a+)+$/.test('a'.repeat(60) + '!');`,
  'never ends': 'await new Promise(() => {});',
  numbers: 'const held = []; for (let i = 0; ; i += 1) held.push(i * 1.5);',
  buffers: 'const held = []; for (;;) held.push(Buffer.alloc(1e7, 1));',
  'leak with pauses': 'const held = []; for (;;) { held.push(Buffer.alloc(1e7, 1)); await sleep(1); }',
  exit: 'process.exit(0);',
  'exit that somebody catches': 'try { process.exit(); } catch {}',
  crash: 'process.abort();',
  'exit code and nothing': 'process.exitCode = 3; throw new Error(how);',
  'throws nothing': 'throw undefined;',
  'throws what has no text': 'throw Object.create(null);',
  'throws a symbol': `throw Symbol('x');`,
  'message that is no text': 'throw Object.assign(new Error(how), { message: () => 1, stack: () => 2 });',
  'refusal of no texts': 'throw refusal(() => 1, undefined);',
  'answer with a function': 'return { said: () => 1 };',
  'answer of a class': 'return { said: new (class Said {})() };',
  'answer that is not declared': 'return { nothing: 1 };',
  'answer in a circle': 'const circle = {}; circle.any = circle; return { said: 1, any: circle };',
  'answer of a bigint': 'return { said: 1, any: 1n };',
  'stores what it has not declared': `data.note.create({ text: 1 });`,
  'mail to nobody': `mail.send({ to: 'nobody', subject: 'x', text: 'x' });`,
  'unknown field': `await data.note.find({ where: [['nothing', '=', 1]] });`,
  'unknown test': `await data.note.find({ where: [['text', 'like', 'x']] });`,
};
const TIMED_OUT = ['loop', 'loop of promises', 'regular expression', 'never ends'];

const harmful = (name: string, seconds: number) => `
import { defineWorkflow, refusal } from 'latchkey';
import { writeSync } from 'node:fs';
import { getCompileCacheDir } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { note } from '../types/note.ts';
function merge(into, from) {
  for (const [name, value] of Object.entries(from)) {
    if (typeof value === 'object') merge(into[name], value);
    else into[name] = value;
  }
}
export const workflow = defineWorkflow({
  name: '${name}', description: 'Does harm', callers: 'anyone', limits: { seconds: ${seconds} },
  parameters: {
    how: { schema: z.string(), description: 'How', example: 'loop' },
    where: { schema: z.string().optional(), description: 'What holds it', example: 'http://127.0.0.1/' },
  },
  types: { note },
  returns: z.object({ said: z.number(), any: z.any() }).partial({ any: true }),
  async run({ parameters: { how, where }, data, mail, http }) {
    data.note.create({ text: how });
    switch (how) {
      ${Object.entries(HARM)
        .map(([how, code]) => `case ${JSON.stringify(how)}: { ${code} break; }`)
        .join('\n')}
      case 'held': await http.fetch(where); break;
      case 'is not compiled': if (getCompileCacheDir() === undefined) throw new Error(how); break;
      case 'prints': console.log('printed by run'); console.error('and as an error'); break;
      case 'takes a while': await sleep(100); break;
      case 'leaves bytes for the server': setTimeout(() => writeSync(3, Buffer.from([0, 0, 0, 1, 7])), 20); break;
      case 'leaves a loop': setTimeout(() => { for (;;); }, 20); break;
      case 'leaves an exit': setTimeout(() => process.exit(), 20); break;
      case 'leaves a leak': { const held = []; setInterval(() => held.push(Buffer.alloc(1e7, 1)), 1); break; }
      case 'asks afterwards': setTimeout(() => data.note.find(), 20); break;
      case 'says what it is': return { said: String({}).length + Object.entries({}).length };
      case 'merges what was sent': merge({}, JSON.parse(where)); break;
      case 'many questions': return { said: (await Promise.all(Array.from({ length: 500 }, () => data.note.count()))).length };
    }
    return { said: 1 };
  },
} as never);
`;

const OTHERS = {
  'workflows/harmful.ts': harmful('harmful', WORKFLOW_SECONDS_MAX),
  'workflows/harmful_soon.ts': harmful('harmful_soon', 1),
  'workflows/quick.ts': `
import { defineWorkflow } from 'latchkey';
import { z } from 'zod';
import { note } from '../types/note.ts';
export const workflow = defineWorkflow({
  name: 'quick', description: 'Counts', callers: 'anyone', method: 'GET', parameters: {}, types: { note },
  returns: z.object({ notes: z.array(z.string()) }),
  run: async ({ data }) => ({ notes: (await data.note.find()).map(({ text }) => text) }),
} as never);
`,
  'workflows/fetches.ts': `
import { defineWorkflow } from 'latchkey';
import { z } from 'zod';
export const workflow = defineWorkflow({
  name: 'fetches', description: 'Fetches', callers: 'anyone', limits: { seconds: 1 },
  parameters: {
    url: { schema: z.string(), description: 'Where', example: 'http://127.0.0.1/' },
    global: { schema: z.boolean(), description: 'By what', example: true },
  },
  returns: z.object({ text: z.string(), aborted: z.boolean() }),
  async run({ parameters: { url, global }, http, signal }) {
    const own = new AbortController();
    const late = setTimeout(() => own.abort(), url.endsWith('own') ? 100 : 5000);
    try {
      const response = await (global ? fetch(url) : http.fetch(url, { signal: own.signal }));
      return { text: await response.text(), aborted: signal.aborted };
    } finally {
      clearTimeout(late);
    }
  },
});
`,
  'workflows/classes.ts': `
import { defineWorkflow } from 'latchkey';
import { z } from 'zod';
export const workflow = defineWorkflow({
  name: 'classes', description: 'Makes an address of a text', callers: 'anyone',
  parameters: { where: { schema: z.string().transform((text) => (text === 'x' ? text : new URL(text))), description: 'Where', example: 'x' } },
  returns: z.object({}),
  run: () => ({}),
});
`,
  'workflows/few.ts': `
import { defineWorkflow } from 'latchkey';
import { z } from 'zod';
export const workflow = defineWorkflow({
  name: 'few', description: 'Few calls', callers: 'anyone', method: 'GET', limits: { callsAMinute: 2 }, parameters: {},
  returns: z.object({}), run: () => ({}),
});
`,
};

/** A server that answers nobody until it is closed. */
async function openHolder() {
  const answers: ServerResponse[] = [];
  const holder = createServer((_req, res) => void answers.push(res));
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(holder.address() as AddressInfo).port}/`,
    /** How many it holds. */
    count: () => answers.length,
    close(): void {
      for (const answer of answers) answer.end();
      holder.close();
    },
  };
}

sqliteStores(({ url: storeUrl }) => {
  describe('what an owner’s code does in its process', () => {
    const config = makeConfigFolder({ 'types/note.ts': NOTE, ...OTHERS });
    let folder: string;
    let server: ServerProcess;
    let people: People;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'latchkey-processes-'));
      const store = await storeUrl();
      const environment = { LATCHKEY_DATA: folder, LATCHKEY_STORE: store, LATCHKEY_CONFIG: config.folder };
      server = await startServerProcess(environment);
      const mailFolder = join(folder, 'mail');
      people = await openPeople({ ...server, dataFolder: folder, storeUrl: store, mailFolder } as never);
    });
    after(async () => {
      await people.domain.close();
      await server.kill('SIGTERM');
      config.remove();
      await rm(folder, { recursive: true, force: true });
    });

    async function call(name: string, json?: object) {
      const response = await fetch(`${server.url}/api/1.1/wf/${name}`, {
        ...(json === undefined ? {} : { method: 'POST', body: JSON.stringify(json) }),
        headers: { 'content-type': 'application/json' },
      });
      const text = await response.text();
      const requestId = response.headers.get('x-request-id') ?? '';
      return { status: response.status, text, requestId, retryAfter: response.headers.get('retry-after') };
    }
    const harm = (how: string) => call(TIMED_OUT.includes(how) ? 'harmful_soon' : 'harmful', { how });

    describe('fails its call alone:', { concurrency: 4 }, () => {
      for (const how of Object.keys(HARM)) {
        test(`${how}: fails with its request id`, async () => {
          const answer = await harm(how);
          const expected =
            how === 'refusal of no texts'
              ? [400, 'NOT_RUN']
              : TIMED_OUT.includes(how)
                ? [504, 'TIMEOUT']
                : [500, 'INTERNAL'];
          assert.deepEqual([answer.status, JSON.parse(answer.text).body.status], expected, answer.text);
          assert.equal(JSON.parse(answer.text).body.requestId, answer.requestId);
          if (answer.status !== 500) return;
          assert.match(JSON.parse(answer.text).body.hint, /^Nothing was stored or sent\. Try again\./);
          const line = await until('it is logged', () =>
            server
              .output()
              .split('\n')
              .find((one) => one.includes(answer.requestId) && one.includes('"level":50')),
          );
          assert.match(line, /workflow harmful: /);
        });
      }
    });

    test('nothing of what failed is stored', async () => {
      const { notes } = JSON.parse((await call('quick')).text).response;
      assert.deepEqual(
        Object.keys(HARM).filter((how) => notes.includes(how)),
        [],
      );
    });

    test('tokens are answered, people sign in and others run while others loop', async () => {
      const { email } = await people.account();
      const body = new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: 'svc_x',
        client_secret: 'x',
      });
      // On a machine that has much to do the loops may end before.
      await until('all of that comes before their end', async () => {
        let isOneOver = false;
        const loop = () =>
          harm('loop').finally(() => {
            isOneOver = true;
          });
        const harms = Promise.all([loop(), loop(), harm('numbers')]);
        const agent = await people.signIn(email);
        const token = await fetch(`${server.url}/oauth/token`, { method: 'POST', body });
        const quick = await call('quick');
        assert.deepEqual([(await agent.get('/tokens')).status, token.status, quick.status], [200, 401, 200]);
        const isBefore = !isOneOver;
        assert.deepEqual(
          (await harms).map(({ status }) => status),
          [504, 504, 500],
        );
        return isBefore;
      });
    });

    test('what it prints is in the output of the server', async () => {
      assert.equal((await harm('prints')).status, 200);
      await until(
        'it is printed',
        () => /printed by run/.test(server.output()) && /and as an error/.test(server.output()),
      );
    });

    test('a schema that makes an object of a class fails the call, by the name of the workflow', async () => {
      assert.equal((await call('classes', { where: 'x' })).status, 200);
      const { status, requestId } = await call('classes', { where: 'http://x.example' });
      assert.equal(status, 500);
      await until('it is logged', () =>
        new RegExp(`${requestId}.*workflow classes:.*class URL`).test(server.output()),
      );
    });

    test('calls a minute are counted, and refused past them', async () => {
      const answers = [await call('few'), await call('few'), await call('few')];
      assert.deepEqual(
        answers.slice(0, 2).map(({ status }) => status),
        [200, 200],
      );
      assert.equal(answers[2]?.status, 429);
      assert.equal(JSON.parse(answers[2]?.text ?? '').body.status, 'TOO_MANY_CALLS');
      assert.ok(Number(answers[2]?.retryAfter) <= 60);
    });

    test('questions without number are answered, some at a time', async () => {
      assert.equal(JSON.parse((await harm('many questions')).text).response.said, 500);
    });

    test('http.fetch ends with the run, or with a signal of its own; the fetch of all works too', async (t) => {
      const other = createServer((req, res) => {
        if (req.url === '/') res.end('there');
      });
      t.after(() => {
        other.close();
        other.closeAllConnections();
      });
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
      const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
      for (const global of [true, false]) {
        const { text } = await call('fetches', { url, global });
        assert.deepEqual(JSON.parse(text).response, { text: 'there', aborted: false });
      }
      const gone = new Promise((resolve) => other.once('request', (req) => req.once('close', resolve)));
      assert.equal((await call('fetches', { url: `${url}never`, global: false })).status, 504);
      await gone;
      assert.equal((await call('fetches', { url: `${url}own`, global: false })).status, 500);
    });
  });

  describe('what a run leaves behind', () => {
    const config = makeConfigFolder({ 'types/note.ts': NOTE, ...OTHERS });
    let folder: string;
    let server: ServerProcess;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'latchkey-left-'));
      const environment = {
        LATCHKEY_DATA: folder,
        LATCHKEY_STORE: await storeUrl(),
        LATCHKEY_CONFIG: config.folder,
      };
      server = await startServerProcess(environment);
    });
    after(async () => {
      await server.kill('SIGKILL');
      config.remove();
      await rm(folder, { recursive: true, force: true });
    });

    const send = (how: string, where?: string) =>
      fetch(`${server.url}/api/1.1/wf/harmful`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ how, where }),
      });

    async function harm(how: string, where?: string): Promise<number> {
      const response = await send(how, where);
      await response.arrayBuffer();
      return response.status;
    }
    const pause = () => new Promise((resolve) => setTimeout(resolve, 60));

    test('finds compiled what the server does', async () => {
      assert.equal(await harm('is not compiled'), 200);
    });

    test('an exit or a question disturbs none of the next', async () => {
      for (const how of ['leaves an exit', 'asks afterwards']) {
        assert.equal(await harm(how), 200, how);
        assert.equal(await harm('takes a while'), 200, `after ${how}`);
      }
    });

    test('bytes for the server or a leak end their process, which is told, and the next run is in another one', async () => {
      for (const [how, why] of [
        ['leaves bytes for the server', 'what it sent cannot be read'],
        ['leaves a leak', 'SIGKILL'],
      ] as const) {
        assert.equal(await harm(how), 200, how);
        // A run that is in it by then fails with it.
        await until(`it is told: ${how}`, () => server.output().includes(`left behind: ${why}`));
        assert.equal(await harm('nothing'), 200, `after ${how}`);
      }
    });

    test('what a caller has merged into everything reaches none of the next', async () => {
      for (const sent of ['{"__proto__":{"toString":"1"}}', '{"constructor":{"entries":"1"}}']) {
        assert.equal(await harm('merges what was sent', sent), 200);
        assert.equal(await harm('says what it is'), 200);
      }
    });

    test('a loop holds up the next run for seconds, which is then run in another process', async () => {
      assert.equal(await harm('leaves a loop'), 200);
      await pause();
      assert.equal(await harm('nothing'), 200);
    });

    test('who comes when all processes are busy waits, and past the places for that is told to come again', async (t) => {
      const holder = await openHolder();
      t.after(holder.close);
      // One is sent for each that is held, so that none of these waits for longer than a process takes to load.
      const held: Promise<number>[] = [];
      for (let count = 1; count <= WORKFLOW_PROCESSES_MAX; count += 1) {
        held.push(harm('held', holder.url));
        await until('it is held', () => holder.count() === count);
      }
      let firstRefused = () => {};
      const isRefused = new Promise<void>((resolve) => {
        firstRefused = resolve;
      });
      const others = Array.from({ length: WORKFLOW_RUNS_WAITING_MAX + 20 }, async () => {
        const status = await harm('nothing');
        if (status === 503) firstRefused();
        return status;
      });
      await isRefused;
      holder.close();
      assert.deepEqual([...new Set(await Promise.all(held))], [200]);
      const statuses = await Promise.all(others);
      assert.deepEqual([...new Set(statuses)].sort(), [200, 503]);
      assert.ok(statuses.filter((status) => status === 200).length >= 16, 'those who wait have their turn');
      assert.equal(await harm('nothing'), 200);
    });

    test('files that do not load any more fail the runs of new processes until they do again', async () => {
      const whole = OTHERS['workflows/harmful.ts'];
      config.write('workflows/harmful.ts', 'this is no program');
      await until('a new process tells of it', async () => {
        assert.equal(await harm('crash'), 500);
        return /do not load any more/.test(server.output());
      });
      config.write('workflows/harmful.ts', whole);
      await until('a new process has read them', async () => (await harm('nothing')) === 200);
    });

    test('a stop takes five seconds at most while a run loops, of which nothing is stored, and is so told', async () => {
      const looping = send('loop').then(
        async (response) => [response.status, await response.text()] as const,
      );
      await pause();
      const started = performance.now();
      await server.kill('SIGTERM');
      assert.equal(await server.ended, 0);
      assert.ok(performance.now() - started < 5500);
      const [status, text] = await looping;
      assert.equal(status, 503);
      assert.match(text, /"Nothing was stored or sent\. Try again in 5 seconds\."/);
    });
  });
});
