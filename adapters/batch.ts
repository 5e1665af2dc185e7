/**
 * A burst is what the event loop does between taking up one thing and the next: a callback and all that goes on
 * from it without waiting. Nobody can have asked for anything more meanwhile, so what is asked in one burst may
 * be answered by one look, and written by one write.
 */

/** Runs at the end of this burst. */
export function afterBurst(run: () => void): void {
  // Node runs ticks when no microtask is left.
  queueMicrotask(() => process.nextTick(run));
}

/**
 * Gives a function that takes one item; all items of a burst are kept together, by one call of `keep`, and each
 * promise is settled with it.
 */
export function gatherBursts<T>(
  keep: (items: readonly T[]) => void | Promise<void>,
): (item: T) => Promise<void> {
  let burst: { items: T[]; kept: Promise<void> } | undefined;

  function begin() {
    const items: T[] = [];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    afterBurst(() => {
      burst = undefined;
      try {
        resolve(keep(items));
      } catch (error) {
        reject(error);
      }
    });
    return { items, kept: promise };
  }

  return (item) => {
    burst ??= begin();
    burst.items.push(item);
    return burst.kept;
  };
}
