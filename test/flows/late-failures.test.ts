import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openStore } from '../../adapters/open.ts';
import { transaction } from '../../config/types/transaction.ts';
import { rowDeclarationOf } from '../../server/data/rows.ts';
import { copyInstallation } from '../support/installation.ts';
import { type ServerProcess, startServerProcess } from '../support/process.ts';
import { sqliteStores } from '../support/stores.ts';
import { until } from '../support/until.ts';

/** What an owner's workflow may start and not wait for. Each fails, by its name. */
const LATE: Record<string, string> = {
  rejection: `Promise.reject(new Error(how))`,
  'rejection of nothing': `Promise.reject()`,
  'rejection of a refusal': `Promise.reject(refusal('This is no answer.', 'Await it.'))`,
  'async function': `(async () => { await null; throw new Error(how); })()`,
  microtask: `queueMicrotask(() => { throw new Error(how); })`,
  'next tick': `process.nextTick(() => { throw new Error(how); })`,
  'immediate that stores': `setImmediate(() => data.transaction.unrestricted.create({ account: how, phone: '', amount_cents: 1 }))`,
  'throw of nothing': `setImmediate(() => { throw undefined; })`,
  'timer of no time': `setTimeout(() => { throw new Error(how); }, 0)`,
  timer: `setTimeout(() => { throw new Error(how); }, 5)`,
  'interval that goes on': `let times = 0; const timer = setInterval(() => { times += 1; if (times === 50) clearInterval(timer); throw new Error(how); }, 1)`,
  'slow rejection': `sleep(5).then(() => { throw new Error(how); })`,
  'event emitter': `const emitter = new EventEmitter(); setTimeout(() => emitter.emit('error', new Error(how)), 5)`,
  'listener of its end': `signal.addEventListener('abort', () => { throw new Error(how); }); setTimeout(() => { throw new Error('first'); }, 5)`,
  'file that is not there': `createReadStream('/no/such/file')`,
  'callback of a file': `readFile(import.meta.filename, () => { throw new Error(how); })`,
  'refused connection': `connect(1, '127.0.0.1')`,
  'fetch of a refused connection': `fetch('http://127.0.0.1:1/')`,
  'program that is not there': `spawn('/no/such/program')`,
  thread: `new Worker('throw new Error("thread")', { eval: true })`,
};

/** Nobody's of the owner: there before any file of theirs is read. */
const OF_NO_RUN = `--import "data:text/javascript,process.on('SIGUSR2', () => setImmediate(() => { throw new Error('of no run'); }))"`;

/** Those that fail in the turn in which the run ends: nobody has to wait for them. */
const AT_ONCE = Object.keys(LATE).slice(0, 9);

const WORKFLOW = `
import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { createReadStream, readFile } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import { defineWorkflow, refusal } from '../../server/workflows/workflow.ts';
import { transaction } from '../types/transaction.ts';

setTimeout(() => { throw new Error('timer of the file'); }, 5);
Promise.reject(new Error('rejection of the file'));

const UNREADABLE = Object.defineProperty(new Error('x'), 'stack', { get() { throw new Error('not to be read'); } });

export const workflow = defineWorkflow({
  name: 'late',
  description: 'Fail late',
  callers: 'anyone',
  parameters: {
    how: { schema: z.string().refine((how) => { if (how === 'schema') { Promise.reject(UNREADABLE); Promise.reject(new Error(how)); } return true; }), description: 'How', example: 'timer' },
    wait: { schema: z.number(), description: 'How long the run takes', example: 0 },
  },
  types: { transaction },
  returns: z.object({}),
  async run({ parameters: { how, wait }, data, mail, signal }) {
    data.transaction.unrestricted.create({ account: how, phone: '', amount_cents: 1 });
    mail.send({ to: 'nobody@example.com', subject: how, text: how });
    switch (how) {
      ${Object.entries(LATE)
        .map(([how, code]) => `case ${JSON.stringify(how)}: { ${code}; break; }`)
        .join('\n')}
      case 'after the answer': sleep(100).then(() => { throw new Error(how); });
    }
    if (wait > 0) await sleep(wait);
    return {};
  },
});
`;

