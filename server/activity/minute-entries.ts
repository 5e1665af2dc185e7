import type { Clock } from '../ground/clock.ts';
import { MINUTE_SECONDS } from '../ground/time.ts';

/** One entry for so long, of each key. */
const WINDOW_SECONDS = MINUTE_SECONDS;
/** More are hardly in use at a time; past this the one seen first gets its entry early. */
const WINDOWS_MAX = 10_000;

/** What happened since, and the entry of the last of it. */
type Window<E> = { startedAt: number; count: number; entry: E };

/**
 * Writes down what may be done over and over: the first of a key gets its entry at once, and those that follow one entry a
 * minute with their number, whatever their rate. Counted in each process; of one that dies the counts of its last minute
 * are lost.
 */
export function createMinuteEntries<E extends { count?: number | undefined }>(parts: {
  record: (entry: E) => Promise<unknown>;
  clock: Clock;
}) {
  const { record, clock } = parts;
  const windows = new Map<string, Window<E>>();
  let timer: NodeJS.Timeout | undefined;

  /** Writes down what a window counted, and begins the next. One that counted nothing is over. */
  async function close(key: string, window: Window<E>): Promise<void> {
    const { count, entry } = window;
    if (count === 0) {
      windows.delete(key);
      return;
    }
    window.startedAt = clock();
    window.count = 0;
    await recordOrCount(window, entry, count);
  }

  /** What cannot be written now is counted on. */
  async function recordOrCount(window: Window<E>, entry: E, count: number): Promise<void> {
    try {
      await record(count === 1 ? entry : { ...entry, count });
    } catch (error) {
      window.count += count;
      throw error;
    }
  }

  /** Makes room for another one. */
  async function closeOldest(): Promise<void> {
    const [oldest] = windows;
    if (oldest === undefined) return;
    const [key, window] = oldest;
    windows.delete(key);
    if (window.count > 0) await recordOrCount(window, window.entry, window.count);
  }

  function startTimer(): void {
    // What cannot be written now is tried again.
    timer ??= setTimeout(() => flush(isOver).catch(() => undefined), WINDOW_SECONDS * 1000).unref();
  }

  /** Both sides are looked at, since a clock may be set back. */
  function isOver({ startedAt }: Window<E>): boolean {
    const now = clock();
    return now < startedAt || now >= startedAt + WINDOW_SECONDS;
  }

  async function flush(which: (window: Window<E>) => boolean): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const due = [...windows].filter(([, window]) => which(window));
    const closed = await Promise.allSettled(due.map(([key, window]) => close(key, window)));
    if (windows.size > 0) startTimer();
    const failed = closed.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  return {
    /** It happened. Throws what `record` throws; it is counted on then. */
    async add(key: string, entry: E): Promise<void> {
      const known = windows.get(key);
      if (known === undefined || (known.count === 0 && isOver(known))) {
        const window = { startedAt: clock(), count: 0, entry };
        const room = known === undefined && windows.size >= WINDOWS_MAX ? closeOldest() : undefined;
        windows.set(key, window);
        startTimer();
        await Promise.all([recordOrCount(window, entry, 1), room]);
        return;
      }
      const closed = isOver(known) ? close(key, known) : undefined;
      known.count += 1;
      known.entry = entry;
      await closed;
    },

    /** Writes down all that is counted: before the process ends. */
    async stop(): Promise<void> {
      await flush(() => true);
      clearTimeout(timer);
    },
  };
}
