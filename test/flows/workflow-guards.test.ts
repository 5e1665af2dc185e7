import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeConfigFolder } from '../support/config-folder.ts';
import { type ServerProcess, startServerProcess } from '../support/process.ts';
import { until } from '../support/until.ts';

/** Its parameter never ends with some texts. */
const MATCHES = `
import { defineWorkflow } from 'latchkey';
import { z } from 'zod';
export const workflow = defineWorkflow({
  name: 'matches', description: 'Matches', callers: 'anyone',
  parameters: { text: { schema: z.string().regex(/^(a+)+$/), description: 'Text', example: 'a' } },
  returns: z.object({}), run: () => ({}),
});
`;

/** What would end the server, or reach other runs, and fails the one that does it. */
const REFUSED: Record<string, string> = {
  'kill of itself': 'process.kill(process.pid);',
  'kill by name': `kill(process.pid, 'SIGKILL');`,
  'kill of its group': 'process.kill(0);',
  'kill of what started it': 'process.kill(-process.ppid);',
  abort: 'process.abort();',
  chdir: `process.chdir('/');`,
  umask: 'process.umask(0);',
  'capture of failures': 'process.setUncaughtExceptionCaptureCallback(() => {});',
  'property of everything': 'Object.prototype.leaked = true;',
  'careless merge': `
    const merge = (to, from) => {
      for (const [key, value] of Object.entries(from)) {
        if (typeof value === 'object') merge((to[key] ??= {}), value);
        else to[key] = value;
      }
    };
    merge({}, JSON.parse('{"__proto__": {"leaked": true}}'));`,
  'command that takes long': `execSync('sleep 20');`,
  'program that takes long': `execFileSync('sleep', ['20'], { timeout: 15_000 });`,
};

/** What would be seen when it is there, and not before. */
const LARGE: Record<string, string> = {
  'one buffer': 'Buffer.alloc(3e9, 1);',
};

/** What goes on when the run is over; each answers something to see it by. */
const LEFT: Record<string, string> = {
  program: `return { thread: threadId, pid: spawn('sleep', ['60']).pid };`,
  'program on its own': `const program = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' }); program.unref(); return { thread: threadId, pid: program.pid };`,
  'program of a program on its own': `const program = spawn('sh', ['-c', 'sleep 60 & echo $!; wait'], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
    const [said] = await once(program.stdout, 'data'); return { thread: threadId, pid: Number(said) };`,
  thread: `new Worker('setInterval(() => {}, 1000)', { eval: true }).unref();`,
  timers: 'for (let i = 0; i < 200; i += 1) setInterval(() => {}, 1000);',
};

const WORKFLOW = `
import { execFileSync, execSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { kill } from 'node:process';
import { threadId, Worker } from 'node:worker_threads';
import { defineWorkflow } from 'latchkey';
import { z } from 'zod';
export const workflow = defineWorkflow({
  name: 'does', description: 'Does it', callers: 'anyone', limits: { seconds: 1 },
  parameters: { how: { schema: z.string(), description: 'How', example: 'abort' } },
  returns: z.object({ thread: z.number(), pid: z.number().optional(), leaked: z.boolean().optional() }),
  async run({ parameters: { how } }) {
    switch (how) {
      ${Object.entries({ ...REFUSED, ...LARGE, ...LEFT })
        .map(([how, code]) => `case ${JSON.stringify(how)}: { ${code} break; }`)
        .join('\n')}
      case 'looks': process.kill(process.pid, 0); kill(process.ppid, 0); break;
      case 'command': return { thread: Number(execSync('echo 7')) + execFileSync('echo', ['8'], { encoding: 'utf8' }).length };
      case 'waits': { const program = spawn('true'); await once(program, 'exit'); setInterval(() => {}, 1000); break; }
      case 'loops': { const program = spawn('sleep', ['60']); console.log('pid', program.pid); for (;;); }
      case 'hangs': { const program = spawn('sleep', ['60']); await once(program, 'spawn'); console.log('pid', program.pid); await new Promise(() => {}); }
      case 'blocks': execSync('mkfifo ' + process.env.PIPE); readFileSync(process.env.PIPE);
    }
    return { thread: threadId, leaked: {}.leaked };
  },
} as never);
`;

