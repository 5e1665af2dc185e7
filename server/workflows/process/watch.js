import { workerData } from 'node:worker_threads';

/**
 * A thread that watches the process in which workflows run, and ends it where nothing else can: its main thread may be in a
 * loop that answers to nobody. In JavaScript, as a thread that reads TypeScript holds 10 MB more.
 */
const { server, state } = workerData;
/** Of `state` (watched.ts): begins and ends of runs, megabytes that are held and that may be, and what nobody ever wakes. */
const RUNS = 0;
const HELD = 1;
const HELD_MAX = 2;
const NEVER = 3;
/** So often where something runs or just ran, and so often else: what a run left behind may go on. */
const BUSY_MS = 50;
const IDLE_MS = 1000;

let seen = -1;
for (;;) {
  Atomics.store(state, HELD, process.memoryUsage.rss() / (1024 * 1024));
  if (state[HELD] > Atomics.load(state, HELD_MAX) || process.ppid !== server) end();
  const runs = Atomics.load(state, RUNS);
  const isIdle = runs % 2 === 0 && runs === seen;
  seen = runs;
  if (isIdle) Atomics.wait(state, RUNS, runs, IDLE_MS);
  else Atomics.wait(state, NEVER, 0, BUSY_MS);
}

function end() {
  // With what its runs have started, where it leads a group.
  process.kill(process.platform === 'win32' ? process.pid : -process.pid, 'SIGKILL');
}
