import { randomBytes } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type SyncedFile, syncedFile } from '../synced-file.ts';

/** Nobody writes to a file that is older, so that none is taken for left behind. */
const FILE_MS_MAX = 10_000;
/**
 * Bounds what is held in memory while a file's rows are put in their place: some 4000 rows. More at once write each page
 * of an index less often: files of a quarter of this cost the API call 6 % of its speed.
 */
const FILE_BYTES_MAX = 2_000_000;

/** What is being written to. `openedAtMs` is of the wall clock, by which others judge whether it was left behind. */
type OpenFile = SyncedFile & { name: string; bytes: number; openedAtMs: number };

export type JournalFiles = ReturnType<typeof createJournalFiles>;

/**
 * The files of a journal beside its database: those that this process writes, one after the other, and those of
 * other processes. Each is named for the process that writes it.
 */
export function createJournalFiles(database: string) {
  const folder = dirname(database);
  const prefix = `${basename(database)}-`;
  /** The names of all that this process began and that are still there. */
  const own = new Set<string>();
  let current: OpenFile | undefined;

  const newName = () => `${prefix}${process.pid}-${randomBytes(9).toString('base64url')}.jsonl`;

  function open(): OpenFile {
    const name = newName();
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
    rotate,
    isOwn: (name: string): boolean => own.has(name),
    isCurrent: (name: string): boolean => name === current?.name,
    pathOf: (name: string): string => join(folder, name),
    /** The process that writes it. */
    writerOf: (name: string): number => Number(name.slice(prefix.length).split('-', 1)[0]),
    /** Undefined for a file that another process has put in its place and removed. */
    statOf: (name: string) => unlessGone(stat(join(folder, name))),

    async names(): Promise<string[]> {
      const names = await readdir(folder);
      return names.filter((name) => name.startsWith(prefix) && name.endsWith('.jsonl'));
    },

    async remove(name: string): Promise<void> {
      await rm(join(folder, name), { force: true });
      own.delete(name);
    },

    /** Throws where no file can be begun: the current one is ended in a moment, and rows then have no place. */
    requireRoom(): void {
      const path = join(folder, newName());
      closeSync(openSync(path, 'ax', 0o600));
      rmSync(path);
    },

    /** Writes all of it or, when the disk is full, nothing. */
    write(bytes: Buffer): void {
      if (current !== undefined && isFull(current)) rotate();
      current ??= open();
      try {
        writeWhole(current, bytes);
      } catch (error) {
        rotate();
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

function writeWhole(file: OpenFile, bytes: Buffer): void {
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file.descriptor, bytes, at);
    file.bytes += bytes.length;
  } catch (error) {
    // Where its end cannot be set back either, half a row stays at the end of a file that is not written to again.
    ftruncateSync(file.descriptor, file.bytes);
    throw error;
  }
}

async function unlessGone<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
