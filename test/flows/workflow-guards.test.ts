import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeConfigFolder } from '../support/config-folder.ts';
import { type ServerProcess, startServerProcess } from '../support/process.ts';
import { until } from '../support/until.ts';

/** A workflow that checks its parameter so. */
const checking = (name: string, check: string) => `
import { defineWorkflow } from 'latchkey';
import { z } from 'zod';
export const workflow = defineWorkflow({
  name: '${name}', description: 'Checks', callers: 'anyone',
  parameters: { text: { schema: z.string().${check}, description: 'Text', example: 'a' } },
  returns: z.object({}), run: () => ({}),
});
`;

/** What ends its process, or would reach later runs, and fails the one that does it. */
const FAILS: Record<string, string> = {
  'kill of itself': 'process.kill(process.pid);',
  'kill of its group': 'process.kill(0);',
  'message to the server': 'process.send({ late: {}, failed: {}, message: "x" });',
  'bytes to the server': 'writeSync(3, Buffer.from([0, 0, 0, 1, 7]));',
  'nothing to the server':
    'const sent = serialize(null); writeSync(3, Buffer.from([0, 0, 0, sent.length, ...sent]));',
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
};

/** Holds more than it may, each in another place of the engine. */
const LARGE: Record<string, string> = {
  'one buffer': 'Buffer.alloc(3e9, 1);',
  'shared memory': 'new Uint8Array(new SharedArrayBuffer(2e9)).fill(1);',
  'random bytes': 'randomBytes(2e9);',
  'a text in letters': `'a'.repeat(2e8).split('');`,
  'lists in a loop': 'const kept = []; for (;;) kept.push(new Array(1000).fill(1));',
};

/** What nothing else in the process can end. */
const HANGS: Record<string, string> = {
  'command that takes long': `execSync('sleep 20');`,
  'pipe that nobody writes to': `execSync('mkfifo ' + process.env.PIPE); readFileSync(process.env.PIPE);`,
};

/** What goes on when the run is over; each answers something to see it by. */
const LEFT: Record<string, string> = {
  program: `return { by: process.pid, pid: spawn('sleep', ['60']).pid };`,
  'program on its own': `const program = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' }); program.unref(); return { by: process.pid, pid: program.pid };`,
  'program of a program on its own': `const program = spawn('sh', ['-c', 'sleep 60 & echo $!; wait'], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
    const [said] = await once(program.stdout, 'data'); return { by: process.pid, pid: Number(said) };`,
  thread: `new Worker('setInterval(() => {}, 1000)', { eval: true }).unref();`,
  memory:
    'globalThis.held = Buffer.alloc(1.6e8, 1); await new Promise((resolve) => setTimeout(resolve, 200));',
  timers: 'for (let i = 0; i < 200; i += 1) setInterval(() => {}, 1000);',
};

/** Both do the same: one within so little that nobody waits for its end, and one with the time to fill its memory first. */
const DOES = { name: 'does', seconds: '1' };
const HOLDS = { name: 'holds', seconds: '30' };

const workflowOf = ({ name, seconds }: typeof DOES) => `
import { execFileSync, execSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeSync } from 'node:fs';
import { kill } from 'node:process';
import { serialize } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { defineWorkflow } from 'latchkey';
import { z } from 'zod';
export const workflow = defineWorkflow({
  name: '${name}', description: 'Does it', callers: 'anyone', limits: { seconds: ${seconds} },
  parameters: { how: { schema: z.string(), description: 'How', example: 'nothing' } },
  returns: z.object({ by: z.number(), pid: z.number().optional(), leaked: z.boolean().optional() }),
  async run({ parameters: { how } }) {
    switch (how) {
      ${Object.entries({ ...FAILS, ...LARGE, ...HANGS, ...LEFT })
        .map(([how, code]) => `case ${JSON.stringify(how)}: { ${code} break; }`)
        .join('\n')}
      case 'order of ends': return { by: Number(readFileSync('/proc/self/oom_score_adj', 'utf8')) };
      case 'looks': process.kill(process.pid, 0); kill(process.ppid, 0); break;
      case 'command': return { by: Number(execSync('echo 7')) + execFileSync('echo', ['8'], { encoding: 'utf8' }).length };
      case 'waits': { const program = spawn('true'); await once(program, 'exit'); setInterval(() => {}, 1000); break; }
      case 'loops for long': { writeSync(1, 'pids ' + process.pid + ' ' + spawn('sleep', ['60']).pid); for (;;); }
      case 'loops': { const program = spawn('sleep', ['60']); console.log('pid', program.pid); for (;;); }
      case 'hangs': { const program = spawn('sleep', ['60']); await once(program, 'spawn'); console.log('pid', program.pid); await new Promise(() => {}); }
    }
    return { by: process.pid, leaked: {}.leaked };
  },
} as never);
`;

