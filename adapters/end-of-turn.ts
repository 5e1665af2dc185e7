/**
 * Runs after all pending microtasks and before the next event: `nextTick` called from a microtask waits until no
 * microtask is left.
 */
export function atEndOfTurn(run: () => void): void {
  queueMicrotask(() => process.nextTick(run));
}
