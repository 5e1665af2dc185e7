import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { WORKFLOW_MEGABYTES_MAX } from '../ground/limits.ts';
import { endGroup } from './end-group.ts';
import { doApart } from './late-failures.ts';
import type { FromProcess, ToProcess } from './process/messages.ts';

const PROGRAM = fileURLToPath(new URL('../start/workflows.js', import.meta.url));
/**
 * V8's own limits: for what was made last, and for all, at twice what a run may hold. The process is ended before
 * (process/watched.ts), and without the page that V8 would write into the log.
 */
const FLAGS = ['--max-semi-space-size=8', `--max-old-space-size=${2 * WORKFLOW_MEGABYTES_MAX}`];

/** Of these signals: what they most often come for. */
const OF_MEMORY: Partial<Record<NodeJS.Signals, string>> = {
  SIGKILL: `, as where it holds more than ${WORKFLOW_MEGABYTES_MAX} MB`,
  SIGABRT: ', as where the engine finds no more memory',
  SIGTRAP: ', as where the engine finds no more memory',
};

/**
 * Starts the program that runs workflows. It leads a group of its own, so that the programs which it starts end with it, and
 * Ctrl-C in a terminal reaches only the server. `lose`: it has ended, or is of no use any more; told why, in words.
 */
export function startRunProgram(
  folder: string,
  { hear, lose }: { hear(message: FromProcess): void; lose(why: string): void },
) {
  // What the owner's code writes into the channel may be nothing that Node can read, or no message.
  const cannotHear = (error: unknown) => lose(`what it sent cannot be read: ${error}`);
  // Node hands on messages in turns of their own: those before are heard first, so that a run that has begun is not done twice.
  const child = doApart(
    (error) => process.nextTick(cannotHear, error),
    () =>
      fork(PROGRAM, [folder], {
        execArgv: FLAGS,
        detached: process.platform !== 'win32',
        serialization: 'advanced',
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      }),
  );
  // Whoever waits for it has a connection or a timer of their own.
  child.unref();
  child.channel?.unref();
  child.on('message', (message: FromProcess) => {
    try {
      hear(message);
    } catch (error) {
      cannotHear(error);
    }
  });

  return {
    /** Where it has gone, that is heard of by itself. */
    send: (message: ToProcess): void => void child.send(message, () => undefined),

    /** Ends it, and what it has started. */
    end(): void {
      if (child.pid !== undefined) endGroup(child.pid);
    },

    /** It has ended, and what it started with it. */
    gone: endOf(child).then(lose),
  };
}

/** In words, when it comes. */
function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`it was not started: ${error.message}`));
    child.once('exit', (code, signal) => {
      if (signal === null) resolve(`exit code ${code}`);
      else resolve(`${signal}${OF_MEMORY[signal] ?? ''}`);
    });
  });
}
