import { closeSync, existsSync, fchmodSync, mkdirSync, openSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { Unavailable } from '../port.ts';
import { openDatabase } from './database.ts';
import { isBusy, unavailableFrom } from './failures.ts';
import { type SyncedFile, syncedFile } from './sync.ts';

/**
 * The open file: pragmas, prepared statements, and what to do while another process holds it. SQLite's own wait
 * would stop this process's event loop, so it is short, and longer waits are made of tries with pauses between.
 */
export type Connection = Awaited<ReturnType<typeof openConnection>>;

/** A busy file is mostly free again within a commit of the other process: a few milliseconds. */
const DRIVER_WAIT_MS = 20;
const PAUSE_MS = 10;

/** Statements differ by collection and by the shape of conditions: some hundred in all. */
const STATEMENTS_MAX = 500;

export async function openConnection(path: string, lockTimeoutMs: number) {
  const attempt = createAttempt(lockTimeoutMs);
  const statements = new Map<string, StatementSync>();
  // The file itself, for SQLite puts what belongs to it beside the file and not beside a link to it.
  const file = createPrivately(resolve(path));
  let database: DatabaseSync | undefined = await attempt(() => openDatabase(file, DRIVER_WAIT_MS));
  /** The log of writes, opened once more to have it synced. */
  let log: SyncedFile | undefined;
  /** A sync failed: the log may lack what the system could not write. */
  let isDoubtful = false;
  let openings = 1;
  let closed = false;

  /** Lets go of the file; the next call opens it anew. */
  function drop(): void {
    statements.clear();
    database?.close();
    database = undefined;
    closeLog();
  }

  function closeLog(): void {
    log?.close();
    log = undefined;
  }

  /**
   * The log of writes (-wal) still has rows as they were before they were blanked. SQLite removes it with the last
   * connection; while another process has the file open, it is emptied here.
   */
  function emptyLog(): void {
    try {
      database?.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch {
      // Busy, or the disk is full: the file is whole all the same, and the next close does it.
    }
  }

  function current(): DatabaseSync {
    if (closed) throw new Unavailable('the database was closed');
    if (database === undefined) {
      // A file that has gone must not come back as an empty one.
      if (!existsSync(file)) throw new Unavailable(`${file} is not there`);
      database = openDatabase(file, DRIVER_WAIT_MS);
      openings += 1;
    }
    return database;
  }

  /** Has all that was committed written once more, into the file itself, and synced there by SQLite. */
  function settleDoubt(): void {
    const result = current().prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
    if (result?.busy !== 0) throw new Unavailable('the log of writes cannot be put into the file now');
    isDoubtful = false;
  }

  return {
    file,
    attempt,

    /** Throws `Unavailable` when the store was closed or the file cannot be had. */
    requireOpen(): void {
      current();
    },

    /** Makes sure that the open file is still there: what is written to a removed one is lost with this process. */
    confirm(): void {
      if (!existsSync(file)) drop();
      current();
    },

    statement(text: string): StatementSync {
      const open = current();
      const known = statements.get(text);
      if (known !== undefined) return known;
      if (statements.size >= STATEMENTS_MAX) statements.clear();
      const prepared = open.prepare(text);
      statements.set(text, prepared);
      return prepared;
    },

    /**
     * A number that stays for as long as no other connection has changed the file, as far as this one sees
     * (`PRAGMA data_version`).
     */
    version(): number {
      const { data_version: seen } = this.statement('PRAGMA data_version').get() as { data_version: number };
      return openings * 2 ** 32 + seen;
    },

    exec(text: string): void {
      current().exec(text);
    },

    /**
     * Runs a step inside one write transaction. Its commit is in the operating system's hands, which a death of
     * this process does not touch; `sync` makes sure that it is on disk.
     */
    transaction(step: () => void): void {
      const open = current();
      open.exec('BEGIN IMMEDIATE');
      try {
        step();
        open.exec('COMMIT');
      } catch (error) {
        // SQLite ends the transaction by itself after some failures.
        if (open.isTransaction) open.exec('ROLLBACK');
        throw error;
      }
    },

    /**
     * Waits until all that was committed is on disk, which is what `synchronous = FULL` does at each commit, but
     * without keeping the event loop waiting. A commit is in the log of writes (-wal), and in the file itself only
     * after the log was synced.
     */
    async sync(): Promise<void> {
      try {
        if (isDoubtful) return settleDoubt();
        log ??= syncedFile(openSync(`${file}-wal`, 'r+'));
        await log.sync();
      } catch (error) {
        isDoubtful = true;
        closeLog();
        throw new Unavailable('the disk does not take what was written', { cause: error });
      }
    },

    inTransaction: () => database?.isTransaction === true,

    close(): void {
      emptyLog();
      drop();
      closed = true;
    },
  };
}

/** Gives a function that runs one synchronous step, again and again while the file is busy. */
function createAttempt(lockTimeoutMs: number) {
  async function attemptAgain<T>(step: () => T, failed: unknown): Promise<T> {
    const until = performance.now() + lockTimeoutMs;
    for (let error = failed; ; ) {
      if (!isBusy(error) || performance.now() >= until) throw unavailableFrom(error);
      await sleep(PAUSE_MS);
      try {
        return step();
      } catch (again) {
        error = again;
      }
    }
  }

  return function attempt<T>(step: () => T): T | Promise<T> {
    try {
      return step();
    } catch (error) {
      return attemptAgain(step, error);
    }
  };
}

/** SQLite gives its -wal and -shm files the mode of the main one, so this one is made first, for its owner alone. */
function createPrivately(file: string): string {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const descriptor = openSync(file, 'a', 0o600);
    fchmodSync(descriptor, 0o600);
    closeSync(descriptor);
    return realpathSync(file);
  } catch (error) {
    throw new Unavailable(`${file} cannot be opened: ${(error as Error).message}`, { cause: error });
  }
}
