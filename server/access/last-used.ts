import type { Collection } from '../../adapters/port.ts';
import type { Credential } from '../credentials/credential.ts';
import type { Clock } from '../ground/clock.ts';
import { LAST_USED_SECONDS } from '../ground/limits.ts';
import type { Artifact } from './artifact.ts';

/** Uses wait this long to be written together, since one sync of the disk serves all of them. */
const FLUSH_AFTER_MS = 500;
/** Uses that wait while the store is away. Past this the newest are not noted: it is only "last used". */
const WAITING_MAX = 10_000;

type PendingWrite = { write: () => Promise<unknown>; running?: Promise<void> | undefined };

type Due = readonly ['lastUsedAt', 'absent'] | readonly ['lastUsedAt', '<=', number];

/** What shows its own use: `lastUsedAt` as the row had it when it was read. */
type Used = { id: string; lastUsedAt?: number | undefined };

export type LastUsed = ReturnType<typeof createLastUsed>;

/**
 * Notes when credentials and grants were last used: off the request path, at most once a minute for each and
 * forward only, over all processes (the guards see to that).
 */
export function createLastUsed(parts: {
  credentials: Collection<Credential>;
  artifacts: Collection<Artifact>;
  clock: Clock;
}) {
  const { credentials, artifacts, clock } = parts;
  /** The writes that wait or are being done, by the id of their row. */
  const waiting = new Map<string, PendingWrite>();
  let timer: NodeJS.Timeout | undefined;

  function note({ id, lastUsedAt }: Used, write: (at: number, due: Due) => Promise<unknown>): void {
    const at = clock();
    const before = at - LAST_USED_SECONDS;
    if (lastUsedAt !== undefined && lastUsedAt > before) return;
    if (waiting.has(id) || waiting.size >= WAITING_MAX) return;
    // Of two that saw it due, the later one finds that it is no longer so.
    const due: Due = lastUsedAt === undefined ? ['lastUsedAt', 'absent'] : ['lastUsedAt', '<=', before];
    waiting.set(id, { write: () => write(at, due) });
    startTimer();
  }

  function startTimer(): void {
    // A store that is away is asked again at the next turn; the process may stop meanwhile.
    timer ??= setTimeout(() => flush().catch(startTimer), FLUSH_AFTER_MS).unref();
  }

  /** Writes what waits. Throws `Unavailable` when the store is away; what was not written waits on. */
  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const writes = [...waiting].map(([id, entry]) => {
      entry.running ??= run(id, entry);
      return entry.running;
    });
    const failed = (await Promise.allSettled(writes)).find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async function run(id: string, entry: PendingWrite): Promise<void> {
    try {
      await entry.write();
      waiting.delete(id);
    } finally {
      entry.running = undefined;
    }
  }

  return {
    /** This credential was used just now. `from` is the network address. */
    noteCredential(credential: Used, from?: string): void {
      note(credential, (at, due) =>
        credentials.update(credential.id, { set: { lastUsedAt: at, lastUsedFrom: from } }, [due]),
      );
    },

    /** A token of this grant was used just now: the app's "last used" on /apps. */
    noteGrant(grant: Used): void {
      note(grant, (at, due) => artifacts.update(grant.id, { set: { lastUsedAt: at } }, [due]));
    },

    flush,
  };
}
