import { Worker } from 'node:worker_threads';
import { WORKFLOW_MEGABYTES_MAX } from '../../ground/limits.ts';

/** Places in what the watching thread sees (watch.js). */
const RUNS = 0;
const HELD = 1;
const HELD_MAX = 2;
const PLACES = 4;
/** So much may stay behind of what a run may hold: the next one has a right to the rest. */
const LEFT_MEGABYTES_MAX = WORKFLOW_MEGABYTES_MAX / 2;

/**
 * Has this process watched from a thread of its own, which ends it where it holds too much, whatever it holds it in, and where
 * the server is gone. Both may come while a run is in a loop, in which nothing else in this process is heard.
 */
export function watchThisProcess(server: number) {
  const state = new Int32Array(new SharedArrayBuffer(PLACES * Int32Array.BYTES_PER_ELEMENT));
  state[HELD_MAX] = 2 ** 31 - 1;
  const watch = new Worker(new URL('./watch.js', import.meta.url), {
    workerData: { server, state },
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
  });
  watch.unref();
  const step = () => {
    Atomics.add(state, RUNS, 1);
    Atomics.notify(state, RUNS);
  };

  return {
    /** The owner's files are loaded: what they hold by now is not a run's. */
    areLoaded(): void {
      const held = process.memoryUsage.rss() / (1024 * 1024);
      Atomics.store(state, HELD_MAX, held + WORKFLOW_MEGABYTES_MAX);
    },
    runBegins: step,
    runEnds: step,
    /** Whether too much was left behind for another run to have what it may. */
    isFull: (): boolean =>
      Atomics.load(state, HELD) > Atomics.load(state, HELD_MAX) - WORKFLOW_MEGABYTES_MAX + LEFT_MEGABYTES_MAX,
  };
}
