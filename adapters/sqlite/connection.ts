import { closeSync, fchmodSync, mkdirSync, openSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { Unavailable } from '../port.ts';
import { openDatabase } from './database.ts';
import { isBusy, unavailableFrom } from './failures.ts';
import { createPlace, type Place } from './place.ts';
import { type SyncedFile, syncedFile } from './synced-file.ts';

/**
 * The open file: pragmas, prepared statements, and what to do while another process holds it. SQLite's own wait
 * would stop this process's event loop, so it is short, and longer waits are made of tries with pauses between.
 */
export type Connection = Awaited<ReturnType<typeof openConnection>>;

/** A busy file is mostly free again within a commit of the other process: a few milliseconds. */
const DRIVER_WAIT_MS = 20;
const PAUSE_MS = 10;

/**
 * Statements differ by collection and by the shape of conditions: some hundred in all. They are used again, because to
 * prepare one takes five times as long as to find a row with it.
 */
const STATEMENTS_MAX = 500;

/** Puts the log of writes into the file, and empties it. */
const CHECKPOINT = 'PRAGMA wal_checkpoint(TRUNCATE)';

export type ConnectionOptions = {
  /** How long a call waits for a file that another process is writing to. */
  lockTimeoutMs: number;
  /** How often to look whether the file is still where it was opened. */
  watchEveryMs: number;
  /** Hears that it is not. */
  onLost: (error: Unavailable) => void;
};

export async function openConnection(path: string, options: ConnectionOptions) {
  // The file itself, for SQLite puts what belongs to it beside the file and not beside a link to it.
  const file = createPrivately(resolve(path));
  const attempt = createAttempt(file, options.lockTimeoutMs);
  const handle = createHandle(file, createPlace(resolve(path), file));
  const log = createLogSync(file, handle);
  await attempt(handle.database);

  /** Lets go of the file; the next call opens it anew. */
  function drop(): void {
    handle.drop();
    log.close();
  }

  /** Whether the open file is where it was. What is written to a removed one is lost with this process. */
  function isInPlace(): boolean {
    if (!handle.isOpen()) return false;
    if (handle.isInPlace()) return true;
    drop();
    options.onLost(lost(file));
    return false;
  }

  const watch = setInterval(isInPlace, options.watchEveryMs).unref();

  return {
    file,
    attempt,
    statement: handle.statement,
    sync: log.sync,
    /** How often the file was opened: another number is another file, perhaps. */
    openings: handle.openings,

    /** Throws `Unavailable` when the store was closed or the file cannot be had. */
    requireOpen: handle.requireOpen,

    /** Makes sure that the open file is still there, or opens what is there now. */
    confirm(): void {
      isInPlace();
      handle.requireOpen();
    },

    /** Throws `Unavailable` where the file of this opening is no longer in its place: what it was given is lost. */
    requireKept(opening: number): void {
      if (handle.openings() !== opening || !isInPlace()) throw lost(file);
    },

    /**
     * A number that stays for as long as no other connection has changed the file, as far as this one sees
     * (`PRAGMA data_version`).
     */
    version(): number {
      const seen = handle.statement('PRAGMA data_version').get() as { data_version: number };
      return handle.openings() * 2 ** 32 + seen.data_version;
    },

    exec(text: string): void {
      handle.database().exec(text);
    },

    /**
     * Runs a step inside one write transaction. Its commit is in the operating system's hands, which a death of
     * this process does not touch; `sync` makes sure that it is on disk.
     */
    transaction(step: () => void): void {
      const open = handle.database();
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

    inTransaction: (): boolean => handle.database().isTransaction,

    close(): void {
      clearInterval(watch);
      handle.emptyLog();
      drop();
      handle.end();
    },
  };
}

function lost(file: string): Unavailable {
  return new Unavailable(`${file} was removed or replaced`);
}

type Handle = ReturnType<typeof createHandle>;

/** The driver's object for a file and its prepared statements. */
function createHandle(file: string, place: Place) {
  const statements = new Map<string, StatementSync>();
  let open: DatabaseSync | undefined;
  let openings = 0;
  let isOver = false;

  function database(): DatabaseSync {
    if (isOver) throw new Unavailable('the database was closed');
    if (open === undefined) {
      // One that has gone must not come back as an empty one.
      place.requireThere(openings > 0);
      open = openDatabase(file, DRIVER_WAIT_MS);
      place.note();
      openings += 1;
    }
    return open;
  }

  return {
    /** Opens the file where it is not open. */
    database,

    requireOpen(): void {
      try {
        database();
      } catch (error) {
        throw unavailableFrom(error, file);
      }
    },

    /** How often the file was opened. */
    openings: (): number => openings,
    isOpen: (): boolean => open !== undefined,
    isInPlace: place.isSame,

    statement(text: string): StatementSync {
      const current = database();
      const known = statements.get(text);
      if (known !== undefined) return known;
      if (statements.size >= STATEMENTS_MAX) statements.clear();
      const prepared = current.prepare(text);
      statements.set(text, prepared);
      return prepared;
    },

    /**
     * The log of writes (-wal) still has rows as they were before they were blanked. SQLite removes it with the last
     * connection; while another process has the file open, it is emptied here.
     */
    emptyLog(): void {
      try {
        open?.exec(CHECKPOINT);
      } catch {
        // Busy, or the disk is full: the file is whole all the same, and the next close does it.
      }
    },

    drop(): void {
      statements.clear();
      open?.close();
      open = undefined;
    },

    end(): void {
      isOver = true;
    },
  };
}

/** The log of writes (-wal), opened once more to have it synced. */
function createLogSync(file: string, { database }: Pick<Handle, 'database'>) {
  let log: SyncedFile | undefined;
  /** After a sync that failed: the log may lack what the system could not write. */
  let needsCheckpoint = false;

  function close(): void {
    log?.close();
    log = undefined;
  }

  /** Has all that was committed written once more, into the file itself, and synced there by SQLite. */
  function checkpoint(): void {
    const result = database().prepare(CHECKPOINT).get();
    if (result?.busy !== 0) throw new Unavailable('the log of writes cannot be put into the file now');
    needsCheckpoint = false;
  }

  return {
    close,

    /**
     * Waits until all that was committed is on disk, which is what `synchronous = FULL` does at each commit, but
     * without keeping the event loop waiting. A commit is in the log of writes, and in the file itself only after the
     * log was synced.
     */
    async sync(): Promise<void> {
      try {
        if (needsCheckpoint) return checkpoint();
        log ??= syncedFile(openSync(`${file}-wal`, 'r+'));
        await log.sync();
      } catch (error) {
        needsCheckpoint = true;
        close();
        throw new Unavailable('the disk does not take what was written', { cause: error });
      }
    },
  };
}

/**
 * Gives a function that runs one synchronous step, again and again while the file is busy, until so long after `since`
 * (of `performance.now`).
 */
function createAttempt(file: string, lockTimeoutMs: number) {
  async function attemptAgain<T>(step: () => T, failed: unknown, since: number): Promise<T> {
    const until = since + lockTimeoutMs;
    for (let error = failed; ; ) {
      if (!isBusy(error) || performance.now() >= until) throw unavailableFrom(error, file);
      await sleep(PAUSE_MS);
      try {
        return step();
      } catch (again) {
        error = again;
      }
    }
  }

  return function attempt<T>(step: () => T, since?: number): T | Promise<T> {
    try {
      return step();
    } catch (error) {
      return attemptAgain(step, error, since ?? performance.now());
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
