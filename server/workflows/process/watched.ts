import { Worker } from 'node:worker_threads';
import { WORKFLOW_MEGABYTES_MAX } from '../../ground/limits.ts';

/**
 * Where in what the watching thread (watch.js) sees too stand begins and ends of runs, megabytes that are held and that may
 * be, and what nobody ever wakes.
 */
const PLACES = { runs: 0, held: 1, heldMax: 2, never: 3 };
/** So much may stay behind of what a run may hold: the next one has a right to the rest. */
const LEFT_MEGABYTES_MAX = WORKFLOW_MEGABYTES_MAX / 2;

/**
 * Has this process watched from a thread of its own, which ends it where it holds too much, whatever it holds it in, and where
 * the server is gone. Both may come while a run is in a loop, in which nothing else in this process is heard.
 */
export function watchThisProcess(server: number) {
  const state = new Int32Array(
    new SharedArrayBuffer(Object.keys(PLACES).length * Int32Array.BYTES_PER_ELEMENT),
  );
  state[PLACES.heldMax] = 2 ** 31 - 1;
  const watch = new Worker(new URL('./watch.js', import.meta.url), {
    workerData: { server, state, places: PLACES },
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
  });
  watch.unref();
  const step = () => {
    Atomics.add(state, PLACES.runs, 1);
    Atomics.notify(state, PLACES.runs);
  };

  return {
    /** The owner's files are loaded: what they hold by now is not a run's. */
    areLoaded(): void {
      const held = process.memoryUsage.rss() / (1024 * 1024);
      Atomics.store(state, PLACES.heldMax, held + WORKFLOW_MEGABYTES_MAX);
    },
    runBegins: step,
    runEnds: step,
    /** Whether too much was left behind for another run to have what it may. */
    isFull: (): boolean =>
      Atomics.load(state, PLACES.held) >
      Atomics.load(state, PLACES.heldMax) - WORKFLOW_MEGABYTES_MAX + LEFT_MEGABYTES_MAX,
  };
}