describe('what an owner’s code starts, and does to the process', () => {
  const config = makeConfigFolder({ 'workflows/does.ts': WORKFLOW, 'workflows/matches.ts': MATCHES });
  let folder: string;
  let server: ServerProcess;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-guards-'));
    server = await startServerProcess({
      LATCHKEY_DATA: folder,
      LATCHKEY_STORE: `sqlite:${join(folder, 'latchkey.db')}`,
      LATCHKEY_CONFIG: config.folder,
      PIPE: join(folder, 'pipe'),
    });
  });
  after(async () => {
    await server.kill('SIGKILL');
    config.remove();
    await rm(folder, { recursive: true, force: true });
  });

  const post = (name: string, parameters: object) =>
    fetch(`${server.url}/api/1.1/wf/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(parameters),
    });

  async function call(how: string) {
    const response = await post('does', { how });
    const body = (await response.json()) as {
      response: { thread: number; pid?: number; leaked?: boolean };
      body: { requestId: string };
    };
    return { status: response.status, ...body.response, requestId: body.body?.requestId };
  }

  describe('fails its call alone:', { concurrency: 4 }, () => {
    for (const how of Object.keys({ ...REFUSED, ...LARGE })) {
      test(how, async () => {
        const { status, requestId } = await call(how);
        assert.equal(status, 500);
        const why = how in LARGE ? 'more than the 256 MB that a run may hold' : '';
        const line = new RegExp(`${requestId}.*workflow does: ${why}`);
        await until('it is logged', () => line.test(server.output()));
        const next = await call('nothing');
        assert.deepEqual([next.status, next.leaked], [200, undefined]);
      });
    }
  });

  for (const how of Object.keys(LEFT)) {
    test(`${how} left behind: ends with the thread, and the call is answered`, async () => {
      const { status, pid, thread } = await call(how);
      assert.equal(status, 200);
      if (pid !== undefined) assert.ok(isGone(pid), 'by the answer');
      assert.notEqual((await call('nothing')).thread, thread, 'the next one is in another thread');
    });
  }

  test('what looks for a process, waits for a program or leaves a timer keeps its thread', async () => {
    const { thread } = await call('nothing');
    for (const how of ['looks', 'waits', 'waits', 'nothing'])
      assert.equal((await call(how)).thread, thread, how);
    assert.equal((await call('command')).thread, 9);
  });

  test('a schema that does not end with what was sent fails the call', async () => {
    assert.equal((await post('matches', { text: 'aa' })).status, 200);
    assert.equal((await post('matches', { text: `${'a'.repeat(60)}!` })).status, 500);
    await until('it is logged', () => /workflow matches: its schemas took longer/.test(server.output()));
    assert.equal((await call('nothing')).status, 200);
  });

  for (const how of ['loops', 'hangs']) {
    test(`a run that is ended, as it ${how}, takes its program with it`, async () => {
      assert.equal((await call(how)).status, 504);
      const pid = /pid (\d+)\s*$/.exec(server.output().replaceAll(/^\{.*\}\n/gm, ''))?.[1];
      await until('it has ended', () => isGone(Number(pid)));
    });
  }

  test('a call to the system that does not return ends with the process at its stop', async () => {
    assert.equal((await call('blocks')).status, 504);
    assert.equal((await call('nothing')).status, 200);
    const started = performance.now();
    await server.kill('SIGTERM');
    assert.ok(performance.now() - started < 5500);
    assert.match(server.output(), /a thread of the workflows does not end/);
  });
});

/** Also where nobody has asked yet how it ended. */
function isGone(pid: number): boolean {
  try {
    return /^\s*Z/.test(execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }));
  } catch {
    return true;
  }
}
