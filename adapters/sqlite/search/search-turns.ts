import { TooBusy } from '../../port.ts';

/** Reads of one that wait for their turn, and those of all. */
const WAITING_EACH_MAX = 10;
const WAITING_MAX = 100;

/**
 * Lets so many work at a time, and of those the same `whose` only once: whoever asks for much waits behind themselves, and
 * their next turn comes after that of everybody else who waits.
 */
export function createSearchTurns({ atOnceMax, waitMsMax }: { atOnceMax: number; waitMsMax: number }) {
  const working = new Set<string>();
  /** Who waits with what; whoever had a turn goes to the end. */
  const lines = new Map<string, Set<() => void>>();

  function startNext(): void {
    if (working.size >= atOnceMax) return;
    const next = [...lines].find(([whose]) => !working.has(whose));
    if (next === undefined) return;
    const [whose, line] = next;
    const [start] = line;
    working.add(whose);
    start?.();
  }

  function endTurn(whose: string): void {
    working.delete(whose);
    const line = lines.get(whose);
    lines.delete(whose);
    if (line !== undefined) lines.set(whose, line);
    startNext();
  }

  async function turnOf(whose: string, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const line = lines.get(whose) ?? new Set();
    const waiting = [...lines.values()].reduce((sum, { size }) => sum + size, 0);
    if (line.size >= WAITING_EACH_MAX || waiting >= WAITING_MAX)
      throw new TooBusy('too many long reads wait already');
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
      line.delete(start);
      if (line.size === 0) lines.delete(whose);
    };
    function start(): void {
      leave();
      resolve();
    }
    function giveUp(): void {
      leave();
      reject(signal?.reason);
    }
    signal?.addEventListener('abort', giveUp);
    const timer = setTimeout(() => {
      leave();
      reject(new TooBusy('other long reads took too long'));
    }, waitMsMax);
    line.add(start);
    lines.set(whose, line);
    startNext();
    await promise;
  }

  /** `signal`: who gives up waiting leaves the line at once, with its reason. */
  return async <T>(
    { whose, signal }: { whose: string; signal?: AbortSignal | undefined },
    work: () => Promise<T>,
  ): Promise<T> => {
    await turnOf(whose, signal);
    try {
      return await work();
    } finally {
      endTurn(whose);
    }
  };
}
