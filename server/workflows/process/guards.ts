import { ChildProcess, type SpawnOptions } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { Worker } from 'node:worker_threads';
import { keepBuiltIns } from '../../ground/built-ins.ts';
import { endGroup } from '../end-group.ts';

/** So much may wait or listen in a process between two runs: what each run leaves a little of is more in the end. */
const ACTIVE_MAX = 100;
/** The most, in Linux's order of what to end. */
const ENDED_FIRST = 1000;

/** Where the machine runs out of memory it ends a run, and not the server. */
export function beEndedFirst(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', String(ENDED_FIRST));
  } catch {
    // Not on Linux.
  }
}

/** The way to the server is not for the owner's code, by mistake: it does not keep out who means harm. */
export function closeChannel(): void {
  // Node itself disconnects where the server is gone.
  Object.assign(process, { send: undefined, disconnect: () => endGroup(process.pid) });
  syncBuiltinESMExports();
}

/**
 * What a caller names `__proto__` must not reach other runs by way of a careless merge: from now on nothing becomes a property
 * of everything, and what is there already is kept. For when the owner's files are loaded: some libraries add something then.
 */
export function closeBuiltIns() {
  Object.preventExtensions(Object.prototype);
  return keepBuiltIns();
}

/** How Node itself begins each program. */
type Spawning = { spawn(this: ChildProcess, options: SpawnOptions): unknown };

/** Programs stay in the group of this process, so that they end with it: drivers of browsers would have them lead their own. */
export function keepPrograms(): void {
  const prototype = ChildProcess.prototype as unknown as Spawning;
  const { spawn } = prototype;
  prototype.spawn = function spawnHere(options) {
    return spawn.call(this, { ...options, detached: false });
  };
}

/** Watches what the owner's code starts: programs and threads can outlive a run. */
export function watchStarted() {
  const started = new Set<ChildProcess | Worker>();
  let before: ReadonlySet<ChildProcess | Worker> = new Set();
  const note = (one: ChildProcess | Worker) => {
    started.add(one);
    one.once('exit', () => started.delete(one));
  };
  subscribe('child_process', (message) => note((message as { process: ChildProcess }).process));
  subscribe('worker_threads', (message) => note((message as { worker: Worker }).worker));

  return {
    /** What the owner's files have started by now, while they were loaded, is no run's. */
    areLoaded(): void {
      before = new Set(started);
    },
    /** Whether runs left something behind that a process should not be kept with. */
    isLeftBehind: (): boolean =>
      [...started].some((one) => !before.has(one)) || process.getActiveResourcesInfo().length > ACTIVE_MAX,
  };
}
