import childProcess, { type ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { WORKFLOW_SECONDS_MAX } from '../../ground/limits.ts';
import { endProgram } from '../end-program.ts';

/** So much may wait or listen in a thread between two runs: what each run leaves a little of is more in the end. */
const ACTIVE_MAX = 100;
/** A program that is ended is gone within this, if it can be ended. */
const PROGRAM_END_MS_MAX = 100;

/**
 * Keeps what the owner's code does by mistake within its thread. It does not keep out who means harm: that code may do what
 * the server may. Node itself refuses `abort`, `chdir`, `umask` and the like in a thread, and lets `exit` end only that.
 */
export function guardProcess(): {
  /** So long a call may wait for its program. */
  limitCalls(ms: number): void;
} {
  const { kill } = process;
  process.kill = (pid, signal) => {
    if (signal !== 0 && isOfServer(pid)) throw new TypeError(`process.kill(${pid}) would end the server`);
    return kill.call(process, pid, signal);
  };
  process.setUncaughtExceptionCaptureCallback = () => {
    throw new TypeError('process.setUncaughtExceptionCaptureCallback would hide what fails in other runs');
  };
  // While such a call waits for its program nothing can end the thread.
  let msMax = WORKFLOW_SECONDS_MAX * 1000;
  for (const name of ['execSync', 'execFileSync', 'spawnSync'] as const) endInTime(name, () => msMax);
  syncBuiltinESMExports();
  return {
    limitCalls(ms) {
      msMax = ms;
    },
  };
}

/** Also its group, everybody, what it was started by, and the first process, which is the server itself in a container. */
function isOfServer(pid: number): boolean {
  return [0, 1, process.pid, process.ppid].includes(Math.abs(pid));
}

function endInTime(name: 'execSync' | 'execFileSync' | 'spawnSync', msMax: () => number): void {
  const plain = childProcess[name] as (...given: unknown[]) => unknown;
  const inTime = (...given: unknown[]): unknown => {
    const at = given.findLastIndex((one) => typeof one === 'object' && one !== null && !Array.isArray(one));
    const options = given[at] as { timeout?: number } | undefined;
    const timeout = Math.min(options?.timeout || Number.POSITIVE_INFINITY, msMax());
    const bounded = { killSignal: 'SIGKILL', ...options, timeout };
    const args = options === undefined ? given.filter((one) => one !== undefined) : given.slice(0, at);
    return plain(...args, bounded);
  };
  Object.assign(childProcess, { [name]: inTime });
}

/**
 * Nothing becomes a property of everything any more: what a caller names `__proto__` must not reach other runs by way of a
 * careless merge. For when the owner's files are loaded: some libraries add something then.
 */
export function closePrototype(): void {
  Object.preventExtensions(Object.prototype);
}

/** How Node itself begins each program. */
type Spawning = ChildProcess & { spawn(...given: unknown[]): unknown };

/** Watches what the owner's code starts: programs and threads can outlive a run, and a program its thread too. */
export function watchStarted(tell: (program: { pid: number; runs: boolean }) => void) {
  const programs = new Set<ChildProcess>();
  const threads = new Set<Worker>();
  const before = new Set<object>();

  const { prototype } = childProcess.ChildProcess as unknown as { prototype: Spawning };
  const { spawn } = prototype;
  // Told at once: a run that goes on in an endless loop comes to no event.
  prototype.spawn = function spawnAndTell(this: Spawning, ...given) {
    const failed = spawn.apply(this, given);
    const { pid } = this;
    if (pid === undefined) return failed;
    programs.add(this);
    tell({ pid, runs: true });
    this.once('exit', () => {
      programs.delete(this);
      tell({ pid, runs: false });
    });
    return failed;
  };
  subscribe('worker_threads', (message) => {
    const { worker } = message as { worker: Worker };
    threads.add(worker);
    worker.once('exit', () => threads.delete(worker));
  });

  const ofRuns = <T extends object>(started: ReadonlySet<T>) =>
    [...started].filter((one) => !before.has(one));

  return {
    /** What the owner's files have started by now, while they were loaded, is no run's. */
    areLoaded(): void {
      for (const one of [...programs, ...threads]) before.add(one);
    },
    /** Whether runs left something behind that a thread should not be kept with. */
    isLeftBehind: (): boolean =>
      ofRuns(programs).length + ofRuns(threads).length > 0 ||
      process.getActiveResourcesInfo().length > ACTIVE_MAX,
    /** Ends the programs here, as nobody clears up behind those that the server itself has to end. */
    async endPrograms(): Promise<void> {
      const ends = ofRuns(programs).map((program) => {
        endProgram(program.pid as number);
        return once(program, 'exit');
      });
      await Promise.race([Promise.all(ends), delay(PROGRAM_END_MS_MAX)]);
    },
  };
}
