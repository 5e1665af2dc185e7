import { randomBytes } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { afterBurst } from '../burst.ts';
import { createChecks } from '../checks.ts';
import { toJson } from '../json.ts';
import { type Declaration, type Journal, Unavailable } from '../port.ts';
import type { Connection } from './connection.ts';
import { portError } from './failures.ts';
import type { Writer } from './writer.ts';

/** A row costs about 10 µs in its place; so many keep the event loop waiting for a few milliseconds. */
const SLICE_ROWS = 400;

/** A file that nobody wrote to for so long was left behind, whichever machine's process wrote it. */
const LEFT_BEHIND_MS = 60_000;
/** Nobody writes to a file that is older, so that none is taken for left behind. */
const FILE_MS_MAX = 10_000;

/** Bounds what is held in memory while a file's rows are put in their place: some 4000 rows. */
const FILE_BYTES_MAX = 2_000_000;

/** What is being written to. */
type OpenFile = { name: string; descriptor: number; bytes: number; openedMs: number };

/** A row as it was appended; `key` is its value in the first index. */
type KeptRow = { id: string; key: string; doc: string };

/** The rows of one burst, which are kept together or not at all. */
type Burst = { lines: string[]; kept: Promise<void> };

/**
 * The journal of a collection: files beside the database, a row a line, one file a process at a time. Appending is
 * one write for all rows of a burst, into the operating system's hands; a transaction for the same rows takes a
 * hundred times as long.
 */
export function openJournal<R extends { id: string }>(
  declaration: Declaration<R>,
  connection: Connection,
  writer: Writer,
): Journal<R> {
  const checks = createChecks(declaration);
  const folder = dirname(connection.file);
  const insertion = `INSERT INTO "${declaration.name}" (id, doc) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`;
  // Rows that stand side by side in the index go in side by side, so that each of its pages is written once.
  const leading = declaration.indexes?.[0]?.[0] ?? 'id';
  const prefix = `${basename(connection.file)}-${declaration.name}-`;
  /** The files that this process began. */
  const own = new Set<string>();
  /** What others left and is in its place by now, with its size then: they may not be dead after all. */
  const placed = new Map<string, number>();
  let gathering: Burst | undefined;
  let current: OpenFile | undefined;
  let settling: Promise<void> = Promise.resolve();

  function open(): OpenFile {
    const name = `${prefix}${process.pid}-${randomBytes(9).toString('base64url')}.jsonl`;
    const descriptor = openSync(join(folder, name), 'ax', 0o600);
    own.add(name);
    return { name, descriptor, bytes: 0, openedMs: performance.now() };
  }

  /** Ends the current file; the next row begins another one. */
  function rotate(): void {
    if (current !== undefined) closeSync(current.descriptor);
    current = undefined;
  }

  function gather(): Burst {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const burst: Burst = { lines: [], kept: promise };
    afterBurst(() => {
      gathering = undefined;
      try {
        write(burst.lines);
        resolve();
      } catch (error) {
        reject(new Unavailable('the journal cannot be written now', { cause: error }));
      }
    });
    return burst;
  }

  function write(lines: readonly string[]): void {
    connection.requireOpen();
    if (current !== undefined && isFull(current)) rotate();
    current ??= open();
    writeWhole(current, Buffer.from(lines.join('')));
  }

  /** A file that is ready to be put in its place; `isEnded`: nobody will write to it any more. */
  async function readinessOf(name: string): Promise<{ isEnded: boolean } | undefined> {
    if (name === current?.name) return undefined;
    if (own.has(name)) return { isEnded: true };
    const seen = await unlessGone(stat(join(folder, name)));
    if (seen === undefined) return undefined;
    if (Date.now() - seen.mtimeMs > LEFT_BEHIND_MS) return { isEnded: true };
    // A process that runs puts its own in their place within a second.
    if (isRunning(writerOf(name)) || placed.get(name) === seen.size) return undefined;
    placed.set(name, seen.size);
    return { isEnded: false };
  }

  const writerOf = (name: string) => Number(name.slice(prefix.length).split('-', 1)[0]);

  async function settleAll(): Promise<void> {
    rotate();
    for (const name of await readdir(folder)) {
      const ready = name.startsWith(prefix) ? await readinessOf(name) : undefined;
      if (ready === undefined) continue;
      const text = await unlessGone(readFile(join(folder, name), 'utf8'));
      const rows = (text ?? '').split('\n').flatMap(keptRow).sort(byKey);
      for (let at = 0; at < rows.length; at += SLICE_ROWS) await place(rows.slice(at, at + SLICE_ROWS));
      if (!ready.isEnded) continue;
      await rm(join(folder, name), { force: true });
      own.delete(name);
      placed.delete(name);
    }
  }

  /**
   * Nothing for what is no whole row: the end of a file, a row that was being written when its process died and
   * that nobody was told is kept, what a power cut left.
   */
  function keptRow(doc: string): KeptRow[] {
    try {
      const row = JSON.parse(doc) as R;
      return [{ id: row.id, key: String(row[leading]), doc }];
    } catch {
      return [];
    }
  }

  /** As they stand: they were checked when they were appended. */
  function place(rows: readonly KeptRow[]): Promise<void> {
    const insertAll = () => {
      const statement = connection.statement(insertion);
      for (const { id, doc } of rows) statement.run(id, doc);
    };
    return writer.write(false, insertAll, (error) => portError(error, declaration.name, () => 'id'));
  }

  return {
    async append(row) {
      checks.checkRow(row);
      const line = `${toJson(row)}\n`;
      gathering ??= gather();
      gathering.lines.push(line);
      await gathering.kept;
    },

    async settle() {
      const before = settling;
      settling = before.catch(() => undefined).then(settleAll);
      try {
        await settling;
      } catch (error) {
        throw error instanceof Unavailable
          ? error
          : new Unavailable('the journal cannot be read now', { cause: error });
      }
    },
  };
}

/** Undefined for a file that another process has put in its place and removed. */
async function unlessGone<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function isFull(file: OpenFile): boolean {
  return file.bytes > FILE_BYTES_MAX || performance.now() - file.openedMs > FILE_MS_MAX;
}

/** Writes all of it or, when the disk is full, nothing. */
function writeWhole(file: OpenFile, bytes: Buffer): void {
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file.descriptor, bytes, at);
    file.bytes += bytes.length;
  } catch (error) {
    ftruncateSync(file.descriptor, file.bytes);
    throw error;
  }
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

function byKey(one: KeptRow, other: KeptRow): number {
  return one.key < other.key ? -1 : one.key > other.key ? 1 : 0;
}
