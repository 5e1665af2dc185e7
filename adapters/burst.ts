/**
 * Runs something when all that goes on without waiting has been done, and before the event loop takes up
 * anything else, so that what is done together can be finished together.
 */
export function afterBurst(run: () => void): void {
  // Node runs ticks when no microtask is left.
  queueMicrotask(() => process.nextTick(run));
}
