import { workerData } from 'node:worker_threads';

/**
 * A thread that watches the process in which workflows run, and ends it where nothing else can: its main thread may be in a
 * loop that answers to nobody. In JavaScript, as a thread that reads TypeScript holds 10 MB more.
 */
const { server, state, places } = workerData;
/** So often where something runs or just ran, and so often else: what a run left behind may go on. */
const BUSY_MS = 50;
const IDLE_MS = 1000;

let seen = -1;
for (;;) {
  Atomics.store(state, places.held, process.memoryUsage.rss() / (1024 * 1024));
  if (state[places.held] > Atomics.load(state, places.heldMax) || process.ppid !== server) end();
  const runs = Atomics.load(state, places.runs);
  const isIdle = runs % 2 === 0 && runs === seen;
  seen = runs;
  if (isIdle) Atomics.wait(state, places.runs, runs, IDLE_MS);
  else Atomics.wait(state, places.never, 0, BUSY_MS);
}

function end() {
  // With what its runs have started, where it leads a group.
  process.kill(process.platform === 'win32' ? process.pid : -process.pid, 'SIGKILL');
}
