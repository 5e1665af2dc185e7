import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

export type ServerProcess = {
  url: string;
  firstAdminLink: string | undefined;
  /** What it wrote so far: log lines and words for people. */
  output(): string;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Sends a signal that does not end it by itself. */
  signal(signal: NodeJS.Signals): void;
  /** Its exit code, once it has ended. */
  ended: Promise<number | null>;
};

/**
 * A server in a process of its own, as an operator starts it; for what a signal does to it. `root` is another
 * installation than this one.
 */
export async function startServerProcess(
  environment: Record<string, string>,
  root = ROOT,
): Promise<ServerProcess> {
  const child: ChildProcess = spawn(process.execPath, [join(root, 'server/start/server.js')], {
    cwd: root,
    env: { PATH: process.env.PATH ?? '', PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const exited = once(child, 'exit');
  const started = new Promise<string>((done, fail) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      const url = /Latchkey listens on (\S+)/.exec(output)?.[1];
      if (url !== undefined) done(url);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    exited.then(([code]) => fail(new Error(`the server ended with ${code}: ${output}`)));
  });
  const url = await started;
  return {
    url,
    get firstAdminLink() {
      return /(http\S+invitation=\S+)/.exec(output)?.[1];
    },
    output: () => output,
    signal: (signal) => void child.kill(signal),
    ended: exited.then(([code]) => code as number | null),
    async kill(signal) {
      child.kill(signal);
      await exited;
    },
  };
}
