import { randomBytes } from 'node:crypto';
import { ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type SyncedFile, syncedFile } from './sync.ts';

/** Nobody writes to a file that is older, so that none is taken for left behind. */
const FILE_MS_MAX = 10_000;
/** Bounds what is held in memory while a file's rows are put in their place: some 1000 rows. */
const FILE_BYTES_MAX = 500_000;

/** What is being written to. `openedAtMs` is of the wall clock, by which others judge whether it was left behind. */
type OpenFile = SyncedFile & { name: string; bytes: number; openedAtMs: number };

/** The files that this process writes a journal to, one after the other. */
export function createJournalFiles(folder: string, prefix: string) {
  /** The names of all that this process began and has not put in their place. */
  const own = new Set<string>();
  let current: OpenFile | undefined;

  function open(): OpenFile {
    const name = `${prefix}${process.pid}-${randomBytes(9).toString('base64url')}.jsonl`;
    const descriptor = openSync(join(folder, name), 'ax', 0o600);
    own.add(name);
    return { ...syncedFile(descriptor), name, bytes: 0, openedAtMs: Date.now() };
  }

  /** Ends the current file; what is written next begins another one. */
  function rotate(): void {
    const ended = current;
    current = undefined;
    ended?.close();
  }

  return {
    own,
    isCurrent: (name: string): boolean => name === current?.name,
    rotate,

    /** Writes all of it or, when the disk is full, nothing. */
    write(bytes: Buffer): void {
      if (current !== undefined && isFull(current)) rotate();
      current ??= open();
      const file = current;
      try {
        for (let at = 0; at < bytes.length; ) at += writeSync(file.descriptor, bytes, at);
        file.bytes += bytes.length;
      } catch (error) {
        // Where its end cannot be set back either, half a row stays at the end of a file that is not written to again.
        try {
          ftruncateSync(file.descriptor, file.bytes);
        } finally {
          rotate();
        }
        throw error;
      }
    },

    /** Waits until what was written last is on disk. */
    async sync(): Promise<void> {
      const file = current;
      if (file === undefined) return;
      try {
        await file.sync();
      } catch (error) {
        // It answers for nothing any more.
        if (file === current) rotate();
        throw error;
      }
    },
  };
}

function isFull(file: OpenFile): boolean {
  const ageMs = Date.now() - file.openedAtMs;
  return file.bytes > FILE_BYTES_MAX || ageMs > FILE_MS_MAX || ageMs < 0;
}

export function isJournalFile(name: string, prefix: string): boolean {
  return name.startsWith(prefix) && name.endsWith('.jsonl');
}

/** Whose file it is, by its name. */
export function writerOf(name: string, prefix: string): number {
  return Number(name.slice(prefix.length).split('-', 1)[0]);
}

/** Whether this machine has such a process, other than this one, which knows its own files. */
export function isRunning(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
