import { readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { gatherBursts } from '../batch.ts';
import { createChecks } from '../checks.ts';
import { toJson } from '../json-text.ts';
import { type Declaration, type Journal, Unavailable } from '../port.ts';
import type { Connection } from './connection.ts';
import { createJournalFiles, isJournalFile, isRunning, writerOf } from './journal-file.ts';
import { createSettler } from './settler.ts';

/** A file that nobody wrote to for so long was left behind, whichever machine's process wrote it. */
const LEFT_BEHIND_MS = 60_000;

/** A file whose rows can be put in their place. `isEnded`: nobody will write to it any more. */
type Ready = { isEnded: boolean; bytes: number };

/**
 * The journal of a collection: files beside its database, a row a line, one file a process at a time. Appending is
 * one write for all rows of a burst, into the operating system's hands; a transaction for the same rows takes a
 * hundred times as long.
 */
export function openJournal<R extends { id: string }>(
  declaration: Declaration<R>,
  connection: Connection,
  lockTimeoutMs: number,
): Journal<R> & { end(): Promise<void> } {
  const checks = createChecks(declaration);
  if (declaration.journalled !== true) checks.refuse('it is not declared as journalled');
  const key = declaration.indexes?.[0]?.[0] ?? 'id';
  const settler = createSettler({ database: connection.file, table: declaration.name, key, lockTimeoutMs });
  const folder = dirname(connection.file);
  const prefix = `${basename(connection.file)}-`;
  const files = createJournalFiles(folder, prefix);
  /** What others left and is in its place by now, with its size then: they may not be dead after all. */
  const placed = new Map<string, number>();
  let settling: Promise<void> = Promise.resolve();

  function write(rows: readonly R[]): void {
    connection.requireOpen();
    const lines = rows.map(toJson).join('\n');
    try {
      files.write(Buffer.from(`${lines}\n`));
    } catch (error) {
      throw unwritten(error);
    }
  }

  const keep = {
    process: gatherBursts<R>(write),
    disk: gatherBursts<R>(async (rows) => {
      write(rows);
      try {
        await files.sync();
      } catch (error) {
        throw unwritten(error);
      }
    }),
  };

  async function settleAll(): Promise<void> {
    connection.requireOpen();
    files.rotate();
    const names = (await readdir(folder)).filter((name) => isJournalFile(name, prefix));
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
    await settler.place(join(folder, name));
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

  return {
    append(row, durability = 'process') {
      try {
        checks.checkRow(row);
      } catch (error) {
        return Promise.reject(error);
      }
      return keep[durability](row);
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

    async end() {
      files.rotate();
      await settling.catch(() => undefined);
      await settler.end();
    },
  };
}

function unwritten(error: unknown): Unavailable {
  return new Unavailable('the journal cannot be written now', { cause: error });
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
