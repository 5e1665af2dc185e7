/**
 * Lets so many runs work at a time, whoever calls, and so many more wait in the order in which they came, for some time. Where
 * runs take little time, `atOnceSoon` are enough; the others of `atOnceMax` are let in when they have waited for `patienceMs`.
 */
export function createRunRoom(bounds: {
  atOnceSoon: number;
  patienceMs: number;
  atOnceMax: number;
  waitingMax: number;
  waitMsMax: number;
  /** What whoever finds no room is told. */
  full: () => Error;
}) {
  const { atOnceSoon, patienceMs, atOnceMax, waitingMax, waitMsMax, full } = bounds;
  // In the order in which they came; whoever gave up is not among them any more.
  const waiting = new Set<() => void>();
  let inside = 0;

  async function enter(): Promise<void> {
    if (inside < atOnceSoon) {
      inside += 1;
      return;
    }
    if (waiting.size >= waitingMax + Math.max(0, atOnceMax - inside)) throw full();
    // Whoever leaves hands on the place.
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(enterNow);
        reject(full());
      }, waitMsMax);
      const impatient = setTimeout(() => {
        if (inside >= atOnceMax) return;
        inside += 1;
        waiting.delete(enterNow);
        enterNow();
      }, patienceMs);
      function enterNow(): void {
        clearTimeout(timer);
        clearTimeout(impatient);
        resolve();
      }
      waiting.add(enterNow);
    });
  }

  function leave(): void {
    const [next] = waiting;
    if (next === undefined) {
      inside -= 1;
      return;
    }
    waiting.delete(next);
    next();
  }

  return async <T>(work: () => Promise<T>): Promise<T> => {
    await enter();
    try {
      return await work();
    } finally {
      leave();
    }
  };
}
