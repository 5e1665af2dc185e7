import type { Collection } from '../../adapters/port.ts';
import type { Clock } from '../clock.ts';
import type { Artifact } from '../oauth/artifact.ts';
import type { Credential } from './credential.ts';

/** How exact "last used" is. Pages say so; a finer one would be a write for every call. */
export const USE_GRANULARITY_SECONDS = 60;
/** Uses wait this long to be written together, since one sync of the disk serves all of them. */
const FLUSH_AFTER_MS = 500;
/** Uses that wait while the store is away. Past this the newest are not noted: it is only "last used". */
const WAITING_MAX = 10_000;

type Seen = { at: number; write: () => Promise<unknown> };

export type Use = ReturnType<typeof createUse>;

/**
 * Notes when credentials and grants were last used: off the request path, at most once a minute for each and
 * forward only, over all processes (the guards see to that).
 */
export function createUse(parts: {
  credentials: Collection<Credential>;
  artifacts: Collection<Artifact>;
  clock: Clock;
}) {
  const { credentials, artifacts, clock } = parts;
  const waiting = new Map<string, Seen>();
  /** What this process wrote in the last minute, so that most uses cost no write and no read. */
  const noted = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;

  function note(key: string, writeAt: (at: number) => Promise<unknown>): void {
    const at = clock();
    const before = noted.get(key);
    if (before !== undefined && at - before < USE_GRANULARITY_SECONDS) return;
    if (waiting.size >= WAITING_MAX) return;
    noted.set(key, at);
    waiting.set(key, { at, write: () => writeAt(at) });
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
    for (const [key, at] of noted) if (clock() - at >= USE_GRANULARITY_SECONDS) noted.delete(key);
    const batch = [...waiting];
    waiting.clear();
    const results = await Promise.allSettled(batch.map(([, seen]) => seen.write()));
    const failed = results.find((result) => result.status === 'rejected');
    results.forEach((result, index) => {
      const [key, seen] = batch[index] ?? [];
      if (result.status === 'rejected' && key && seen && !waiting.has(key)) waiting.set(key, seen);
    });
    if (failed !== undefined) throw failed.reason;
  }

  return {
    /** This credential was used just now. `from` is the network address. */
    seen(credential: { id: string }, from?: string): void {
      note(credential.id, async (at) => {
        const change = { set: { lastUsedAt: at, lastUsedFrom: from } };
        const first = await credentials.update(credential.id, change, [['lastUsedAt', 'absent']]);
        if (first === undefined) {
          const due = at - USE_GRANULARITY_SECONDS;
          await credentials.update(credential.id, change, [['lastUsedAt', '<=', due]]);
        }
      });
    },

    /** A token of this grant was used just now: the app's "last used" on /apps. */
    seenGrant(grantId: string): void {
      note(grantId, async (at) => {
        const change = { set: { lastUsedAt: at } };
        const first = await artifacts.update(grantId, change, [['lastUsedAt', 'absent']]);
        if (first === undefined) {
          const due = at - USE_GRANULARITY_SECONDS;
          await artifacts.update(grantId, change, [['lastUsedAt', '<=', due]]);
        }
      });
    },

    flush,
  };
}
