/**
 * Runs when everything that goes on from here without waiting has gone on, and before anything else can reach this
 * process: Node runs ticks when no microtask is left.
 */
export function atEndOfTurn(run: () => void): void {
  queueMicrotask(() => process.nextTick(run));
}
