import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { endProgram } from './end-program.ts';
import type { Greeting } from './thread/messages.ts';

/** The server stops within seconds: it does not wait for a thread that cannot be ended now. */
const END_MS_MAX = 1000;

/** Which threads are there, and the programs that were started in them: those end with their thread. */
export function createPresence(log: Pick<Logger, 'error'>) {
  const present = new Map<number, Promise<void>>();
  /** Those that run, of all threads. */
  const programs = new Set<number>();

  return {
    /** Whether this thread has loaded the owner's files, and has not ended. */
    has: (threadId: number): boolean => present.has(threadId),

    /** A thread is there, until its end of this port closes. */
    enter({ threadId, port }: Greeting): { note(program: { pid: number; runs: boolean }): void } {
      const running = new Set<number>();
      const { promise: gone, resolve } = Promise.withResolvers<void>();
      present.set(threadId, gone);
      port.once('close', () => {
        present.delete(threadId);
        for (const pid of running) endProgram(pid);
        for (const pid of running) programs.delete(pid);
        resolve();
      });
      return {
        note({ pid, runs }) {
          for (const known of [running, programs]) {
            if (runs) known.add(pid);
            else known.delete(pid);
          }
        },
      };
    },

    /**
     * Waits until they have ended, for a moment. Node would wait for them at the end of the process, and in a call to the
     * system that does not return (a pipe that nobody writes to) a thread cannot be ended: then the process ends itself.
     */
    async allGone(poolEnds: Promise<void> | undefined): Promise<void> {
      // From now on, for the process may end before this has waited: its own time for a stop is over.
      const endProcess = () => {
        for (const pid of programs) endProgram(pid);
        process.kill(process.pid, 'SIGKILL');
      };
      process.once('exit', endProcess);
      let areGone = false;
      const gone = Promise.all([poolEnds, ...present.values()]).then(() => {
        areGone = true;
        process.off('exit', endProcess);
      });
      await Promise.race([gone, delay(END_MS_MAX, undefined, { ref: false })]);
      if (!areGone) log.error('a thread of the workflows does not end: the process will not wait for it');
    },
  };
}
