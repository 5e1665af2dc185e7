import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** How long a server may take to give its first answer before the run is given up. */
const START_SECONDS_MAX = 30;
/** Linux counts processor time in hundredths of a second (`getconf CLK_TCK`). */
const TICKS_A_SECOND = 100;

export type ServerProcess = {
  url: string;
  /** From the start of the process to the first 200. */
  startMs: number;
  /** Processor time of all its threads so far, and of the processes that it started. */
  cpuSeconds(): number;
  /** Resident memory now. Of the processes that it started what is not the files of a program, which are there once. */
  residentBytes(): number;
  stop(): Promise<void>;
};

/**
 * Starts a server in a process of its own on a free port, as in production: its log goes to /dev/null. It is told
 * PORT and what `environment` says, nothing else of ours, and is ready when `readyPath` answers with 200.
 */
export async function startServer(options: {
  /** What node is called with: flags and the file. */
  command: readonly string[];
  environment: Record<string, string>;
  readyPath: string;
}): Promise<ServerProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const startedAt = performance.now();
  const child = spawn(process.execPath, options.command, {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: String(port),
      ...options.environment,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaints = '';
  child.stderr.on('data', (chunk) => {
    complaints += String(chunk);
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);

  while (!(await answers(`${url}${options.readyPath}`))) {
    if (child.exitCode !== null || performance.now() - startedAt > START_SECONDS_MAX * 1000) {
      kill();
      throw new Error(`${options.command.join(' ')} did not start:\n${complaints}`);
    }
    await sleep(5);
  }
  const startMs = performance.now() - startedAt;
  const { pid } = child;

  return {
    url,
    startMs,
    cpuSeconds() {
      // User and system time, and those of what it started and has ended (proc(5)).
      const ticks = [Number(pid), ...startedBy(pid)].flatMap((one) => statOf(one).slice(11, 15));
      return ticks.reduce((sum, some) => sum + Number(some), 0) / TICKS_A_SECOND;
    },
    residentBytes() {
      const started = startedBy(pid).map((one) => kilobytesOf(one, 'RssAnon'));
      return started.reduce((sum, some) => sum + some, kilobytesOf(pid, 'VmRSS')) * 1024;
    },
    async stop() {
      process.off('exit', kill);
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}

/** Behind the last bracket, as the name may hold any. */
function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function startedBy(pid: number | undefined): number[] {
  return globSync(`/proc/${pid}/task/*/children`).flatMap((file) =>
    readFileSync(file, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}

function kilobytesOf(pid: number | undefined, line: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${line}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    // Nobody listens yet.
    return false;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
