import { Unavailable } from '../../port.ts';
import type { JournalFiles } from './files.ts';
import { type JournalThread, Locked } from './thread.ts';

/** A file that nobody wrote to for so long was left behind, whichever machine's process wrote it. */
const LEFT_BEHIND_MS = 60_000;

/** A file whose rows can be put in their place. `isEnded`: nobody will write to it any more. */
type Ready = { isEnded: boolean; bytes: number };

/**
 * Settles a journal: puts the rows of its files in their place and removes the files. Those of this process always;
 * those of others when their process has died.
 */
export function createSettling(parts: {
  files: JournalFiles;
  thread: JournalThread;
  /** Throws when the database was closed or has gone. */
  requireOpen: () => void;
}) {
  const { files, thread, requireOpen } = parts;
  /** What others left and is in its place by now, with its size then: they may not be dead after all. */
  const placed = new Map<string, number>();
  let running: Promise<void> | undefined;
  /** The one that has not begun: it is for all that ask until then. */
  let waiting: Promise<void> | undefined;

  async function settleAll(): Promise<void> {
    requireOpen();
    files.rotate();
    const names = await files.names();
    for (const name of placed.keys()) if (!names.includes(name)) placed.delete(name);
    const faults: unknown[] = [];
    for (const name of names) {
      // One that cannot be read must not hold up the others.
      await settleFile(name).catch((fault: unknown) => faults.push(fault));
      if (faults.at(-1) instanceof Locked) break;
    }
    if (faults.length > 0) throw faults[0];
  }

  async function settleFile(name: string): Promise<void> {
    const ready = await readinessOf(name);
    if (ready === undefined) return;
    await thread.place(files.pathOf(name));
    if (ready.isEnded) await files.remove(name);
    else placed.set(name, ready.bytes);
  }

  async function readinessOf(name: string): Promise<Ready | undefined> {
    if (files.isCurrent(name)) return undefined;
    const seen = await files.statOf(name);
    if (seen === undefined) return undefined;
    const isLeft = Date.now() - seen.mtimeMs > LEFT_BEHIND_MS;
    if (files.isOwn(name) || isLeft) return { isEnded: true, bytes: seen.size };
    // A process that runs settles its own files within a second.
    if (isRunning(files.writerOf(name)) || placed.get(name) === seen.size) return undefined;
    return { isEnded: false, bytes: seen.size };
  }

  async function settleNext(): Promise<void> {
    try {
      // What is in its way is in ours too, and nobody waits twice for it.
      await running;
    } finally {
      waiting = undefined;
    }
    running = settleAll();
    try {
      await running;
    } finally {
      running = undefined;
    }
  }

  return {
    /** One after the other. Throws `Unavailable` while a file cannot be settled: it is still there then. */
    async settle(): Promise<void> {
      waiting ??= settleNext();
      try {
        await waiting;
      } catch (error) {
        if (error instanceof Unavailable) throw error;
        throw new Unavailable('the journal cannot be read now', { cause: error });
      }
    },
  };
}

/** Whether this machine has such a process, other than this one, which knows its own files. */
function isRunning(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
