import { randomBytes } from 'node:crypto';
import type { Collection } from '../../adapters/port.ts';
import type { Clock } from '../clock.ts';
import type { Call } from './call.ts';

/** Whose call it is: account and credential, as far as an activity entry names them. */
export type Attribution = Pick<
  Call,
  'accountId' | 'clientId' | 'tokenId' | 'tokenKind' | 'tokenName' | 'privacyBypassed'
>;

/** What was called, and what came of it. */
export type Called = Pick<Call, 'method' | 'path' | 'status' | 'result' | 'from' | 'requestId'>;

export type Recorder = ReturnType<typeof createRecorder>;

/** Longer paths are nobody's route; enough of one is kept to recognise it. */
const PATH_LENGTH_MAX = 120;
/** What may be a token: ours with their prefix, and anything as long as the engine's. */
const SECRET_LIKE = /lk_(?:pat|cs)_\w*|[\w-]{43,}/g;

/**
 * Keeps the activity: one entry for each API call whose credential is known, refused ones too. A caller
 * gets its answer only when the entry is kept; concurrent entries share a write in the store, so the wait
 * is short.
 */
export function createRecorder(parts: { calls: Collection<Call>; clock: Clock }) {
  const { calls, clock } = parts;
  // Ids of one process ascend, so that the index grows at its end and calls of one second list in their
  // order.
  const process = randomBytes(9).toString('base64url');
  let count = 0;

  return {
    /** The entry of a call, not kept yet. */
    entry(whose: Attribution, called: Called): Call {
      const at = clock();
      count += 1;
      const place = `${at.toString(36).padStart(7, '0')}${count.toString(36).padStart(8, '0')}`;
      return { id: `call_${place}${process}`, at, ...whose, ...called, path: fitted(called.path) };
    },

    /**
     * Keeps an entry. Throws `Unavailable` if the store is away: then the caller gets 503 and not its
     * answer.
     */
    keep: (entry: Call): Promise<void> => calls.insert(entry),

    /** Keeps an entry that may have been kept before; it is there once all the same. */
    async keepAgain(entry: Call): Promise<void> {
      await calls.insertMany([entry]);
    },
  };
}

/** People put tokens into addresses by mistake; the activity is no place for them. */
function fitted(path: string): string {
  return path.replace(SECRET_LIKE, '(removed)').slice(0, PATH_LENGTH_MAX);
}
