import { DatabaseSync } from 'node:sqlite';
import { teachDeadline } from './search/deadline.ts';

/** 4 MB of pages: beside the rows that cache.ts remembers, mostly the upper pages of indexes. */
const CACHE_KIB = 4_096;

/** Readers wait for nobody but a process that puts in order what another one left when it died. */
const READER_WAIT_MS = 2000;

/**
 * The WAL goes into the file when it has 32 MB: at SQLite's own 4 MB a busy server writes the same pages again and
 * again, and waits for the disk each time.
 */
const CHECKPOINT_PAGES = 8_000;

/** Opens a file as all of ours are used. Whoever finds it busy stops its thread for `waitMs` at most. */
export function openDatabase(file: string, waitMs: number): DatabaseSync {
  const opened = new DatabaseSync(file, { enableForeignKeyConstraints: false, timeout: waitMs });
  try {
    opened.exec('PRAGMA journal_mode = WAL');
    prepareReads(opened);
    // What must be on disk when it is acknowledged is synced by the connection's `sync`.
    opened.exec(`PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    // What was removed or blanked held links and hashes: it is overwritten, also in the pages of long values.
    opened.exec('PRAGMA secure_delete = ON');
  } catch (error) {
    opened.close();
    throw error;
  }
  return opened;
}

/** Opens a file that another connection of this process has open, for reads in another thread. */
export function openForReading(file: string): DatabaseSync {
  const opened = new DatabaseSync(file, { readOnly: true, timeout: READER_WAIT_MS });
  prepareReads(opened);
  return opened;
}

function prepareReads(database: DatabaseSync): void {
  // Sorting happens in memory, so that no rows are left in temporary files.
  database.exec(`PRAGMA cache_size = -${CACHE_KIB}; PRAGMA temp_store = MEMORY`);
  teachDeadline(database);
}
