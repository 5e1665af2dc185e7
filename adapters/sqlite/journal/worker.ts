import { existsSync, readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { openDatabase } from '../database.ts';
import { isBusy } from '../failures.ts';
import type { Fault, ThreadData } from './thread.ts';

/**
 * What runs in the thread of thread.ts: takes the path of one journal file after the other and answers with what went
 * wrong, or with nothing.
 */
const { database, table, key, lockTimeoutMs } = workerData as ThreadData;
const insertion = `INSERT INTO "${table}" (id, doc) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`;

/** A row as it was appended; `key` is its value in the first index. */
type JournalRow = { id: string; key: string; doc: string };

parentPort?.on('message', (file: string) => {
  let fault: Fault | undefined;
  try {
    place(rowsIn(file));
  } catch (error) {
    fault = { what: String(error), isLocked: isBusy(error) };
  }
  parentPort?.postMessage(fault);
});

/** As they stand: they were checked when they were appended. All of a file or none of it. */
function place(rows: readonly JournalRow[]): void {
  // Opened each time: one that was removed meanwhile must not be written to, nor come back as an empty one.
  if (!existsSync(database)) throw new Error(`${database} is not there`);
  const open = openDatabase(database, lockTimeoutMs);
  try {
    // On disk before the journal file goes.
    open.exec('PRAGMA synchronous = FULL');
    open.exec('BEGIN IMMEDIATE');
    const statement = open.prepare(insertion);
    for (const { id, doc } of rows) statement.run(id, doc);
    open.exec('COMMIT');
  } finally {
    open.close();
  }
}

/** Rows that stand side by side in the index come side by side, so that each of its pages is written once. */
function rowsIn(file: string): JournalRow[] {
  return textOf(file).split('\n').flatMap(rowIn).sort(byKey);
}

/** Nothing for a file that another process has put in its place and removed. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/**
 * Nothing for what is no whole row: the end of a file, a row that was being written when its process died and was
 * never acknowledged, what a power cut left.
 */
function rowIn(doc: string): JournalRow[] {
  try {
    const row = JSON.parse(doc) as Record<string, unknown>;
    return typeof row.id === 'string' ? [{ id: row.id, key: String(row[key]), doc }] : [];
  } catch {
    return [];
  }
}

function byKey(one: JournalRow, other: JournalRow): number {
  return one.key < other.key ? -1 : one.key > other.key ? 1 : 0;
}
