import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { gatherBursts } from '../burst.ts';
import { createChecks } from '../checks.ts';
import { toJson } from '../json.ts';
import { type Declaration, type Journal, Unavailable } from '../port.ts';
import type { Connection } from './connection.ts';
import { portError } from './failures.ts';
import { createJournalFiles, isRunning, writerOf } from './journal-file.ts';
import type { Writer } from './writer.ts';

/** A row costs about 10 µs in its place; so many keep the event loop waiting for a few milliseconds. */
const SLICE_ROWS = 400;

/** A file that nobody wrote to for so long was left behind, whichever machine's process wrote it. */
const LEFT_BEHIND_MS = 60_000;

/** A row as it was appended; `key` is its value in the first index. */
type KeptRow = { id: string; key: string; doc: string };

/** A file whose rows can be put in their place. `isEnded`: nobody will write to it any more. */
type Ready = { isEnded: boolean; bytes: number };

/**
 * The journal of a collection: files beside the database, a row a line, one file a process at a time. Appending is
 * one write for all rows of a burst, into the operating system's hands; a transaction for the same rows takes a
 * hundred times as long.
 */
export function openJournal<R extends { id: string }>(
  declaration: Declaration<R>,
  connection: Connection,
  writer: Writer,
): Journal<R> & { end(): void } {
  const checks = createChecks(declaration);
  const insertion = `INSERT INTO "${declaration.name}" (id, doc) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`;
  // Rows that stand side by side in the index go in side by side, so that each of its pages is written once.
  const leading = declaration.indexes?.[0]?.[0] ?? 'id';
  const folder = dirname(connection.file);
  const prefix = `${basename(connection.file)}-${declaration.name}-`;
  const files = createJournalFiles(folder, prefix);
  /** What others left and is in its place by now, with its size then: they may not be dead after all. */
  const placed = new Map<string, number>();
  let settling: Promise<void> = Promise.resolve();

  const keep = gatherBursts<string>((lines) => {
    connection.requireOpen();
    try {
      files.write(Buffer.from(lines.join('')));
    } catch (error) {
      throw new Unavailable('the journal cannot be written now', { cause: error });
    }
  });

  async function settleAll(): Promise<void> {
    files.rotate();
    const names = (await readdir(folder)).filter((name) => name.startsWith(prefix));
    for (const name of placed.keys()) if (!names.includes(name)) placed.delete(name);
    // One that cannot be read must not hold up the others.
    const results = [];
    for (const name of names) results.push(...(await Promise.allSettled([settleFile(name)])));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async function settleFile(name: string): Promise<void> {
    const ready = await readinessOf(name);
    if (ready === undefined) return;
    const text = await unlessGone(readFile(join(folder, name), 'utf8'));
    const rows = (text ?? '').split('\n').flatMap(keptRow).sort(byKey);
    for (let at = 0; at < rows.length; at += SLICE_ROWS) await place(rows.slice(at, at + SLICE_ROWS));
    if (!ready.isEnded) {
      placed.set(name, ready.bytes);
      return;
    }
    await rm(join(folder, name), { force: true });
    files.own.delete(name);
  }

  async function readinessOf(name: string): Promise<Ready | undefined> {
    if (files.isCurrent(name)) return undefined;
    const seen = await unlessGone(stat(join(folder, name)));
    if (seen === undefined) return undefined;
    const isLeft = Date.now() - seen.mtimeMs > LEFT_BEHIND_MS;
    if (files.own.has(name) || isLeft) return { isEnded: true, bytes: seen.size };
    // A process that runs puts its own in their place within a second.
    if (isRunning(writerOf(name, prefix)) || placed.get(name) === seen.size) return undefined;
    return { isEnded: false, bytes: seen.size };
  }

  /**
   * Nothing for what is no whole row: the end of a file, a row that was being written when its process died and
   * that nobody was told is kept, what a power cut left.
   */
  function keptRow(doc: string): KeptRow[] {
    try {
      const row = JSON.parse(doc) as R;
      return typeof row.id === 'string' ? [{ id: row.id, key: String(row[leading]), doc }] : [];
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
      await keep(`${toJson(row)}\n`);
    },

    async settle() {
      const before = settling;
      settling = before.catch(() => undefined).then(settleAll);
      try {
        await settling;
      } catch (error) {
        if (error instanceof Unavailable) throw error;
        throw new Unavailable('the journal cannot be read now', { cause: error });
      }
    },

    end: files.rotate,
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

function byKey(one: KeptRow, other: KeptRow): number {
  return one.key < other.key ? -1 : one.key > other.key ? 1 : 0;
}