describe('what an owner’s code starts, and does to the process', () => {
  const config = makeConfigFolder({
    'workflows/does.ts': workflowOf(DOES),
    'workflows/holds.ts': workflowOf(HOLDS),
    'workflows/matches.ts': checking('matches', 'regex(/^(a+)+$/)'),
    'workflows/exits.ts': checking('exits', `refine((text) => text === 'a' || process.exit())`),
  });
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

  async function call(how: string, { name } = DOES) {
    const response = await post(name, { how });
    const body = (await response.json()) as {
      response: { by: number; pid?: number; leaked?: boolean };
      body: { requestId: string };
    };
    return { status: response.status, ...body.response, requestId: body.body?.requestId };
  }

  describe('fails its call alone:', { concurrency: 4 }, () => {
    for (const how of Object.keys({ ...FAILS, ...LARGE })) {
      test(how, async () => {
        const by = how in LARGE ? HOLDS : DOES;
        const { status, requestId } = await call(how, by);
        assert.equal(status, 500);
        const line = new RegExp(`${requestId}.*${how in LARGE ? 'its process ended: SIG' : ''}`);
        await until('it is logged', () => line.test(server.output()));
        const next = await call('nothing');
        assert.deepEqual([next.status, next.leaked], [200, undefined]);
      });
    }
  });

  describe('is ended at its time limit:', { concurrency: 2 }, () => {
    for (const how of Object.keys(HANGS)) {
      test(how, async () => {
        assert.equal((await call(how)).status, 504);
      });
    }
  });

  for (const how of Object.keys(LEFT)) {
    test(`${how} left behind: ends with the process, and the call is answered`, async () => {
      const { status, pid, by } = await call(how);
      assert.equal(status, 200);
      if (pid !== undefined) await until('it has ended', () => isGone(pid));
      assert.notEqual((await call('nothing')).by, by, 'the next one is in another process');
    });
  }

  test('where memory is short the system ends it first', { skip: process.platform !== 'linux' }, async () => {
    assert.equal((await call('order of ends')).by, 1000);
  });

  test('what looks for a process, waits for a program or leaves a timer keeps its process', async () => {
    const { by } = await call('nothing');
    for (const how of ['looks', 'waits', 'waits', 'nothing']) assert.equal((await call(how)).by, by, how);
    assert.equal((await call('command')).by, 9);
  });

  test('a schema that does not end with what was sent fails the call', async () => {
    assert.equal((await post('matches', { text: 'aa' })).status, 200);
    assert.equal((await post('matches', { text: `${'a'.repeat(60)}!` })).status, 500);
    await until('it is logged', () => /workflow matches: its schemas took longer/.test(server.output()));
    assert.equal((await call('nothing')).status, 200);
  });

  test('a schema that would end the process fails the call', async () => {
    assert.equal((await post('exits', { text: 'b' })).status, 500);
    await until('it is logged', () => /process\.exit would end/.test(server.output()));
    assert.equal((await post('exits', { text: 'a' })).status, 200);
  });

  test('a run that loops ends with a server that is killed, and its program too', async () => {
    const other = await startServerProcess({
      LATCHKEY_DATA: folder,
      LATCHKEY_STORE: `sqlite:${join(folder, 'other.db')}`,
      LATCHKEY_CONFIG: config.folder,
    });
    void fetch(`${other.url}/api/1.1/wf/does`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ how: 'loops for long' }),
    }).catch(() => undefined);
    const said = await until('it loops', () => /pids (\d+) (\d+)/.exec(other.output()) ?? undefined);
    await other.kill('SIGKILL');
    await until('all have ended', () => said.slice(1).every((pid) => isGone(Number(pid))));
  });

  for (const how of ['loops', 'hangs']) {
    test(`a run that is ended, as it ${how}, takes its program with it`, async () => {
      assert.equal((await call(how)).status, 504);
      const pid = /pid (\d+)\s*$/.exec(server.output().replaceAll(/^\{.*\}\n/gm, ''))?.[1];
      await until('it has ended', () => isGone(Number(pid)));
    });
  }
});

/** Also where nobody has asked yet how it ended. */
function isGone(pid: number): boolean {
  try {
    return /^\s*Z/.test(execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }));
  } catch {
    return true;
  }
}
