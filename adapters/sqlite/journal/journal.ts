import { createChecks } from '../../checks.ts';
import { groupCommit } from '../../group-commit.ts';
import { rowToJson } from '../../json-text.ts';
import { type Collection, type Declaration, type Journal, Unavailable } from '../../port.ts';
import type { Connection } from '../connection.ts';
import { createJournalFiles } from './files.ts';
import { createSettling } from './settling.ts';
import { createJournalThread } from './thread.ts';

/**
 * The journal of a collection that gets a row with every call (the activity). A plain insert of that row costs
 * 11–20 µs a call more, and takes the API call below 0.5 of bare Koa: its place is beside other rows of its account.
 * So it is first appended, as a line, to a file beside the database (files.ts), by one write for all rows of a turn
 * of the event loop. What was written survives this process; with `disk` it is synced, and survives a power cut.
 * A second later it is settled (settling.ts): a thread (thread.ts, worker.ts) puts the rows of each ended file in
 * their place, where those whose id is there already are left alone, and the file goes. So settling may be cut short,
 * repeated and raced. A process that dies leaves its file behind, and any other that has the database open takes it
 * over: at opening, every half minute (then a file that cannot be settled is reported too), and before a read.
 * A reader sees what this process appended, because a read settles first. While a file cannot be settled, reads are
 * `Unavailable`: rather no activity than one with a gap that nobody sees.
 */
export type OpenJournal = ReturnType<typeof openJournal>;

export type JournalOptions = {
  lockTimeoutMs: number;
  /** Hears why files could not be settled in the background. */
  onFault: (error: unknown) => void;
  settleAfterMs: number;
  settleEveryMs: number;
};

/** Opens the journal in front of a table that is there. */
export function openJournal<R extends { id: string }>(
  declaration: Declaration<R>,
  connection: Connection,
  options: JournalOptions,
) {
  const { lockTimeoutMs, onFault, settleAfterMs, settleEveryMs } = options;
  const { requireOpen, openings, file: database } = connection;
  const key = declaration.indexes?.[0]?.[0] ?? 'id';
  const thread = createJournalThread({ database, table: declaration.name, key, lockTimeoutMs });
  const files = createJournalFiles(database);
  const { settle } = createSettling({ files, thread, requireOpen });
  let timer: NodeJS.Timeout | undefined;
  let opening = openings();

  /** The journal's own file may have gone together with the database. */
  function requirePlace(): void {
    requireOpen();
    if (openings() !== opening) files.rotate();
    opening = openings();
  }

  function write(lines: readonly string[]): void {
    // What fails is tried again, and reported, by the regular look.
    timer ??= setTimeout(() => {
      timer = undefined;
      settle().catch(() => undefined);
    }, settleAfterMs).unref();
    files.write(Buffer.from(`${lines.join('\n')}\n`));
  }

  const appending = (commit: (lines: readonly string[]) => void | Promise<void>) =>
    groupCommit<string>(async (lines) => {
      requirePlace();
      try {
        await commit(lines);
      } catch (error) {
        throw unwritable(error);
      }
    });

  const settleOrReport = () => settle().catch(onFault);
  const regular = setInterval(settleOrReport, settleEveryMs).unref();
  settleOrReport();

  return {
    settle,

    /** Throws `Unavailable` while nothing can be appended. */
    requireRoom(): void {
      requirePlace();
      try {
        files.requireRoom();
      } catch (error) {
        throw unwritable(error);
      }
    },

    append: {
      process: appending(write),
      disk: appending((lines) => {
        write(lines);
        return files.sync();
      }),
    },

    /** Settles what is left. What cannot be settled now waits for the next start. */
    async close(): Promise<void> {
      clearInterval(regular);
      clearTimeout(timer);
      await settleOrReport();
      await thread.end();
    },
  };
}

function unwritable(cause: unknown): Unavailable {
  return new Unavailable('the journal cannot be written now', { cause });
}

/** The port's words for appending rows of a declaration. */
export function journalOf<R extends { id: string }>(
  declaration: Declaration<R>,
  { append }: OpenJournal,
): Journal<R> {
  const checks = createChecks(declaration);
  return {
    async append(row, durability = 'process') {
      checks.checkRow(row);
      await append[durability](rowToJson(row));
    },
  };
}

/** A collection whose reads settle its journal first. */
export function settledFirst<R extends { id: string }>(
  collection: Collection<R>,
  { settle }: OpenJournal,
): Collection<R> {
  const { get, find, list, count } = collection;
  return {
    ...collection,
    get: (id) => settle().then(() => get(id)),
    find: (field, value) => settle().then(() => find(field, value)),
    list: (listing) => settle().then(() => list(listing)),
    count: (where, bounds) => settle().then(() => count(where, bounds)),
  };
}