sqliteStores(({ url: storeUrl }) => {
  describe('what a workflow starts and does not await', () => {
    const installation = copyInstallation({ 'workflows/late.ts': WORKFLOW });
    let folder: string;
    let store: string;
    let server: ServerProcess;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'latchkey-late-'));
      store = await storeUrl();
      server = await startServerProcess({ LATCHKEY_DATA: folder, LATCHKEY_STORE: store }, installation.root);
    });
    after(async () => {
      await server.kill('SIGTERM');
      installation.remove();
      await rm(folder, { recursive: true, force: true });
    });

    async function call(how: string, wait: number) {
      const response = await fetch(`${server.url}/api/1.1/wf/late`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ how, wait }),
      });
      const requestId = response.headers.get('x-request-id') ?? '';
      return { status: response.status, body: await response.text(), requestId };
    }

    const logLine = (requestId: string, word: string) =>
      until(`the log tells of ${word}`, () =>
        server
          .output()
          .split('\n')
          .find((line) => line.includes(requestId) && line.includes('"level":50') && line.includes(word)),
      );

    async function stored(account: string): Promise<number> {
      const opened = await openStore(store);
      const rows = await (await opened.collection(rowDeclarationOf(transaction))).list({ limit: 1000 });
      await opened.close();
      return rows.filter((row) => (row as { account?: string }).account === account).length;
    }

    for (const how of Object.keys(LATE)) {
      test(`${how}: the run fails with its request id, and nothing of it is stored`, async () => {
        const answer = await call(how, AT_ONCE.includes(how) ? 0 : 5000);
        assert.equal(answer.status, 500, answer.body);
        assert.deepEqual(
          [JSON.parse(answer.body).body.status, JSON.parse(answer.body).body.requestId],
          ['INTERNAL', answer.requestId],
        );
        assert.ok(!answer.body.includes('This is no answer'));
        await logLine(answer.requestId, 'workflow late');
        assert.equal(await stored(how), 0);
        assert.equal((await call('nothing', 0)).status, 200, 'the server goes on');
      });
    }

    test('what fails after the answer is logged with its request id, and the server goes on', async () => {
      const answer = await call('after the answer', 0);
      assert.equal(answer.status, 200, answer.body);
      await logLine(answer.requestId, 'after the answer');
      assert.equal(await stored('after the answer'), 1);
      assert.equal((await call('nothing', 0)).status, 200);
    });

    test('what fails again and again does not fill the log', async () => {
      const answer = await call('interval that goes on', 5000);
      const after = await call('after the answer', 0);
      await logLine(after.requestId, 'after the answer');
      const lines = server
        .output()
        .split('\n')
        .filter((line) => line.includes(answer.requestId));
      assert.ok(lines.length < 15, String(lines.length));
    });

    test('what a schema starts is logged with its request id too, also what cannot be read', async () => {
      const answer = await call('schema', 0);
      await logLine(answer.requestId, 'something that cannot be read');
      await logLine(answer.requestId, 'schema');
      assert.equal((await call('nothing', 0)).status, 200);
    });

    test('what a file starts when it is loaded is logged with its path', async () => {
      for (const what of ['timer', 'rejection'])
        await logLine('config/workflows/late.ts', `${what} of the file`);
      assert.equal((await call('nothing', 0)).status, 200);
    });

    test('what no run caused ends the process, and is told', async () => {
      const other = await startServerProcess(
        { LATCHKEY_DATA: folder, LATCHKEY_STORE: store, NODE_OPTIONS: OF_NO_RUN },
        installation.root,
      );
      other.signal('SIGUSR2');
      assert.equal(await other.ended, 1);
      assert.match(other.output(), /Error: of no run\n +at /);
    });
  });
});
