import type { Worker } from 'node:worker_threads';
import { WORKFLOW_MEGABYTES_MAX } from '../ground/limits.ts';

/** Threads with a run are looked at so often; a run that is over before is not looked at. */
const LOOK_MS = 50;
/** Every so many looks is one at the others: what a run left behind may hold ever more too. */
const LOOKS_A_ROUND = 20;

/**
 * Looks at what the threads hold in memory, also in buffers, which V8's own limit does not count. Beyond that limit V8 ends
 * the whole process where it cannot have all of one large list, map or text, so a thread must be ended long before it.
 */
export function watchMemory(parts: {
  threads: () => readonly Worker[];
  /** Whether this thread has a run now. */
  isBusy: (thread: Worker) => boolean;
  /** It holds too much. */
  end: (thread: Worker) => void;
}): () => void {
  const asked = new WeakSet<Worker>();
  let wereBusy = new Set<Worker>();
  let looks = 0;

  async function look(thread: Worker): Promise<void> {
    if (asked.has(thread)) return;
    asked.add(thread);
    try {
      const { used_heap_size, external_memory } = await thread.getHeapStatistics();
      if (used_heap_size + external_memory > WORKFLOW_MEGABYTES_MAX * 1024 * 1024) parts.end(thread);
    } catch {
      // It has ended.
    } finally {
      asked.delete(thread);
    }
  }

  const timer = setInterval(() => {
    looks += 1;
    const isRound = looks % LOOKS_A_ROUND === 0;
    const threads = parts.threads();
    const busy = new Set(threads.filter(parts.isBusy));
    for (const thread of threads) {
      if (isRound || (busy.has(thread) && wereBusy.has(thread))) void look(thread);
    }
    wereBusy = busy;
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
